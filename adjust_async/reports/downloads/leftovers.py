"""Temporary files: their names, their locks, and the removal of those that killed runs left behind."""

import os
import secrets
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":  # an open file can't be removed there anyway
    import fcntl

__all__ = ["create_unfinished", "sweep"]

PREFIX, SUFFIX = ".adjust_async-", ".part"

#: Seconds after which a temporary file counts as left behind, on systems without locks.
STALE = 24 * 3600


def create_unfinished(place: Path) -> tuple[BinaryIO, Path]:
    """Create a temporary file next to a path, with the mode of the file at the path, and open it for writing.

    It is locked while it is open. Until it has its mode, only its owner can read it.

    Raises:
        OSError: It can't be created.
    """
    try:
        mode = stat.S_IMODE(place.stat().st_mode)
    except FileNotFoundError:
        mode = None
    while True:
        path = place.with_name(f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, flags, 0o666 if mode is None else 0o600), "wb")
        try:
            if _lock(file.fileno()) and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                if mode is not None:
                    path.chmod(mode)
                return file, path
        except FileNotFoundError:
            pass  # another run removed it as left behind before it was locked
        except OSError:
            file.close()
            path.unlink(missing_ok=True)
            raise
        file.close()


def _lock(descriptor: int) -> bool:
    """Lock a file. Return whether that worked; `True` on systems without locks."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks, on which nothing is swept either
            pass
    return True


def sweep(folder: Path) -> None:
    """Remove temporary files that no process writes to any more. Files that can't be removed stay."""
    with suppress(OSError):
        for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
            with suppress(OSError):
                _sweep(path)


def _sweep(path: Path) -> None:
    if sys.platform == "win32":
        if time.time() - path.stat().st_mtime > STALE:
            path.unlink()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)
