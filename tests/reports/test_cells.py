"""Cells of the Report Service: numbers by their text, dates, sentinels, and cohort metrics with their period."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async.reports.cells import cohort_metric, exact_number, metric_kind, number, reader
from adjust_async.tables import Kind

ODD = st.none() | st.booleans() | st.lists(st.text(max_size=2), max_size=2) | st.dictionaries(st.text(), st.integers())
SENTINELS = ["unknown", "Organic", "n/a", "-", "+", ".", "-.", "e5", "1e", "1e+", "0x10", "1_000", "1,000", "1.000,5",
             "1 000", " 64", "64 ", "64\n", "\n", "+5", "--5", "1.2.3", "sNaN", "NaNs", "infinite", "-",  "٦٤",
             "12%", "5 €", "true", "null", "None", "1e9999", "²", "1⁄2", "\x00", "\ud800"]  # fmt: skip


def same(got: Any, expected: Any) -> bool:
    """Return whether two cells are equal and of the same type."""
    return type(got) is type(expected) and repr(got) == repr(expected)


# Numbers.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("64", 64),
        ("0", 0),
        ("-0", 0),
        ("-5", -5),
        ("007", 7),
        ("0.0", 0.0),
        ("-0.0", -0.0),
        ("64.0", 64.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1e-7", 1e-7),
        ("1E+5", 100000.0),
        ("1" * 70, int("1" * 70)),
        ("9007199254740993", 9007199254740993),
        ("", None),
        (None, None),
        (64, 64),
        (0.5, 0.5),
        (True, True),
    ],
)
def test_a_metric_is_a_number_by_its_text(text: Any, expected: Any) -> None:
    """Only digits are an int; with a point or an exponent it is a float. An empty text is `None`, never 0."""
    assert same(number(text), expected)


@pytest.mark.parametrize("text", SENTINELS)
@pytest.mark.parametrize("read", [number, exact_number])
def test_a_word_stays_as_it_is(read: Any, text: str) -> None:
    """Anything but a number in ASCII digits stays text, even if Python would read it as a number."""
    assert same(read(text), text)


@pytest.mark.parametrize("text", ["", "NaN", "nan", "-nan", "inf", "+Inf", "Infinity", "-Infinity", Decimal("1e999")])
def test_nan_and_infinities_have_no_value(text: Any) -> None:
    """The text of floats for a ratio to zero is not a value, and neither is `NaN` in JSON."""
    assert number(text) is None
    if isinstance(text, str):
        assert exact_number(text) is None


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive_their_text(value: float) -> None:
    """A number written by Python is read unchanged, with the same type, also repeatedly and from a cache."""
    assert same(number(str(value)), value)
    assert same(number(str(value)), value)
    assert same(number(value), value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=30) | st.integers().map(Decimal))
def test_exact_numbers_have_all_digits(value: Decimal) -> None:
    """Not a digit is lost, nor a trailing zero."""
    assert same(exact_number(f"{value:f}"), Decimal(f"{value:f}"))
    assert str(exact_number("0.100")) == "0.100"


@given(st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False))
def test_exact_numbers_equal_the_numbers_of_the_service(value: float) -> None:
    """A number that was sent as one becomes the decimal of its shortest text, not of its binary fraction."""
    assert same(exact_number(value), Decimal(str(value)))
    assert same(exact_number(str(value)), Decimal(str(value)))


@given(st.text(max_size=12) | st.text("0123456789.eE+-", max_size=12))
def test_both_readings_agree(text: str) -> None:
    """Exact or not, the same texts are numbers of the same value, the same are nothing, and the same are words."""
    plain, exact = number(text), exact_number(text)
    if isinstance(exact, Decimal) and not isinstance(plain, str):
        assert plain == (int(text) if isinstance(plain, int) else float(text))
        assert float(exact) == float(text)
    elif isinstance(exact, Decimal):
        assert float(text) in {float("inf"), float("-inf")}  # too large for a float
    else:
        assert same(plain, exact)
        is_nothing = not text or re.fullmatch("[+-]?(nan|inf|infinity)", text, re.IGNORECASE)
        assert plain == (None if is_nothing else text)


@given(ODD)
def test_other_values_are_unchanged(value: Any) -> None:
    """Lists, maps, booleans and null are returned unchanged, and never turned into a number."""
    for read in (number, exact_number, *(reader("x", metric=metric, exact=False) for metric in (True, False))):
        assert read(value) is value


@pytest.mark.parametrize("text", ["9" * 4000, "-" + "9" * 4000, "9" * 4301, "1" * 100_000])
def test_endless_digits_are_not_an_error(text: str) -> None:
    """However long a number is, it is read or stays text: Python's limit of digits does not affect the caller."""
    assert number(text) == text or type(number(text)) is int
    assert exact_number(text) == Decimal(text)


# Readers.


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("day", "2026-01-05", date(2026, 1, 5)),
        ("hour", "2026-01-05T17:00:45", datetime(2026, 1, 5, 17, 0, 45)),  # noqa: DTZ001 - without an offset
        ("hour", "2026-01-05T17:00:00+01:00", datetime(2026, 1, 5, 17, tzinfo=timezone(timedelta(hours=1)))),
        ("hour", "2026-01-05T17:00:00Z", datetime(2026, 1, 5, 17, tzinfo=UTC)),
        ("day", "2026-07-01T00:00:00", date(2026, 7, 1)),
        ("day", "2026-07-01 00:00", date(2026, 7, 1)),
        ("day", "2026-07-01T00:00:00+02:00", date(2026, 7, 1)),
        ("day", "", None),
        ("day", None, None),
        ("day", "Jan 5, 2026", "Jan 5, 2026"),
        ("day", "2026-02-30", "2026-02-30"),
        ("day", "unknown", "unknown"),
        ("week", "2021-05-09 - 2021-05-15", "2021-05-09 - 2021-05-15"),
        ("month", "2021-05", "2021-05"),
        ("month", "2021-05-01", "2021-05-01"),
        ("quarter", "Q2 2021", "Q2 2021"),
        ("year", "2021", "2021"),
        ("year", 2021, "2021"),
        ("partner_id", "-300", "-300"),
        ("partner_id", -300, "-300"),
        ("campaign_id_network", "00123", "00123"),
        ("store_id", 1.5, "1.5"),
        ("network", "Organic", "Organic"),
        ("network", "", ""),
        ("network", None, None),
    ],
)
def test_a_dimension_is_text_or_a_date(column: str, value: Any, expected: Any) -> None:
    """Days and hours are dates. Spans and IDs are text, even if the service sends a number."""
    for exact in (True, False):
        assert same(reader(column, metric=False, exact=exact)(value), expected)


def test_a_metric_is_read_as_one_whatever_its_name() -> None:
    """A metric named like a date is a number all the same."""
    assert reader("day", metric=True, exact=False)("5") == 5
    assert same(reader("day", metric=True, exact=True)("5"), Decimal(5))


# Cohort metrics.


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("retention_rate_d7", ("retention_rate", 7, "day")),
        ("roas_ad_d30", ("roas_ad", 30, "day")),
        ("sessions_w0", ("sessions", 0, "week")),
        ("lifetime_value_m36", ("lifetime_value", 36, "month")),
        ("buy_d7_events_cohort", ("buy_events_cohort", 7, "day")),
        ("Level Up_w2_events_cohort", ("Level Up_events_cohort", 2, "week")),
        ("level_d3_d7_events_cohort", ("level_d3_events_cohort", 7, "day")),
        ("a_d7_d8", ("a_d7", 8, "day")),
        ("installs", None),
        ("level_d7_events", None),
        ("level_d7_revenue", None),
        ("d7", None),
        ("_d7", None),
        ("x_d", None),
        ("x_h7", None),
        ("x_7", None),
        ("xd7", None),
        ("x_d7\n", None),
        ("x_d٧", None),
        ("x_y7", None),
        ("", None),
    ],
)
def test_a_cohort_metric_is_recognised(column: str, expected: tuple[str, int, str] | None) -> None:
    """A period is at the end, or before the suffix `cohort`. An event named like a period does not count."""
    assert cohort_metric(column) == expected


@given(st.text("abd7_ ", min_size=1, max_size=8), st.sampled_from("dwm"), st.integers(0, 120))
def test_a_period_at_the_end_is_found_whatever_the_base(base: str, unit: str, length: int) -> None:
    """The last period is the one that counts."""
    assert cohort_metric(f"{base}_{unit}{length}") == (base, length, {"d": "day", "w": "week", "m": "month"}[unit])


# Kinds.

COUNTS = ["installs", "clicks", "impressions", "sessions", "reattributions", "uninstalls", "gdpr_forgets",
          "organic_installs", "revenue_events", "Level Up_events", "buy_events", "sessions_d7", "retained_users_w2",
          "paying_users_m1", "cohort_size_d0", "time_spent_d7", "revenue_events_d1", "buy_d7_events_cohort",
          "network_installs", "network_clicks_diff", "first_paying_users", "skad_installs", "invalid_payloads",
          "conversion_1", "conversion_null", "limit_ad_tracking_installs", "rejected_installs"]  # fmt: skip
FRACTIONS = ["daus", "waus", "maus", "maus_w3", "avg_sessions",
             "cost", "network_cost", "network_cost_diff", "revenue", "ad_revenue", "all_revenue_total_d7", "roas",
             "roas_ad_d30", "retention_rate_d7", "ecpi", "ecpi_all", "ecpm", "ctr", "click_conversion_rate", "arpdau",
             "lifetime_value_d7", "lifetime_value_ad_d7", "sessions_per_user_d7", "time_spent_per_session_w1",
             "events_per_user", "revenue_per_paying_user_d7", "paying_user_rate_d3", "buy_revenue", "Level Up_revenue",
             "buy_d7_revenue_cohort", "buy_d7_revenue_total_cohort", "return_on_investment", "cohort_gross_profit",
             "att_consent_rate", "cost_per_action", "ad_rpm", "rcr", "revenue_to_cost",
             "conversion_rate_click"]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "kind"), [*((name, "integer") for name in COUNTS), *((name, "number") for name in FRACTIONS)]
)
def test_the_kind_of_a_typical_metric_does_not_depend_on_its_values(column: str, kind: Kind) -> None:
    """A count is a count, even if it is empty or has whole numbers. Money and rates may have a fraction."""
    assert metric_kind(column, set()) == metric_kind(column, {int}) == kind


@pytest.mark.parametrize("column", [*COUNTS, *FRACTIONS, "some_new_metric"])
def test_values_decide_if_the_name_would_lose_something(column: str) -> None:
    """A fraction makes a number of any column, a word or whatever else makes it text."""
    assert metric_kind(column, {int, float}) == "number"
    for odd in (str, list, dict, bool):
        assert metric_kind(column, {int, odd}) == metric_kind(column, {float, odd}) == "text"


@given(st.text(max_size=20), st.sets(st.sampled_from([int, float, str, list, dict, bool])))
def test_any_name_has_a_kind(column: str, types: set[type]) -> None:
    """No name is an error."""
    assert metric_kind(column, types) in {"integer", "number", "text"}
