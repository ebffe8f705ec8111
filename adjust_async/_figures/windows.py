"""Ranges of days, and their split into windows that are requested concurrently."""

from calendar import SATURDAY, monthrange
from datetime import date, timedelta
from typing import Literal, cast

import attrs

from adjust_async._checks import shown
from adjust_async.errors import ConfigurationError

__all__ = ["Period", "Window", "check_window", "split"]

#: Calendar days, weeks or months, or a number of days.
Window = Literal["day", "week", "month"] | int

LONGEST_WINDOW = 366


@attrs.frozen
class Period:
    """A range of days, both ends included."""

    start: date
    end: date


def check_window(window: object) -> Window:
    """Return a checked window.

    Raises:
        ConfigurationError: It is not `"day"`, `"week"`, `"month"` or a number of days from 1 to 366.
    """
    if isinstance(window, str) and window in {"day", "week", "month"}:
        return cast("Window", str.__str__(window))
    if isinstance(window, int) and not isinstance(window, bool) and 0 < window <= LONGEST_WINDOW:
        return int(window)
    raise ConfigurationError(
        f"window is {shown(window)}: pass 'day', 'week', 'month', or a number of days from 1 to {LONGEST_WINDOW}"
    )


def split(period: Period, window: Window, *, last_weekday: int = SATURDAY) -> list[Period]:
    """Split a range into windows. The first and the last one may be shorter than the others.

    Args:
        period: The range.
        window: A checked window.
        last_weekday: The last day of a week, counted from Monday as 0.
    """
    first, last = period.start, period.end
    windows = []
    while True:
        end = first + min(last - first, timedelta(days=_days_left(first, window, last_weekday)))
        windows.append(Period(first, end))
        if end == last:
            return windows
        first = end + timedelta(days=1)


def _days_left(first: date, window: Window, last_weekday: int) -> int:
    """Return the number of days in a window after its first one."""
    match window:
        case "day":
            return 0
        case "week":
            return (last_weekday - first.weekday()) % 7
        case "month":
            return monthrange(first.year, first.month)[1] - first.day
        case days:
            return days - 1
