"""Work that takes long, done in a thread, so that the application's event loop stays free."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["Aside"]

T = TypeVar("T")


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
        working = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            if not working.cancel():
                await asyncio.wait([working])
            if not working.cancelled():
                working.exception()
            raise

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.shutdown(wait=False)
