"""Ranges of the Report Service: in all documented forms, and split into windows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async._figures.windows import Period
from adjust_async.errors import ConfigurationError
from adjust_async.reports.parameters import split_period
from adjust_async.reports.question import check_question
from tests.reports.questions import BASE, refusal, refused, wire_of

# Ranges.


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ((date(2026, 1, 1), date(2026, 1, 2)), "2026-01-01:2026-01-02"),
        (["2026-01-01", date(2026, 1, 1)], "2026-01-01:2026-01-01"),
        ("2026-01-01:2026-01-02", "2026-01-01:2026-01-02"),
        (" -10d:-3d\n", "-10d:-3d"),
        ("2023-04-01:-0d", "2023-04-01:-0d"),
        *((word, word) for word in ("today", "yesterday", "this_week", "last_week", "this_month", "last_month",
                                    "this_month_until_yesterday", "some_new_word")),
    ],
)  # fmt: skip
def test_a_range_has_the_documented_forms(value: object, wire: str) -> None:
    """Two days, the service's own form, a mix, and words, including new ones."""
    assert wire_of(date_period=value)["date_period"] == wire


@pytest.mark.parametrize(
    "value",
    ["", " ", "last_7_days", "last_30_days", "last_2_weeks", "last_3_months", "2026-01-01", "2026-01-01:",
     ":2026-01-01", "2026-01-02:2026-01-01", "2026-02-30:2026-03-01", "2026-01-01:2026-01-02:2026-01-03",
     "2026-1-1:2026-1-2",
     "7d:1d", "-7:-1", "-7d", "+7d:+8d", "Yesterday", "last month", "_", "a__b", "\ud800", "2026-01-01 - 2026-01-02",
     "٢٠٢٦-٠١-٠١:٢٠٢٦-٠١-٠٢", 5, True, b"today", [], ("2026-01-01",), ("2026-01-01",) * 3, {"a", "b"}, {"a": 1, "b": 2},
     ("2026-01-02", "2026-01-01"), (None, "2026-01-01"), ("today", "today"), ("-7d", "-1d"),
     (datetime(2026, 1, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 1, tzinfo=UTC)), (20260101, 20260102), iter([1, 2])],
)  # fmt: skip
def test_anything_but_a_range_is_refused(value: object) -> None:
    """Forms that the service refuses, impossible dates, and ranges that end before they start."""
    assert refused(date_period=value).startswith("date_period")


def test_a_refused_word_is_reported_with_valid_forms() -> None:
    """`last_7_days` is the classic, which the service answers with 400."""
    assert "pass '-7d:-1d', or two dates" in refused(date_period="last_7_days")
    assert refused(date_period=("2026-01-02", "2026-01-01")).endswith("it begins on 2026-01-02: swap them")


@given(st.text("0123456789-:d_alstweko ", max_size=24) | st.text(max_size=8))
def test_any_text_is_a_range_or_refused(value: str) -> None:
    """No text is another error."""
    try:
        wire = wire_of(date_period=value)["date_period"]
    except ConfigurationError as error:
        message = str(error)
    else:
        assert wire == value.strip()
        return
    assert message.startswith("date_period ")


# Windows.


RANGE = Period(date(2026, 1, 1), date(2026, 2, 3))


def test_without_a_window_there_is_one_range() -> None:
    """Any range is accepted."""
    assert split_period("yesterday", None, ("day",)) == ("yesterday",)
    assert split_period(RANGE, None, ("app",)) == (RANGE,)


@pytest.mark.parametrize(
    ("window", "dimensions"),
    [("day", "day"), ("week", "hour,app"), ("month", "app,day"), (7, "day"), ("week", "week"), ("month", "month"),
     (1, "hour")],
)  # fmt: skip
def test_a_range_is_split_if_no_row_spans_two_windows(window: Any, dimensions: str) -> None:
    """With days or hours, or weeks and months of the same window, rows are joined unchanged."""
    windows = split_period(RANGE, window, tuple(dimensions.split(",")))
    first, last = windows[0], windows[-1]
    assert isinstance(first, Period)
    assert isinstance(last, Period)
    assert (first.start, last.end) == (RANGE.start, RANGE.end)


@pytest.mark.parametrize(
    ("window", "dimensions"),
    [("day", "app"), ("day", "week"), (7, "week"), (30, "month"), ("week", "month"), ("month", "week"),
     ("month", "quarter"), ("month", "year"), ("month", "app"), ("day", "days")],
)  # fmt: skip
def test_a_window_that_would_cut_rows_is_refused(window: Any, dimensions: str) -> None:
    """Rates and distinct users are not additive, so no row may span two windows."""
    assert "never summed" in refusal(lambda: split_period(RANGE, window, tuple(dimensions.split(","))))


@pytest.mark.parametrize("period", ["yesterday", "-7d:-1d", "2026-01-01:-0d", "-7d:2026-01-01"])
def test_a_range_without_dates_is_not_split(period: str) -> None:
    """Only the service knows which day "yesterday" is."""
    message = refusal(lambda: split_period(period, "day", ("day",)))
    assert message == f"window is 'day', but date_period is {period!r}: pass two dates, so that the range can be split"


@pytest.mark.parametrize("window", [True, 0, 367, "", "Day", "year", b"day", 1.0, [], {}, {"day"}, float("nan")])
def test_anything_but_a_window_is_refused(window: object) -> None:
    """The window is checked before the range."""
    assert refusal(lambda: split_period("yesterday", window, ("day",))).startswith("window is ")


@pytest.mark.parametrize("form", ["pair", "text"])
@given(st.dates(date(2020, 1, 1), date(2026, 1, 1)), st.integers(0, 400), st.integers(1, 366))
def test_windows_are_ranges_that_can_be_asked_for(form: str, first: date, length: int, window: int) -> None:
    """Each window is its own range, and together they make the whole, in any form of the range."""
    last = first + timedelta(length)
    period: Any = (first, last) if form == "pair" else f"{first}:{last}"
    question = check_question({**BASE, "date_period": period}, app_tokens=None, parameters=None, window=window)
    asked = [question.query(window=one)["date_period"] for one in question.windows]
    assert [wire_of(date_period=one)["date_period"] for one in asked] == asked
    ends = [one.split(":") for one in asked]
    assert (ends[0][0], ends[-1][1]) == (str(first), str(last))
    assert sum((date.fromisoformat(b) - date.fromisoformat(a)).days + 1 for a, b in ends) == length + 1
