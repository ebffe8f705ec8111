"""Doing many things at once: a producer beside its consumer, and a crawl by a bounded crew of workers."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, Generic, TypeAlias, TypeVar

import anyio

from adjust_async.errors import ClientClosedError

__all__ = ["Crew", "Send", "Spawn", "crawl", "stream"]

T = TypeVar("T")

Send: TypeAlias = Callable[[T], Awaitable[None]]
#: Starts a task that is cancelled when its owner, the client, is closed.
Spawn: TypeAlias = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class _Channel(Generic[T]):
    """What the senders of a stream give its consumer, in order.

    A sender may go on once its item is among the first `ahead - 1` that wait, so that it holds one more itself. An
    `anyio` memory stream does the same at five times the cost, which there is for every page of a walk.
    """

    def __init__(self, ahead: int) -> None:
        self._room = ahead - 1
        self._items: deque[T] = deque()
        self._senders: deque[asyncio.Future[None]] = deque()
        self._consumer: asyncio.Future[None] | None = None
        self._ended = False

    async def send(self, item: T) -> None:
        self._items.append(item)
        self._wake_consumer()
        if len(self._items) > self._room:
            waiting = asyncio.get_running_loop().create_future()
            self._senders.append(waiting)
            await waiting

    def end(self) -> None:
        """Say that nothing will be sent any more."""
        self._ended = True
        self._wake_consumer()

    async def wait(self) -> bool:
        """Wait for an item; `False` where none will come."""
        while not self._items and not self._ended:
            self._consumer = asyncio.get_running_loop().create_future()
            await self._consumer
        return bool(self._items)

    def take(self) -> T:
        item = self._items.popleft()
        if self._senders and not (sender := self._senders.popleft()).done():
            sender.set_result(None)
        return item

    def _wake_consumer(self) -> None:
        if self._consumer is not None and not self._consumer.done():
            self._consumer.set_result(None)


async def stream(
    produce: Callable[[Send[T]], Coroutine[Any, Any, None]], *, ahead: int, spawn: Spawn
) -> AsyncGenerator[T, None]:
    """Give what `produce` sends, while it works in a task of its own, at most `ahead` items before the consumer.

    A generator must not be left at a `yield` within a task group or a cancel scope: a cancellation of those would
    land in the consumer's code (PEP 789). So the producer is a plain task, which ends with the generator.

    Raises:
        ClientClosedError: The client was closed meanwhile.
        Exception: What `produce` raised, after all that it had sent.
    """
    channel: _Channel[T] = _Channel(ahead)
    task = spawn(produce(channel.send))
    # By its end, not in its course: a task that is cancelled before its first step has no course.
    task.add_done_callback(lambda _: channel.end())
    try:
        while await channel.wait():
            yield channel.take()
        if task.cancelled():
            raise ClientClosedError("the client was closed during this walk: close it after its last walk has ended")
        task.result()
    finally:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()


class Crew(Generic[T]):
    """A bounded crew of workers that visit what is pushed, what came last first so that few things wait.

    A worker that finds nothing to do ends, and a push starts another one: nobody waits, and the end needs no sign.

    Args:
        visit: What a worker does with an item.
        workers: How many visits there may be at a time.
    """

    def __init__(self, visit: Callable[[T], Awaitable[None]], workers: int) -> None:
        self._visit = visit
        self._workers = workers
        self._waiting: list[T] = []
        self._working = 0
        self._group = asyncio.TaskGroup()

    def push(self, item: T) -> None:
        """Let an item be visited."""
        self._waiting.append(item)
        if self._working < self._workers:
            self._working += 1
            self._group.create_task(self._work())

    def aside(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something that waits more than it works, beside the workers; the crew's end waits for it too."""
        self._group.create_task(coroutine)

    async def run(self, roots: Iterable[T]) -> None:
        """Visit the roots and all that is pushed.

        Raises:
            Exception: What the first failed visit raised. The other visits are cancelled.
        """
        try:
            async with self._group:
                for root in roots:
                    self.push(root)
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._visit(self._waiting.pop())
        finally:
            self._working -= 1


async def crawl(
    roots: Iterable[T], visit: Callable[[T, Callable[[T], None]], Awaitable[None]], *, workers: int
) -> None:
    """Visit the roots and all that the visits push, `workers` at a time, depth first.

    Raises:
        Exception: What the first failed visit raised. The other visits are cancelled.
    """
    crew: Crew[T] = Crew(lambda item: visit(item, crew.push), workers)
    await crew.run(roots)
