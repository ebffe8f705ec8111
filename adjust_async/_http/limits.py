"""How many requests at once, how many a second, and the pause that a 429 imposes on all of them."""

import asyncio
import math
from typing import Self

import anyio
from aiolimiter import AsyncLimiter

__all__ = ["LONGEST_PAUSE", "Limits", "PauseOutlastsDeadlineError", "Permit"]

#: Seconds. A service that asks for more is asked again after this, by one request alone.
LONGEST_PAUSE = 60.0


class PauseOutlastsDeadlineError(Exception):
    """The service asked for a pause that the call has no time for; `seconds` are left of it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:g} s are left of the pause")
        self.seconds = seconds


class Limits:
    """The permits that all requests of a client to one service share.

    Args:
        max_concurrency: The maximum number of requests at the same time.
        max_rate: Requests a second on average; `None` for no limit.
        burst: How many requests may follow each other at once after a time of rest; one second's worth where `None`.
    """

    def __init__(self, *, max_concurrency: int, max_rate: float | None = None, burst: int | None = None) -> None:
        self._permits = anyio.Semaphore(max_concurrency, fast_acquire=True)
        self._max_concurrency = max_concurrency
        self._rate = None if max_rate is None else _leaky_bucket(max_rate, burst)
        self._paused_until = -math.inf
        self._needs_trial = False
        self._trial: asyncio.Event | None = None

    @property
    def in_use(self) -> int:
        """How many permits are out."""
        return self._max_concurrency - self._permits.value

    def pause(self, seconds: float) -> bool:
        """Let no request begin for so long, and say whether that is news.

        A longer pause that is under way stays. After one that was cut to `LONGEST_PAUSE`, one request begins alone, and
        the others wait until it has ended.
        """
        now = asyncio.get_running_loop().time()
        is_news = self._paused_until <= now
        until = now + min(seconds, LONGEST_PAUSE)
        if until >= self._paused_until:
            self._paused_until = until
            self._needs_trial = seconds > LONGEST_PAUSE
        return is_news

    def pause_left(self) -> float:
        """Return the seconds until requests may begin again; 0 where there is no pause."""
        return max(0.0, self._paused_until - asyncio.get_running_loop().time())

    async def acquire(self, deadline: float | None) -> "Permit":
        """Wait for a permit, for the rate, and for the end of a pause. The permit has to be released.

        Args:
            deadline: The loop's time at which the caller gives up; `None` for never.

        Raises:
            PauseOutlastsDeadlineError: There is a pause that ends after the deadline. No permit was taken.
        """
        while True:
            # No permit is held during a pause, so that a caller without the time for it learns so at once.
            await self._wait_for_pause(deadline)
            await self._permits.acquire()
            try:
                if self._rate is not None:
                    await self._rate.acquire()
            except BaseException:  # a cancellation too must not take the permit with it
                self._permits.release()
                raise
            if not self._is_held():
                return self._permit()
            self._permits.release()

    def _permit(self) -> "Permit":
        if self._needs_trial:
            self._needs_trial = False
            self._trial = asyncio.Event()
            return Permit(self._permits, self._end_trial)
        return Permit(self._permits)

    def _is_held(self) -> bool:
        return self._trial is not None or self.pause_left() > 0

    def _end_trial(self) -> None:
        trial, self._trial = self._trial, None
        if trial is not None:
            trial.set()

    async def _wait_for_pause(self, deadline: float | None) -> None:
        while self._is_held():
            left = self.pause_left()
            if left and deadline is not None and self._paused_until >= deadline:
                raise PauseOutlastsDeadlineError(left)
            if left:
                await asyncio.sleep(left)
            elif self._trial is not None:
                await self._trial.wait()


class Permit:
    """Leave to send one request; as a context manager it is released at the end."""

    __slots__ = ("_on_release", "_permits")

    def __init__(self, permits: anyio.Semaphore, on_release: object = None) -> None:
        self._permits = permits
        self._on_release = on_release

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._permits.release()
        if callable(self._on_release):
            self._on_release()


def _leaky_bucket(max_rate: float, burst: int | None) -> AsyncLimiter:
    """Return a bucket that holds the burst, and leaks it within the time that the rate takes for it."""
    size = burst or max(1, math.ceil(max_rate))
    return AsyncLimiter(size, size / max_rate)
