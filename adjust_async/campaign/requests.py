"""The requests about trackers, each checked and remembered: creates, updates, and complete lists of siblings."""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from types import MappingProxyType
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

__all__ = ["Listing", "Seen", "TrackerRequests"]

#: The maximum number of times to reread a list that changed while it was read.
MOST_REREADS = 3


class Listing(NamedTuple):
    """A complete list of siblings.

    Attributes:
        trackers: All trackers that were read, plus those that this client created recently.
        began: The loop's time at the start of the first request.
        incomplete: Whether the service reports more trackers than it listed.
    """

    trackers: Sequence[Tracker]
    began: float
    incomplete: bool


class Seen(NamedTuple):
    """The parent and the name of a tracker."""

    parent_token: str | None
    label: str


class _Question(NamedTuple):
    """A create, and what is known to exist already."""

    place: Place
    label: str
    parent: Tracker | None
    names: Collection[str]
    known: Mapping[str, Seen]


class TrackerRequests:
    """Sends the requests of one client, and records its writes in `recent`."""

    def __init__(self, session: Session) -> None:
        self.recent = RecentWrites()
        self._session = session

    def over(self, session: Session) -> "TrackerRequests":
        """Return a copy that sends over a view of the session and shares the memory."""
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
        """Return a complete list of siblings, reread if it changed meanwhile, with what the client wrote recently.

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
            # An item that one read missed is in another.
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
        names: Collection[str] = (),
        known: Mapping[str, Seen] = MappingProxyType({}),
        before_send: Callable[[], Awaitable[None]] | None = None,
    ) -> Tracker:
        """Send a create, and return the tracker after checking that the answer is about it.

        Args:
            place: Where to create it.
            label: Its name.
            parent: The parent, if it is known. Its name and level are checked too.
            names: Names of other trackers there.
            known: Trackers that are known to exist there, by token.
            before_send: Called right before each attempt. An error that it raises prevents the attempt.

        Raises:
            WrongTrackerError: The answer is about another tracker.
            AdjustError: The service refused, or sent no complete answer.
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
                    decode=partial(self._created, _Question(place, label, parent, names, known)),
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
        """Send an update, and return the tracker after checking that the answer is about it.

        Raises:
            WrongTrackerError: The answer is about another tracker.
            AdjustError: The service refused, or sent no complete answer.
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
        """Read a list. Return its trackers, whether it certainly did not change, and the expected number."""
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
        if failure is not None:  # the caller requested no page, and can't resume there
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
            raise _wrong_tracker(answer, tracker, f"{found}{problem}, but {question.label!r} was created")
        return tracker

    def _mismatch(self, question: _Question, tracker: Tracker, parent_token: object) -> str | None:
        """Return what an error adds to the name of another tracker in an answer; `None` if it is the created one."""
        (place, label, parent, names, known), kept, forms = question, label_of(tracker), self.recent.forms
        if not forms.accepts(label, kept) and not self._is_cut(question, tracker):
            return ""
        same = kept == forms.kept(label) or canonical(kept) == canonical(label)
        seen = known.get(tracker.token)
        if seen is not None and (not same or seen.parent_token != place.parent_token or not _alike(seen.label, kept)):
            return f", which exists already as {seen.label!r}"
        if kept != label and kept in names:
            return ", which is another tracker's name"
        network, level = place.parent_token is None, tracker.level
        expected = 1 if network else parent.level + 1 if parent is not None and parent.level is not None else None
        if level is not None and (level < 2 if expected is None else level != expected):
            return f" of level {level}"
        if parent_token not in (None, "", place.parent_token):
            return f" below {parent_token!r}"
        above = canonical(tracker.name.rpartition(SEPARATOR)[0])
        # A full name may be cut as a whole.
        if above and (network or (parent is not None and not canonical(parent.name).startswith(above))):
            return ""
        written = self.recent.place_of(place.app_token, tracker.token)
        if written not in (None, place) or tracker.token == place.parent_token:
            return ", which is at another place"
        return None

    def _is_cut(self, question: _Question, tracker: Tracker) -> bool:
        """Return whether an answer is about an unknown tracker whose name is the start of the sent one."""
        place, kept, recent = question.place, label_of(tracker), self.recent
        # Only a plan has compared all siblings before, and so knows all others.
        if not question.names or tracker.token in question.known or not recent.forms.may_be(question.label, kept):
            return False
        return not (recent.created(place, kept) or recent.in_doubt(place, kept) or recent.in_flight(place, kept))

    def _updated(self, app_token: str, tracker_token: str, answer: Answer) -> Tracker:
        tracker = only_record(answer, Tracker, {"app_token": app_token})
        if tracker.token != tracker_token:
            problem = f"the answer is about {tracker.name!r} ({tracker.token}), but {tracker_token} was updated"
            raise _wrong_tracker(answer, tracker, problem)
        return tracker

    def _collection(self, app_token: str) -> str:
        return f"/public/{self._session.config.campaign_version}/apps/{app_token}/trackers"


def _alike(label: str, other: str) -> bool:
    return label == other or canonical(label) == canonical(other)


def _wrong_tracker(answer: Answer, tracker: Tracker, problem: str) -> WrongTrackerError:
    error = decode_error(answer, "$.data.items[0]", problem)
    return WrongTrackerError(
        error.message,
        location=error.location,
        method=error.method,
        path=error.path,
        service=error.service,
        request_id=error.request_id,
        body=error.body,
        tracker_token=tracker.token,
    )
