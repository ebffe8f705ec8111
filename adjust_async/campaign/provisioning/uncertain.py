"""Creates of which it is not known whether they were done, and how that is found out: by listing their siblings.

A create may still be under way when its connection has broken, and a list may lag behind. So a tracker that a list has
not is taken for missing only where that list was begun a time of grace after the failure.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.provisioning.tree import Node
from adjust_async.errors import AdjustError, ClientClosedError

__all__ = ["Doubt", "Doubts", "Verdict"]

#: When to look, in parts of the time of grace after the failure.
LOOKS = (0.0, 0.25, 1.0)


class Doubt:
    """A create that ended with `error` at the loop's time `since`, and may have been done all the same."""

    __slots__ = ("error", "looks", "node", "since")

    def __init__(self, node: Node, error: AdjustError) -> None:
        self.node = node
        self.error = error
        self.since = asyncio.get_running_loop().time()
        self.looks = 0


class Verdict(Protocol):
    """What follows from a look."""

    def there(self, doubt: Doubt, tracker: Tracker) -> None:
        """Go on with the tracker, which is there."""

    def missing(self, doubt: Doubt) -> None:
        """Go on without the tracker, which was not created."""

    def unknown(self, doubt: Doubt, error: AdjustError) -> None:
        """Give up: its siblings could not be listed."""


class Doubts:
    """Looks after what is in doubt; one look serves all that have the same parent.

    Args:
        children: Lists the trackers below a node, by their labels.
        grace_time: Seconds after which a create that is in no list was not done.
        verdict: Is told what came out.
        aside: Starts a task of the owner's.
    """

    def __init__(
        self,
        children: Callable[[Node], Awaitable[Mapping[str, Tracker]]],
        grace_time: float,
        verdict: Verdict,
        aside: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._children = children
        self._grace_time = grace_time
        self._verdict = verdict
        self._aside = aside
        self._open: dict[Node, list[Doubt]] = {}
        self._more: dict[Node, asyncio.Event] = {}

    def add(self, parent: Node, doubt: Doubt) -> None:
        """Have it looked up."""
        if parent in self._open:
            self._open[parent].append(doubt)
            self._more[parent].set()
        else:
            self._open[parent] = [doubt]
            self._more[parent] = asyncio.Event()
            self._aside(self._look_after(parent))

    async def _look_after(self, parent: Node) -> None:
        doubts, more = self._open[parent], self._more[parent]
        loop = asyncio.get_running_loop()
        try:
            while doubts:
                if due := [doubt for doubt in doubts if self._next_look(doubt) <= loop.time()]:
                    await self._look(parent, doubts, due)
                    continue
                more.clear()
                try:
                    async with asyncio.timeout_at(min(map(self._next_look, doubts))):
                        await more.wait()
                except TimeoutError:
                    pass
        finally:
            del self._open[parent], self._more[parent]

    def _next_look(self, doubt: Doubt) -> float:
        return doubt.since + LOOKS[doubt.looks] * self._grace_time

    async def _look(self, parent: Node, doubts: list[Doubt], due: Sequence[Doubt]) -> None:
        began = asyncio.get_running_loop().time()
        try:
            there = await self._children(parent)
        except ClientClosedError:
            raise
        except AdjustError as error:
            for doubt in due:
                doubts.remove(doubt)
                self._verdict.unknown(doubt, error)
            return
        for doubt in due:
            tracker = there.get(doubt.node.label)
            if tracker is None and began < doubt.since + self._grace_time:
                doubt.looks += 1
                continue
            doubts.remove(doubt)
            if tracker is None:
                self._verdict.missing(doubt)
            else:
                self._verdict.there(doubt, tracker)
