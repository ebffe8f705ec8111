"""Walks as objects: iterated any number of times, stepped through, closed and left."""

import asyncio
import gc
from contextlib import aclosing
from inspect import isasyncgen

import pytest

from adjust_async import AsyncAdjust, ServerError
from adjust_async.emulator import Emulator, Faults

pytestmark = [pytest.mark.anyio, pytest.mark.account(apps=2, trackers_per_app=100)]


def left(adjust: AsyncAdjust) -> tuple[int, int, int]:
    """Return the number of permits, calls and tasks."""
    session = adjust._session
    return session.permits, session.calls, len(session._tasks)


async def until_left(adjust: AsyncAdjust, expected: tuple[int, int, int]) -> None:
    """Wait until just these permits, calls and tasks are left."""
    async with asyncio.timeout(60):
        while left(adjust) != expected:
            await asyncio.sleep(0)


async def test_nothing_is_sent_before_it_is_used(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A walk that is neither iterated nor awaited sends nothing, starts no task and may be closed."""
    walk = adjust.trackers.walk(emulator.app_tokens)
    assert "the trackers of 2 apps" in repr(walk)
    assert isasyncgen(aiter(walk))
    await walk.aclose()
    await walk.aclose()
    assert (emulator.stats.total, left(adjust)) == (0, (0, 0, 0))


async def test_each_iteration_is_complete(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A walk can be iterated twice, twice concurrently, and after it was closed: each time with every tracker once."""
    walk = adjust.trackers.walk(emulator.app_tokens)

    async def tokens() -> list[str]:
        return sorted([tracker.token async for tracker in walk])

    first = await tokens()
    assert len(set(first)) == len(first) == 200
    assert list(await asyncio.gather(tokens(), tokens())) == [first, first]
    await walk.aclose()
    assert await tokens() == first
    assert len(walk._iterations) == 1


async def test_closing_a_walk_ends_its_iterations_at_once(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """All unfinished iterations end, with their tasks and requests."""
    emulator.latency = 0.01
    walk = adjust.trackers.walk(emulator.app_tokens)
    async with aclosing(walk):
        for _ in range(2):
            async for _ in walk:
                break
        assert left(adjust)[2] == 2
    assert left(adjust) == (0, 0, 0)
    total = emulator.stats.total
    await asyncio.sleep(0.03)
    assert emulator.stats.total == total


async def test_a_walk_that_nobody_has_ends_when_it_is_left(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """After a `break` out of an unreferenced walk, its tasks end without the garbage collector."""
    emulator.latency = 0.01
    gc.disable()
    try:
        async for _ in adjust.trackers.walk(emulator.app_tokens):
            break
        walk = adjust.trackers.walk(emulator.app_tokens)
        await anext(walk)
        del walk
        await until_left(adjust, (0, 0, 0))
    finally:
        gc.enable()


@pytest.mark.settings(max_concurrency=5)
async def test_a_named_walk_that_is_left_stands_still(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """After a `break` it sends nothing more and holds no permit. When the walk is dropped, its tasks end."""
    apps = emulator.app_tokens
    walk = adjust.trackers.walk(apps, page_size=2)
    gc.disable()
    try:
        async for _ in walk:
            break
        await until_left(adjust, (0, 0, 1))
        total = emulator.stats.total
        await asyncio.sleep(0.03)
        assert emulator.stats.total == total
        assert left(adjust) == (0, 0, 1)
        del walk
        await until_left(adjust, (0, 0, 0))
    finally:
        gc.enable()
    assert total < len(await adjust.trackers.walk(apps)) / 2


async def test_an_await_continues_when_the_walk_is_closed(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Closing ends only iterations: another task's `await` of the walk completes."""
    emulator.latency = 0.005
    walk = adjust.trackers.walk(emulator.app_tokens)
    awaited = asyncio.create_task(walk.collect())
    async with aclosing(walk):
        await anext(walk)
    assert len(await awaited) == 200


async def test_steps_go_on_in_a_loop(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`async for` continues what `anext` started, so that no tracker is lost or repeated."""
    walk = adjust.trackers.walk(emulator.app_tokens)
    seen = [await anext(walk), await anext(walk)]
    seen += [tracker async for tracker in walk]
    assert len({tracker.token for tracker in seen}) == len(seen) == 200
    assert len([tracker async for tracker in walk]) == 200


async def test_steps_end_and_start_again(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`anext` ends with `StopAsyncIteration`. The next call starts another walk, which `aclose` ends."""
    walk = adjust.trackers.walk(emulator.app_tokens[0], max_level=1)
    count = 0
    with pytest.raises(StopAsyncIteration):
        while True:
            await anext(walk)
            count += 1
    requests = emulator.stats.total
    assert count == len(await walk)
    await anext(walk)
    assert emulator.stats.total > 2 * requests
    await walk.aclose()
    assert left(adjust) == (0, 0, 0)


@pytest.mark.settings(max_attempts=1)
async def test_a_failed_step_does_not_pass_for_the_end(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """After a failed step, the next iteration starts again and is complete."""
    emulator.faults = Faults.script(["500"])
    walk = adjust.trackers.walk(emulator.app_tokens[0])
    with pytest.raises(ServerError):
        await anext(walk)
    assert len([tracker async for tracker in walk]) == 100


async def test_progress_is_counted_for_each_walk(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Each iteration and each await reports its own progress, from the start."""
    told: list[int] = []
    walk = adjust.trackers.walk(emulator.app_tokens, on_progress=lambda done, *_: told.append(done))
    for ask in (walk.collect, walk.to_table):
        told.clear()
        assert len(await ask()) == told[-1] == 200
        assert told == sorted(set(told))
