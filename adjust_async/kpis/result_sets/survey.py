"""One look at all elements of a report: its columns, its dates, and the types of its figures."""

from collections.abc import Sequence
from typing import Any

import attrs

from adjust_async.kpis.result_sets.levels import NO_LEVELS, Element, has_fixed_columns, is_level, level_columns

__all__ = ["Survey", "survey"]


@attrs.frozen
class Survey:
    """What the elements of a report have in common.

    Attributes:
        columns: The columns of all levels, outermost first.
        dates: The distinct values under `date`.
        figures: The values of every row.
    """

    columns: tuple[str, ...]
    dates: frozenset[Any]
    figures: Sequence[Sequence[Any]]

    def types(self, kpis: int) -> list[set[type]]:
        """Return the types of the values of each KPI, of so many."""
        return [{type(values[place]) for values in self.figures} for place in range(kpis)]


def survey(apps: Sequence[Element]) -> Survey:
    """Look at all elements of some apps."""
    found = _Found()
    found.look_at("apps", apps)
    return Survey(tuple(found.columns), frozenset(found.dates), found.figures)


class _Found:
    def __init__(self) -> None:
        self.columns: dict[str, None] = dict.fromkeys(("app_token", "app_name", "currency"))
        self.dates: set[Any] = set()
        self.figures: list[Sequence[Any]] = []

    def look_at(self, level: str, elements: Sequence[Element]) -> None:
        """Look at the elements of a level, those below all parents together, then at the levels below them."""
        below: dict[str, list[Element]] = {}
        inner_keys: dict[tuple[str, ...], list[str]] = {}
        for element in elements:
            keys = tuple(element)
            inner = inner_keys.get(keys)
            if inner is None:
                self.columns |= dict.fromkeys(level_columns(level, element).values())
                inner = [key for key in keys if key not in NO_LEVELS]
                if has_fixed_columns(level, element):
                    inner_keys[keys] = inner
            for key in inner:
                if is_level(key, value := element[key]):
                    below.setdefault(key, []).extend(value)
        self.dates.update([element["date"] for element in elements if "date" in element])
        self.figures += [values for element in elements if (values := element.get("kpi_values")) is not None]
        for key, inner_elements in below.items():
            self.look_at(key, inner_elements)
