"""The periods of cohorts: days, weeks and months after the install, as at the end of metric slugs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from adjust_async.emulator.kpis.cohort_periods import COLUMNS, Period, period_row
from adjust_async.emulator.kpis.groupings import DAY

MATURE = "mature"

_UNITS = {"d": (Period.DAY, "Day", 120), "w": (Period.WEEK, "Week", 52), "m": (Period.MONTH, "Month", 36)}
_PERIOD = re.compile(r"(?P<unit>[dwm])(?P<number>0|[1-9][0-9]{0,2})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CohortPeriod:
    """A period after the install; number 0 contains the install."""

    unit: str
    number: int

    @property
    def slug(self) -> str:
        """The end of metric slugs, always in lower case."""
        return f"{self.unit}{self.number}"

    @property
    def title(self) -> str:
        """The readable name."""
        return f"{_UNITS[self.unit][1]} {self.number}"

    @property
    def end(self) -> int:
        """The number of days after the install at which it is over."""
        return (self.number + 1) * _UNITS[self.unit][0].days

    def condition(self, maturity: str) -> str:
        """Return the SQL condition of facts that have reached this period, or for mature ones completed it."""
        age = self.end if maturity == MATURE else self.number * _UNITS[self.unit][0].days
        return f"{DAY.sql} + {age} <= :today"

    def curves(self) -> dict[str, str]:
        """Return the values of the behaviour curves in this period, by column."""
        row = period_row(_UNITS[self.unit][0], self.number)
        return dict(zip(COLUMNS, map(str, row), strict=True))


def read_period(text: str) -> CohortPeriod | None:
    """Return a period such as `d7`; None for other text."""
    match = _PERIOD.fullmatch(text)
    if match is None:
        return None
    period = CohortPeriod(match["unit"].lower(), int(match["number"]))
    return period if period.number <= _UNITS[period.unit][2] else None


def all_periods() -> Iterator[CohortPeriod]:
    """Yield all periods that metrics may have."""
    for unit, (_, _, last) in _UNITS.items():
        for number in range(last + 1):
            yield CohortPeriod(unit, number)
