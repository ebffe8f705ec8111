"""Services that are less kind than the emulator: their answers and lists, and the end of a run."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from adjust_async import (
    AdjustError,
    AsyncAdjust,
    DecodeError,
    TrackerSpec,
    WrongTrackerError,
)
from adjust_async.campaign.provisioning.result import Status
from tests.campaign.provisioning.service import APP, GRACE, Service, assert_true, client_of, provision
from tests.clock import jumping_clock

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


# Answers.


@pytest.mark.parametrize(
    "item",
    [
        {"name": "B", "label": "B", "level": 1},
        {"name": "X::A", "label": "A", "level": 2},
        {"name": "X::A", "label": "A"},
        {"name": "A", "label": "A", "level": 3},
        {"name": "A", "label": "A", "parent_token": "t9"},
    ],
)
async def test_an_answer_about_another_tracker_is_in_doubt(item: dict[str, Any]) -> None:
    """Name, level and parent of a created tracker are checked."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": {"items": [{"token": "t5", **item}]}})

    adjust = AsyncAdjust("token", http_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    with pytest.raises(WrongTrackerError) as caught:
        await adjust.trackers.create(APP, "A")
    assert caught.value.in_doubt
    assert isinstance(caught.value, DecodeError)
    assert caught.value.tracker_token == "t5"
    assert caught.value.service == "api"
    assert "but 'A' was created" in str(caught.value)
    await adjust.aclose()


async def test_an_update_of_another_tracker_is_in_doubt() -> None:
    """The token in the answer is compared with the requested one. `provision` looks it up, and repeats the update."""
    service = Service(script=[None, None, "another tracker", None])
    for path in ("A", "B"):
        service.add(path)
    service._source.seed(2)
    adjust = client_of(service)
    plan = [TrackerSpec("A", partner_id=7)]
    service.script = ["another tracker"] * 3
    updates = [adjust.trackers.update(APP, "t0", partner_id=5) for _ in range(3)]
    wrong = [
        outcome for outcome in await asyncio.gather(*updates, return_exceptions=True) if isinstance(outcome, Exception)
    ]
    assert wrong
    assert all(isinstance(error, WrongTrackerError) and error.in_doubt for error in wrong)
    service.script = [None, "another tracker", None, "another tracker"]
    result = await provision(adjust, plan)
    assert result.counts["updated"] == 1
    assert {row.name: row.partner_id for row in service.rows.values()} == {"A": 7, "B": None}
    await adjust.aclose()


async def test_nothing_is_sent_below_a_tracker_that_the_plan_does_not_mean() -> None:
    """If every answer to a create is about another tracker, lists show what was created."""
    service = Service(script=[None, *["another tracker"] * 40])
    service.add("Other")
    service.script = [None]
    service.rate = 0.0
    adjust = client_of(service)
    created = service._create

    async def mixed_up(body: Any, fault: str | None) -> httpx.Response:
        return await created(body, fault or "another tracker")

    service._create = mixed_up  # type: ignore[method-assign]
    plan: list[str | TrackerSpec] = [
        TrackerSpec("A", partner_id=5),
        "A::B::C",
        TrackerSpec("A::D", cost_data_enabled=True),
    ]
    result = await provision(adjust, plan)
    assert result.counts["created"] == 3
    assert_true(result, service)
    assert set(service.tokens()) == {"Other", "A", "A::B", "A::B::C", "A::D"}
    assert {row.name: row.partner_id for row in service.rows.values() if row.partner_id} == {"A": 5}
    await adjust.aclose()


@pytest.mark.parametrize("taken", [200, 400, 409, 422])
async def test_a_name_that_is_taken_is_adopted(taken: int) -> None:
    """If lists show an existing tracker late, it is found within the grace time, and reported as unchanged."""
    service = Service(taken=taken, lag=3.0)
    await asyncio.sleep(1)
    other = client_of(service)
    parent = await other.trackers.create(APP, "A")
    await other.trackers.create(APP, "B", parent_token=parent.token)
    await other.aclose()
    adjust = client_of(service)
    result = await provision(adjust, ["A::B", "A::C", "D"])
    assert [outcome.status for outcome in result.outcomes] == (
        ["unchanged", "created", "created"] if taken != 200 else [result.outcomes[0].status, "created", "created"]
    )
    assert_true(result, service)
    await adjust.aclose()


# Lists.


async def test_has_subtrackers_is_not_believed() -> None:
    """A tracker's children are listed if the plan needs them, whatever the list above says."""
    service = Service(stale=True)
    for path in ("A", "A::B", "A::B::C"):
        service.add(path)
    adjust = client_of(service)
    result = await provision(adjust, ["A::B::C"])
    assert result.counts["unchanged"] == 1
    assert service.requests == {"GET": 3}
    await adjust.aclose()


@pytest.mark.parametrize("moves", [1, 2, 3])
@pytest.mark.parametrize("how", ["moved", "repeated"])
async def test_a_list_that_moved_is_read_again(moves: int, how: str) -> None:
    """A list is read up to three times, and a tracker in any of the reads exists."""
    service = Service(page_size=5)
    plan = [f"N{number}" for number in range(12)]
    for path in plan:
        service.add(path)
    service.script = [how, None, None, None] * moves
    adjust = client_of(service)
    result = await provision(adjust, plan)
    assert result.counts["unchanged"] == 12
    assert service.requests["POST"] == 0
    assert service.requests["GET"] <= 4 * 4
    await adjust.aclose()


@pytest.mark.parametrize("totals", [lambda _: "1000", lambda _: 0, lambda _: None, lambda count: count + 1])
async def test_totals_that_count_something_else_hold_nothing_up(totals: Callable[[int], Any]) -> None:
    """A list that is the same at every read is believed, and only the first one is waited for."""
    service = Service(totals=totals)
    adjust = client_of(service)
    plan = ["A::B::C", "A::D", "E"]
    began = asyncio.get_running_loop().time()
    expectations: tuple[Status, ...] = ("created", "unchanged")
    for expected in expectations:
        result = await provision(adjust, plan)
        assert result.counts[expected] == 3
    assert asyncio.get_running_loop().time() - began < 3 * GRACE
    assert service.twice() == {}
    await adjust.aclose()


async def test_a_list_that_lags_behind_its_total_is_waited_for() -> None:
    """A total that exceeds the list may count trackers that the list shows late."""

    class Lagging(Service):
        def _list(self, parent: str | None, query: Any, fault: str | None) -> httpx.Response:
            self.totals = lambda _: str(sum(row.parent == parent for row in self.rows.values()))
            return super()._list(parent, query, fault)

    service = Lagging(lag=3.0)
    other = client_of(service)
    await other.trackers.create(APP, "A")
    await other.aclose()
    adjust = client_of(service)
    result = await provision(adjust, ["A"])
    assert result.counts["unchanged"] == 1
    assert service.requests["POST"] == 1
    await adjust.aclose()


# The end.


@pytest.mark.parametrize(
    ("verify", "doubt", "expected"),
    [(None, False, False), (None, True, True), (True, False, True), (False, True, False)],
)
async def test_the_end_is_looked_at(verify: bool | None, doubt: bool, expected: bool) -> None:
    """The default after a doubt. Trackers that exist twice are reported, no matter who created them."""

    class Racing(Service):
        def _insert(self, label: str, parent: Any, listed_from: float = 0.0, **values: Any) -> Any:
            if label == "B" and parent is not None:
                super()._insert(label, parent, listed_from, **values)  # another client's, at the same moment
            return super()._insert(label, parent, listed_from, **values)

    service = Racing(script=[None, None, "connection lost, done" if doubt else None])
    adjust = client_of(service)
    result = await provision(adjust, ["A::B", "A::C"], verify=verify)
    assert result.verified is expected
    assert [tracker.token for tracker in result.duplicates] == (service.tokens()["A::B"] if expected else [])
    assert result.counts["created"] == 2
    await adjust.aclose()


@pytest.mark.parametrize(("leaves", "lists"), [(98, 1), (100, 12)])
async def test_the_end_is_looked_at_after_many_creates(leaves: int, lists: int) -> None:
    """From 1,000 creates on, each branch is listed again."""
    service = Service(page_size=1000)
    adjust = client_of(service, max_concurrency=50)
    plan = [f"N{network}::C{leaf}" for network in range(10) for leaf in range(leaves)]
    result = await provision(adjust, plan)
    assert result.verified == (lists > 1)
    assert result.duplicates == ()
    assert service.requests["GET"] == lists
    await adjust.aclose()


# Finding.


async def test_find_lists_only_along_the_path() -> None:
    """It fetches one list for each level, and returns the tracker or `None`."""
    service = Service(stale=True)
    for path in ("A", "B", "A::B", "A::B::C", "A::X", "B::Y"):
        service.add(path)
    adjust = client_of(service)
    found = await adjust.trackers.find(APP, "A::B::C")
    assert found is not None
    assert (found.token, found.name) == (service.tokens()["A::B::C"][0], "A::B::C")
    assert service.requests == {"GET": 3}
    assert await adjust.trackers.find(APP, "A::Z::C") is None
    assert service.requests == {"GET": 5}
    near = await adjust.trackers.find(APP, "a::b")
    assert near is not None
    assert near.name == "A::B"
    await adjust.aclose()


async def test_find_does_not_guess() -> None:
    """If several trackers match, the error names them."""
    service = Service()
    for path in ("SPRING", "spring"):
        service.add(path)
    adjust = client_of(service)
    with pytest.raises(
        AdjustError, match=r"'Spring' can't be distinguished from others: .*'SPRING' \(t0\), 'spring' \(t1\)"
    ):
        await adjust.trackers.find(APP, "Spring")
    await adjust.aclose()


@pytest.mark.parametrize("path", ["", "A::", "A::B::C::D::E", 5, None, " A"])
async def test_find_refuses_an_invalid_path(path: Any) -> None:
    """Nothing is sent for a wrong path."""
    service = Service()
    adjust = client_of(service)
    with pytest.raises(ValueError, match=r"the path is|levels|the network|the campaign"):
        await adjust.trackers.find(APP, path)
    assert not service.requests
    await adjust.aclose()
