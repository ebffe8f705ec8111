"""Read the texts of the Report Service: numbers, dates, and cohort metrics with their periods."""

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from adjust_async._figures.kinds import day_or_text, is_plural, kind_by_name, moment_or_text, words_of
from adjust_async.tables import Kind

__all__ = ["DATES", "cohort_metric", "dimension_kind", "exact_number", "metric_kind", "number", "reader"]

#: The dimensions that are dates or moments. Weeks, months and longer are spans, and stay text.
DATES: dict[str, tuple[Kind, type]] = {"hour": ("moment", datetime), "day": ("date", date)}

#: Words for countable things, in the singular. Plurals are recognised by their s.
_COUNTED = frozenset(
    ("click", "event", "impression", "install", "reattribution", "reinstall", "session", "uninstall", "user")
)

#: Numbers of users that the Report Service averages over the period, so they may have fractions.
_AVERAGED = frozenset(("daus", "waus", "maus"))

_INTEGER = re.compile("-?[0-9]{1,4000}", re.ASCII)
_FRACTION = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)

#: Texts of floats that can't be computed, such as a ratio to zero. They count as no value.
_NO_NUMBER = re.compile("[+-]?(?:nan|inf|infinity)", re.IGNORECASE)

_UNITS = {"d": "day", "w": "week", "m": "month"}
_COHORT = re.compile(r"(?P<base>.+)_(?P<unit>[dwm])(?P<period>[0-9]{1,9})(?P<rest>|_.*cohort)")


# Most texts are small counts. A cache for 65,536 texts occupied 13 MB, and was slower (2026-11-26).
@lru_cache(maxsize=1024)
def _number_of(text: str) -> int | float | str | None:
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text) and math.isfinite(fraction := float(text)):
        return fraction
    return None if not text or _NO_NUMBER.fullmatch(text) else text


def number(value: Any) -> Any:
    """Read a metric: `"64"` is 64, `"0.0"` is 0.0, and an empty text or `"nan"` is `None`. Other texts are kept."""
    if type(value) is str:
        return _number_of(value)
    if type(value) is Decimal:
        return read if math.isfinite(read := float(value)) else None
    return value


def exact_number(value: Any) -> Any:
    """Read a metric as a `Decimal` with every digit that the service sent, and anything else as `number` does."""
    if type(value) is str:
        return Decimal(value) if _FRACTION.fullmatch(value) else _number_of(value)
    if type(value) is int or type(value) is float:
        return Decimal(str(value))
    return value


def _dimension(value: Any) -> Any:
    """Read a dimension. IDs and similar values are text, even if the service sent a number."""
    return str(value) if type(value) in {int, float, Decimal} else value


def _day(value: Any) -> Any:
    if type(value) is str:
        return day_or_text(value) if value else None
    return _dimension(value)


def _hour(value: Any) -> Any:
    if type(value) is str:
        return moment_or_text(value) if value else None
    return _dimension(value)


#: The readers of dimensions that are dates or moments.
_DATE_READERS: dict[str, Callable[[Any], Any]] = {"hour": _hour, "day": _day}


def reader(column: str, *, metric: bool, exact: bool) -> Callable[[Any], Any]:
    """Return the function that reads the cells of a column."""
    if metric:
        return exact_number if exact else number
    return _DATE_READERS.get(column, _dimension)


def cohort_metric(column: str) -> tuple[str, int, str] | None:
    """Split a cohort metric: `retention_rate_d7` is `retention_rate` in period 7, in units of `day`.

    Returns:
        The name without the period, the period, and its unit; `None` for other metrics.
    """
    match = _COHORT.fullmatch(column)
    return None if match is None else (match["base"] + match["rest"], int(match["period"]), _UNITS[match["unit"]])


def dimension_kind(column: str, types: set[type]) -> Kind:
    """Return the kind of a dimension: of `day` and `hour` date and moment if all cells are, of all others text."""
    kind, of_dates = DATES.get(column, ("text", str))
    return kind if types <= {of_dates} else "text"


def metric_kind(column: str, types: set[type]) -> Kind:
    """Return the kind of a metric by its name, so that a report has the same schema every week.

    A metric with an unknown name may have fractions. One with texts among its values is text.
    """
    if types - {int, float}:
        return "text"
    if float in types:
        return "number"
    name, *_ = cohort_metric(column) or (column,)
    if _AVERAGED.intersection(words_of(name)):
        return "number"
    counted = any(is_plural(word) or word in _COUNTED for word in words_of(name))
    return kind_by_name(name) or ("integer" if counted else "number")
