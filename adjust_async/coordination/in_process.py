"""The default: nothing is shared but among the clients of one process that are given the same coordinator."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING
from weakref import WeakSet, WeakValueDictionary

import anyio

from adjust_async.coordination.protocol import (
    LONGEST_PAUSE,
    Holder,
    Host,
    Journal,
    JournalEntry,
    Lock,
    Member,
    Permit,
    pause_before,
)
from adjust_async.errors import LockLostError

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

__all__ = ["InProcessCoordinator"]

#: What `Holder.process` says: there is no other one.
_PROCESS = "itself"


class InProcessCoordinator:
    """Shares the limits among the clients that were given this very object, without a lease: they end together.

    A client without a coordinator has one of its own.
    """

    def __init__(self) -> None:
        self._limits: WeakValueDictionary[str, _Limits] = WeakValueDictionary()
        self._apps: WeakValueDictionary[str, _App] = WeakValueDictionary()

    def join(self, hosts: Sequence[Host]) -> Member:
        """Return a member for a client of these hosts."""
        return _InProcessMember(self, hosts)

    def limits(self, host: Host) -> "_Limits":
        """Return the limits of a host, which live as long as a member has them."""
        return self._limits.setdefault(host.scope, _Limits(host))

    def app(self, key: str) -> "_App":
        """Return the lock and the journal of an app, which live as long as a member has them."""
        return self._apps.setdefault(key, _App())


class _Limits:
    """The permits, the rate and the pause of one host."""

    def __init__(self, host: Host) -> None:
        self._permits = anyio.Semaphore(host.max_concurrency, fast_acquire=True)
        self._rate = None if host.max_rate is None else _leaky_bucket(host.max_rate, host.burst)
        self.paused_until = -math.inf
        self.shares: WeakSet[_Share] = WeakSet()

    def pause(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + min(seconds, LONGEST_PAUSE)
        self.paused_until = max(self.paused_until, until)

    async def acquire(self, deadline: float | None) -> None:
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
            if self.paused_until <= asyncio.get_running_loop().time():
                return
            self._permits.release()

    def release(self) -> None:
        self._permits.release()

    async def _wait_for_pause(self, deadline: float | None) -> None:
        while left := pause_before(deadline, self.paused_until):  # noqa: ASYNC110 - it may be extended meanwhile
            await asyncio.sleep(left)


def _leaky_bucket(max_rate: float, burst: int | None) -> "AsyncLimiter":
    """Return a bucket that holds the burst, and leaks it within the time that the rate takes for it."""
    from aiolimiter import AsyncLimiter  # which is slow to import, and needed by few

    size = burst or max(1, math.ceil(max_rate))
    return AsyncLimiter(size, size / max_rate)


class _Share:
    """What one member has of a host. It is the permit too: there is no lease that one of them could lose."""

    __slots__ = ("__weakref__", "host", "limits", "out", "waiting")

    valid = True

    def __init__(self, host: Host, limits: _Limits) -> None:
        self.host = host
        self.limits = limits
        limits.shares.add(self)
        self.out = 0
        self.waiting = 0


class _HeldPermit:
    __slots__ = ("_deadline", "_share")

    def __init__(self, share: _Share, deadline: float | None) -> None:
        self._share = share
        self._deadline = deadline

    async def __aenter__(self) -> Permit:
        share = self._share
        share.waiting += 1
        try:
            await share.limits.acquire(self._deadline)
        finally:
            share.waiting -= 1
        share.out += 1
        return share

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._share.out -= 1
        self._share.limits.release()


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
            raise LockLostError("the lock was given back: nothing may be created with it any more")
        self.open[entry.id] = entry

    async def settle(self, entry: JournalEntry, token: str | None) -> None:
        # The memory of the client covers what lists don't show yet; both end with the process.
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
            raise LockLostError("the lock was given back: nothing may be created with it any more")


class _InProcessMember:
    def __init__(self, coordinator: InProcessCoordinator, hosts: Sequence[Host]) -> None:
        self._coordinator = coordinator
        self._url = hosts[0].url
        self._shares = {host.name: _Share(host, coordinator.limits(host)) for host in hosts}
        self._apps: dict[str, _App] = {}

    @property
    def permits_out(self) -> int:
        return sum(share.out for share in self._shares.values())

    def permit(self, host: str, *, deadline: float | None = None) -> AbstractAsyncContextManager[Permit]:
        return _HeldPermit(self._shares[host], deadline)

    async def pause(self, host: str, seconds: float) -> None:
        self._shares[host].limits.pause(seconds)

    def pause_left(self, host: str) -> float:
        return pause_before(None, self._shares[host].limits.paused_until)

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
            Holder("lock", app_token, _PROCESS, app.holder.member is self, 1)
            for app_token, app in self._apps.items()
            if app.holder is not None
        ]

    async def aclose(self) -> None:
        """Do nothing: what is held is given back where it was taken."""

    def _app(self, app_token: str) -> _App:
        if app_token not in self._apps:
            self._apps[app_token] = self._coordinator.app(f"{self._url} {app_token}")
        return self._apps[app_token]
