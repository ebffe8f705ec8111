"""The default coordinator: shares limits only among clients in one process that are passed the same object."""

import asyncio
import math
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from types import TracebackType
from typing import Self
from weakref import WeakSet, WeakValueDictionary

import anyio
from aiolimiter import AsyncLimiter

from adjust_async.coordination.protocol import (
    LONGEST_PAUSE,
    Holder,
    Host,
    Journal,
    JournalEntry,
    Lock,
    Member,
    PauseOutlastsDeadlineError,
    Permit,
)
from adjust_async.errors import LockLostError

__all__ = ["InProcessCoordinator", "Limits", "LocalPermit"]

#: The value of `Holder.process`: all holders are in this process.
_PROCESS = "itself"


class InProcessCoordinator:
    """Shares the limits among the clients that are passed this object.

    It needs no leases, because these clients all end with the process.
    A client without a coordinator has its own. If clients of one account have different limits, those of the first one
    apply.
    """

    def __init__(self) -> None:
        # Both live as long as a member uses them.
        self._limits: WeakValueDictionary[str, Limits] = WeakValueDictionary()
        self._apps: WeakValueDictionary[str, _App] = WeakValueDictionary()

    def join(self, hosts: Sequence[Host]) -> Member:
        """Return a member for a client of these hosts."""
        return _InProcessMember(hosts, self._limits, self._apps)


class Limits:
    """The permits that all requests to one host share.

    Args:
        max_concurrency: The maximum number of concurrent requests.
        max_rate: Requests a second on average; `None` for no limit.
        burst: Requests that may start at once after an idle time; `None` for one second's worth.
    """

    def __init__(self, *, max_concurrency: int, max_rate: float | None = None, burst: int | None = None) -> None:
        self._permits = anyio.Semaphore(max_concurrency, fast_acquire=True)
        self._max_concurrency = max_concurrency
        self._rate = None if max_rate is None else _leaky_bucket(max_rate, burst)
        self._paused_until = -math.inf
        self._needs_trial = False
        self._trial: asyncio.Event | None = None
        self.shares: WeakSet[_Share] = WeakSet()

    @classmethod
    def of(cls, host: Host) -> "Limits":
        """Return the limits of a host."""
        return cls(max_concurrency=host.max_concurrency, max_rate=host.max_rate, burst=host.burst)

    @property
    def in_use(self) -> int:
        """The number of permits in use."""
        return self._max_concurrency - self._permits.value

    def pause(self, seconds: float) -> bool:
        """Let no request start for some seconds. Return whether no pause was running.

        A running pause that is longer stays. After a pause that was cut to `LONGEST_PAUSE`, one request starts, and the
        others wait until it has ended.
        """
        now = asyncio.get_running_loop().time()
        is_news = self._paused_until <= now
        until = now + min(seconds, LONGEST_PAUSE)
        if until >= self._paused_until:
            self._paused_until = until
            self._needs_trial = seconds > LONGEST_PAUSE
        return is_news

    def pause_left(self) -> float:
        """Return the seconds until requests may start again; 0 without a pause."""
        return max(0.0, self._paused_until - asyncio.get_running_loop().time())

    async def acquire(self, deadline: float | None) -> "LocalPermit":
        """Wait for a permit, for the rate, and for the end of a pause. The caller must release the permit.

        Args:
            deadline: The time of the event loop's clock at which the caller gives up; `None` for never.

        Raises:
            PauseOutlastsDeadlineError: A pause ends after the deadline. No permit was taken.
        """
        while True:
            # No permit is held during a pause, so that a caller whose deadline is too short fails at once.
            await self._wait_for_pause(deadline)
            await self._permits.acquire()
            try:
                if self._rate is not None:
                    await self._rate.acquire()
            except BaseException:  # a cancellation must release the permit too
                self._permits.release()
                raise
            if not self._is_held():
                return self._permit()
            self._permits.release()

    def _permit(self) -> "LocalPermit":
        if self._needs_trial:
            self._needs_trial = False
            self._trial = asyncio.Event()
            return LocalPermit(self._permits, self._end_trial)
        return LocalPermit(self._permits)

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


class LocalPermit:
    """The permission to send one request; as a context manager it is released at the end. It has no lease."""

    __slots__ = ("_on_release", "_permits")

    valid = True

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
    """Return a bucket that holds the burst, and leaks it in the time that the rate needs for it."""
    size = burst or max(1, math.ceil(max_rate))
    return AsyncLimiter(size, size / max_rate)


class _Share:
    """One member's use of a host."""

    __slots__ = ("__weakref__", "host", "limits", "out", "waiting")

    def __init__(self, host: Host, limits: Limits) -> None:
        self.host = host
        self.limits = limits
        limits.shares.add(self)
        self.out = 0
        self.waiting = 0


class _Holding:
    """Takes a permit on entering, and releases it on leaving."""

    __slots__ = ("_deadline", "_permit", "_share")

    def __init__(self, share: _Share, deadline: float | None) -> None:
        self._share = share
        self._deadline = deadline
        self._permit: LocalPermit | None = None

    async def __aenter__(self) -> Permit:
        share = self._share
        share.waiting += 1
        try:
            self._permit = await share.limits.acquire(self._deadline)
        finally:
            share.waiting -= 1
        share.out += 1
        return self._permit

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._share.out -= 1
        if self._permit is not None:
            self._permit.__exit__()


class _App:
    """The lock and the journal of one app."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.fencing = count(1)
        self.holder: _InProcessLock | None = None
        self.open: dict[str, JournalEntry] = {}

    async def entries(self) -> list[JournalEntry]:
        return list(self.open.values())

    async def write(self, entry: JournalEntry, lock: Lock) -> None:
        if lock is not self.holder:
            raise LockLostError("the lock was released: nothing may be created with it")
        self.open[entry.id] = entry

    async def settle(self, entry: JournalEntry, token: str | None) -> None:
        # The client's own memory covers trackers that lists don't show yet, and ends with the process as this does.
        del token
        self.open.pop(entry.id, None)


class _InProcessLock:
    __slots__ = ("_app", "fencing", "member")

    def __init__(self, app: _App, member: "_InProcessMember", fencing: int) -> None:
        self._app = app
        self.member = member
        self.fencing = fencing

    async def ensure(self) -> None:
        if self._app.holder is not self:
            raise LockLostError("the lock was released: nothing may be created with it")


class _InProcessMember:
    def __init__(
        self, hosts: Sequence[Host], limits: MutableMapping[str, Limits], apps: MutableMapping[str, _App]
    ) -> None:
        self._url = hosts[0].url
        self._shares = {host.name: _Share(host, limits.setdefault(host.scope, Limits.of(host))) for host in hosts}
        self._all_apps = apps
        self._apps: dict[str, _App] = {}

    @property
    def permits_out(self) -> int:
        return sum(share.out for share in self._shares.values())

    def permit(self, host: str, *, deadline: float | None = None) -> AbstractAsyncContextManager[Permit]:
        return _Holding(self._shares[host], deadline)

    async def pause(self, host: str, seconds: float) -> bool:
        return self._shares[host].limits.pause(seconds)

    def pause_left(self, host: str) -> float:
        return self._shares[host].limits.pause_left()

    @asynccontextmanager
    async def lock(self, app_token: str) -> AsyncIterator[Lock]:
        app = self._app(app_token)
        async with app.lock:
            app.holder = _InProcessLock(app, self, next(app.fencing))
            try:
                yield app.holder
            finally:
                app.holder = None

    def journal(self, app_token: str) -> Journal:
        return self._app(app_token)

    async def holders(self) -> list[Holder]:
        permits = [
            Holder("permits", share.host.url, _PROCESS, share is mine, share.out, share.waiting)
            for mine in self._shares.values()
            for share in mine.limits.shares
            if share.out or share.waiting
        ]
        return permits + [
            Holder("lock", key.rpartition(" ")[2], _PROCESS, app.holder.member is self, 1)
            for key, app in self._all_apps.items()
            if app.holder is not None and key.rpartition(" ")[0] == self._url
        ]

    async def aclose(self) -> None:
        """Do nothing: permits and locks are released by the blocks that took them."""

    def _app(self, app_token: str) -> _App:
        if app_token not in self._apps:
            self._apps[app_token] = self._all_apps.setdefault(f"{self._url} {app_token}", _App())
        return self._apps[app_token]
