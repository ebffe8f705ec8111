"""Ranges of days, and how one is split into windows that are asked for side by side."""

from calendar import SATURDAY, monthrange
from datetime import date, timedelta
from typing import Literal, NamedTuple

from adjust_async._checks import shown
from adjust_async.errors import ConfigurationError

__all__ = ["Period", "Window", "check_window", "split"]

#: Calendar days, weeks or months, or so many days.
Window = Literal["day", "week", "month"] | int

LONGEST_WINDOW = 366


class Period(NamedTuple):
    """A range of days, both ends included, in ISO form."""

    start_date: str
    end_date: str


def check_window(window: object) -> None:
    """Check a window.

    Raises:
        ConfigurationError: It is none.
    """
    days = window if isinstance(window, int) and not isinstance(window, bool) else 0
    if not (isinstance(window, str) and window in {"day", "week", "month"}) and not 0 < days <= LONGEST_WINDOW:
        raise ConfigurationError(
            f"window is {shown(window)}: give 'day', 'week', 'month', or a number of days from 1 to {LONGEST_WINDOW}"
        )


def split(period: Period, window: Window, *, last_weekday: int = SATURDAY) -> list[Period]:
    """Split a range into windows, of which the first and the last may be shorter than the others.

    Args:
        period: The range.
        window: A window that was checked.
        last_weekday: The day that a week ends with, counted from Monday as 0.
    """
    first, last = map(date.fromisoformat, period)
    periods = []
    while True:
        end = first + min(last - first, timedelta(days=_days_after(first, window, last_weekday)))
        periods.append(Period(first.isoformat(), end.isoformat()))
        if end == last:
            return periods
        first = end + timedelta(days=1)


def _days_after(first: date, window: Window, last_weekday: int) -> int:
    """How many days of its window come after its first one."""
    match window:
        case "day":
            return 0
        case "week":
            return (last_weekday - first.weekday()) % 7
        case "month":
            return monthrange(first.year, first.month)[1] - first.day
        case days:
            return days - 1
