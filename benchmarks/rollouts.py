"""The trackers that exist after several processes rolled out one plan, and after one was killed repeatedly.

The emulator allows two trackers with the same name, and may do creates two seconds after their connection broke.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, TypeAlias

from adjust_async import AsyncAdjust
from adjust_async.coordination import Coordinator, FileCoordinator, RedisCoordinator
from benchmarks.measuring import Listing
from benchmarks.plans import plan_of
from benchmarks.processes import run_server

#: Seconds by which a create may be late, and for which it is looked up.
LATE, GRACE_TIME = 2.0, 3.0

LEASE = 2.0

_context = multiprocessing.get_context("spawn")


class Size(NamedTuple):
    """The amount of work: trackers of the plan, kills, and seeds of faults and moments."""

    trackers: int
    kills: int
    seeds: Sequence[int]


WHOLE = Size(trackers=500, kills=4, seeds=(1,))
QUICK = Size(trackers=10, kills=0, seeds=(1,))


class _Account(NamedTuple):
    url: str
    token: str
    app: str


#: Rolls out the plan with the coordinator of a place.
_Work: TypeAlias = Callable[[_Account, str, Size, int], None]


def rollouts(places: Mapping[str, str], size: Size) -> Listing:
    """Roll out a plan with two processes, and with one that is killed, and count the trackers."""
    rows = []
    for name, place in places.items():
        rows.append(_counted(f"two processes at once, {name}, seed 1", place, size, 1, _by_two))
        rows += [
            _counted(f"killed {size.kills} times, {name}, seed {seed}", place, size, seed, _killed)
            for seed in (size.seeds if size.kills else ())
        ]
    note = (
        f"One request in five fails, in every way that makes it hard to create something once; creates come up to "
        f"{LATE:g} s late. A killed process is run again at once; it waits for the lease of {LEASE:g} s, and for what "
        "it finds in the journal."
    )
    columns = ["", "Wall time, s", "Trackers of the plan", "There", "Names there twice"]
    return Listing("coordination", "adjust_async, one plan and several processes", columns, rows, note)


def _counted(title: str, place: str, size: Size, seed: int, work: _Work) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "account.sqlite"
        with run_server(_serve, str(database), seed) as account:
            began = time.monotonic()
            work(account, place, size, seed)
            wall = time.monotonic() - began
            time.sleep(LATE)  # a create that is still running would be one too many
            there, twice = _there(database, account.app)
    if (there, twice) != (size.trackers, 0):
        raise SystemExit(f"{title}: {there} trackers are there, {twice} names twice")
    return [title, f"{wall:.1f}", f"{size.trackers:,}", f"{there:,}", str(twice)]


def _by_two(account: _Account, place: str, size: Size, _: int) -> None:
    processes = [_context.Process(target=_roll_out, args=(account, place, size.trackers)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit("a process failed")


def _killed(account: _Account, place: str, size: Size, seed: int) -> None:
    source = random.Random(seed)
    for _ in range(size.kills):
        process = _context.Process(target=_roll_out, args=(account, place, size.trackers))
        process.start()
        # It takes half a second to start, up to a lease to get the lock, and up to the grace time for look-ups.
        process.join(0.5 + source.random() * (LEASE + GRACE_TIME + 2))
        process.kill()
        process.join()
    process = _context.Process(target=_roll_out, args=(account, place, size.trackers))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit("the last process failed")


def _roll_out(account: _Account, place: str, trackers: int) -> None:
    logging.getLogger("adjust_async").setLevel(logging.ERROR)
    asyncio.run(_provision(account, place, trackers))


async def _provision(account: _Account, place: str, trackers: int) -> None:
    client = AsyncAdjust(
        account.token,
        api_url=account.url,
        timeout=10,
        deadline=600,
        max_attempts=60,
        coordinator=coordinator_of(place, LEASE),
    )
    async with client as adjust:
        result = await adjust.trackers.provision(account.app, plan_of(trackers), grace_time=GRACE_TIME)
    if result.counts["failed"]:
        raise SystemExit(str(result.failed[0].error))


def coordinator_of(place: str, lease: float) -> Coordinator:
    """Make the coordinator of a place, with a lease in seconds."""
    scheme, _, path = place.partition("://")
    return FileCoordinator(path, lease=lease) if scheme == "file" else RedisCoordinator(place, lease=lease)


def _serve(ready: Connection, database: str, seed: int) -> None:
    from adjust_async.emulator import Emulator, Faults

    def started(emulator: Emulator) -> None:
        emulator.latency = 0.02
        emulator.faults = Faults.of_writes(0.2, seed=seed, retry_after=0.1, drip=0.2, late=LATE)
        ready.send(_Account(emulator.url, emulator.token, emulator.app_tokens[0]))

    Emulator(database=database, apps=1, trackers_per_app=0, duplicate_names="allow").run(started)


def _there(database: Path, app: str) -> tuple[int, int]:
    from adjust_async.emulator import Store

    with contextlib.closing(Store(database, read_only=True)) as store:
        tokens = store.tokens_by_name(app)
    return sum(map(len, tokens.values())), sum(len(of_name) > 1 for of_name in tokens.values())
