"""Coordination of processes on several machines through Redis."""

import re
from collections.abc import Sequence
from typing import Literal, get_args
from urllib.parse import urlsplit

from adjust_async._checks import check_whole_number, shown
from adjust_async.coordination.protocol import Host, Member
from adjust_async.coordination.shared.leases import check_lease
from adjust_async.errors import ConfigurationError

__all__ = ["OnOutage", "RedisCoordinator"]

OnOutage = Literal["raise", "local"]
"""What to do while Redis is not reachable: fail, or continue with an equal share of the limits."""

SCHEMES = ("redis", "rediss", "unix")


class RedisCoordinator:
    """Shares one account's limits among processes of several machines, through Redis 6 or later, or Valkey.

    Leases use the server's clock. Journals are as durable as the server's data: with `appendonly yes` they survive a
    restart.

    Args:
        url: The URL, such as `redis://user:password@redis.internal:6379/0`; `rediss://` for TLS. The password never
            appears in messages or logs.
        on_outage: What happens while Redis can't be reached. `"raise"`: requests fail with `CoordinationError`, and are
            retried like other failures. `"local"`: the client continues with its own share of the limits, and logs a
            warning. Locks and journals raise in both cases.
        expected_processes: The number of processes among which the limits are split while Redis can't be reached.
        lease: Seconds after which permits and locks of a process that died or hangs are free for others, from 1 to 600.

    Raises:
        ConfigurationError: An argument is wrong, or the extra `redis` is not installed.
    """

    def __init__(
        self, url: str, *, on_outage: OnOutage = "raise", expected_processes: int = 1, lease: float = 10.0
    ) -> None:
        self._url, self._place = _check_url(url)
        self._on_outage = _check_on_outage(on_outage)
        self._processes = check_whole_number(expected_processes, "expected_processes")
        self._lease = check_lease(lease)
        _check_options(self._url)

    def join(self, hosts: Sequence[Host]) -> Member:
        """Return a member for a client of these hosts. Nothing connects before the first use."""
        from adjust_async.coordination.redis_store import RedisStore
        from adjust_async.coordination.shared.member import SharedMember

        store = RedisStore(self._url, self._place, self._lease)
        processes = self._processes if self._on_outage == "local" else None
        return SharedMember(hosts, store, lease=self._lease, processes=processes)

    def __repr__(self) -> str:
        return f"RedisCoordinator({self._place!r}, on_outage={self._on_outage!r}, lease={self._lease:g})"


def _check_on_outage(value: object) -> str:
    if isinstance(value, str) and value in get_args(OnOutage):
        return value
    raise ConfigurationError(f"on_outage is {shown(value)}: pass 'raise' or 'local'")


def _check_url(url: object) -> tuple[str, str]:
    """Return the URL, and the part of it that may be shown."""
    example = "such as 'redis://localhost:6379/0'"
    if not isinstance(url, str):
        raise ConfigurationError(f"url is a value of type {type(url).__name__}: pass it as text, {example}")
    if not url.isprintable() or " " in url:
        raise ConfigurationError(f"url has a space or a control character: pass one {example}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"url can't be read: pass one {example}; percent-encode the password") from None
    if parts.scheme not in SCHEMES:
        raise ConfigurationError(f"url begins with {shown(parts.scheme)}: pass redis://, rediss:// or unix://")
    if parts.scheme == "unix":
        if not parts.path:
            raise ConfigurationError("url names no socket: pass its path, as in 'unix:///run/redis.sock'")
        return url, parts.path
    if not parts.hostname:
        raise ConfigurationError(f"url names no host: pass one {example}")
    if not re.fullmatch(r"(?:/[0-9]*)?", parts.path):  # redis-py would use the database 0
        raise ConfigurationError(
            f"url has the path {shown(parts.path)}: pass the number of a database there, {example}"
        )
    return url, f"{parts.hostname}:{port or 6379}"


def _check_options(url: str) -> None:
    try:
        from redis import RedisError
        from redis.asyncio import ConnectionPool
    except ImportError:
        raise ConfigurationError(
            "RedisCoordinator needs the package redis: pip install 'adjust_async[redis]'"
        ) from None
    try:
        ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call] # connects at its first use
    except (ValueError, TypeError, RedisError) as error:
        raise ConfigurationError(f"url has an option that can't be used: {error}") from None
