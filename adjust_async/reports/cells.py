"""What the Report Service's texts stand for: numbers, dates, and cohort metrics with their period."""

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from adjust_async.tables import COUNTS, FRACTIONS, Kind, moment_or_text

__all__ = ["DATES", "cohort_metric", "dimension_kind", "exact_number", "metric_kind", "number", "reader"]

#: The dimensions that are dates or moments; weeks, months and longer are spans, and stay as the service spells them.
DATES: dict[str, tuple[Kind, type]] = {"hour": ("moment", datetime), "day": ("date", date)}

#: Words for what is counted, one of it: the plurals are known by their s.
_COUNTED = frozenset(
    ("click", "event", "impression", "install", "reattribution", "reinstall", "session", "uninstall", "user")
)

_INTEGER = re.compile("-?[0-9]{1,4000}", re.ASCII)
_FRACTION = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)

_COHORT = re.compile(r"(?P<base>.+)_(?P<period>[dwm][0-9]+)(?P<rest>|_.*cohort)")


@lru_cache(maxsize=65536)
def _number_of(text: str) -> int | float | str | None:
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text) and math.isfinite(fraction := float(text)):
        return fraction
    return text or None


def number(value: Any) -> Any:
    """Read a metric: `"64"` is 64 and `"0.0"` is 0.0; an empty text is `None`, and any other text stays as it is."""
    return _number_of(value) if type(value) is str else value


def exact_number(value: Any) -> Any:
    """Read a metric as a `Decimal` with all the digits that the service gave; what is no number as `number` does."""
    if type(value) is str:
        return Decimal(value) if _FRACTION.fullmatch(value) else value or None
    if type(value) is int or type(value) is float:
        return Decimal(str(value))
    return value


def _dimension(value: Any) -> Any:
    """Read a dimension: ids and the like are text, also where the service gave a number."""
    return str(value) if type(value) is int or type(value) is float else value


def _date(value: Any) -> Any:
    if type(value) is str:
        return moment_or_text(value) if value else None
    return _dimension(value)


def reader(column: str, *, metric: bool, exact: bool) -> Callable[[Any], Any]:
    """Give the function that reads the cells of a column."""
    if metric:
        return exact_number if exact else number
    return _date if column in DATES else _dimension


def cohort_metric(column: str) -> tuple[str, str] | None:
    """Take a cohort metric apart: `retention_rate_d7` is `retention_rate` in the period `d7`; `None` for any other."""
    match = _COHORT.fullmatch(column)
    return None if match is None else (match["base"] + match["rest"], match["period"])


def dimension_kind(column: str, types: set[type]) -> Kind:
    """Find out what a dimension holds: a date or a moment where all of its cells are one, or else text."""
    kind, of_dates = DATES.get(column, ("text", str))
    return kind if types <= {of_dates} else "text"


def metric_kind(column: str, types: set[type]) -> Kind:
    """Find out whether a metric can have fractions: by its name, so that a report has the same schema every week.

    A metric whose name tells nothing may have them. One that has texts among its values is text.
    """
    if types - {int, float}:
        return "text"
    if float in types:
        return "number"
    name, _ = cohort_metric(column) or (column, "")
    words = re.split("[^a-z0-9]+", name.lower())
    if "per" in words or words[-1] in FRACTIONS:
        return "number"
    if _is_plural(words[-1]) or re.fullmatch("conversion_([0-9]+|null)", name):
        return "integer"
    if FRACTIONS.intersection(words):
        return "number"
    return "integer" if any(_is_plural(word) or word in _COUNTED for word in words) else "number"


def _is_plural(word: str) -> bool:
    return word in COUNTS or (word.endswith("s") and len(word) > 2)
