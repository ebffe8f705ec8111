"""An event loop in a thread, for blocking callers."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for other threads. It is a daemon, so that a forgotten one does not keep the process alive."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="adjust emulator", daemon=True)
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()

    def start(self) -> None:
        """Start the thread, and return once its loop runs."""
        self._thread.start()
        self._ready.wait()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, block the calling thread, and return the result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def call_async(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, and return its result without blocking the caller's loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    def stop(self) -> None:
        """Stop the loop, and return once the thread has ended."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        self._ready.set()
        await self._end.wait()
