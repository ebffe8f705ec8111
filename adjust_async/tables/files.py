"""Write tables to files completely or not at all: to a temporary file, which is moved to its place at the end."""

import csv
import io
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from adjust_async._checks import shown
from adjust_async._json import dumps
from adjust_async.errors import ConfigurationError

__all__ = ["whole_file", "write_csv"]

#: Bytes per write to the disk. A thread that lets go of the interpreter more often than every 5 ms, for a moment each
#: time, keeps other threads from ever asking for it: with Python's 8 KB, the event loop stood still for 200 ms while a
#: thread wrote a CSV file of 200,000 rows (2026-11-26).
BUFFER = 1024 * 1024


@contextmanager
def whole_file(path: object) -> Iterator[BinaryIO]:
    """Open a file for writing in binary. An existing file stays until the new one is complete, and its mode is kept.

    If `path` is a symbolic link, its target is replaced.

    Raises:
        ConfigurationError: `path` is not a path, its folder does not exist, or something other than a file is there.
        OSError: The file can't be written.
    """
    place = _place(path)
    unfinished = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with unfinished.open("xb", buffering=BUFFER) as file:
            if place.exists():
                shutil.copymode(place, unfinished)  # first, so that nobody else can read a private file meanwhile
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)


def _place(path: object) -> Path:
    given = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(given, str) or not given:
        raise ConfigurationError(f"path is {shown(given)}: pass the path of a file, as text or a pathlib.Path")
    try:
        place = Path(os.path.realpath(given))
        taken, has_folder = place.exists() and not place.is_file(), place.parent.is_dir()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"path is {shown(given)}, which is not a valid path: {error}") from None
    if taken:
        raise ConfigurationError(f"path is {shown(given)}, which is not a file that can be replaced: pass another path")
    if not has_folder:
        raise ConfigurationError(f"path is {shown(given)}, and there is no folder {shown(str(place.parent))}")
    return place


def write_csv(file: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a header and rows in UTF-8. A cell without a value is blank."""
    text = io.TextIOWrapper(file, "utf-8", errors="replace", newline="", write_through=True)
    try:
        # The csv module quotes a carriage return only if lines end with one.
        lines = csv.writer(text, lineterminator="\r\n")
        lines.writerow(columns)
        lines.writerows(map(_text, row) for row in rows)
    finally:
        text.detach()


def _text(cell: Any) -> Any:
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return dumps(cell).decode() if isinstance(cell, (list, dict)) else cell
