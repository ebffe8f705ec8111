"""A client's part in a coordinator that meets others in a store."""

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
    """A member over a store of its own.

    Args:
        hosts: The hosts of the client.
        store: Connects to where the members meet; the member closes it.
        lease: Seconds after which the store takes back what a member holds that was not heard of.
        processes: Among how many processes the limits are split while the store is out of reach; `None` raises instead.
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
        """How many permits this member's requests hold, of all hosts."""
        return sum(host.held for host in self._hosts.values())

    def permit(self, host: str, *, deadline: float | None = None) -> AbstractAsyncContextManager[Permit]:
        """Hold a permit."""
        return self._hosts[host].permit(deadline)

    async def pause(self, host: str, seconds: float) -> bool:
        """Let no request of any member begin for so long, and return whether no pause was under way."""
        return await self._hosts[host].pause(seconds)

    def pause_left(self, host: str) -> float:
        """Return the seconds until requests may begin again, as far as this member knows."""
        return self._hosts[host].pause_left()

    @asynccontextmanager
    async def lock(self, app_token: str) -> AsyncIterator[Lock]:
        """Hold the lock of an app."""
        ended = asyncio.Event()
        self._locks.add(ended)
        # The store tells members apart, and not their tasks.
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
        """Return who holds permits of this member's hosts and locks of its apps."""
        try:
            return await self._store.holders([host.host for host in self._hosts.values()], self._url)
        except StoreUnavailableError as error:
            raise CoordinationError(str(error)) from None

    async def aclose(self) -> None:
        """Leave: give back what is held, and end the member's own tasks."""
        self._closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._lease):
                for ended in list(self._locks):
                    await ended.wait()
        for journal in self._journals.values():
            await journal.aclose()
        for host in self._hosts.values():
            await host.aclose()
        with contextlib.suppress(StoreUnavailableError):  # the lease ends by itself
            await self._store.aclose()

    def _check(self) -> None:
        if self._closed:
            raise ClientClosedError("the client is closed: it was waiting for the lock of an app")

    def _key(self, app_token: str) -> str:
        return f"{self._url} {app_token}"
