"""Windows: a range of days in pieces, with no day lost, doubled or out of order."""

from calendar import SATURDAY, SUNDAY, monthrange
from datetime import date, timedelta
from enum import Enum, IntEnum, StrEnum
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async._figures.windows import LONGEST_WINDOW, Period, Window, check_window, split
from adjust_async.errors import ConfigurationError

WORDS: tuple[Window, ...] = ("day", "week", "month")
WINDOWS: st.SearchStrategy[Window] = st.sampled_from(WORDS) | st.integers(1, LONGEST_WINDOW)


@st.composite
def periods(draw: st.DrawFn) -> Period:
    """Return a range of up to three years, which may be at either end of the calendar."""
    first = draw(st.dates() | st.sampled_from([date.min, date.max, date.max - timedelta(40), date(2024, 2, 28)]))
    days = min(draw(st.integers(0, 1100)), (date.max - first).days)
    return Period(first, first + timedelta(days))


def bounds(period: Period) -> tuple[date, date]:
    """Return the days of a range."""
    return period.start, period.end


@given(periods(), WINDOWS, st.integers(0, 6))
def test_windows_are_the_range_cut_into_pieces(period: Period, window: Window, last_weekday: int) -> None:
    """Each window begins on the day after the previous one, and the first and the last day are those of the range."""
    windows = [bounds(one) for one in split(period, window, last_weekday=last_weekday)]
    assert (windows[0][0], windows[-1][1]) == bounds(period)
    for (first, last), (following, _) in pairwise(windows):
        assert following == last + timedelta(1)
        assert first <= last
    assert windows[-1][0] <= windows[-1][1]


@given(periods(), st.integers(1, LONGEST_WINDOW))
def test_a_number_of_days_is_the_length_of_all_windows_but_the_last(period: Period, window: int) -> None:
    """No window is longer than the number, and only the last may be shorter."""
    lengths = [(last - first).days + 1 for first, last in map(bounds, split(period, window))]
    assert lengths[:-1] == [window] * (len(lengths) - 1)
    assert 1 <= lengths[-1] <= window


@given(periods(), st.integers(0, 6))
def test_weeks_end_on_their_weekday(period: Period, last_weekday: int) -> None:
    """Each window but the last ends on that weekday, and none extends beyond it."""
    windows = [bounds(one) for one in split(period, "week", last_weekday=last_weekday)]
    assert {last.weekday() for _, last in windows[:-1]} <= {last_weekday}
    for first, last in windows:
        ends = [first + timedelta(n) for n in range((last - first).days + 1)]
        assert last_weekday not in {day.weekday() for day in ends[:-1]}


@given(periods())
def test_months_are_calendar_months(period: Period) -> None:
    """No window has days of two months, and inner ones have all days of theirs."""
    windows = [bounds(one) for one in split(period, "month")]
    for first, last in windows:
        assert (first.year, first.month) == (last.year, last.month)
    for first, last in windows[1:-1]:
        assert (first.day, last.day) == (1, monthrange(first.year, first.month)[1])
    assert len({first.replace(day=1) for first, _ in windows}) == len(windows)


@given(periods())
def test_days_are_single(period: Period) -> None:
    """A window of a day has one day."""
    assert all(one.start == one.end for one in split(period, "day"))


@pytest.mark.parametrize(
    ("first", "last", "window", "expected"),
    [
        ("2026-11-01", "2026-11-01", "month", ["01:01"]),
        ("2026-11-01", "2026-11-15", "week", ["01:07", "08:14", "15:15"]),  # from a Sunday
        ("2026-11-07", "2026-11-09", "week", ["07:07", "08:09"]),
        ("2026-11-01", "2026-11-05", 2, ["01:02", "03:04", "05:05"]),
        ("2026-11-01", "2026-11-02", 366, ["01:02"]),
        ("2026-11-29", "2026-11-30", "day", ["29:29", "30:30"]),
    ],
)
def test_some_ranges_by_hand(first: str, last: str, window: Window, expected: list[str]) -> None:
    """Weeks of the Report Service are from Sunday to Saturday, as in `2021-05-09 - 2021-05-15`."""
    windows = map(bounds, split(Period(date.fromisoformat(first), date.fromisoformat(last)), window))
    assert [f"{a:%d}:{b:%d}" for a, b in windows] == expected


def test_weeks_may_end_on_sunday() -> None:
    """A week has seven days from the day after its last weekday."""
    period = Period(date(2026, 11, 2), date(2026, 11, 9))
    assert split(period, "week", last_weekday=SUNDAY) == [
        Period(date(2026, 11, 2), date(2026, 11, 8)),
        Period(date(2026, 11, 9), date(2026, 11, 9)),
    ]
    assert split(period, "week") == split(period, "week", last_weekday=SATURDAY)


@pytest.mark.parametrize("window", ["day", "week", "month", 1, 366])
def test_the_last_day_of_the_calendar_is_a_window_too(window: Window) -> None:
    """No day after the last possible one is computed."""
    windows = split(Period(date(9999, 12, 1), date.max), window)
    assert windows[-1].end == date.max


class Named(StrEnum):
    """An enumeration of windows, as a caller may have it."""

    WEEK = "week"


class Printed(str, Enum):  # noqa: UP042 - callers have such enumerations: they print as their names
    """The same as an older kind of enumeration."""

    WEEK = "week"


class Days(IntEnum):
    """An enumeration of numbers of days."""

    WEEK = 7


@pytest.mark.parametrize("window", ["day", "week", "month", 1, 7, 366, Named.WEEK, Printed.WEEK, Days.WEEK])
def test_a_window_is_a_word_or_a_number_of_days(window: Any) -> None:
    """The three words and 1 to 366 are windows, including members of an enumeration."""
    period = Period(date(2026, 1, 1), date(2026, 2, 5))
    plain: Any = window.value if isinstance(window, Enum) else window
    assert type(check_window(window)) in {str, int}
    assert split(period, check_window(window)) == split(period, plain)


@pytest.mark.parametrize(
    "window",
    [None, True, False, 0, -1, 367, 2**70, pytest.param(10**5000, id="huge"), 1.0, float("nan"), "", "Day", "weeks",
     "year", "quarter", " day", "day\n", b"day", "\ud800", ["day"], ("week",), {"day"}, {}, object(), timedelta(1),
     date(2026, 1, 1), iter(["day"])],
)  # fmt: skip
def test_anything_but_a_window_is_refused(window: object) -> None:
    """Anything else is refused with what would be right, whatever its type."""
    with pytest.raises(ConfigurationError, match=r"^window is .*: pass 'day', 'week', 'month', or a number of days"):
        check_window(window)


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text()))
def test_any_value_is_a_window_or_refused(window: Any) -> None:
    """Every value that passes the check can be used to split; all others raise `ConfigurationError`."""
    try:
        checked = check_window(window)
    except ConfigurationError:
        return
    assert split(Period(date(2026, 1, 1), date(2026, 1, 2)), checked)
