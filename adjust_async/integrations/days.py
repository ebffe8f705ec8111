"""The days that a load requests for an app, given what earlier loads have stored."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypedDict

import attrs

from adjust_async import lookback

__all__ = ["RESTATE_DAYS", "Days", "Loaded", "restated_for"]

#: The default number of days for which figures without a cohort are restated.
RESTATE_DAYS = 7

_COHORT = re.compile(r".+_(?P<unit>[dwm])(?P<number>[0-9]{1,4})(?:|_.*cohort)", re.IGNORECASE)

#: The maximum number of days in each unit of a cohort.
_LENGTHS = {"d": 1, "w": 7, "m": 31}


class Loaded(TypedDict):
    """What is stored of an app, as plain JSON for a pipeline's state."""

    start: str
    newest: str
    breakdown: list[str]
    figures: list[str]


def restated_for(figures: Iterable[str], restate_days: int) -> int:
    """Return the number of days for which figures are restated.

    A cohort of day N is complete N days after its install, and is then restated for as long as other figures.
    """
    longest = 0
    for name in figures:
        if found := _COHORT.fullmatch(name):
            length, number = _LENGTHS[found["unit"].lower()], int(found["number"])
            longest = max(longest, length * number + length - 1)
    return longest + restate_days


@attrs.frozen
class Days:
    """The days of one table, for all of its apps.

    Attributes:
        start: The first day of the table.
        end: The last day; `None` for today in UTC at the time of each load.
        restated: The number of days for which figures are restated.
        breakdown: The dimensions or levels.
        figures: The metrics or KPIs.
    """

    start: date
    end: date | None
    restated: int
    breakdown: Sequence[str]
    figures: Sequence[str]

    @property
    def last(self) -> date:
        """The last day to request now."""
        return self.end or datetime.now(UTC).date()

    def to_ask(self, loaded: Loaded | None) -> tuple[date, date] | None:
        """Return the first and the last day to request; `None` if there is nothing to request.

        All days are requested for a new app, after a change of dimensions, for a new metric, and for an earlier start.
        """
        first, last = self.start, self.last
        if loaded is not None and self._continues(loaded):
            newest = min(date.fromisoformat(loaded["newest"]), last)
            if newest == last and not self.restated:
                return None
            first = max(first, lookback(newest, self.restated, today=last)[0])
        return (first, last) if first <= last else None

    def after(self, loaded: Loaded | None, last: date) -> Loaded:
        """Return the state once all days up to `last` are stored. A day that is not over yet does not count."""
        newest = min(last, datetime.now(UTC).date() - timedelta(days=1))
        start = self.start
        if loaded is not None and self._continues(loaded):
            newest = max(newest, date.fromisoformat(loaded["newest"]))
            start = min(start, date.fromisoformat(loaded["start"]))
        return Loaded(
            start=start.isoformat(),
            newest=newest.isoformat(),
            breakdown=sorted(self.breakdown),
            figures=sorted(self.figures),
        )

    def _continues(self, loaded: Loaded) -> bool:
        begin, newest = date.fromisoformat(loaded["start"]), date.fromisoformat(loaded["newest"])
        return (
            loaded["breakdown"] == sorted(self.breakdown)
            and set(self.figures) <= set(loaded["figures"])
            and begin <= self.start <= newest + timedelta(days=1)
        )
