"""Queries to the KPI Service for tests: checked, encoded, and refused."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from adjust_async._figures.encoding import encode_query
from adjust_async.errors import ConfigurationError
from adjust_async.kpis.parameters import Endpoint, check_query as check_typed

DAYS: dict[str, Any] = {"start_date": "2026-01-01", "end_date": "2026-01-31"}


ENDPOINTS: tuple[Endpoint, ...] = ("deliverables", "events", "cohorts", "skadnetwork")


D, E, C, S = ENDPOINTS


#: From the documentation: the endpoints of each parameter, a valid value, and its encoding.
DOCUMENTED: list[tuple[str, set[Endpoint], object, str]] = [
    ("utc_offset", {D, E, C, S}, "+05:30", "+05:30"),
    ("kpis", {D, E, C, S}, ["installs", "clicks"], "installs,clicks"),
    ("sandbox", {D, E, C, S}, True, "true"),
    ("human_readable_kpis", {D, E, C, S}, False, "false"),
    ("countries", {D, E, C, S}, ["DE", "us"], "de,us"),
    ("os_names", {D, E, C, S}, ["iOS"], "ios"),
    ("device_types", {D, E, C, S}, ("Phone", "tablet"), "phone,tablet"),
    ("grouping", {D, E, C, S}, ["trackers", "day"], "trackers,day"),
    ("attribution_type", {D, E, C, S}, "all", "all"),
    ("tracker_filter", {D, E, C}, ["aBc1"], "aBc1"),
    ("attribution_source", {D, E, S}, "first", "first"),
    ("reattributed", {D, C}, "all", "all"),
    ("reattributed", {D, C}, True, "true"),
    ("event_kpis", {D}, ["all_events|revenue", "abc_events"], "all_events|revenue,abc_events"),
    ("regions", {D, S}, ["+eu", "-na", "Asia"], "+eu,-na,Asia"),
    ("cohort_revenue_period", {D}, 7, "7"),
    ("events", {E, C}, ["abc123", "0"], "abc123,0"),
    ("partner_ids", {E}, [174, "-300"], "174,-300"),
    ("period", {C}, "week", "week"),
    ("day_def", {C}, "24h", "24h"),
    ("cohort_period_filter", {C}, "0-7", "0-7"),
    ("impression_based", {C}, False, "false"),
    ("impression_based", {C}, "yes", "yes"),
]


HOME: dict[str, Endpoint] = {
    name: next(endpoint for endpoint in ENDPOINTS if endpoint in takes) for name, takes, _, _ in DOCUMENTED
}


def refusal(ask: Callable[[], object]) -> str:
    """Return the message with which a query is refused."""
    with pytest.raises(ConfigurationError) as caught:
        ask()
    return str(caught.value)


def refused(name: str, value: object) -> str:
    """Return the message with which a value of a parameter is refused."""
    return refusal(lambda: check_query(HOME.get(name, D), {**DAYS, name: value}, None))


def check_query(endpoint: Any, query: Mapping[str, Any], further: Any) -> dict[str, str]:
    """Return all parameters of a query as text."""
    _, period, values = check_typed(endpoint, query, further)
    return encode_query({"start_date": period.start, "end_date": period.end, **values})
