"""The file of `FileCoordinator`: how it is made, opened, and kept small. All of this may wait for the disk."""

import os
import sqlite3
from pathlib import Path

__all__ = ["checkpoint", "close", "connect", "write_through"]

_VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS hosts(
    scope TEXT PRIMARY KEY, level REAL, at REAL, paused_until REAL, trial INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members(
    scope TEXT, member TEXT, process TEXT, held INTEGER, waiting INTEGER, since REAL, seen REAL, expires REAL,
    max_concurrency INTEGER, max_rate REAL, burst INTEGER, PRIMARY KEY(scope, member)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS locks(
    key TEXT PRIMARY KEY, member TEXT, process TEXT, fencing INTEGER, seen REAL, expires REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal(
    key TEXT, id TEXT, parent TEXT, label TEXT, token TEXT, at REAL, PRIMARY KEY(key, id)) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, and make it where there is none.

    Raises:
        sqlite3.Error: It is locked, no database, or of another release.
        OSError: It can't be made.
    """
    if not path.exists():
        # Readable by its owner alone; SQLite makes the files beside it alike.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # no step waits for the disk, and nothing can break the file
        db.execute("PRAGMA wal_autocheckpoint = 0")  # which would write through to the disk within a step
        version = db.execute("PRAGMA user_version").fetchone()[0]
        _check_version(version)
        if version == 0:
            db.execute("BEGIN IMMEDIATE")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {_VERSION}")
            db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _check_version(version: int) -> None:
    if version not in (0, _VERSION):
        raise sqlite3.DatabaseError(f"it has version {version}, and this release of adjust_async has {_VERSION}")


def checkpoint(db: sqlite3.Connection | None, kind: str) -> bool:
    """Move what is in the log into the file, and return whether nobody was in the way."""
    return db is None or not db.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()[0]


def write_through(log: Path) -> None:
    """Let what was committed outlive the machine. SQLite locks its other files, and not the log."""
    # Windows wants a handle that may write.
    handle = os.open(log, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def close(connections: tuple[sqlite3.Connection | None, ...]) -> None:
    """Close the connections."""
    for db in connections:
        if db is not None:
            db.close()
