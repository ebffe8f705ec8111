"""Unfinished files: their names, the locks that say that somebody writes them, and those that killed runs left."""

import os
import secrets
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":  # where an open file can't be removed anyway
    import fcntl

__all__ = ["create_unfinished", "sweep"]

PREFIX, SUFFIX = ".adjust_async-", ".part"

#: Seconds after which an unfinished file counts as left, where the system has no locks to tell.
STALE = 24 * 3600


def create_unfinished(place: Path) -> tuple[BinaryIO, Path]:
    """Create a file beside a place, with the mode of what is at the place, and open it for writing.

    It is locked while it is open. Until it has its mode, nobody but its owner may read it.

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
            pass  # another run took it for left before it was locked
        except OSError:
            file.close()
            path.unlink(missing_ok=True)
            raise
        file.close()


def _lock(descriptor: int) -> bool:
    """Lock a file; return whether nobody else had. Without locks, everybody has."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks, where nothing is swept either
            pass
    return True


def sweep(folder: Path) -> None:
    """Remove the unfinished files that nobody writes any more. What can't be removed stays."""
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
