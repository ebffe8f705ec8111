"""Creates whose answers are lost: what is certain, and what is remembered."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from adjust_async import AdjustError, APIStatusError, AsyncAdjust, TrackerSpec
from tests.campaign.provisioning.service import APP, CREATE_FAULTS, Service, assert_true, client_of, provision
from tests.clock import jumping_clock
from tests.provisioning_plans import with_parents

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


# Certainty.


@pytest.mark.parametrize("fault", CREATE_FAULTS)
async def test_each_failure_of_a_create_is_reported_correctly(fault: str) -> None:
    """`create` raises with `in_doubt` if the tracker may exist, and sends the request again only if it can't."""
    service = Service(script=[fault], late=1.0)
    service.add("Other")
    adjust = client_of(service, timeout=1.0)
    work, _ = CREATE_FAULTS[fault]
    (outcome,) = await asyncio.gather(adjust.trackers.create(APP, "A"), return_exceptions=True)
    if isinstance(outcome, BaseException):
        assert isinstance(outcome, AdjustError)
        assert outcome.in_doubt
        assert service.requests["POST"] == 1
    else:
        assert work == "undone"
    await service.settle()
    assert len(service.tokens().get("A", [])) <= 1
    again = await adjust.trackers.create(APP, "A") if "A" not in service.tokens() or work != "undone" else None
    if again is not None:
        assert service.tokens()["A"] == [again.token]
    result = await provision(adjust, ["A::B"])
    assert_true(result, service)
    await adjust.aclose()


@pytest.mark.parametrize("fault", CREATE_FAULTS)
@pytest.mark.parametrize("lag", [0.0, 2.0])
async def test_each_failure_is_looked_up(fault: str, lag: float) -> None:
    """`provision` overcomes each of them, at any create, and leaves one tracker of each name."""
    plan = ["A::B::C", "A::D", "E"]
    for place in range(5):
        service = Service(script=[None, *[None] * place, fault], late=2.0, lag=lag)
        adjust = client_of(service)
        result = await provision(adjust, plan)
        assert result.counts["created"] == 3
        assert set(service.tokens()) == with_parents(plan)
        assert_true(result, service)
        await adjust.aclose()


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_refusal_in_adjusts_envelope_is_certain(status: int) -> None:
    """The tracker is reported as it is, without a second create."""
    posts = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal posts
        if request.method == "GET":
            return httpx.Response(200, json={"data": {"items": []}})
        posts += 1
        return httpx.Response(status, json={"error": {"message": "no"}})

    adjust = AsyncAdjust("token", http_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    with pytest.raises(APIStatusError) as caught:
        await adjust.trackers.create(APP, "A")
    assert not caught.value.in_doubt
    result = await provision(adjust, ["A"])
    assert not result.outcomes[0].in_doubt
    assert posts == 2
    await adjust.aclose()


# Memory.


@pytest.mark.parametrize("doubt", [False, True])
@pytest.mark.parametrize("lag", [0.0, 3.0])
async def test_a_create_is_remembered_by_provision_and_find(doubt: bool, lag: float) -> None:
    """If lists lag, trackers that this client created, or may have created, are not created again."""
    service = Service(lag=lag, late=1.0, script=["connection lost, late" if doubt else None])
    adjust = client_of(service)
    if doubt:
        with pytest.raises(AdjustError):
            await adjust.trackers.create(APP, "AdColony")
    else:
        await adjust.trackers.create(APP, "AdColony")
    result = await provision(adjust, ["AdColony::DE"])
    assert_true(result, service)
    assert set(service.tokens()) == {"AdColony", "AdColony::DE"}
    found = await adjust.trackers.find(APP, "AdColony::DE")
    assert found is not None
    assert found.token == service.tokens()["AdColony::DE"][0]
    await adjust.aclose()


async def test_a_cancelled_create_is_in_doubt() -> None:
    """A create that was cancelled after it was sent is looked up by `create`, `find` and `provision`."""
    calls: list[Callable[[AsyncAdjust], Awaitable[Any]]] = [
        lambda adjust: adjust.trackers.create(APP, "A"),
        lambda adjust: adjust.trackers.find(APP, "A"),
        lambda adjust: provision(adjust, ["A"]),
    ]
    for call in calls:
        service = Service(script=["no answer, done"], lag=3.0)
        adjust = client_of(service, timeout=None)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await adjust.trackers.create(APP, "A")
        await call(adjust)
        assert len(service.tokens()["A"]) == 1
        await adjust.aclose()


async def test_a_create_after_a_doubt_waits_for_certainty() -> None:
    """It returns the tracker of the doubtful create if that succeeded, however late, and creates one otherwise."""
    for fault, posts in (("connection lost, late", 1), ("connection lost", 2)):
        service = Service(lag=1.5, late=3.0, script=[fault])
        adjust = client_of(service)
        with pytest.raises(AdjustError):
            await adjust.trackers.create(APP, "A")
        tracker = await adjust.trackers.create(APP, "A")
        assert service.tokens()["A"] == [tracker.token]
        assert service.requests["POST"] == posts
        await adjust.aclose()


async def test_a_create_that_may_be_another_tracker_stays_in_doubt() -> None:
    """However often `create` is called, it creates nothing while a listed tracker may be the one in doubt."""
    service = Service(form=lambda name: name.replace(" ", "-"), script=["connection lost, done"])
    adjust = client_of(service)
    for _ in range(3):
        with pytest.raises(AdjustError):
            await adjust.trackers.create(APP, "A B")
    assert service.requests["POST"] == 1
    await adjust.aclose()


async def test_two_creates_without_doubt_are_two() -> None:
    """`create` looks nothing up, whatever exists."""
    service = Service()
    adjust = client_of(service)
    first, second = await adjust.trackers.create(APP, "A"), await adjust.trackers.create(APP, "A")
    assert sorted([first.token, second.token]) == sorted(service.tokens()["A"])
    assert service.requests == {"POST": 2}
    await adjust.aclose()


@pytest.mark.parametrize("fault", [None, "connection lost, done", "500", "no answer, done"])
async def test_a_create_in_flight_is_waited_for(fault: str | None) -> None:
    """A run uses a tracker that another task is just creating."""
    service = Service(script=[fault], lag=1.0)
    adjust = client_of(service)
    create = asyncio.create_task(adjust.trackers.create(APP, "A"))
    await asyncio.sleep(0)
    result, found = await asyncio.gather(provision(adjust, ["A::B", "A::C"]), adjust.trackers.find(APP, "A"))
    await asyncio.wait([create])
    create.exception()
    assert_true(result, service)
    assert set(service.tokens()) == {"A", "A::B", "A::C"}
    assert found is None or [found.token] == service.tokens()["A"]
    await adjust.aclose()


async def test_updates_are_remembered() -> None:
    """Settings that a list shows late are not sent again, no matter which method sent them."""
    service = Service(lag=2.0)
    row = service.add("A")
    adjust = client_of(service)
    await adjust.trackers.update(APP, row.token, partner_id=5)
    row.partner_id = None  # as a list that lags shows it
    result = await provision(adjust, [TrackerSpec("A", partner_id=5)])
    assert result.counts["unchanged"] == 1
    await adjust.aclose()


@pytest.mark.slow
async def test_the_memory_of_many_creates_is_bounded() -> None:
    """A client that keeps creating remembers only the last trackers, and only for a limited time."""
    service = Service()
    adjust = client_of(service, max_concurrency=50)
    recent = adjust.trackers._requests.recent
    recent._most = 100
    result = await adjust.trackers.provision(APP, [f"N{number}" for number in range(500)], grace_time=0, verify=False)
    assert result.counts["created"] == 500
    assert len(recent) <= 100
    await asyncio.sleep(1000)
    await adjust.trackers.create(APP, "last")
    assert len(recent) == 1
    await adjust.aclose()
