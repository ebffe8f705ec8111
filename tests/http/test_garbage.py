"""What a request leaves behind: nothing that only the collector of cycles would find."""

import gc
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest

from adjust_async import AsyncAdjust
from adjust_async.emulator import Emulator
from adjust_async.transports import AiohttpTransport, PooledTransport

pytestmark = pytest.mark.anyio

CALLS = 50


@pytest.fixture(autouse=True)
def _collector_off() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def trackers(adjust: AsyncAdjust, app: str) -> None:
    """Fetch one page."""
    assert await adjust.trackers.list(app, max_items=5).collect()


async def report(adjust: AsyncAdjust, app: str) -> None:
    """Request a report, whose document is stored by column."""
    assert await adjust.reports.fetch(
        dimensions=["day"], metrics=["installs"], date_period="2026-01-26:2026-02-01", app_tokens=[app]
    )


@pytest.mark.parametrize("transport", [PooledTransport, AiohttpTransport])
@pytest.mark.parametrize("call", [trackers, report])
async def test_a_call_leaves_no_cycles(
    emulator: Emulator,
    transport: type[httpx.AsyncBaseTransport],
    call: Callable[[AsyncAdjust, str], Awaitable[None]],
) -> None:
    """After fifty calls the collector finds no objects of the SDK or httpx: all were freed without it."""
    app = emulator.app_tokens[0]
    async with (
        httpx.AsyncClient(transport=transport()) as http_client,
        AsyncAdjust(emulator.token, api_url=emulator.url, http_client=http_client) as adjust,
    ):
        await call(adjust, app)
        gc.collect()
        for _ in range(CALLS):
            await call(adjust, app)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        left = [
            kind for kind in map(type, gc.garbage) if kind.__module__.startswith(("adjust_async", "httpx", "tenacity"))
        ]
        gc.garbage.clear()
    assert [kind for kind in left if "emulator" not in kind.__module__] == []
