"""How many requests at once, how many a second, and the pause that a 429 gives everyone."""

import asyncio
import math
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

__all__ = ["Limits", "PauseOutlastsDeadlineError"]

#: A service that asks for more than this has made a mistake; it must not stop a client for good.
LONGEST_PAUSE = 3600.0


class PauseOutlastsDeadlineError(Exception):
    """The service asked for a pause that the call has no time for; `seconds` are left of it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:g} s are left of the pause")
        self.seconds = seconds


def _leaky_bucket(max_rate: float, burst: int | None) -> "AsyncLimiter":
    """Make a bucket that holds the burst, and leaks it within the time that the rate gives for it."""
    from aiolimiter import AsyncLimiter  # which is slow to import, and needed by few

    size = burst or max(1, math.ceil(max_rate))
    return AsyncLimiter(size, size / max_rate)


class Limits:
    """The permits that all requests of a client to one service share.

    Args:
        max_concurrency: Requests at the same time.
        max_rate: Requests a second on average; `None` for no limit.
        burst: Requests that may follow each other at once after a time of rest; one second's worth where `None`.
    """

    def __init__(self, *, max_concurrency: int, max_rate: float | None = None, burst: int | None = None) -> None:
        self._permits = anyio.Semaphore(max_concurrency, fast_acquire=True)
        self._max_concurrency = max_concurrency
        self._rate = None if max_rate is None else _leaky_bucket(max_rate, burst)
        self._paused_until = -math.inf

    @property
    def in_use(self) -> int:
        """How many permits are out."""
        return self._max_concurrency - self._permits.value

    def pause(self, seconds: float) -> None:
        """Let no request begin for so long. A longer pause that is under way stays."""
        until = asyncio.get_running_loop().time() + min(seconds, LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, until)

    def pause_left(self) -> float:
        """Seconds until requests may begin again; 0 where there is no pause."""
        return max(0.0, self._paused_until - asyncio.get_running_loop().time())

    async def acquire(self, deadline: float | None) -> None:
        """Wait for a permit, for the rate, and for the end of a pause. Each permit is to be given back by `release`.

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
            if not self.pause_left():
                return
            self._permits.release()

    def release(self) -> None:
        """Give a permit back."""
        self._permits.release()

    async def _wait_for_pause(self, deadline: float | None) -> None:
        while left := self.pause_left():
            if deadline is not None and self._paused_until >= deadline:
                raise PauseOutlastsDeadlineError(left)
            await asyncio.sleep(left)
