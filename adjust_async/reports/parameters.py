"""The parameters of the Report Service: their types, their checks, and how each goes on the wire.

Follows the "Reports endpoint" page of the Report Service's documentation.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Set as AbstractSet
from datetime import date
from decimal import Decimal
from typing import Any, Required, TypedDict

from adjust_async._checks import LARGEST_NUMBER, check_encodable, shown
from adjust_async._figures.encoding import (
    boolean,
    boolean_or_text,
    further_parameters,
    iso_date,
    lower_names,
    names,
    number,
    offset,
    text,
)
from adjust_async._figures.windows import Period, check_window, split
from adjust_async.errors import ConfigurationError

__all__ = ["DatePeriod", "Names", "ReportQuery", "check_report", "column_name", "periods_of"]

Names = Iterable[str]
#: The first and the last day, both included; or the service's own form, such as `-7d:-1d` or `last_month`.
DatePeriod = str | tuple[date | str, date | str]

TEXT_SUFFIXES = ("contains", "exclude", "starts_with", "not_starts_with", "ends_with", "not_ends_with")
LIST_SUFFIXES = ("in", "not_in")
NUMBER_SUFFIXES = ("lt", "lte", "gt", "gte", "eq", "ne")

_SUFFIXES = frozenset((*TEXT_SUFFIXES, *LIST_SUFFIXES, *NUMBER_SUFFIXES))

LAST_HOUR = 23

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_BOUND = rf"({_DAY}|-[0-9]{{1,4}}d)"


class ReportQuery(TypedDict, total=False):
    """What every report takes."""

    dimensions: Required[Names]
    metrics: Required[Names]
    date_period: Required[DatePeriod]
    filters: Mapping[str, Any] | None
    hour__between: tuple[int, int] | str | None
    utc_offset: str | None
    timezone_id: str | int | None
    currency: str | None
    cohort_maturity: str | None
    attribution_type: str | None
    attribution_types: Names | None
    attribution_source: str | None
    reattributed: bool | str | None
    os_names: Names | None
    sandbox: bool | None
    ad_spend_mode: str | None
    ad_revenue_sources: Names | None
    iap_revenue_mode: str | None
    period_over_period: str | None
    sort: Names | None
    index: Names | None
    limit: int | None
    format_dates: bool | None
    include_attr_dependency: bool | None


def _needed(value: object, name: str) -> str:
    if isinstance(value, (list, tuple)) and not value:
        raise ConfigurationError(f"{name} is empty: name at least one, such as ['day'] and ['installs']")
    return names(value, name)


def _date_period(value: object, name: str) -> str:
    if isinstance(value, str):
        return _date_period_text(value, name)
    if isinstance(value, (tuple, list)) and len(value) == 2:
        first, last = (iso_date(bound, f"{name}[{place}]") for place, bound in enumerate(value))
        if last < first:
            raise ConfigurationError(f"{name} ends on {last}, before it begins on {first}: swap them")
        return f"{first}:{last}"
    raise ConfigurationError(
        f"{name} is {shown(value)}: give the first and the last day as a pair, or a text such as '-7d:-1d' or "
        "'last_month'"
    )


def _date_period_text(value: str, name: str) -> str:
    period = value.strip()
    if re.fullmatch(r"last_[0-9]+_(days|weeks|months)", period):
        raise ConfigurationError(f"{name} is {shown(value)}, which the service refuses: give '-7d:-1d', or two dates")
    if re.fullmatch("[a-z]+(_[a-z]+)*", period):
        return str.__str__(period)
    if not re.fullmatch(f"{_BOUND}:{_BOUND}", period):
        raise ConfigurationError(
            f"{name} is {shown(value)}: give '2026-11-01:2026-11-21', '-7d:-1d', a mix of both, or a word such as "
            "'yesterday' or 'this_month'"
        )
    first, last = bounds = period.split(":")
    ago = [int(bound[1:-1]) for bound in bounds if bound.startswith("-")]
    dates = [iso_date(bound, name) for bound in bounds if not bound.startswith("-")]
    if (len(dates) == 2 and dates[1] < dates[0]) or (len(ago) == 2 and ago[0] < ago[1]):
        raise ConfigurationError(f"{name} ends on {last}, before it begins on {first}: swap them")
    return str.__str__(period)


def _sort(value: object, name: str) -> str:
    wire = names(value, name)
    if any(not part.strip().lstrip("-") for part in wire.split(",")):
        raise ConfigurationError(f"{name} is {shown(value)}: give names, those to sort downwards with a '-' in front")
    return wire


def _hours(value: object, name: str) -> str:
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,3}h?:-?[0-9]{1,3}h?", value):
        return str.__str__(value)
    if isinstance(value, (tuple, list)) and len(value) == 2:
        hours = [number(hour, f"{name}[{place}]", least=0, most=LAST_HOUR) for place, hour in enumerate(value)]
        if int(hours[1]) < int(hours[0]):
            raise ConfigurationError(f"{name} is {shown(value)}: the last hour is before the first one, swap them")
        return ":".join(hours)
    raise ConfigurationError(f"{name} is {shown(value)}: give the first and the last hour, as (8, 17) or '-10h:-0h'")


def _time_zone(value: object, name: str) -> str:
    """Encode a name of the IANA, or the number that the service's own documentation shows."""
    if isinstance(value, int) and not isinstance(value, bool):
        return number(value, name, least=0)
    return text(value, name)


_ENCODERS: Mapping[str, Callable[[object, str], str]] = {
    "dimensions": _needed,
    "metrics": _needed,
    "date_period": _date_period,
    "hour__between": _hours,
    "utc_offset": offset,
    "timezone_id": _time_zone,
    "currency": text,
    "cohort_maturity": text,
    "attribution_type": text,
    "attribution_types": names,
    "attribution_source": text,
    "reattributed": boolean_or_text,
    "os_names": lower_names,
    "sandbox": boolean,
    "ad_spend_mode": text,
    "ad_revenue_sources": names,
    "iap_revenue_mode": text,
    "period_over_period": text,
    "sort": _sort,
    "index": names,
    "limit": number,
    "format_dates": boolean,
    "include_attr_dependency": boolean,
    "readable_names": boolean,
}


def check_report(
    query: Mapping[str, Any],
    takes: Mapping[str, object],
    app_tokens: list[str] | None,
    further: object,
    *,
    own: AbstractSet[str] = frozenset(),
) -> dict[str, str]:
    """Check the parameters of a report, and give them as they go on the wire.

    Args:
        query: The documented parameters; those that are `None` are left out.
        takes: Their names.
        app_tokens: The apps; `None` for all.
        further: Parameters that this package doesn't know.
        own: Names that are arguments of the call, and no parameters.

    Raises:
        ConfigurationError: One is wrong or missing.
    """
    wire = {}
    for name, value in query.items():
        if name not in takes:
            raise ConfigurationError(_not_taken(name))
        if value is not None and name != "filters":
            wire[name] = _ENCODERS[name](value, name)
    for name in ("dimensions", "metrics", "date_period"):
        if name not in wire:
            raise ConfigurationError(f"{name} is missing: a report needs dimensions, metrics and date_period")
    _check_columns(wire)
    if "utc_offset" in wire and "timezone_id" in wire:
        raise ConfigurationError("utc_offset and timezone_id are both given: give one of them")
    wire.setdefault("format_dates", "false")
    wire |= _filters(query.get("filters"))
    if app_tokens is not None:
        if "app_token__in" in wire:
            raise ConfigurationError("filters holds 'app_token__in', and app_tokens is given too: give one of them")
        wire["app_token__in"] = ",".join(app_tokens)
    return wire | further_parameters(further, {*takes, *own}, lambda name: _of_filters(name) if "__" in name else None)


def _not_taken(name: str) -> str:
    if name in _ENCODERS:
        return f"{name} is no parameter of this report: leave it out"
    if "__" in name:
        return f"{name} is {_of_filters(name)}"
    return f"{name} is no parameter of a report: what Adjust added later goes into parameters={{{name!r}: ...}}"


def _of_filters(name: str) -> str:
    return f"a filter: give filters={{{name!r}: ...}}"


def _check_columns(wire: Mapping[str, str]) -> None:
    seen: dict[str, str] = {}
    for argument in ("dimensions", "metrics"):
        for name in wire[argument].split(","):
            column = column_name(name)
            if column in seen:
                raise ConfigurationError(f"{argument} has {name!r}, which is in {seen[column]} already: give it once")
            seen[column] = argument


def _filters(filters: object) -> dict[str, str]:
    if filters is None:
        return {}
    if not isinstance(filters, Mapping):
        raise ConfigurationError(
            f"filters is {shown(filters)}: give a dictionary such as {{'campaign__contains': 'ios'}}"
        )
    return dict(_filter(name, value) for name, value in filters.items())


def _filter(name: object, value: object) -> tuple[str, str]:
    column, _, suffix = name.rpartition("__") if isinstance(name, str) else ("", "", "")
    if not isinstance(name, str) or not column.strip() or suffix not in _SUFFIXES:
        raise ConfigurationError(
            f"filters holds {shown(name)}: give a dimension with __{', __'.join((*LIST_SUFFIXES, *TEXT_SUFFIXES))}, or "
            f"a metric with __{', __'.join(NUMBER_SUFFIXES)}"
        )
    check_encodable(name, "filters")
    argument = f"filters[{shown(name)}]"
    if suffix in NUMBER_SUFFIXES:
        return str.__str__(name), _number(value, argument)
    if suffix in TEXT_SUFFIXES and not isinstance(value, str):
        raise ConfigurationError(f"{argument} is {shown(value)}: give a text")
    if isinstance(value, str) and "," in value:
        raise ConfigurationError(f"{argument} is {shown(value)}: leave the comma out, which separates texts there")
    return str.__str__(name), names([value] if isinstance(value, str) else value, argument)


def _number(value: object, argument: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return number(value, argument, least=-LARGEST_NUMBER)
    if isinstance(value, float) and math.isfinite(value):
        return str(float(value))
    if isinstance(value, Decimal) and value.is_finite():
        return str(Decimal(value))
    raise ConfigurationError(f"{argument} is {shown(value)}: give a number")


def column_name(name: str) -> str:
    """Give the name that a column of the answer has: a cohort metric asked for as `..._D7` comes back as `..._d7`."""
    return re.sub(r"_[DWM][0-9]+(?=$|_)", lambda match: match[0].lower(), name)


def periods_of(wire: Mapping[str, str], window: Any) -> list[str]:
    """Split the range of a report into windows; give each as a `date_period`.

    Raises:
        ConfigurationError: The window is none, the range is not given as two dates, or rows could span two windows.
    """
    whole = wire["date_period"]
    if window is None:
        return [whole]
    check_window(window)
    if not re.fullmatch(f"{_DAY}:{_DAY}", whole):
        raise ConfigurationError(
            f"window is {window!r}, but date_period is {whole!r}: give two dates, so that it is known what to split"
        )
    _check_exact(wire, window)
    first, last = whole.split(":")
    return [":".join(period) for period in split(Period(first, last), window)]


def _check_exact(wire: Mapping[str, str], window: object) -> None:
    dimensions = wire["dimensions"].split(",")
    if {"hour", "day", window} & set(dimensions):
        return
    raise ConfigurationError(
        f"window is {window!r}, but the dimensions are {', '.join(dimensions)}: the rows of windows are joined, never "
        "summed, because rates and distinct users don't add up. Add the dimension 'day' or 'hour' (or 'week' or "
        "'month' with the window of that name), so that no row spans two windows"
    )
