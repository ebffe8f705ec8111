"""Hours, days, weeks, months, quarters and years: as numbers in queries and as texts in reports."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from adjust_async.emulator.facts.store import date_of, day_number
from adjust_async.emulator.kpis.dates import write_day, write_hour
from adjust_async.emulator.kpis.groupings import DAY, HOUR, MONTH, WEEK

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_QUARTERS = 4

_DAY = DAY.sql or ""
_MONTH = MONTH.sql or ""
_SECONDS = f"{_DAY} * 86400, 'unixepoch'"
_YEAR = f"CAST(strftime('%Y', {_SECONDS}) AS INTEGER)"
_QUARTER = f"((CAST(strftime('%m', {_SECONDS}) AS INTEGER) + 2) / 3)"
# 1 January 1970 was a Thursday: four days after the Sunday of its week.
_SUNDAY = f"(({_DAY} + 4) / 7 * 7 - 4)"
_MONDAY = WEEK.sql or ""


@dataclass(frozen=True, slots=True)
class TimeUnit:
    """A unit of time by which reports are grouped.

    `sql` numbers the units in order, and `text` writes one in ISO format. `write` does so outside of SQL, and
    `write_formatted` in readable form. `last_day` returns the last day of a day's unit; days are counted since 1970.
    """

    slug: str
    sql: str
    text: str
    write: Callable[[int], str]
    write_formatted: Callable[[int], str]
    last_day: Callable[[int], int]


def start_of_week(day: date, begin: str = "sunday") -> date:
    """Return the Sunday or Monday on which the week of a day begins."""
    return day - timedelta(days=day.weekday() if begin == "monday" else (day.weekday() + 1) % 7)


def end_of_month(day: date) -> date:
    """Return the last day of a day's month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _write_week(first: int) -> str:
    return f"{write_day(first)} - {write_day(first + 6)}"


def _write_formatted_week(first: int) -> str:
    return " - ".join(f"{day:%d} {_MONTHS[day.month - 1]} {day.year}" for day in map(date_of, (first, first + 6)))


def _write_month(first: int) -> str:
    return write_day(first)[:7]


def _write_formatted_month(first: int) -> str:
    day = date_of(first)
    return f"{_MONTHS[day.month - 1]} {day.year}"


def _write_quarter(number: int) -> str:
    year, quarter = divmod(number, _QUARTERS)
    return f"Q{quarter + 1} {year}"


def _last_day_of_week(day: int, begin: str = "sunday") -> int:
    return day_number(start_of_week(date_of(day), begin)) + 6


def _last_day_of_month(day: int) -> int:
    return day_number(end_of_month(date_of(day)))


def _last_day_of_quarter(day: int) -> int:
    found = date_of(day)
    return day_number(end_of_month(found.replace(month=(found.month + 2) // 3 * 3, day=1)))


def _last_day_of_year(day: int) -> int:
    return day_number(date_of(day).replace(month=12, day=31))


def _same_day(day: int) -> int:
    return day


def _week(first: str, begin: str) -> TimeUnit:
    return TimeUnit(
        "week",
        first,
        f"date({first} * 86400, 'unixepoch') || ' - ' || date(({first} + 6) * 86400, 'unixepoch')",
        _write_week,
        _write_formatted_week,
        partial(_last_day_of_week, begin=begin),
    )


_ALL = (
    TimeUnit(
        "hour",
        HOUR.sql or "",
        f"strftime('%Y-%m-%dT%H:00:00', {HOUR.sql} * 3600, 'unixepoch')",
        write_hour,
        write_hour,
        _same_day,
    ),
    TimeUnit("day", _DAY, f"date({_SECONDS})", write_day, write_day, _same_day),
    _week(_SUNDAY, "sunday"),
    TimeUnit(
        "month", _MONTH, f"strftime('%Y-%m', {_SECONDS})", _write_month, _write_formatted_month, _last_day_of_month
    ),
    TimeUnit(
        "quarter",
        f"({_YEAR} * {_QUARTERS} + {_QUARTER} - 1)",
        f"'Q' || {_QUARTER} || ' ' || {_YEAR}",
        _write_quarter,
        _write_quarter,
        _last_day_of_quarter,
    ),
    TimeUnit("year", _YEAR, f"CAST({_YEAR} AS TEXT)", str, str, _last_day_of_year),
)
UNITS = {unit.slug: unit for unit in _ALL}
"""The units by slug, the shortest first."""

WEEK_FROM_MONDAY = _week(_MONDAY, "monday")
"""The week of accounts with weeks from Monday."""


def with_times(write: Callable[[int], str]) -> Callable[[int], str]:
    """Return a function that writes days with the time of their beginning."""
    return lambda day: f"{write(day)}T00:00:00"
