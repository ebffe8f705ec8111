"""What keeps the application's event loop free: short work takes turns, and long work goes to a thread."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["Aside", "Turns"]

T = TypeVar("T")


class Turns:
    """Lets one task pass in each turn of the event loop.

    Fifty answers that arrive together would else be worked on in one turn, and all that the application has to do would
    wait for the last of them.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False

    async def take(self) -> None:
        """Wait for a turn that nobody has taken yet; tasks get theirs in the order in which they come."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._next, loop)
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # as it is where its task was cancelled
                turn.set_result(None)
                loop.call_soon(self._next, loop)
                return
        self._taken = False


class Aside:
    """One thread, which is started when there is work for it.

    Several would not be faster, as Python runs one at a time, and would leave the event loop less.
    """

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Give what `work` gives. It ends with its work: a cancellation too waits for that."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="adjust_async")
        working = self._thread.submit(work)
        ended = asyncio.wrap_future(working)
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            if not working.cancel():
                await asyncio.wait([ended])
                ended.exception()
            raise

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.shutdown(wait=False)
