"""`Walk`: the tracker trees of many apps, with as many concurrent requests as the limits allow."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from types import AsyncGeneratorType
from typing import NamedTuple

from adjust_async._concurrency import Send, crawl, stream
from adjust_async._http.session import Session
from adjust_async.campaign.models import Tracker
from adjust_async.campaign.pages import Start
from adjust_async.campaign.recent import Place
from adjust_async.campaign.requests import TrackerRequests
from adjust_async.progress import OnProgress
from adjust_async.tables import RecordList, counted

__all__ = ["Trees", "Walk"]


class Trees(NamedTuple):
    """The checked arguments of a walk.

    Attributes:
        apps: The apps.
        max_level: The deepest level to list.
        start: How lists are paged.
        on_progress: The caller's function.
    """

    apps: Sequence[str]
    max_level: int
    start: Start
    on_progress: OnProgress | None


class Walk(RecordList[Tracker]):
    """The trackers of whole trees; `adjust.trackers.walk` returns one.

    Nothing is sent until it is iterated or awaited. Each of these starts again from the roots:

    * `async for tracker in walk` yields the trackers as they arrive;
    * `await walk`, or `await walk.collect()`, returns them as a list;
    * `await walk.to_table()` returns them as a `Table`.

    To leave an iteration early and end its requests at once, close the walk:

        async with aclosing(adjust.trackers.walk(apps)) as walk:
            async for tracker in walk:
                break

    An iteration that is left in another way ends when its walk is dropped. Until then it keeps what it has fetched
    ahead, but holds no permit and sends nothing more.
    """

    def __init__(self, session: Session, requests: TrackerRequests, trees: Trees) -> None:
        super().__init__(Tracker)
        self._apps = trees.apps
        # An iteration has no reference to its walk. Without a cycle, both are freed as soon as they are dropped.
        self._begin = partial(_walk_trees, session, requests, trees)
        self._iterations: list[AsyncGenerator[Tracker, None]] = []
        self._stepped: AsyncGenerator[Tracker, None] | None = None

    def __aiter__(self) -> AsyncGenerator[Tracker, None]:
        iteration, self._stepped = self._stepped, None
        if iteration is None:
            iteration = _one_by_one(self._begin())
            self._iterations = [*filter(_is_open, self._iterations), iteration]
        return iteration

    async def __anext__(self) -> Tracker:
        """Return the next tracker. A later `async for` continues the same iteration."""
        __tracebackhide__ = True
        self._stepped = iteration = aiter(self)
        try:
            return await anext(iteration)
        finally:
            if not _is_open(iteration):
                self._stepped = None

    async def aclose(self) -> None:
        """End all unfinished iterations and their requests. An awaited `collect` or `to_table` goes on."""
        iterations, self._iterations, self._stepped = self._iterations, [], None
        async with AsyncExitStack() as stack:
            for iteration in iterations:
                stack.push_async_callback(iteration.aclose)

    async def _feed(self, take: Callable[[Sequence[Tracker]], object]) -> None:
        __tracebackhide__ = True
        async with aclosing(self._begin()) as batches:
            async for trackers in batches:
                take(trackers)

    def _described(self) -> str:
        return f"the trackers of {counted(len(self._apps), 'app')}"


class _Branch(NamedTuple):
    """The place of a list of siblings, and their level."""

    place: Place
    level: int


async def _walk_trees(
    session: Session, requests: TrackerRequests, trees: Trees
) -> AsyncGenerator[Sequence[Tracker], None]:
    """Yield the trackers of trees as they arrive, each exactly once."""
    __tracebackhide__ = True

    async def visit(send: Send[Sequence[Tracker]], branch: _Branch, push: Callable[[_Branch], None]) -> None:
        __tracebackhide__ = True
        seen: set[str] = set()
        async with aclosing(requests.siblings(branch.place, trees.start).pages()) as pages:
            async for page in pages:
                # A tracker that is created meanwhile can push another one onto the next page, where it appears again.
                trackers = [tracker for tracker in page.items if tracker.token not in seen]
                seen.update(tracker.token for tracker in trackers)
                if trackers:
                    await send(trackers)
                if branch.level < trees.max_level:
                    for tracker in trackers:
                        if tracker.has_subtrackers is not False:
                            push(_Branch(branch.place._replace(parent_token=tracker.token), branch.level + 1))
                del page, trackers  # as in `CursorPages`

    async def produce(send: Send[Sequence[Tracker]]) -> None:
        __tracebackhide__ = True
        roots = [_Branch(Place(app, None), 1) for app in reversed(trees.apps)]
        with session.operation("trackers.walk", apps=len(roots), max_level=trees.max_level):
            await crawl(
                roots, partial(visit, _counting(send, trees.on_progress)), workers=session.config.max_concurrency
            )

    batches = stream(produce, ahead=session.config.max_concurrency, spawn=session.spawn)
    async with aclosing(batches):
        async for trackers in batches:
            yield trackers
            del trackers


def _is_open(iteration: AsyncGenerator[Tracker, None]) -> bool:
    return isinstance(iteration, AsyncGeneratorType) and iteration.ag_frame is not None


async def _one_by_one(batches: AsyncGenerator[Sequence[Tracker], None]) -> AsyncGenerator[Tracker, None]:
    __tracebackhide__ = True
    async with aclosing(batches):
        async for trackers in batches:
            for tracker in trackers:
                yield tracker
            del trackers


def _counting(send: Send[Sequence[Tracker]], on_progress: OnProgress | None) -> Send[Sequence[Tracker]]:
    """Return a function that sends trackers, after reporting how many have arrived."""
    if on_progress is None:
        return send
    arrived = 0

    async def counting(trackers: Sequence[Tracker]) -> None:
        nonlocal arrived
        arrived += len(trackers)
        on_progress(arrived, None, trackers[-1].app_token or "")
        await send(trackers)

    return counting
