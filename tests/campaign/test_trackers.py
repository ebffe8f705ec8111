"""Listing, walking, creating and updating trackers, over real sockets against the emulator."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from adjust_async import (
    AdjustError,
    APITimeoutError,
    AsyncAdjust,
    BadRequestError,
    ConfigurationError,
    NotFoundError,
    PaginationError,
    ServerError,
    Tracker,
)
from adjust_async.emulator import ANSWER_FAULTS, LIST_DELAYS, LIST_FAULTS, Emulator, Fault, Faults
from tests.conftest import PassTime

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> Any:
    """Both versions of the Campaign API."""
    return request.param


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An account of three apps."""
    async with Emulator(apps=3, trackers_per_app=300) as running:
        yield running


@pytest.fixture
async def adjust(emulator: Emulator, version: Any) -> AsyncIterator[AsyncAdjust]:
    """A client of the emulator. At its end no permit, call, task or connection may be left."""
    before = len(asyncio.all_tasks())
    async with AsyncAdjust(emulator.token, api_url=emulator.url, campaign_version=version) as client:
        yield client
        session = client._session
        assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)
    async with asyncio.timeout(60):
        while emulator.stats.connections_open or len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0)


async def test_list_yields_the_network_level(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`list` yields every tracker of level 1, each with its app, and none below."""
    app = emulator.app_tokens[0]
    trackers = await adjust.trackers.list(app).collect()
    assert len({tracker.token for tracker in trackers}) == len(trackers) > 50
    assert {(tracker.level, tracker.app_token, tracker.parent_token) for tracker in trackers} == {(1, app, None)}


async def test_children_yields_the_level_below(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`children` yields the subtrackers directly below a tracker, with their parent."""
    app = emulator.app_tokens[0]
    parent = next(tracker for tracker in await adjust.trackers.list(app).collect() if tracker.has_subtrackers)
    children = await adjust.trackers.children(app, parent.token).collect()
    assert children
    assert {(child.level, child.app_token, child.parent_token) for child in children} == {(2, app, parent.token)}
    assert all(child.name == f"{parent.name}::{child.label}" for child in children)


@pytest.mark.parametrize("page_size", [1, 7, 50, 1000])
async def test_the_page_size_changes_only_the_requests(adjust: AsyncAdjust, emulator: Emulator, page_size: int) -> None:
    """Whatever the size of a page, the items are the same."""
    app = emulator.app_tokens[0]
    expected = await adjust.trackers.list(app).collect()
    assert await adjust.trackers.list(app, page_size=page_size).collect() == expected


async def test_walk_yields_complete_trees_exactly_once(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`walk` over all apps yields every tracker of the account, once, after its parent, with app and parent."""
    seen: dict[str, Tracker] = {}
    async for tracker in adjust.trackers.walk(emulator.app_tokens):
        assert tracker.token not in seen
        if tracker.parent_token is None:
            assert tracker.level == 1
        else:
            parent = seen[tracker.parent_token]
            assert tracker.name == f"{parent.name}::{tracker.label}"
            assert (tracker.app_token, tracker.level) == (parent.app_token, (parent.level or 0) + 1)
        seen[tracker.token] = tracker
    assert len(seen) == emulator.store.count_trackers() == 900
    assert Counter(tracker.app_token for tracker in seen.values()) == dict.fromkeys(emulator.app_tokens, 300)


async def test_walk_lists_only_parents(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Trackers without subtrackers, and those at `max_level`, are not listed further."""
    app = emulator.app_tokens[0]
    trackers = [tracker async for tracker in adjust.trackers.walk(app, page_size=1000)]
    parents = sum(tracker.has_subtrackers is True for tracker in trackers)
    asked = {route: number for route, number in emulator.stats.requests.items() if "children" in route}
    assert sum(asked.values()) == parents
    for level in (1, 2, 3):
        emulator.stats.reset()
        shallow = [tracker async for tracker in adjust.trackers.walk([app], max_level=level, page_size=1000)]
        assert {tracker.token for tracker in shallow} == {
            tracker.token for tracker in trackers if (tracker.level or 0) <= level
        }
        assert emulator.stats.total == 1 + sum(
            tracker.has_subtrackers is True and (tracker.level or 0) < level for tracker in trackers
        )


async def test_walk_is_concurrent_within_the_limit(emulator: Emulator, pass_time: PassTime) -> None:
    """The emulator sees at most `max_concurrency` concurrent requests, and reaches that number."""
    emulator.latency = 1
    async with AsyncAdjust(emulator.token, api_url=emulator.url, max_concurrency=9, timeout=600) as adjust:
        walking = asyncio.create_task(adjust.trackers.walk(emulator.app_tokens).collect())
        while not walking.done():
            waiting = -1
            while waiting != (waiting := emulator.stats.in_flight):
                await asyncio.sleep(0.05)
            pass_time(1)
        assert len(await walking) == 900
    assert emulator.stats.max_in_flight == 9
    emulator.latency = 0
    emulator.stats.reset()
    async with AsyncAdjust(emulator.token, api_url=emulator.url, max_concurrency=9) as adjust:
        assert len(await adjust.trackers.walk(emulator.app_tokens).collect()) == 900
    assert emulator.stats.connections_opened <= 9


@pytest.mark.parametrize(("version", "trackers_per_app"), [("v1", 500), ("v2", 200)])
@pytest.mark.slow
async def test_walk_with_a_fault_in_five_requests_yields_each_tracker_once(version: Any, trackers_per_app: int) -> None:
    """Every tracker of 5 apps is listed exactly once, although a fifth of the requests fail in every transient way."""
    async with Emulator(
        apps=5, trackers_per_app=trackers_per_app, faults=Faults(rate=0.2, retry_after=0, drip=0.05)
    ) as emulator:
        async with AsyncAdjust(emulator.token, api_url=emulator.url, campaign_version=version) as adjust:
            found = Counter([tracker.token async for tracker in adjust.trackers.walk(emulator.app_tokens)])
        assert len(found) == 5 * trackers_per_app
        assert set(found.values()) == {1}
        assert emulator.stats.max_in_flight <= 50
        assert len(emulator.stats.faults) > 5


@pytest.mark.parametrize("after", [1, 60, 400])
async def test_leaving_a_walk_stops_its_requests(adjust: AsyncAdjust, emulator: Emulator, after: int) -> None:
    """After a `break`, requests in flight end, and no further one is sent."""
    emulator.latency = 0.02
    count = 0
    async with aclosing(adjust.trackers.walk(emulator.app_tokens)) as trackers:
        async for _ in trackers:
            count += 1
            if count == after:
                break
    assert (adjust._session.permits, adjust._session.calls) == (0, 0)
    total = emulator.stats.total
    await asyncio.sleep(0.05)
    assert emulator.stats.total == total
    assert emulator.stats.in_flight == 0


async def test_a_cancelled_walk_stops_its_requests(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Cancelling the task that walks ends its workers and their requests."""
    emulator.latency = 0.02

    async def count() -> int:
        return len([tracker async for tracker in adjust.trackers.walk(emulator.app_tokens)])

    walk = asyncio.create_task(count())
    while emulator.stats.total < 10:
        await asyncio.sleep(0)
    walk.cancel()
    with pytest.raises(asyncio.CancelledError):
        await walk
    assert (adjust._session.permits, adjust._session.calls) == (0, 0)


async def test_a_list_that_keeps_failing_ends_the_walk(emulator: Emulator) -> None:
    """The error names the list that failed. The other workers end with it."""
    children = re.compile("/children")
    emulator.faults = Faults(rate=1.0, kinds=["500"], match=children)
    async with AsyncAdjust(emulator.token, api_url=emulator.url, max_attempts=2) as hasty:
        with pytest.raises(ServerError, match="/children answered 500"):
            async for _ in hasty.trackers.walk(emulator.app_tokens):
                pass
        assert (hasty._session.permits, hasty._session.calls, len(hasty._session._tasks)) == (0, 0, 0)


async def test_create_at_every_level(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A tracker is created below its parent, down to creatives, and its name is the full path."""
    app = emulator.app_tokens[1]
    parent: Tracker | None = None
    for level, name in enumerate(["Nové Síť 50 %", "Spring/Summer", "Ad group", "Créatif"], start=1):
        tracker = await adjust.trackers.create(app, name, parent_token=parent.token if parent else None)
        assert (tracker.level, tracker.label, tracker.app_token) == (level, name, app)
        assert tracker.parent_token == (parent.token if parent else None)
        assert tracker.name == (f"{parent.name}::{name}" if parent else name)
        parent = tracker
    assert parent is not None
    with pytest.raises(AdjustError):
        await adjust.trackers.create(app, "a fifth level", parent_token=parent.token)
    assert emulator.store.count_trackers(app) == 304


async def test_update_changes_only_passed_settings(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`update` links a partner and switches cost data, each without touching the other."""
    app = emulator.app_tokens[0]
    tracker = await adjust.trackers.create(app, "AdColony again")
    linked = await adjust.trackers.update(app, tracker.token, partner_id=174)
    assert (linked.token, linked.partner_id, linked.cost_data_enabled) == (tracker.token, 174, False)
    both = await adjust.trackers.update(app, tracker.token, cost_data_enabled=True)
    assert (both.partner_id, both.cost_data_enabled, both.app_token) == (174, True, app)
    off = await adjust.trackers.update(app, tracker.token, cost_data_enabled=False)
    assert (off.partner_id, off.cost_data_enabled) == (174, False)


async def test_refusals_of_the_service_are_raised(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Unknown apps, trackers and partners, and names that are taken, raise the service's own message."""
    app = emulator.app_tokens[0]
    with pytest.raises(NotFoundError):
        await adjust.trackers.list("nosuchapp").collect()
    with pytest.raises(NotFoundError):
        await adjust.trackers.children(app, "nosuch").collect()
    tracker = await adjust.trackers.create(app, "Taken")
    with pytest.raises(BadRequestError, match="taken"):
        await adjust.trackers.create(app, "Taken")
    with pytest.raises(BadRequestError, match="999999"):
        await adjust.trackers.update(app, tracker.token, partner_id=999999)


@pytest.mark.parametrize("fault", ["drop-after", "500", "truncated-body"])
async def test_a_create_whose_answer_was_lost_is_not_repeated(
    adjust: AsyncAdjust, emulator: Emulator, fault: str
) -> None:
    """A create in doubt is sent once, and its error says what to do."""
    app = emulator.app_tokens[0]
    emulator.faults = Faults.script([fault])
    with pytest.raises(AdjustError):
        await adjust.trackers.create(app, "In doubt")
    assert sum(count for route, count in emulator.stats.requests.items() if route.startswith("POST")) == 1


#: All but those that no list can overcome by itself, and those that concern writes alone.
NOT_RECOVERED = (LIST_FAULTS | LIST_DELAYS | ANSWER_FAULTS | {Fault.HANG}) - {Fault.EMPTY_PAGE}
RECOVERED = [fault for fault in Fault if fault not in NOT_RECOVERED]


@pytest.mark.parametrize("fault", RECOVERED)
async def test_each_recoverable_fault_is_overcome(adjust: AsyncAdjust, emulator: Emulator, fault: Fault) -> None:
    """Whatever happens during a walk, every tracker is listed once and in order."""
    app = emulator.app_tokens[0]
    expected = await adjust.trackers.list(app).collect()
    emulator.faults = Faults.script([None, fault, None, fault], retry_after=0, drip=0.02)
    assert await adjust.trackers.list(app, page_size=20).collect() == expected
    assert emulator.stats.faults[fault] >= 2


@pytest.mark.parametrize("script", [["repeated-cursor"], [None, "repeated-cursor"], [None, None, "repeated-cursor"]])
async def test_a_repeated_cursor_ends_the_walk(adjust: AsyncAdjust, emulator: Emulator, script: list[Any]) -> None:
    """A service with a cursor loop ends the walk with an error, after at most one repeated page."""
    emulator.faults = script
    with pytest.raises(PaginationError, match="a second time"):
        await adjust.trackers.list(emulator.app_tokens[0], page_size=20).collect()
    assert emulator.stats.total <= len(script) + 1


async def test_a_request_that_hangs_ends_with_its_deadline(emulator: Emulator) -> None:
    """A service that never answers leads to a timeout, within the deadline."""
    emulator.faults = Faults(rate=1, kinds=["hang"])
    async with AsyncAdjust(emulator.token, api_url=emulator.url, timeout=0.05, deadline=0.2) as hasty:
        with pytest.raises(APITimeoutError):
            await hasty.trackers.list(emulator.app_tokens[0]).collect()


async def test_tokens_may_be_members_of_an_enumeration(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A token of a subclass of `str` is used as its text, in the path and in the record."""

    class Token(str):
        """A text by inheritance, as the members of an enumeration are."""

        __slots__ = ()

        def __str__(self) -> str:
            return "Token.GAME"

    app = Token(emulator.app_tokens[0])
    created = await adjust.trackers.create(app, "Of an enumeration")
    assert type(created.app_token) is str
    updated = await adjust.trackers.update(app, Token(created.token), cost_data_enabled=True)
    assert updated.app_token == emulator.app_tokens[0]


TOKENS: list[Any] = ["", " ", "../x", "a/b", "a?b", "a%2Fb", "a b", "é", ".", "a,b", None, 5, b"abc", ["a"]]


@pytest.mark.parametrize("token", TOKENS)
async def test_an_invalid_token_is_refused_before_anything_is_sent(
    adjust: AsyncAdjust, emulator: Emulator, token: Any
) -> None:
    """Every call checks its app token and its tracker token, and names the argument."""
    trackers = adjust.trackers
    with pytest.raises(ConfigurationError, match="app_token "):
        trackers.list(token)
    with pytest.raises(ConfigurationError, match="tracker_token "):
        trackers.children("app", token)
    with pytest.raises(ConfigurationError, match="app_token "):
        await trackers.create(token, "name")
    with pytest.raises(ConfigurationError, match="tracker_token "):
        await trackers.update("app", token, partner_id=1)
    with pytest.raises(ConfigurationError, match="app_tokens "):
        trackers.walk([token])
    if token is not None:
        with pytest.raises(ConfigurationError, match="parent_token "):
            await trackers.create("app", "name", parent_token=token)
    assert emulator.stats.total == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda trackers: trackers.create("app", ""), "name is ''"),
        (lambda trackers: trackers.create("app", "  "), "name is '  '"),
        (lambda trackers: trackers.create("app", None), "name is None"),
        (lambda trackers: trackers.create("app", 5), "name is 5"),
        (lambda trackers: trackers.create("app", "a::b"), "which is a path.*Create the levels one by one"),
        (lambda trackers: trackers.update("app", "abc"), "update has nothing to change: pass partner_id"),
        (lambda trackers: trackers.update("app", "abc", partner_id=None), "update has nothing to change"),
        (lambda trackers: trackers.update("app", "abc", partner_id="3"), "partner_id is '3'"),
        (lambda trackers: trackers.update("app", "abc", partner_id=True), "partner_id is True"),
        (lambda trackers: trackers.update("app", "abc", cost_data_enabled="yes"), "cost_data_enabled is 'yes'"),
        (lambda trackers: trackers.walk([]), "app_tokens is empty"),
        (lambda trackers: trackers.walk(["a", "b", "a"]), "app_tokens has 'a' twice"),
        (lambda trackers: trackers.walk(7), "app_tokens is 7"),
        (lambda trackers: trackers.walk("app", max_level=0), "max_level is 0: pass a whole number from 1 to 4"),
        (lambda trackers: trackers.walk("app", max_level=5), "max_level is 5"),
        (lambda trackers: trackers.walk("app", page_size=0), "page_size is 0"),
    ],
)
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    adjust: AsyncAdjust, emulator: Emulator, call: Any, message: str
) -> None:
    """The error names the argument, its value, and a valid one."""
    with pytest.raises(ConfigurationError, match=message):
        await call(adjust.trackers)
    assert emulator.stats.total == 0
