"""Streams that end early: cancelled consumers, failing programs, and closed clients."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from adjust_async import AsyncAdjust
from adjust_async._concurrency import Send, stream
from adjust_async.errors import ClientClosedError
from tests.clock import EAGER_AND_LAZY, now, settle
from tests.streams import LONG, Watched, new_session, numbers

pytestmark = pytest.mark.anyio


@pytest.fixture(params=EAGER_AND_LAZY)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Make the clock of every test here jump, with both kinds of tasks that Python has."""
    return EAGER_AND_LAZY[request.param]


@pytest.mark.parametrize("slow", ["producer", "consumer"])
async def test_a_scope_of_the_consumer_cancels_all(slow: str) -> None:
    """A timeout around the loop ends it in time, wherever it waits, and ends the producer."""
    session = new_session()
    before = len(asyncio.all_tasks())
    ended: list[str] = []

    async def produce(send: Send[int]) -> None:
        try:
            for number in range(100):
                await asyncio.sleep(1 if slow == "producer" else 0)
                await send(number)
        finally:
            ended.append("producer")

    began = now()
    with anyio.move_on_after(4.5) as scope:
        async with aclosing(stream(produce, ahead=2, spawn=session.spawn)) as items:
            async for _ in items:
                await asyncio.sleep(1 if slow == "consumer" else 0)
    assert scope.cancelled_caught
    assert round(now() - began, 6) == 4.5
    assert ended == ["producer"]
    assert len(asyncio.all_tasks()) == before


async def test_a_cancelled_scope_waits_for_the_end_of_the_producer() -> None:
    """A cancelled scope around the consumer does not cut the producer's cleanup short."""
    session = new_session()
    before = len(asyncio.all_tasks())
    cleaned: list[float] = []

    async def produce(_: Send[int]) -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            await asyncio.sleep(7)
            cleaned.append(now())

    began = now()
    with anyio.move_on_after(3):
        async with aclosing(stream(produce, ahead=1, spawn=session.spawn)) as items:
            async for _ in items:
                pass
    assert len(asyncio.all_tasks()) == before
    assert cleaned == [pytest.approx(began + 10)]


async def test_a_failure_while_it_is_cancelled_makes_no_noise() -> None:
    """A producer that fails while it is cancelled is not reported as forgotten."""
    noise: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))

    async def produce(send: Send[int]) -> None:
        try:
            await send(1)
            await asyncio.sleep(LONG)
        finally:
            raise ValueError("at being cancelled")

    session = new_session()
    async with aclosing(stream(produce, ahead=3, spawn=session.spawn)) as items:
        assert await anext(items) == 1
    del items
    await settle()
    gc.collect()
    assert noise == []


@pytest.mark.parametrize("slow", ["producer", "consumer"])
async def test_a_cancelled_consumer_waits_for_the_end_of_its_producer(slow: str) -> None:
    """The producer's cleanup ends, however long it takes, before the consumer's task does."""
    session = new_session()
    cleaned: list[float] = []

    async def produce(send: Send[int]) -> None:
        try:
            while True:
                await asyncio.sleep(1 if slow == "producer" else 0)
                await send(1)
        finally:
            await asyncio.sleep(7)
            cleaned.append(now())

    async def consume() -> None:
        async with aclosing(stream(produce, ahead=1, spawn=session.spawn)) as items:
            async for _ in items:
                await asyncio.sleep(1 if slow == "consumer" else 0)

    task = asyncio.create_task(consume())
    await asyncio.sleep(3.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned == [now()]


async def test_a_scope_in_the_consumer_is_its_own() -> None:
    """A timeout within the loop's body cancels only that body, and the walk continues (PEP 789)."""
    watched = Watched(5, ahead=1)
    got: list[int] = []
    async with aclosing(watched.items):
        async for item in watched.items:
            with anyio.move_on_after(1):
                await asyncio.sleep(10)
            got.append(item)
    assert got == [0, 1, 2, 3, 4]
    assert watched.ended == ["whole"]


async def test_the_client_is_closed_while_the_consumer_works() -> None:
    """After the client is closed no task is left; the consumer gets what was sent, and then the error."""
    watched = Watched(100, ahead=3)
    got: list[int] = []
    with anyio.fail_after(LONG), pytest.raises(ClientClosedError, match="close it after its walks have ended"):
        async for item in watched.items:
            got.append(item)
            if item == 4:
                await settle()
                await watched.session.aclose()
                assert watched.tasks == 0
    assert got[:5] == [0, 1, 2, 3, 4]
    assert got == list(range(len(got)))
    assert len(got) <= 8


@pytest.mark.parametrize("around", range(4))
def test_a_failure_of_the_program_with_an_open_stream_makes_no_noise(
    around: int, caplog: pytest.LogCaptureFixture
) -> None:
    """When the event loop shuts down, it closes a stream and the generators around it side by side, in any order."""

    async def passed_on(inner: AsyncGenerator[int, None]) -> AsyncGenerator[int, None]:
        async with aclosing(inner):
            async for item in inner:
                yield item

    async def program() -> None:
        async with AsyncAdjust("token") as adjust:
            # The traceback keeps the name, and the name the stream.
            items = stream(numbers(9, [], []), ahead=3, spawn=adjust._session.spawn)
            for _ in range(around):
                items = passed_on(items)
            async for _ in items:
                raise ValueError("of the program")

    with pytest.raises(ValueError, match="of the program"):
        asyncio.run(program())
    assert not caplog.records


async def test_the_client_is_closed_while_the_consumer_waits() -> None:
    """A consumer that waits for a slow producer gets the error at once when the client is closed."""
    session = new_session()

    async def produce(_: Send[int]) -> None:
        await asyncio.sleep(LONG * 2)

    async def consume() -> None:
        async for _ in stream(produce, ahead=1, spawn=session.spawn):
            pass

    task = asyncio.create_task(consume())
    await settle()
    await session.aclose()
    with anyio.fail_after(1), pytest.raises(ClientClosedError):
        await task


@pytest.mark.parametrize("steps", range(8))
async def test_the_client_is_closed_at_any_early_moment(steps: int) -> None:
    """A client that is closed at the moment at which a walk begins ends that walk, instead of letting it hang."""
    session = new_session()

    async def produce(send: Send[int]) -> None:
        while True:
            await send(1)
            await asyncio.sleep(1)

    async def consume() -> None:
        async for _ in stream(produce, ahead=1, spawn=session.spawn):
            pass

    task = asyncio.create_task(consume())
    for _ in range(steps):
        await asyncio.sleep(0)
    closing = asyncio.create_task(session.aclose())
    done, _ = await asyncio.wait([task], timeout=LONG)
    if not done:
        task.cancel()
        await asyncio.wait([task])
        pytest.fail("the walk hangs: its producer was cancelled before it had begun, and closed nothing")
    await closing
    assert isinstance(task.exception(), ClientClosedError)


async def test_a_closed_client_begins_no_walk() -> None:
    """A walk of a closed client raises at its first item, and leaves nothing open that causes a warning."""
    watched = Watched()
    await watched.session.aclose()
    with pytest.raises(ClientClosedError):
        await anext(watched.items)
    del watched.items
    gc.collect()
    assert watched.made == []
