"""Dates and UTC offsets: as text on the wire, and as numbers in queries."""

import re
from datetime import date, timedelta

from adjust_async.emulator.facts.store import date_of, day_number
from adjust_async.emulator.http.refusals import RefusalError

MINUTES_OF_AN_HOUR = 60
MINUTES_OF_A_DAY = 24 * MINUTES_OF_AN_HOUR

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_OFFSET = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})", re.ASCII)
_FURTHEST_OFFSET = 14 * MINUTES_OF_AN_HOUR
_DEFAULT_DAYS = 30


def read_dates(start: str | None, end: str | None, today: date) -> tuple[date, date]:
    """Return the first and the last date; by default the last 30 days up to today. Raises a 400 `RefusalError`."""
    last = max(today, _date("start_date", start) if start else today) if end is None else _date("end_date", end)
    first = last - timedelta(days=_DEFAULT_DAYS - 1) if start is None else _date("start_date", start)
    if last < first:
        raise RefusalError(400, f"end_date {last} is before start_date {first}")
    return first, last


def read_utc_offset(text: str | None) -> int:
    """Return an offset such as `+05:30` in minutes. Raises a 400 `RefusalError`.

    A `+` that was not percent-encoded arrives as a space, and is refused like any other malformed offset.
    """
    match = _OFFSET.fullmatch(text or "00:00")
    if match is not None:
        sign, hours, minutes = match.groups()
        offset = int(hours) * MINUTES_OF_AN_HOUR + int(minutes)
        if (sign or not offset) and offset <= _FURTHEST_OFFSET and int(minutes) < MINUTES_OF_AN_HOUR:
            return -offset if sign == "-" else offset
    raise RefusalError(400, f"utc_offset must be like +05:30, with + percent-encoded as %2B, not {text!r}")


def write_utc_offset(minutes: int) -> str:
    """Return an offset as the service echoes it: `+05:30`, and `00:00` without a sign."""
    sign = "" if minutes == 0 else "+" if minutes > 0 else "-"
    return f"{sign}{abs(minutes) // MINUTES_OF_AN_HOUR:02}:{abs(minutes) % MINUTES_OF_AN_HOUR:02}"


def hour_range(first: date, last: date, offset: int) -> tuple[int, int]:
    """Return the first hour (UTC, since 1970) of these days at that offset, and the hour after their last one."""
    start = day_number(first) * MINUTES_OF_A_DAY - offset
    end = (day_number(last) + 1) * MINUTES_OF_A_DAY - offset
    return -(-start // MINUTES_OF_AN_HOUR), -(-end // MINUTES_OF_AN_HOUR)


def write_day(day: int) -> str:
    """Return the date of a day number as text."""
    return date_of(day).isoformat()


def write_hour(hour: int) -> str:
    """Return an hour since 1970 as text."""
    day, hour = divmod(hour, 24)
    return f"{date_of(day).isoformat()}T{hour:02}:00:00"


def _date(name: str, text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise RefusalError(400, f"{name} must be a date like 2026-01-31, not {text!r}")
