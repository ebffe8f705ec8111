"""The permits of one host, taken from a store in batches.

Requests that start and end within one turn of the event loop share one exchange with the store. One task does all
exchanges: it runs while the member holds or wants anything, and ends when there is nothing left to report.
"""

import asyncio
import logging
import math
import random
from collections import deque
from types import TracebackType
from typing import NamedTuple

from adjust_async.coordination.protocol import (
    LONGEST_PAUSE,
    Host,
    PauseOutlastsDeadlineError,
    Permit,
)
from adjust_async.coordination.shared.leases import Lease
from adjust_async.coordination.shared.sharing import Bucket, Rate
from adjust_async.coordination.shared.store import Exchange, Granted, Store, StoreUnavailableError
from adjust_async.errors import AdjustError, ClientClosedError, CoordinationError

__all__ = ["SharedHost"]

logger = logging.getLogger("adjust_async")

#: Seconds for which a permit that nobody waits for stays with the member, so that a serial walk needs one exchange a
#: page instead of two.
LINGER = 0.02

#: Seconds between two attempts to reach a store that can't be reached.
RETRY = 0.5


class _Waiter(NamedTuple):
    future: asyncio.Future[int]
    deadline: float | None


class _LocalShare:
    """A member's own share of the limits while the store can't be reached."""

    def __init__(self, host: Host, processes: int) -> None:
        self.limit = max(1, host.max_concurrency // processes)
        self._rate = None
        if host.max_rate is not None:
            whole = Rate.of(host.max_rate, host.burst)
            self._rate = Rate(whole.per_second / processes, max(1, whole.burst // processes))
        self._bucket = Bucket()

    def exchange(self, exchange: Exchange, pause: float) -> Granted:
        """Grant what the store would grant if every other process used exactly its share."""
        permits, wait = 0 if pause else max(0, min(exchange.waiting, self.limit - exchange.held)), 0.0
        if self._rate is not None:
            now = asyncio.get_running_loop().time()
            permits = min(permits, self._bucket.room(self._rate, now))
            self._bucket = self._bucket.add(permits, self._rate, now)
            wait = self._bucket.wait(self._rate, now)
        return Granted(permits, pause, wait, contended=False)


class SharedHost:
    """One member's part of one host.

    Args:
        host: The host and its limits.
        store: Where the members meet.
        lease: Seconds after which the store releases what a silent member holds.
        processes: The number of processes among which the limits are split while the store can't be reached; `None` to
            raise instead.
    """

    def __init__(self, host: Host, store: Store, lease: float, processes: int | None) -> None:
        self.host = host
        self._store = store
        self._lease = Lease(lease)
        self._local = None if processes is None else _LocalShare(host, processes)
        self._is_local = False
        self._probe: asyncio.Task[Granted] | None = None
        self._waiters: deque[_Waiter] = deque()
        self._waiting = 0
        self._pauses: list[asyncio.Future[None]] = []
        self._held = 0
        self._epoch = 0
        self._contended = False
        self._asked = False
        self._lingers = False
        self._paused_until = -math.inf
        self._was_cut = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def held(self) -> int:
        """The number of permits in use."""
        return self._held

    def permit(self, deadline: float | None) -> "SharedPermit":
        """Return a permit that is taken on entering."""
        return SharedPermit(self, deadline)

    def pause_left(self) -> float:
        """Return the seconds that are left of a pause, as far as this member knows."""
        return max(0.0, self._paused_until - asyncio.get_running_loop().time())

    async def pause(self, seconds: float) -> bool:
        """Let no member start a request for some seconds. Return whether no pause was running."""
        loop = asyncio.get_running_loop()
        until, is_news = loop.time() + min(seconds, LONGEST_PAUSE), not self.pause_left()
        if seconds <= 0 or until < self._paused_until:
            return is_news
        self._paused_until, self._was_cut = until, seconds > LONGEST_PAUSE
        reported: asyncio.Future[None] = loop.create_future()
        self._pauses.append(reported)
        self._ask()
        await reported  # if the caller is cancelled here, the task still reports the pause
        return is_news

    async def acquire(self, deadline: float | None) -> int:
        """Wait for a permit. Return the epoch in which it was granted."""
        if deadline is not None and self._paused_until >= deadline and (left := self.pause_left()):
            raise PauseOutlastsDeadlineError(left)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiters.append(_Waiter(future, deadline))
        self._waiting += 1
        self._ask()
        try:
            return await future
        except asyncio.CancelledError:
            if future.cancelled():
                self._waiting -= 1
            elif future.exception() is None:
                self.release()  # it was granted at the moment of the cancellation
            raise

    def release(self) -> None:
        """Release a permit."""
        self._held -= 1
        if self._waiting or self._contended:
            self._ask()
        elif not self._lingers:
            self._lingers = True
            self._wake.set()

    def is_valid(self, epoch: int) -> bool:
        """Return whether this member still holds a permit of that epoch."""
        return epoch == self._epoch and self._lease.valid

    async def aclose(self) -> None:
        """End the tasks, and fail the requests that still wait."""
        tasks = [task for task in (self._task, self._probe) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._task = self._probe = None
        self._fail(ClientClosedError("the client is closed: it was waiting for a permit"))
        self._end_pauses(self._pauses)

    def _ask(self) -> None:
        self._lingers = False
        self._asked = True
        self._wake.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        tries = 0
        while True:
            self._wake.clear()
            self._asked = self._lingers = False
            exchange = Exchange(self._held, self._waiting, self.pause_left() if self._pauses else 0.0, self._was_cut)
            granted = await self._exchange(exchange)
            if granted is not None:
                self._take(granted)
            tries = 0 if granted is None or granted.permits else tries + 1
            is_known = granted is None or exchange.held == exchange.waiting == 0
            if is_known and not (self._held or self._waiting or self._pauses or self._asked or self._lingers):
                self._task = None
                return
            await self._until_next(granted, tries)

    async def _exchange(self, exchange: Exchange) -> Granted | None:
        """Exchange with the store, or with the local share; `None` if neither is possible."""
        reported, self._pauses = self._pauses, []
        if not self._lease.valid:
            # Other members may hold the permits from before: requests that were not sent yet must ask again.
            self._epoch += 1
        asked = Lease.now()
        try:
            granted = (
                self._exchange_locally(exchange) if self._is_local else await self._store.exchange(self.host, exchange)
            )
        except asyncio.CancelledError:
            self._pauses += reported
            raise
        except Exception as error:  # noqa: BLE001 - if this task ended, requests would wait forever
            is_foreseen = isinstance(error, StoreUnavailableError)
            problem = str(error) if is_foreseen else f"the coordinator failed with {type(error).__name__}: {error}"
            if self._local is None:
                self._fail(CoordinationError(f"{problem}. Nothing was sent"))
                self._end_pauses(reported)
                return None
            self._go_local(problem)
            granted = self._exchange_locally(exchange)
        self._lease.confirm(asked)
        self._end_pauses(reported)
        return granted

    def _take(self, granted: Granted) -> None:
        loop = asyncio.get_running_loop()
        self._contended = granted.contended
        if granted.pause:
            self._paused_until = max(self._paused_until, loop.time() + granted.pause)
            for future, deadline in self._waiters:
                if deadline is not None and self._paused_until >= deadline and not future.done():
                    self._waiting -= 1
                    future.set_exception(PauseOutlastsDeadlineError(granted.pause))
        permits = granted.permits
        while permits and self._waiters:
            future = self._waiters.popleft().future
            if not future.done():
                self._held += 1
                self._waiting -= 1
                permits -= 1
                future.set_result(self._epoch)
        if permits:  # their requests have been cancelled
            self._ask()

    async def _until_next(self, granted: Granted | None, tries: int) -> None:
        """Wait until there is something to ask or report."""
        end = asyncio.get_running_loop().time() + self._longest_wait(granted, tries)
        while not self._asked:
            self._wake.clear()
            left = end - asyncio.get_running_loop().time()
            if self._lingers:
                left = min(left, LINGER)
            if left <= 0:
                return
            try:
                async with asyncio.timeout(left):
                    await self._wake.wait()
            except TimeoutError:
                return

    def _longest_wait(self, granted: Granted | None, tries: int) -> float:
        if granted is None:
            return RETRY
        if not self._waiting:
            return self._lease.due
        if granted.pause:
            return min(granted.pause, self._lease.due)
        first, most = self._store.poll
        if self._held:
            most *= 4  # each request that ends asks too
        poll = min(most, first * 2 ** min(tries, 10)) * random.uniform(0.5, 1.5)
        return max(granted.wait, 0.0005) if granted.wait else poll

    def _fail(self, error: AdjustError) -> None:
        for future, _ in self._waiters:
            if not future.done():  # a caller that was cancelled counts itself out
                self._waiting -= 1
                future.set_exception(type(error)(error.message))  # each caller gets its own error
        self._waiters.clear()

    def _end_pauses(self, reported: list[asyncio.Future[None]]) -> None:
        for future in reported:
            if not future.done():
                future.set_result(None)

    def _go_local(self, problem: str) -> None:
        self._is_local = True
        limit = 0 if self._local is None else self._local.limit
        logger.warning(
            "%s. Until it is back, this client keeps to its own share of %d requests at once", problem, limit
        )

    def _exchange_locally(self, exchange: Exchange) -> Granted:
        if self._local is None:
            raise AssertionError("there is no local share")
        if self._probe is None:
            # In a task of its own, because a store that does not answer must not delay requests.
            self._probe = asyncio.get_running_loop().create_task(self._probe_store(exchange))
            self._probe.add_done_callback(self._after_probe)
        return self._local.exchange(exchange, self.pause_left())

    async def _probe_store(self, exchange: Exchange) -> Granted:
        await asyncio.sleep(RETRY)
        return await self._store.exchange(self.host, Exchange(exchange.held, 0, self.pause_left(), self._was_cut))

    def _after_probe(self, probe: asyncio.Task[Granted]) -> None:
        self._probe = None
        if not probe.cancelled() and probe.exception() is None:
            self._is_local = False
            logger.warning("the coordinator is back: this client shares the limits of %s again", self.host.url)
            self._wake.set()


class SharedPermit:
    """One permit as a context manager, which returns itself on entering."""

    __slots__ = ("_deadline", "_epoch", "_host")

    def __init__(self, host: SharedHost, deadline: float | None) -> None:
        self._host = host
        self._deadline = deadline
        self._epoch = 0

    @property
    def valid(self) -> bool:
        """Whether this member still holds the permit."""
        return self._host.is_valid(self._epoch)

    async def __aenter__(self) -> Permit:
        self._epoch = await self._host.acquire(self._deadline)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._host.release()
