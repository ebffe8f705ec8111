"""Result sets stored by column: one `Level` for all elements of a level, whatever their parents."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, groupby, repeat
from operator import itemgetter
from types import NoneType
from typing import Any, Self

import attrs

from adjust_async._http.error_words import is_failure
from adjust_async.errors import MalformedError
from adjust_async.kpis.result_sets.checking import check_element
from adjust_async.kpis.result_sets.levels import (
    IDENTIFYING_KEYS,
    LEVELS,
    Element,
    has_fixed_columns,
    is_level,
    level_columns,
)

__all__ = ["FIGURES", "Level", "columns_of", "concatenated", "read_apps", "read_level"]

FIGURES = "kpi_values"
_NUMBERS = frozenset({int, float, NoneType})


@attrs.frozen
class Level:
    """The elements of one level below all of their parents, in order.

    Attributes:
        count: The number of elements.
        shapes: The distinct sequences of keys, in the order of their first appearance.
        shape_of: The index in `shapes` for each element; `None` if all elements have the same keys.
        own: By key, the values that describe the elements; `None` for an element without the key.
        figures: For each KPI, the values of the elements that have figures, in order.
        rows: The number of elements that have figures.
        below: By key, the number of elements that each one has in the level below it (`None` if it lacks the level),
            and these elements.
    """

    count: int
    shapes: tuple[tuple[str, ...], ...]
    shape_of: tuple[int, ...] | None
    own: dict[str, tuple[Any, ...]]
    figures: tuple[tuple[Any, ...], ...]
    rows: int
    below: "dict[str, tuple[tuple[int | None, ...], Level]]"

    def places(self) -> Iterable[int]:
        """Yield the index in `shapes` for each element."""
        return repeat(0, self.count) if self.shape_of is None else self.shape_of

    def elements(self) -> list[Element]:
        """Return the elements as nested dictionaries."""
        below = {key: (lengths, iter(level.elements())) for key, (lengths, level) in self.below.items()}
        figures = zip(*self.figures, strict=True) if self.figures else repeat(())
        elements = []
        for number, shape in enumerate(self.places()):
            element: Element = {}
            for key in self.shapes[shape]:
                if key == FIGURES:
                    element[key] = list(next(figures))
                elif key in below and (length := below[key][0][number]) is not None:
                    inner = below[key][1]
                    element[key] = [next(inner) for _ in range(length)]
                else:
                    element[key] = self.own[key][number]
            elements.append(element)
        return elements

    def reordered(self, places: Sequence[int | None]) -> Self:
        """Return the level with its KPIs in another order.

        Args:
            places: For each KPI its old index; `None` for a KPI that is null.
        """
        nothing = (None,) * self.rows
        return attrs.evolve(
            self,
            figures=tuple(nothing if place is None else self.figures[place] for place in places),
            below={key: (lengths, level.reordered(places)) for key, (lengths, level) in self.below.items()},
        )

    def is_even(self) -> bool:
        """Return whether all elements have the same keys, with either figures or one level below, at all depths."""
        if self.shape_of is not None or len(self.below) > 1:
            return False
        if not self.below:
            return True
        ((lengths, level),) = self.below.values()
        return not self.rows and None not in lengths and level.is_even()

    def walk(self) -> "Iterator[Level]":
        """Yield this level and all levels below it."""
        yield self
        for _, level in self.below.values():
            yield from level.walk()


def read_level(elements: Sequence[Any], kpis: int) -> Level:
    """Check elements and all levels below them, and return them by column.

    Columns are checked as a whole. Elements are checked one by one only if a column fails.

    Raises:
        MalformedError: The first fault; its location starts at the elements, such as `[3].kpi_values`.
    """
    try:
        return _read(elements, kpis)
    except RecursionError:
        raise MalformedError("it is nested too deeply") from None
    except _UnexpectedValueError:
        for index, element in enumerate(elements):
            try:
                check_element(element, kpis)
            except MalformedError as error:
                raise error.below(f"[{index}]") from None
        raise


def read_apps(apps: Sequence[Any], kpis: int) -> tuple[Level, ...]:
    """Check apps, and return them by column: as one level if they have the same keys, otherwise as one for each app.

    Raises:
        MalformedError: The first fault; its location starts at the apps, such as `[3].kpi_values`.
    """
    level = read_level(apps, kpis)
    if level.is_even() or len(apps) < 2:
        return (level,)
    return tuple(_read([app], kpis) for app in apps)


def concatenated(levels: Sequence[Level]) -> Level:
    """Return the elements of several levels with the same KPIs, one level after the other."""
    if len(levels) == 1:
        return levels[0]
    shapes = tuple(dict.fromkeys(chain.from_iterable(level.shapes for level in levels)))
    shape_of = None
    if len(shapes) > 1:
        places = {shape: place for place, shape in enumerate(shapes)}
        shape_of = tuple(
            chain.from_iterable([places[level.shapes[place]] for place in level.places()] for level in levels)
        )
    own = {
        key: tuple(chain.from_iterable(level.own.get(key) or (None,) * level.count for level in levels))
        for key in dict.fromkeys(chain.from_iterable(level.own for level in levels))
    }
    below: dict[str, tuple[tuple[int | None, ...], Level]] = {}
    for key in dict.fromkeys(chain.from_iterable(level.below for level in levels)):
        lengths = (level.below[key][0] if key in level.below else (None,) * level.count for level in levels)
        inner = [level.below[key][1] for level in levels if key in level.below]
        below[key] = tuple(chain.from_iterable(lengths)), concatenated(inner)
    return Level(
        sum(level.count for level in levels),
        shapes,
        shape_of,
        own,
        tuple(
            tuple(chain.from_iterable(columns)) for columns in zip(*(level.figures for level in levels), strict=True)
        ),
        sum(level.rows for level in levels),
        below,
    )


class _UnexpectedValueError(Exception):
    """A column has a value that does not belong in a result set."""


def _read(elements: Sequence[Any], kpis: int) -> Level:
    if not set(map(type, elements)) <= {dict}:
        raise _UnexpectedValueError
    shapes = tuple(dict.fromkeys(map(tuple, elements)))
    uniform = len(shapes) <= 1
    places = {shape: place for place, shape in enumerate(shapes)}
    own: dict[str, tuple[Any, ...]] = {}
    below: dict[str, tuple[tuple[int | None, ...], Level]] = {}
    figures: tuple[tuple[Any, ...], ...] = ((),) * kpis
    rows = 0
    for key in dict.fromkeys(chain.from_iterable(shapes)):
        if key == FIGURES:
            values = [element[key] for element in elements if uniform or key in element]
            figures, rows = _figures(values, kpis), len(values)
            continue
        cells = tuple(map(itemgetter(key), elements)) if uniform else tuple([one.get(key) for one in elements])
        types = set(map(type, cells))
        if key in IDENTIFYING_KEYS:
            if not types <= {str, int, bool, NoneType}:
                raise _UnexpectedValueError
            own[key] = _with_equal_texts_once(cells) if types == {str} else cells
        elif any(is_failure(key, cell) for cell in cells):
            raise _UnexpectedValueError
        elif list not in types:
            if key in LEVELS and types != {NoneType}:
                raise _UnexpectedValueError
            own[key] = cells
        else:
            _read_below(key, cells, types, kpis, own, below)
    shape_of = None if uniform else tuple([places[tuple(element)] for element in elements])
    if len(below) > 1:
        below = {key: below[key] for key in sorted(below, key=partial(_place, below, shapes, shape_of))}
    return Level(len(elements), shapes, shape_of, own, figures, rows, below)


def _with_equal_texts_once(cells: tuple[str, ...]) -> tuple[str, ...]:
    # 196,000 days of 7,000 trackers keep 16 MB instead of 27, and become rows sooner (2026-11-26).
    same = dict(zip(cells, cells, strict=True))
    return tuple(map(same.__getitem__, cells)) if len(same) < len(cells) else cells


def _place(
    below: dict[str, tuple[tuple[int | None, ...], Level]],
    shapes: Sequence[tuple[str, ...]],
    shape_of: Sequence[int] | None,
    key: str,
) -> tuple[int, int]:
    """Return the first position of a level. The first elements may have other values under its key, or none."""
    first = next(number for number, length in enumerate(below[key][0]) if length is not None)
    return first, shapes[0 if shape_of is None else shape_of[first]].index(key)


def _read_below(
    key: str,
    cells: tuple[Any, ...],
    types: set[type],
    kpis: int,
    own: dict[str, tuple[Any, ...]],
    below: dict[str, tuple[tuple[int | None, ...], Level]],
) -> None:
    """Read a key with lists, which may be levels for some elements only."""
    if key in LEVELS:
        if not types <= {list, NoneType}:
            raise _UnexpectedValueError
        flags: Sequence[bool] = [type(cell) is list for cell in cells] if len(types) > 1 else (True,) * len(cells)
    else:
        flags = [is_level(key, cell) or (type(cell) is list and type(cell[0]) is Level) for cell in cells]
    if not all(flags):
        own[key] = tuple([None if flag else cell for cell, flag in zip(cells, flags, strict=True)])
    if any(flags):
        lists = cells if all(flags) else [cell for cell, flag in zip(cells, flags, strict=True) if flag]
        elements = list(chain.from_iterable(lists))
        in_runs = Level in set(map(type, elements))
        length = _length if in_runs else len
        lengths = (
            tuple(map(length, cells))
            if all(flags)
            else tuple([length(cell) if flag else None for cell, flag in zip(cells, flags, strict=True)])
        )
        below[key] = lengths, (_read_runs(elements, kpis) if in_runs else _read(elements, kpis))


def _read_runs(elements: Sequence[Any], kpis: int) -> Level:
    """Return elements as one level. Some are levels already."""
    runs = [list(run) for _, run in groupby(elements, key=lambda one: type(one) is Level)]
    levels = (run if type(run[0]) is Level else [_read(run, kpis)] for run in runs)
    return concatenated(list(chain.from_iterable(levels)))


def _length(elements: Sequence[Any]) -> int:
    """Return the number of elements. Some are levels already."""
    return sum(one.count if type(one) is Level else 1 for one in elements)


def _figures(values: Sequence[Any], kpis: int) -> tuple[tuple[Any, ...], ...]:
    if not set(map(type, values)) <= {list} or not set(map(len, values)) <= {kpis}:
        raise _UnexpectedValueError
    columns = tuple(zip(*values, strict=True)) if values else ((),) * kpis
    for column in columns:
        if not set(map(type, column)) <= _NUMBERS:
            raise _UnexpectedValueError
    return columns


def columns_of(apps: Iterable[Level]) -> list[str]:
    """Return the columns of all levels, outermost first, in the order of the elements that have them."""
    columns: dict[str, None] = dict.fromkeys(("app_token", "app_name", "currency"))
    _find_columns("apps", list(apps), columns)
    return list(columns)


def _find_columns(name: str, levels: Sequence[Level], columns: dict[str, None]) -> None:
    below: dict[str, list[Level]] = {}
    for level in levels:
        if all(has_fixed_columns(name, shape) for shape in level.shapes):
            forms: Iterable[Element] = (dict.fromkeys(shape) for shape in level.shapes)
        else:
            forms = level.elements()
        for element in forms:
            columns |= dict.fromkeys(level_columns(name, element).values())
        for key, (_, inner) in level.below.items():
            below.setdefault(key, []).append(inner)
    for key, inner_levels in below.items():
        _find_columns(key, inner_levels, columns)
