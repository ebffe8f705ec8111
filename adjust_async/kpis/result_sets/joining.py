"""Join the windows of an app, and merge the parameters of several answers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from types import NoneType
from typing import Any

import attrs

from adjust_async.errors import MalformedError
from adjust_async.kpis.result_sets.columns import FIGURES, Level, concatenated
from adjust_async.kpis.result_sets.levels import singular

__all__ = ["MergedParameters", "join_windows", "named_entries", "names_by_level"]


def join_windows(apps: Sequence[Level]) -> Level:
    """Return an app with the elements of all its windows. Figures are never summed: many are rates or distinct users.

    Args:
        apps: The app in each window, with the same KPIs.

    Raises:
        MalformedError: Two windows have figures for the same element, or their currencies differ.
    """
    return _Join(concatenated(apps), [0] * len(apps), 1, range(len(apps))).level(lambda _: "")


@attrs.frozen
class _Join:
    """The elements of one level in all windows.

    Attributes:
        elements: The elements, window by window.
        number_of: For each element, the number of the joined element that it becomes a part of.
        count: The number of joined elements.
        windows: The window of each element.
    """

    elements: Level
    number_of: Sequence[int]
    count: int
    windows: Sequence[int]

    def level(self, where: Callable[[int], str]) -> Level:
        """Return the joined elements. `where` returns the location of a joined element."""
        all_of_one_form = self.elements.shape_of is None
        forms = self.elements.shapes if all_of_one_form else tuple(map(tuple, self._forms()))
        shapes = tuple(dict.fromkeys(forms))
        places = {shape: place for place, shape in enumerate(shapes)}
        rows = self._rows(where)
        return Level(
            self.count,
            shapes,
            None if len(shapes) <= 1 else tuple([places[form] for form in forms]),
            {key: self._values(key, cells, where) for key, cells in self.elements.own.items()},
            tuple(tuple(map(column.__getitem__, rows)) for column in self.elements.figures),
            len(rows),
            {key: self._below(key, lengths, inner, where) for key, (lengths, inner) in self.elements.below.items()},
        )

    def _forms(self) -> list[dict[str, None]]:
        """Return the keys of each joined element."""
        forms: list[dict[str, None]] = [{} for _ in range(self.count)]
        for number, shape in zip(self.number_of, self.elements.places(), strict=True):
            forms[number] |= dict.fromkeys(self.elements.shapes[shape])
        return forms

    def _values(self, key: str, cells: Sequence[Any], where: Callable[[int], str]) -> tuple[Any, ...]:
        """Return what describes the joined elements: the value of the first window that has one."""
        values: list[Any] = [None] * self.count
        for number, cell in zip(self.number_of, cells, strict=True):
            if values[number] is None:
                values[number] = cell
            elif key == "currency" and cell is not None and cell != values[number]:
                currencies = sorted((str(values[number]), str(cell)))
                problem = f"two windows have different currencies: {currencies}"
                raise MalformedError(problem, f"{where(number)}.currency")
        return tuple(values)

    def _rows(self, where: Callable[[int], str]) -> list[int]:
        """Return the index in `figures` for each joined element that has figures."""
        have_figures = [FIGURES in shape for shape in self.elements.shapes]
        rows: list[int | None] = [None] * self.count
        row = 0
        for number, shape in zip(self.number_of, self.elements.places(), strict=True):
            if have_figures[shape]:
                if rows[number] is not None:
                    raise MalformedError("two windows have figures for the same element", f"{where(number)}.{FIGURES}")
                rows[number] = row
                row += 1
        return [row for row in rows if row is not None]

    def _below(
        self, key: str, lengths: Sequence[int | None], inner: Level, where: Callable[[int], str]
    ) -> tuple[tuple[int | None, ...], Level]:
        """Return the lengths of a level below the joined elements, and this level, joined too."""
        spans = [0 if length is None else length for length in lengths]
        parents = chain.from_iterable(map(repeat, self.number_of, spans))
        windows = list(chain.from_iterable(map(repeat, self.windows, spans)))
        found: list[dict[object, int]] = [{} for _ in range(self.count)]
        last: list[int] = []
        provisional: list[int] = []
        for parent, window, identity in zip(parents, windows, _identities(key, inner), strict=True):
            number = found[parent].setdefault(identity, len(last))
            if number == len(last):
                last.append(window)
            elif last[number] == window:
                problem = "an element appears twice, so windows can't be joined"
                raise MalformedError(problem, f"{where(parent)}.{key}[{identity!r}]")
            last[number] = window
            provisional.append(number)
        number_of = [0] * len(last)
        for place, number in enumerate(chain.from_iterable(known.values() for known in found)):
            number_of[number] = place

        def where_below(place: int) -> str:
            parent, identity = next(
                (parent, identity)
                for parent, known in enumerate(found)
                for identity, number in known.items()
                if number_of[number] == place
            )
            return f"{where(parent)}.{key}[{identity!r}]"

        have = {number for number, length in zip(self.number_of, lengths, strict=True) if length is not None}
        joined = _Join(inner, [number_of[number] for number in provisional], len(last), windows)
        return (
            tuple([len(known) if number in have else None for number, known in enumerate(found)]),
            joined.level(where_below),
        )


def _identities(name: str, level: Level) -> Iterator[object]:
    """Yield what distinguishes each element of a level from its siblings: its token, its own key, or all values."""
    own, nothing = level.own, (None,) * level.count
    described = [key for key in own if key != FIGURES]
    for number, (token, value) in enumerate(
        zip(own.get("token") or nothing, own.get(singular(name)) or nothing, strict=True)
    ):
        if token is not None:
            yield token
        elif value is not None:
            yield value
        else:
            cells = ((key, own[key][number]) for key in described)
            yield tuple(sorted((pair for pair in cells if not isinstance(pair[1], (list, dict, NoneType))), key=repr))


class MergedParameters:
    """The `result_parameters` of several answers: those of the first, with the KPIs, trackers and events of all."""

    def __init__(self) -> None:
        self._count = 0
        self._values: dict[str, Any] = {}
        self._kpis: dict[str, None] = {}
        self._named: dict[str, dict[str, Any]] = {"trackers": {}, "events": {}}

    def add(self, answer: Mapping[str, Any]) -> None:
        """Add the parameters of the next answer."""
        self._count += 1
        for key, value in answer.items():
            self._values.setdefault(key, value)
        self._kpis |= dict.fromkeys(answer.get("kpis", ()))
        for key, named in self._named.items():
            for entry in named_entries(answer, key):
                known = named.get(entry["token"])
                if known is None or known.get("name") is None:
                    named[entry["token"]] = entry

    def result(self) -> dict[str, Any]:
        """Return the merged parameters; those of a single answer unchanged."""
        if self._count == 1:
            return self._values
        lists = {"kpis": list(self._kpis), **{key: list(named.values()) for key, named in self._named.items()}}
        return self._values | {key: entries for key, entries in lists.items() if entries}


def named_entries(parameters: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the trackers or events that an answer lists apart from its figures, as `{token, name}`."""
    entries = parameters.get(key)
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("token"), str)]


def names_by_level(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the names of trackers and events by token, if an answer lists them apart from its figures."""
    names: dict[str, dict[str, Any]] = {}
    for key in ("trackers", "events"):
        of_level = names[key] = {}
        for entry in named_entries(parameters, key):
            if isinstance(name := entry.get("name"), str):
                of_level.setdefault(entry["token"], name)
    return names
