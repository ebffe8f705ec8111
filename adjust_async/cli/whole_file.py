"""Atomic file writes: the data goes to a temporary file in the same folder, which replaces the target at the end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from adjust_async.cli.errors import UsageError
from adjust_async.tables import files

__all__ = ["check_place", "whole_file"]


def check_place(path: Path, option: str) -> Path:
    """Check that a file can be written, before anything is requested.

    Raises:
        UsageError: The path is a folder, its folder is missing, or there is no permission to write.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{option} {str(path)!r} is a folder: pass the path of a file in it")
        folder = Path(os.path.realpath(path)).parent
        if not folder.is_dir():
            raise UsageError(f"{option} {str(path)!r}: there is no folder {str(folder)!r}")
        special = path.exists() and not path.is_file()
        if not os.access(path if special else folder, os.W_OK):
            raise UsageError(f"{option} {str(path)!r} can't be written: permission denied")
    except (OSError, ValueError) as error:
        raise UsageError(f"{option} {str(path)!r} can't be written: {error}") from None
    return path


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing. An existing file keeps its content until the new one is complete.

    A symbolic link is followed. Anything but a regular file, such as `/dev/stderr`, is written to directly.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
    else:
        with files.whole_file(path) as file:
            yield file
