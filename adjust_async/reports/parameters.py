"""The parameters of the Report Service: their types and checks.

Follows the "Reports endpoint" page of the Report Service's documentation.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Set as AbstractSet
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Required, TypeAlias, TypedDict

from adjust_async._checks import LARGEST_NUMBER, check_bool, check_encodable, check_whole_number, shown
from adjust_async._figures.encoding import (
    Hours,
    Value,
    check_bool_or_text,
    check_date,
    check_further,
    check_lower_names,
    check_names,
    check_offset,
    check_text,
    check_texts,
)
from adjust_async._figures.windows import Period, check_window, split
from adjust_async._suggestions import did_you_mean, near_names
from adjust_async.errors import ConfigurationError

__all__ = ["CsvQuery", "DatePeriod", "Names", "ReportQuery", "check_query", "column_name", "split_period"]

Names: TypeAlias = Iterable[str]
#: The first and the last day, both included; or the service's own format, such as `-7d:-1d` or `last_month`.
DatePeriod: TypeAlias = str | tuple[date | str, date | str]

TEXT_SUFFIXES = ("contains", "exclude", "starts_with", "not_starts_with", "ends_with", "not_ends_with")
LIST_SUFFIXES = ("in", "not_in")
NUMBER_SUFFIXES = ("lt", "lte", "gt", "gte", "eq", "ne")

_SUFFIXES = frozenset((*TEXT_SUFFIXES, *LIST_SUFFIXES, *NUMBER_SUFFIXES))

LAST_HOUR = 23

_BOUND = "([0-9]{4}-[0-9]{2}-[0-9]{2}|-[0-9]{1,4}d)"


class ReportQuery(TypedDict, total=False):
    """The parameters of every report."""

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


class CsvQuery(ReportQuery, total=False):
    """The parameters of a CSV report."""

    readable_names: bool | None


def _check_columns(value: object, name: str) -> tuple[str, ...]:
    __tracebackhide__ = True
    if isinstance(value, (list, tuple)) and not value:
        raise ConfigurationError(f"{name} is empty: name at least one, such as ['day'] and ['installs']")
    return check_names(value, name)


def _check_date_period(value: object, name: str) -> Period | str:
    __tracebackhide__ = True
    if isinstance(value, str):
        return _check_date_period_text(value, name)
    if isinstance(value, (tuple, list)) and len(value) == 2:
        first, last = (check_date(bound, f"{name}[{place}]") for place, bound in enumerate(value))
        return _check_order(Period(first, last), name)
    raise ConfigurationError(
        f"{name} is {shown(value)}: pass the first and the last day as a pair, or a text such as '-7d:-1d' or "
        "'last_month'"
    )


def _check_order(period: Period, name: str) -> Period:
    if period.end < period.start:
        raise ConfigurationError(f"{name} ends on {period.end}, before it begins on {period.start}: swap them")
    return period


def _check_date_period_text(value: str, name: str) -> Period | str:
    text = str.__str__(value).strip()
    if re.fullmatch(r"last_[0-9]+_(days|weeks|months)", text):
        raise ConfigurationError(f"{name} is {shown(value)}, which the service refuses: pass '-7d:-1d', or two dates")
    if re.fullmatch("[a-z]+(_[a-z]+)*", text):
        return text
    bounds = re.fullmatch(f"{_BOUND}:{_BOUND}", text)
    if bounds is None:
        raise ConfigurationError(
            f"{name} is {shown(value)}: pass '2026-11-01:2026-11-21', '-7d:-1d', a mix of both, or a word such as "
            "'yesterday' or 'this_month'"
        )
    first, last = (bound if bound.startswith("-") else check_date(bound, name) for bound in bounds.groups())
    if isinstance(first, date) and isinstance(last, date):
        return _check_order(Period(first, last), name)
    if isinstance(first, str) and isinstance(last, str) and int(first[1:-1]) < int(last[1:-1]):
        raise ConfigurationError(f"{name} ends on {last}, before it begins on {first}: swap them")
    return text


def _check_sort(value: object, name: str) -> tuple[str, ...]:
    __tracebackhide__ = True
    names = check_names(value, name)
    if any(not part.strip().lstrip("-") for part in names):
        raise ConfigurationError(f"{name} is {shown(value)}: pass names, with a '-' before those in descending order")
    return names


def _check_hours(value: object, name: str) -> Hours | str:
    __tracebackhide__ = True
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,3}h?:-?[0-9]{1,3}h?", value):
        return str.__str__(value)
    if isinstance(value, (tuple, list)) and len(value) == 2:
        first, last = (
            check_whole_number(hour, f"{name}[{place}]", least=0, most=LAST_HOUR) for place, hour in enumerate(value)
        )
        if last < first:
            raise ConfigurationError(f"{name} is {shown(value)}: the last hour is before the first one, swap them")
        return Hours(first, last)
    raise ConfigurationError(f"{name} is {shown(value)}: pass the first and the last hour, as (8, 17) or '-10h:-0h'")


def _check_time_zone(value: object, name: str) -> str | int:
    """Return a time zone: an IANA name, or a number from the service's documentation."""
    if isinstance(value, int) and not isinstance(value, bool):
        return check_whole_number(value, name, least=0)
    return check_text(value, name)


_REQUIRED = ("dimensions", "metrics", "date_period")

_CHECKS: Mapping[str, Callable[[object, str], Value]] = {
    "hour__between": _check_hours,
    "utc_offset": check_offset,
    "timezone_id": _check_time_zone,
    "currency": check_text,
    "cohort_maturity": check_text,
    "attribution_type": check_text,
    "attribution_types": check_names,
    "attribution_source": check_text,
    "reattributed": check_bool_or_text,
    "os_names": check_lower_names,
    "sandbox": check_bool,
    "ad_spend_mode": check_text,
    "ad_revenue_sources": check_names,
    "iap_revenue_mode": check_text,
    "period_over_period": check_text,
    "sort": _check_sort,
    "index": check_names,
    "limit": partial(check_whole_number, least=1),
    "format_dates": check_bool,
    "include_attr_dependency": check_bool,
    "readable_names": check_bool,
}


def check_query(
    query: Mapping[str, Any], takes: type, further: object, *, own: AbstractSet[str] = frozenset()
) -> tuple[tuple[str, ...], tuple[str, ...], Period | str, dict[str, Value]]:
    """Check a query. Return the dimensions, the metrics, the days, and all other parameters.

    Args:
        query: The documented parameters; those that are `None` are left out.
        takes: `ReportQuery` or `CsvQuery`.
        further: Parameters that this package does not know.
        own: Arguments of the call that are not parameters of the service.

    Raises:
        ConfigurationError: A parameter is wrong or missing.
    """
    __tracebackhide__ = True
    known = takes.__annotations__
    for name in query:
        if name not in known:
            raise ConfigurationError(_not_taken(name, {*known, *own}))
    given = {name: value for name, value in query.items() if value is not None}
    for name in _REQUIRED:
        if name not in given:
            raise ConfigurationError(f"{name} is missing: a report needs dimensions, metrics and date_period")
    dimensions = _check_columns(given["dimensions"], "dimensions")
    metrics = _check_columns(given["metrics"], "metrics")
    _check_no_column_twice(dimensions=dimensions, metrics=metrics)
    date_period = _check_date_period(given["date_period"], "date_period")
    values: dict[str, Value] = {}
    for name, value in given.items():
        if name in _CHECKS:
            values[name] = _CHECKS[name](value, name)
    if "utc_offset" in values and "timezone_id" in values:
        raise ConfigurationError("utc_offset and timezone_id are both passed: pass one of them")
    values.setdefault("format_dates", False)
    values |= _check_filters(query.get("filters"))
    raw = check_further(further, {*known, *own}, lambda name: _doubled(name) if name in values else None)
    return dimensions, metrics, date_period, values | raw


def _check_no_column_twice(**columns: tuple[str, ...]) -> None:
    seen: dict[str, str] = {}
    for argument, names in columns.items():
        for name in names:
            column = column_name(name)
            if column in seen:
                raise ConfigurationError(f"{argument} has {name!r}, which is in {seen[column]} already: pass it once")
            seen[column] = argument


def _not_taken(name: str, taken: AbstractSet[str]) -> str:
    if name in _CHECKS:
        return f"{name} is not a parameter of this report: leave it out"
    if name in taken:
        return f"{name} is not a parameter of this kind of report: leave it out"
    if "__" in name:
        return f"{name} is {_of_filters(name)}"
    if hint := did_you_mean(near_names(name, taken)):
        return f"{name} is not a parameter of a report: {hint}"
    return (
        f"{name} is not a parameter of a report: pass parameters that Adjust added later as "
        f"parameters={{{name!r}: ...}}, and filters as filters={{{f'{name}__in'!r}: ...}}"
    )


def _doubled(name: str) -> str:
    return f"which is in filters too: pass {name} once"


def _of_filters(name: str) -> str:
    return f"a filter: pass filters={{{name!r}: ...}}"


def _check_filters(filters: object) -> dict[str, Value]:
    __tracebackhide__ = True
    if filters is None:
        return {}
    if not isinstance(filters, Mapping):
        raise ConfigurationError(
            f"filters is {shown(filters)}: pass a dictionary such as {{'campaign__contains': 'ios'}}"
        )
    checked: dict[str, Value] = {}
    for name, value in filters.items():
        checked |= _check_filter(name, value)
    return checked


def _check_filter(name: object, value: object) -> dict[str, Value]:
    __tracebackhide__ = True
    column, _, suffix = name.rpartition("__") if isinstance(name, str) else ("", "", "")
    if not isinstance(name, str) or not column.strip() or suffix not in _SUFFIXES:
        hint = f"{_meant_filter(name, value)} P" if isinstance(name, str) and name.strip() else "p"
        raise ConfigurationError(
            f"filters holds {shown(name)}: {hint}ass a dimension with __"
            f"{', __'.join((*LIST_SUFFIXES, *TEXT_SUFFIXES))}, or a metric with __{', __'.join(NUMBER_SUFFIXES)}"
        )
    check_encodable(name, "filters")
    argument = f"filters[{shown(name)}]"
    if suffix in NUMBER_SUFFIXES:
        return {str.__str__(name): _check_number(value, argument)}
    if suffix in TEXT_SUFFIXES and not isinstance(value, str):
        raise ConfigurationError(f"{argument} is {shown(value)}: pass a text")
    return {str.__str__(name): check_texts(value, argument)}


def _meant_filter(name: str, value: object) -> str:
    """Return a question that suggests the filter that was meant, if its operator is missing or unknown."""
    column, _, suffix = name.rpartition("__")
    if column.strip() and (near := near_names(suffix, sorted(_SUFFIXES))):
        return did_you_mean(f"{column}__{one}" for one in near[:1])
    if joined := re.fullmatch(rf"(.+?)_({'|'.join(_SUFFIXES)})", name):
        return did_you_mean([f"{joined[1]}__{joined[2]}"])
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    return did_you_mean([f"{column.strip() or name.strip('_ ')}__{'eq' if is_number else 'in'}"])


def _check_number(value: object, argument: str) -> Value:
    if isinstance(value, int) and not isinstance(value, bool):
        return check_whole_number(value, argument, least=-LARGEST_NUMBER)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, Decimal) and value.is_finite():
        return Decimal(value)
    raise ConfigurationError(f"{argument} is {shown(value)}: pass a number")


def column_name(name: str) -> str:
    """Return the name of a column in the answer. A cohort metric requested as `..._D7` is returned as `..._d7`."""
    return re.sub(r"_[DWM][0-9]+(?=$|_)", lambda match: match[0].lower(), name)


def split_period(date_period: Period | str, window: object, dimensions: tuple[str, ...]) -> tuple[Period | str, ...]:
    """Split the range of a report into windows; `None` does not split.

    Raises:
        ConfigurationError: The window is wrong, the range is not two dates, or a row could span two windows.
    """
    __tracebackhide__ = True
    if window is None:
        return (date_period,)
    checked = check_window(window)
    if not isinstance(date_period, Period):
        raise ConfigurationError(
            f"window is {checked!r}, but date_period is {date_period!r}: pass two dates, so that the range can be split"
        )
    if not {"hour", "day", checked} & set(dimensions):
        raise ConfigurationError(
            f"window is {checked!r}, but the dimensions are {', '.join(dimensions)}: the rows of windows are joined, "
            "never summed, because rates and distinct users don't add up. Add the dimension 'day' or 'hour' (or 'week' "
            "or 'month' with the window of that name), so that no row spans two windows"
        )
    return tuple(split(date_period, checked))
