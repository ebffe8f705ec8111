"""The thread that large documents are decoded in."""

import asyncio
import threading

import pytest

from adjust_async._http.decoding import DecodingThread

pytestmark = pytest.mark.anyio


async def test_long_work_leaves_the_loop_free() -> None:
    """While work runs in the thread, the loop continues. Results and exceptions are passed on."""
    decoding = DecodingThread()
    here, release = threading.Event(), threading.Event()

    def work() -> str:
        here.set()
        release.wait(60)
        return threading.current_thread().name

    working = asyncio.create_task(decoding.run(work))
    while not here.is_set():
        await asyncio.sleep(0)
    release.set()
    assert (await working).startswith("adjust_async")

    def fail() -> None:
        raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        await decoding.run(fail)
    decoding.close()


async def test_a_cancellation_waits_for_the_work() -> None:
    """No work continues after its task has ended, and work that has not started never starts."""
    decoding = DecodingThread()
    here, release, begun = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        here.set()
        release.wait(60)

    working = asyncio.create_task(decoding.run(work))
    waiting = asyncio.create_task(decoding.run(lambda: begun.append("second")))
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
    decoding.close()


async def test_the_thread_ends_with_its_owner() -> None:
    """After `close` there is no thread, and without work there never was one."""
    before = set(threading.enumerate())
    decoding = DecodingThread()
    assert set(threading.enumerate()) <= before
    await decoding.run(lambda: None)
    (started,) = set(threading.enumerate()) - before
    decoding.close()
    await asyncio.to_thread(started.join, 5)
    assert not started.is_alive()
    DecodingThread().close()
