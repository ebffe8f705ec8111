"""Provisioning 10,000 trackers over four levels: without faults, with one request in five failing, and killed.

python -m benchmarks.provisioning [--trackers 10000] [--latency 0.02] [--rate 0.2] [--seeds 3] [--kills 20]

What there is at the end is counted in the emulator's database, names and how often each is there.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import random
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from adjust_async import AdjustError, AsyncAdjust, ProvisionResult, TrackerSpec
from adjust_async.emulator import Emulator, Faults, Store
from benchmarks.measuring import Stopwatch
from benchmarks.processes import beside


class Account(NamedTuple):
    """An emulator in a process of its own, over a file."""

    url: str
    token: str
    app: str


def plan_of(trackers: int) -> list[str]:
    """Name so many trackers: networks, ten campaigns in each, ten adgroups in each of those, the rest creatives."""
    networks = max(1, trackers // 1000)
    paths: list[str] = []
    for network in range(networks):
        paths.append(f"Network {network}")
        for campaign in range(10):
            paths.append(f"Network {network}::Campaign {campaign}")
            paths += [f"Network {network}::Campaign {campaign}::Adgroup {adgroup}" for adgroup in range(10)]
    adgroups = [path for path in paths if path.count("::") == 2]
    missing = trackers - len(paths)
    return paths + [
        f"{adgroups[number % len(adgroups)]}::Creative {number // len(adgroups)}" for number in range(missing)
    ]


def _serve(ready: Connection, database: str, latency: float, faults: dict[str, Any] | None) -> None:
    def started(emulator: Emulator) -> None:
        emulator.latency = latency
        if faults is not None:
            emulator.faults = Faults.of_writes(**faults)
        ready.send(Account(emulator.url, emulator.token, emulator.app_tokens[0]))

    Emulator(database=database, apps=1, trackers_per_app=0, duplicate_names="allow").run(started)


def counted(database: Path, app: str) -> tuple[int, int]:
    """Count the trackers in the emulator's database, and the names that are there more than once."""
    with contextlib.closing(Store(database, read_only=True)) as store:
        tokens = store.tokens_by_name(app)
    return sum(map(len, tokens.values())), sum(len(of_name) > 1 for of_name in tokens.values())


def client(account: Account) -> AsyncAdjust:
    """Make a client with patience for a service that fails one request in five."""
    return AsyncAdjust(account.token, api_url=account.url, timeout=5, deadline=600, max_attempts=60)


async def provision(account: Account, plan: list[str], grace_time: float) -> ProvisionResult:
    """Provision once."""
    async with client(account) as adjust:
        return await adjust.trackers.provision(account.app, plan, grace_time=grace_time)


async def plain_loop(account: Account, plan: list[str]) -> None:
    """Create as a script does: one after the other, and again after any error."""
    tokens: dict[str, str] = {}
    async with client(account) as adjust:
        for path in plan:
            parent, _, label = path.rpartition("::")
            while path not in tokens:
                with contextlib.suppress(AdjustError):
                    tracker = await adjust.trackers.create(account.app, label, parent_token=tokens.get(parent))
                    tokens[path] = tracker.token


def clean(trackers: int, latency: float, folder: Path) -> None:
    """Measure without faults, beside the ideal and a plain loop over a tenth of the plan; then once more."""
    plan = plan_of(trackers)
    with beside(_serve, str(folder / "clean.sqlite"), latency, None) as account:
        for title in ("first run", "second run"):
            with Stopwatch() as stopwatch:
                result = asyncio.run(provision(account, plan, 5))
            requests = trackers if title == "first run" else 1 + len([path for path in plan if path.count("::") < 3])
            ideal = requests * latency / 50
            print(
                f"{title:11} {trackers} trackers: {result.counts}, {stopwatch.figure.wall:.2f} s wall, "
                f"{stopwatch.figure.cpu:.2f} s CPU, ideal {ideal:.2f} s, ratio {stopwatch.figure.wall / ideal:.2f}"
            )
    print("in the database, and twice:", *counted(folder / "clean.sqlite", account.app))
    tenth = plan_of(trackers // 10)
    with beside(_serve, str(folder / "loop.sqlite"), latency, None) as account:
        with Stopwatch() as stopwatch:
            asyncio.run(plain_loop(account, tenth))
        print(f"plain loop  {len(tenth)} trackers: {stopwatch.figure.wall:.2f} s wall")


def faulty(trackers: int, latency: float, rate: float, seed: int, folder: Path) -> None:
    """Provision with faults of all kinds, and show what a plain loop makes of a tenth of it."""
    faults = {"rate": rate, "seed": seed, "retry_after": 0.1, "drip": 0.2}
    with beside(_serve, str(folder / f"faulty{seed}.sqlite"), latency, faults) as account:
        with Stopwatch() as stopwatch:
            result = asyncio.run(provision(account, plan_of(trackers), 1.0))
        print(f"seed {seed}: {result.counts}, {stopwatch.figure.wall:.1f} s wall, ", end="")
        print("in the database, and twice:", *counted(folder / f"faulty{seed}.sqlite", account.app))
    with beside(_serve, str(folder / f"loop{seed}.sqlite"), latency, faults) as account:
        asyncio.run(plain_loop(account, plan_of(trackers // 10)))
        print("   plain loop, a tenth of it, in the database, and twice:", end=" ")
        print(*counted(folder / f"loop{seed}.sqlite", account.app))


def _run(account: Account, trackers: int) -> None:
    asyncio.run(provision(account, plan_of(trackers), 1.0))


def killed(trackers: int, latency: float, kills: int, folder: Path) -> None:
    """Kill the provisioning process at random moments, run it to the end at last, and count."""
    source = random.Random(7)
    context = multiprocessing.get_context("spawn")
    database = folder / "killed.sqlite"
    with beside(_serve, str(database), latency, None) as account:
        for _ in range(kills):
            process = context.Process(target=_run, args=(account, trackers))
            process.start()
            time.sleep(0.8 + source.random() * 1.2)
            process.kill()
            process.join()
        there, _ = counted(database, account.app)
        print(f"killed {kills} times, {there} trackers were there; ", end="")
        print(asyncio.run(provision(account, plan_of(trackers), 1.0)).counts, end=", ")
        print("in the database, and twice:", *counted(database, account.app))


async def _memory(account: Account, entries: int) -> None:
    async def plan() -> AsyncIterator[TrackerSpec]:
        for path in plan_of(entries):
            yield TrackerSpec(path, cost_data_enabled=False)

    async with client(account) as adjust:
        await adjust.partners.list(max_items=1).collect()
        tracemalloc.start()
        result = await adjust.trackers.provision(account.app, plan(), dry_run=True)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    size = peak / len(result.outcomes)
    print(f"{entries} entries from an async iterator, compared: peak {peak / 1e6:.0f} MB, {size:.0f} bytes an entry")


def main(arguments: list[str] | None = None) -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trackers", type=int, default=10_000)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds before each answer")
    parser.add_argument("--rate", type=float, default=0.2, help="share of the requests that fail")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--entries", type=int, default=100_000, help="entries whose memory is measured")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clean(options.trackers, options.latency, folder)
        for seed in range(1, options.seeds + 1):
            faulty(options.trackers, options.latency, options.rate, seed, folder)
        killed(options.trackers, options.latency, options.kills, folder)
        with beside(_serve, str(folder / "memory.sqlite"), 0.0, None) as account:
            asyncio.run(_memory(account, options.entries))


if __name__ == "__main__":
    main()
