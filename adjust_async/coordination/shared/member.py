"""A client's membership in a coordinator whose members meet in a store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from adjust_async.coordination.protocol import Holder, Host, Journal, Lock, Permit
from adjust_async.coordination.shared.journal import SharedJournal
from adjust_async.coordination.shared.locks import hold_lock
from adjust_async.coordination.shared.permits import SharedHost
from adjust_async.coordination.shared.store import Store, StoreUnavailableError
from adjust_async.errors import ClientClosedError, CoordinationError

__all__ = ["SharedMember"]


class SharedMember:
    """A member with its own store.

    Args:
        hosts: The hosts of the client.
        store: Connects to the place where the members meet. The member closes it.
        lease: Seconds after which the store releases what a silent member holds.
        processes: The number of processes among which the limits are split while the store can't be reached; `None` to
            raise instead.
    """

    def __init__(self, hosts: Sequence[Host], store: Store, *, lease: float, processes: int | None = None) -> None:
        self._url = hosts[0].url
        self._store = store
        self._lease = lease
        self._hosts = {host.name: SharedHost(host, store, lease, processes) for host in hosts}
        self._journals: dict[str, SharedJournal] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._locks: set[asyncio.Event] = set()
        self._closed = False

    @property
    def permits_out(self) -> int:
        """The number of permits that this member's requests hold, for all hosts."""
        return sum(host.held for host in self._hosts.values())

    def permit(self, host: str, *, deadline: float | None = None) -> AbstractAsyncContextManager[Permit]:
        """Hold a permit."""
        return self._hosts[host].permit(deadline)

    async def pause(self, host: str, seconds: float) -> bool:
        """Keep all members from starting requests for some seconds. Return whether no pause was running."""
        return await self._hosts[host].pause(seconds)

    def pause_left(self, host: str) -> float:
        """Return the seconds until requests may start again, as far as this member knows."""
        return self._hosts[host].pause_left()

    @asynccontextmanager
    async def lock(self, app_token: str) -> AsyncIterator[Lock]:
        """Hold the lock of an app."""
        ended = asyncio.Event()
        self._locks.add(ended)
        # The store distinguishes members, but not the tasks of one.
        turn = self._turns.setdefault(app_token, asyncio.Lock())
        try:
            async with turn, hold_lock(self._store, self._key(app_token), app_token, self._lease, self._check) as lock:
                yield lock
        finally:
            self._locks.discard(ended)
            ended.set()

    def journal(self, app_token: str) -> Journal:
        """Return the journal of an app."""
        if app_token not in self._journals:
            self._journals[app_token] = SharedJournal(self._store, self._key(app_token), app_token)
        return self._journals[app_token]

    async def holders(self) -> list[Holder]:
        """Return the holders of permits for this member's hosts and of locks of apps at its URL."""
        try:
            return await self._store.holders([host.host for host in self._hosts.values()], self._url)
        except StoreUnavailableError as error:
            raise CoordinationError(str(error)) from None

    async def aclose(self) -> None:
        """Leave: release everything that is held, and end the member's own tasks."""
        self._closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._lease):
                for ended in list(self._locks):
                    await ended.wait()
        for journal in self._journals.values():
            await journal.aclose()
        for host in self._hosts.values():
            await host.aclose()
        with contextlib.suppress(StoreUnavailableError):  # the lease expires by itself
            await self._store.aclose()

    def _check(self) -> None:
        if self._closed:
            raise ClientClosedError("the client is closed: it was waiting for the lock of an app")

    def _key(self, app_token: str) -> str:
        return f"{self._url} {app_token}"
