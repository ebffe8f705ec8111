"""Doing many things at once: a producer beside its consumer, and a crawl by a bounded crew of workers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, Generic, TypeAlias, TypeVar

import anyio

from adjust_async.errors import ClientClosedError

__all__ = ["Crew", "Send", "Spawn", "crawl", "stream"]

T = TypeVar("T")

Send: TypeAlias = Callable[[T], Awaitable[None]]
#: Starts a task that is cancelled when its owner, the client, is closed.
Spawn: TypeAlias = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


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
    # With no buffer, `send` hands over: the producer holds one item while the consumer works on the one before.
    send, receive = anyio.create_memory_object_stream[T](ahead - 1)
    with send, receive:
        task = spawn(produce(send.send))
        # By its end, not in its course: a task that is cancelled before its first step has no course.
        task.add_done_callback(lambda _: send.close())
        try:
            async for item in receive:
                yield item
            await asyncio.wait([task])
            if task.cancelled():
                raise ClientClosedError(
                    "the client was closed during this walk: close it after its last walk has ended"
                )
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
