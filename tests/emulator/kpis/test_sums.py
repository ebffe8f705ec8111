from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import given, settings, strategies as st

from adjust_async.emulator import Emulator
from tests.emulator.kpis.results import Leaf, app_tokens, csv_rows, get, leaves, level_keys, serving

ADDITIVE = (
    "impressions,clicks,installs,reattributions,reinstalls,uninstalls,deattributions,sessions,events,first_events,"
    "revenue_events"
)
MONEY = "revenue,cost,ad_revenue,cohort_revenue"
GROUPINGS = (
    "apps", "trackers", "networks", "campaigns", "adgroups", "creatives", "hour", "day", "week", "month", "countries",
    "region", "device_types", "os_names", "partners",
)  # fmt: skip
TIMES = {"hour", "day", "week", "month"}
REPORTS = ("", "/events", "/cohorts", "/skadnetwork")

groupings = st.lists(st.sampled_from(GROUPINGS), min_size=1, max_size=3, unique=True).filter(
    lambda names: len(TIMES.intersection(names)) <= 1
)
offsets = st.sampled_from(["00:00", "+05:30", "-03:00", "+14:00", "-09:45"])
january = st.integers(1, 31).map(lambda day: date(2026, 1, day))
ranges = st.tuples(january, january).map(sorted)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of an emulator with few apps and much variety."""
    emulator = Emulator(apps=3, trackers_per_app=60, facts_per_day=15, today=date(2026, 2, 10), seed=3)
    with serving(emulator) as client:
        yield client


def totals(rows: list[Leaf]) -> list[float]:
    """Add up the leaves, column by column, with money in whole minor units so that nothing is rounded."""
    values = [[round(value * 100) if isinstance(value, float) else value for value in row] for _, row in rows]
    return [sum(column) for column in zip(*values, strict=True)]


def query(range_: list[date], offset: str = "00:00", **parameters: str) -> dict[str, str]:
    """Spell the parameters of a query."""
    first, last = range_
    return {"start_date": str(first), "end_date": str(last), "utc_offset": offset, **parameters}


@settings(max_examples=60, deadline=None)
@given(names=groupings, range_=ranges, offset=offsets, source=st.sampled_from(["dynamic", "first"]))
def test_groupings_add_up(client: httpx.Client, names: list[str], range_: list[date], offset: str, source: str) -> None:
    """However figures are grouped, additive KPIs add up to those of the app, exactly."""
    app = app_tokens(client)[0]
    parameters = query(range_, offset, kpis=f"{ADDITIVE},{MONEY}", attribution_source=source)
    whole = leaves(get(client, app, grouping="apps", **parameters))
    parts = leaves(get(client, app, grouping=",".join(names), **parameters))
    assert totals(parts) == totals(whole)
    assert len({path for path, _ in parts}) == len(parts)


@settings(max_examples=30, deadline=None)
@given(range_=ranges, cut=january, offset=offsets)
def test_days_partition(client: httpx.Client, range_: list[date], cut: date, offset: str) -> None:
    """The days of two halves of a range are those of the full range, whatever the offset."""
    app = app_tokens(client)[1]
    first, last = range_
    cut = min(max(cut, first), last)
    ask = {"kpis": ADDITIVE, "grouping": "day"}
    whole = leaves(get(client, app, **query([first, last], offset, **ask)))
    begin = leaves(get(client, app, **query([first, cut], offset, **ask)))
    end = [
        leaf
        for leaf in leaves(get(client, app, **query([cut, last], offset, **ask)))
        if leaf[0][0] != str(cut)
    ]  # fmt: skip
    assert begin + end == whole


@pytest.mark.parametrize(
    ("filter_", "grouping", "report"),
    [
        ("countries", "countries", ""),
        ("os_names", "os_names", ""),
        ("device_types", "device_types", ""),
        ("regions", "regions", ""),
        ("tracker_filter", "networks", ""),
        ("tracker_filter", "networks", "/cohorts"),
        ("events", "events", "/events"),
        ("events", "events", "/cohorts"),
        ("countries", "countries", "/skadnetwork"),
    ],
)
def test_filters_partition(client: httpx.Client, filter_: str, grouping: str, report: str) -> None:
    """Filtering by an element returns the figures that grouping shows for it, so filters partition the whole."""
    path = app_tokens(client)[0] + report
    parameters = query([date(2026, 1, 1), date(2026, 1, 20)])
    grouped = leaves(get(client, path, grouping=grouping, **parameters))
    elements = dict.fromkeys(path[0] for path, _ in grouped)
    assert len(elements) > 1
    for element in elements:
        filtered = leaves(get(client, path, grouping=grouping, **parameters, **{filter_: element}))
        assert filtered == [leaf for leaf in grouped if leaf[0][0] == element]
    both = ",".join(list(elements)[:2])
    filtered = leaves(get(client, path, grouping=grouping, **parameters, **{filter_: both}))
    assert {leaf[0][0] for leaf in filtered} == set(list(elements)[:2])


@pytest.mark.parametrize(
    ("name", "parts", "whole"),
    [("attribution_type", ["impression", "click"], "all"), ("reattributed", ["true", "false"], "all")],
)
def test_kinds_of_attribution_partition(client: httpx.Client, name: str, parts: list[str], whole: str) -> None:
    """Clicks and impressions make up all attributions; reattributed users and the others make up all users."""
    app = app_tokens(client)[0]

    def ask(value: str) -> list[float]:
        return totals(leaves(get(client, app, grouping="apps", kpis=f"{ADDITIVE},{MONEY}", **{name: value})))

    first, second, both = ask(parts[0]), ask(parts[1]), ask(whole)
    assert [a + b for a, b in zip(first, second, strict=True)] == both
    assert 0 < sum(first) < sum(second)


@settings(max_examples=60, deadline=None)
@given(
    names=groupings,
    range_=ranges,
    report=st.sampled_from(REPORTS),
    offset=offsets,
    several=st.booleans(),
    by_suffix=st.booleans(),
)
def test_csv_has_the_leaves(
    client: httpx.Client, names: list[str], range_: list[date], report: str, offset: str, several: bool, by_suffix: bool
) -> None:
    """The rows of a CSV are the leaves of the JSON: the same elements, the same values, in the same order."""
    apps = app_tokens(client)
    path = ",".join(apps[:2] if several else apps[:1]) + report
    parameters = query(range_, offset, grouping=",".join(names))
    document = get(client, path, **parameters)
    response = client.get(
        f"/kpis/v1/{path}{'.csv' if by_suffix else ''}",
        params=parameters,
        headers={} if by_suffix else {"Accept": "text/csv"},
    )
    header, *rows = csv_rows(response.text)
    kpis: list[str] = document["result_parameters"]["kpis"]
    assert header[-len(kpis) :] == kpis
    assert len(set(header)) == len(header)
    expected = leaves(document)
    assert [[number(cell) for cell in row[-len(kpis) :]] for row in rows] == [list(values) for _, values in expected]
    for row, (path_, _) in zip(rows, expected, strict=True):
        cells = row[: -len(kpis)]
        # One tracker_token stands for all levels of trackers: every other part of the path has a cell of its own.
        assert set(cells) & set(path_)
        assert {"trackers", "networks", "campaigns", "adgroups", "creatives"} & set(level_keys(document)) or set(
            path_
        ) <= set(cells)


def number(cell: str) -> Any:
    """Read a cell as JSON would have it."""
    if not cell:
        return None
    return float(cell) if "." in cell or "e" in cell else int(cell)


@settings(max_examples=40, deadline=None)
@given(names=groupings, report=st.sampled_from(REPORTS), range_=ranges)
@pytest.mark.slow
def test_several_apps_are_the_single_ones(
    client: httpx.Client, names: list[str], report: str, range_: list[date]
) -> None:
    """An answer for several apps has the leaves of the answers for each of them."""
    apps = app_tokens(client)
    names = ["apps", *(name for name in names if name != "apps")]
    parameters = query(range_, grouping=",".join(names))
    together = leaves(get(client, ",".join(apps) + report, **parameters))
    assert together == [leaf for app in apps for leaf in leaves(get(client, app + report, **parameters))]
    implied = get(client, ",".join(apps) + report, **parameters | {"grouping": ",".join(names[1:])})
    if names[1:]:
        assert leaves(implied) == together


def test_distinct_users_do_not_add_up(client: httpx.Client) -> None:
    """Users of several countries, days or trackers are fewer than the sum, and no fewer than the most of one."""
    app = app_tokens(client)[0]
    parameters = query([date(2026, 1, 1), date(2026, 1, 28)], kpis="daus,waus,maus")
    ((_, whole),) = leaves(get(client, app, grouping="apps", **parameters))
    assert whole[0] < whole[1] < whole[2]
    for grouping in "countries", "trackers", "os_names":
        columns = list(zip(*(row for _, row in leaves(get(client, app, grouping=grouping, **parameters))), strict=True))
        # Monthly users overlap enough that rounding can not hide it.
        assert max(columns[2]) <= whole[2] < sum(columns[2])
        assert max(columns[0]) <= whole[0]
    days = [row for _, row in leaves(get(client, app, grouping="day", **parameters))]
    assert sum(row[0] for row in days) > whole[2]


def test_rates_come_from_their_parts(client: httpx.Client) -> None:
    """A rate is its numerator by its denominator in every leaf, and null if the denominator is zero."""
    app = app_tokens(client)[0]
    kpis = "installs,clicks,impressions,click_conversion_rate,ctr,impression_conversion_rate"
    rows = [row for _, row in leaves(get(client, app, grouping="trackers,day", kpis=kpis))]
    for installs, clicks, impressions, *rates in rows:
        pairs = ((installs, clicks), (clicks, impressions), (installs, impressions))
        assert rates == [round(above / below, 6) if below else None for above, below in pairs]
    assert any(None in row for row in rows)
    assert any(None not in row for row in rows)
