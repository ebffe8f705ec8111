"""Walks over cursor pages: prefetching, resuming, leaving early, and closing the client."""

import asyncio
from contextlib import aclosing

import httpx
import pytest

from adjust_async import (
    AdjustError,
    AsyncAdjust,
    ClientClosedError,
    ServerError,
)
from tests.campaign.collection import LABELS, PAGES, Collection, client, labels, paging_v1
from tests.clock import jumping_clock

pytestmark = pytest.mark.anyio

anyio_backend = jumping_clock


@pytest.mark.parametrize("prefetch", [0, 1, 2, 3])
async def test_so_many_pages_are_fetched_ahead(prefetch: int) -> None:
    """While the consumer works on a page, exactly `prefetch` further ones are fetched."""
    collection = Collection([[str(number)] for number in range(20)], paging_v1)
    async with client(collection) as adjust, aclosing(adjust.trackers.list("app", prefetch=prefetch).pages()) as pages:
        for number in range(1, 6):
            await anext(pages)
            await asyncio.sleep(100)
            assert len(collection.asked) == number + prefetch


async def test_prefetching_hides_the_consumers_time() -> None:
    """If a page takes a second to fetch and a second to process, ten pages take eleven seconds, not twenty."""
    collection = Collection([[str(number)] for number in range(10)], paging_v1, latency=1.0)
    async with client(collection) as adjust:
        started = asyncio.get_running_loop().time()
        async for _ in adjust.trackers.list("app").pages():
            await asyncio.sleep(1)
        assert asyncio.get_running_loop().time() - started == pytest.approx(11)


@pytest.mark.parametrize("prefetch", [0, 1, 5])
async def test_a_failed_walk_can_be_resumed(prefetch: int) -> None:
    """Before the failed page all items arrive, and the error's cursor leads to the rest: none lost, none twice."""
    collection = Collection([[f"{number}a", f"{number}b"] for number in range(10)], paging_v1)
    collection.failing[6] = httpx.Response(500)
    async with client(collection, max_attempts=2) as adjust:
        seen: list[str] = []
        with pytest.raises(ServerError, match="page 7 of the walk; resume with cursor 'c6'") as raised:
            async for tracker in adjust.trackers.list("app", prefetch=prefetch):
                seen.append(tracker.name)
        assert (raised.value.page, raised.value.cursor) == (7, "c6")
        collection.failing.clear()
        seen += await labels(adjust.trackers.list("app", after=raised.value.cursor))
    assert seen == [f"{number}{half}" for number in range(10) for half in "ab"]


@pytest.mark.parametrize("prefetch", [0, 1, 3])
@pytest.mark.parametrize("moment", [0.0, 0.5, 1.5, 30.0])
async def test_leaving_early_leaves_nothing_behind(prefetch: int, moment: float) -> None:
    """After a `break`, no task, permit or request is left, whatever was being prefetched."""
    collection = Collection([[str(number)] for number in range(20)], paging_v1, latency=1.0)
    async with client(collection) as adjust:
        async for _ in adjust.trackers.list("app", prefetch=prefetch):
            await asyncio.sleep(moment)
            break


@pytest.mark.parametrize("prefetch", [0, 1, 3])
@pytest.mark.parametrize("moment", [0.0, 0.5, 1.0, 1.5, 2.5])
async def test_a_cancelled_consumer_leaves_nothing_behind(prefetch: int, moment: float) -> None:
    """A task that is cancelled while it iterates ends at once, with its requests."""
    collection = Collection([[str(number)] for number in range(20)], paging_v1, latency=1.0)
    async with client(collection) as adjust:
        task = asyncio.create_task(adjust.trackers.list("app", prefetch=prefetch).collect())
        await asyncio.sleep(moment)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_the_client_may_be_closed_while_a_walk_is_open() -> None:
    """The iteration ends with `ClientClosedError`, and no unawaited task is left."""
    collection = Collection([[str(number)] for number in range(20)], paging_v1, latency=1.0)
    adjust = AsyncAdjust("token", http_client=httpx.AsyncClient(transport=collection))
    tasks = len(asyncio.all_tasks())
    async with aclosing(adjust.trackers.list("app", prefetch=3).__aiter__()) as trackers:
        assert (await anext(trackers)).name == "0"
        await adjust.aclose()
        assert (len(asyncio.all_tasks()), collection.in_flight) == (tasks, 0)
        with pytest.raises(ClientClosedError, match="during this walk"):
            async for _ in trackers:
                pass


async def test_a_failed_page_leaves_nothing_behind() -> None:
    """A page that keeps failing also ends the producer."""
    collection = Collection(PAGES, paging_v1)
    collection.failing[1] = httpx.Response(404)
    async with client(collection) as adjust:
        with pytest.raises(AdjustError):
            await labels(adjust.trackers.list("app", prefetch=2))


async def test_two_walks_of_one_listing_are_independent() -> None:
    """Each iteration starts again, even concurrently."""
    async with client(Collection(PAGES, paging_v1)) as adjust:
        pages = adjust.trackers.list("app")
        assert tuple(await asyncio.gather(labels(pages), labels(pages))) == (LABELS, LABELS)
