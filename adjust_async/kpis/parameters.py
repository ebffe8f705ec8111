"""The parameters of the KPI Service: their types, and the endpoints that accept each.

Follows the table of query parameters in the KPI Service's documentation. Names of KPIs, groupings, countries and so on
are open lists: an account may have more than is documented, so unknown names are passed on unchanged.
"""

from calendar import SUNDAY
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import partial
from typing import Any, Literal, Required, TypeAlias, TypedDict

from adjust_async._checks import check_bool, shown
from adjust_async._figures.encoding import (
    Value,
    check_bool_or_text,
    check_date,
    check_days,
    check_further,
    check_ids,
    check_lower_names,
    check_names,
    check_offset,
    check_text,
)
from adjust_async._figures.windows import Period, check_window, split
from adjust_async._suggestions import did_you_mean, near_names
from adjust_async.errors import ConfigurationError

__all__ = [
    "ENDPOINTS",
    "CohortsQuery",
    "CommonQuery",
    "DeliverablesQuery",
    "Endpoint",
    "EventsQuery",
    "SKAdNetworkQuery",
    "check_query",
    "split_period",
]

Endpoint = Literal["deliverables", "events", "cohorts", "skadnetwork"]
Names: TypeAlias = Iterable[str]

ENDPOINTS: tuple[Endpoint, ...] = ("deliverables", "events", "cohorts", "skadnetwork")


class CommonQuery(TypedDict, total=False):
    """The parameters of every endpoint."""

    start_date: Required[date | str]
    end_date: Required[date | str]
    utc_offset: str | None
    kpis: Names | None
    sandbox: bool | None
    human_readable_kpis: bool | None
    countries: Names | None
    os_names: Names | None
    device_types: Names | None
    grouping: Names | None
    attribution_type: str | None


class DeliverablesQuery(CommonQuery, total=False):
    """The parameters of `KPIs.deliverables`."""

    tracker_filter: Names | None
    attribution_source: str | None
    reattributed: bool | str | None
    event_kpis: Names | None
    regions: Names | None
    cohort_revenue_period: int | None


class EventsQuery(CommonQuery, total=False):
    """The parameters of `KPIs.events`."""

    tracker_filter: Names | None
    attribution_source: str | None
    events: Names | None
    partner_ids: Iterable[str | int] | None


class CohortsQuery(CommonQuery, total=False):
    """The parameters of `KPIs.cohorts`. The last three are undocumented, but in use."""

    tracker_filter: Names | None
    reattributed: bool | str | None
    events: Names | None
    period: str | None
    day_def: str | None
    cohort_period_filter: str | None
    impression_based: bool | str | None


class SKAdNetworkQuery(CommonQuery, total=False):
    """The parameters of `KPIs.skadnetwork`."""

    attribution_source: str | None
    regions: Names | None


_CHECKS: Mapping[str, Callable[[object, str], Value]] = {
    "start_date": check_date,
    "end_date": check_date,
    "utc_offset": check_offset,
    "kpis": check_names,
    "sandbox": check_bool,
    "human_readable_kpis": check_bool,
    "countries": check_lower_names,
    "os_names": check_lower_names,
    "device_types": check_lower_names,
    "grouping": check_names,
    "attribution_type": check_text,
    "tracker_filter": check_names,
    "attribution_source": check_text,
    "reattributed": check_bool_or_text,
    "event_kpis": check_names,
    "regions": check_names,
    "cohort_revenue_period": check_days,
    "events": check_names,
    "partner_ids": check_ids,
    "period": check_text,
    "day_def": check_text,
    "cohort_period_filter": check_text,
    "impression_based": check_bool_or_text,
}

#: Arguments of the methods that are not parameters of the service.
_OWN = ("app_tokens", "tracker_token", "window", "on_failure", "parameters", "endpoint")

_QUERIES: Mapping[str, type] = {
    "deliverables": DeliverablesQuery,
    "events": EventsQuery,
    "cohorts": CohortsQuery,
    "skadnetwork": SKAdNetworkQuery,
}


def check_query(
    endpoint: object, query: Mapping[str, Any], further: Mapping[str, Any] | None
) -> tuple[Endpoint, Period, dict[str, Value]]:
    """Check a query. Return the endpoint, the days, and all other parameters.

    Args:
        endpoint: One of the four endpoints.
        query: The documented parameters; those that are `None` are left out.
        further: Parameters that this package does not know: texts, numbers, booleans, or lists of texts.

    Raises:
        ConfigurationError: A parameter is wrong, missing, or belongs to another endpoint.
    """
    __tracebackhide__ = True
    checked = _check_endpoint(endpoint)
    takes = _QUERIES[checked].__annotations__
    values: dict[str, Value] = {}
    for name, value in query.items():
        if name not in takes:
            raise ConfigurationError(f"{name} is not a parameter of {checked}: {_where(name, takes)}")
        if value is not None:
            values[name] = _CHECKS[name](value, name)
    period = Period(_take_date(values, "start_date"), _take_date(values, "end_date"))
    if period.end < period.start:
        raise ConfigurationError(f"end_date {period.end} is before start_date {period.start}: swap them")
    return checked, period, values | check_further(further, takes, partial(_misplaced, checked))


def _check_endpoint(endpoint: object) -> Endpoint:
    for known in ENDPOINTS:
        if isinstance(endpoint, str) and endpoint == known:
            return known
    raise ConfigurationError(f"endpoint is {shown(endpoint)}: pass one of {', '.join(ENDPOINTS)}")


def _take_date(values: dict[str, Value], name: str) -> date:
    value = values.pop(name, None)
    if not isinstance(value, date):
        raise ConfigurationError(f"{name} is missing: pass the first and the last day, both included")
    return value


def _misplaced(endpoint: Endpoint, name: str) -> str | None:
    return f"which is not a parameter of {endpoint}: {_where(name)}" if name in _CHECKS else None


def _where(name: str, takes: Iterable[str] = ()) -> str:
    endpoints = [endpoint for endpoint, query in _QUERIES.items() if name in query.__annotations__]
    if endpoints:
        return f"it is one of {', '.join(endpoints)}"
    if hint := did_you_mean(near_names(name, [*takes, *_OWN])):
        return hint
    return f"pass parameters that Adjust added later as parameters={{{name!r}: ...}}"


def split_period(period: Period, window: object, grouping: tuple[str, ...]) -> tuple[Period, ...]:
    """Split a range into windows; `None` does not split.

    Raises:
        ConfigurationError: The window is wrong, or the figures of its parts could not be joined exactly.
    """
    if window is None:
        return (period,)
    checked = check_window(window)
    levels = {name.strip().lower().removesuffix("s") for name in grouping}
    if not levels & {"day", "hour"} and not (checked == "month" and "month" in levels):
        given = ",".join(grouping) or "none"
        raise ConfigurationError(
            f"window is {checked!r}, but the grouping is {given!r}: windows are joined, never summed, because rates "
            "and distinct users don't add up. Group by 'day' or 'hour' (or by 'month', with window='month'), so that "
            "no figure spans two windows"
        )
    return tuple(split(period, checked, last_weekday=SUNDAY))
