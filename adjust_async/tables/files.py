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

__all__ = ["file_place", "whole_file", "write_csv"]

#: Bytes per write to the disk. A thread that lets go of the interpreter more often than every 5 ms, for a moment each
#: time, keeps other threads from ever asking for it: with Python's 8 KB, the event loop stood still for 200 ms while a
#: thread wrote a CSV file of 200,000 rows (2026-11-26).
BUFFER = 1024 * 1024


#: The maximum length of a file name in bytes, if the system does not say.
LONGEST_NAME = 255


def file_place(path: object) -> Path:
    """Return the path of a file to write, with symbolic links resolved.

    Raises:
        ConfigurationError: It is not a path, its folder does not exist or can't be written to, or something other than
            a file is there.
    """
    given = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(given, str) or not given:
        raise ConfigurationError(f"path is {shown(given)}: pass the path of a file, as text or a pathlib.Path")
    try:
        place = Path(os.path.realpath(given))
        if place.exists() and not place.is_file():
            what = "a folder: pass the path of a file in it" if place.is_dir() else "not a file that could be replaced"
            raise ConfigurationError(f"path is {shown(given)}, which is {what}")
        if not place.parent.is_dir():
            raise ConfigurationError(f"path is {shown(given)}, but there is no folder {shown(str(place.parent))}")
        if not os.access(place.parent, os.W_OK | os.X_OK):
            folder = shown(str(place.parent))
            raise ConfigurationError(f"path is {shown(given)}, but the folder {folder} can't be written to")
        longest = os.pathconf(place.parent, "PC_NAME_MAX") if hasattr(os, "pathconf") else LONGEST_NAME
        too_long = len(os.fsencode(place.name)) > longest
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f"path is {shown(given)}, which is not a valid path: {error}") from None
    if too_long:
        raise ConfigurationError(f"path is {shown(given)}, whose name is longer than {longest} bytes")
    return place


@contextmanager
def whole_file(path: object) -> Iterator[BinaryIO]:
    """Open a file for writing in binary. An existing file stays until the new one is complete, and its mode is kept.

    If `path` is a symbolic link, its target is replaced.

    Raises:
        ConfigurationError: `path` can't be a file, as described in `file_place`.
        OSError: The file can't be written.
    """
    place = file_place(path)
    unfinished = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with unfinished.open("xb", buffering=BUFFER) as file:
            if place.exists():
                shutil.copymode(place, unfinished)  # before writing, so that a private file stays private meanwhile
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)


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
