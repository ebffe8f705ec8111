"""Creates that may have been done or not, and how that is found out: by listing their siblings.

A create may still be under way after its connection broke, and a list may lag behind. So a tracker that is missing in a
list counts as not created only if that list was begun a time of grace after the failure.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.provisioning.tree import Node
from adjust_async.errors import AdjustError, ClientClosedError

__all__ = ["UncertainCreate", "UncertainCreates", "Verdict"]

#: When to look, in parts of the time of grace after the failure.
LOOKS = (0.0, 0.25, 1.0)


class UncertainCreate:
    """A create that ended with `error` at the loop's time `since`, and may have been done all the same."""

    __slots__ = ("error", "looks", "node", "since")

    def __init__(self, node: Node, error: AdjustError) -> None:
        self.node = node
        self.error = error
        self.since = asyncio.get_running_loop().time()
        self.looks = 0


class Verdict(Protocol):
    """What to do after a look."""

    def there(self, create: UncertainCreate, tracker: Tracker) -> None:
        """Go on with the tracker, which is there."""

    def missing(self, create: UncertainCreate) -> None:
        """Go on without the tracker, which was not created."""

    def unknown(self, create: UncertainCreate, error: AdjustError) -> None:
        """Give up: its siblings could not be listed."""


class UncertainCreates:
    """Looks up creates that are in doubt. One list serves all creates that have the same parent.

    Args:
        children: Lists the trackers below a node, by their labels.
        grace_time: Seconds after which a create that is in no list was not done.
        verdict: What to do with each result.
        start: Starts a task of the run.
    """

    def __init__(
        self,
        children: Callable[[Node], Awaitable[Mapping[str, Tracker]]],
        grace_time: float,
        verdict: Verdict,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._children = children
        self._grace_time = grace_time
        self._verdict = verdict
        self._start = start
        self._open: dict[Node, list[UncertainCreate]] = {}
        self._more: dict[Node, asyncio.Event] = {}

    def add(self, parent: Node, create: UncertainCreate) -> None:
        """Look a create up."""
        if parent in self._open:
            self._open[parent].append(create)
            self._more[parent].set()
        else:
            self._open[parent] = [create]
            self._more[parent] = asyncio.Event()
            self._start(self._look_up(parent))

    async def _look_up(self, parent: Node) -> None:
        creates, more = self._open[parent], self._more[parent]
        loop = asyncio.get_running_loop()
        try:
            while creates:
                if due := [create for create in creates if self._next_look(create) <= loop.time()]:
                    await self._look(parent, creates, due)
                    continue
                more.clear()
                try:
                    async with asyncio.timeout_at(min(map(self._next_look, creates))):
                        await more.wait()
                except TimeoutError:
                    pass
        finally:
            del self._open[parent], self._more[parent]

    def _next_look(self, create: UncertainCreate) -> float:
        return create.since + LOOKS[create.looks] * self._grace_time

    async def _look(self, parent: Node, creates: list[UncertainCreate], due: Sequence[UncertainCreate]) -> None:
        began = asyncio.get_running_loop().time()
        try:
            there = await self._children(parent)
        except ClientClosedError:
            raise
        except AdjustError as error:
            for create in due:
                creates.remove(create)
                self._verdict.unknown(create, error)
            return
        for create in due:
            tracker = there.get(create.node.label)
            if tracker is None and began < create.since + self._grace_time:
                create.looks += 1
                continue
            creates.remove(create)
            if tracker is None:
                self._verdict.missing(create)
            else:
                self._verdict.there(create, tracker)
