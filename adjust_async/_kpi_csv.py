"""The KPI Service's CSV, back to the nested shape of its JSON: so that one report serves both."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from adjust_async._arguments import shown
from adjust_async.errors import DecodeError

__all__ = ["read_csv"]

#: Columns of levels whose elements have a token; the name may be missing. From the outermost to the innermost.
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
#: Columns of the other levels, with the names that human-readable headers have for them.
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
    """What a column holds: the element's `key` at a `level`; a KPI where there is no level."""

    level: str | None
    key: str


class _Line(NamedTuple):
    number: int
    cells: list[str]


def read_csv(
    text: str, app: Mapping[str, str | None]
) -> tuple[list[str], list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """Read the CSV: give its KPIs, its apps in the shape of the JSON, and the names of trackers and events.

    Args:
        text: The CSV, without byte order mark.
        app: What is known of the app, for a CSV without columns for it.

    Raises:
        DecodeError: A line is too short or too long, or a figure is no number.
    """
    lines = _lines(text)
    header = next(lines, _Line(1, []))
    places, levels = _places(header.cells)
    kpis = [place.key for place in places if place.level is None]
    apps: list[dict[str, Any]] = []
    known: dict[tuple[int, str, Any], dict[str, Any]] = {}
    names: dict[str, dict[str, dict[str, Any]]] = {"trackers": {}, "events": {}}
    for line in lines:
        if len(line.cells) != len(places):
            raise _error(line, f"{len(line.cells)} cells stand under {len(places)} headers")
        elements: dict[str, dict[str, Any]] = {"apps": dict(app), **{level: {} for level in levels}}
        values: list[int | float | None] = []
        for place, cell, title in zip(places, line.cells, header.cells, strict=True):
            if place.level is None:
                values.append(_number(line, cell, title))
            elif cell:
                elements[place.level][place.key] = cell
        elements = {level: element for level, element in elements.items() if element or level == "apps"}
        _insert(apps, known, elements)["kpi_values"] = values
        for level, entries in names.items():
            if "token" in (element := elements.get(level, {})):
                entries.setdefault(element["token"], {"token": element["token"], "name": element.pop("name", None)})
    return kpis, apps, {level: list(entries.values()) for level, entries in names.items() if entries}


def _insert(
    apps: list[dict[str, Any]],
    known: dict[tuple[int, str, Any], dict[str, Any]],
    elements: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    """Find the innermost element of a line, and make those above it that are not there yet."""
    siblings, parent, above = apps, apps, None
    element: dict[str, Any] = {}
    for level, found in elements.items():
        if above is not None:
            siblings = above.setdefault(level, [])
        identity = (id(parent), level, found.get("token") or tuple(found.values()))
        if identity not in known:
            known[identity] = dict(found)
            siblings.append(known[identity])
        element = above = known[identity]
        parent = element  # type: ignore[assignment] # only its identity counts
    return element


def _lines(text: str) -> Iterator[_Line]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for cells in reader:
            if cells:
                yield _Line(reader.line_num, cells)
    except csv.Error as error:
        raise _error(_Line(reader.line_num, []), str(error)) from None


def _places(titles: list[str]) -> tuple[list[_Place], list[str]]:
    """Find out what each column holds, and which levels there are, from the outermost to the innermost.

    Where networks, campaigns and the like have a column for their name alone, the one `tracker_token` before them is
    that of the innermost of them.
    """
    places = [_place(title) for title in titles]
    named = [place.level for place in places if place.key == "name"]
    if _Place("trackers", "token") in places and "trackers" not in named:
        structure = [level for level in named if level in _STRUCTURE]
        if structure and not any(_Place(level, "token") in places for level in structure):
            places = [_Place(structure[-1], "token") if place.level == "trackers" else place for place in places]
            first = next(number for number, place in enumerate(places) if place.level == structure[-1])
            levels = dict.fromkeys(
                place.level for number, place in enumerate(places) if place.level and number != first
            )
            return places, list(levels)
    return places, list(dict.fromkeys(place.level for place in places if place.level))


def _place(title: str) -> _Place:
    slug = "_".join(title.strip().lower().split())
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
    if re.fullmatch(r"-?[0-9]{1,300}", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        raise _error(line, f"expected a number under {title!r}, found {shown(cell)}") from None


def _error(line: _Line, problem: str) -> DecodeError:
    return DecodeError(problem, location=f"line {line.number}")
