"""Turns of the event loop, and the thread for long work."""

import asyncio
import threading
import time

import pytest

from adjust_async._http.decoding import Aside, Turns

pytestmark = pytest.mark.anyio


async def test_one_task_passes_in_each_turn_of_the_loop() -> None:
    """Of tasks that come together, each passes in a turn of its own, in the order in which they came."""
    turns, passed = Turns(), list[tuple[int, int]]()
    turn = 0

    async def count() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    async def work(number: int) -> None:
        await turns.take()
        passed.append((number, turn))

    counting = asyncio.create_task(count())
    await asyncio.gather(*map(work, range(20)))
    counting.cancel()
    assert [number for number, _ in passed] == list(range(20))
    assert len({at for _, at in passed}) == 20


async def test_a_turn_that_nobody_wants_is_taken_at_once() -> None:
    """A task alone does not wait."""
    turns = Turns()
    for _ in range(3):
        taking = turns.take()
        with pytest.raises(StopIteration):
            taking.send(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.mark.parametrize("cancelled", [{0}, {1}, {1, 2}, {3}, {0, 1, 2, 3}])
async def test_a_cancelled_task_holds_nobody_up(cancelled: set[int]) -> None:
    """Where waiting tasks are cancelled, all others pass, and the next ones too."""
    turns = Turns()
    await turns.take()
    tasks = [asyncio.create_task(turns.take()) for _ in range(4)]
    await asyncio.sleep(0)
    for number in cancelled:
        tasks[number].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {number for number, outcome in enumerate(outcomes) if outcome is not None} <= cancelled
    async with asyncio.timeout(5):
        await turns.take()
        await turns.take()


async def test_long_work_leaves_the_loop_free() -> None:
    """While work runs in the thread, the loop turns; what it gives comes back, and what it raises too."""
    aside = Aside()
    here, release = threading.Event(), threading.Event()

    def work() -> str:
        here.set()
        release.wait(5)
        return threading.current_thread().name

    working = asyncio.create_task(aside.run(work))
    while not here.is_set():
        await asyncio.sleep(0)
    release.set()
    assert (await working).startswith("adjust_async")

    def fail() -> None:
        raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        await aside.run(fail)
    aside.close()


async def test_a_cancellation_waits_for_the_work() -> None:
    """No work goes on after its task has ended, and what was not begun yet never begins."""
    aside = Aside()
    here, release, begun = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        here.set()
        release.wait(5)

    working = asyncio.create_task(aside.run(work))
    waiting = asyncio.create_task(aside.run(lambda: begun.append("second")))
    while not here.is_set():
        await asyncio.sleep(0)
    working.cancel()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not working.done()
    release.set()
    await asyncio.wait([working])
    assert working.cancelled()
    assert waiting.cancelled()
    assert begun == []
    aside.close()


async def test_the_thread_ends_with_its_owner() -> None:
    """After `close` there is no thread left, and without work there never was one."""
    before = threading.active_count()
    aside = Aside()
    assert threading.active_count() == before
    await aside.run(lambda: None)
    assert threading.active_count() == before + 1
    aside.close()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        await asyncio.sleep(0)
    assert threading.active_count() == before
    Aside().close()
