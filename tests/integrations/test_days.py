"""The days that a load requests."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from adjust_async.integrations.days import Days, Loaded, restated_for

START, END = date(2026, 1, 1), date(2026, 3, 31)


def days(**changes: object) -> Days:
    """Return the days of a table, with some of them changed."""
    given_days: dict[str, object] = {
        "start": START,
        "end": END,
        "restated": 7,
        "breakdown": ("day", "network"),
        "figures": ("installs",),
    }
    return Days(**{**given_days, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (["installs"], 7),
        (["installs", "retention_rate_d30"], 37),
        (["retention_rate_D0"], 7),
        (["revenue_w2"], 7 + 20),
        (["revenue_m1"], 7 + 61),
        (["purchase_d7_events_cohort"], 14),
        (["level_d7_reached"], 7),
    ],
)
def test_figures_of_a_cohort_are_restated_for_longer(figures: list[str], expected: int) -> None:
    """The last day of the longest cohort comes before the days for which all figures are restated."""
    assert restated_for(figures, 7) == expected


def test_a_first_load_asks_for_all_days() -> None:
    """Nothing is stored, so all days are requested."""
    assert days().to_ask(None) == (START, END)


def test_a_second_load_asks_again_for_the_restated_days() -> None:
    """The last stored days, then the new ones."""
    loaded = days().after(None, date(2026, 2, 10))
    assert loaded["newest"] == "2026-02-10"
    assert days().to_ask(loaded) == (date(2026, 2, 4), END)
    assert days(restated=0).to_ask(loaded) == (date(2026, 2, 11), END)
    assert days(restated=0, end=date(2026, 2, 10)).to_ask(loaded) is None
    assert days(restated=500).to_ask(loaded) == (START, END)


@pytest.mark.parametrize(
    "changes",
    [
        {"figures": ("installs", "cost")},
        {"breakdown": ("day",)},
        {"start": date(2025, 12, 1)},
        {"start": date(2026, 3, 1)},
    ],
)
def test_changes_of_the_table_request_all_days(changes: dict[str, object]) -> None:
    """A new metric, other dimensions, an earlier start, and days that are not adjacent to the stored ones."""
    loaded = days().after(None, date(2026, 2, 10))
    changed = days(**changes)
    assert changed.to_ask(loaded) == (changed.start, END)
    assert changed.after(loaded, END)["start"] == changed.start.isoformat()


def test_fewer_metrics_request_nothing_again() -> None:
    """A metric that returns after it was dropped is new."""
    both = days(figures=("installs", "cost"))
    one = days().after(both.after(None, END), END)
    assert days().to_ask(one) == (END - timedelta(days=6), END)
    assert both.to_ask(one) == (START, END)


def test_a_day_that_is_not_over_does_not_count() -> None:
    """Today's figures are requested again tomorrow, even if nothing is restated."""
    today = datetime.now(UTC).date()
    whole = days(end=None, restated=0)
    loaded = whole.after(None, today)
    assert loaded["newest"] < today.isoformat()
    asked = whole.to_ask(loaded)
    assert asked is not None
    assert asked[0] <= today


@given(
    st.lists(st.tuples(st.dates(START, END), st.dates(START, END), st.integers(0, 40)), min_size=1, max_size=8),
)
def test_no_day_is_ever_left_out(loads: list[tuple[date, date, int]]) -> None:
    """Whatever ranges were loaded before, the next load of a range completes it."""
    stored: set[date] = set()
    loaded: Loaded | None = None
    for one, other, restated in loads:
        asked_for = days(start=min(one, other), end=max(one, other), restated=restated)
        if period := asked_for.to_ask(loaded):
            stored |= {period[0] + timedelta(days=number) for number in range((period[1] - period[0]).days + 1)}
            loaded = asked_for.after(loaded, period[1])
        whole = {min(one, other) + timedelta(days=number) for number in range(abs((other - one).days) + 1)}
        assert whole <= stored
