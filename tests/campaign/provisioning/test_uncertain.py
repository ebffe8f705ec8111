"""Creates in doubt: when their siblings are listed, and what follows, by a clock that jumps."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import pytest

from adjust_async import APIConnectionError, ClientClosedError, ServerError, Tracker
from adjust_async.campaign.provisioning.tree import Node
from adjust_async.campaign.provisioning.uncertain import UncertainCreate, UncertainCreates
from adjust_async.campaign.recent import LOOKS
from adjust_async.campaign.siblings import Match
from tests.clock import jumping_clock

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock

GRACE = 8.0


def lost(label: str = "A") -> APIConnectionError:
    """Make the error of a create whose answer was lost."""
    return APIConnectionError(f"the connection broke for {label}", method="POST", path="trackers")


class Service:
    """Lists the existing trackers. A list takes `takes` seconds, and shows what existed when it started."""

    def __init__(self) -> None:
        self.there_from: dict[str, float] = {}
        self.problems: dict[str, str] = {}
        self.takes = 0.0
        self.lists: list[tuple[str, float]] = []
        self.fails: Callable[[], Exception | None] = lambda: None
        self.under_way = 0
        self.began = asyncio.get_running_loop().time()

    def now(self) -> float:
        """Return the seconds since the test started."""
        return round(asyncio.get_running_loop().time() - self.began, 3)

    async def find(self, parent: Node, creates: Sequence[UncertainCreate]) -> Mapping[UncertainCreate, Match]:
        """List the existing trackers, and find the one to look for."""
        self.lists.append((parent.label, self.now()))
        shown = {label: Tracker(token=label, name=label) for label, at in self.there_from.items() if at <= self.now()}
        self.under_way += 1
        assert self.under_way <= 1 or parent.label, "siblings are listed by one at a time"
        try:
            await asyncio.sleep(self.takes)
            if (error := self.fails()) is not None:
                raise error
            return {
                create: Match(shown.get(create.node.label), problem=self.problems.get(create.node.label))
                for create in creates
            }
        finally:
            self.under_way -= 1


class Verdicts:
    """Keeps the results and their times."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.came: list[tuple[str, str, float]] = []
        self.errors: list[Exception] = []

    async def there(self, create: UncertainCreate, match: Match) -> None:
        """Keep it."""
        assert match.tracker is not None
        assert match.tracker.name == create.node.label
        self.came.append((create.node.label, "there", self.service.now()))

    async def missing(self, create: UncertainCreate) -> None:
        """Keep it."""
        self.came.append((create.node.label, "missing", self.service.now()))

    async def doubtful(self, create: UncertainCreate, problem: str) -> None:
        """Keep it."""
        self.came.append((create.node.label, problem, self.service.now()))

    async def unknown(self, create: UncertainCreate, error: Exception) -> None:
        """Keep it."""
        self.errors.append(error)
        self.came.append((create.node.label, "unknown", self.service.now()))


class Bench:
    """The doubts and everything that they need."""

    def __init__(self, grace_time: float = GRACE) -> None:
        self.service = Service()
        self.verdicts = Verdicts(self.service)
        self.tasks: list[asyncio.Task[None]] = []
        self.uncertain = UncertainCreates(self.service.find, grace_time, self.verdicts, self.start)
        self.root = Node("", None)

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Start a task."""
        self.tasks.append(asyncio.get_running_loop().create_task(coroutine))

    def add(self, label: str, parent: Node | None = None) -> None:
        """Have a create looked up."""
        above = parent or self.root
        self.uncertain.add(above, UncertainCreate(Node(label, above), lost(label)))

    async def end(self) -> None:
        """Wait until nothing is looked up any more."""
        while not all(task.done() for task in self.tasks):
            await asyncio.wait(self.tasks)
        for task in self.tasks:
            task.result()
        assert not self.uncertain._open
        assert not self.uncertain._more


async def test_an_existing_tracker_is_found_at_once() -> None:
    """The first list is fetched right after the failure. If it shows the tracker, it is the only one."""
    bench = Bench()
    bench.service.there_from["A"] = 0.0
    bench.add("A")
    await bench.end()
    assert bench.verdicts.came == [("A", "there", 0)]
    assert bench.service.lists == [("", 0)]


async def test_a_tracker_that_never_appears_is_missing_after_the_grace_time() -> None:
    """It is looked up repeatedly, and decided by a list that was started after the grace time."""
    bench = Bench()
    bench.service.takes = 0.5
    bench.add("A")
    await bench.end()
    assert [when for _, when in bench.service.lists] == [part * GRACE for part in LOOKS]
    assert bench.verdicts.came == [("A", "missing", GRACE + 0.5)]


@pytest.mark.parametrize(("appears", "found"), [(0.0, 0.0), (0.1, 2.0), (2.0, 2.0), (2.1, 8.0), (7.9, 8.0), (8.0, 8.0)])
async def test_a_late_tracker_is_found(appears: float, found: float) -> None:
    """A create that was still in progress, or a list that lagged behind, is found by a later lookup."""
    bench = Bench()
    bench.service.there_from["A"] = appears
    bench.add("A")
    await bench.end()
    assert bench.verdicts.came == [("A", "there", found)]


async def test_a_slow_list_does_not_say_that_it_is_missing() -> None:
    """A list that started before the end of the grace time proves nothing, however late it ends."""
    bench = Bench()
    bench.service.takes = 3 * GRACE
    bench.service.there_from["A"] = 1.0
    bench.add("A")
    await bench.end()
    assert bench.verdicts.came == [("A", "there", 6 * GRACE)]
    assert [when for _, when in bench.service.lists] == [0, 3 * GRACE]


async def test_an_ambiguous_tracker_is_doubtful_after_the_grace_time() -> None:
    """A later list may show the exact name. If none does, the reason is raised."""
    bench = Bench()
    bench.service.problems = {"A": "nearly the same", "B": "nearly the same"}
    bench.service.there_from["B"] = 1.0
    bench.add("A")
    bench.add("B")
    await bench.end()
    assert bench.verdicts.came == [("B", "there", 2.0), ("A", "nearly the same", GRACE)]


async def test_without_a_grace_time_one_list_is_enough() -> None:
    """With a grace time of 0, the first list decides."""
    bench = Bench(0.0)
    bench.add("A")
    bench.add("B")
    bench.service.there_from["B"] = 0.0
    await bench.end()
    assert sorted(bench.verdicts.came) == [("A", "missing", 0), ("B", "there", 0)]
    assert len(bench.service.lists) == 1


async def test_one_list_serves_all_that_have_the_same_parent() -> None:
    """Hundreds of creates that fail together cost no more lists than one of them."""
    bench = Bench()
    for number in range(300):
        bench.add(f"A{number}")
        if number % 3 == 0:
            bench.service.there_from[f"A{number}"] = 1.0
    await bench.end()
    assert len(bench.service.lists) == len(LOOKS)
    came = {label: (verdict, when) for label, verdict, when in bench.verdicts.came}
    assert len(bench.verdicts.came) == len(came) == 300
    assert all(came[f"A{number}"] == (("there", 2.0) if number % 3 == 0 else ("missing", 8.0)) for number in range(300))


async def test_each_parent_is_listed_for_itself() -> None:
    """Parents are looked up concurrently, each by its own task."""
    bench = Bench()
    bench.service.takes = 1.0
    parents = [Node(label, bench.root) for label in "XYZ"]
    for parent in parents:
        bench.add("A", parent)
        bench.add("B", parent)
    assert len(bench.tasks) == 3
    await bench.end()
    assert sorted(bench.service.lists)[::3] == [("X", 0), ("Y", 0), ("Z", 0)]
    assert len(bench.service.lists) == 9
    assert {when for _, _, when in bench.verdicts.came} == {GRACE + 1}


async def test_creates_that_become_uncertain_while_others_wait() -> None:
    """Each has its own grace time from its own failure, and none waits for another one's."""
    bench = Bench()
    bench.service.there_from["C"] = 0.0
    bench.add("A")
    await asyncio.sleep(3)
    bench.add("B")
    await asyncio.sleep(1)
    bench.add("C")
    await bench.end()
    assert sorted(bench.verdicts.came) == [("A", "missing", 8), ("B", "missing", 11), ("C", "there", 4)]


async def test_a_doubt_that_begins_during_a_list_is_not_judged_by_it() -> None:
    """A create that fails during a list gets its own list, from after its failure."""
    bench = Bench(0.0)
    bench.service.takes = 2.0
    bench.service.there_from["B"] = 0.5
    bench.add("A")
    await asyncio.sleep(1)
    bench.add("B")
    await bench.end()
    assert bench.verdicts.came == [("A", "missing", 2), ("B", "there", 4)]


async def test_a_doubt_that_begins_at_the_end_is_looked_up_too() -> None:
    """If the result leads to a new doubt about the same parent, nothing is lost."""
    bench = Bench(0.0)
    again = iter(["A2", "A3", "A4"])
    judged = bench.verdicts.missing

    async def missing(create: UncertainCreate) -> None:
        await judged(create)
        if (label := next(again, None)) is not None:
            bench.add(label)

    bench.verdicts.missing = missing  # type: ignore[method-assign]
    bench.add("A1")
    await bench.end()
    assert [label for label, _, _ in bench.verdicts.came] == ["A1", "A2", "A3", "A4"]


async def test_a_failed_list_decides_nothing() -> None:
    """Those that were due are unknown, with the list's error. The others are still looked up."""
    bench = Bench()
    failures = iter([None, None, ServerError("broken", status=500, method="GET", path="trackers")])
    bench.service.fails = lambda: next(failures, None)
    bench.add("A")
    await asyncio.sleep(7)
    bench.add("B")
    await bench.end()
    assert [(label, verdict) for label, verdict, _ in bench.verdicts.came] == [("B", "unknown"), ("A", "missing")]
    assert [str(error) for error in bench.verdicts.errors] == [
        "GET trackers answered 500 Internal Server Error: broken. (ServerError)"
    ]


async def test_a_client_that_is_closed_ends_the_looks() -> None:
    """That error ends the task, and leaves nothing behind."""
    bench = Bench()
    bench.service.fails = lambda: ClientClosedError("closed")
    bench.add("A")
    with pytest.raises(ClientClosedError):
        await bench.end()
    assert bench.verdicts.came == []
    assert not bench.uncertain._open


@pytest.mark.parametrize("after", [0.0, 1.0, 7.9])
async def test_a_look_that_is_cancelled_leaves_nothing(after: float) -> None:
    """After a cancellation during a list or a wait, the parent can be looked up again."""
    bench = Bench()
    bench.service.takes = 0.5
    bench.add("A")
    await asyncio.sleep(after)
    bench.tasks[0].cancel()
    await asyncio.wait(bench.tasks)
    assert not bench.uncertain._open
    assert bench.verdicts.came == []
    bench.tasks.clear()
    bench.add("A")
    await bench.end()
    assert [verdict for _, verdict, _ in bench.verdicts.came] == ["missing"]
