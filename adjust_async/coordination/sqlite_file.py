"""The database file of `FileCoordinator`: creating, opening and compacting it. All of these may wait for the disk."""

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
    """Open the file, and create it if it is missing.

    Raises:
        sqlite3.Error: It is locked, not a database, or written by another release.
        OSError: It can't be created.
    """
    if not path.exists():
        # Readable only by its owner. SQLite copies the mode to the files next to it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # steps don't wait for the disk, and a crash can't corrupt the file
        db.execute("PRAGMA wal_autocheckpoint = 0")  # a checkpoint within a step would wait for the disk
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
    """Copy the write-ahead log into the file. Return whether no other connection prevented it."""
    return db is None or not db.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()[0]


def write_through(log: Path) -> None:
    """Make committed writes survive a crash of the machine. SQLite locks its other files, but not the log."""
    # fsync on Windows needs a handle that can write.
    handle = os.open(log, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def close(connections: tuple[sqlite3.Connection | None, ...]) -> None:
    """Close the connections that are open."""
    for db in connections:
        if db is not None:
            db.close()
