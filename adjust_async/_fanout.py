"""Doing many things at once: a producer beside its consumer, and a crawl by a bounded crew of workers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeAlias, TypeVar

import anyio

from adjust_async.errors import ClientClosedError

__all__ = ["Send", "Spawn", "crawl", "stream"]

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


async def crawl(
    roots: Iterable[T], visit: Callable[[T, Callable[[T], None]], Awaitable[None]], *, workers: int
) -> None:
    """Visit the roots and all that the visits push, `workers` at a time, depth first so that few things wait.

    A worker that finds nothing to do ends, and a push starts another one: nobody waits, and the end needs no sign.

    Raises:
        Exception: What the first failed visit raised. The other visits are cancelled.
    """
    waiting: list[T] = []
    working = 0

    async def work() -> None:
        nonlocal working
        try:
            while waiting:
                await visit(waiting.pop(), push)
        finally:
            working -= 1

    def push(item: T) -> None:
        nonlocal working
        waiting.append(item)
        if working < workers:
            working += 1
            group.create_task(work())

    try:
        async with asyncio.TaskGroup() as group:
            for root in roots:
                push(root)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
