"""The lock of an app, renewed for as long as it is held."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from adjust_async.coordination.protocol import Lock
from adjust_async.coordination.shared.leases import Lease
from adjust_async.coordination.shared.store import Store, StoreUnavailableError
from adjust_async.errors import CoordinationError, LockLostError

__all__ = ["hold_lock"]

logger = logging.getLogger("adjust_async")

#: Seconds between two attempts at a lock that another member holds: at least, and at most.
POLL = (0.05, 0.2)


class _SharedLock:
    """A lock that this member holds."""

    def __init__(self, store: Store, key: str, app_token: str, lease: Lease, fencing: int) -> None:
        self._store = store
        self._key = key
        self._app_token = app_token
        self._lease = lease
        self._renewing = asyncio.Lock()
        self._lost = False
        self.fencing = fencing

    async def ensure(self) -> None:
        """Return if the lock is still held, and raise `LockLostError` otherwise."""
        if not self._lost and self._lease.valid:
            return
        async with self._renewing:
            if not self._lost and not self._lease.valid:
                try:
                    await self._renew()
                except StoreUnavailableError as error:
                    raise LockLostError(
                        f"the lock of app {self._app_token} expired, and {error}. Nothing was sent; run it again"
                    ) from None
        if self._lost or not self._lease.valid:
            raise LockLostError(
                f"the lock of app {self._app_token} expired, and another process may hold it by now: this process was "
                "suspended, or its event loop blocked, for longer than the lease. Nothing was sent; run it again"
            )

    async def renew(self) -> None:
        """Renew the lock regularly until it is lost."""
        while not self._lost:
            await asyncio.sleep(self._lease.due or self._lease.seconds / (2 * Lease.RENEWALS))
            async with self._renewing:
                try:
                    await self._renew()
                except StoreUnavailableError as error:
                    logger.warning("the lock of app %s could not be renewed: %s", self._app_token, error)

    def end(self) -> None:
        """Mark the lock as lost."""
        self._lost = True
        self._lease.end()

    async def _renew(self) -> None:
        asked = Lease.now()
        if await self._store.renew_lock(self._key, self.fencing):
            self._lease.confirm(asked)
        else:
            self.end()


@asynccontextmanager
async def hold_lock(
    store: Store, key: str, app_token: str, lease: float, check: Callable[[], None]
) -> AsyncIterator[Lock]:
    """Take a lock, renew it while the block runs, and release it. `check` raises to end the wait for the lock."""
    try:
        lock = await _take(store, key, app_token, Lease(lease), check)
    except StoreUnavailableError as error:
        raise CoordinationError(f"{error}. Without its lock, nothing is created in app {app_token}") from None
    except BaseException:
        await _release(store, key, app_token)  # it may have been granted at the moment of the cancellation
        raise
    renewing = asyncio.create_task(lock.renew())
    try:
        yield lock
    finally:
        lock.end()
        renewing.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([renewing])
        await _release(store, key, app_token)


async def _take(store: Store, key: str, app_token: str, lease: Lease, check: Callable[[], None]) -> _SharedLock:
    logged = False
    while True:
        check()
        asked = Lease.now()
        state = await store.take_lock(key)
        if state.fencing is not None:
            lease.confirm(asked)
            return _SharedLock(store, key, app_token, lease, state.fencing)
        if not logged:
            logged = True
            logger.info("waiting for the lock of app %s, which process %s holds", app_token, state.holder)
        await asyncio.sleep(min(state.left + 0.001, random.uniform(*POLL)))


async def _release(store: Store, key: str, app_token: str) -> None:
    with anyio.CancelScope(shield=True):
        try:
            await store.release_lock(key)
        except StoreUnavailableError as error:
            logger.warning("the lock of app %s was not released, and will expire by itself: %s", app_token, error)
