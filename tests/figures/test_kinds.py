"""Kinds of columns: counts are distinguished from money and rates, and dates from other texts."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from adjust_async._figures.kinds import moment_or_text, number_kind
from adjust_async.tables import Kind


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-05", date(2026, 1, 5)),
        ("2026-01-05T17:00:45", datetime(2026, 1, 5, 17, 0, 45)),  # noqa: DTZ001 - without an offset
        ("2026-01-05 17:00", datetime(2026, 1, 5, 17, 0)),  # noqa: DTZ001 - without an offset
        ("2026-01-05T17:00:00Z", datetime(2026, 1, 5, 17, 0, tzinfo=UTC)),
        ("2026-01-05T17:00:00+05:30", datetime(2026, 1, 5, 17, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
        *((text, text) for text in ("", "x", "2026-01", "2026-02-30", "2026-W05", "20260105", "1234567890")),
    ],
)
def test_only_an_iso_date_is_a_date(text: str, expected: object) -> None:
    """Days and hours in the service's format become dates and datetimes; any other text stays text."""
    got = moment_or_text(text)
    assert (type(got), got) == (type(expected), expected)


@given(st.text(max_size=20) | st.text("0123456789-:TWZ+ ", max_size=25))
def test_any_text_is_a_date_a_moment_or_itself(text: str) -> None:
    """No text is an error."""
    got = moment_or_text(text)
    assert got == text or isinstance(got, date)


@pytest.mark.parametrize(
    ("name", "types", "kind"),
    [
        ("installs", {int}, "integer"),
        ("installs", set(), "integer"),
        ("installs", {type(None)}, "integer"),
        ("installs", {int, float}, "number"),
        ("revenue", {int}, "number"),
        ("revenue", set(), "number"),
        ("revenue_events", {int}, "integer"),
        ("Revenue Events", {int}, "integer"),
        ("Click Conversion Rate", {int, type(None)}, "number"),
        ("x_new", {int}, "number"),
        ("x_new", set(), "number"),
        ("avg_sessions", {int}, "number"),
        ("x_new", {float}, "number"),
        ("sessions_per_user", {int}, "number"),
        ("abc123_revenue", {int}, "number"),
        ("abc123_events", {type(None)}, "integer"),
        ("first_time_purchasers", {int}, "integer"),
        ("recipients", {int}, "integer"),
    ],
)
def test_counts_are_distinguished_from_money_and_rates(name: str, types: set[type], kind: Kind) -> None:
    """A float makes a column of numbers; without floats only the name decides."""
    assert number_kind(name, types) == kind
