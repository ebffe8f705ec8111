"""Days of the KPI Service: checked, and split into windows that join exactly."""

import calendar
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy
import pandas
import pytest
from hypothesis import given, strategies as st

from adjust_async._figures.windows import Period
from adjust_async.kpis.parameters import split_period
from tests.kpis.questions import DAYS, D, check_query, refusal, refused

JANUARY = Period(date(2026, 1, 1), date(2026, 1, 31))


# Dates.


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (date(2026, 1, 5), "2026-01-05"),
        ("2026-01-05", "2026-01-05"),
        (date(2024, 2, 29), "2024-02-29"),
        (date(999, 1, 1), "0999-01-01"),
        (datetime(2026, 1, 5, tzinfo=UTC), "2026-01-05"),
        (pandas.Timestamp("2026-01-05"), "2026-01-05"),
        (pandas.Timestamp("2026-01-05", tz="Europe/Berlin"), "2026-01-05"),
        (numpy.datetime64("2026-01-05"), "2026-01-05"),
        (numpy.datetime64("2026-01-05T00"), "2026-01-05"),
        (pandas.Series([pandas.Timestamp("2026-01-05")]).to_numpy()[0], "2026-01-05"),
        (pandas.Timestamp("2026-01-05").as_unit("ns").to_datetime64(), "2026-01-05"),
    ],
)
def test_a_date_is_a_date_or_iso_text(value: object, wire: str) -> None:
    """Any form is sent as ISO text with a four-digit year; a datetime counts at its own midnight."""
    assert check_query(D, {"start_date": value, "end_date": value}, None) == {"start_date": wire, "end_date": wire}


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 5, 1, tzinfo=UTC),
        pandas.Timestamp("2026-01-05 00:00:00.000000001"),
        pandas.NaT,
        numpy.datetime64("2026-01-05T01:00"),
        numpy.datetime64("2026-01-05T00:00:00.000000001"),
        numpy.datetime64("2026-01"),
        numpy.datetime64("NaT", "D"),
        "2026-01-05T00:00:00",
        "2026-02-29",
        "2026-13-01",
        "2026-1-5",
        "05.01.2026",
        "yesterday",
        "",
        " 2026-01-05",
        "2026-01-05\n",
        20260105,
        1.5,
        True,
        b"2026-01-05",
        ["2026-01-05"],
    ],
)
@pytest.mark.parametrize("name", ["start_date", "end_date"])
def test_anything_but_a_date_is_refused(name: str, value: object) -> None:
    """A moment, an impossible day, or any other form is refused, with the two forms that work."""
    message = refused(name, value)
    assert message.startswith(f"{name} is ")
    assert message.endswith("pass a datetime.date, or a text such as '2026-11-01'")
    is_moment = isinstance(value, (datetime, numpy.datetime64)) and not pandas.isna(value) and ":" in str(value)
    assert ("which is not midnight" in message) == is_moment


@pytest.mark.parametrize("name", ["start_date", "end_date"])
@pytest.mark.parametrize("change", [{}, {"x": None}])
def test_a_missing_date_is_refused(name: str, change: dict[str, None]) -> None:
    """Both dates are required, even if `None` is passed."""
    query = {**DAYS, name: None} if change else {key: value for key, value in DAYS.items() if key != name}
    expected = f"{name} is missing: pass the first and the last day, both included"
    assert refusal(lambda: check_query(D, query, None)) == expected


@given(st.dates(), st.dates())
def test_the_end_is_not_before_the_start(start: date, end: date) -> None:
    """One day is a range; an end before its start is refused with both dates."""
    query = {"start_date": start, "end_date": end.isoformat()}
    if end < start:
        message = refusal(lambda: check_query(D, query, None))
        assert message == f"end_date {end} is before start_date {start}: swap them"
    else:
        assert check_query(D, query, None) == {"start_date": start.isoformat(), "end_date": end.isoformat()}


# Windows.


def windows(start: date, end: date, window: object, grouping: str = "day") -> list[tuple[date, date]]:
    """Split a range. Return the windows as dates."""
    return [(one.start, one.end) for one in split_period(Period(start, end), window, tuple(grouping.split(",")))]


def cover(periods: Iterable[tuple[date, date]]) -> list[date]:
    """List the days of windows."""
    return [first + timedelta(days=n) for first, last in periods for n in range((last - first).days + 1)]


ranges = st.tuples(
    st.dates(date(1999, 1, 1), date(2101, 1, 1)), st.integers(0, 800), st.just("month") | st.integers(1, 366)
)


@given(ranges)
def test_windows_cover_each_day_exactly_once(asked: tuple[date, int, Any]) -> None:
    """Together, windows are the range: no day is lost, doubled or out of order, and none is longer than requested."""
    start, length, window = asked
    periods = windows(start, start + timedelta(days=length), window)
    assert cover(periods) == [start + timedelta(days=n) for n in range(length + 1)]
    for number, (first, last) in enumerate(periods):
        if window == "month":
            assert (first.year, first.month) == (last.year, last.month)
            assert number == 0 or first.day == 1
        else:
            assert (last - first).days < window
            assert number == len(periods) - 1 or (last - first).days == window - 1


@pytest.mark.parametrize("year", [2024, 2026, 2000, 2100])
def test_a_year_of_months_has_each_month_in_full(year: int) -> None:
    """Months end on their last day, leap years included."""
    periods = windows(date(year, 1, 1), date(year, 12, 31), "month")
    expected = [(date(year, m, 1), date(year, m, calendar.monthrange(year, m)[1])) for m in range(1, 13)]
    assert periods == expected


@pytest.mark.parametrize(
    ("start", "end", "window", "expected"),
    [
        ("2026-01-31", "2026-02-01", "month", ["2026-01-31 2026-01-31", "2026-02-01 2026-02-01"]),
        ("2024-02-28", "2024-03-01", "month", ["2024-02-28 2024-02-29", "2024-03-01 2024-03-01"]),
        ("2024-02-29", "2024-02-29", "month", ["2024-02-29 2024-02-29"]),
        ("2025-12-31", "2026-01-01", "month", ["2025-12-31 2025-12-31", "2026-01-01 2026-01-01"]),
        ("2024-02-28", "2024-03-01", 2, ["2024-02-28 2024-02-29", "2024-03-01 2024-03-01"]),
        ("2026-01-01", "2026-01-07", 7, ["2026-01-01 2026-01-07"]),
        ("2026-01-01", "2026-01-08", 7, ["2026-01-01 2026-01-07", "2026-01-08 2026-01-08"]),
        ("2026-01-01", "2026-01-03", 1, [f"2026-01-0{n} 2026-01-0{n}" for n in (1, 2, 3)]),
        ("2026-01-01", "2026-01-01", 366, ["2026-01-01 2026-01-01"]),
        ("2026-01-01", "2026-01-03", "day", [f"2026-01-0{n} 2026-01-0{n}" for n in (1, 2, 3)]),
        (
            "2026-01-01",
            "2026-01-12",
            "week",
            ["2026-01-01 2026-01-04", "2026-01-05 2026-01-11", "2026-01-12 2026-01-12"],
        ),
        ("9999-12-01", "9999-12-31", "month", ["9999-12-01 9999-12-31"]),
        ("9999-12-30", "9999-12-31", 5, ["9999-12-30 9999-12-31"]),
    ],
)
def test_windows_begin_and_end_at_their_borders(start: str, end: str, window: object, expected: list[str]) -> None:
    """Month boundaries, leap days, single days and the last month of the calendar are cut correctly."""
    assert [f"{a} {b}" for a, b in windows(date.fromisoformat(start), date.fromisoformat(end), window)] == expected


def test_no_window_is_the_whole_range() -> None:
    """Without `window` there is one request for the range, whatever the grouping."""
    assert split_period(JANUARY, None, ()) == (JANUARY,)


@pytest.mark.parametrize(
    "window", ["fortnight", "", "Month", 0, -1, 367, 7.0, True, False, [7], "7", b"month", ["month"]]
)
def test_an_invalid_window_is_refused(window: object) -> None:
    """Only `day`, `week`, `month` and a number of days from 1 to 366 are windows."""
    message = refusal(lambda: split_period(JANUARY, window, ("day",)))
    assert message.endswith("pass 'day', 'week', 'month', or a number of days from 1 to 366")


EXACT = ["day", "days", "hour", "hours", "trackers,day", "day,countries", "week,day", "Day", "trackers, day", "a,hour"]


INEXACT = ["", "trackers", "week", "weeks", "trackers,countries", "periods", "holiday", "days_active", "day_of_week"]


@pytest.mark.parametrize(
    ("grouping", "window", "exact"),
    [
        *((grouping, window, True) for grouping in EXACT for window in ("month", 7)),
        *((grouping, window, False) for grouping in INEXACT for window in ("month", 7)),
        *((grouping, "month", True) for grouping in ("month", "months", "trackers,month")),
        *((grouping, 30, False) for grouping in ("month", "months", "week,month")),
    ],
)
def test_windows_are_allowed_if_no_figure_spans_two(grouping: str, window: Any, exact: bool) -> None:
    """By day or hour any window is exact, by month only months are; otherwise the error says what to group by."""
    levels = tuple(grouping.split(",")) if grouping else ()
    if exact:
        assert len(split_period(JANUARY, window, levels)) >= 1
        return
    message = refusal(lambda: split_period(JANUARY, window, levels))
    assert message.startswith(f"window is {window!r}, but the grouping is {grouping or 'none'!r}")
    assert "Group by 'day' or 'hour'" in message
