"""Failures that last: what each entry reports, and what is no longer sent."""

import asyncio
import json
from collections import Counter
from typing import Any

import httpx
import pytest

from adjust_async import (
    APIStatusError,
    AsyncAdjust,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    NotTriedError,
    PermissionDeniedError,
    ProvisionResult,
)
from adjust_async.emulator import Emulator, Fault, Faults
from tests.campaign.provisioning import empty_account
from tests.campaign.provisioning.empty_account import GRACE, NOTHING, app_of
from tests.provisioning_plans import (
    Progress,
    Ruled,
    assert_in_order,
    assert_true,
    left_over,
    meddled,
    names,
    patient,
    plan_of,
    refusal,
    sent,
)

pytestmark = pytest.mark.anyio
version, emulator, adjust = empty_account.version, empty_account.emulator, empty_account.adjust


def named(request: httpx.Request) -> Any:
    """Return the name that a request creates, or None."""
    return json.loads(request.content)["name"] if request.method == "POST" else None


async def test_one_name_that_is_refused(emulator: Emulator) -> None:
    """The entry fails with the service's message, its children are not tried, and the others are created."""
    plan = ["Bad", "Good", "Good::Bad::C::D", "Good::Bad", "Good::Fine", "Bad::Good"]

    def meddle(request: httpx.Request) -> httpx.Response | None:
        return refusal(400, "name is odd") if named(request) == "Bad" else None

    progress = Progress()
    async with meddled(emulator, meddle) as adjust:
        result = await adjust.trackers.provision(app_of(emulator), plan, grace_time=0.1, on_progress=progress)
        assert left_over(adjust) == NOTHING
    told = {outcome.path: outcome.error for outcome in (*result.outcomes, *result.implied)}
    assert {path: type(error) for path, error in told.items()} == {
        "Bad": BadRequestError,
        "Bad::Good": NotTriedError,
        "Good": type(None),
        "Good::Bad": BadRequestError,
        "Good::Bad::C": NotTriedError,
        "Good::Bad::C::D": NotTriedError,
        "Good::Fine": type(None),
    }
    assert "name is odd" in str(told["Bad"])
    assert "'Good::Bad' above it failed: " in str(told["Good::Bad::C::D"])
    assert "name is odd" in str(told["Good::Bad::C::D"])
    assert [spec.path for spec in result.retry_plan()] == ["Bad", "Good::Bad::C::D", "Good::Bad", "Bad::Good"]
    assert names(emulator) == {"Good", "Good::Fine"}
    assert_true(result, emulator)
    progress.assert_whole(result)


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500, 502, 503, 408])
async def test_a_parent_that_keeps_failing(emulator: Emulator, status: int) -> None:
    """Its children are not tried and say so, even below an implied parent. It is tried at most `max_attempts` times."""
    tries: Counter[str] = Counter()

    def meddle(request: httpx.Request) -> httpx.Response | None:
        tries[named(request)] += 1
        return refusal(status) if named(request) == "Bad" else None

    plan = ["Good::x", "Bad::y::z", "Bad::y"]
    async with meddled(emulator, meddle, max_attempts=3, deadline=20) as adjust:
        result = await adjust.trackers.provision(app_of(emulator), plan, grace_time=0.05)
    assert [type(outcome.error) for outcome in result.outcomes] == [type(None), NotTriedError, NotTriedError]
    assert all("'Bad' above it failed: POST" in str(outcome.error) for outcome in result.failed)
    (bad,) = (outcome for outcome in result.implied if outcome.status == "failed")
    assert isinstance(bad.error, APIStatusError)
    assert bad.error.status == status
    assert tries["Bad"] == (1 if status in {400, 404, 409, 422} else 3)
    assert tries["y"] == tries["z"] == 0
    assert names(emulator) == {"Good", "Good::x"}
    assert_true(result, emulator)


async def test_a_service_that_keeps_refusing(emulator: Emulator) -> None:
    """If the service stays too busy, the entries fail at the deadline."""
    emulator.faults = Faults(1.0, ["429"], match="POST")
    async with patient(emulator, deadline=2) as adjust, asyncio.timeout(60):
        result = await adjust.trackers.provision(app_of(emulator), ["A", "B::C"], grace_time=0.1)
    assert {type(outcome.error).__name__ for outcome in result.failed} == {"RateLimitError", "NotTriedError"}
    assert names(emulator) == set()


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError)])
async def test_a_token_that_is_taken_away_in_the_middle(emulator: Emulator, status: int, error: Any) -> None:
    """After the first refusal nothing more is started: hundreds of creates are reported as not tried, and why."""
    posts = 0

    def meddle(request: httpx.Request) -> httpx.Response | None:
        nonlocal posts
        posts += request.method == "POST"
        return refusal(status, "go away") if posts > 40 and request.method == "POST" else None

    plan = [f"N{number}" for number in range(300)]
    progress = Progress()
    async with meddled(emulator, meddle, max_concurrency=10) as adjust:
        result = await adjust.trackers.provision(app_of(emulator), plan, on_progress=progress)
        assert left_over(adjust) == NOTHING
    assert posts <= 50
    assert result.counts["created"] == len(names(emulator)) == 40
    kinds = Counter(type(outcome.error) for outcome in result.failed)
    assert kinds.keys() == {error, NotTriedError}
    assert kinds[error] <= 10
    assert all("go away" in str(outcome.error) for outcome in result.failed)
    assert_true(result, emulator)
    progress.assert_whole(result)


@pytest.mark.parametrize("status", [401, 403, 400, 500])
async def test_a_comparison_that_fails_creates_nothing(emulator: Emulator, status: int) -> None:
    """If a branch can't be listed, the error is raised with a result in which nothing was tried."""
    async with patient(emulator) as adjust:
        await adjust.trackers.provision(app_of(emulator), ["A::B::C", "D"])

    def meddle(request: httpx.Request) -> httpx.Response | None:
        return refusal(status) if request.url.path.endswith("/children") else None

    emulator.stats.reset()
    async with meddled(emulator, meddle, max_attempts=2) as adjust:
        with pytest.raises(APIStatusError) as caught:
            await adjust.trackers.provision(app_of(emulator), ["A::B::X", "D", "New"])
        assert left_over(adjust) == NOTHING
    assert caught.value.status == status
    assert sent(emulator) == {"GET": 1}
    result = caught.value.result
    assert [outcome.status for outcome in result.outcomes] == ["failed", "unchanged", "failed"]
    assert isinstance(result.outcomes[0].error, NotTriedError)
    assert names(emulator) == {"A", "A::B", "A::B::C", "D"}


@pytest.mark.parametrize("fault", ["drop-after", "drop-before", "500-after", "500", "truncated-json"])
async def test_a_list_that_fails_leaves_a_create_in_doubt(emulator: Emulator, fault: str) -> None:
    """If the siblings can't be listed, the outcome says that the service may have created the tracker, and why."""
    emulator.faults = Ruled(
        lambda method, _: Fault(fault) if method == "POST" else Fault.SERVER_ERROR if sent(emulator)["POST"] else None
    )
    async with patient(emulator, max_attempts=2) as adjust:
        result = await adjust.trackers.provision(app_of(emulator), ["A", "A::B", "C::D"], grace_time=0.1)
        assert left_over(adjust) == NOTHING
    first, below, other = result.outcomes
    assert first.error is not None
    assert first.error.in_doubt
    assert "The service may have done it all the same" in str(first.error)
    assert "Its siblings could not be listed: GET" in str(first.error)
    for outcome in (below, other):
        assert isinstance(outcome.error, NotTriedError)
        assert "The service may have done it all the same" in str(outcome.error)
    assert sent(emulator)["POST"] == 2
    emulator.faults = None
    async with patient(emulator) as adjust:
        again = await adjust.trackers.provision(app_of(emulator), ["A", "A::B", "C::D"])
    assert_true(again, emulator)
    assert names(emulator) == {"A", "A::B", "C", "C::D"}


async def test_on_failure_raise_ends_with_the_first(emulator: Emulator) -> None:
    """The first failure is raised, nothing more is started, sent requests are awaited, and the result has all of it."""
    posts = 0

    def meddle(request: httpx.Request) -> httpx.Response | None:
        nonlocal posts
        posts += request.method == "POST"
        return refusal(404, "gone") if named(request) == "N250" else None

    emulator.latency = 0.003
    plan = [f"N{number}" for number in range(300)] + ["N250::below"]
    async with meddled(emulator, meddle, max_concurrency=10) as adjust:
        with pytest.raises(NotFoundError, match="gone") as caught:
            await adjust.trackers.provision(app_of(emulator), plan, on_failure="raise")
        assert left_over(adjust) == NOTHING
    result = caught.value.result
    assert isinstance(result, ProvisionResult)
    assert_in_order(result, plan)
    assert result.outcomes[250].error is caught.value
    assert 1 <= result.counts["created"] == len(names(emulator)) == posts - 1 < 100
    assert_true(result, emulator)
    assert "'N250' above it failed" in str(result.outcomes[300].error)
    others = [outcome for outcome in result.failed if outcome.path not in {"N250", "N250::below"}]
    assert {type(outcome.error) for outcome in others} == {NotTriedError}


async def test_on_failure_raise_without_a_failure(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Faults that are overcome are not failures."""
    emulator.faults = Faults(0.2, seed=5, retry_after=0, drip=0.02)
    result = await adjust.trackers.provision(app_of(emulator), plan_of(50), on_failure="raise", grace_time=0.1)
    assert result.counts["created"] == 50
    assert_true(result, emulator)


@pytest.mark.parametrize("at", [1, 25, 60])
@pytest.mark.parametrize("dry_run", [True, False])
async def test_an_exception_of_on_progress_ends_the_run(emulator: Emulator, at: int, dry_run: bool) -> None:
    """It is raised unchanged and not called again, and sent requests are awaited or looked up before."""
    told: list[str] = []

    def tell(done: int, total: int | None, path: str) -> None:
        assert (done, total) == (len(told) + 1, 60)
        told.append(path)
        if done == at:
            raise KeyError("mine")

    emulator.latency = 0.002
    emulator.faults = Faults(0.3, ["drop-after", "drop-late", "500-after"], seed=4, late=0.1, match="POST")
    async with patient(emulator, max_concurrency=8) as adjust:
        with pytest.raises(KeyError, match="mine"):
            await adjust.trackers.provision(
                app_of(emulator), plan_of(60), dry_run=dry_run, on_progress=tell, grace_time=GRACE
            )
        assert left_over(adjust) == NOTHING
        assert len(told) == at
        there = names(emulator)
        await asyncio.sleep(0.15)
        assert names(emulator) == there
        assert dry_run == (not there)
        again = await adjust.trackers.provision(app_of(emulator), plan_of(60), grace_time=GRACE)
    assert_true(again, emulator)
    assert names(emulator) == set(plan_of(60))
