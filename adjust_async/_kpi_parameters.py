"""The parameters of the KPI Service: their types, which endpoint takes which, and how each goes on the wire.

Follows the table of query parameters of the KPI Service's documentation. Names of KPIs, groupings, countries and the
like are open lists: an account may have more than is documented, so they are passed on as they are.
"""

import math
import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Set as AbstractSet
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple, Required, TypedDict

from adjust_async._arguments import LARGEST_NUMBER, encodable, shown, whole_number
from adjust_async.errors import ConfigurationError

__all__ = [
    "CohortsQuery",
    "CommonQuery",
    "DeliverablesQuery",
    "Endpoint",
    "EventsQuery",
    "Period",
    "SKAdNetworkQuery",
    "Window",
    "check_query",
    "split_period",
]

Endpoint = Literal["deliverables", "events", "cohorts", "skadnetwork"]
Window = Literal["month"] | int
Names = Iterable[str]


LONGEST_WINDOW = 366


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


def _date(value: object, name: str) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise ConfigurationError(f"{name} is {shown(value)}: give a datetime.date, or a text such as '2026-11-01'")


def _names(value: object, name: str) -> str:
    if isinstance(value, str):
        raise ConfigurationError(f"{name} is the text {shown(value)}: give a list, such as [{shown(value)}]")
    if not isinstance(value, Iterable) or isinstance(value, (bytes, Mapping)):
        raise ConfigurationError(f"{name} is {shown(value)}: give a list of texts")
    if isinstance(value, AbstractSet):
        raise ConfigurationError(f"{name} is a set, which has no order: give a list")
    parts = []
    for part in value:
        if not isinstance(part, str) or not part.strip() or "," in part:
            raise ConfigurationError(f"{name} holds {shown(part)}: give each name as a text of its own")
        if part in parts:
            raise ConfigurationError(f"{name} has {shown(part)} twice")
        parts.append(_sendable(part, name))
    if not parts:
        raise ConfigurationError(f"{name} is empty: leave it out for the service's default")
    return ",".join(parts)


def _sendable(value: str, name: str) -> str:
    """Give the text itself, also of a member of an enumeration, which prints as its name."""
    encodable(value, name)
    return str.__str__(value)


def _lower_names(value: object, name: str) -> str:
    return _names(value, name).lower()


def _ids(value: object, name: str) -> str:
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
        value = [str(part) if isinstance(part, int) and not isinstance(part, bool) else part for part in value]
    return _names(value, name)


def _boolean(value: object, name: str) -> str:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} is {shown(value)}: give True or False")
    return "true" if value else "false"


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name} is {shown(value)}: give a text")
    return _sendable(value, name)


def _boolean_or_text(value: object, name: str) -> str:
    return _boolean(value, name) if isinstance(value, bool) else _text(value, name)


def _offset(value: object, name: str) -> str:
    if isinstance(value, str) and re.fullmatch(
        r"\+(0[0-9]|1[0-3]):[0-5][0-9]|\+14:00|-(0[0-9]|1[01]):[0-5][0-9]|-12:00|00:00", value
    ):
        return str.__str__(value)
    raise ConfigurationError(f"{name} is {shown(value)}: give sign, hours and minutes, such as '+05:30' or '-08:00'")


def _days(value: object, name: str) -> str:
    whole_number(value, name, least=0)
    return str(value)


_ENCODERS: Mapping[str, Callable[[object, str], str]] = {
    "start_date": _date,
    "end_date": _date,
    "utc_offset": _offset,
    "kpis": _names,
    "sandbox": _boolean,
    "human_readable_kpis": _boolean,
    "countries": _lower_names,
    "os_names": _lower_names,
    "device_types": _lower_names,
    "grouping": _names,
    "attribution_type": _text,
    "tracker_filter": _names,
    "attribution_source": _text,
    "reattributed": _boolean_or_text,
    "event_kpis": _names,
    "regions": _names,
    "cohort_revenue_period": _days,
    "events": _names,
    "partner_ids": _ids,
    "period": _text,
    "day_def": _text,
    "cohort_period_filter": _text,
    "impression_based": _boolean_or_text,
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
    return wire | _further_parameters(endpoint, further, takes)


def _further_parameters(endpoint: str, further: object, takes: Mapping[str, Any]) -> dict[str, str]:
    if further is None:
        return {}
    if not isinstance(further, Mapping):
        raise ConfigurationError(f"parameters is {shown(further)}: give a dictionary from name to value")
    wire = {}
    for name, value in further.items():
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name):
            raise ConfigurationError(f"parameters holds {shown(name)}: a name has letters, digits and '_'")
        if name in {"api_token", "token", "user_token"}:
            raise ConfigurationError(f"parameters holds {name!r}: the API token goes into no URL, and is sent anyway")
        if name in takes:
            raise ConfigurationError(f"parameters holds {name!r}, which is an argument of its own: give {name}=")
        if name in _ENCODERS:
            raise ConfigurationError(f"parameters holds {name!r}, which is no parameter of {endpoint}: {_where(name)}")
        wire[name] = _further(value, f"parameters[{name!r}]")
    return wire


def _where(name: str) -> str:
    endpoints = [endpoint for endpoint, query in _QUERIES.items() if name in query.__annotations__]
    if endpoints:
        return f"it is one of {', '.join(endpoints)}"
    return f"what Adjust added later goes into parameters={{{name!r}: ...}}"


def _further(value: object, name: str) -> str:
    if isinstance(value, (str, bool)):
        return _boolean_or_text(value, name)
    if isinstance(value, int):
        whole_number(value, name, least=-LARGEST_NUMBER)
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(value)
    return _names(value, name)


class Period(NamedTuple):
    """A range of days, both ends included, in ISO form."""

    start_date: str
    end_date: str


def split_period(query: Mapping[str, str], window: object) -> list[Period]:
    """Split the range of a query into windows.

    Raises:
        ConfigurationError: The window is none, or the figures of its parts could not be joined exactly.
    """
    whole = Period(query["start_date"], query["end_date"])
    if window is None:
        return [whole]
    days = window if isinstance(window, int) and not isinstance(window, bool) else 0
    if window != "month" and not 0 < days <= LONGEST_WINDOW:
        raise ConfigurationError(
            f"window is {shown(window)}: give 'month', or a number of days from 1 to {LONGEST_WINDOW}"
        )
    _check_exact(query, window)
    first, last = date.fromisoformat(whole.start_date), date.fromisoformat(whole.end_date)
    periods = []
    while True:
        left = (last - first).days
        of_month = monthrange(first.year, first.month)[1] - first.day
        end = first + timedelta(days=min(left, days - 1 if days else of_month))
        periods.append(Period(first.isoformat(), end.isoformat()))
        if end == last:
            return periods
        first = end + timedelta(days=1)


def _check_exact(query: Mapping[str, str], window: object) -> None:
    grouping = {name.strip().lower().removesuffix("s") for name in query.get("grouping", "").split(",")}
    if grouping & {"day", "hour"} or (window == "month" and "month" in grouping):
        return
    raise ConfigurationError(
        f"window is {window!r}, but the grouping is {query.get('grouping', 'none')!r}: windows are joined, never "
        "summed, because rates and distinct users don't add up. Group by 'day' or 'hour' (or by 'month', with "
        "window='month'), so that no figure spans two windows"
    )
