"""`lookback`: the days to ask for again."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from adjust_async import (
    AsyncAdjust,
    ConfigurationError,
    lookback,
)
from adjust_async.emulator import Emulator
from tests.reports.sockets import LAST, QUERY

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=5, trackers_per_app=50, facts_per_day=20),
    pytest.mark.settings(max_attempts=2),
    pytest.mark.usefixtures("quick_retries"),
]


@pytest.mark.parametrize(
    ("newest", "days", "today", "first"),
    [
        ("2026-11-18", 7, "2026-11-21", "2026-11-12"),
        (date(2026, 11, 18), 1, date(2026, 11, 21), "2026-11-18"),
        ("2026-11-18", 0, "2026-11-21", "2026-11-19"),
        ("2026-11-21", 3, "2026-11-21", "2026-11-19"),
        ("2026-11-21", 1, "2026-11-21", "2026-11-21"),
        ("2026-03-01", 2, "2026-03-02", "2026-02-28"),
        ("0001-01-03", 30, "0001-01-04", "0001-01-01"),
    ],
)
def test_lookback(newest: Any, days: int, today: Any, first: str) -> None:
    """The newest stored days are requested again, followed by the missing days up to today."""
    period = lookback(newest, days, today=today)
    assert period == (date.fromisoformat(first), date.fromisoformat(str(today)))


def test_lookback_ends_today() -> None:
    """By default it ends with today, in UTC."""
    before = datetime.now(UTC).date()
    first, last = lookback(before - timedelta(days=2), 1)
    assert before <= last <= datetime.now(UTC).date()
    assert first == before - timedelta(days=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("2026-11-22", 1, "2026-11-21"), "newest is 2026-11-22, which is after 2026-11-21"),
        (("2026-11-21", 0, "2026-11-21"), "there is nothing left to request"),
        (("yesterday", 1, "2026-11-21"), "newest is 'yesterday'"),
        (("2026-11-18", -1, "2026-11-21"), "days is -1"),
        (("2026-11-18", 1.5, "2026-11-21"), "days is 1.5"),
        (("2026-11-18", True, "2026-11-21"), "days is True"),
        (("2026-11-18", 1, "today"), "today is 'today'"),
        ((datetime(2026, 11, 18, 5, tzinfo=UTC), 1, "2026-11-21"), "newest is"),
    ],
    ids=str,
)
def test_wrong_lookbacks(arguments: Any, message: str) -> None:
    """Arguments that make no range are refused."""
    newest, days, today = arguments
    with pytest.raises(ConfigurationError, match=message):
        lookback(newest, days, today=today)


async def test_restated_figures_are_read_again(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """The range of `lookback` is one that reports take, windows too."""
    period = lookback("2026-02-01", 3, today=LAST)
    report = await adjust.reports.fetch(**QUERY | {"date_period": period}, app_tokens=emulator.app_tokens[0], window=2)
    assert [row["day"] for row in report.rows()] == [date(2026, 1, 30) + timedelta(days=number) for number in range(6)]
