"""Reading `Retry-After`, as seconds and as dates."""

import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, settings, strategies as st

from adjust_async._http.error_answers import retry_after
from tests.http.answers import error_of

NOW = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        (" ", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("-inf", None),
        ("inf", None),
        ("nan", None),
        ("1e999", None),
        ("soon", None),
        ("0x10", None),
        ("5 seconds", None),
        ("Sun, 22 Nov 2026 10:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 10:00:30", 30.0),
        ("Sun, 22 Nov 2026 10:00:30 -0000", 30.0),
        ("Sun, 22 Nov 2026 11:00:30 +0100", 30.0),
        ("Sunday, 22-Nov-26 10:00:30 GMT", 30.0),
        ("Sun Nov 22 10:00:30 2026", 30.0),
        ("Sun, 22 Nov 2026 09:59:59 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Sun, 32 Nov 2026 10:00:30 GMT", None),
        ("Sun, 22 Nov 2026 25:00:30 GMT", None),
        ("2026-11-22T10:00:30Z", None),
        ("Sun, 22 Nov 2026 10:00:30 +9999", None),
        ("Sun, 22 Nov 99999999999999999999 10:00:30 GMT", None),
        ("Sun, 22 Nov 2026 10:00:30 +99999999999999999999", None),
        ("Sun, 22 Nov 2026 99999999999999999999:00:30 GMT", None),
    ],
)
def test_retry_after(value: str | None, expected: float | None) -> None:
    """Seconds and dates are read, a date without a zone as UTC, a past one as now, and anything else as `None`."""
    assert retry_after(value, now=NOW) == expected


def test_a_date_without_zone_is_utc_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's time zone does not affect a date without one."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        assert retry_after("Sun, 22 Nov 2026 10:00:30", now=NOW) == 30.0
    time.tzset()


@given(st.floats(allow_nan=True) | st.integers(), st.sampled_from(["{}", " {} ", "{:.3f}"]))
def test_retry_after_of_numbers(number: float, form: str) -> None:
    """Any finite number is read unchanged, but never as less than 0."""
    try:
        text = form.format(number)
    except OverflowError:
        return
    got = retry_after(text)
    value = float(text)
    assert got == (max(0.0, value) if abs(value) != float("inf") and value == value else None)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.integers(-23 * 60, 23 * 60))  # noqa: DTZ001 - zoned below
def test_retry_after_of_dates(local: datetime, minutes: int) -> None:
    """Any date in HTTP's documented form, in any zone, is read as the time until it."""
    date = local.replace(microsecond=0, tzinfo=UTC) + timedelta(days=2)
    zoned = date.astimezone(tz=timezone(timedelta(minutes=minutes)))
    assert retry_after(format_datetime(zoned), now=NOW) == max(0.0, (date - NOW).total_seconds())


@settings(deadline=None, max_examples=500)
@given(
    st.text(max_size=40)
    | st.text(alphabet="MonJanGMT,:+- 0123456789.eE", max_size=40)
    | st.from_regex(r"\A(Mon, )?[0-9]{1,22} (Jan|Feb) -?[0-9]{1,22} [0-9:.]{0,12} [-+]?[0-9A-Z]{0,12}\Z")
)
def test_retry_after_of_anything(value: str) -> None:
    """Whatever the header contains, the result is at least 0 s, or `None`."""
    got = retry_after(value)
    assert got is None or 0 <= got < float("inf")


@pytest.mark.parametrize("status", [429, 503, 500, 400])
def test_every_error_carries_the_wait(status: int) -> None:
    """`Retry-After` is read from any error, without regard to case."""
    assert error_of(status, headers={"rEtRy-AfTeR": "7"}).retry_after == 7.0
    assert error_of(status).retry_after is None
