"""2,500 trackers created over four levels, 50 requests at a time.

The server keeps them in memory. The SDK reads the lists first, and would survive every failure; the others know that
nothing exists yet, and create level by level, or one by one. The trackers on the server are then compared with the
plan: every name once. Contenders that would take too long get a plan of fewer trackers.

The SDK then provisions the same plan again, with nothing to do, and compares a plan of 100,000 entries, whose memory is
measured. The last tables are from the emulator: the trackers that exist after faults and kills.
"""

import asyncio
import itertools
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

import orjson

from adjust_async import AsyncAdjust, TrackerSpec
from benchmarks.clients import AT_ONCE, HEADERS
from benchmarks.exactly_once import exactly_once
from benchmarks.measuring import Contender, Listing, Measurement, Options, alone, digest, side_by_side
from benchmarks.plans import depth, plan_of
from benchmarks.provisioning_server import provisioning_served, tally
from benchmarks.server import Server

TRACKERS, ENTRIES = 2_500, 100_000
LATENCIES = (0.05,)

#: Path and token.
Row = tuple[str, str]
Create = Callable[[dict[str, str]], Awaitable[bytes]]


def with_sdk(url: str, app: str, plan: Sequence[str]) -> list[Row]:
    """Provision with this SDK."""

    async def provision() -> list[Row]:
        async with AsyncAdjust("token", api_url=url) as adjust:
            result = await adjust.trackers.provision(app, plan)
        return [(outcome.tracker.name, outcome.tracker.token) for outcome in result.outcomes if outcome.tracker]

    return asyncio.run(provision())


def with_aiohttp(url: str, app: str, plan: Sequence[str]) -> list[Row]:
    """Create with raw aiohttp, each level at once: the lower bound."""
    import aiohttp

    async def create_all() -> list[Row]:
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        headers = HEADERS | {"Content-Type": "application/json"}
        async with aiohttp.ClientSession(url, headers=headers, connector=connector, raise_for_status=True) as client:

            async def create(fields: dict[str, str]) -> bytes:
                async with client.post(_path(app), data=orjson.dumps(fields)) as response:
                    return await response.read()

            return await _level_by_level(plan, create)

    return asyncio.run(create_all())


def with_httpx(url: str, app: str, plan: Sequence[str]) -> list[Row]:
    """Create with httpx, each level at once."""
    return asyncio.run(_with(import_module("httpx"), url, app, plan))


def with_httpx2(url: str, app: str, plan: Sequence[str]) -> list[Row]:
    """Create with httpx2, each level at once."""
    return asyncio.run(_with(import_module("httpx2"), url, app, plan))


async def _with(library: ModuleType, url: str, app: str, plan: Sequence[str]) -> list[Row]:
    limits = library.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with library.AsyncClient(base_url=url, headers=HEADERS, limits=limits, timeout=60) as client:

        async def create(fields: dict[str, str]) -> bytes:
            response = await client.post(_path(app), json=fields)
            content: bytes = response.raise_for_status().content
            return content

        return await _level_by_level(plan, create)


async def _level_by_level(plan: Sequence[str], create: Create) -> list[Row]:
    tokens: dict[str, str] = {}
    permits = asyncio.Semaphore(AT_ONCE)

    async def one(path: str) -> None:
        async with permits:
            tokens[path] = _token(await create(_fields(path, tokens)))

    for _, level in itertools.groupby(sorted(plan, key=depth), key=depth):
        await asyncio.gather(*map(one, level))
    return list(tokens.items())


def with_requests(url: str, app: str, plan: Sequence[str]) -> list[Row]:
    """Create with requests, in a loop."""
    import requests

    tokens: dict[str, str] = {}
    with requests.Session() as session:
        session.headers.update(HEADERS)
        for path in plan:
            response = session.post(url + _path(app), json=_fields(path, tokens), timeout=60)
            response.raise_for_status()
            tokens[path] = _token(response.content)
    return list(tokens.items())


def _path(app: str) -> str:
    return f"/public/v1/apps/{app}/trackers"


def _fields(path: str, tokens: dict[str, str]) -> dict[str, str]:
    parent, _, label = path.rpartition("::")
    return {"name": label, "parent_token": tokens[parent]} if parent else {"name": label}


def _token(answer: bytes) -> str:
    token: str = orjson.loads(answer)["data"]["items"][0]["token"]
    return token


CONTENDERS = (
    Contender("adjust_async", with_sdk),
    Contender("aiohttp, orjson, no lookups", with_aiohttp, needs="aiohttp"),
    Contender("httpx", with_httpx, share=10, needs="httpx"),
    Contender("httpx2", with_httpx2, share=4, needs="httpx2"),
    Contender("requests, in a loop", with_requests, share=100, needs="requests"),
)


def summary(rows: Sequence[Row]) -> str:
    """Return what is compared of created trackers: the names, and whether all tokens are distinct."""
    return f"{len({token for _, token in rows})} tokens, {digest((path,) for path, _ in rows)}"


class _Race:
    """The contenders at one latency; each run has its own app."""

    def __init__(self, server: Server, trackers: int) -> None:
        self._server = server
        self._trackers = trackers
        self._apps: dict[str, Contender] = {}

    def plan(self, contender: Contender) -> list[str]:
        """Return a contender's plan."""
        return plan_of(self._trackers // contender.share)

    def run(self, rounds: int) -> dict[str, Any]:
        """Let all contenders create, and compare the app at the end.

        Raises:
            SystemExit: It differs from the plan.
        """
        runs = side_by_side(
            CONTENDERS,
            self._arguments,
            rounds=rounds,
            expected=lambda contender: summary([(path, path) for path in self.plan(contender)]),
            warm_up=(self._server.url, "warm", plan_of(3)),
            summary=summary,
            server=self._server.process,
        )
        for app, contender in self._apps.items():
            if sorted(tally(self._server, app).names) != sorted(self.plan(contender)):
                raise SystemExit(f"{contender.name} left something else than the plan says")
        return runs

    def _arguments(self, contender: Contender) -> tuple[str, str, list[str]]:
        app = f"app{len(self._apps)}"
        self._apps[app] = contender
        return self._server.url, app, self.plan(contender)

    def again(self, latency: float) -> list[str]:
        """Provision again what the SDK created."""
        app, contender = next(iter(self._apps.items()))
        before = tally(self._server, app).requests
        _, run = alone(
            contender.work, self._server.url, app, self.plan(contender), warm_up=(self._server.url, "warm", [])
        )
        after = tally(self._server, app).requests
        lists = after.pop("GET") - before.pop("GET")
        if after != before:
            raise SystemExit("the second run wrote something")
        ideal = lists * latency / AT_ONCE
        return [f"{latency * 1000:g} ms", f"{lists:,}", "0", f"{run.wall:.2f}", f"{ideal:.2f}"]


def measure(options: Options) -> Iterator[Measurement | Listing]:
    """Measure all contenders at each latency, then a second run, a large plan, and the results of faults and kills."""
    trackers = 200 if options.quick else TRACKERS
    second_runs = []
    for latency in options.latencies_or(LATENCIES):
        ideal = trackers * latency / AT_ONCE
        with provisioning_served(latency=latency) as server:
            race = _Race(server, trackers)
            runs = race.run(options.rounds_of(ideal))
            second_runs.append(race.again(latency))
        yield Measurement(
            benchmark="provisioning",
            title=f"{trackers:,} trackers created, {AT_ONCE} at a time",
            unit="tracker",
            requests=trackers,
            latency=latency,
            ideal=ideal or None,
            runs=runs,
        )
    yield Listing(
        "provisioning",
        f"The same {trackers:,} trackers provisioned by adjust_async once more: nothing to be done",
        ["Latency", "Lists", "Creates and updates", "Wall time, s", "Ideal, s"],
        second_runs,
        "A list for the app, and one for each tracker that has others below it.",
    )
    yield _memory(1_000 if options.quick else ENTRIES)
    yield exactly_once(quick=options.quick)


def _memory(entries: int) -> Listing:
    with provisioning_served(latency=0.0) as server:
        peak, _ = alone(compared, server.url, entries)
    return Listing(
        "provisioning",
        f"A plan of {entries:,} entries from an async iterator, held and compared with an empty app",
        ["Peak of memory, MB", "Bytes an entry"],
        [[f"{peak / 1e6:.1f}", f"{peak / entries:,.0f}"]],
    )


def compared(url: str, entries: int) -> int:
    """Compare a plan from a generator with the app. Return the peak memory."""

    async def plan() -> AsyncIterator[TrackerSpec]:
        for path in plan_of(entries):
            yield TrackerSpec(path, cost_data_enabled=False)

    async def compare() -> int:
        async with AsyncAdjust("token", api_url=url) as adjust:
            provision = partial(adjust.trackers.provision, "app", dry_run=True)
            # Imports and the connection are not part of the plan.
            await provision(["Network"])
            tracemalloc.start()
            try:
                result = await provision(plan())
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        if result.counts["created"] != entries:
            raise SystemExit(f"of {entries} entries {result.counts}")
        return peak

    return asyncio.run(compare())
