"""Filters: those of dimensions select facts, in SQL; those of metrics select finished rows."""

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adjust_async.emulator.reports.dimensions import Dimension
from adjust_async.emulator.reports.formulas import Number
from adjust_async.emulator.reports.lists import read_list
from adjust_async.emulator.reports.metric_catalog import MetricCatalog
from adjust_async.emulator.reports.metrics import Metric
from adjust_async.emulator.reports.refusals import invalid, unknown

_IN = "in"
# Matching ignores case, except for `in`.
_MATCHES = {
    _IN: "{text} IN ({value})",
    "contains": "instr(lower({text}), lower({value})) > 0",
    "starts_with": "instr(lower({text}), lower({value})) = 1",
    "ends_with": "substr(lower({text}), -length({value})) = lower({value})",
}
_OPPOSITES = {
    "not_in": _IN,
    "exclude": "contains",
    "not_starts_with": "starts_with",
    "not_ends_with": "ends_with",
}
_COMPARISONS: Mapping[str, Callable[[Number, float], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}
_MOST_ALTERNATIVES = 500
"""SQLite limits the depth of an expression to a thousand."""
_FILTER = re.compile(rf"(?P<name>.+)__(?P<suffix>{'|'.join([*_MATCHES, *_OPPOSITES, *_COMPARISONS])})")


@dataclass(frozen=True, slots=True)
class DimensionFilter:
    """Keeps the facts whose dimension has one of the values, or none of them."""

    dimension: Dimension
    suffix: str
    values: tuple[str, ...]

    def condition(self, name: str) -> tuple[str, dict[str, Any]]:
        """Return the SQL condition and its parameters, whose names begin with `name`."""
        kind = _OPPOSITES.get(self.suffix, self.suffix)
        parameters = {f"{name}_{number}": value for number, value in enumerate(self.values)}
        operands = [f":{parameter}" for parameter in parameters]
        if kind == _IN:
            operands = [", ".join(operands)]
        matches = (_MATCHES[kind].format(text=f"({self.dimension.text})", value=operand) for operand in operands)
        opposite = "NOT " if self.suffix in _OPPOSITES else ""
        return f"{opposite}({' OR '.join(matches)})", parameters


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """Keeps the rows whose metric compares in this way with a number."""

    metric: Metric
    suffix: str
    limit: float

    def keeps(self, value: Number) -> bool:
        """Return whether a row with this value stays."""
        return _COMPARISONS[self.suffix](value, self.limit)


def read_filters(
    given: Mapping[str, str], dimensions: Mapping[str, Dimension], catalog: MetricCatalog, ignored: Sequence[str]
) -> tuple[tuple[DimensionFilter, ...], tuple[MetricFilter, ...]]:
    """Return the filters among the parameters. Raises a 400 `RefusalError` that names the unknown ones."""
    of_dimensions, of_metrics, strangers = [], [], []
    for parameter, name, suffix in _named(given, ignored):
        metric = catalog.find(name) if suffix in _COMPARISONS else None
        if metric is not None:
            of_metrics.append(MetricFilter(metric, suffix, _number(parameter, given[parameter])))
        elif suffix not in _COMPARISONS and name in dimensions:
            of_dimensions.append(
                DimensionFilter(dimensions[name], suffix, _values(parameter, suffix, given[parameter]))
            )
        else:
            strangers.append(parameter)
    if strangers:
        raise unknown("filters", strangers)
    return tuple(of_dimensions), tuple(of_metrics)


def _named(given: Mapping[str, str], ignored: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for parameter in given:
        match = _FILTER.fullmatch(parameter)
        if match is not None and parameter not in ignored:
            yield parameter, match["name"], match["suffix"]


def _values(parameter: str, suffix: str, text: str) -> tuple[str, ...]:
    values = tuple(read_list(text))
    if not values or (_OPPOSITES.get(suffix, suffix) != _IN and len(values) > _MOST_ALTERNATIVES):
        raise invalid(parameter, f"must be a list of up to {_MOST_ALTERNATIVES} values")
    return values


def _number(parameter: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise invalid(parameter, f"must be a number, not {text!r}")
    return number
