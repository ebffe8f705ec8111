"""Hours, days, weeks, months, quarters and years: as numbers in queries and as texts in reports."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from adjust_async.emulator.facts.store import date_of, day_number
from adjust_async.emulator.kpis.dates import write_day, write_hour
from adjust_async.emulator.kpis.groupings import DAY, HOUR, MONTH

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


@dataclass(frozen=True, slots=True)
class TimeUnit:
    """A unit by which reports are grouped.

    `sql` numbers the units in the order of time and `text` writes one in ISO. `write` does so outside of SQL, and
    `write_formatted` as people read it. `last_day` says with which day the unit of a day ends, days being counted
    since 1970.
    """

    sql: str
    text: str
    write: Callable[[int], str]
    write_formatted: Callable[[int], str]
    last_day: Callable[[int], int]


def start_of_week(day: date) -> date:
    """Find the Sunday with which the week of a day begins."""
    return day - timedelta(days=(day.weekday() + 1) % 7)


def end_of_month(day: date) -> date:
    """Find the last day of the month of a day."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _write_week(sunday: int) -> str:
    return f"{write_day(sunday)} - {write_day(sunday + 6)}"


def _write_formatted_week(sunday: int) -> str:
    return " - ".join(f"{day:%d} {_MONTHS[day.month - 1]} {day.year}" for day in map(date_of, (sunday, sunday + 6)))


def _write_month(first: int) -> str:
    return write_day(first)[:7]


def _write_formatted_month(first: int) -> str:
    day = date_of(first)
    return f"{_MONTHS[day.month - 1]} {day.year}"


def _write_quarter(number: int) -> str:
    year, quarter = divmod(number, _QUARTERS)
    return f"Q{quarter + 1} {year}"


def _last_day_of_week(day: int) -> int:
    return day_number(start_of_week(date_of(day))) + 6


def _last_day_of_month(day: int) -> int:
    return day_number(end_of_month(date_of(day)))


def _last_day_of_quarter(day: int) -> int:
    found = date_of(day)
    return day_number(end_of_month(found.replace(month=(found.month + 2) // 3 * 3, day=1)))


def _last_day_of_year(day: int) -> int:
    return day_number(date_of(day).replace(month=12, day=31))


def _same_day(day: int) -> int:
    return day


UNITS = {
    "hour": TimeUnit(
        HOUR.sql or "",
        f"strftime('%Y-%m-%dT%H:00:00', {HOUR.sql} * 3600, 'unixepoch')",
        write_hour,
        write_hour,
        _same_day,
    ),
    "day": TimeUnit(_DAY, f"date({_SECONDS})", write_day, write_day, _same_day),
    "week": TimeUnit(
        _SUNDAY,
        f"date({_SUNDAY} * 86400, 'unixepoch') || ' - ' || date(({_SUNDAY} + 6) * 86400, 'unixepoch')",
        _write_week,
        _write_formatted_week,
        _last_day_of_week,
    ),
    "month": TimeUnit(
        _MONTH, f"strftime('%Y-%m', {_SECONDS})", _write_month, _write_formatted_month, _last_day_of_month
    ),
    "quarter": TimeUnit(
        f"({_YEAR} * {_QUARTERS} + {_QUARTER} - 1)",
        f"'Q' || {_QUARTER} || ' ' || {_YEAR}",
        _write_quarter,
        _write_quarter,
        _last_day_of_quarter,
    ),
    "year": TimeUnit(_YEAR, f"CAST({_YEAR} AS TEXT)", str, str, _last_day_of_year),
}
"""By slug, the shortest first."""
