"""Faults of the service: after any of them, each tracker exists exactly once."""

import asyncio
import random
import re
from collections.abc import Callable
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pytest

from adjust_async import AsyncAdjust, ProvisionResult, TrackerSpec
from adjust_async.emulator import LIST_FAULTS, Emulator, Fault, Faults
from tests.campaign.provisioning import empty_account
from tests.campaign.provisioning.empty_account import GRACE, NOTHING, app_of
from tests.provisioning_plans import (
    Progress,
    assert_in_order,
    assert_outcomes_true,
    assert_true,
    left_over,
    names,
    parents_of,
    patient,
    plan_of,
    sent,
    statuses,
    until,
    with_parents,
)

pytestmark = pytest.mark.anyio
version, emulator, adjust = empty_account.version, empty_account.emulator, empty_account.adjust


SMALL = ["A::B::C::D", "A", "E::F", "A::B::C::G"]
KINDS = [fault for fault in Fault if fault not in LIST_FAULTS]


async def provision_with(fault: Fault, position: int, mode: Any) -> None:
    """Provision with that fault at that create, and check everything afterwards."""
    script = [None] * position + [fault]
    faults = Faults.script(script, retry_after=0, drip=0.03, late=0.15, storm=0.1, match="POST")
    async with Emulator(apps=1, trackers_per_app=0, duplicate_names=mode) as emulator:
        progress = Progress()
        async with patient(emulator, timeout=0.4) as adjust:
            emulator.faults = faults
            result = await adjust.trackers.provision(app_of(emulator), SMALL, grace_time=GRACE, on_progress=progress)
            assert names(emulator) == with_parents(SMALL)
            assert set(statuses(result).values()) == {"created"}
            assert_true(result, emulator)
            assert_in_order(result, SMALL)
            progress.assert_whole(result)
            # The answer to the first create is right: there is no other tracker to mix it up with.
            assert emulator.stats.faults[fault] >= 1 or (fault is Fault.WRONG_TRACKER and not position)
            assert left_over(adjust) == NOTHING
            if fault is Fault.UNLISTED:
                await asyncio.sleep(0.16)
            emulator.stats.reset()
            again = await adjust.trackers.provision(app_of(emulator), SMALL, grace_time=GRACE)
            assert set(statuses(again).values()) == {"unchanged"}
            assert sent(emulator).keys() == {"GET"}


@pytest.mark.slow
@pytest.mark.parametrize("faults", [KINDS[first::5] for first in range(5)], ids=lambda faults: "+".join(faults))
async def test_each_fault_of_a_create_is_overcome(faults: list[Fault]) -> None:
    """Whatever happens to any create, each tracker exists once, whether duplicates are refused or not."""
    modes = cycle(("allow", "refuse"))
    async with asyncio.TaskGroup() as group:
        # Each fault meets each create, and each of the two modes.
        for fault, position in product(faults, range(len(with_parents(SMALL)))):
            group.create_task(provision_with(fault, position, next(modes)), name=fault)


async def provision_through(fault: Fault) -> None:
    """Provision while every third request, including lists, has the fault."""
    faults = Faults.script([None, fault, None] * 30, retry_after=0, drip=0.02, late=0.05, storm=0.05)
    async with Emulator(apps=1, trackers_per_app=0, duplicate_names="allow", faults=faults) as emulator:
        async with patient(emulator) as adjust:
            result = await adjust.trackers.provision(app_of(emulator), SMALL, grace_time=0.2)
        assert set(statuses(result).values()) == {"created"}
        assert_true(result, emulator)
        assert names(emulator) == with_parents(SMALL)
        assert emulator.stats.faults[fault] > 0


@pytest.mark.slow
async def test_each_fault_of_every_request_is_overcome() -> None:
    """If lists and creates keep failing in the same way, every kind of fault has the same result."""
    async with asyncio.TaskGroup() as group:
        for fault in KINDS:
            if fault not in {Fault.UNLISTED, Fault.HANG}:
                group.create_task(provision_through(fault), name=fault)


@pytest.mark.parametrize("fault", ["moved-list", "repeated-item", "empty-page", "stale-has-subtrackers"])
@pytest.mark.parametrize("times", [1, 3])
async def test_each_fault_of_a_list_is_overcome(fault: str, times: int, version: Any) -> None:
    """A list that changed while it was read is read again, and its `has_subtrackers` is not trusted."""
    if (fault, version) == ("moved-list", "v2"):
        pytest.skip("nothing in the answers of v2 tells that the list moved")
    plan = [f"N{number}::{letter}" for number in range(12) for letter in "ab"]
    async with Emulator(apps=1, trackers_per_app=0, duplicate_names="allow", page_size=5) as emulator:
        async with patient(emulator, campaign_version=version) as adjust:
            await adjust.trackers.provision(app_of(emulator), plan)
        for match in (re.compile("trackers(\\?|$)"), "children"):
            emulator.faults = Faults.script([fault, *[None] * 3] * times, match=match)
            async with patient(emulator, campaign_version=version) as adjust:
                result = await adjust.trackers.provision(app_of(emulator), plan)
            assert result.counts["unchanged"] == len(plan)
            assert emulator.stats.faults[fault] > 0 or match == "children"
            assert_true(result, emulator)


@pytest.mark.parametrize("mode", ["allow", "refuse"])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_create_that_is_done_late_is_not_sent_again(mode: Any, times: int) -> None:
    """Work that continues after the connection has dropped is awaited until the grace time has passed."""
    async with Emulator(apps=1, trackers_per_app=0, duplicate_names=mode) as emulator, patient(emulator) as adjust:
        emulator.faults = Faults.script(["drop-late"] * times, late=0.1, match="POST")
        plan = [f"N{number}" for number in range(times)]
        result = await adjust.trackers.provision(app_of(emulator), plan, grace_time=0.8)
        assert sent(emulator)["POST"] == times
        assert result.counts["created"] == times
        assert_true(result, emulator)


@pytest.mark.parametrize("mode", ["allow", "refuse"])
async def test_a_tracker_that_no_list_shows_yet_can_have_children(mode: Any) -> None:
    """An answered create exists, even if lists don't show it, and its children are created once."""
    async with Emulator(apps=1, trackers_per_app=0, duplicate_names=mode) as emulator, patient(emulator) as adjust:
        kinds = ["unlisted", "drop-after", "500"]
        emulator.faults = Faults(0.7, kinds, seed=4, late=0.2, match="POST")
        result = await adjust.trackers.provision(app_of(emulator), plan_of(60), grace_time=GRACE)
        assert_true(result, emulator)
        assert result.counts["created"] == 60
        assert names(emulator) == set(plan_of(60))


async def test_a_name_that_is_taken_by_a_tracker_that_no_list_shows_yet() -> None:
    """A refused name is looked up: its tracker is found, and counts as existing before."""
    async with Emulator(apps=1, trackers_per_app=0) as emulator, patient(emulator) as adjust:
        app = app_of(emulator)
        emulator.faults = Faults.script(["unlisted"], late=0.3, match="POST")
        created = await adjust.trackers.create(app, "A")
        result = await adjust.trackers.provision(app, ["A", "A::B"], grace_time=GRACE)
        assert [outcome.status for outcome in result.outcomes] == ["unchanged", "created"]
        assert result.outcomes[0].tracker is not None
        assert result.outcomes[0].tracker.token == created.token
        assert_true(result, emulator)


async def test_children_of_a_tracker_that_was_found_late_are_compared_too() -> None:
    """If another client was faster, its children are found and nothing is created twice."""
    async with Emulator(apps=1, trackers_per_app=0) as emulator, patient(emulator) as adjust:
        app = app_of(emulator)
        emulator.faults = Faults.script(["unlisted"], late=0.2, match="POST")
        parent = await adjust.trackers.create(app, "A")
        child = await adjust.trackers.create(app, "B", parent_token=parent.token)
        await adjust.trackers.create(app, "C", parent_token=child.token)
        plan: list[Any] = ["A::B::C", "A::B::D", "A", TrackerSpec("A::B", cost_data_enabled=True)]
        result = await adjust.trackers.provision(app, plan, grace_time=GRACE)
        assert [outcome.status for outcome in result.outcomes] == ["unchanged", "created", "unchanged", "updated"]
        assert_true(result, emulator)


#: What services make of names, and what they answer where one is taken.
NAMES: list[tuple[str | Callable[[str], str], Callable[[str], str]]] = [
    ("given", str),
    ("lower", str.lower),
    (lambda name: name.replace(" ", "&#32;"), lambda path: path.replace(" ", "&#32;")),
    (str.upper, str.upper),
    (lambda name: f"{name} ", lambda path: f"{path.replace('::', ' ::')} "),
]
TAKEN = (400, 409, 422, 200)


async def provision_through_all(seed: int, mode: Any) -> None:
    """Provision through faults of all kinds, and check everything afterwards."""
    form, kept = NAMES[seed % len(NAMES)]
    rules: dict[str, Any] = {"duplicate_names": mode, "names": form, "taken": TAKEN[seed % len(TAKEN)]}
    faults = Faults.of_writes(0.2, seed=seed, retry_after=0.05, drip=0.05, late=0.1)
    async with Emulator(apps=1, trackers_per_app=0, latency=0.005, faults=faults, **rules) as emulator:
        plan, progress = plan_of(100), Progress()
        random.Random(seed).shuffle(plan)
        specs = [TrackerSpec(path, partner_id=33 if path.endswith("1") else None) for path in plan]
        async with patient(emulator) as adjust:
            result = await adjust.trackers.provision(app_of(emulator), specs, grace_time=GRACE, on_progress=progress)
            assert left_over(adjust) == NOTHING
            assert result.counts == {"created": 100, "updated": 0, "unchanged": 0, "failed": 0}
            assert emulator.store.count_trackers(app_of(emulator)) == 100
            assert names(emulator) == set(map(kept, plan))
            assert_in_order(result, plan)
            assert_kept(result, emulator, kept)
            progress.assert_whole(result)
            assert len(emulator.stats.faults) >= 8
            assert emulator.stats.max_in_flight <= 50
            emulator.faults = None
            await asyncio.sleep(0.1)
            emulator.stats.reset()
            again = await adjust.trackers.provision(app_of(emulator), specs, page_size=1000)
        assert again.counts["unchanged"] == 100
        assert sent(emulator) == {"GET": 1 + len(parents_of(plan))}
        assert_kept(again, emulator, kept)


def assert_kept(result: ProvisionResult, emulator: Emulator, kept: Callable[[str], str]) -> None:
    """Compare every outcome with the database of a service that stores names in its own form."""
    outcomes = [outcome._replace(path=kept(outcome.path)) for outcome in (*result.outcomes, *result.implied)]
    assert_outcomes_true(outcomes, emulator.store.tokens_by_name(result.app_token))


@pytest.mark.slow
async def test_all_faults_at_once() -> None:
    """If one request in five fails in some way, hundreds of trackers still exist exactly once each."""
    modes: list[Any] = ["allow", "refuse", "allow", "refuse", "allow"]
    async with asyncio.TaskGroup() as group:
        for seed, mode in enumerate(modes, 1):
            group.create_task(provision_through_all(seed, mode))


async def test_storms(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """While the service refuses all requests, nothing is given up, and few requests are sent."""
    emulator.faults = Faults(0.05, ["429-storm"], seed=6, storm=0.1)
    result = await adjust.trackers.provision(app_of(emulator), plan_of(50))
    assert result.counts["created"] == 50
    assert_true(result, emulator)
    assert emulator.stats.faults["429-storm"] > 0


@pytest.mark.parametrize("after", [1, 30, 90])
async def test_a_service_that_restarts_in_the_middle(emulator: Emulator, after: int, tmp_path: Path) -> None:
    """All connections break, new ones are refused for a while, and committed writes stay: the result is the same."""
    async with (
        Emulator(
            apps=1, trackers_per_app=0, duplicate_names="allow", latency=0.005, database=tmp_path / "account.sqlite"
        ) as emulator,
        patient(emulator, max_concurrency=10) as adjust,
    ):
        run = asyncio.create_task(adjust.trackers.provision(app_of(emulator), plan_of(100), grace_time=GRACE))
        await until(lambda: sent(emulator)["POST"] >= after)
        await emulator.restart(0.2)
        result = await run
        assert result.counts["created"] == 100
        assert_true(result, emulator)
        assert names(emulator) == set(plan_of(100))
