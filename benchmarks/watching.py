"""Measures for how long an event loop serves nothing else."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

from benchmarks.measuring import Watched

#: Seconds for which the watcher sleeps. It records how much longer each sleep takes.
EVERY = 0.001


async def watched(work: Awaitable[Any]) -> Watched:
    """Await the work, and return its result with the longest stop of the loop."""
    stop = 0.0

    async def watch() -> None:
        nonlocal stop
        while True:
            began = time.perf_counter()
            await asyncio.sleep(EVERY)
            stop = max(stop, time.perf_counter() - began - EVERY)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        found = await work
        # A stop at the very end counts too.
        await asyncio.sleep(2 * EVERY)
    finally:
        watching.cancel()
    return Watched(found, stop)
