"""`with_options`: other time limits and attempts for the same client."""

import asyncio
from typing import Any

import pytest

from adjust_async import (
    APITimeoutError,
    AsyncAdjust,
    ClientClosedError,
    ConfigurationError,
    PoolExhaustedError,
    ServerError,
)
from adjust_async.emulator import Emulator, Faults
from tests.conftest import ScriptedClient
from tests.script import after, done, never, status

pytestmark = pytest.mark.anyio

QUESTION: dict[str, Any] = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "2026-01-01:2026-01-02"}


@pytest.mark.parametrize(
    ("option", "where"), [({"timeout": 0.05}, "timeout=0.05"), ({"deadline": 0.05}, "deadline=0.05")]
)
async def test_clocks_hold_for_both_hosts_and_not_for_the_client(
    client: ScriptedClient, option: Any, where: str
) -> None:
    """A view has its own time limits, whose errors name the option; the client's are unchanged."""
    async with client(after(0.2), max_attempts=1) as (adjust, _):
        quick = adjust.with_options(**option)
        with pytest.raises(APITimeoutError, match=f"no complete answer within {where} s"):
            await quick.trackers.create("app", "A")
        with pytest.raises(APITimeoutError, match=f"no complete answer within {where} s"):
            await quick.reports.fetch(**QUESTION)
        assert (await adjust.trackers.update("app", "abc123", partner_id=1)).token == "abc123"


@pytest.mark.usefixtures("quick_retries")
async def test_attempts(client: ScriptedClient) -> None:
    """`max_attempts` applies only to calls of the view, and one option leaves the others unchanged."""
    async with client(status(503), max_attempts=3) as (adjust, script):
        for opened, attempts in ((adjust.with_options(max_attempts=1), 1), (adjust, 3)):
            before = len(script.requests)
            with pytest.raises(ServerError) as caught:
                await opened.partners.list().collect()
            assert len(script.requests) - before == caught.value.attempts == attempts
        config = adjust.with_options(max_attempts=1).with_options(deadline=None)._session.config
        assert (config.max_attempts, config.api.deadline, config.reports.deadline) == (1, None, None)
        assert (config.api.timeout, config.reports.timeout) == (30.0, 300.0)


async def test_limits_are_shared(client: ScriptedClient) -> None:
    """Calls of a view use the client's permits."""
    async with client(never, max_concurrency=1) as (adjust, script):
        holding = asyncio.create_task(adjust.partners.list().collect())
        while not script.in_flight:
            await asyncio.sleep(0)
        with pytest.raises(PoolExhaustedError, match=r"raise max_concurrency, max_rate or deadline"):
            await adjust.with_options(deadline=0.02).partners.list().collect()
        assert "calls in flight: 1" in repr(adjust.with_options(timeout=1))
        holding.cancel()
        await asyncio.wait([holding])


@pytest.mark.account(trackers_per_app=0, list_lag=60)
async def test_memory_is_shared(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """The client and other views know what a view created, even if no list shows it yet."""
    app = emulator.app_tokens[0]
    created = await adjust.with_options(deadline=20).trackers.create(app, "Adroll")
    for opened in (adjust, adjust.with_options(max_attempts=2)):
        assert await opened.trackers.find(app, "Adroll") == created


async def test_runs_of_views_wait_for_each_other(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Two runs for one app by two views create each tracker once."""
    app = emulator.app_tokens[0]
    plan = [f"Network {number}::A" for number in range(20)]
    views = [adjust.with_options(max_attempts=3), adjust.with_options(deadline=30)]
    results = await asyncio.gather(*(view.trackers.provision(app, plan) for view in views))
    assert sorted(result.counts["created"] for result in results) == [0, 20]


async def test_grace_time_is_the_clients(client: ScriptedClient) -> None:
    """`create`, `find` and `provision` use `grace_time` of the client or view; `provision` has an argument, too."""
    async with client(done(), grace_time=2.5) as (adjust, _):
        assert adjust._session.config.grace_time == 2.5
        assert adjust.with_options(grace_time=0)._session.config.grace_time == 0
    for wrong in (-1, 601, "5", True, float("nan")):
        with pytest.raises(ConfigurationError, match=r"^grace_time is .*: pass seconds from 0 to 600"):
            AsyncAdjust("secret-token", grace_time=wrong)  # type: ignore[arg-type]


@pytest.mark.account(trackers_per_app=0)
@pytest.mark.settings(grace_time=600)
async def test_the_grace_time_is_awaited(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A create whose answer was lost is looked up for the view's grace time, not for the client's ten minutes."""
    emulator.faults = Faults.script(["drop-after"], match="POST ")
    quick = adjust.with_options(grace_time=0.1)
    async with asyncio.timeout(60):
        result = await quick.trackers.provision(emulator.app_tokens[0], ["A"])
    assert result.counts["created"] == 1


async def test_a_view_is_neither_entered_nor_closed(client: ScriptedClient) -> None:
    """Both say what to do instead; the client continues, and its end is the view's."""
    async with client(done()) as (adjust, _):
        view = adjust.with_options(timeout=1)
        with pytest.raises(ConfigurationError, match="enter the client itself"):
            async with view:
                raise AssertionError
        with pytest.raises(ConfigurationError, match="close the client"):
            await view.aclose()
        assert view.http_client is adjust.http_client
        await view.trackers.update("app", "abc123", partner_id=1)
    with pytest.raises(ClientClosedError):
        await view.trackers.update("app", "abc123", partner_id=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"timeout": 0}, "timeout is 0: pass seconds above 0"),
        ({"deadline": "5"}, "deadline is '5'"),
        ({"max_attempts": 0}, "max_attempts is 0"),
        ({"grace_time": -1}, "grace_time is -1"),
    ],
)
async def test_wrong_options(client: ScriptedClient, options: Any, words: str) -> None:
    """A wrong value is refused at once, under the option's own name."""
    async with client(done()) as (adjust, _):
        with pytest.raises(ConfigurationError, match=f"^{words}"):
            adjust.with_options(**options)


async def test_an_unknown_option(client: ScriptedClient) -> None:
    """An unknown option is a TypeError that lists the known ones."""
    async with client(done()) as (adjust, _):
        with pytest.raises(TypeError, match="'retries': with_options has timeout, deadline, max_attempts, grace_time"):
            adjust.with_options(retries=3)  # type: ignore[call-arg]
