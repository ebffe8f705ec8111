"""The `date_period` of a report: two days, days ago, or a word."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from adjust_async.emulator.reports.calendar import start_of_week
from adjust_async.emulator.reports.refusals import invalid

_PARAMETER = "date_period"
_DAYS_AGO = re.compile(r"-([0-9]{1,5})d", re.ASCII)
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DAY = re.compile(_DATE, re.ASCII)
_MOMENT = re.compile(_DATE + r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+ -][0-9]{2}:?[0-9]{2})?", re.ASCII)
# Times contain colons too; the separating colon is the one before a date or a minus.
_BETWEEN = re.compile(r":(?=-|[0-9]{4}-)")

_ONE_DAY = timedelta(days=1)


def _this_week(today: date, begin: str) -> tuple[date, date]:
    return start_of_week(today, begin), today


def _last_week(today: date, begin: str) -> tuple[date, date]:
    end = start_of_week(today, begin) - _ONE_DAY
    return start_of_week(end, begin), end


def _last_month(today: date) -> tuple[date, date]:
    end = today.replace(day=1) - _ONE_DAY
    return end.replace(day=1), end


_WORDS: dict[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda today: (today, today),
    "yesterday": lambda today: (today - _ONE_DAY, today - _ONE_DAY),
    "this_month": lambda today: (today.replace(day=1), today),
    "last_month": _last_month,
    # On the first of a month the range is empty, and so is the report.
    "this_month_until_yesterday": lambda today: (today.replace(day=1), today - _ONE_DAY),
}


_WEEKS: dict[str, Callable[[date, str], tuple[date, date]]] = {"this_week": _this_week, "last_week": _last_week}


def read_date_period(text: str, today: date, weeks_begin: str) -> tuple[date, date]:
    """Return the first and the last day. Raises a 400 `RefusalError`."""
    if text in _WEEKS:
        return _WEEKS[text](today, weeks_begin)
    if text in _WORDS:
        return _WORDS[text](today)
    ends = _BETWEEN.split(text)
    if len(ends) != 2:
        raise invalid(
            _PARAMETER, f"{text!r} is neither two dates joined by a colon nor one of {', '.join([*_WORDS, *_WEEKS])}"
        )
    first, last = (_end(end, today) for end in ends)
    if last < first:
        raise invalid(_PARAMETER, f"the end {last} is before the start {first}")
    return first, last


def _end(text: str, today: date) -> date:
    try:
        match = _DAYS_AGO.fullmatch(text)
        if match is not None:
            return today - timedelta(days=int(match[1]))
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        if _MOMENT.fullmatch(text):
            # The date is taken as written, even if the zone would move it to another day.
            datetime.fromisoformat(text[:19])
            return date.fromisoformat(text[:10])
    except (ValueError, OverflowError):
        pass
    raise invalid(_PARAMETER, f"{text!r} is not a date like 2026-01-31 or -10d")
