"""Atomic downloads: data goes to a temporary file in the same folder, which replaces the target at the end."""

import os
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import anyio

from adjust_async.errors import AdjustError
from adjust_async.progress import OnProgress
from adjust_async.reports.downloads.leftovers import create_unfinished, sweep

__all__ = ["UnfinishedFile"]

#: The number of bytes that are collected before a thread writes them.
BUFFER = 512 * 1024


class UnfinishedFile:
    """A temporary file. It is removed unless `publish` moves it to its place."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._file: BinaryIO | None = None
        self._path: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Not in a thread: after a cancellation, nothing may wait for one.
        if self._file is not None:
            with suppress(OSError):  # for example a full disk; the data is not needed any more
                self._file.close()
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    async def open(self) -> BinaryIO:
        """Return the file, open for writing and emptied.

        Raises:
            AdjustError: It can't be created or written.
        """
        with self.errors():
            if self._file is None:
                await anyio.to_thread.run_sync(sweep, self._place.parent)
                # In the event loop, because a cancellation could not undo what a thread is about to create.
                self._file, self._path = create_unfinished(self._place)
            self._file.seek(0)
            self._file.truncate()
            return self._file

    async def write(self, pieces: AsyncIterable[bytes], length: int | None, on_progress: OnProgress | None) -> None:
        """Write all pieces, replacing what an earlier attempt wrote.

        Raises:
            AdjustError: They can't be written.
        """
        file = await self.open()
        arrived, gathered, waiting = 0, 0, []
        async for piece in pieces:
            arrived += len(piece)
            gathered += len(piece)
            waiting.append(piece)
            if gathered >= BUFFER:
                await self._put(file, b"".join(waiting))
                gathered = 0
                waiting.clear()
            if on_progress is not None:
                on_progress(arrived, length, self._place.name)
        await self._put(file, b"".join(waiting))
        await self._flush(file)

    async def put(self, body: bytes) -> None:
        """Write a short body, replacing what an earlier attempt wrote.

        Raises:
            AdjustError: It can't be written.
        """
        file = await self.open()
        await self._put(file, body)
        await self._flush(file)

    @property
    def path(self) -> Path:
        """The path of the temporary file, for reading."""
        assert self._path is not None  # noqa: S101 - for the type checker
        return self._path

    async def publish(self) -> int:
        """Move the file to its place, replacing an existing file, and return its size in bytes.

        Raises:
            AdjustError: It can't be moved, for example because another program holds the existing file open.
        """
        return await anyio.to_thread.run_sync(self._publish)

    async def _put(self, file: BinaryIO, data: bytes) -> None:
        with self.errors():
            await anyio.to_thread.run_sync(file.write, data)

    async def _flush(self, file: BinaryIO) -> None:
        with self.errors():
            await anyio.to_thread.run_sync(file.flush)

    def _publish(self) -> int:
        file, path = self._file, self._path
        if file is None or path is None:
            raise AssertionError("nothing was written")
        with self.errors():
            file.flush()
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
            if os.name == "nt":
                file.close()  # an open file can't be moved on Windows; elsewhere it stays locked until it is moved
            path.replace(self._place)
            file.close()
        return size

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn an `OSError` into an `AdjustError` that names the path."""
        try:
            yield
        except OSError as error:
            failure = error
        else:
            return
        reason = failure.strerror or str(failure)
        old = ": the existing file is unchanged" if self._place.exists() else ""
        raise AdjustError(f"the report can't be written to {str(self._place)!r}: {reason}{old}") from failure
