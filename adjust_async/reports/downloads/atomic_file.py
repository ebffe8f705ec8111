"""A file that is complete or absent: written under another name beside its place, and moved there at the end."""

import os
import secrets
from collections.abc import AsyncIterable, Callable
from inspect import iscoroutinefunction
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio

from adjust_async._checks import shown
from adjust_async.errors import ConfigurationError

__all__ = ["OnProgress", "UnfinishedFile", "check_on_progress", "target"]

#: Called with the bytes that have arrived and with their total, which is `None` where the service does not say it.
OnProgress = Callable[[int, int | None], object]

#: Bytes that are collected before a thread writes them.
BUFFER = 512 * 1024

#: Bytes of the longest file name, where the system does not say.
LONGEST_NAME = 255


def target(path: object) -> Path:
    """Return the place of a file; for a link, its target.

    Raises:
        ConfigurationError: It is no path, its folder does not exist, or something other than a file is there.
    """
    given = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(given, str) or not given:
        raise ConfigurationError(f"path is {shown(given)}: give the path of a file, as text or a pathlib.Path")
    try:
        place = Path(os.path.realpath(given))
        if place.exists() and not place.is_file():
            what = "a folder: give the path of a file in it" if place.is_dir() else "no file that could be replaced"
            raise ConfigurationError(f"path is {shown(given)}, which is {what}")
        if not place.parent.is_dir():
            raise ConfigurationError(f"path is {shown(given)}, and there is no folder {shown(str(place.parent))}")
        longest = os.pathconf(place.parent, "PC_NAME_MAX") if hasattr(os, "pathconf") else LONGEST_NAME
        too_long = len(os.fsencode(place.name)) > longest
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f"path is {shown(given)}, which can't be one: {error}") from None
    if too_long:
        raise ConfigurationError(f"path is {shown(given)}, whose name is longer than {longest} bytes")
    return place


def check_on_progress(hook: OnProgress | None) -> OnProgress | None:
    """Return a function to call, or `None`.

    Raises:
        ConfigurationError: It is something else, such as a coroutine function.
    """
    given: object = hook
    if given is not None and (not callable(given) or iscoroutinefunction(given)):
        raise ConfigurationError(f"on_progress is {shown(given)}: give a plain function of the bytes and their number")
    return hook


class UnfinishedFile:
    """The file under another name. It is removed unless `publish` moves it to its place."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.path = place.with_name(f".{secrets.token_hex(8)}.part")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Not in a thread: after a cancellation nothing may wait for one.
        self.path.unlink(missing_ok=True)

    async def write(self, pieces: AsyncIterable[bytes], length: int | None, on_progress: OnProgress | None) -> None:
        """Write all pieces in place of what an earlier attempt wrote."""
        arrived, gathered, waiting = 0, 0, []
        # Opened in the event loop: a cancellation could not take back what a thread is about to open.
        with self.path.open("wb") as file:
            async for piece in pieces:
                arrived += len(piece)
                gathered += len(piece)
                waiting.append(piece)
                if gathered >= BUFFER:
                    await anyio.to_thread.run_sync(file.write, b"".join(waiting))
                    gathered = 0
                    waiting.clear()
                if on_progress is not None:
                    on_progress(arrived, length)
            await anyio.to_thread.run_sync(file.write, b"".join(waiting))

    def put(self, body: bytes) -> None:
        """Write a short body in place of what an earlier attempt wrote."""
        self.path.write_bytes(body)

    async def publish(self) -> int:
        """Move the file to its place, over an older file, and return its size in bytes."""
        return await anyio.to_thread.run_sync(self._publish)

    def _publish(self) -> int:
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        size = self.path.stat().st_size
        self.path.replace(self._place)
        return size
