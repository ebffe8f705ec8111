"""Items that are made ahead of their consumer: none is lost, and nothing is left behind."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from adjust_async._concurrency import Send, crawl, stream
from tests.clock import EAGER_AND_LAZY, settle
from tests.streams import Watched, new_session, numbers

pytestmark = pytest.mark.anyio


@pytest.fixture(params=EAGER_AND_LAZY)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Make the clock of every test here jump, with both kinds of tasks that Python has."""
    return EAGER_AND_LAZY[request.param]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("ahead", [1, 2, 5, 100])
async def test_all_items_arrive_in_order(count: int, ahead: int) -> None:
    """Every item arrives once and in order, and no task is left."""
    watched = Watched(count, ahead)
    assert [item async for item in watched.items] == list(range(count))
    assert watched.ended == ["whole"]
    assert watched.tasks == 0


@pytest.mark.parametrize("ahead", [1, 2, 3, 10])
async def test_the_producer_is_ahead_by_that_number(ahead: int) -> None:
    """While the consumer works on an item, exactly `ahead` more are made."""
    watched = Watched(50, ahead)
    async with aclosing(watched.items):
        async for item in watched.items:
            await settle()
            assert len(watched.made) == min(50, item + 1 + ahead)
    assert watched.tasks == 0


async def test_nothing_begins_before_the_first_item_is_asked_for() -> None:
    """A stream that nobody iterates makes nothing and leaves nothing."""
    watched = Watched()
    await settle()
    assert (watched.made, watched.tasks) == ([], 0)
    await watched.items.aclose()
    assert (watched.made, watched.tasks) == ([], 0)


async def test_a_break_ends_the_producer() -> None:
    """After a break and the close of the generator, the producer was cancelled and awaited."""
    watched = Watched()
    async with aclosing(watched.items):
        async for item in watched.items:
            assert watched.tasks == 1
            if item == 4:
                break
    assert watched.tasks == 0
    assert len(watched.ended) == 1
    assert len(watched.made) <= 8


async def test_a_break_without_close_ends_the_producer_too() -> None:
    """A generator that is dropped after a break soon ends its producer."""
    watched = Watched()
    async for item in watched.items:
        if item == 4:
            break
    del watched.items
    gc.collect()
    await settle()
    assert watched.tasks == 0
    assert len(watched.ended) == 1


async def test_a_failure_of_the_consumer_ends_the_producer() -> None:
    """An exception of the consumer is raised unchanged, and the producer ends."""
    watched = Watched()
    error = ValueError("of the consumer")
    with pytest.raises(ValueError, match="of the consumer") as caught:
        async with aclosing(watched.items):
            async for _ in watched.items:
                raise error
    assert caught.value is error
    assert watched.tasks == 0


@pytest.mark.parametrize("sent", [0, 1, 2, 7])
async def test_a_failure_of_the_producer_comes_after_its_items(sent: int) -> None:
    """An exception of the producer is raised unchanged, after all items that it had sent."""
    error = ValueError("of the producer")

    async def produce(send: Send[int]) -> None:
        for number in range(sent):
            await send(number)
        raise error

    session = new_session()
    before = len(asyncio.all_tasks())
    got: list[int] = []
    with pytest.raises(ValueError, match="of the producer") as caught:
        async for item in stream(produce, ahead=3, spawn=session.spawn):
            got.append(item)
            await settle()
    assert caught.value is error
    assert got == list(range(sent))
    assert len(asyncio.all_tasks()) == before


async def test_a_failure_that_nobody_waits_for_makes_no_noise() -> None:
    """A producer that fails after the consumer has left is not reported as forgotten."""
    noise: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))

    async def produce(send: Send[int]) -> None:
        await send(1)
        raise ValueError("of the producer")

    session = new_session()
    async with aclosing(stream(produce, ahead=3, spawn=session.spawn)) as items:
        async for _ in items:
            await settle()
            break
    del items
    await settle()
    gc.collect()
    assert noise == []


async def test_concurrent_streams_are_independent() -> None:
    """Many streams of one client run concurrently, and the end of one does not affect the others."""
    session = new_session()
    before = len(asyncio.all_tasks())
    streams: list[AsyncGenerator[int, None]] = [
        stream(numbers(5, [], []), ahead=2, spawn=session.spawn) for _ in range(20)
    ]
    for items in streams:
        assert await anext(items) == 0
    assert len(asyncio.all_tasks()) == before + 20
    for items in streams[::2]:
        await items.aclose()
    for items in streams[1::2]:
        assert [item async for item in items] == [1, 2, 3, 4]
    assert len(asyncio.all_tasks()) == before


async def test_a_crawl_in_a_stream_is_held_back_by_its_consumer() -> None:
    """A slow consumer slows the workers down: unconsumed items stay within the buffer and one for each worker."""
    session = new_session()
    consumed = 0
    begun = 0

    async def visit(send: Send[int], node: int) -> None:
        nonlocal begun
        begun += 1
        await send(node)

    async def produce(send: Send[int]) -> None:
        await crawl(range(1000), lambda node, _: visit(send, node), workers=4)

    async with aclosing(stream(produce, ahead=3, spawn=session.spawn)) as items:
        async for _ in items:
            consumed += 1
            await settle()
            assert begun - consumed <= 2 + 4
            if consumed == 200:
                break
    assert begun - consumed <= 2 + 4
