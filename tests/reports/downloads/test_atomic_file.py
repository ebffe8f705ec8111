"""A file that is complete or absent, whatever happens while it is written."""

import asyncio
import errno
import os
import pickle
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest

from adjust_async.errors import AdjustError, ConfigurationError
from adjust_async.reports.downloads.atomic_file import BUFFER, UnfinishedFile
from adjust_async.tables.files import file_place
from tests.reports.downloads.bodies import broken, parts, pieces, save

pytestmark = pytest.mark.anyio


# Writing.


@pytest.mark.parametrize(
    "given",
    [[], [b""], [b"a"], [b"a", b"", b"b"], [b"x" * BUFFER], [b"x" * (BUFFER + 1), b"y"], [b"ab" * 1000] * 700,
     [b"x" * (BUFFER - 1), b"y", b"z"]],
)  # fmt: skip
async def test_a_file_has_all_bytes(tmp_path: Path, given: list[bytes]) -> None:
    """Every byte is in the file, in order, however it was cut, and there is nothing else. The size is returned."""
    place = tmp_path / "report.csv"
    size = await save(place, pieces(*given))
    assert place.read_bytes() == b"".join(given)
    assert size == sum(map(len, given))
    assert parts(tmp_path) == []


async def test_the_old_file_stays_until_the_end(tmp_path: Path) -> None:
    """While the new one is written, and until it is published, the file is unchanged."""
    place = tmp_path / "report.csv"
    place.write_bytes(b"old")

    async def watched() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * BUFFER
            assert place.read_bytes() == b"old"
            assert len(parts(tmp_path)) == 1

    with UnfinishedFile(place) as file:
        await file.write(watched(), None, None)
        assert place.read_bytes() == b"old"
        assert file.path.parent == tmp_path
        assert await file.publish() == 3 * BUFFER
    assert place.stat().st_size == 3 * BUFFER
    assert parts(tmp_path) == []


async def test_a_file_that_is_not_published_is_removed(tmp_path: Path) -> None:
    """Leaving is enough, whether something was written or nothing."""
    place = tmp_path / "report.csv"
    with UnfinishedFile(place):
        pass
    with UnfinishedFile(place) as file:
        await file.write(pieces(b"x"), None, None)
    assert parts(tmp_path) == []
    assert not place.is_file()


async def test_a_second_attempt_writes_over_the_first(tmp_path: Path) -> None:
    """The rest of an earlier, longer attempt is removed."""
    place = tmp_path / "report.csv"
    with UnfinishedFile(place) as file:
        with pytest.raises(ConnectionError):
            await file.write(broken(b"a long first attempt", b"x" * BUFFER), None, None)
        await file.write(pieces(b"short"), None, None)
        assert await file.publish() == 5
    assert place.read_bytes() == b"short"
    assert parts(tmp_path) == []


@pytest.mark.parametrize("old", [b"old", None])
async def test_a_failure_leaves_the_old_file(tmp_path: Path, old: bytes | None) -> None:
    """A cut body keeps the old file, if any, and leaves no part."""
    place = tmp_path / "report.csv"
    if old is not None:
        place.write_bytes(old)
    with pytest.raises(ConnectionError, match="it was cut off"):
        await save(place, broken(b"x" * BUFFER, b"y"))
    assert (place.read_bytes() if place.exists() else None) == old
    assert parts(tmp_path) == []


@pytest.mark.parametrize("given", [[], [b"x"], [b"x" * BUFFER, b"y"]])
@pytest.mark.parametrize("how", ["task", "scope"])
async def test_a_cancellation_leaves_the_old_file(tmp_path: Path, given: list[bytes], how: str) -> None:
    """A task that is cancelled, or a scope that ends, leaves the old file and no part."""
    place = tmp_path / "report.csv"
    place.write_bytes(b"old")
    begun = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        for piece in given:
            yield piece
        begun.set()
        await asyncio.Event().wait()

    if how == "task":
        task = asyncio.create_task(save(place, body()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(save, place, body())
                await begun.wait()
                scope.cancel()
    assert place.read_bytes() == b"old"
    assert parts(tmp_path) == []


async def test_a_cancellation_while_it_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder has either the complete old file or the complete new one, even if a thread was writing."""
    place = tmp_path / "report.csv"
    place.write_bytes(b"old")
    syncing, sync = asyncio.Event(), os.fsync
    loop = asyncio.get_running_loop()

    def slow(descriptor: int) -> None:
        loop.call_soon_threadsafe(syncing.set)
        time.sleep(0.1)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    task = asyncio.create_task(save(place, pieces(b"new")))
    await syncing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.2)  # for the thread to end
    assert place.read_bytes() in {b"old", b"new"}
    assert parts(tmp_path) == []


async def test_a_failed_publication_leaves_no_part(tmp_path: Path) -> None:
    """If a folder with its name was created meanwhile, the error names the path."""
    place = tmp_path / "report.csv"
    with pytest.raises(AdjustError, match=r"report\.csv"), UnfinishedFile(place) as file:
        await file.write(pieces(b"x"), None, None)
        place.mkdir()
        await file.publish()
    assert place.is_dir()
    assert parts(tmp_path) == []


async def test_a_folder_that_went_away(tmp_path: Path) -> None:
    """It is not an argument error by then, and the error names the path."""
    folder = tmp_path / "folder"
    folder.mkdir()
    place = file_place(folder / "report.csv")
    folder.rmdir()
    with pytest.raises(AdjustError, match=r"report\.csv") as caught:
        await save(place, pieces(b"x"))
    assert not isinstance(caught.value, ConfigurationError)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


# What the system refuses.


def failing(error: int) -> Callable[..., Any]:
    """Return a function of the system's that fails."""

    def fail(*_: object, **__: object) -> Any:
        raise OSError(error, os.strerror(error))

    return fail


@pytest.mark.parametrize("old", [b"old", None])
@pytest.mark.parametrize(
    ("function", "error"),
    [
        ("fsync", errno.ENOSPC),
        ("fsync", errno.EIO),
        ("replace", errno.EACCES),
        ("open", errno.EROFS),
        ("open", errno.EDQUOT),
    ],
)
async def test_errors_of_the_system_name_the_path(
    function: str, error: int, old: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, a target that another program holds, or a folder without permission: only the old file stays."""
    place = tmp_path / "report.csv"
    if old is not None:
        place.write_bytes(old)
    monkeypatch.setattr(os, function, failing(error))
    with pytest.raises(AdjustError) as caught:
        await save(place, pieces(b"x" * BUFFER, b"y"))
    monkeypatch.undo()
    assert str(place) in str(caught.value)
    assert os.strerror(error) in str(caught.value)
    assert ("the existing file is unchanged" in str(caught.value)) is (old is not None)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert (place.read_bytes() if place.exists() else None) == old
    assert parts(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits for files")
@pytest.mark.parametrize("size", [1, 2 * BUFFER])
async def test_a_disk_that_fills_up(size: int, tmp_path: Path) -> None:
    """Whether it is noticed at once or at the end, only the old file stays, and the error names the path."""
    resource = pytest.importorskip("resource")
    place = tmp_path / "report.csv"
    place.write_bytes(b"old")
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limits[1]))
    try:
        with pytest.raises(AdjustError, match=r"report\.csv"):
            await save(place, pieces(*[b"x" * (size // 2)] * 2, b"y"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert place.read_bytes() == b"old"
    assert parts(tmp_path) == []


async def test_a_file_is_synced_before_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows refuses to sync a handle for reading: it is the one that wrote, and it still can write."""
    modes = []

    def fsync(descriptor: int) -> None:
        os.write(descriptor, b"")  # fails where the handle is for reading
        modes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    await save(tmp_path / "report.csv", pieces(b"abc"))
    assert modes == [3]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o660, None])
async def test_a_file_keeps_its_mode(mode: int | None, tmp_path: Path) -> None:
    """A replaced file has the mode of the old one, also while it is unfinished; a new one that of the process."""
    place = tmp_path / "report.csv"
    if mode is not None:
        place.write_bytes(b"old")
        place.chmod(mode)
    else:
        (tmp_path / "other").touch()
        mode = stat.S_IMODE((tmp_path / "other").stat().st_mode)
        (tmp_path / "other").unlink()
    with UnfinishedFile(place) as file:
        await file.write(pieces(b"new"), None, None)
        assert stat.S_IMODE(file.path.stat().st_mode) == mode
        await file.publish()
    assert stat.S_IMODE(place.stat().st_mode) == mode


# Progress.


@pytest.mark.parametrize("length", [6, None, 100])
async def test_progress_reports_received_bytes(tmp_path: Path, length: int | None) -> None:
    """It is called for each piece, with the bytes until then and the length that the service sent."""
    calls: list[Any] = []
    with UnfinishedFile(tmp_path / "report.csv") as file:
        await file.write(pieces(b"abc", b"d", b"ef"), length, lambda *call: calls.append(call))
    assert calls == [(3, length, "report.csv"), (4, length, "report.csv"), (6, length, "report.csv")]


async def test_progress_starts_again_with_each_attempt(tmp_path: Path) -> None:
    """A second attempt counts from nothing."""
    calls: list[int] = []

    def on_progress(arrived: int, _: int | None, __: str) -> None:
        calls.append(arrived)

    with UnfinishedFile(tmp_path / "report.csv") as file:
        with pytest.raises(ConnectionError):
            await file.write(broken(b"abc", b"d"), None, on_progress)
        await file.write(pieces(b"ab", b"cd"), None, on_progress)
    assert calls == [3, 4, 2, 4]


async def test_an_exception_of_progress_ends_the_writing(tmp_path: Path) -> None:
    """The caller's own error is raised, the old file stays, and no part."""
    place = tmp_path / "report.csv"
    place.write_bytes(b"old")

    def mistaken(arrived: int, _: int | None, __: str) -> None:
        if arrived > BUFFER:
            raise LookupError("the caller's own")

    with pytest.raises(LookupError, match="the caller's own"):
        await save(place, pieces(b"x" * BUFFER, b"y"), mistaken)
    assert place.read_bytes() == b"old"
    assert parts(tmp_path) == []


def _sizes(calls: Iterable[tuple[int, int | None]]) -> list[int]:
    return [arrived for arrived, _ in calls]


async def test_progress_grows_up_to_the_size(tmp_path: Path) -> None:
    """The numbers only grow, and the last one is the size of the file."""
    calls: list[tuple[int, int | None]] = []
    given = [b"x" * (number * 7919 % 5000) for number in range(1, 200)]
    size = await save(tmp_path / "report.csv", pieces(*given), lambda *call: calls.append(call[:2]))
    assert _sizes(calls) == sorted(_sizes(calls))
    assert _sizes(calls)[-1] == size == sum(map(len, given))
