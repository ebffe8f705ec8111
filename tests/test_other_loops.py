"""The surroundings of a client: other event loops, tasks that start immediately, and clients that nobody closes."""

import asyncio
import gc
import sys
import warnings
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from adjust_async import AsyncAdjust, ConfigurationError
from adjust_async.emulator import Emulator
from tests.script import Script, done

trio = pytest.importorskip("trio", reason="trio is not installed")

REPORT: dict[str, Any] = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "yesterday"}


async def listing(adjust: AsyncAdjust) -> object:
    """Iterate over a list."""
    return [tracker async for tracker in adjust.trackers.list("app")]


CALLS: list[Callable[[AsyncAdjust], Any]] = [
    listing,
    lambda adjust: adjust.partners.list().collect(),
    lambda adjust: adjust.trackers.create("app", "x"),
    lambda adjust: adjust.trackers.update("app", "x", partner_id=5),
    lambda adjust: adjust.trackers.provision("app", ["x"]),
    lambda adjust: adjust.reports.fetch(**REPORT),
    lambda adjust: adjust.aclose(),
    lambda adjust: adjust.__aenter__(),
]


@pytest.mark.parametrize("call", CALLS)
def test_trio_is_refused(call: Callable[[AsyncAdjust], Any]) -> None:
    """Under trio every call is refused with a message that names asyncio, and nothing is left unawaited."""

    async def main() -> None:
        adjust = AsyncAdjust("api-token", http_client=httpx.AsyncClient(transport=Script(done())))
        with pytest.raises(ConfigurationError, match="AsyncAdjust is for asyncio, not for trio"):
            await call(adjust)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trio.run(main)
        gc.collect()


def drop(*, used: bool, closed: bool) -> list[str]:
    """Drop a client, and return its warnings."""

    async def main() -> int:
        async with Emulator() as emulator:
            adjust = AsyncAdjust(emulator.token, api_url=emulator.url)
            if used:
                await adjust.partners.list().collect()
            if closed:
                await adjust.aclose()
            before = len(asyncio.all_tasks())
            del adjust
            gc.collect()
            return len(asyncio.all_tasks()) - before

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        assert asyncio.run(main()) <= 0
        gc.collect()
    return [str(warning.message) for warning in caught if "AsyncAdjust" in str(warning.message)]


def test_a_client_that_nobody_closes_warns() -> None:
    """A used client that is dropped without `aclose` warns, and starts no task; any other is silent."""
    assert drop(used=True, closed=False) == ["an AsyncAdjust was dropped without aclose(): use `async with`"]
    assert drop(used=True, closed=True) == []
    assert drop(used=False, closed=False) == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_tasks_that_start_at_once() -> None:
    """With `asyncio.eager_task_factory` all calls work, and nothing is left unawaited."""

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(vars(asyncio)["eager_task_factory"])
        async with Emulator() as emulator, AsyncAdjust(emulator.token, api_url=emulator.url) as adjust:
            app = (await adjust.apps.list())[0].token
            assert await adjust.partners.list().collect()
            await adjust.trackers.create(app, "Eager")
            assert [tracker async for tracker in adjust.trackers.walk([app])]
            await adjust.trackers.provision(app, ["One", "Two::Three"])
            await adjust.kpis.deliverables([app], start_date="2026-11-01", end_date="2026-11-02")
            await adjust.reports.fetch(**REPORT, app_tokens=[app])
            async for _ in adjust.trackers.list(app):
                break
            walk = asyncio.ensure_future(listing(adjust))
            walk.cancel()
            await asyncio.gather(walk, return_exceptions=True)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(main())
        gc.collect()
