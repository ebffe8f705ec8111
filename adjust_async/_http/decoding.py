"""Decode large documents in a thread, so that the application's event loop stays free."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["DecodingThread"]

T = TypeVar("T")


class DecodingThread:
    """One thread, started when it is first needed.

    Several would not be faster, since Python runs one at a time, and would leave less time to the event loop.
    """

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns. A cancellation waits until the work has ended."""
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
