"""What a client created and set a moment ago, for lists that do not show it yet."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import attrs

from adjust_async.campaign.models import Tracker

__all__ = ["RecentTrackers"]


class _Written(NamedTuple):
    parent_token: str | None
    tracker: Tracker
    at: float


class RecentTrackers:
    """The trackers of one app as the service answered when they were written."""

    def __init__(self) -> None:
        self._created: dict[str, _Written] = {}

    def created(self, parent_token: str | None, tracker: Tracker) -> None:
        """Keep a tracker that was created."""
        self._created[tracker.token] = _Written(parent_token, tracker, time.monotonic())

    def updated(self, tracker: Tracker) -> None:
        """Keep how a tracker was set, if it was created a moment ago."""
        if written := self._created.get(tracker.token):
            self._created[tracker.token] = written._replace(tracker=tracker)

    def forget(self, seconds: float) -> None:
        """Forget what was created longer ago than that."""
        begin = time.monotonic() - seconds
        self._created = {token: written for token, written in self._created.items() if written.at >= begin}

    def complete(self, parent_token: str | None, listed: Sequence[Tracker]) -> list[Tracker]:
        """Give a list of siblings with those that it does not show yet, and as they were set last."""
        mine = {token: written for token, written in self._created.items() if written.parent_token == parent_token}
        if not mine:
            return list(listed)
        shown = [_as_set(tracker, mine.pop(tracker.token, None)) for tracker in listed]
        # Whether there are others below it by now, the answer to its create could not know.
        return shown + [attrs.evolve(written.tracker, has_subtrackers=None) for written in mine.values()]


def _as_set(listed: Tracker, written: _Written | None) -> Tracker:
    if written is None:
        return listed
    last = written.tracker
    return attrs.evolve(listed, partner_id=last.partner_id, cost_data_enabled=last.cost_data_enabled)
