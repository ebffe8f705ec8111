"""Lists and walks keep no page that was consumed."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from adjust_async import AsyncAdjust, Tracker
from tests.clock import jumping_clock

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock

#: Trackers on each page.
ITEMS = 20


class Pages(httpx.AsyncBaseTransport):
    """Serves three pages of each list. Before the last one, it counts the trackers that are alive."""

    def __init__(self) -> None:
        self.alive: list[int] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with the page that the cursor names."""
        number = int(request.url.params.get("after", "0"))
        await asyncio.sleep(1)
        if number == 2:
            self.alive.append(sum(type(thing) is Tracker for thing in gc.get_objects()))
        items = [{"name": f"n{number}-{index}", "token": f"t{number}-{index}"} for index in range(ITEMS)]
        cursors = {"after": str(number + 1)} if number < 2 else {}
        return httpx.Response(200, json={"data": {"items": items, "paging": {"cursors": cursors}}})


@pytest.mark.parametrize(
    "trackers",
    [
        lambda adjust: adjust.trackers.list("abcdefgh1234"),
        lambda adjust: adjust.trackers.list("abcdefgh1234", prefetch=0),
        lambda adjust: adjust.trackers.walk(["abcdefgh1234"], max_level=1),
    ],
    ids=["list", "without prefetching", "walk"],
)
async def test_a_consumed_page_is_dropped_before_the_next_arrives(
    trackers: Callable[[AsyncAdjust], AsyncIterator[Tracker]],
) -> None:
    """While a page is fetched, only the tracker that the consumer holds is left of the pages before it."""
    transport = Pages()
    client = httpx.AsyncClient(transport=transport)
    async with client, AsyncAdjust("token", http_client=client) as adjust:
        gc.collect()
        before = sum(type(thing) is Tracker for thing in gc.get_objects())
        names = [tracker.name async for tracker in trackers(adjust)]
    assert len(names) == 3 * ITEMS
    assert [alive - before for alive in transport.alive] in ([0], [1])
