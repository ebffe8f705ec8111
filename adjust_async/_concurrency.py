"""Doing many things at once: a producer alongside its consumer, and a crawl by a bounded number of workers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, TypeAlias, TypeVar

import anyio

from adjust_async.errors import ClientClosedError, ConfigurationError

__all__ = ["Send", "Spawn", "TaskGroup", "Visit", "Workers", "crawl", "in_own_thread", "running_loop", "stream"]

T = TypeVar("T")

Send: TypeAlias = Callable[[T], Awaitable[None]]
#: Starts a task that is cancelled when its owner, the client, is closed.
Spawn: TypeAlias = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
#: Visits an item, and has more of them visited by the function that it is passed.
Visit: TypeAlias = Callable[[T, Callable[[T], None]], Awaitable[None]]


async def stream(
    produce: Callable[[Send[T]], Coroutine[Any, Any, None]], *, ahead: int, spawn: Spawn
) -> AsyncGenerator[T, None]:
    """Yield what `produce` sends while it works in a task of its own, at most `ahead` items before the consumer.

    A generator must not be suspended at a `yield` within a task group or a cancel scope, because a cancellation of
    those would hit the consumer's code (PEP 789). So the producer is a plain task, which ends with the generator.

    Raises:
        ClientClosedError: The client was closed meanwhile.
        Exception: What `produce` raised, after everything that it had sent.
    """
    __tracebackhide__ = True
    # The producer holds one more item while it waits to send it.
    sending, receiving = anyio.create_memory_object_stream[T](ahead - 1)
    with sending, receiving:
        task = spawn(produce(sending.send))
        # A callback rather than a `finally` in the task: a task that is cancelled before its first step runs no code.
        task.add_done_callback(lambda _: sending.close())
        try:
            async for item in receiving:
                yield item
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


class TaskGroup(asyncio.TaskGroup):
    """A task group that raises the first failure itself, in place of an exception group that holds it."""

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait for all tasks.

        Raises:
            Exception: What the first failed task raised. The other tasks were cancelled.
        """
        __tracebackhide__ = True
        failure: BaseException | None = None
        try:
            await super().__aexit__(exc_type, exc, traceback)
        except BaseExceptionGroup as failures:
            failure = failures.exceptions[0]
        # Out of the `except` block, where Python would attach the group to the failure as its context.
        try:
            if failure is not None and failure is not exc:
                raise failure
        finally:
            del failure


class Workers(Generic[T]):
    """A bounded number of tasks that visit what is pushed, the last one first, so that few things wait.

    A worker that finds nothing to do ends, and a push starts another one: nobody waits, and the end needs no signal.
    Visits begin one after the other, each in a turn of the event loop of its own: fifty that begin at once would stop
    it for fifty times as long.

    Args:
        group: The task group that the workers run in.
        visit: What a worker does with an item. It is also passed `push`.
        limit: The maximum number of visits at a time.
    """

    def __init__(self, group: asyncio.TaskGroup, visit: Visit[T], limit: int) -> None:
        self._group = group
        self._visit = visit
        self._limit = limit
        self._waiting: list[T] = []
        self._working = 0
        self._failed = False
        self._turn = asyncio.Lock()

    def push(self, item: T) -> None:
        """Have an item visited. After a failed visit it is dropped."""
        self._waiting.append(item)
        if self._working < self._limit and not self._failed:
            self._working += 1
            self._group.create_task(self._work())

    async def _work(self) -> None:
        __tracebackhide__ = True
        try:
            while self._waiting:
                async with self._turn:
                    await asyncio.sleep(0)
                if self._waiting:
                    await self._visit(self._waiting.pop(), self.push)
        except BaseException:
            self._failed = True
            raise
        finally:
            self._working -= 1


async def crawl(roots: Iterable[T], visit: Visit[T], *, workers: int) -> None:
    """Visit the roots and everything that the visits push, `workers` at a time, depth first.

    Raises:
        Exception: What the first failed visit raised. The other visits are cancelled.
    """
    __tracebackhide__ = True
    running_loop()
    async with TaskGroup() as group:
        team: Workers[T] = Workers(group, visit, workers)
        for root in roots:
            team.push(root)


async def in_own_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns, done in a new thread: the application may keep those of the event loop busy."""
    executor = ThreadPoolExecutor(1, "adjust_async")
    try:
        return await asyncio.get_running_loop().run_in_executor(executor, work)
    finally:
        executor.shutdown(wait=False)


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop.

    Raises:
        ConfigurationError: There is none, as under trio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    raise ConfigurationError("no event loop of asyncio is running here: AsyncAdjust is for asyncio, not for trio")
