"""Creates that may or may not have been done. A list of their siblings settles it.

A create may still be running after its connection broke, and a list may lag behind. So a tracker that is missing from a
list counts as not created only if the listing began at least `grace_time` seconds after the failure.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any, Protocol

from adjust_async.campaign.provisioning.tree import Node
from adjust_async.campaign.recent import LOOKS
from adjust_async.campaign.siblings import Match
from adjust_async.errors import AdjustError, ClientClosedError

__all__ = ["UncertainCreate", "UncertainCreates", "Verdict"]


class UncertainCreate:
    """A create that ended with `error` at the event loop's time `since`, and may have been done nevertheless."""

    __slots__ = ("error", "looks", "node", "since")

    def __init__(self, node: Node, error: AdjustError, since: float | None = None) -> None:
        self.node = node
        self.error = error
        self.since = asyncio.get_running_loop().time() if since is None else since
        self.looks = 0


class Verdict(Protocol):
    """What to do after a look-up."""

    async def there(self, create: UncertainCreate, match: Match) -> None:
        """Continue with the tracker, which exists."""

    async def missing(self, create: UncertainCreate) -> None:
        """Continue without the tracker, which was not created."""

    async def doubtful(self, create: UncertainCreate, problem: str) -> None:
        """Give up: it can't be distinguished from other trackers."""

    async def unknown(self, create: UncertainCreate, error: AdjustError) -> None:
        """Give up: its siblings could not be listed."""


class UncertainCreates:
    """Looks up creates that are in doubt. One listing serves all creates with the same parent.

    Args:
        find: Lists the trackers below a parent, and returns the match of each create.
        grace_time: Seconds after which a create that no list shows has failed.
        verdict: Handles the results.
        start: Starts a task of the run.
    """

    def __init__(
        self,
        find: Callable[[Node, Sequence[UncertainCreate]], Awaitable[Mapping[UncertainCreate, Match]]],
        grace_time: float,
        verdict: Verdict,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._find = find
        self._grace_time = grace_time
        self._verdict = verdict
        self._start = start
        self._open: dict[Node, list[tuple[float, int, UncertainCreate]]] = {}
        self._numbers = count()
        self._more: dict[Node, asyncio.Event] = {}

    def add(self, parent: Node, create: UncertainCreate) -> None:
        """Schedule the look-up of a create."""
        if parent in self._open:
            self._schedule(parent, create)
            self._more[parent].set()
        else:
            self._open[parent] = []
            self._schedule(parent, create)
            self._more[parent] = asyncio.Event()
            self._start(self._look_up(parent))

    def _schedule(self, parent: Node, create: UncertainCreate) -> None:
        # A heap, because thousands of creates may be open, each with its own time.
        due = create.since + LOOKS[create.looks] * self._grace_time
        heappush(self._open[parent], (due, next(self._numbers), create))

    async def _look_up(self, parent: Node) -> None:
        creates, more = self._open[parent], self._more[parent]
        loop = asyncio.get_running_loop()
        try:
            while creates:
                due, now = list[UncertainCreate](), loop.time()
                while creates and creates[0][0] <= now:
                    due.append(heappop(creates)[-1])
                if due:
                    await self._look(parent, due)
                    continue
                more.clear()
                try:
                    async with asyncio.timeout_at(creates[0][0]):
                        await more.wait()
                except TimeoutError:
                    pass
        finally:
            del self._open[parent], self._more[parent]

    async def _look(self, parent: Node, due: Sequence[UncertainCreate]) -> None:
        began = asyncio.get_running_loop().time()
        try:
            found = await self._find(parent, due)
        except ClientClosedError:
            raise
        except AdjustError as error:
            for create in due:
                await self._verdict.unknown(create, error)
            return
        for create in due:
            match = found[create]
            if match.tracker is None and began < create.since + self._grace_time:
                create.looks += 1
                self._schedule(parent, create)
            elif match.tracker is not None:
                await self._verdict.there(create, match)
            elif match.problem is not None:
                await self._verdict.doubtful(create, match.problem)
            else:
                await self._verdict.missing(create)
