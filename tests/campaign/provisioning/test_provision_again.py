"""Any plan over any beginning, processes that are killed, and what once went wrong."""

import asyncio
import pickle
import random
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings, strategies as st

from adjust_async import AdjustError, AsyncAdjust, ClientClosedError, TrackerSpec
from adjust_async.emulator import Emulator, Faults
from tests.campaign.provisioning import empty_account
from tests.campaign.provisioning.empty_account import GRACE, NOTHING, app_of
from tests.clock import settle
from tests.provisioning_plans import (
    Outcomes,
    assert_in_order,
    assert_true,
    counted,
    left_over,
    names,
    patient,
    plan_of,
    sent,
    until,
    with_parents,
)

pytestmark = pytest.mark.anyio
version, emulator, adjust = empty_account.version, empty_account.emulator, empty_account.adjust


# Any plan, and processes that are killed.


LABEL = st.sampled_from(["a", "b", "é", "c d", "ß", "a b", "1", "11"])
PATHS = st.lists(LABEL, min_size=1, max_size=4).map("::".join)


@settings(deadline=None, max_examples=30)
@given(
    there=st.lists(PATHS, max_size=10),
    plan=st.lists(PATHS, max_size=15),
    faults=st.booleans(),
    max_concurrency=st.sampled_from([1, 2, 50]),
)
def test_any_plan_over_any_beginning(there: list[str], plan: list[str], faults: bool, max_concurrency: int) -> None:
    """In the end, existing and planned trackers exist once per name, and every outcome says which it was."""

    async def run() -> None:
        async with (
            Emulator(apps=1, trackers_per_app=0, duplicate_names="allow") as emulator,
            patient(emulator, max_concurrency=max_concurrency) as adjust,
        ):
            app = app_of(emulator)
            await adjust.trackers.provision(app, there)
            before = names(emulator)
            assert before == with_parents(there)
            if faults:
                kinds = ["500", "500-after", "drop-before", "drop-after", "truncated-json"]
                emulator.faults = Faults(0.3, kinds, seed=len(plan), match="POST")
            result = await adjust.trackers.provision(app, plan, grace_time=0)
            assert names(emulator) == before | with_parents(plan)
            assert_in_order(result, plan)
            assert_true(result, emulator)
            seen: set[str] = set()
            for outcome in result.outcomes:
                fresh = outcome.path not in before and outcome.path not in seen
                assert outcome.status == ("created" if fresh else "unchanged")
                seen.add(outcome.path)
            assert {outcome.path for outcome in result.implied} == with_parents(plan) - set(plan)
            assert left_over(adjust) == NOTHING

    asyncio.run(run())


RUN = """
import asyncio, sys
from adjust_async import AsyncAdjust
from tests.provisioning_plans import plan_of

async def main(url, token, app):
    async with AsyncAdjust(token, api_url=url, max_concurrency=10, timeout=2, max_attempts=60) as adjust:
        await adjust.trackers.provision(app, plan_of(150), grace_time=0.4)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
async def test_a_process_that_is_killed_and_run_again(tmp_path: Path) -> None:
    """After five kills at random moments and a complete run, each tracker exists exactly once."""
    source = random.Random(11)
    database = tmp_path / "account.sqlite"
    async with Emulator(
        apps=1, trackers_per_app=0, duplicate_names="allow", latency=0.02, database=database
    ) as emulator:
        app = app_of(emulator)
        kinds = ["500", "500-after", "drop-before", "drop-after", "drop-late", "unlisted", "truncated-body"]
        emulator.faults = Faults(0.2, kinds, seed=8, late=0.05, match="POST")
        for _ in range(5):
            arguments = ("-c", RUN, emulator.url, emulator.token, app)
            before = sent(emulator)["POST"]
            process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=Path(__file__).parents[1])
            with suppress(TimeoutError):
                async with asyncio.timeout(60):
                    while sent(emulator)["POST"] == before and process.returncode is None:
                        await asyncio.sleep(0.001)
            await asyncio.sleep(source.random() * 0.12)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await asyncio.sleep(0.1)  # what was under way at the service has ended, and lists have caught up
        assert 0 < emulator.store.count_trackers(app) < 150
        async with patient(emulator) as adjust:
            result = await adjust.trackers.provision(app, plan_of(150), grace_time=GRACE)
            assert_true(result, emulator)
            assert result.counts["failed"] == 0
            assert result.counts["created"] > 0
            assert result.counts["unchanged"] > 0
        assert counted(database, app) == (150, 0)
        assert names(emulator) == set(plan_of(150))


async def test_requests_of_a_second_run_grow_only_with_the_branches(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Twice as many leaves cost no further request, as long as they fit on a page."""
    app = app_of(emulator)
    counts = []
    for leaves in (10, 20, 40):
        plan = [f"N{network}::C{leaf}" for network in range(4) for leaf in range(leaves)]
        await adjust.trackers.provision(app, plan)
        emulator.stats.reset()
        await adjust.trackers.provision(app, plan)
        assert {route for route in emulator.stats.requests if not re.match("GET", route)} == set()
        counts.append(emulator.stats.total)
    assert counts == [5, 5, 5]


# What once went wrong.


@pytest.mark.parametrize("mode", ["allow", "refuse"])
async def test_runs_in_sequence_with_lists_that_lag(mode: Any) -> None:
    """A client knows what it created recently, even if lists don't show it yet."""
    async with Emulator(apps=1, trackers_per_app=0, duplicate_names=mode) as emulator:
        emulator.faults = Faults.script(["unlisted"] * 6, late=0.4, match="POST")
        async with patient(emulator) as adjust:
            results = [
                await adjust.trackers.provision(app_of(emulator), ["A::B", "A::C"], grace_time=1) for _ in range(2)
            ]
            assert_true(results[0], emulator)
        assert [result.counts["unchanged"] for result in results] == [0, 2]
        assert sent(emulator)["POST"] == 3


async def test_a_second_cancellation_loses_nothing(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """After two cancellations a run still ends in order: everything is released, and the result is correct."""
    emulator.latency = 0.1
    plan = plan_of(60)
    outcomes = Outcomes()
    task = asyncio.create_task(adjust.trackers.provision(app_of(emulator), plan, grace_time=0.4, on_outcome=outcomes))
    await until(lambda: sent(emulator)["POST"] >= 10)
    task.cancel()
    await settle()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left_over(adjust) == NOTHING
    outcomes.assert_whole(plan)
    outcomes.assert_true(emulator)


async def test_a_create_in_doubt_is_never_reported_as_untried(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A create without an answer and without a list is in doubt, and says so."""
    emulator.faults = [None, "drop-after", *["hang"] * 50]
    outcomes = Outcomes()
    task = asyncio.create_task(adjust.trackers.provision(app_of(emulator), ["A"], grace_time=0.2, on_outcome=outcomes))
    await until(lambda: sent(emulator)["GET"] >= 2)  # the second list looks for the create, and hangs
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (outcome,) = outcomes.outcomes
    assert names(emulator) == {"A"}
    assert outcome.status == "failed"
    assert outcome.in_doubt
    assert adjust._session.calls == 0


async def test_settings_are_sent_before_children() -> None:
    """Children may inherit settings from their parent: the result is the same, whatever failed in between."""
    async with Emulator(apps=1, trackers_per_app=0) as emulator:
        emulator.faults = Faults.script(["429", "500"], match="PATCH")
        plan: list[str | TrackerSpec] = [TrackerSpec("A", partner="AppLovin")]
        plan += [f"A::{number}" for number in range(20)]
        async with patient(emulator) as adjust:
            result = await adjust.trackers.provision(app_of(emulator), plan)
        partners = {outcome.tracker.partner_id for outcome in result.outcomes if outcome.tracker is not None}
    assert len(partners) == 1
    assert partners != {None}


async def test_an_error_that_its_own_result_holds_can_be_pickled(emulator: Emulator) -> None:
    """The error of `on_failure="raise"` is also the error of an outcome in its result."""
    emulator.faults = Faults.script(["500"] * 20, match="POST")
    async with patient(emulator, max_attempts=1) as hasty:
        with pytest.raises(AdjustError) as raised:
            await hasty.trackers.provision(app_of(emulator), ["A"], on_failure="raise", grace_time=0)
    came = pickle.loads(pickle.dumps(raised.value))
    assert str(came) == str(raised.value)
    assert came.result.outcomes[0].error is came


async def test_no_permission_to_set_ends_the_run() -> None:
    """If one update is forbidden, the others would be too, and are not sent."""

    async def forbid(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            items = [{"name": f"N{n}", "label": f"N{n}", "token": f"t{n}"} for n in range(100)]
            return httpx.Response(200, json={"data": {"items": items}})
        updates.append(request)
        return httpx.Response(403, json={"error": {"message": "no"}})

    updates: list[httpx.Request] = []
    plan = [TrackerSpec(f"N{n}", partner_id=3) for n in range(100)]
    async with AsyncAdjust(
        "secret-token", http_client=httpx.AsyncClient(transport=httpx.MockTransport(forbid)), max_concurrency=5
    ) as client:
        result = await client.trackers.provision("app", plan)
    assert result.counts["failed"] == 100
    assert len(updates) <= 10


async def test_a_create_in_flight_at_the_close_is_in_doubt(emulator: Emulator) -> None:
    """A create that was sent before the client was closed is never reported as untried, since it may exist."""
    emulator.faults = Faults.script(["drip"] * 5, drip=5, match="POST")
    adjust = patient(emulator)
    plan = ["A", "B", "C"]
    task = asyncio.create_task(adjust.trackers.provision(app_of(emulator), plan))
    await until(lambda: len(names(emulator)) == len(plan))
    await adjust.aclose()
    with pytest.raises(ClientClosedError) as closed:
        await task
    assert names(emulator) == set(plan)
    for outcome in closed.value.result.outcomes:
        assert outcome.status == "failed"
        assert outcome.error.in_doubt
