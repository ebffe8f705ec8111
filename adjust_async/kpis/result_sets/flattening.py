"""Flatten nested levels: column by column if all elements of a level have the same keys, otherwise row by row."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from types import NoneType
from typing import Any

import attrs

from adjust_async.kpis.result_sets.columns import Level
from adjust_async.kpis.result_sets.levels import NO_LEVELS, Element, has_fixed_columns, is_level, level_columns

__all__ = ["flat_columns", "rows"]

#: Converts a value into a cell, given the name of its column.
Cell = Callable[[str, Any], Any]

#: How an element becomes part of a row: its keys that are cells with their columns, and its keys that may be levels.
_Plan = tuple[list[tuple[str, str]], list[str]]


#: Columns whose texts are converted.
_CONVERTED = frozenset({"date", "period"})


def flat_columns(
    apps: Level, kpis: Sequence[str], names: Mapping[str, Mapping[str, Any]], cell: Cell
) -> dict[str, Iterable[Any]] | None:
    """Return the cells of each column and KPI, to be iterated; `None` if rows must be made one by one.

    Args:
        apps: The apps.
        kpis: The names of the figures.
        names: By level, the names of tokens for elements without a name.
        cell: Converts dates, periods, and cells of levels that are not text.
    """
    if not apps.is_even():
        return None
    flat: dict[str, Iterable[Any]] = {}
    name, level = "apps", apps
    while True:
        shape = level.shapes[0] if level.shapes else ()
        form = {key: None for key in shape if key not in level.below}
        if not has_fixed_columns(name, shape):
            if any({list, dict} & set(map(type, level.own.get(key, ()))) for key in form):
                return None
        elif any(key in level.below for key in level_columns(name, dict.fromkeys(shape))):
            return None
        for key, column in level_columns(name, form).items():
            flat[column] = _cells(level, key, column, names.get(name), cell)
        if not level.below:
            break
        ((name, (lengths, level)),) = level.below.items()
        flat = {column: _Repeated(cells, lengths) for column, cells in flat.items()}
    if not level.rows:
        flat = dict.fromkeys(flat, ())
    return flat | dict(zip(kpis, level.figures, strict=True))


@attrs.frozen
class _Repeated:
    """The cells of a level, each repeated for every element of the level below it."""

    cells: Iterable[Any]
    lengths: Iterable[int | None]

    def __iter__(self) -> Iterator[Any]:
        # None is a length only in levels that are not even, which are not flattened here.
        return chain.from_iterable(map(repeat, self.cells, self.lengths))  # type: ignore[arg-type]


def _cells(level: Level, key: str, column: str, names: Mapping[str, Any] | None, cell: Cell) -> Sequence[Any]:
    """Return the cells of a column, one for each element of its level."""
    cells: Sequence[Any] = level.own.get(key) or (None,) * level.count
    if names and key == "name":
        tokens = level.own.get("token") or (None,) * level.count
        cells = [names.get(token or "") if value is None else value for value, token in zip(cells, tokens, strict=True)]
    types = set(map(type, cells))
    if not types <= {str, NoneType}:
        return [cell(column, value) for value in cells]
    if column not in _CONVERTED:
        return cells
    made = {value: cell(column, value) for value in set(cells)}
    return list(map(made.__getitem__, cells))


def rows(
    apps: Iterable[Element],
    columns: Iterable[str],
    kpis: Sequence[str],
    names: Mapping[str, Mapping[str, Any]],
    cell: Cell,
) -> Iterator[dict[str, Any]]:
    """Yield a row for every element that has `kpi_values`: the cells of all levels above it, then its figures.

    Args:
        apps: The apps.
        columns: The columns of all levels, outermost first.
        kpis: The names of the figures.
        names: By level, the names of tokens for elements without a name.
        cell: Converts dates, periods, and cells of levels that are not text.
    """
    walk = _Walk(kpis, names, cell)
    return walk.rows("apps", apps, dict.fromkeys((*columns, *kpis)))


class _Walk:
    def __init__(self, kpis: Sequence[str], names: Mapping[str, Mapping[str, Any]], cell: Cell) -> None:
        self._kpis = kpis
        self._names = names
        self._cell = cell
        self._plans: dict[str, dict[tuple[str, ...], _Plan]] = {}

    def rows(self, level: str, elements: Iterable[Element], above: dict[str, Any]) -> Iterator[dict[str, Any]]:
        kpis, cell = self._kpis, self._cell
        names, plans = self._names.get(level, {}), self._plans.setdefault(level, {})
        for element in elements:
            cells, levels = plans.get(tuple(element)) or self._plan(level, element)
            row = above.copy()
            for key, column in cells:
                value = element.get(key)
                if value is None and key == "name":
                    value = names.get(element.get("token") or "")
                # Most cells are text, and calling `cell` for each of them would double the time of this loop.
                row[column] = value if type(value) is str and column not in _CONVERTED else cell(column, value)
            values = element.get("kpi_values")
            if values is not None:
                if len(values) != len(kpis):
                    raise ValueError(f"the number of values is {len(values)}, and the number of KPIs is {len(kpis)}")
                # A yielded row belongs to the consumer, who may change it.
                leaf = row.copy() if levels else row
                leaf.update(zip(kpis, values, strict=False))  # their lengths were compared above
                yield leaf
            for key in levels:
                if is_level(key, element[key]):
                    yield from self.rows(key, element[key], row)

    def _plan(self, level: str, element: Element) -> _Plan:
        """Return the plan of an element, and cache it if it applies to all elements with the same keys."""
        plan = list(level_columns(level, element).items()), [key for key in element if key not in NO_LEVELS]
        if has_fixed_columns(level, element):
            self._plans[level][tuple(element)] = plan
        return plan
