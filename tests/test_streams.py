"""Items that are made ahead of their consumer: none is lost, and nothing is left behind."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

import anyio
import httpx
import pytest

from adjust_async import AsyncAdjust
from adjust_async._concurrency import Send, crawl, stream
from adjust_async._http.session import Session
from adjust_async.errors import ClientClosedError
from tests.clock import EAGER_AND_LAZY, now, settle

pytestmark = pytest.mark.anyio

#: Long by the jumping clock, so that a hanging test fails instead.
LONG = 10_000.0


@pytest.fixture(params=EAGER_AND_LAZY)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Make the clock of every test here jump, with both kinds of tasks that Python has."""
    return EAGER_AND_LAZY[request.param]


def new_session() -> Session:
    """Make a session that sends nothing."""
    refuse = httpx.MockTransport(lambda _: httpx.Response(500))
    return AsyncAdjust("token", http_client=httpx.AsyncClient(transport=refuse))._session


def numbers(count: int, made: list[int], ended: list[str]) -> Callable[[Send[int]], Coroutine[Any, Any, None]]:
    """Return a producer of this many numbers, which records what it made, and how it ended."""

    async def produce(send: Send[int]) -> None:
        try:
            for number in range(count):
                made.append(number)
                await send(number)
        except BaseException as error:
            ended.append(type(error).__name__)
            raise
        else:
            ended.append("whole")

    return produce


class Watched:
    """A stream of numbers, with what can be observed from outside."""

    def __init__(self, count: int = 100, ahead: int = 3) -> None:
        self.session = new_session()
        self.tasks_before = len(asyncio.all_tasks())
        self.made: list[int] = []
        self.ended: list[str] = []
        self.items = stream(numbers(count, self.made, self.ended), ahead=ahead, spawn=self.session.spawn)

    @property
    def tasks(self) -> int:
        """Return how many more tasks there are than before."""
        return len(asyncio.all_tasks()) - self.tasks_before


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("ahead", [1, 2, 5, 100])
async def test_all_items_arrive_in_order(count: int, ahead: int) -> None:
    """Every item arrives once and in order, and no task is left."""
    watched = Watched(count, ahead)
    assert [item async for item in watched.items] == list(range(count))
    assert watched.ended == ["whole"]
    assert watched.tasks == 0


@pytest.mark.parametrize("ahead", [1, 2, 3, 10])
async def test_the_producer_is_ahead_by_so_many(ahead: int) -> None:
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


async def test_streams_side_by_side_keep_apart() -> None:
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
