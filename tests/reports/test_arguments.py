"""Wrong arguments of reports are refused before anything is sent."""

import inspect
import pickle
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from adjust_async import (
    AsyncAdjust,
    ConfigurationError,
)
from adjust_async.reports.resource import Reports
from tests.reports.sockets import QUERY

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=5, trackers_per_app=50, facts_per_day=20),
    pytest.mark.settings(max_attempts=2),
    pytest.mark.usefixtures("quick_retries"),
]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("fetch", {"limit": 5, "fan_out": "app", "app_tokens": ["a", "b"]}, "limit is passed for a report in parts"),
    ("fetch", {"sort": ["day"], "window": "day"}, "sort is passed for a report in parts"),
    ("fetch", {"limit": 3, "window": 2, "app_tokens": "a"}, "limit is passed for a report in parts"),
    ("fetch", {"index": ["day"], "window": 2}, "index is passed for a report in parts"),
    ("stream", {"sort": ["day"], "app_tokens": ["a", "b"]}, "sort is passed for a report in parts"),
    ("stream", {"limit": 5, "app_tokens": ["a", "b"]}, "limit is passed for a report in parts"),
    ("fetch", {"window": "week", "dimensions": ["app"]}, "windows are joined, never summed"),
    ("fetch", {"window": "week", "dimensions": ["month"]}, "windows are joined, never summed"),
    ("fetch", {"window": 7, "dimensions": ["week"]}, "windows are joined, never summed"),
    ("fetch", {"window": "month", "dimensions": ["week", "quarter", "year"]}, "windows are joined, never summed"),
    ("fetch", {"window": "day", "date_period": "-10d:-1d"}, "date_period is '-10d:-1d': pass two dates"),
    ("fetch", {"window": "day", "date_period": "last_month"}, "date_period is 'last_month': pass two dates"),
    ("fetch", {"window": "day", "date_period": "2026-01-01:-1d"}, "pass two dates"),
    ("fetch", {"window": "fortnight"}, "window is 'fortnight'"),
    ("fetch", {"window": 0}, "window is 0"),
    ("fetch", {"window": True}, "window is True"),
    ("fetch", {"window": 367}, "window is 367"),
    ("fetch", {"app_tokens": "a", "filters": {"app_token__in": ["b"]}}, "filters holds 'app_token__in'"),
    ("fetch", {"fan_out": "app"}, "fan_out is 'app', but app_tokens is missing"),
    ("fetch", {"fan_out": "app", "filters": {"app_token__in": ["b"]}}, "app_tokens is missing"),
    ("fetch", {"fan_out": "day"}, "fan_out is 'day': pass 'app' or 'none'"),
    ("fetch", {"fan_out": ["app"]}, "fan_out is"),
    ("fetch", {"on_failure": "ignore"}, "on_failure is 'ignore': pass 'raise' or 'keep'"),
    ("fetch", {"on_failure": None}, "on_failure is None"),
    ("fetch", {"attr_dependency": "all"}, "attr_dependency is 'all'"),
    ("pivot", {}, "index is missing"),
    ("pivot", {"index": None}, "index is missing"),
    ("pivot", {"index": []}, "index is empty"),
    ("pivot", {"index": "day"}, "index is the text 'day'"),
    ("pivot", {"index": ["day"], "window": "day"}, "window is not a parameter of this kind of report"),
    ("fetch", {"app_tokens": []}, "app_tokens is empty"),
    ("fetch", {"app_tokens": ["a", "a"]}, "app_tokens has 'a' twice"),
    ("fetch", {"app_tokens": "a,b"}, "app_tokens is 'a,b'"),
    ("fetch", {"app_tokens": [3]}, "app_tokens is 3"),
    ("stream", {"app_tokens": []}, "app_tokens is empty"),
    ("fetch", {"dimensions": None}, "dimensions is missing"),
    ("fetch", {"metrics": []}, "metrics is empty"),
    ("fetch", {"metrics": "installs"}, r"pass a list, such as \['installs'\]"),
    ("fetch", {"metrics": {"installs"}}, "metrics is a set"),
    ("fetch", {"metrics": ["installs,clicks"]}, "pass each name as a separate text"),
    ("fetch", {"metrics": ["a_d7", "a_D7"]}, "metrics has 'a_D7', which is in metrics already"),
    ("fetch", {"metrics": ["day"]}, "metrics has 'day', which is in dimensions already"),
    ("fetch", {"date_period": None}, "date_period is missing"),
    ("fetch", {"date_period": "last_7_days"}, "which the service refuses"),
    ("fetch", {"date_period": "2026-02-30:2026-03-01"}, "date_period is '2026-02-30'"),
    ("fetch", {"date_period": "2026-02-02:2026-02-01"}, "before it begins"),
    ("fetch", {"date_period": (date(2026, 2, 2), "2026-02-01")}, "before it begins"),
    ("fetch", {"date_period": (date(2026, 2, 2),)}, "pass the first and the last day as a pair"),
    ("fetch", {"date_period": datetime(2026, 1, 1, tzinfo=UTC)}, "date_period is"),
    ("fetch", {"date_period": (datetime(2026, 1, 1, 1, tzinfo=UTC), "2026-01-02")}, r"date_period\[0\] is"),
    ("fetch", {"filters": ["a"]}, "filters is"),
    ("fetch", {"filters": {"campaign": "x"}}, "filters holds 'campaign'"),
    ("fetch", {"filters": {"campaign__like": "x"}}, "filters holds 'campaign__like'"),
    ("fetch", {"filters": {"__in": "x"}}, "filters holds '__in'"),
    ("fetch", {"filters": {3: "x"}}, "filters holds 3"),
    ("fetch", {"filters": {"installs__gte": "10"}}, r"filters\['installs__gte'\] is '10': pass a number"),
    ("fetch", {"filters": {"installs__gte": True}}, "pass a number"),
    ("fetch", {"filters": {"installs__gte": float("nan")}}, "pass a number"),
    ("fetch", {"filters": {"campaign__contains": ["a", "b"]}}, "pass a text"),
    ("fetch", {"filters": {"campaign__in": []}}, "is empty"),
    ("fetch", {"campaign__contains": "x"}, r"is a filter: pass filters=\{'campaign__contains'"),
    ("fetch", {"readable_names": True}, "readable_names is not a parameter of this report"),
    ("fetch", {"typo": 1}, r"pass parameters that Adjust added later as parameters=\{'typo'"),
    ("fetch", {"parameters": {"metrics": "x"}}, "which is a separate argument"),
    ("fetch", {"parameters": {"user_token": "x"}}, "the API token is sent in a header"),
    ("fetch", {"parameters": {"a b": "x"}}, "a name has letters"),
    ("fetch", {"parameters": ["x"]}, "parameters is"),
    ("fetch", {"hour__between": (8,)}, "hour__between is"),
    ("fetch", {"hour__between": (8, 24)}, r"hour__between\[1\] is 24"),
    ("fetch", {"utc_offset": "5"}, "utc_offset is '5'"),
    ("fetch", {"utc_offset": "+05:30", "timezone_id": "Europe/Berlin"}, "are both passed"),
    ("fetch", {"limit": 0}, "limit is 0"),
    ("fetch", {"limit": "5"}, "limit is '5'"),
    ("fetch", {"sort": ["-"]}, "sort is"),
    ("fetch", {"sandbox": "yes"}, "sandbox is 'yes'"),
]


@pytest.mark.parametrize(("ask", "query", "message"), WRONG, ids=[f"{ask} {query}" for ask, query, _ in WRONG])
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    ask: str, query: dict[str, Any], message: str
) -> None:
    """The error names the argument, its value, and a valid one."""
    seen: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(500)

    async with AsyncAdjust(
        "secret", http_client=httpx.AsyncClient(transport=httpx.MockTransport(refuse)), max_attempts=1
    ) as adjust:
        arguments = QUERY | query
        with pytest.raises(ConfigurationError, match=message) as raised:
            if ask == "stream":
                _ = [found async for found in adjust.reports.stream(**arguments)]
            else:
                await getattr(adjust.reports, ask)(**arguments)
    assert not seen
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


@pytest.mark.parametrize(
    "method", ["fetch", "stream", "pivot", "iter_csv", "download_csv", "read_parquet", "download_parquet"]
)
def test_each_parameter_is_described(method: str) -> None:
    """The class describes what the methods share, and each method its own arguments."""
    described = (inspect.getdoc(Reports) or "") + (inspect.getdoc(getattr(Reports, method)) or "")
    for name in inspect.signature(getattr(Reports, method)).parameters:
        assert name == "self" or name in described
