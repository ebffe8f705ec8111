"""The requests about trackers, each checked and remembered: creates, updates, and whole lists of siblings."""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple

from adjust_async._http.documents import decode_error
from adjust_async._http.messages import Answer, RequestSpec
from adjust_async._http.session import Session
from adjust_async.campaign.envelope import envelope, only_record
from adjust_async.campaign.models import Tracker
from adjust_async.campaign.names import SEPARATOR, canonical, label_of
from adjust_async.campaign.pages import CursorPages, Start
from adjust_async.campaign.recent import Place, RecentWrites
from adjust_async.errors import AdjustError, WrongTrackerError, replace

__all__ = ["Listing", "TrackerRequests"]

#: How many times a list that moved while it was paged is read again.
MOST_REREADS = 3


class Listing(NamedTuple):
    """A list of siblings that was read to its end.

    Attributes:
        trackers: All trackers that were seen, with those that this client created a moment ago.
        began: The loop's time when the list was begun.
        incomplete: Whether the service says that there are more trackers than it listed.
    """

    trackers: Sequence[Tracker]
    began: float
    incomplete: bool


class _Question(NamedTuple):
    """What a create asks for, and what else is known to be there."""

    place: Place
    label: str
    parent: Tracker | None
    names: Container[str]
    tokens: Container[str]


class TrackerRequests:
    """Sends the requests of one client, and keeps what the client wrote a moment ago in `recent`."""

    def __init__(self, session: Session) -> None:
        self.recent = RecentWrites()
        self._session = session

    def over(self, session: Session) -> "TrackerRequests":
        """Return one that sends over a view of the session and has the same memory."""
        view = copy.copy(self)
        view._session = session  # noqa: SLF001 - of this class
        return view

    def siblings(self, place: Place, start: Start) -> CursorPages[Tracker]:
        """Return the pages of a list of siblings."""
        path = self._collection(place.app_token)
        if place.parent_token is not None:
            path += f"/{place.parent_token}/children"
        return CursorPages(self._session, path, Tracker, start, place._asdict())

    async def listing(self, place: Place, *, grace_time: float, page_size: int | None = None) -> Listing:
        """Read a whole list of siblings, again where it moved meanwhile, and complete it from memory.

        Raises:
            AdjustError: A page could not be fetched.
        """
        __tracebackhide__ = True
        began = asyncio.get_running_loop().time()
        start = Start.check(self._session.config.campaign_version, {"page_size": page_size, "prefetch": 0})
        trackers, whole, total = await self._read(place, start)
        rereads = 0
        while not whole and rereads < MOST_REREADS:
            rereads += 1
            again, whole, total = await self._read(place, start)
            stable = again.keys() == trackers.keys()
            # An item that a read missed is in another one.
            trackers = {**trackers, **again}
            if stable:
                break
        listed = self.recent.complete(place, trackers, began=began, grace_time=grace_time)
        return Listing(list(listed.values()), began, incomplete=total is not None and total > len(trackers))

    async def create(
        self,
        place: Place,
        label: str,
        *,
        parent: Tracker | None = None,
        names: Container[str] = (),
        tokens: Container[str] = (),
        before_send: Callable[[], Awaitable[None]] | None = None,
    ) -> Tracker:
        """Send a create, and check that the answer is about it.

        Args:
            place: Where to create it.
            label: Its name.
            parent: The tracker above it, where that is known; its name and level are checked too.
            names: Names of other trackers there.
            tokens: Trackers that are there already.
            before_send: Called right before each attempt leaves, and keeps it back by an error.

        Raises:
            WrongTrackerError: The answer is about another tracker.
            AdjustError: The service refused, or gave no whole answer.
        """
        __tracebackhide__ = True
        body = {"name": label}
        if place.parent_token is not None:
            body["parent_token"] = place.parent_token
            parent = parent or self.recent.tracker(place.app_token, place.parent_token)
        create, tracker, in_doubt = self.recent.begin(place, label), None, True
        try:
            tracker = await self._session.request(
                RequestSpec(
                    method="POST",
                    path=self._collection(place.app_token),
                    body=body,
                    decode=partial(self._created, _Question(place, label, parent, names, tokens)),
                    name="trackers.create",
                    app=place.app_token,
                    before_send=before_send,
                )
            )
            in_doubt = False
        except AdjustError as error:
            in_doubt = error.in_doubt
            raise
        finally:
            # Also after a cancellation, which leaves the create in doubt.
            self.recent.end(create, tracker, in_doubt=in_doubt)
        return tracker

    async def update(self, app_token: str, tracker_token: str, settings: Mapping[str, Any]) -> Tracker:
        """Send an update, and check that the answer is about that tracker.

        Raises:
            WrongTrackerError: The answer is about another tracker.
            AdjustError: The service refused, or gave no whole answer.
        """
        __tracebackhide__ = True
        tracker = await self._session.request(
            RequestSpec(
                method="PATCH",
                path=f"{self._collection(app_token)}/{tracker_token}",
                body=settings,
                decode=partial(self._updated, app_token, tracker_token),
                name="trackers.update",
                app=app_token,
            )
        )
        self.recent.updated(app_token, tracker)
        return tracker

    async def _read(self, place: Place, start: Start) -> tuple[dict[str, Tracker], bool, int | None]:
        """Read a list; return its trackers, whether it surely stood still meanwhile, and how many there should be."""
        __tracebackhide__ = True
        trackers: dict[str, Tracker] = {}
        items = 0
        totals: set[int | None] = set()
        failure: AdjustError | None = None
        try:
            async with aclosing(self.siblings(place, start).pages()) as pages:
                async for page in pages:
                    items += len(page.items)
                    totals.add(page.total)
                    trackers.update((tracker.token, tracker) for tracker in page.items)
                    await asyncio.sleep(0)
        except AdjustError as error:
            failure = error
        if failure is not None:  # the caller asked for no page, and can't resume there
            raise replace(failure, page=None, cursor=None)
        total = next(iter(totals)) if len(totals) == 1 else None
        stood_still = items == len(trackers) and len(totals) == 1 and total in {None, items}
        return trackers, stood_still, total

    def _created(self, question: _Question, answer: Answer) -> Tracker:
        tracker = only_record(answer, Tracker, question.place._asdict())
        _, (item,) = envelope(answer)
        problem = self._mismatch(question, tracker, item.get("parent_token"))
        if problem is not None:
            found = f"the answer is about {tracker.name!r} ({tracker.token})"
            raise _wrong_tracker(answer, tracker, f"{found}{problem}, when {question.label!r} was created")
        return tracker

    def _mismatch(self, question: _Question, tracker: Tracker, parent_token: object) -> str | None:
        """Say why an answer is about another tracker than the one that was asked for; `None` where it is not."""
        (place, label, parent, names, tokens), kept, forms = question, label_of(tracker), self.recent.forms
        if not forms.accepts(label, kept):
            return ""
        same = kept == forms.kept(label) or canonical(kept) == canonical(label)
        if kept != label and (kept in names or (tracker.token in tokens and not same)):
            return ", which is another one"
        network, level = place.parent_token is None, tracker.level
        expected = 1 if network else parent.level + 1 if parent is not None and parent.level is not None else None
        if level is not None and (level < 2 if expected is None else level != expected):
            return f" of level {level}"
        if parent_token not in (None, "", place.parent_token):
            return f" below {parent_token!r}"
        above = canonical(tracker.name.rpartition(SEPARATOR)[0])
        # A name may be cut as a whole.
        if above and (network or (parent is not None and not canonical(parent.name).startswith(above))):
            return ""
        known = self.recent.place_of(place.app_token, tracker.token)
        if known not in (None, place) or tracker.token == place.parent_token:
            return ", which is elsewhere"
        return None

    def _updated(self, app_token: str, tracker_token: str, answer: Answer) -> Tracker:
        tracker = only_record(answer, Tracker, {"app_token": app_token})
        if tracker.token != tracker_token:
            problem = f"the answer is about {tracker.name!r} ({tracker.token}), when {tracker_token} was updated"
            raise _wrong_tracker(answer, tracker, problem)
        return tracker

    def _collection(self, app_token: str) -> str:
        return f"/public/{self._session.config.campaign_version}/apps/{app_token}/trackers"


def _wrong_tracker(answer: Answer, tracker: Tracker, problem: str) -> WrongTrackerError:
    error = decode_error(answer, "$.data.items[0]", problem)
    return WrongTrackerError(
        error.message,
        location=error.location,
        method=error.method,
        path=error.path,
        request_id=error.request_id,
        body=error.body,
        tracker_token=tracker.token,
    )
