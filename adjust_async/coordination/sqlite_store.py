"""The SQLite store of `FileCoordinator`.

A step takes 0.02 ms, so it runs in the event loop. It never waits there: if another process has locked the file, the
step is tried again a moment later. Anything that may take longer (opening, syncing, compacting) runs in a thread. No
step waits for the disk, because it would keep the file locked for all others meanwhile, and permanently if its process
were suspended at that moment.

Times are those of the monotonic clock, which all processes of a machine share and nobody can set. It starts again when
the machine does: a row that was written later than now is from before that, and counts as expired.
"""

import asyncio
import json
import os
import random
import socket
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from adjust_async.coordination.protocol import Holder, Host, JournalEntry
from adjust_async.coordination.shared.sharing import Bucket, Demand, Rate, Trial, permits_for
from adjust_async.coordination.shared.store import (
    DONE_FOR,
    WAITING_FOR,
    Exchange,
    Granted,
    LockState,
    StoreUnavailableError,
)
from adjust_async.coordination.sqlite_file import checkpoint, close, connect, write_through

__all__ = ["SqliteStore"]

T = TypeVar("T")

#: Seconds until a step is tried again on a file that another process has locked: at least, and at most.
BUSY_WAIT = (0.0002, 0.002)

#: Seconds after which a step gives up on a locked file: a process was suspended in the middle of a step.
BUSY_FOR = 15.0

#: The number of attempts to restart the write-ahead log before that is left to the next checkpoint.
TIDYINGS = 20

#: The number of steps after which the write-ahead log is copied into the file.
STEPS_PER_CHECKPOINT = 1000

_WRITE_JOURNAL = """
INSERT OR REPLACE INTO journal(key, id, parent, label, token, at)
SELECT ?, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), NULL, ?
FROM json_each(?) WHERE EXISTS (SELECT 1 FROM locks WHERE key = ? AND fencing = ? AND member = ?)
"""


class _Row(NamedTuple):
    member: str
    held: int
    waiting: int
    since: float
    seen: float
    expires: float
    max_concurrency: int
    max_rate: float | None
    burst: int | None

    def demand(self, now: float) -> Demand:
        """Return what the member holds and wants. If it has not asked lately, it is dead and wants nothing."""
        return Demand(self.held, self.waiting if now - self.seen < WAITING_FOR else 0, self.since)


class SqliteStore:
    """One member's connections to the file."""

    poll = (0.002, 0.016)

    def __init__(self, path: Path, lease: float) -> None:
        self._path = path
        self._lease = lease
        self._member = uuid4().hex
        self._process = f"{os.getpid()} on {socket.gethostname()}"
        self._opening = asyncio.Lock()
        self._db: sqlite3.Connection | None = None
        self._tidier: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._checkpoint: asyncio.Task[None] | None = None
        self._steps = 0
        self._closed = False

    async def exchange(self, host: Host, exchange: Exchange) -> Granted:
        """Report what this member holds and wants, renew its lease, and take the permits that it may have."""
        self._steps += 1
        if self._steps >= STEPS_PER_CHECKPOINT and self._checkpoint is None:
            self._steps = 0
            self._checkpoint = asyncio.get_running_loop().create_task(self._tidy_up())
        return await self._step(partial(self._exchange, host, exchange))

    async def take_lock(self, key: str) -> LockState:
        """Take a lock for a lease, or renew it if this member holds it."""
        return await self._step(partial(self._take_lock, key))

    async def renew_lock(self, key: str, fencing: int) -> bool:
        """Renew a lock. Return whether this member still holds it."""
        now = time.monotonic()
        mine = "WHERE key = ? AND fencing = ? AND member = ?"
        values = (now, now + self._lease, key, fencing, self._member)
        return await self._change(f"UPDATE locks SET seen = ?, expires = ? {mine}", values) > 0  # noqa: S608 - constant

    async def release_lock(self, key: str) -> None:
        """Release a lock if this member still holds it."""
        await self._change("UPDATE locks SET member = NULL WHERE key = ? AND member = ?", (key, self._member))

    async def read_journal(self, key: str) -> list[JournalEntry]:
        """Return the open entries, and those that were settled with a token in the last ten minutes."""
        old = "token IS NOT NULL AND abs(? - at) > ?"
        await self._change(f"DELETE FROM journal WHERE {old}", (time.time(), DONE_FOR))  # noqa: S608 - constant
        rows = await self._step(
            lambda db: db.execute("SELECT id, parent, label, token FROM journal WHERE key = ?", (key,)).fetchall()
        )
        return [JournalEntry(*row) for row in rows]

    async def write_journal(self, key: str, fencing: int, entries: list[JournalEntry]) -> bool:
        """Write open entries and sync them to the disk, unless the fencing number is stale."""
        texts = json.dumps([[entry.id, entry.parent_token, entry.label] for entry in entries])
        if not await self._change(_WRITE_JOURNAL, (key, time.time(), texts, key, fencing, self._member)):
            return False
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, write_through, Path(f"{self._path}-wal"))
        except OSError as error:
            raise self._unusable(error) from None
        return True

    async def settle_journal(self, key: str, entries: list[JournalEntry]) -> None:
        """Remove entries, and keep those with a token. If a crash undoes this, the next run looks the entries up."""
        done = [(entry.token, time.time(), key, entry.id) for entry in entries if entry.token is not None]
        gone = [(key, entry.id) for entry in entries if entry.token is None]

        def settle(db: sqlite3.Connection) -> None:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("UPDATE journal SET token = ?, at = ? WHERE key = ? AND id = ?", done)
            db.executemany("DELETE FROM journal WHERE key = ? AND id = ?", gone)
            db.execute("COMMIT")

        await self._step(settle)

    async def holders(self, hosts: list[Host], url: str) -> list[Holder]:
        """Return the holders of permits for these hosts, and of locks of apps at this URL."""
        return await self._step(partial(self._holders, hosts, url))

    async def aclose(self) -> None:
        """Remove this member, and disconnect."""
        try:
            if self._checkpoint is not None:
                await asyncio.wait([self._checkpoint])
            if self._db is not None:
                await self._change("DELETE FROM members WHERE member = ?", (self._member,))
        finally:
            self._closed = True
            connections, self._db, self._tidier = (self._db, self._tidier), None, None
            if self._thread is not None:
                # The last process to leave compacts the file, which waits for the disk.
                await asyncio.get_running_loop().run_in_executor(self._thread, close, connections)
                self._thread.shutdown(wait=False)
                self._thread = None

    def _exchange(self, host: Host, exchange: Exchange, db: sqlite3.Connection) -> Granted:
        db.execute("BEGIN IMMEDIATE")
        now = time.monotonic()  # read while nobody else can write, so that only rows from before a restart are later
        level, at, paused_until, trial = db.execute(
            "SELECT level, at, paused_until, trial FROM hosts WHERE scope = ?", (host.scope,)
        ).fetchone() or (0.0, now, 0.0, Trial.NONE)
        rows = [
            _Row(*row)
            for row in db.execute(
                "SELECT member, held, waiting, since, seen, expires, max_concurrency, max_rate, burst FROM members "
                "WHERE scope = ?",
                (host.scope,),
            )
        ]
        live = [row for row in rows if row.member != self._member and row.seen <= now < row.expires]
        mine = next((row for row in rows if row.member == self._member), None)
        if at > now:  # from before the machine started
            level, at, paused_until, trial = 0.0, now, 0.0, Trial.NONE
        if exchange.pause and now + exchange.pause >= paused_until:
            paused_until, trial = now + exchange.pause, Trial.NEEDED if exchange.was_cut else Trial.NONE
        pause, before = max(0.0, paused_until - now), trial
        since = now if mine is None or not mine.waiting else mine.since
        demand = Demand(exchange.held, exchange.waiting, since)
        others = [row.demand(now) for row in live]
        limit = min([host.max_concurrency, *(row.max_concurrency for row in live)])
        trial, is_alone = Trial(trial), not exchange.held and not any(other.held for other in others)
        limit = trial.limit(limit, is_alone=is_alone)
        permits, wait = (0 if pause else permits_for(demand, others, limit)), 0.0
        bucket, rate = Bucket(level, at), _lowest_rate(host, live)
        if rate is not None:
            room = bucket.room(rate, now)
            is_slowed, permits = room < permits, min(permits, room)
            bucket = bucket.add(permits, rate, now)
            wait = bucket.wait(rate, now) if is_slowed else 0.0
        if not pause:
            trial = trial.after(permits, is_alone=is_alone)
        if len(live) + (mine is not None) < len(rows):
            db.execute(
                "DELETE FROM members WHERE scope = ? AND member <> ? AND NOT (seen <= ? AND ? < expires)",
                (host.scope, self._member, now, now),
            )
        if rate is not None or exchange.pause or trial != before:
            values = (host.scope, bucket.level, bucket.at, paused_until, trial)
            db.execute("INSERT OR REPLACE INTO hosts VALUES(?, ?, ?, ?, ?)", values)
        held, waiting = exchange.held + permits, exchange.waiting - permits
        if held or waiting:
            db.execute(
                "INSERT OR REPLACE INTO members VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    host.scope,
                    self._member,
                    self._process,
                    held,
                    waiting,
                    now if permits else since,
                    now,
                    now + self._lease,
                    host.max_concurrency,
                    host.max_rate,
                    host.burst,
                ),
            )
        elif mine is not None:
            db.execute("DELETE FROM members WHERE scope = ? AND member = ?", (host.scope, self._member))
        db.execute("COMMIT")
        return Granted(permits, pause, wait, contended=any(other.waiting for other in others))

    def _take_lock(self, key: str, db: sqlite3.Connection) -> LockState:
        db.execute("BEGIN IMMEDIATE")
        now = time.monotonic()
        row = db.execute("SELECT member, process, fencing, seen, expires FROM locks WHERE key = ?", (key,)).fetchone()
        member, process, fencing, seen, expires = row or (None, "", 0, now, now)
        is_live = member is not None and seen <= now < expires
        if is_live and member != self._member:
            db.execute("ROLLBACK")
            return LockState(None, process, expires - now)
        fencing = fencing if is_live else fencing + 1
        db.execute(
            "INSERT OR REPLACE INTO locks VALUES(?, ?, ?, ?, ?, ?)",
            (key, self._member, self._process, fencing, now, now + self._lease),
        )
        db.execute("COMMIT")
        return LockState(fencing)

    def _holders(self, hosts: list[Host], url: str, db: sqlite3.Connection) -> list[Holder]:
        now = time.monotonic()
        found = []
        for host in hosts:
            for member, process, held, waiting, expires in db.execute(
                "SELECT member, process, held, waiting, expires FROM members WHERE scope = ? AND seen <= ? "
                "AND ? < expires",
                (host.scope, now, now),
            ):
                found.append(Holder("permits", host.url, process, member == self._member, held, waiting, expires - now))
        for key, member, process, expires in db.execute(
            "SELECT key, member, process, expires FROM locks WHERE member IS NOT NULL AND seen <= ? AND ? < expires",
            (now, now),
        ):
            of_url, _, app_token = key.rpartition(" ")
            if of_url == url:
                found.append(Holder("lock", app_token, process, member == self._member, 1, 0, expires - now))
        return found

    async def _change(self, statement: str, values: tuple[Any, ...]) -> int:
        return await self._step(lambda db: db.execute(statement, values).rowcount)

    async def _step(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a step, again and again while the file is locked."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + BUSY_FOR
        while True:
            if self._closed:
                raise StoreUnavailableError("the client is closed")
            try:
                if self._db is None:
                    await self._open()
                return _whole(work, self._db)
            except sqlite3.Error as error:
                if not _is_busy(error):
                    raise self._unusable(error) from None
            except OSError as error:
                raise self._unusable(error) from None
            if loop.time() > give_up:
                raise StoreUnavailableError(
                    f"the coordinator's file {self._path} was locked for {BUSY_FOR:g} s: is one of its processes "
                    "suspended?"
                )
            await asyncio.sleep(random.uniform(*BUSY_WAIT))

    async def _open(self) -> None:
        async with self._opening:
            if self._db is not None:
                return
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, "adjust_async-coordination")
            loop = asyncio.get_running_loop()
            self._tidier = await loop.run_in_executor(self._thread, connect, self._path)
            self._db = await loop.run_in_executor(self._thread, connect, self._path)

    async def _tidy_up(self) -> None:
        """Restart the write-ahead log. That locks the file for a moment, so most of the work is done before."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, checkpoint, self._tidier, "PASSIVE")
            for _ in range(TIDYINGS):
                if await loop.run_in_executor(self._thread, checkpoint, self._tidier, "RESTART"):
                    break
                await asyncio.sleep(random.uniform(*BUSY_WAIT))
        except sqlite3.Error:
            pass  # the next checkpoint does it, or the next step reports what is wrong
        finally:
            self._checkpoint = None

    def _unusable(self, error: Exception) -> StoreUnavailableError:
        return StoreUnavailableError(f"the coordinator's file {self._path} can't be used: {error}")


def _whole(work: Callable[[sqlite3.Connection], T], db: sqlite3.Connection | None) -> T:
    """Run a step as one transaction."""
    if db is None:
        raise sqlite3.ProgrammingError("it was closed")
    try:
        return work(db)
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _is_busy(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _lowest_rate(host: Host, live: list[_Row]) -> Rate | None:
    """Return the lowest rate that any member is configured with."""
    rates = [
        Rate.of(rate, burst)
        for rate, burst in [(host.max_rate, host.burst), *((row.max_rate, row.burst) for row in live)]
        if rate is not None
    ]
    return min(rates, key=lambda rate: rate.per_second) if rates else None
