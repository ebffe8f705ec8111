"""Plans of tens of thousands of entries: their memory, and for how long they block the event loop."""

import gc
import tracemalloc

import httpx
import pytest

from adjust_async import AsyncAdjust, ProvisionOutcome
from tests.turns import FEW_CALLS, Turns

pytestmark = pytest.mark.anyio


def client_answering(status: int, body: str) -> AsyncAdjust:
    """Make a client of an empty account whose every create is refused."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"data": {"items": []}})
        return httpx.Response(status, text=body)

    return AsyncAdjust("api-token", http_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (
            400,
            '{"error": {"message": "the name is not what this service takes", "request_id": "FcK55-tdJUDOWQIAABsB"}}',
        ),
        (404, '{"error": {"message": "%s"}}' % ("no " * 5000)),
        (409, f"<html>{'x' * 30_000}</html>"),
    ],
)
async def test_refused_entries_keep_little(status: int, body: str) -> None:
    """However long the answers of the service are, an entry that was refused keeps at most 2 kB."""
    adjust = client_answering(status, body)

    async def kept(entries: int) -> int:
        plan = [f"Network {number}" for number in range(entries)]
        gc.collect()
        tracemalloc.start()
        try:
            result = await adjust.trackers.provision("app", plan, grace_time=0)
            gc.collect()
            traced, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert result.counts["failed"] == entries
        return traced

    await adjust.trackers.provision("app", [f"W{number}" for number in range(40)], grace_time=0)
    # The first ones keep the whole answer, in the small plan as in the large one.
    few = await kept(25)
    assert (await kept(85) - few) / 60 < 2048
    await adjust.aclose()


@pytest.mark.slow
async def test_the_event_loop_is_not_blocked() -> None:
    """While 20,000 entries are read, compared, cancelled and reported, the loop goes on after a small share of them."""
    told: list[ProvisionOutcome] = []
    plan = [f"N{number}" for number in range(10_000)] + [f"A{number % 7}::B{number}" for number in range(10_000)]
    adjust = client_answering(403, '{"error": {"message": "no"}}')
    await adjust.trackers.provision("app", ["warm"], dry_run=True)
    async with Turns() as turns:
        await adjust.trackers.provision("app", plan, dry_run=True)
        await adjust.trackers.provision("app", plan, grace_time=0, on_outcome=told.append)
    assert len(told) == len(plan)
    assert turns.most_calls < FEW_CALLS
    await adjust.aclose()
