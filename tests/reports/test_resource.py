"""The figures of the Report Service, over real sockets against the emulator."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from adjust_async import (
    AsyncAdjust,
    ConfigurationError,
)
from adjust_async.emulator import Emulator
from tests.reports.sockets import DATES, FIRST, LAST

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=5, trackers_per_app=50, facts_per_day=20),
    pytest.mark.settings(max_attempts=2),
    pytest.mark.usefixtures("quick_retries"),
]


KPI_DATES: Any = {"start_date": DATES[0], "end_date": DATES[1]}


COUNTED = ["installs", "clicks", "sessions"]


async def own(emulator: Emulator, path: str = "report", **params: str) -> Any:
    """Ask the emulator with plain httpx."""
    headers = {"Authorization": f"Bearer {emulator.token}"}
    async with httpx.AsyncClient(base_url=emulator.url, headers=headers, verify=False, timeout=30) as plain:
        response = await plain.get(f"/reports-service/{path}", params={"format_dates": "false", **params})
        assert response.status_code == 200, response.text
        return response.json()


def counted(rows: Any, *columns: str) -> Counter[tuple[str, ...]]:
    """Return some cells of rows as texts, in any order of the rows."""
    return Counter(tuple(str(row[column]) for column in columns) for row in rows)


def cells(rows: Any) -> Counter[tuple[Any, ...]]:
    """Return rows in any order of rows and columns."""
    return Counter(tuple(sorted((name, repr(cell)) for name, cell in row.items())) for row in rows)


# The same figures by both services.


PAIRS = [
    (["day"], ["date"], ["day"]),
    (["hour"], ["date"], ["hour"]),
    (["networks"], ["network_name"], ["network"]),
    (["networks", "day"], ["network_name", "date"], ["network", "day"]),
    (["os_names", "device_types"], ["os_name", "device_type"], ["os_name", "device_type"]),
    (["countries", "day"], ["country", "date"], ["country_code", "day"]),
]


@pytest.mark.parametrize(("grouping", "of_kpis", "dimensions"), PAIRS, ids=[",".join(pair[2]) for pair in PAIRS])
@pytest.mark.parametrize("window", [None, 3])
async def test_both_services_return_the_same_figures(
    adjust: AsyncAdjust,
    emulator: Emulator,
    grouping: list[str],
    of_kpis: list[str],
    dimensions: list[str],
    window: int | None,
) -> None:
    """For the same apps and days, the Report Service has the installs, clicks and sessions of the KPI Service."""
    split: Any = {"window": window if {"day", "hour"} & set(dimensions) else None}
    tokens = emulator.app_tokens
    kpis = await adjust.kpis.deliverables(tokens, kpis=COUNTED, grouping=grouping, **KPI_DATES, **split)
    report = await adjust.reports.fetch(
        app_tokens=tokens,
        dimensions=dimensions,
        metrics=COUNTED,
        date_period=DATES,
        attribution_types=["click"],  # which the KPI Service counts by default
        **split,
    )
    of_reports = counted(report.rows(), "app_token", *dimensions, *COUNTED)
    assert of_reports == counted(kpis.rows(), "app_token", *of_kpis, *COUNTED)
    assert len(of_reports) > 10


@pytest.mark.parametrize("utc_offset", ["+05:30", "-08:00"])
async def test_both_services_begin_the_day_at_the_same_offset(
    adjust: AsyncAdjust, emulator: Emulator, utc_offset: str
) -> None:
    """An offset moves the days of both in the same way."""
    tokens = emulator.app_tokens[:2]
    kpis = await adjust.kpis.deliverables(tokens, kpis=COUNTED, grouping=["day"], utc_offset=utc_offset, **KPI_DATES)
    report = await adjust.reports.fetch(
        app_tokens=tokens,
        dimensions=["day"],
        metrics=COUNTED,
        date_period=DATES,
        utc_offset=utc_offset,
        attribution_types=["click"],
    )
    assert counted(report.rows(), "app_token", "day", *COUNTED) == counted(kpis.rows(), "app_token", "date", *COUNTED)


# The same figures in parts.


SHAPES = [
    (["day"], ["installs", "cost", "daus", "retention_rate_d1"]),
    (["network", "country"], ["installs", "revenue", "ecpi"]),
    (["hour", "os_name"], ["sessions", "ctr"]),
    (["month", "campaign", "partner_id"], ["clicks", "network_cost", "roas_d7"]),
]


@pytest.mark.parametrize(("dimensions", "metrics"), SHAPES, ids=[",".join(shape[0]) for shape in SHAPES])
async def test_apps_by_themselves_are_the_rows_of_all(
    adjust: AsyncAdjust, emulator: Emulator, dimensions: list[str], metrics: list[str]
) -> None:
    """Joining one request per app returns the rows of one request with `app_token` as a dimension."""
    query: Any = {"metrics": metrics, "date_period": DATES, "app_tokens": emulator.app_tokens}
    whole = await adjust.reports.fetch(**query, fan_out="none", dimensions=["app_token", *dimensions])
    emulator.stats.reset()
    split = await adjust.reports.fetch(**query, dimensions=dimensions)
    assert emulator.stats.requests == {"GET /reports-service/report": 5}
    assert split.columns == whole.columns == ("app_token", *dimensions, *metrics)
    assert split.schema == whole.schema
    assert cells(split.rows()) == cells(whole.rows())
    named = await adjust.reports.fetch(**query, dimensions=[*dimensions, "app_token"])
    assert cells(named.rows()) == cells(whole.rows())
    order = list(dict.fromkeys(row["app_token"] for row in split.rows()))
    assert order == emulator.app_tokens


@pytest.mark.parametrize(
    ("window", "requests"), [("day", 10), ("week", 2), ("month", 2), (3, 4), (10, 1), (366, 1)], ids=str
)
@pytest.mark.parametrize("dimensions", [["day"], ["network", "day"], ["day", "country", "app"], ["hour"]], ids=",".join)
async def test_windows_join_to_the_whole(
    adjust: AsyncAdjust, emulator: Emulator, window: Any, requests: int, dimensions: list[str]
) -> None:
    """A range split into windows returns the same rows as the whole range, including rates and users."""
    query: Any = {
        "dimensions": dimensions,
        "metrics": ["installs", "daus", "ctr", "retention_rate_d1"],
        "date_period": DATES,
        "app_tokens": emulator.app_tokens[:2],
    }
    whole = await adjust.reports.fetch(**query)
    emulator.stats.reset()
    split = await adjust.reports.fetch(**query, window=window)
    assert emulator.stats.total == 2 * requests
    assert cells(split.rows()) == cells(whole.rows())
    assert split.schema == whole.schema
    if dimensions[0] in {"day", "hour"}:
        assert list(split.rows()) == list(whole.rows())


@pytest.mark.parametrize("unit", ["week", "month"])
async def test_windows_of_a_unit_join_by_that_unit(adjust: AsyncAdjust, emulator: Emulator, unit: Any) -> None:
    """By weeks, windows of weeks are exact, also the broken ones at both ends; by months, those of months."""
    query: Any = {"dimensions": [unit], "metrics": ["installs", "waus", "maus"], "date_period": ("2026-01-07", LAST)}
    whole = await adjust.reports.fetch(**query, app_tokens=emulator.app_tokens)
    split = await adjust.reports.fetch(**query, app_tokens=emulator.app_tokens, window=unit)
    assert list(split.rows()) == list(whole.rows())
    assert len(split.parts) == 5 * (5 if unit == "week" else 2)


async def test_totals_are_the_services_own(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Each part has the service's totals for that query, which need not be the sum of its rows."""
    metrics = ["installs", "daus", "ctr", "cost"]
    query: Any = {"dimensions": ["day"], "metrics": metrics, "date_period": DATES}
    tokens = emulator.app_tokens[:3]
    split = await adjust.reports.fetch(**query, app_tokens=tokens, window=5)
    assert len(split.parts) == 6
    params = {"dimensions": "day", "metrics": ",".join(metrics)}
    for part in split.parts:
        document = await own(emulator, **params, date_period=part.date_period or "", app_token__in=part.app_token or "")
        assert part.totals == document["totals"]
        assert part.totals["daus"] != sum(float(row["daus"]) for row in part.rows)
        assert [dict(row) for row in part.rows] == [
            {key: cell for key, cell in row.items() if key != "attr_dependency"} for row in document["rows"]
        ]
    with pytest.raises(ConfigurationError, match="totals are not additive"):
        _ = split.totals
    whole = await adjust.reports.fetch(**query, app_tokens=tokens, fan_out="none")
    document = await own(emulator, **params, date_period=f"{FIRST}:{LAST}", app_token__in=",".join(tokens))
    assert whole.totals == document["totals"]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    apps=st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True),
    dimensions=st.lists(
        st.sampled_from(["network", "country", "os_name", "partner_id", "campaign", "app", "device_type"]),
        max_size=2,
        unique=True,
    ),
    metrics=st.lists(
        st.sampled_from(["installs", "cost", "daus", "ctr", "roas_d3", "events", "network_installs_diff"]),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    window=st.sampled_from([None, "day", "week", "month", 2, 7]),
    utc_offset=st.sampled_from([None, "+05:30", "-11:00"]),
)
def test_any_split_is_the_whole(
    apps: list[int], dimensions: list[str], metrics: list[str], window: Any, utc_offset: str | None
) -> None:
    """However a question is split, rows, CSV and schema are those of one request for all."""

    async def ask() -> None:
        async with (
            Emulator(apps=3, trackers_per_app=20, facts_per_day=8) as emulator,
            AsyncAdjust(emulator.token, api_url=emulator.url) as adjust,
        ):
            tokens = [emulator.app_tokens[number] for number in apps]
            query: Any = {"metrics": metrics, "date_period": DATES, "app_tokens": tokens, "utc_offset": utc_offset}
            by_day = [*dimensions, "day"]
            split = await adjust.reports.fetch(**query, dimensions=by_day, window=window)
            whole = await adjust.reports.fetch(**query, dimensions=["app_token", *by_day], fan_out="none")
            assert cells(split.rows()) == cells(whole.rows())
            assert split.schema == whole.schema
            rows = [row async for row in adjust.reports.iter_csv(**query, dimensions=["app_token", *by_day])]
            assert rows == list(whole.rows())

    asyncio.run(ask())


async def test_an_empty_report_has_the_schema_of_a_full_one(adjust: AsyncAdjust) -> None:
    """For the metrics that the service lists, a report without rows has the columns and kinds of one with rows."""
    lists = await adjust.reports.filters(
        ["overview_metrics", "cost_metrics", "skad_metrics", "cohort_metrics", "event_metrics"]
    )
    metrics = [value.id for name in ("overview_metrics", "cost_metrics", "skad_metrics") for value in lists[name]]
    metrics += [value.id for value in lists["cohort_metrics"] if value.id.endswith(("_d0", "_w3", "_m36"))]
    metrics += [value.id for value in lists["event_metrics"] if not value.id.endswith("cohort")]
    metrics += [value.id for value in lists["event_metrics"] if value.id.endswith("_d2_events_cohort")]
    assert len(metrics) > 150
    query: Any = {"dimensions": ["day", "network"], "metrics": metrics, "date_period": (FIRST, "2026-01-28")}
    full = await adjust.reports.fetch(**query)
    empty = await adjust.reports.fetch(**query, filters={"country_code__in": ["zz"]})
    assert list(full.rows())
    assert list(empty.rows()) == []
    assert empty.totals == {}
    assert empty.schema == full.schema
    assert empty.to_arrow().schema == full.to_arrow().schema


# Pivots.


async def test_totals_of_a_pivot_are_the_services_own(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A pivot has the rows of the report, and the service's totals for each value of its index."""
    tokens = emulator.app_tokens[:2]
    query: Any = {"dimensions": ["app_token", "day"], "metrics": ["installs", "daus"], "date_period": DATES}
    pivot = await adjust.reports.pivot(**query, app_tokens=tokens, index=["app_token"])
    report = await adjust.reports.fetch(**query, app_tokens=tokens, fan_out="none")
    assert cells(pivot.rows()) == cells(report.rows())
    assert pivot.totals == report.totals
    assert [total["app_token"] for total in pivot.index_totals] == list(pivot.totals_per_dimension["app_token"])
    document = await own(
        emulator,
        "pivot_report",
        dimensions="app_token,day",
        metrics="installs,daus",
        date_period=f"{FIRST}:{LAST}",
        app_token__in=",".join(tokens),
        index="app_token",
    )
    assert pivot.totals_per_dimension == document["totals_per_dimension"]
    assert set(pivot.totals_per_dimension["app_token"]) == set(tokens)
    assert emulator.stats.requests["GET /reports-service/pivot_report"] == 2
