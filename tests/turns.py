"""Counts calls of functions, and those in each turn of the event loop: seconds would depend on the machine."""

import asyncio
import sys
from types import FrameType
from typing import Any, Self

#: The calls that a turn of the loop may make: some 15 ms of an idle core.
FEW_CALLS = 50_000


class Calls:
    """Counts the calls that this thread makes within the block: of Python's functions and of those in C."""

    def __init__(self) -> None:
        self.number = 0

    def __enter__(self) -> Self:
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _count(self, _frame: FrameType, event: str, _argument: Any) -> None:
        if event in {"call", "c_call"}:
            self.number += 1


class Turns:
    """Counts the turns of the event loop within the block, and the calls that its thread makes in each of them."""

    def __init__(self) -> None:
        self.number = 0
        self.most_calls = 0

    async def __aenter__(self) -> Self:
        self._watcher = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watcher.cancel()
        await asyncio.wait([self._watcher])

    async def _watch(self) -> None:
        with Calls() as calls:
            while True:
                before = calls.number
                await asyncio.sleep(0)
                self.number += 1
                self.most_calls = max(self.most_calls, calls.number - before)
