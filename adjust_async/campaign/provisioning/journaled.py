"""Creates under the lock of their app, each recorded before it is sent.

A process can be killed between a create and its answer. So a create is open in the journal from before it is sent
until its outcome is known, and the next run, in any process, looks up the open creates.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.names import canonical
from adjust_async.campaign.recent import LOOKS, Place
from adjust_async.campaign.requests import Seen, TrackerRequests
from adjust_async.campaign.siblings import Siblings
from adjust_async.coordination.protocol import JournalEntry, Lock, Member
from adjust_async.errors import AdjustError, CoordinationError, LockLostError, NotFoundError

__all__ = ["JournaledCreates"]


class JournaledCreates:
    """Sends the creates of one run.

    Args:
        requests: The client's tracker requests.
        member: The client's membership in its coordinator.
        app_token: The app.
    """

    def __init__(self, requests: TrackerRequests, member: Member, app_token: str) -> None:
        self._requests = requests
        self._member = member
        self._app_token = app_token
        self._journal = member.journal(app_token)
        self._lock: Lock | None = None
        self._open: dict[tuple[Place, str], list[JournalEntry]] = {}

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Hold the lock of the app. Without it, `send` sends nothing."""
        async with self._member.lock(self._app_token) as self._lock:
            try:
                yield
            finally:
                self._lock = None

    async def recover(self, *, grace_time: float, page_size: int | None) -> None:
        """Look up the creates that earlier runs left open, until all are found or `grace_time` seconds have passed.

        Raises:
            CoordinationError: The journal could not be read.
            AdjustError: Siblings could not be listed.
        """
        recent, left = self._requests.recent, list[JournalEntry]()
        for entry in await self._journal.entries():
            place = self._place(entry)
            if entry.token is None:
                self._open.setdefault((place, canonical(entry.label)), []).append(entry)
            if recent.in_doubt(place, entry.label) is None:
                # Lists may not show it yet, even if its answer arrived.
                recent.end(recent.begin(place, entry.label), None, in_doubt=True)
                left += [entry] if entry.token is None else []
        loop = asyncio.get_running_loop()
        began = loop.time()
        for part in LOOKS:
            if left:
                await asyncio.sleep(began + part * grace_time - loop.time())
                left = await self._not_found(left, grace_time, page_size)
        for entry in left:
            await self.known(self._place(entry), entry.label, None)

    async def send(
        self, place: Place, label: str, *, parent: Tracker | None, names: Collection[str], known: Mapping[str, Seen]
    ) -> Tracker:
        """Record a create, send it, and return its tracker, as `TrackerRequests.create` does.

        Raises:
            LockLostError: Another process holds the lock by now, or may hold it. Nothing was sent.
            CoordinationError: The journal could not be written. Nothing was sent.
            AdjustError: The service refused it, or did not answer completely.
        """
        lock = self._lock
        if lock is None:
            raise LockLostError(f"the lock of app {self._app_token} is not held")
        entry, key = JournalEntry(uuid4().hex, place.parent_token, label), (place, canonical(label))
        self._open.setdefault(key, []).append(entry)
        try:
            await self._journal.write(entry, lock)
            tracker = await self._requests.create(
                place, label, parent=parent, names=names, known=known, before_send=lock.ensure
            )
        except AdjustError as error:
            if not error.in_doubt:
                self._open[key].remove(entry)
                if not self._open[key]:
                    del self._open[key]
                await self._settle(entry, None)
            raise
        await self.known(place, label, tracker.token)
        return tracker

    async def known(self, place: Place, label: str, token: str | None) -> None:
        """Close the open creates of a name. `token` is its tracker's; `None` if it certainly does not exist."""
        for entry in self._open.pop((place, canonical(label)), ()):
            await self._settle(entry, token)

    async def _not_found(
        self, entries: Sequence[JournalEntry], grace_time: float, page_size: int | None
    ) -> list[JournalEntry]:
        """Look up all of these once, close those that exist, and return the others."""
        by_place: dict[Place, list[JournalEntry]] = {}
        for entry in entries:
            by_place.setdefault(self._place(entry), []).append(entry)
        left = []
        for place, siblings_of in by_place.items():
            try:
                listing = await self._requests.listing(place, grace_time=grace_time, page_size=page_size)
            except NotFoundError:
                listed = Siblings(self._requests.recent.forms)  # the parent does not exist, so nothing is below it
            else:
                listed = await Siblings.of(listing.trackers, self._requests.recent.forms)
            for entry in siblings_of:
                match = listed.match(entry.label)
                if match.tracker is None:
                    left.append(entry)
                else:
                    self._requests.recent.settle(place, entry.label)
                    await self.known(place, entry.label, match.tracker.token)
        return left

    async def _settle(self, entry: JournalEntry, token: str | None) -> None:
        # If this fails, the entry stays open, and the next run looks it up.
        with contextlib.suppress(CoordinationError):
            await self._journal.settle(entry, token)

    def _place(self, entry: JournalEntry) -> Place:
        return Place(self._app_token, entry.parent_token)
