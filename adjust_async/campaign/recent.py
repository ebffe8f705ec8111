"""The recent writes of a client: the trackers that it created and updated, and its creates that are in doubt.

Lists may lag behind, and a create may have succeeded although its answer was lost. So one memory has every create and
update of a client, from all of its methods. A list can confirm the answer to a create, but not disprove it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import attrs

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.names import NameForms, canonical, label_of

__all__ = ["LOOKS", "Create", "Place", "RecentWrites"]

#: When to look for a create that is in doubt, as fractions of the grace time after its failure.
LOOKS = (0.0, 0.25, 1.0)

#: Stands for the unknown parent of a tracker that was only updated. Tokens are never empty.
UNKNOWN = ""


class Place(NamedTuple):
    """The place of siblings: directly below a tracker, or at the network level of an app without `parent_token`."""

    app_token: str
    parent_token: str | None


class _Written(NamedTuple):
    """A tracker as the service answered."""

    place: Place
    tracker: Tracker
    at: float


class Create:
    """A create that is in flight, or that ended in doubt at the loop's time `since`."""

    __slots__ = ("ended", "key", "label", "place", "since")

    def __init__(self, place: Place, label: str) -> None:
        self.place = place
        self.label = label
        self.key = canonical(label)
        self.since: float | None = None
        self.ended = asyncio.Event()


class RecentWrites:
    """The memory of recent writes. It is bounded, and drops the oldest first.

    Args:
        most: The maximum number of trackers to remember, and the same of creates in doubt.
        seconds: The time for which to remember them.
    """

    def __init__(self, most: int = 10_000, seconds: float = 600.0) -> None:
        self.forms = NameForms()
        self._most = most
        self._seconds = seconds
        self._written: OrderedDict[tuple[str, str], _Written] = OrderedDict()
        self._tokens: dict[Place, dict[str, None]] = {}
        self._token_of: dict[tuple[Place, str], str] = {}
        self._in_doubt: OrderedDict[Create, None] = OrderedDict()
        self._creates: dict[Place, dict[str, list[Create]]] = {}

    def __len__(self) -> int:
        return len(self._written) + len(self._in_doubt)

    def begin(self, place: Place, label: str) -> Create:
        """Note that a create is about to be sent."""
        create = Create(place, label)
        self._creates.setdefault(place, {}).setdefault(create.key, []).append(create)
        return create

    def end(self, create: Create, tracker: Tracker | None, *, in_doubt: bool) -> None:
        """Note how a create ended: with a tracker, in doubt, or without any effect."""
        if tracker is not None:
            self._write(create.place, tracker)
            self.forms.learn(create.label, label_of(tracker))
        if in_doubt:
            create.since = _now()
            self._in_doubt[create] = None
        else:
            self._remove(create)
        create.ended.set()
        self._forget()

    def updated(self, app_token: str, tracker: Tracker) -> None:
        """Remember the settings of a tracker."""
        known = self._written.get((app_token, tracker.token))
        self._write(Place(app_token, UNKNOWN) if known is None else known.place, tracker)
        self._forget()

    def place_of(self, app_token: str, token: str) -> Place | None:
        """Return the place where a tracker was recently created."""
        written = self._written.get((app_token, token))
        return None if written is None or written.place.parent_token == UNKNOWN else written.place

    def created_at(self, place: Place) -> frozenset[str]:
        """Return the tokens of the trackers that were recently created in a place."""
        return frozenset(self._tokens.get(place, ()))

    def created(self, place: Place, label: str) -> Tracker | None:
        """Return the tracker with this name that was recently created in a place."""
        token = self._token_of.get((place, canonical(label)))
        return None if token is None else self._written[place.app_token, token].tracker

    def tracker(self, app_token: str, token: str) -> Tracker | None:
        """Return a tracker as it was recently written."""
        written = self._written.get((app_token, token))
        return None if written is None else written.tracker

    def in_flight(self, place: Place, label: str) -> Create | None:
        """Return a create with this name that is in flight."""
        return next((create for create in self._alike(place, label) if create.since is None), None)

    def in_doubt(self, place: Place, label: str) -> Create | None:
        """Return the last create with this name that ended in doubt."""
        return next((create for create in reversed(self._alike(place, label)) if create.since is not None), None)

    def settle(self, place: Place, label: str) -> None:
        """Drop the doubts about creates with this name, once their outcome is known."""
        for create in list(self._alike(place, label)):
            if create.since is not None:
                self._remove(create)

    def complete(
        self, place: Place, listed: Mapping[str, Tracker], *, began: float, grace_time: float
    ) -> dict[str, Tracker]:
        """Return a list of siblings with the recent writes that it does not show yet.

        `began` is the loop's time at which the list was requested. Doubts that it resolves are forgotten, and so are
        trackers that it shows after the grace time.
        """
        self._forget()
        trackers = dict(listed)
        for token in (*self._tokens.get(place, ()), *self._tokens.get(Place(place.app_token, UNKNOWN), ())):
            written = self._written[place.app_token, token]
            shown = listed.get(token)
            if shown is None:
                if written.place == place:
                    trackers[token] = written.tracker
            elif began >= written.at + grace_time:
                self._drop((place.app_token, token))
            else:
                trackers[token] = _as_set(shown, written.tracker)
        for creates in list(self._creates.get(place, {}).values()):
            for create in list(creates):
                if create.since is not None and began >= create.since + grace_time:
                    self._remove(create)
        return trackers

    def _alike(self, place: Place, label: str) -> Sequence[Create]:
        return self._creates.get(place, {}).get(canonical(label), ())

    def _write(self, place: Place, tracker: Tracker) -> None:
        key = place.app_token, tracker.token
        self._written[key] = _Written(place, tracker, _now())
        self._written.move_to_end(key)
        self._tokens.setdefault(place, {})[tracker.token] = None
        self._token_of[place, canonical(label_of(tracker))] = tracker.token

    def _drop(self, key: tuple[str, str]) -> None:
        place, tracker, _ = self._written.pop(key)
        name = place, canonical(label_of(tracker))
        if self._token_of.get(name) == tracker.token:
            del self._token_of[name]
        tokens = self._tokens[place]
        del tokens[key[1]]
        if not tokens:
            del self._tokens[place]

    def _remove(self, create: Create) -> None:
        self._in_doubt.pop(create, None)
        by_key = self._creates[create.place]
        by_key[create.key].remove(create)
        if not by_key[create.key]:
            del by_key[create.key]
        if not by_key:
            del self._creates[create.place]

    def _forget(self) -> None:
        begin = _now() - self._seconds
        while self._written:
            key, written = next(iter(self._written.items()))
            if len(self._written) <= self._most and written.at >= begin:
                break
            self._drop(key)
        while self._in_doubt:
            oldest = next(iter(self._in_doubt))
            if len(self._in_doubt) <= self._most and oldest.since is not None and oldest.since >= begin:
                break
            self._remove(oldest)


def _as_set(listed: Tracker, last: Tracker) -> Tracker:
    """Return a listed tracker with its most recently sent settings, which a list may show late."""
    if (listed.partner_id, listed.cost_data_enabled) == (last.partner_id, last.cost_data_enabled):
        return listed
    return attrs.evolve(listed, partner_id=last.partner_id, cost_data_enabled=last.cost_data_enabled)


def _now() -> float:
    return asyncio.get_running_loop().time()
