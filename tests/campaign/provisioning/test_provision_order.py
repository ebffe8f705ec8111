"""The order in which trackers are provisioned, and how many at once."""

import asyncio

import pytest

from adjust_async import AsyncAdjust
from adjust_async.emulator import Emulator, Fault, Faults
from tests.campaign.provisioning import empty_account
from tests.campaign.provisioning.empty_account import NOTHING, app_of
from tests.provisioning_plans import (
    Progress,
    Ruled,
    assert_true,
    left_over,
    names,
    patient,
    plan_of,
    until,
)

pytestmark = pytest.mark.anyio
version, emulator, adjust = empty_account.version, empty_account.emulator, empty_account.adjust


@pytest.mark.parametrize("max_concurrency", [1, 3, 20])
async def test_as_many_at_once_as_the_limits_allow(emulator: Emulator, max_concurrency: int) -> None:
    """While there is enough to do, the emulator sees exactly `max_concurrency` concurrent requests, and never more."""
    emulator.latency = 0.01 * max_concurrency
    async with patient(emulator, max_concurrency=max_concurrency) as adjust:
        await adjust.trackers.provision(app_of(emulator), plan_of(100))
        assert emulator.stats.max_in_flight == max_concurrency
        emulator.stats.reset()
        emulator.latency = 0.003
        emulator.faults = Faults.of_writes(0.1, seed=2, retry_after=0.02, drip=0.02, late=0.05, storm=0.02)
        plan = [f"{path} again" for path in plan_of(50)]
        result = await adjust.trackers.provision(app_of(emulator), plan, grace_time=0.2)
        assert left_over(adjust) == NOTHING
    assert_true(result, emulator)
    assert result.counts["created"] == 50
    assert emulator.stats.max_in_flight <= max_concurrency


async def test_a_slow_branch_keeps_no_other_one_waiting(emulator: Emulator) -> None:
    """Levels don't wait for each other: one network's branch is finished before the other network exists."""
    hung: list[str] = []

    def rule(method: str, _: str) -> Fault | None:
        if method == "POST" and not hung:
            hung.append(method)
            return Fault.HANG
        return None

    emulator.faults = Ruled(rule)
    plan = [f"{network}::B::C::{number}" for network in "XY" for number in range(5)]
    progress = Progress()
    async with patient(emulator, timeout=0.4) as adjust:
        result = await adjust.trackers.provision(app_of(emulator), plan, grace_time=0.1, on_progress=progress)
    assert_true(result, emulator)
    order = [path[0] for _, _, path in progress.told]
    assert order in (["X"] * 5 + ["Y"] * 5, ["Y"] * 5 + ["X"] * 5)


async def test_a_parent_is_created_before_its_children(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Every tracker is created after its parent."""
    await adjust.trackers.provision(app_of(emulator), plan_of(150))
    seen: set[str] = set()
    for tracker in emulator.store.trackers(app_of(emulator)):
        assert tracker.name.rpartition("::")[0] in {"", *seen}
        seen.add(tracker.name)


async def test_apps_are_provisioned_concurrently() -> None:
    """Runs for different apps don't wait for each other."""
    async with Emulator(apps=6, trackers_per_app=0, latency=0.01) as emulator, patient(emulator) as adjust:
        results = await asyncio.gather(*(adjust.trackers.provision(app, ["A::B::C::D"]) for app in emulator.app_tokens))
        assert emulator.stats.max_in_flight == 6
        for app, result in zip(emulator.app_tokens, results, strict=True):
            assert result.app_token == app
            assert_true(result, emulator)
            assert names(emulator, app) == {"A", "A::B", "A::B::C", "A::B::C::D"}


async def test_runs_for_one_app_wait_for_each_other(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """If several runs start together, the first one creates, and each reports correctly what it did."""
    emulator.latency = 0.002
    emulator.faults = Faults(0.2, ["500", "500-after", "drop-before", "drop-after"], seed=3, match="POST")
    plan = plan_of(40)
    results = await asyncio.gather(
        *(adjust.trackers.provision(app_of(emulator), plan, grace_time=0.2) for _ in range(3))
    )
    assert names(emulator) == set(plan)
    assert sorted(result.counts["created"] for result in results) == [0, 0, 40]
    for result in results:
        assert_true(result, emulator)
        assert result.counts["failed"] == 0


async def test_overlapping_plans_for_one_app(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Runs with different plans for one app create their common trackers once."""
    plans = [[f"A::B::{letter}" for letter in letters] for letters in ("wx", "xy", "yz")]
    results = await asyncio.gather(*(adjust.trackers.provision(app_of(emulator), plan) for plan in plans))
    assert names(emulator) == {"A", "A::B", *(f"A::B::{letter}" for letter in "wxyz")}
    assert sum(result.counts["created"] for result in results) == 4


async def test_a_run_that_gives_up_waiting_disturbs_nobody(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """If it is cancelled while it waits for another run, it has sent nothing, and the other one continues."""
    emulator.latency = 0.02
    first = asyncio.create_task(adjust.trackers.provision(app_of(emulator), plan_of(60)))
    await until(lambda: emulator.stats.total > 0)
    second = asyncio.create_task(adjust.trackers.provision(app_of(emulator), ["Other"]))
    await asyncio.sleep(0.01)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert_true(await first, emulator)
    assert names(emulator) == set(plan_of(60))
