"""The parameters of the KPI Service: their types, which endpoint takes which, and how each goes on the wire.

Follows the table of query parameters of the KPI Service's documentation. Names of KPIs, groupings, countries and the
like are open lists: an account may have more than is documented, so they are passed on as they are.
"""

from calendar import SUNDAY
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import partial
from typing import Any, Literal, Required, TypedDict

from adjust_async._checks import shown
from adjust_async._figures.encoding import (
    boolean,
    boolean_or_text,
    days,
    further_parameters,
    ids,
    iso_date,
    lower_names,
    names,
    offset,
    text,
)
from adjust_async._figures.windows import Period, check_window, split
from adjust_async.errors import ConfigurationError

__all__ = [
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
Names = Iterable[str]


class CommonQuery(TypedDict, total=False):
    """What every endpoint takes."""

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
    """What deliverables take."""

    tracker_filter: Names | None
    attribution_source: str | None
    reattributed: bool | str | None
    event_kpis: Names | None
    regions: Names | None
    cohort_revenue_period: int | None


class EventsQuery(CommonQuery, total=False):
    """What events take."""

    tracker_filter: Names | None
    attribution_source: str | None
    events: Names | None
    partner_ids: Iterable[str | int] | None


class CohortsQuery(CommonQuery, total=False):
    """What cohorts take; the last three are not documented, but used."""

    tracker_filter: Names | None
    reattributed: bool | str | None
    events: Names | None
    period: str | None
    day_def: str | None
    cohort_period_filter: str | None
    impression_based: bool | str | None


class SKAdNetworkQuery(CommonQuery, total=False):
    """What SKAdNetwork takes."""

    attribution_source: str | None
    regions: Names | None


_ENCODERS: Mapping[str, Callable[[object, str], str]] = {
    "start_date": iso_date,
    "end_date": iso_date,
    "utc_offset": offset,
    "kpis": names,
    "sandbox": boolean,
    "human_readable_kpis": boolean,
    "countries": lower_names,
    "os_names": lower_names,
    "device_types": lower_names,
    "grouping": names,
    "attribution_type": text,
    "tracker_filter": names,
    "attribution_source": text,
    "reattributed": boolean_or_text,
    "event_kpis": names,
    "regions": names,
    "cohort_revenue_period": days,
    "events": names,
    "partner_ids": ids,
    "period": text,
    "day_def": text,
    "cohort_period_filter": text,
    "impression_based": boolean_or_text,
}

_QUERIES: Mapping[str, type] = {
    "deliverables": DeliverablesQuery,
    "events": EventsQuery,
    "cohorts": CohortsQuery,
    "skadnetwork": SKAdNetworkQuery,
}


def check_query(endpoint: str, query: Mapping[str, Any], further: Mapping[str, Any] | None) -> dict[str, str]:
    """Check the parameters of a request, and give them as they go on the wire.

    Args:
        endpoint: Which of the four endpoints.
        query: The documented parameters; those that are `None` are left out.
        further: Parameters that this package doesn't know; texts, numbers, booleans, or lists of texts.

    Raises:
        ConfigurationError: One is wrong, missing, or not of this endpoint.
    """
    if endpoint not in list(_QUERIES):
        raise ConfigurationError(f"endpoint is {shown(endpoint)}: give one of {', '.join(_QUERIES)}")
    takes = _QUERIES[endpoint].__annotations__
    wire = {}
    for name, value in query.items():
        if name not in takes:
            raise ConfigurationError(f"{name} is no parameter of {endpoint}: {_where(name)}")
        if value is not None:
            wire[name] = _ENCODERS[name](value, name)
    for name in ("start_date", "end_date"):
        if name not in wire:
            raise ConfigurationError(f"{name} is missing: give the first and the last day, both included")
    if wire["end_date"] < wire["start_date"]:
        raise ConfigurationError(f"end_date {wire['end_date']} is before start_date {wire['start_date']}: swap them")
    return wire | further_parameters(further, takes, partial(_elsewhere, endpoint))


def _elsewhere(endpoint: str, name: str) -> str | None:
    return f"which is no parameter of {endpoint}: {_where(name)}" if name in _ENCODERS else None


def _where(name: str) -> str:
    endpoints = [endpoint for endpoint, query in _QUERIES.items() if name in query.__annotations__]
    if endpoints:
        return f"it is one of {', '.join(endpoints)}"
    return f"what Adjust added later goes into parameters={{{name!r}: ...}}"


def split_period(query: Mapping[str, str], window: Any) -> list[Period]:
    """Split the range of a query into windows.

    Raises:
        ConfigurationError: The window is none, or the figures of its parts could not be joined exactly.
    """
    whole = Period(query["start_date"], query["end_date"])
    if window is None:
        return [whole]
    check_window(window)
    _check_exact(query, window)
    return split(whole, window, last_weekday=SUNDAY)


def _check_exact(query: Mapping[str, str], window: object) -> None:
    grouping = {name.strip().lower().removesuffix("s") for name in query.get("grouping", "").split(",")}
    if grouping & {"day", "hour"} or (window == "month" and "month" in grouping):
        return
    raise ConfigurationError(
        f"window is {window!r}, but the grouping is {query.get('grouping', 'none')!r}: windows are joined, never "
        "summed, because rates and distinct users don't add up. Group by 'day' or 'hour' (or by 'month', with "
        "window='month'), so that no figure spans two windows"
    )
