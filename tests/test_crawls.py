"""A crawl visits each node once, with a fixed number of workers, and leaves nothing behind."""

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from adjust_async._concurrency import crawl
from tests.clock import EAGER_AND_LAZY, now

pytestmark = pytest.mark.anyio


@pytest.fixture(params=EAGER_AND_LAZY)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Make the clock of every test here jump, with both kinds of tasks that Python has."""
    return EAGER_AND_LAZY[request.param]


class Crew:
    """A crawl's visits, counted."""

    def __init__(self, children: Callable[[int], list[int]] = lambda _: [], seconds: float = 1.0) -> None:
        self.children = children
        self.seconds = seconds
        self.working = 0
        self.most = 0
        self.visited: list[int] = []
        self.ended: dict[int, str] = {}
        self.tasks_before = len(asyncio.all_tasks())
        self.most_tasks = 0

    async def visit(self, node: int, push: Callable[[int], None]) -> None:
        """Visit a node for its time, and push its children in between."""
        self.working += 1
        self.most = max(self.most, self.working)
        self.most_tasks = max(self.most_tasks, len(asyncio.all_tasks()) - self.tasks_before)
        self.visited.append(node)
        self.ended[node] = "cancelled"
        try:
            await asyncio.sleep(self.seconds / 2)
            for child in self.children(node):
                push(child)
            await asyncio.sleep(self.seconds / 2)
            self.ended[node] = "whole"
        finally:
            self.working -= 1


def binary_tree(size: int) -> Callable[[int], list[int]]:
    """Return the children of each node of a tree of this size."""
    return lambda node: [child for child in (2 * node + 1, 2 * node + 2) if child < size]


@pytest.mark.parametrize("workers", [1, 2, 7, 50])
async def test_ten_thousand_nodes_once_each(workers: int) -> None:
    """Every node of a large tree is visited once, by no more workers than allowed, and by all of them."""
    crew = Crew(binary_tree(10_000))
    began = now()
    await crawl([0], crew.visit, workers=workers)
    assert sorted(crew.visited) == list(range(10_000))
    assert set(crew.ended.values()) == {"whole"}
    assert crew.most == workers
    assert crew.most_tasks <= workers
    assert len(asyncio.all_tasks()) == crew.tasks_before
    assert round(now() - began, 6) <= 10_000 / workers + 20


async def test_ten_thousand_roots_make_no_more_tasks_than_workers() -> None:
    """A wide crawl bounds the number of tasks, not only the work."""
    crew = Crew()
    await crawl(range(10_000), crew.visit, workers=10)
    assert sorted(crew.visited) == list(range(10_000))
    assert (crew.most, crew.most_tasks) == (10, 10)


async def test_a_late_push_starts_a_worker_again() -> None:
    """Workers that found nothing to do resume when there is something."""
    crew = Crew(lambda node: list(range(1, 11)) if node == 0 else [])
    began = now()
    await crawl([0], crew.visit, workers=5)
    assert sorted(crew.visited) == list(range(11))
    assert crew.most == 5
    assert round(now() - began, 6) == pytest.approx(3.0)


async def test_the_last_push_is_visited_first() -> None:
    """The walk is depth first: one worker finishes a branch before it takes the next one."""
    crew = Crew(lambda node: [node * 10 + 1, node * 10 + 2] if node < 10 else [])
    await crawl([0], crew.visit, workers=1)
    assert crew.visited == [0, 2, 22, 21, 1, 12, 11]


async def test_without_roots_nothing_happens() -> None:
    """A crawl of nothing ends at once."""
    crew = Crew()
    await crawl([], crew.visit, workers=3)
    assert crew.visited == []


@pytest.mark.parametrize("fails", [0, 7, 500, 999])
async def test_the_first_failure_ends_the_crawl(fails: int) -> None:
    """The exception of the first failed visit is raised unchanged, the others are cancelled, and no more start."""
    crew = Crew(binary_tree(1000))
    error = ValueError("boom")

    async def visit(node: int, push: Callable[[int], None]) -> None:
        if node == fails:
            await asyncio.sleep(0.75)
            raise error
        await crew.visit(node, push)

    with pytest.raises(ValueError, match="boom") as caught:
        await crawl([0], visit, workers=8)
    assert caught.value is error
    assert len(asyncio.all_tasks()) == crew.tasks_before
    assert crew.working == 0
    visited = len(crew.visited)
    await asyncio.sleep(100)
    assert len(crew.visited) == visited


async def test_the_first_of_several_failures_is_raised() -> None:
    """A visit that fails while it is cancelled does not hide the failure that came first."""
    ended: list[str] = []

    async def visit(node: int, _: Callable[[int], None]) -> None:
        try:
            await asyncio.sleep(node)
        except asyncio.CancelledError:
            ended.append(f"{node} cancelled")
            raise KeyError(node) from None
        raise ValueError(node)

    with pytest.raises(ValueError, match=r"^1$") as caught:
        await crawl([3, 1, 2], visit, workers=3)
    assert sorted(ended) == ["2 cancelled", "3 cancelled"]
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_a_cancelled_crawl_cancels_its_visits() -> None:
    """A timeout around a crawl ends its visits, and is raised as a cancellation."""
    crew = Crew(binary_tree(1000))
    with anyio.move_on_after(5.25) as scope:
        await crawl([0], crew.visit, workers=4)
    assert scope.cancelled_caught
    assert crew.working == 0
    assert len(asyncio.all_tasks()) == crew.tasks_before
    assert "cancelled" in crew.ended.values()


async def test_roots_that_fail_end_the_crawl() -> None:
    """An error of the iterable of roots is raised unchanged, and no visit is left."""

    def roots() -> Any:
        yield 1
        raise LookupError("no more roots")

    crew = Crew()
    with pytest.raises(LookupError, match="no more roots"):
        await crawl(roots(), crew.visit, workers=2)
    assert crew.working == 0
    assert len(asyncio.all_tasks()) == crew.tasks_before
