"""Plans to provision, clients for it, and checks of the outcome against the emulator's database."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from hypothesis import strategies as st

from adjust_async import AsyncAdjust, PooledTransport, ProvisionOutcome, ProvisionResult
from adjust_async.emulator import Emulator, Fault, Faults, Store

#: The statuses of an entry that is done.
THERE = {"created", "updated", "unchanged"}

#: Parts of a path.
PARTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda part: (
        part == part.strip() and "::" not in part and not part.startswith(":") and not part.endswith(":") and part != ""
    )
)


def plan_of(trackers: int) -> list[str]:
    """Return this many names on all four levels: every inner one is an entry, and parents are in any position."""
    paths: list[str] = []
    for network in range(max(1, trackers // 50)):
        paths.append(f"Network {network}")
        for campaign in range(3):
            paths.append(f"Network {network}::Campaign {campaign}")
            paths += [f"Network {network}::Campaign {campaign}::Adgroup {adgroup}" for adgroup in range(3)]
    adgroups = [path for path in paths if path.count("::") == 2]
    missing = trackers - len(paths)
    creatives = [f"{adgroups[number % len(adgroups)]}::Creative {number // len(adgroups)}" for number in range(missing)]
    return [*reversed(creatives), *paths]


def parents_of(paths: Iterable[str]) -> set[str]:
    """Return every path above these."""
    parents = set()
    for path in paths:
        parts = path.split("::")
        parents |= {"::".join(parts[:depth]) for depth in range(1, len(parts))}
    return parents


def with_parents(paths: Iterable[str]) -> set[str]:
    """Return these paths and those above them."""
    paths = list(paths)
    return set(paths) | parents_of(paths)


class Owner(AsyncAdjust):
    """A client that closes the httpx client that it was passed."""

    async def aclose(self, drain: float = 0.0) -> None:
        """Close both clients."""
        await super().aclose(drain)
        await self.http_client.aclose()


def patient(emulator: Emulator, **settings: Any) -> AsyncAdjust:
    """Return a client with patience for a service that fails one request in five."""
    settings = {"timeout": 2, "max_attempts": 60, "deadline": 300, **settings}
    return (Owner if "http_client" in settings else AsyncAdjust)(emulator.token, api_url=emulator.url, **settings)


@contextlib.asynccontextmanager
async def meddled(
    emulator: Emulator, meddle: Callable[[httpx.Request], httpx.Response | None], **settings: Any
) -> AsyncIterator[AsyncAdjust]:
    """Open a patient client; `meddle` answers some of its requests."""
    async with (
        httpx.AsyncClient(transport=Meddler(meddle)) as http_client,
        patient(emulator, http_client=http_client, **settings) as adjust,
    ):
        yield adjust


def left_over(adjust: AsyncAdjust) -> tuple[int, int, int]:
    """Return what a client holds: permits, calls and tasks."""
    session = adjust._session
    return session.permits, session.calls, len(session._tasks)


def sent(emulator: Emulator) -> Counter[str]:
    """Return the number of requests that the emulator received, by method."""
    methods: Counter[str] = Counter()
    for route, count in emulator.stats.requests.items():
        methods[route.partition(" ")[0]] += count
    return methods


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that other tasks do."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


def names(emulator: Emulator, app: str | None = None) -> set[str]:
    """Return the names in the database, and check that each is there once."""
    tokens = emulator.store.tokens_by_name(app or emulator.app_tokens[0])
    assert {name: found for name, found in tokens.items() if len(found) > 1} == {}
    return set(tokens)


def counted(database: Path, app: str) -> tuple[int, int]:
    """Return the number of trackers in the database of another process, and the names that are there more than once."""
    with contextlib.closing(Store(database, read_only=True)) as store:
        tokens = store.tokens_by_name(app)
    return sum(map(len, tokens.values())), sum(len(found) > 1 for found in tokens.values())


def assert_true(result: ProvisionResult, emulator: Emulator) -> None:
    """Check every outcome, including those of implied parents, against the database."""
    tokens = emulator.store.tokens_by_name(result.app_token)
    assert_outcomes_true((*result.outcomes, *result.implied), tokens, dry_run=result.dry_run)


def assert_outcomes_true(
    outcomes: Iterable[ProvisionOutcome], tokens: Mapping[str, Sequence[str]], *, dry_run: bool = False
) -> None:
    """Check outcomes against the tokens of each name."""
    for outcome in outcomes:
        found = tokens.get(outcome.path, [])
        assert len(found) <= 1, f"{outcome.path} is there {len(found)} times"
        if outcome.status in THERE:
            assert outcome.error is None, outcome
            if not dry_run:
                assert outcome.tracker is not None, outcome
                assert [outcome.tracker.token] == list(found), outcome
                assert outcome.tracker.name == outcome.path
        else:
            assert outcome.error is not None, outcome
            if outcome.tracker is None:
                assert not found, f"{outcome.path} is there, and its outcome says {outcome.error}"
            if outcome.not_tried:
                assert not outcome.in_doubt


def assert_in_order(result: ProvisionResult, paths: Iterable[str]) -> None:
    """Check outcomes against the entries: one for each, in their order."""
    assert [outcome.path for outcome in result.outcomes] == list(paths)


def statuses(result: ProvisionResult) -> dict[str, str]:
    """Return the status of each path, including implied ones."""
    return {outcome.path: outcome.status for outcome in (*result.outcomes, *result.implied)}


class Progress:
    """Records the calls of `on_progress`."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int | None, str]] = []

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Record a call."""
        self.told.append((done, total, what))

    def assert_whole(self, result: ProvisionResult) -> None:
        """Check the calls against the result: every entry once, counted from 1 to the last, as in the result."""
        total = len(result.outcomes)
        assert [(done, of) for done, of, _ in self.told] == [(number, total) for number in range(1, total + 1)]
        assert Counter(what for _, _, what in self.told) == Counter(outcome.path for outcome in result.outcomes)


class Outcomes:
    """Records the calls of `on_outcome`."""

    def __init__(self) -> None:
        self.outcomes: list[ProvisionOutcome] = []

    def __call__(self, outcome: ProvisionOutcome) -> None:
        """Record a call."""
        self.outcomes.append(outcome)

    @property
    def failed(self) -> list[ProvisionOutcome]:
        """Return those that failed."""
        return [outcome for outcome in self.outcomes if outcome.status == "failed"]

    @property
    def counts(self) -> Counter[str]:
        """Return the number of outcomes with each status."""
        return Counter(outcome.status for outcome in self.outcomes)

    def assert_whole(self, paths: Iterable[str]) -> None:
        """Check the outcomes against the plan: one for each entry."""
        assert Counter(outcome.path for outcome in self.outcomes) == Counter(paths)

    def assert_true(self, emulator: Emulator) -> None:
        """Check every outcome against the database."""
        assert_outcomes_true(self.outcomes, emulator.store.tokens_by_name(emulator.app_tokens[0]))


class Meddler(httpx.AsyncBaseTransport):
    """A transport that answers some requests itself, without the service."""

    def __init__(self, meddle: Callable[[httpx.Request], httpx.Response | None]) -> None:
        self._meddle = meddle
        self._transport = PooledTransport(50)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer the request, or let the service answer."""
        return self._meddle(request) or await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def refusal(status: int, message: str = "no") -> httpx.Response:
    """Return a refusal of the Campaign API."""
    return httpx.Response(status, json={"error": {"message": message}})


class Ruled(Faults):
    """Faults by a rule, which returns the fault for a method and a path."""

    def __init__(self, rule: Callable[[str, str], Fault | None], **settings: Any) -> None:
        super().__init__(0, **settings)
        self._rule = rule

    def draw(self, method: str, target: str) -> Fault | None:
        """Return the fault of the rule."""
        return self._rule(method, target)
