"""One question to the Report Service: the requests that go out for it."""

from datetime import date
from typing import Any

import pytest

from tests.clock import jumping_clock
from tests.reports.scripted import QUERY, report, sent, service

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


# What goes out.


async def test_the_parameters_on_the_wire() -> None:
    """Everything is sent by its name, lists joined, in the documented forms, and dates in ISO."""
    async with service(report()) as (adjust, script):
        await adjust.reports.fetch(
            dimensions=("day", "app"),
            metrics=["installs", "retention_rate_D7"],
            date_period=(date(2026, 1, 1), "2026-01-31"),
            filters={"campaign__contains": "a&b", "country__in": ["de", "us"], "installs__gte": 10, "cost__lt": 0.5},
            hour__between=(8, 17),
            utc_offset="+05:30",
            currency="EUR",
            cohort_maturity="mature",
            attribution_type="all",
            attribution_types=["click", "impression"],
            attribution_source="first",
            reattributed=True,
            os_names=["iOS"],
            sandbox=False,
            ad_spend_mode="mixed",
            ad_revenue_sources=["admob"],
            iap_revenue_mode="gross_85",
            period_over_period="previous_week",
            sort=["-installs", "day"],
            limit=7,
            include_attr_dependency=True,
            parameters={"new_thing": ["x", "y"], "other": False, "number": 3},
        )
    (request,) = script.requests
    assert request.url.path == "/reports-service/report"
    assert "utc_offset=%2B05%3A30" in str(request.url)
    assert dict(request.url.params) == {
        "dimensions": "day,app",
        "metrics": "installs,retention_rate_D7",
        "date_period": "2026-01-01:2026-01-31",
        "campaign__contains": "a&b",
        "country__in": "de,us",
        "installs__gte": "10",
        "cost__lt": "0.5",
        "hour__between": "8:17",
        "utc_offset": "+05:30",
        "currency": "EUR",
        "cohort_maturity": "mature",
        "attribution_type": "all",
        "attribution_types": "click,impression",
        "attribution_source": "first",
        "reattributed": "true",
        "os_names": "ios",
        "sandbox": "false",
        "ad_spend_mode": "mixed",
        "ad_revenue_sources": "admob",
        "iap_revenue_mode": "gross_85",
        "period_over_period": "previous_week",
        "sort": "-installs,day",
        "limit": "7",
        "include_attr_dependency": "true",
        "format_dates": "false",
        "new_thing": "x,y",
        "other": "false",
        "number": "3",
    }


FAN_OUTS: list[tuple[dict[str, Any], list[str | None]]] = [
    ({}, [None]),
    ({"fan_out": "none"}, [None]),
    ({"app_tokens": "a"}, ["a"]),
    ({"app_tokens": ["a", "b"]}, ["a", "b"]),
    ({"app_tokens": ["a", "b"], "fan_out": "app"}, ["a", "b"]),
    ({"app_tokens": ["a", "b"], "fan_out": "none"}, ["a,b"]),
    ({"app_tokens": ["a", "b"], "limit": 5}, ["a,b"]),
    ({"app_tokens": ["a", "b"], "sort": ["day"]}, ["a,b"]),
    ({"app_tokens": ["a", "b"], "index": ["day"]}, ["a,b"]),
    ({"app_tokens": "a", "limit": 5, "sort": ["day"]}, ["a"]),
    ({"app_tokens": ["a"], "limit": 5, "fan_out": "app"}, ["a"]),
    ({"filters": {"app_token__in": ["a", "b"]}}, ["a,b"]),
    ({"filters": {"app_token__not_in": ["c"]}, "app_tokens": ["a", "b"]}, ["a", "b"]),
]


@pytest.mark.parametrize(("query", "apps"), FAN_OUTS, ids=[str(query) for query, _ in FAN_OUTS])
async def test_requests_for_apps(query: Any, apps: list[str | None]) -> None:
    """Passed apps are requested one by one, unless that is switched off, or would cut each of them."""
    async with service(report()) as (adjust, script):
        answer = await adjust.reports.fetch(**QUERY | query)
    assert sent(script, "app_token__in") == [(app,) for app in apps]
    by_itself = "app_tokens" in query and all(app and "," not in app for app in apps)
    assert [part.app_token for part in answer.parts] == (apps if by_itself else [None])
    assert (answer.columns[0] == "app_token") is by_itself


WINDOWS: list[tuple[Any, list[str]]] = [
    ("week", ["2026-01-26:2026-01-31", "2026-02-01:2026-02-04"]),
    ("month", ["2026-01-26:2026-01-31", "2026-02-01:2026-02-04"]),
    (4, ["2026-01-26:2026-01-29", "2026-01-30:2026-02-02", "2026-02-03:2026-02-04"]),
    (366, ["2026-01-26:2026-02-04"]),
    (None, ["2026-01-26:2026-02-04"]),
]


@pytest.mark.parametrize(("window", "periods"), WINDOWS, ids=str)
async def test_requests_for_windows(window: Any, periods: list[str]) -> None:
    """A range is split by days, weeks from Sunday or months, for each app; parts tell their range."""
    async with service(report()) as (adjust, script):
        answer = await adjust.reports.fetch(**QUERY, app_tokens=["b", "a"], window=window)
    assert sent(script, "app_token__in", "date_period") == [(app, period) for app in "ab" for period in periods]
    assert [(part.app_token, part.date_period) for part in answer.parts] == [
        (app, period) for app in "ba" for period in periods
    ]


@pytest.mark.parametrize(("dimension", "window"), [("week", "week"), ("month", "month"), ("hour", 3), ("day", "month")])
async def test_windows_that_are_exact(dimension: str, window: Any) -> None:
    """A window is accepted if no row spans two of them."""
    async with service(report()) as (adjust, script):
        await adjust.reports.fetch(**QUERY | {"dimensions": ["app", dimension]}, window=window)
    assert len(script.requests) > 1


@pytest.mark.parametrize(
    ("wanted", "given", "sends"),
    [
        ("drop", None, "false"),
        ("columns", None, "true"),
        ("keep", None, "true"),
        ("drop", True, "true"),
        ("keep", False, "false"),
    ],
)
async def test_attr_dependency_is_requested_if_needed(wanted: Any, given: bool | None, sends: str) -> None:
    """`attr_dependency` tells the service whether to send it; `include_attr_dependency` overrides that."""
    async with service(report()) as (adjust, script):
        await adjust.reports.fetch(**QUERY, attr_dependency=wanted, include_attr_dependency=given)
    assert sent(script, "include_attr_dependency") == [(sends,)]
