"""The trackers that exist on the emulator after provisioning under faults and kills, counted in its database.

The emulator allows two trackers with the same name, so that every mistake shows.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from adjust_async import AdjustError, AsyncAdjust
from benchmarks.measuring import Listing, alone
from benchmarks.plans import plan_of
from benchmarks.processes import run_server

LATENCY = 0.02
FAULT_RATE = 0.2

#: Seconds for which a create without an answer may still be running; the emulator's latest takes 0.3.
GRACE_TIME = 1.0


class Account(NamedTuple):
    """An emulator in a process of its own, over a file."""

    url: str
    token: str
    app: str


class _Size(NamedTuple):
    """The amount of work: trackers, also for the plain loop, seeds of faults, and kills."""

    trackers: int
    looped: int
    seeds: Sequence[int]
    kills: int


WHOLE = _Size(trackers=2_000, looped=200, seeds=(1,), kills=8)
QUICK = _Size(trackers=5, looped=0, seeds=(1,), kills=0)


def exactly_once(*, quick: bool) -> Listing:
    """Provision under faults, compared with a plain loop, and with kills."""
    size = QUICK if quick else WHOLE
    with tempfile.TemporaryDirectory() as folder:
        return Listing(
            "provisioning",
            "Exactly once: what is in the emulator's database at the end",
            ["", "Wall time, s", "Trackers of the plan", "There", "Names there twice"],
            [*_faulty(size, Path(folder)), *_killed(size, Path(folder))],
            "One request in five fails, in every way that makes it hard to create something once. The kills come "
            "without faults, at random moments.",
        )


def _faulty(size: _Size, folder: Path) -> Iterator[Sequence[str]]:
    for seed in size.seeds:
        for what, work, trackers in (
            ("provision", provisioned, size.trackers),
            ("a loop over create, each tried again until it succeeds", looped, size.looped),
        ):
            if not trackers:
                continue
            database = folder / f"{work.__name__}{seed}.sqlite"
            with run_server(_serve, str(database), LATENCY, seed) as account:
                _, run = alone(work, account, plan_of(trackers))
                there, twice = _counted(database, account.app)
            if work is provisioned and (there, twice) != (trackers, 0):
                raise SystemExit(f"seed {seed}: {there} trackers are there, {twice} names twice")
            title = f"{what}, one request in five fails (seed {seed})"
            yield title, f"{run.wall:.1f}", f"{trackers:,}", f"{there:,}", str(twice)


def _killed(size: _Size, folder: Path) -> Iterator[Sequence[str]]:
    """Kill the provisioning process at random moments, and finally run it to its end."""
    if not size.kills:
        return
    source = random.Random(7)
    context = multiprocessing.get_context("spawn")
    database = folder / "killed.sqlite"
    plan = plan_of(size.trackers)
    with run_server(_serve, str(database), LATENCY, None) as account:
        for _ in range(size.kills):
            process = context.Process(target=provisioned, args=(account, plan))
            process.start()
            # Half a second of this is the start of the process.
            time.sleep(0.6 + source.random() * 1.2)
            process.kill()
            process.join()
        before, _ = _counted(database, account.app)
        _, run = alone(provisioned, account, plan)
        there, twice = _counted(database, account.app)
    if (there, twice) != (size.trackers, 0):
        raise SystemExit(f"after kills {there} trackers are there, {twice} names twice")
    title = f"provision, killed {size.kills} times (then {before:,} were there), run to the end"
    yield title, f"{run.wall:.1f}", f"{size.trackers:,}", f"{there:,}", str(twice)


def _serve(ready: Connection, database: str, latency: float, seed: int | None) -> None:
    # Not at the top, because the contenders' processes import this module too.
    from adjust_async.emulator import Emulator, Faults

    def started(emulator: Emulator) -> None:
        emulator.latency = latency
        if seed is not None:
            emulator.faults = Faults.of_writes(FAULT_RATE, seed=seed, retry_after=0.1, drip=0.2)
        ready.send(Account(emulator.url, emulator.token, emulator.app_tokens[0]))

    Emulator(database=database, apps=1, trackers_per_app=0, duplicate_names="allow").run(started)


def _counted(database: Path, app: str) -> tuple[int, int]:
    """Return the number of trackers in the emulator's database, and of names that appear more than once."""
    from adjust_async.emulator import Store

    with contextlib.closing(Store(database, read_only=True)) as store:
        tokens = store.tokens_by_name(app)
    return sum(map(len, tokens.values())), sum(len(of_name) > 1 for of_name in tokens.values())


@contextlib.asynccontextmanager
async def _client(account: Account) -> AsyncIterator[AsyncAdjust]:
    """Make a client with patience for a service that fails one request in five, without a log line for each."""
    logger = logging.getLogger("adjust_async")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        async with AsyncAdjust(account.token, api_url=account.url, timeout=5, deadline=600, max_attempts=60) as adjust:
            yield adjust
    finally:
        logger.setLevel(level)


def provisioned(account: Account, plan: Sequence[str]) -> None:
    """Provision once."""

    async def provision() -> None:
        async with _client(account) as adjust:
            await adjust.trackers.provision(account.app, plan, grace_time=GRACE_TIME)

    asyncio.run(provision())


def looped(account: Account, plan: Sequence[str]) -> None:
    """Create as a script does: one after the other, with a retry after any error."""

    async def loop() -> None:
        tokens: dict[str, str] = {}
        async with _client(account) as adjust:
            for path in plan:
                parent, _, label = path.rpartition("::")
                while path not in tokens:
                    with contextlib.suppress(AdjustError):
                        tracker = await adjust.trackers.create(account.app, label, parent_token=tokens.get(parent))
                        tokens[path] = tracker.token

    asyncio.run(loop())
