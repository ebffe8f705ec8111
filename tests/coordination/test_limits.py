"""Permits, the rate and the pause, with a clock that jumps."""

import asyncio
import math
from collections.abc import Awaitable, Callable

import anyio
import pytest

from adjust_async.coordination.in_process import Limits, LocalPermit
from adjust_async.coordination.protocol import LONGEST_PAUSE, PauseOutlastsDeadlineError
from tests.clock import jumping_clock, now, settle

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


async def start_times(limits: Limits, count: int, *, hold: float = 0.0) -> list[float]:
    """Run this many requests concurrently. Return when each began, in seconds from now."""
    began = now()
    times: list[float] = []

    async def request() -> None:
        with await limits.acquire(None):
            times.append(round(now() - began, 6))
            if hold:
                await asyncio.sleep(hold)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(request())
    return times


async def test_no_more_than_the_permits_run() -> None:
    """As many requests as there are permits run at once, and each that ends lets one begin."""
    limits = Limits(max_concurrency=3)
    assert await start_times(limits, 7, hold=1.0) == [0, 0, 0, 1, 1, 1, 2]
    assert limits.in_use == 0


async def test_permits_are_counted() -> None:
    """`in_use` is the number of permits in use."""
    limits = Limits(max_concurrency=2)
    assert limits.in_use == 0
    with await limits.acquire(None):
        with await limits.acquire(None):
            assert limits.in_use == 2
        assert limits.in_use == 1
    assert limits.in_use == 0


async def test_permits_go_out_in_the_order_of_asking() -> None:
    """The request that asked first begins first."""
    limits = Limits(max_concurrency=1)
    order: list[int] = []

    async def request(number: int) -> None:
        with await limits.acquire(None):
            order.append(number)
            await asyncio.sleep(1)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(request(number))
    assert order == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("rate", "burst", "expected"),
    [
        (2.0, 1, [0, 0.5, 1, 1.5, 2, 2.5]),
        (2.0, None, [0, 0, 0.5, 1, 1.5, 2]),
        (10.0, 3, [0, 0, 0, 0.1, 0.2, 0.3]),
        (0.5, None, [0, 2, 4, 6, 8, 10]),
        (1.5, None, [0, 0, 2 / 3, 4 / 3, 2, 8 / 3]),
        (1.0, 6, [0, 0, 0, 0, 0, 0]),
        (None, None, [0, 0, 0, 0, 0, 0]),
    ],
)
async def test_the_rate(rate: float | None, burst: int | None, expected: list[float]) -> None:
    """The burst begins at once, and then one request begins whenever the rate has room for it."""
    limits = Limits(max_concurrency=50, max_rate=rate, burst=burst)
    assert await start_times(limits, 6) == pytest.approx(expected, abs=1e-6)
    assert limits.in_use == 0


async def test_the_burst_is_full_after_an_idle_time() -> None:
    """After an idle time the burst is full again, and no fuller."""
    limits = Limits(max_concurrency=50, max_rate=2.0, burst=3)
    await start_times(limits, 5)
    await asyncio.sleep(100)
    assert await start_times(limits, 5) == pytest.approx([0, 0, 0, 0.5, 1], abs=1e-6)


@pytest.mark.parametrize("rate", [3.0, 7.0, 49.9, 50.0])
async def test_no_second_has_more_than_burst_and_rate(rate: float) -> None:
    """In no window of any length do more requests begin than its rate and one burst."""
    burst = 5
    times = await start_times(Limits(max_concurrency=500, max_rate=rate, burst=burst), 300)
    for first in range(0, 300, 7):
        for last in range(first, 300, 11):
            assert last - first + 1 <= burst + rate * (times[last] - times[first]) + 1e-3
    assert times[-1] == pytest.approx((300 - burst) / rate)


async def test_a_pause_holds_all_and_ends_for_all() -> None:
    """During a pause no request begins, and after it all begin at once."""
    limits = Limits(max_concurrency=5)
    limits.pause(10)
    assert round(limits.pause_left(), 6) == 10
    assert await start_times(limits, 5) == [10] * 5
    assert round(limits.pause_left(), 6) == 0
    assert await start_times(limits, 2) == [0, 0]


async def test_a_longer_pause_stays() -> None:
    """A shorter pause does not end the running one, and a longer one extends it, even for waiting requests."""
    limits = Limits(max_concurrency=5)
    limits.pause(10)
    limits.pause(3)
    assert round(limits.pause_left(), 6) == 10

    async def extend() -> None:
        await asyncio.sleep(4)
        limits.pause(20)

    async with asyncio.TaskGroup() as group:
        group.create_task(extend())
        times = group.create_task(start_times(limits, 2))
    assert times.result() == [24, 24]


@pytest.mark.parametrize("seconds", [LONGEST_PAUSE + 1, 1e300, math.inf])
async def test_a_pause_is_never_endless(seconds: float) -> None:
    """A service that asks for days gets the longest possible pause."""
    limits = Limits(max_concurrency=1)
    limits.pause(seconds)
    assert round(limits.pause_left(), 6) == LONGEST_PAUSE


async def test_after_a_pause_that_was_cut_one_request_asks_alone() -> None:
    """When the longest pause is over, one request begins, and the others wait until it has ended."""
    limits = Limits(max_concurrency=5)
    assert limits.pause(86_400)
    assert await start_times(limits, 4, hold=7.0) == [60, 67, 67, 67]
    assert limits.in_use == 0
    assert await start_times(limits, 2) == [0, 0]


async def test_the_first_request_may_have_to_wait_again() -> None:
    """If the service asks for another long pause, one request again goes first after it."""
    limits = Limits(max_concurrency=5)
    limits.pause(86_400)
    began, times = now(), list[float]()

    async def request() -> None:
        with await limits.acquire(None):
            times.append(round(now() - began, 6))
            await asyncio.sleep(1)
            if len(times) < 3:
                limits.pause(86_400)

    await asyncio.gather(*(request() for _ in range(6)))
    assert times == pytest.approx([60, 121, 182, 183, 183, 183])
    assert limits.in_use == 0


async def test_a_cancelled_trial_releases_the_others() -> None:
    """If the request that goes first is cancelled, the others begin."""
    limits = Limits(max_concurrency=5)
    limits.pause(86_400)

    async def hang() -> None:
        with await limits.acquire(None):
            await asyncio.sleep(10**6)

    hanging = asyncio.create_task(hang())
    await asyncio.sleep(65)
    waiting = asyncio.create_task(start_times(limits, 3))
    await asyncio.sleep(5)
    hanging.cancel()
    assert await waiting == [5, 5, 5]


async def test_only_the_first_of_many_pauses_is_news() -> None:
    """Fifty requests that get 429 at once begin one pause."""
    limits = Limits(max_concurrency=5)
    assert limits.pause(10)
    assert not any(limits.pause(seconds) for seconds in (5, 10, 20))
    await asyncio.sleep(21)
    assert limits.pause(1)


@pytest.mark.parametrize("seconds", [0, -5.0])
async def test_a_pause_of_zero_delays_nothing(seconds: float) -> None:
    """A pause of 0 s delays no request."""
    limits = Limits(max_concurrency=1)
    limits.pause(seconds)
    assert round(limits.pause_left(), 6) == 0
    assert await start_times(limits, 1) == [0]


async def test_a_pause_delays_requests_that_wait_for_the_rate() -> None:
    """A pause that begins while requests wait for the rate delays them, too, and the rate continues after it."""
    limits = Limits(max_concurrency=5, max_rate=1.0, burst=1)

    async def pause() -> None:
        await asyncio.sleep(0.5)
        limits.pause(10)

    async with asyncio.TaskGroup() as group:
        group.create_task(pause())
        times = group.create_task(start_times(limits, 3))
    first, second, third = times.result()
    assert first == 0
    assert second >= 10.5
    assert third - second >= 1 - 1e-6


@pytest.mark.parametrize("left", [0.0, 5.0, 9.999, 10.0])
async def test_a_pause_that_outlasts_the_deadline_raises_at_once(left: float) -> None:
    """If the pause ends at the deadline or later, the call fails without waiting, and takes no permit."""
    limits = Limits(max_concurrency=1)
    limits.pause(10)
    began = asyncio.get_running_loop().time()
    with pytest.raises(PauseOutlastsDeadlineError, match="10 s are left of the pause") as caught:
        await limits.acquire(began + left)
    assert asyncio.get_running_loop().time() == pytest.approx(began)
    assert caught.value.seconds == 10
    assert limits.in_use == 0


async def test_a_pause_within_the_deadline_is_waited_for() -> None:
    """If the pause ends before the deadline, the call continues after it."""
    limits = Limits(max_concurrency=1)
    limits.pause(10)
    began = now()
    await limits.acquire(began + 10.001)
    assert round(now() - began, 6) == 10
    assert limits.in_use == 1


async def test_it_raises_at_once_although_all_permits_are_out() -> None:
    """A call without time for the pause does not queue for a permit first."""
    limits = Limits(max_concurrency=1)
    await limits.acquire(None)
    limits.pause(10)
    began = now()
    with anyio.move_on_after(60), pytest.raises(PauseOutlastsDeadlineError):
        await limits.acquire(began + 5)
    assert now() == began
    assert limits.in_use == 1


async def test_a_call_behind_others_that_wait_for_the_pause_raises_at_once() -> None:
    """Calls that sleep through a pause with all permits don't keep one with less time from failing at once."""
    limits = Limits(max_concurrency=2)
    limits.pause(10)
    patient = [asyncio.create_task(limits.acquire(None)) for _ in range(2)]
    await settle()
    began = now()
    with anyio.move_on_after(60), pytest.raises(PauseOutlastsDeadlineError):
        await limits.acquire(began + 5)
    assert now() == began
    await asyncio.gather(*patient)


async def test_a_pause_extended_beyond_the_deadline_raises_then() -> None:
    """A call that sleeps through a pause fails when the pause becomes too long for it, and releases its permit."""
    limits = Limits(max_concurrency=1)
    limits.pause(5)
    began = now()

    async def extend() -> None:
        await asyncio.sleep(1)
        limits.pause(100)

    extending = asyncio.create_task(extend())
    with pytest.raises(PauseOutlastsDeadlineError):
        await limits.acquire(began + 10)
    assert round(now() - began, 6) <= 5
    assert limits.in_use == 0
    await extending


async def wait_for_permit(limits: Limits) -> LocalPermit:
    """Take the only permit, so that the next one waits for it."""
    return await limits.acquire(None)


async def wait_for_pause(limits: Limits) -> None:
    """Pause, so that the next one waits for the end of the pause."""
    limits.pause(10)


async def wait_for_trial(limits: Limits) -> LocalPermit:
    """Pause for too long, and let one request begin, so that the next one waits for its end."""
    limits.pause(LONGEST_PAUSE + 1)
    return await limits.acquire(None)


async def wait_for_rate(limits: Limits) -> None:
    """Use the burst up, so that the next one waits for the rate."""
    with await limits.acquire(None):
        pass


async def wait_for_pause_behind_rate(limits: Limits) -> None:
    """Use the burst up and pause a bit later, so that the next one waits for the rate and then for the pause."""
    with await limits.acquire(None):
        pass
    asyncio.get_running_loop().call_later(0.5, limits.pause, 30)


AWAITS = [
    (wait_for_permit, 0.25, 1),
    (wait_for_pause, 0.25, 0),
    (wait_for_rate, 0.25, 0),
    (wait_for_pause_behind_rate, 5.0, 0),
    (wait_for_trial, 0.25, 1),
]


@pytest.mark.parametrize(("prepare", "seconds", "out"), AWAITS, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("by_scope", [True, False], ids=["scope", "task"])
async def test_cancellation_at_each_await_releases_the_permit(
    prepare: Callable[[Limits], Awaitable[LocalPermit | None]], seconds: float, out: int, by_scope: bool
) -> None:
    """Wherever a call is cancelled while it waits, by a scope or as a task, its permit is free for the next one."""
    limits = Limits(max_concurrency=1, max_rate=1.0, burst=1)
    permit = await prepare(limits)
    before = limits.in_use
    if by_scope:
        with anyio.move_on_after(seconds) as scope:
            await limits.acquire(None)
        assert scope.cancelled_caught
    else:
        task = asyncio.create_task(limits.acquire(None))
        await asyncio.sleep(seconds)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert limits.in_use == before == out
    if permit is not None:
        with permit:
            pass
    with anyio.fail_after(100):
        await limits.acquire(None)
    assert limits.in_use == 1


async def test_a_permit_that_arrives_with_the_cancellation_is_not_lost() -> None:
    """A call that is cancelled at the moment at which a permit becomes free passes it on."""
    limits = Limits(max_concurrency=1)
    with await limits.acquire(None):
        waiting = asyncio.create_task(limits.acquire(None))
        await settle()
    waiting.cancel()
    await asyncio.wait([waiting])
    if not waiting.cancelled():
        with waiting.result():
            pass
    with anyio.fail_after(1):
        await limits.acquire(None)
    assert limits.in_use == 1


async def test_a_cancelled_call_does_not_stop_the_rate() -> None:
    """Calls that wait for the rate behind a cancelled call still begin."""
    limits = Limits(max_concurrency=10, max_rate=1.0, burst=1)
    await start_times(limits, 1)
    cancelled = asyncio.create_task(limits.acquire(None))
    await settle()
    times = asyncio.create_task(start_times(limits, 2))
    await settle()
    cancelled.cancel()
    with anyio.fail_after(100):
        assert await times == pytest.approx([1, 2])
    assert limits.in_use == 0
