"""Nested levels made flat rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from adjust_async.kpis.result_sets.levels import NO_LEVELS, Element, has_fixed_columns, is_level, level_columns

__all__ = ["rows"]

#: Makes a cell from the name of a level's column and a value.
Cell = Callable[[str, Any], Any]

#: How an element becomes a row: its keys that are cells, with their columns, and its keys that may be levels.
_Plan = tuple[list[tuple[str, str]], list[str]]


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
        names: By level, the names of tokens whose elements don't have a name.
        cell: Makes the cells of levels that are dates or no text.
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
                # Most cells are texts, and a call for each of them would take as long as all else here.
                row[column] = value if type(value) is str and column != "date" else cell(column, value)
            values = element.get("kpi_values")
            if values is not None:
                if len(values) != len(kpis):
                    raise ValueError(f"{len(values)} values stand for {len(kpis)} KPIs")
                # A row that is yielded belongs to the consumer, who may change it.
                leaf = row.copy() if levels else row
                leaf.update(zip(kpis, values, strict=False))  # their lengths were compared above
                yield leaf
            for key in levels:
                if is_level(key, element[key]):
                    yield from self.rows(key, element[key], row)

    def _plan(self, level: str, element: Element) -> _Plan:
        """Make the plan of an element, and keep it where it holds for all elements with the same keys."""
        plan = list(level_columns(level, element).items()), [key for key in element if key not in NO_LEVELS]
        if has_fixed_columns(level, element):
            self._plans[level][tuple(element)] = plan
        return plan
