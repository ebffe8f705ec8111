"""`aclose(drain=...)`: running calls may end, nothing new starts, and nothing is left in doubt."""

import asyncio
from contextlib import aclosing

import pytest

from adjust_async import AsyncAdjust, ClientClosedError, ConfigurationError
from adjust_async.emulator import Emulator, Faults
from tests.conftest import ScriptedClient
from tests.script import after, done, never

pytestmark = pytest.mark.anyio

CREATES = "POST /public/v1/apps/{app_token}/trackers"


async def test_a_running_call_ends_and_a_new_one_is_refused(client: ScriptedClient) -> None:
    """A create that was sent gets its answer; one that arrives while the client drains is refused, unsent."""
    async with client(after(0.1)) as (adjust, script):
        creating = asyncio.create_task(adjust.trackers.create("app", "Adroll"))
        while not script.in_flight:
            await asyncio.sleep(0)
        closing = asyncio.create_task(adjust.aclose(drain=10))
        await asyncio.sleep(0)
        assert "closing, calls in flight: 1" in repr(adjust)
        with pytest.raises(ClientClosedError) as caught:
            await adjust.trackers.create("app", "Adroll")
        assert not caught.value.in_doubt
        assert (await creating).token == "abc123"
        await closing
        assert len(script.requests) == 1
        assert "closed" in repr(adjust)


async def test_calls_that_outlast_the_time_are_ended(client: ScriptedClient) -> None:
    """After the time is up, a create without an answer ends in doubt, as it does at once without a time."""
    for drain in (0, 0.05):
        async with client(never) as (adjust, script):
            creating = asyncio.create_task(adjust.trackers.create("app", "Adroll"))
            while not script.in_flight:
                await asyncio.sleep(0)
            await adjust.aclose(drain=drain)
            with pytest.raises(ClientClosedError) as caught:
                await creating
            assert caught.value.in_doubt


async def test_an_idle_client_closes_at_once(client: ScriptedClient) -> None:
    """Draining waits for running calls, not for the whole time; closing again does nothing."""
    async with client(done()) as (adjust, _):
        async with asyncio.timeout(60):
            await adjust.aclose(drain=600)
            await adjust.aclose(drain=600)


async def test_closing_while_it_drains_cuts_at_once(client: ScriptedClient) -> None:
    """A second `aclose()` does not wait for the first one's time, and a cancelled one leaves the client closed."""
    async with client(never) as (adjust, script):
        call = asyncio.create_task(adjust.partners.list().collect())
        while not script.in_flight:
            await asyncio.sleep(0)
        draining = asyncio.create_task(adjust.aclose(drain=600))
        await asyncio.sleep(0)
        await adjust.aclose()
        async with asyncio.timeout(60):
            await draining
        with pytest.raises(ClientClosedError):
            await call
    async with client(never) as (adjust, script):
        call = asyncio.create_task(adjust.partners.list().collect())
        while not script.in_flight:
            await asyncio.sleep(0)
        draining = asyncio.create_task(adjust.aclose(drain=600))
        await asyncio.sleep(0)
        draining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await draining
        with pytest.raises(ClientClosedError):
            await call


@pytest.mark.account(apps=30, trackers_per_app=20, latency=0.02)
@pytest.mark.settings(max_concurrency=4)
@pytest.mark.slow
async def test_walks_and_fan_outs_are_completed(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A report of thirty apps, a walk and a list that need many more requests are completed."""
    question = asyncio.create_task(
        adjust.kpis.deliverables(emulator.app_tokens, start_date="2026-01-01", end_date="2026-01-02", kpis=["clicks"])
    )
    listing = asyncio.create_task(adjust.trackers.list(emulator.app_tokens[0], page_size=1).collect())

    async def walk() -> int:
        async with aclosing(adjust.trackers.walk(emulator.app_tokens)) as trackers:
            return len([tracker async for tracker in trackers])

    walking = asyncio.create_task(walk())
    while emulator.stats.in_flight < 4:
        await asyncio.sleep(0)
    await adjust.aclose(drain=60)
    assert len({row["app_token"] for row in (await question).rows()}) == 30
    assert await walking == 600
    assert await listing
    assert emulator.stats.max_in_flight == 4


@pytest.mark.account(trackers_per_app=0, latency=0.02)
@pytest.mark.settings(max_concurrency=4)
async def test_a_run_stops_in_good_order(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A draining run sends no further create; those that it had sent are accounted for, and nothing is in doubt."""
    app = emulator.app_tokens[0]
    plan = [f"Network {number}" for number in range(200)]
    emulator.faults = Faults.script([*[None] * 20, "drop-after"], match="POST ")
    running = asyncio.create_task(adjust.trackers.provision(app, plan, grace_time=0.1))
    while emulator.stats.requests[CREATES] < 21:
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await adjust.aclose(drain=600)
    with pytest.raises(ClientClosedError, match="closed while a plan was provisioned") as caught:
        await running
    result = caught.value.result
    assert result is not None
    assert not any(outcome.in_doubt for outcome in result.outcomes)
    created = {outcome.path for outcome in result.outcomes if outcome.status == "created"}
    assert 20 <= len(created) < 40
    assert all(outcome.not_tried for outcome in result.failed)
    async with AsyncAdjust(emulator.token, api_url=emulator.url) as other:
        assert {tracker.name async for tracker in other.trackers.list(app)} == created


async def test_a_run_that_has_started_everything_succeeds(emulator: Emulator) -> None:
    """If there was nothing left to start, the result is the same as without closing."""
    emulator.latency = 0.05
    adjust = AsyncAdjust(emulator.token, api_url=emulator.url)
    app = emulator.app_tokens[0]
    running = asyncio.create_task(adjust.trackers.provision(app, ["Brand new"]))
    while not emulator.stats.requests[CREATES]:
        await asyncio.sleep(0)
    await adjust.aclose(drain=600)
    assert (await running).counts["created"] == 1


@pytest.mark.parametrize("drain", [-1, "5", True, None, float("nan")])
async def test_a_wrong_time(client: ScriptedClient, drain: float) -> None:
    """A value that is not a number of seconds is refused, and the client stays open."""
    async with client(done()) as (adjust, _):
        with pytest.raises(ConfigurationError, match=r"^drain is "):
            await adjust.aclose(drain=drain)
        await adjust.trackers.update("app", "abc123", partner_id=1)
