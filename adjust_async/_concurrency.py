"""Concurrency: a producer alongside its consumer, and a crawl by a limited number of workers."""

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
#: Visits an item. The function that it is passed schedules further items.
Visit: TypeAlias = Callable[[T, Callable[[T], None]], Awaitable[None]]


async def stream(
    produce: Callable[[Send[T]], Coroutine[Any, Any, None]], *, ahead: int, spawn: Spawn
) -> AsyncGenerator[T, None]:
    """Yield what `produce` sends. It runs in its own task, at most `ahead` items ahead of the consumer.

    A generator must not be suspended at a `yield` within a task group or a cancel scope, because a cancellation of
    those would hit the consumer's code (PEP 789). So the producer is a plain task, which ends with the generator.

    Raises:
        ClientClosedError: The client was closed meanwhile.
        Exception: What `produce` raised, after everything that it had sent before.
    """
    __tracebackhide__ = True
    items: asyncio.Queue[Any] = asyncio.Queue()
    taken = asyncio.Semaphore(ahead - 1)
    end = object()

    async def send(item: T) -> None:
        items.put_nowait(item)
        await taken.acquire()

    task = spawn(produce(send))
    # A callback instead of a `finally` in the task: a task that is cancelled before its first step runs no code.
    task.add_done_callback(lambda _: items.put_nowait(end))
    try:
        while (item := await items.get()) is not end:
            taken.release()
            yield item
            del item  # an item is dropped before the next one arrives
        if task.cancelled():
            raise ClientClosedError("the client was closed during this walk: close it after its walks have ended")
        task.result()
    finally:
        # If the client is closed, the task has ended. Then this must not suspend: an event loop that shuts down
        # closes this generator and those around it side by side, and none may find another one running.
        if task.cancel():
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()


class TaskGroup(asyncio.TaskGroup):
    """A task group that raises the first failure itself instead of an exception group."""

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
        # Outside of the `except` block, where Python would attach the group to the failure as its context.
        try:
            if failure is not None and failure is not exc:
                raise failure
        finally:
            del failure


class Workers(Generic[T]):
    """A limited number of tasks that visit pushed items, the last one first, so that few items wait.

    A worker without items ends, and a push starts another one, so nothing waits and no signal is needed at the end.
    Each visit starts in its own turn of the event loop: fifty that start at once would block it for fifty times as
    long.

    Args:
        group: The task group for the workers.
        visit: The function that a worker calls with an item and with `push`.
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
        """Schedule the visit of an item. After a failed visit, items are dropped."""
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
        except BaseException:  # after a cancellation, no further visit may start either
            self._failed = True
            raise
        finally:
            self._working -= 1


async def crawl(roots: Iterable[T], visit: Visit[T], *, workers: int) -> None:
    """Visit the roots and everything that the visits push, `workers` at a time and depth first.

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
    """Return the result of `work` in a new thread, since the application may keep the event loop's own threads busy."""
    executor = ThreadPoolExecutor(1, "adjust_async")
    try:
        return await asyncio.get_running_loop().run_in_executor(executor, work)
    finally:
        executor.shutdown(wait=False)


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop.

    Raises:
        ConfigurationError: No asyncio event loop is running, for example because trio runs this code.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    raise ConfigurationError("no event loop of asyncio is running here: AsyncAdjust is for asyncio, not for trio")
