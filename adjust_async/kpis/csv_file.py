"""Read the KPI Service's CSV into the nested structure of its JSON, so that one report class serves both."""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from adjust_async._checks import LARGEST_NUMBER, shown
from adjust_async._figures.csv_cells import csv_records
from adjust_async.errors import MalformedError
from adjust_async.kpis.result_sets.levels import level_columns

__all__ = ["Document", "read_csv"]

#: Columns of levels whose elements have a token, outermost first. The name may be missing.
_TOKEN_LEVELS = {
    "app": "apps",
    "tracker": "trackers",
    "network": "networks",
    "campaign": "campaigns",
    "adgroup": "adgroups",
    "creative": "creatives",
    "event": "events",
}
#: The levels of the campaign structure.
_STRUCTURE = frozenset({"networks", "campaigns", "adgroups", "creatives"})
#: Columns of the other levels, under their names in machine and in human-readable headers.
_PLAIN_LEVELS = {
    "date": ("dates", "date"),
    "hour": ("dates", "date"),
    "day": ("dates", "date"),
    "week": ("dates", "date"),
    "month": ("dates", "date"),
    "country": ("countries", "country"),
    "region": ("regions", "region"),
    "device_type": ("device_types", "device_type"),
    "os_name": ("os_names", "os_name"),
    "partner": ("partners", "partner"),
    "period": ("periods", "period"),
    "days_after_install": ("periods", "period"),
    "weeks_after_install": ("periods", "period"),
    "months_after_install": ("periods", "period"),
}


class _Place(NamedTuple):
    """The content of a column: the `key` of the element at a `level`, or a KPI if `level` is `None`."""

    level: str | None
    key: str


class _Line(NamedTuple):
    number: int
    cells: list[str]


class Document(NamedTuple):
    """A CSV in the structure of the JSON.

    Attributes:
        kpis: The names of the columns with figures.
        apps: The apps, nested as in a result set.
        names: The names of trackers and events, as in `result_parameters`.
        columns: The columns of levels in the header, outermost first.
        period_unit: The unit of periods, if the header has it.
    """

    kpis: list[str]
    apps: list[dict[str, Any]]
    names: dict[str, list[dict[str, Any]]]
    columns: list[str]
    period_unit: str | None


def read_csv(text: str, app: Mapping[str, str | None]) -> Document:
    """Return a CSV in the structure of the JSON.

    Args:
        text: The CSV, without byte order mark.
        app: The app's token, name and currency, as far as they are known, for a CSV without columns for them.

    Raises:
        MalformedError: It is not a CSV of the KPI Service, a line is too short, too long or repeated, or a figure is
            not a number.
    """
    lines = _lines(text)
    header = next(lines, None)
    if header is None:
        raise MalformedError("the CSV is empty: one without figures still has a header", "line 1", transient=True)
    header, lines, units = _without_units(header, lines)
    places, levels = _places(header)
    kpis = [place.key for place in places if place.level is None]
    nest = _Nest()
    for line in lines:
        if len(line.cells) != len(places):
            raise _error(line, f"it has {len(line.cells)} cells, but the header has {len(places)}")
        elements: dict[str, dict[str, Any]] = {"apps": dict(app), **{level: {} for level in levels}}
        values: list[int | float | None] = []
        for place, cell, title in zip(places, line.cells, header.cells, strict=True):
            if place.level is None:
                values.append(_number(line, cell, title))
            elif cell:
                elements[place.level][place.key] = cell
        leaf = nest.find(elements)
        if "kpi_values" in leaf:
            raise _error(line, "an earlier line has figures for the same element")
        leaf["kpi_values"] = values
    return Document(kpis, nest.apps, nest.names(), _columns(places, levels), next(iter(units), None))


def _without_units(header: _Line, lines: Iterator[_Line]) -> tuple[_Line, Iterator[_Line], Mapping[str, None]]:
    """Drop the column `period_unit`, which `KpiReport.to_csv` writes.

    Returns:
        The header, the lines, and the units of periods as keys: one in the header at once, those in the column only
            after the lines were read.
    """
    titles = [_slug(title) for title in header.cells]
    units = dict.fromkeys(unit for unit in ("day", "week", "month") if f"{unit}s_after_install" in titles)
    if not {"period", "period_unit"} <= set(titles):
        return header, lines, units
    place = titles.index("period_unit")

    def shorter() -> Iterator[_Line]:
        for line in lines:
            unit = line.cells[place] if len(line.cells) == len(titles) else ""
            if unit:
                units[unit] = None
            yield _Line(line.number, [*line.cells[:place], *line.cells[place + 1 :]])

    cells = [*header.cells[:place], *header.cells[place + 1 :]]
    return _Line(header.number, cells), shorter(), units


def _columns(places: list[_Place], levels: list[str]) -> list[str]:
    columns = ["app_token", "app_name", "currency"]
    for level in levels:
        keys = [place.key for place in places if place.level == level]
        element = dict.fromkeys(("token", "name") if "token" in keys else keys)
        columns += level_columns(level, element).values()
    return list(dict.fromkeys(columns))


class _Nest:
    """The apps of a CSV, built line by line."""

    def __init__(self) -> None:
        self.apps: list[dict[str, Any]] = []
        self._known: dict[tuple[int, str, Any], dict[str, Any]] = {}

    def find(self, elements: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """Return the innermost element of a line. Missing elements are created, including those above it."""
        root: dict[str, Any] = {"apps": self.apps}
        element = root
        for level, found in elements.items():
            if not found and level != "apps":
                continue
            identity = (id(element) if element is not root else 0, level, found.get("token") or tuple(found.values()))
            if identity not in self._known:
                self._known[identity] = dict(found)
                element.setdefault(level, []).append(self._known[identity])
            element = self._known[identity]
            if element.get("name") is None and found.get("name"):
                element["name"] = found["name"]
        return element

    def names(self) -> dict[str, list[dict[str, Any]]]:
        """Return the names of trackers and events as in `result_parameters`, each once."""
        names: dict[str, dict[str, Any]] = {"trackers": {}, "events": {}}
        for (_, level, _), element in self._known.items():
            if level in names and element.get("token"):
                entry = names[level].setdefault(element["token"], {"token": element["token"], "name": None})
                entry["name"] = entry["name"] or element.get("name")
        return {level: list(entries.values()) for level, entries in names.items() if entries}


def _lines(text: str) -> Iterator[_Line]:
    number = 0
    try:
        for cells, number in csv_records(list(io.StringIO(text, newline="")), strict=False):
            if cells:
                yield _Line(number, cells)
    except csv.Error as error:
        raise _error(_Line(number + 1, []), str(error)) from None


def _places(header: _Line) -> tuple[list[_Place], list[str]]:
    """Return the content of each column, and the levels, outermost first.

    If networks, campaigns and so on have only a column for their name, the `tracker_token` before them belongs to the
    innermost of them.
    """
    if any(character in "".join(header.cells) for character in "<>{}[];") or (
        len(header.cells) == 1 and re.search(r"[./\\]|^[0-9]", header.cells[0])
    ):
        raise _error(header, "it is not a header of the KPI Service's CSV; pass a pathlib.Path to read a file")
    places = [_place(title) for title in header.cells]
    for number, place in enumerate(places):
        if not place.key:
            raise _error(header, f"column {number + 1} has no name")
        if place in places[:number]:
            raise _error(header, f"{header.cells[number]!r} means the same as an earlier column")
    named = [place.level for place in places if place.key == "name"]
    structure = [level for level in named if level in _STRUCTURE]
    alone = not any(_Place(level, "token") in places for level in structure)
    if _Place("trackers", "token") in places and "trackers" not in named and structure and alone:
        innermost = max(structure, key=list(_TOKEN_LEVELS.values()).index)
        levels = dict.fromkeys(place.level for place in places if place.level not in {None, "apps", "trackers"})
        places = [_Place(innermost, "token") if place.level == "trackers" else place for place in places]
        return places, [level for level in levels if level]
    return places, list(dict.fromkeys(place.level for place in places if place.level and place.level != "apps"))


def _slug(title: str) -> str:
    return "_".join(title.strip().lower().split())


def _place(title: str) -> _Place:
    slug = _slug(title)
    if slug == "currency":
        return _Place("apps", "currency")
    if slug in _PLAIN_LEVELS:
        return _Place(*_PLAIN_LEVELS[slug])
    if _TOKEN_LEVELS.get(slug) in _STRUCTURE:
        return _Place(_TOKEN_LEVELS[slug], "name")
    one, _, key = slug.rpartition("_")
    if one in _TOKEN_LEVELS and key in {"token", "name"}:
        return _Place(_TOKEN_LEVELS[one], key)
    return _Place(None, title.strip())


def _number(line: _Line, cell: str, title: str) -> int | float | None:
    text = cell.strip()
    if not text:
        return None
    if re.fullmatch("-?[0-9]+", text) and len(text) < 20 and abs(int(text)) <= LARGEST_NUMBER:
        return int(text)
    if re.fullmatch(r"-?[0-9]*\.?[0-9]+([eE][+-]?[0-9]{1,3})?", text) and not text.removeprefix("-").isdigit():
        number = float(text)
        if math.isfinite(number):
            return number
    raise _error(line, f"expected a number under {title!r}, found {shown(cell)}")


def _error(line: _Line, problem: str) -> MalformedError:
    return MalformedError(problem, f"line {line.number}")
