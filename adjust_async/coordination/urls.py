"""Coordinators by URL, as in `ADJUST_COORDINATOR`."""

import inspect
import os
from typing import cast
from urllib.parse import unquote, urlsplit

from adjust_async._checks import shown
from adjust_async.coordination.file import FileCoordinator
from adjust_async.coordination.in_process import InProcessCoordinator
from adjust_async.coordination.protocol import Coordinator
from adjust_async.coordination.redis import SCHEMES, RedisCoordinator
from adjust_async.errors import ConfigurationError

__all__ = ["coordinator_at", "find_coordinator"]


def find_coordinator(given: object) -> Coordinator:
    """Return the coordinator that was passed, that of `ADJUST_COORDINATOR`, or one that shares nothing.

    Raises:
        ConfigurationError: The value is not a coordinator, or its URL can't be used.
    """
    if given is None and (url := os.environ.get("ADJUST_COORDINATOR")):
        return coordinator_at(url, "ADJUST_COORDINATOR")
    if given is None:
        return InProcessCoordinator()
    if isinstance(given, str):
        return coordinator_at(given)
    if isinstance(given, type) or not _takes_hosts(getattr(given, "join", None)):
        raise ConfigurationError(
            f"coordinator is {shown(given)}: pass a FileCoordinator, a RedisCoordinator, or the URL of one"
        )
    return cast("Coordinator", given)


def _takes_hosts(join: object) -> bool:
    """Return whether a `join` is a coordinator's, and not one of bytes, threads, queues or data frames."""
    if inspect.iscoroutinefunction(join):
        return False
    try:
        parameters = list(inspect.signature(join).parameters.values()) if callable(join) else []
    except ValueError:
        return False
    match parameters:
        case [inspect.Parameter(name="hosts"), *_] | [inspect.Parameter(kind=inspect.Parameter.VAR_POSITIONAL), *_]:
            return True
        case [one]:
            return one.kind is one.POSITIONAL_OR_KEYWORD and one.default is one.empty
        case _:
            return False


def coordinator_at(url: str, argument: str = "coordinator") -> Coordinator:
    """Return the coordinator at a URL: `file:///run/adjust.db`, or `redis://localhost:6379/0`.

    Args:
        url: The URL.
        argument: The name of the argument in messages.

    Raises:
        ConfigurationError: The URL is not one of these. The message leaves it out, as it may hold a password.
    """
    __tracebackhide__ = True
    given: object = url
    scheme, separator, rest = given.partition("://") if isinstance(given, str) else ("", "", "")
    if not separator or scheme not in (*SCHEMES, "file"):
        raise ConfigurationError(
            f"{argument} is not a coordinator's URL: pass 'file:///run/adjust.db' for processes of one machine, or "
            "'redis://localhost:6379/0' for several machines"
        )
    try:
        return FileCoordinator(_path_of(url, rest)) if scheme == "file" else RedisCoordinator(url)
    except ConfigurationError as error:
        problem = error.message
    raise ConfigurationError(f"{argument}: {problem}")


def _path_of(url: str, rest: str) -> str:
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash or not path or urlsplit(url).query or urlsplit(url).fragment:
        raise ConfigurationError(
            "this is not a file's URL: pass the absolute path after three slashes, as in 'file:///run/adjust.db'"
        )
    # A Windows drive, as in file:///C:/adjust.db, has no slash before it.
    decoded = unquote(path)
    return decoded if decoded[1:2] == ":" else f"/{decoded}"
