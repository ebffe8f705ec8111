"""Provisioning that ends early: cancelled, closed, or out of time."""

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from adjust_async import (
    AdjustError,
    APITimeoutError,
    AsyncAdjust,
    ClientClosedError,
    PoolExhaustedError,
    ProvisionResult,
    TrackerSpec,
)
from adjust_async.emulator import Emulator, Fault, Faults
from tests.campaign.provisioning import empty_account
from tests.campaign.provisioning.empty_account import GRACE, NOTHING, app_of
from tests.conftest import PassTime
from tests.provisioning_plans import (
    THERE,
    Outcomes,
    Progress,
    Ruled,
    assert_in_order,
    assert_true,
    left_over,
    names,
    patient,
    plan_of,
    sent,
    until,
)

pytestmark = pytest.mark.anyio
version, emulator, adjust = empty_account.version, empty_account.emulator, empty_account.adjust


async def cancelled(adjust: AsyncAdjust, emulator: Emulator, end: Callable[..., Any], **arguments: Any) -> Outcomes:
    """Run a plan that `end` cancels, and return the reported outcomes."""
    outcomes = Outcomes()
    arguments["on_outcome"] = outcomes
    run = asyncio.create_task(adjust.trackers.provision(app_of(emulator), plan_of(100), **arguments))
    await end(run)
    run.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await run
    assert not hasattr(caught.value, "result")
    return outcomes


def after_posts(emulator: Emulator, count: int) -> Callable[..., Any]:
    """Wait for that many creates."""

    async def wait(_: object) -> None:
        await until(lambda: sent(emulator)["POST"] >= count)

    return wait


MOMENTS: list[Any] = [
    ("the first create", None, 1),
    ("many creates", None, 60),
    ("creates in doubt", ["drop-after", "drop-late", "500-after", "500", "drop-before"], 10),
    ("creates that are put off", ["429"], 12),
    ("creates that wait as they were asked to", ["429-retry-after"], 1),
    ("answers that come drop by drop", ["drip"], 8),
    ("creates that hang", ["hang"], 8),
]


async def cancel_at(kinds: list[str] | None, posts: int, mode: Any) -> None:
    """Cancel a run after that many creates, and check everything afterwards."""
    async with Emulator(apps=1, trackers_per_app=0, duplicate_names=mode, latency=0.004) as emulator:
        if kinds is not None:
            emulator.faults = Faults(0.6, kinds, seed=3, retry_after=0.15, drip=1.5, late=0.1, match="POST")
        progress = Progress()
        async with patient(emulator, max_concurrency=8) as adjust:
            wait = after_posts(emulator, posts)
            outcomes = await cancelled(adjust, emulator, wait, grace_time=6, on_progress=progress)
            assert left_over(adjust) == NOTHING
            sent_by_now = emulator.stats.total
            outcomes.assert_whole(plan_of(100))
            outcomes.assert_true(emulator)
            assert [path for _, _, path in progress.told] == [outcome.path for outcome in outcomes.outcomes]
            await asyncio.sleep(0.12)
            outcomes.assert_true(emulator)
            assert emulator.stats.total == sent_by_now
            assert any(outcome.not_tried for outcome in outcomes.failed)
        emulator.faults = None
        async with patient(emulator) as adjust:
            rest = [outcome.path for outcome in outcomes.failed]
            again = await adjust.trackers.provision(app_of(emulator), rest, grace_time=GRACE)
            assert again.counts["failed"] == 0
            assert_true(again, emulator)
        assert names(emulator) == set(plan_of(100))


@pytest.mark.slow
async def test_a_cancellation_leaves_nothing_in_doubt() -> None:
    """Whenever it is cancelled, every outcome matches the database, and everything is released."""
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        for moment, kinds, posts in MOMENTS:
            for mode in ("allow", "refuse"):
                group.create_task(cancel_at(kinds, posts, mode), name=moment)


async def test_a_cancellation_while_comparing_sends_nothing(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Nothing was started, so it ends at once, and the entries that were found by then are reported."""
    app = app_of(emulator)
    await adjust.trackers.provision(app, ["A::B::C", "D"])
    emulator.latency = 600
    emulator.stats.reset()
    outcomes = Outcomes()
    run = asyncio.create_task(adjust.trackers.provision(app, ["A::B::C", "New"], grace_time=5, on_outcome=outcomes))
    await until(lambda: emulator.stats.total > 0)
    run.cancel()
    await asyncio.wait([run], timeout=60)
    assert run.cancelled()
    assert left_over(adjust) == NOTHING
    assert [outcome.not_tried for outcome in outcomes.outcomes] == [True, True]
    assert "the provisioning was cancelled" in str(outcomes.outcomes[0].error)
    assert sent(emulator).keys() == {"GET"}


async def test_a_cancellation_during_updates(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Trackers that exist without their settings have failed, and their errors name what is missing."""
    emulator.latency = 0.01
    plan = [TrackerSpec(f"N{number}", partner_id=33) for number in range(200)]
    result = Outcomes()
    run = asyncio.create_task(adjust.trackers.provision(app_of(emulator), plan, grace_time=GRACE, on_outcome=result))
    await until(lambda: sent(emulator)["PATCH"] >= 3)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    result.assert_true(emulator)
    linked = {tracker.name for tracker in emulator.store.trackers(app_of(emulator)) if tracker.partner_id == 33}
    assert {outcome.path for outcome in result.outcomes if outcome.status == "created"} == linked
    half = [outcome for outcome in result.failed if outcome.tracker is not None]
    assert all("its settings were not sent" in str(outcome.error) for outcome in half)
    assert {outcome.path for outcome in half} == names(emulator) - linked


async def test_updates_that_are_cut_short(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Settings that were being sent may have been set: their error is not NotTriedError, which says the opposite."""
    emulator.faults = Faults(1.0, ["hang"], match="PATCH")
    plan, result = [TrackerSpec(f"N{number}", partner_id=33) for number in range(5)], Outcomes()
    run = asyncio.create_task(adjust.trackers.provision(app_of(emulator), plan, on_outcome=result))
    await until(lambda: sent(emulator)["PATCH"] == 5)
    for _ in range(3):
        run.cancel()
        await asyncio.sleep(0.01)
    with pytest.raises(asyncio.CancelledError):
        await run
    assert len(result.failed) == 5
    assert all(outcome.tracker is not None for outcome in result.failed)
    assert {type(outcome.error) for outcome in result.failed} == {APITimeoutError}


async def test_a_cancellation_is_never_swallowed(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Whichever turn of the event loop after the last outcome it arrives at, the call ends with it."""
    loop, plan = asyncio.get_running_loop(), [f"Network {number}" for number in range(700)]

    async def run(turns: int) -> tuple[bool, asyncio.Task[ProvisionResult]]:
        requested = False

        def cancel_in(turns: int) -> None:
            nonlocal requested
            if turns:
                loop.call_soon(cancel_in, turns - 1)
            else:
                requested = task.cancel()

        def told(done: int, total: int | None, _: str) -> None:
            if done == total:
                cancel_in(turns)

        task = asyncio.create_task(adjust.trackers.provision(app_of(emulator), plan, dry_run=True, on_progress=told))
        await asyncio.wait([task])
        return requested, task

    turns = 0
    while True:
        requested, task = await run(turns)
        if not requested:
            break
        assert task.cancelled(), f"cancelled {turns} turns after the last outcome"
        assert left_over(adjust) == NOTHING
        turns += 1
    assert turns > 5
    assert task.result().counts["created"] == 700


@pytest.mark.parametrize("way", ["timeout", "wait_for", "anyio"])
async def test_every_outcome_is_reported_when_time_is_up(emulator: Emulator, way: str, pass_time: PassTime) -> None:
    """However it is cancelled, the call ends in order, every entry is reported, and the exception is unchanged."""
    adjust = patient(emulator, timeout=600, deadline=3600)
    emulator.latency = 0.02
    emulator.faults = Faults(0.5, ["drop-late", "500-after"], seed=2, late=0.1, match="POST")
    outcomes, plan = Outcomes(), plan_of(400)
    call = adjust.trackers.provision(app_of(emulator), plan, grace_time=GRACE, on_outcome=outcomes)

    async def let_it_time_out() -> None:
        await until(lambda: sent(emulator)["POST"] >= 60)
        pass_time(50)

    passing = asyncio.create_task(let_it_time_out())
    if way == "anyio":
        with anyio.move_on_after(50) as scope:
            await call
        assert scope.cancelled_caught
    else:
        with pytest.raises(TimeoutError) as caught:
            if way == "wait_for":
                await asyncio.wait_for(call, 50)
            async with asyncio.timeout(50):
                await call
        assert not hasattr(caught.value.__cause__, "result")
    await passing
    outcomes.assert_whole(plan)
    outcomes.assert_true(emulator)
    assert 0 < outcomes.counts["created"] < 400
    assert left_over(adjust) == NOTHING
    await asyncio.sleep(0.12)
    outcomes.assert_true(emulator)
    await adjust.aclose()


async def test_a_task_group_whose_other_task_fails(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """The group waits for the orderly end, and raises its own error."""
    emulator.latency = 0.02

    async def fail() -> None:
        await until(lambda: sent(emulator)["POST"] > 0)
        raise KeyError("mine")

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(adjust.trackers.provision(app_of(emulator), plan_of(200), grace_time=GRACE))
            group.create_task(fail())
    assert caught.group_contains(KeyError, match="mine")
    assert left_over(adjust) == NOTHING
    emulator.latency = 0
    assert_true(await adjust.trackers.provision(app_of(emulator), plan_of(200)), emulator)
    assert names(emulator) == set(plan_of(200))


async def test_a_client_that_is_closed_in_the_middle(emulator: Emulator) -> None:
    """The call ends with ClientClosedError and the result so far, and nothing is left behind."""
    emulator.latency = 0.01
    adjust = patient(emulator)
    run = asyncio.create_task(adjust.trackers.provision(app_of(emulator), plan_of(300), grace_time=GRACE))
    await until(lambda: sent(emulator)["POST"] >= 120)
    await adjust.aclose()
    with pytest.raises(ClientClosedError) as caught:
        await run
    assert left_over(adjust) == NOTHING
    result = caught.value.result
    assert_in_order(result, plan_of(300))
    tokens = emulator.store.tokens_by_name(app_of(emulator))
    for outcome in result.outcomes:
        assert (outcome.status in THERE) == (outcome.tracker is not None)
        if outcome.tracker is not None:
            assert tokens[outcome.path] == [outcome.tracker.token]
    assert 0 < result.counts["created"] < 300
    with pytest.raises(ClientClosedError):
        await adjust.trackers.provision(app_of(emulator), ["A"])


async def test_a_client_that_is_closed_during_updates(emulator: Emulator) -> None:
    """The trackers exist and their settings may be set, which their errors say, and nothing is left behind."""
    emulator.faults = Faults(1.0, ["hang"], match="PATCH")
    adjust, plan = patient(emulator), [TrackerSpec(f"N{number}", partner_id=33) for number in range(5)]
    run = asyncio.create_task(adjust.trackers.provision(app_of(emulator), plan))
    await until(lambda: sent(emulator)["PATCH"] == 5)
    await adjust.aclose()
    with pytest.raises(ClientClosedError) as caught:
        await run
    assert left_over(adjust) == NOTHING
    outcomes = caught.value.result.failed
    assert {outcome.path: [outcome.tracker.token] for outcome in outcomes} == emulator.store.tokens_by_name(
        app_of(emulator)
    )
    for outcome in outcomes:
        assert isinstance(outcome.error, APITimeoutError)
        assert outcome.error.service == "api"
        assert outcome.error.method == "PATCH"
        assert f"{outcome.path!r} exists, and its settings were being sent: the client was closed" in str(outcome.error)
        assert not outcome.in_doubt


@pytest.mark.parametrize("kinds", [["drop-before"], ["429"], ["429-retry-after"], ["hang"]])
async def test_a_client_that_is_closed_during_a_wait(emulator: Emulator, kinds: list[str]) -> None:
    """Neither a grace time nor a pause delays the end."""
    emulator.faults = Faults(1.0, kinds, retry_after=600, match="POST")
    adjust = patient(emulator, timeout=600, deadline=3600)
    run = asyncio.create_task(adjust.trackers.provision(app_of(emulator), ["A", "B::C"], grace_time=600))
    await until(lambda: sent(emulator)["POST"] >= 2)
    await asyncio.sleep(0.05)
    async with asyncio.timeout(60):
        await adjust.aclose()
        with pytest.raises(ClientClosedError):
            await run
    assert left_over(adjust) == NOTHING


async def test_no_connection_at_all(emulator: Emulator) -> None:
    """The comparison fails if the service can't be reached."""
    url, token, app = emulator.url, emulator.token, app_of(emulator)
    await emulator.__aexit__(None, None, None)
    try:
        async with AsyncAdjust(token, api_url=url, max_attempts=2) as adjust:
            with pytest.raises(AdjustError) as caught:
                await adjust.trackers.provision(app, ["A"])
            assert isinstance(caught.value.result, ProvisionResult)
            assert left_over(adjust) == NOTHING
    finally:
        await emulator.__aenter__()


async def test_creates_that_never_get_their_turn(emulator: Emulator) -> None:
    """A create that got no permit within its deadline had no effect, so it is sent again without a lookup."""
    emulator.faults = Ruled(lambda method, _: Fault.HANG if method == "POST" else None)
    async with patient(emulator, max_rate=2, burst=1, timeout=0.2, deadline=0.6, max_attempts=2) as adjust:
        async with asyncio.timeout(60):
            result = await adjust.trackers.provision(app_of(emulator), ["A", "B", "C"], grace_time=0)
    assert {type(outcome.error) for outcome in result.failed} <= {APITimeoutError, PoolExhaustedError}
    assert result.counts["failed"] == 3
    assert names(emulator) == set()
