"""Bodies for tests of atomic files, and a call that saves one."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

from adjust_async.reports.downloads.atomic_file import UnfinishedFile


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    """Yield pieces of a body."""
    for piece in given:
        yield piece


async def broken(*given: bytes) -> AsyncIterator[bytes]:
    """Yield pieces of a body that is cut."""
    for piece in given:
        yield piece
    raise ConnectionError("it was cut off")


def parts(folder: Path) -> list[str]:
    """Return the names of everything else in the folder."""
    return sorted(path.name for path in folder.iterdir() if path.name != "report.csv")


async def save(place: Path, body: AsyncIterator[bytes], on_progress: Callable[..., object] | None = None) -> int:
    """Save a body."""
    with UnfinishedFile(place) as file:
        await file.write(body, None, on_progress)
        return await file.publish()
