"""Which days of an app a load asks for, by what earlier loads have stored."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypedDict

import attrs

from adjust_async import ConfigurationError, lookback

__all__ = ["RESTATE_DAYS", "Days", "Loaded", "read_day", "restated_for"]

#: Days for which figures without a cohort are restated, unless the caller knows better.
RESTATE_DAYS = 7

_COHORT = re.compile(r".+_(?P<unit>[dwm])(?P<number>[0-9]{1,4})(?:|_.*cohort)", re.IGNORECASE)

#: The most days that a week or a month of a cohort has.
_LENGTHS = {"d": 1, "w": 7, "m": 31}


class Loaded(TypedDict):
    """What is stored of an app: plain JSON, for a pipeline's state."""

    start: str
    newest: str
    breakdown: list[str]
    figures: list[str]


def read_day(value: date | str, name: str) -> date:
    """Return a day.

    Raises:
        ConfigurationError: It is something else.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ConfigurationError(f"{name} is {value!r}: pass a datetime.date, or ISO text as '2026-11-01'") from None


def restated_for(figures: Iterable[str], restate_days: int) -> int:
    """Return for how many days figures are restated.

    A cohort of day N is complete N days after its install, and restated as long as all other figures after that.
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
        end: The last day; `None` for today in UTC, whenever that is.
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
        """The last day to ask for now."""
        return self.end or datetime.now(UTC).date()

    def to_ask(self, loaded: Loaded | None) -> tuple[date, date] | None:
        """Return the first and the last day to ask for; `None` where nothing is left to ask for.

        A new app, other dimensions, a new metric and an earlier start are reasons to ask for all days.
        """
        first, last = self.start, self.last
        if loaded is not None and self._continues(loaded):
            newest = min(date.fromisoformat(loaded["newest"]), last)
            if newest == last and not self.restated:
                return None
            first = max(first, lookback(newest, self.restated, today=last)[0])
        return (first, last) if first <= last else None

    def after(self, loaded: Loaded | None, last: date) -> Loaded:
        """Return what is stored once all days up to `last` are. A day that is not over yet does not count."""
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
