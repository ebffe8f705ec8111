"""The journal of an app, written in batches."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from attrs import evolve

from adjust_async.coordination.protocol import JournalEntry, Lock
from adjust_async.coordination.shared.store import Store, StoreUnavailableError
from adjust_async.errors import CoordinationError, LockLostError

__all__ = ["SharedJournal"]

T = TypeVar("T")


class _Batches(Generic[T]):
    """Collects items while a batch is being sent, and sends them as the next one."""

    def __init__(self, send: Callable[[list[T]], Awaitable[None]]) -> None:
        self._send = send
        self._items: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, item: T) -> None:
        """Return once the item's batch was sent.

        Raises:
            Exception: The error of sending the batch.
        """
        loop = asyncio.get_running_loop()
        sent: asyncio.Future[None] = loop.create_future()
        self._items.append((item, sent))
        if self._task is None:
            self._task = loop.create_task(self._run())
        await sent

    async def aclose(self) -> None:
        """Wait for the batch that is being sent, and for those after it."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._items:
            items, self._items = self._items, []
            failure: CoordinationError | None = None
            try:
                await self._send([item for item, _ in items])
            except StoreUnavailableError as error:
                failure = CoordinationError(str(error))
            except CoordinationError as error:
                failure = error
            except Exception as error:  # noqa: BLE001 - if this task ended, the items would wait forever
                failure = CoordinationError(f"the journal failed with {type(error).__name__}: {error}")
            for _, sent in items:
                if sent.done():
                    continue
                if failure is None:
                    sent.set_result(None)
                else:
                    sent.set_exception(type(failure)(failure.message))
        self._task = None


class SharedJournal:
    """The creates of one app whose outcome the next process may have to look up."""

    def __init__(self, store: Store, key: str, app_token: str) -> None:
        self._store = store
        self._key = key
        self._app_token = app_token
        self._writes: _Batches[tuple[JournalEntry, int]] = _Batches(self._write)
        self._settled: _Batches[JournalEntry] = _Batches(self._settle)

    async def entries(self) -> list[JournalEntry]:
        """Return the open creates, and those that were settled with a token lately."""
        try:
            return await self._store.read_journal(self._key)
        except StoreUnavailableError as error:
            raise CoordinationError(
                f"{error}. Without its journal, nothing is created in app {self._app_token}"
            ) from None

    async def write(self, entry: JournalEntry, lock: Lock) -> None:
        """Write an open entry."""
        await self._writes.put((entry, lock.fencing))

    async def settle(self, entry: JournalEntry, token: str | None) -> None:
        """Record the outcome of a create."""
        await self._settled.put(evolve(entry, token=token))

    async def aclose(self) -> None:
        """Wait for pending writes."""
        await self._writes.aclose()
        await self._settled.aclose()

    async def _write(self, items: list[tuple[JournalEntry, int]]) -> None:
        for fencing in sorted({number for _, number in items}):
            entries = [entry for entry, number in items if number == fencing]
            try:
                is_written = await self._store.write_journal(self._key, fencing, entries)
            except StoreUnavailableError as error:
                raise CoordinationError(f"{error}. Nothing was sent") from None
            if not is_written:
                raise LockLostError(
                    f"the lock of app {self._app_token} was lost, and its number {fencing} is stale: another process "
                    "creates trackers there now. Nothing was sent; run it again"
                )

    async def _settle(self, entries: list[JournalEntry]) -> None:
        await self._store.settle_journal(self._key, entries)
