"""The KPI Service's nested result sets, as pure functions: to check, to merge, to join, and to walk them.

A result set nests one level in the other, in the order of the grouping, each a list of elements; the innermost
elements hold `kpi_values`, in the order of `result_parameters.kpis`. What is followed here is the keys of the data,
never the echoed grouping: `network` comes back as `networks`, and `weeks` as `dates`. Levels are ragged: one element
has what the next one lacks.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import NoneType
from typing import Any, Final, NamedTuple

from adjust_async._checks import LARGEST_NUMBER, shown

__all__ = [
    "ResultSetError",
    "check_app",
    "columns_of",
    "dates_of",
    "has_figures",
    "join_elements",
    "level_columns",
    "merge_parameters",
    "names_by_level",
    "reorder",
    "rows",
    "singular",
    "types_of",
]

Element = dict[str, Any]

#: Every documented level, with what one of its elements is called.
LEVELS: Final = {
    "apps": "app",
    "trackers": "tracker",
    "networks": "network",
    "campaigns": "campaign",
    "adgroups": "adgroup",
    "creatives": "creative",
    "dates": "date",
    "countries": "country",
    "regions": "region",
    "device_types": "device_type",
    "os_names": "os_name",
    "partners": "partner",
    "events": "event",
    "periods": "period",
}
#: What the columns of documented levels are called, so that no KPI can be.
LEVEL_COLUMNS: Final = frozenset(
    {"currency", *LEVELS.values()} | {f"{one}_{key}" for one in LEVELS.values() for key in ("token", "name")}
)
_NUMBERS: Final = frozenset({int, float, NoneType})
_IDENTIFYING_KEYS: Final = frozenset({"token", "name", "currency", *LEVELS.values()})
_IDENTIFIERS: Final = (str, int, NoneType)
#: Keys under which there is never a level.
_NO_LEVELS: Final = frozenset({"kpi_values", *_IDENTIFYING_KEYS})
#: What values are in decoded JSON: those of identifying keys, and those of levels. Figures have the types of _NUMBERS.
_IDENTIFYING_TYPES: Final = frozenset(_IDENTIFIERS)
_LEVEL_TYPES: Final = frozenset({list, NoneType})


class ResultSetError(Exception):
    """A result set that is not what the KPI Service documents; `location` tells where, from the app on."""

    def __init__(self, problem: str, location: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.location = location

    def below(self, step: str) -> "ResultSetError":
        """Give the same error as it is seen from one step further out."""
        self.location = step + self.location
        return self


def singular(level: str) -> str:
    """Give what one element of a level is called, such as `tracker` for `trackers`."""
    if level in LEVELS:
        return LEVELS[level]
    return f"{level.removesuffix('ies')}y" if level.endswith("ies") else level.removesuffix("s")


def levels_of(element: Element) -> list[str]:
    """Name the levels right below an element: its lists of objects."""
    return [key for key, value in element.items() if _is_level(key, value)]


def _is_level(key: str, value: object) -> bool:
    if not isinstance(value, list) or key in _NO_LEVELS:
        return False
    return not value or key in LEVELS or any(isinstance(element, dict) for element in value)


def check_app(app: object, kpis: int) -> None:
    """Check that all below an app is of the documented shape, with a value for each of so many KPIs.

    Raises:
        ResultSetError: It is not.
    """
    if not _is_sound(app, kpis):
        _check(app, kpis)


def _is_sound(app: object, kpis: int) -> bool:
    """Tell whether an app is sound beyond doubt, in half of the time that `_check` takes: nearly every app is.

    All elements of one depth are looked at together, key by key. That can't tell where a fault is, and not all that is
    in doubt is a fault, such as a fraction above the largest integer: `_check` is the judge of both.
    """
    elements: list[Any] = [app]
    while elements:
        if not {dict}.issuperset(map(type, elements)):
            return False
        below: list[Any] = []
        for key in _keys(elements):
            values = [element[key] for element in elements if key in element]
            if key == "kpi_values":
                sound = _are_figures(values, kpis)
            elif key in _IDENTIFYING_KEYS:
                sound = _IDENTIFYING_TYPES.issuperset(map(type, values))
            else:
                sound = key not in LEVELS or _LEVEL_TYPES.issuperset(map(type, values))
                below += chain.from_iterable(value for value in values if _is_level(key, value))
            if not sound:
                return False
        elements = below
    return True


def _keys(elements: Iterable[Element]) -> set[str]:
    """Collect the keys of all elements."""
    return set().union(*elements)


def _are_figures(lists: Sequence[Any], kpis: int) -> bool:
    """Tell whether all of these are lists of so many numbers or nulls, none of which is too large."""
    if not {list}.issuperset(map(type, lists)) or not {kpis}.issuperset(map(len, lists)):
        return False
    values = list(chain.from_iterable(lists))
    if not _NUMBERS.issuperset(map(type, values)):
        return False
    return max(map(abs, filter(None, values)), default=0) <= LARGEST_NUMBER


def _check(app: object, kpis: int) -> None:
    """Check an app element by element, and raise the error of the first fault."""
    if not isinstance(app, dict):
        raise ResultSetError(f"expected an object, found {shown(app)}")
    for key, value in app.items():
        if key == "kpi_values":
            _check_values(value, kpis)
        elif _is_level(key, value):
            for index, element in enumerate(value):
                try:
                    _check(element, kpis)
                except ResultSetError as error:
                    raise error.below(f".{key}[{index}]")  # noqa: B904 - it is the same error
        elif key in LEVELS and value is not None:
            raise ResultSetError(f"expected a list of objects, found {shown(value)}", f".{key}")
        elif key in _IDENTIFYING_KEYS and not isinstance(value, _IDENTIFIERS):
            raise ResultSetError(f"expected text, found {shown(value)}", f".{key}")


def _check_values(values: object, kpis: int) -> None:
    if not isinstance(values, list):
        raise ResultSetError(f"expected a list of numbers, found {shown(values)}", ".kpi_values")
    if len(values) != kpis:
        raise ResultSetError(f"{len(values)} values stand for {kpis} KPIs", ".kpi_values")
    if not _NUMBERS.issuperset(map(type, values)):
        index, value = next((index, value) for index, value in enumerate(values) if type(value) not in _NUMBERS)
        raise ResultSetError(f"expected a number or null, found {shown(value)}", f".kpi_values[{index}]")
    for index, value in enumerate(values):
        if type(value) is int and not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
            raise ResultSetError(f"{shown(value)} is larger than a table can hold", f".kpi_values[{index}]")


def reorder(app: Element, places: Sequence[int | None]) -> Element:
    """Copy an app with its values in another order; `places` has the old place of each new value, `None` for null."""
    copy = dict(app)
    for level in levels_of(app):
        copy[level] = [reorder(element, places) for element in app[level]]
    if "kpi_values" in app:
        values = app["kpi_values"]
        copy["kpi_values"] = [None if place is None else values[place] for place in places]
    return copy


def _plain(element: Element) -> dict[str, Any]:
    """Give what an element says of itself: all but its figures and what is below."""
    return {k: v for k, v in element.items() if k != "kpi_values" and not isinstance(v, (list, dict))}


def _identity(level: str, element: Element) -> object:
    for key in ("token", singular(level)):
        if element.get(key) is not None:
            return element[key]
    return tuple(sorted(_plain(element).items(), key=repr))


def _by_identity(level: str, elements: Sequence[Element]) -> dict[object, Element]:
    found: dict[object, Element] = {}
    for index, element in enumerate(elements):
        identity = _identity(level, element)
        if identity in found:
            raise ResultSetError("an element is there twice, so that windows can't be joined", f".{level}[{index}]")
        found[identity] = element
    return found


def join_elements(one: Element, other: Element) -> Element:
    """Join the same element of two answers, which must have no figure in common.

    Raises:
        ResultSetError: Both have figures for the same leaf, or in different currencies. Nothing is added up: many KPIs
            are rates or distinct users.
    """
    if "kpi_values" in one and "kpi_values" in other:
        raise ResultSetError("two windows have figures for the same element", ".kpi_values")
    currencies = {element["currency"] for element in (one, other) if element.get("currency") is not None}
    if len(currencies) > 1:
        raise ResultSetError(f"two windows are in different currencies: {sorted(map(str, currencies))}", ".currency")
    joined = {**other, **{key: value for key, value in one.items() if value is not None}}
    for level in levels_of(other):
        if not isinstance(one.get(level), list):
            continue
        elements = _by_identity(level, one[level])
        for identity, element in _by_identity(level, other[level]).items():
            known = elements.get(identity)
            try:
                elements[identity] = element if known is None else join_elements(known, element)
            except ResultSetError as error:
                raise error.below(f".{level}[{identity!r}]")  # noqa: B904 - it is the same error
        joined[level] = list(elements.values())
    return joined


def merge_parameters(answers: Sequence[Mapping[str, Any]], kpis: Sequence[str]) -> dict[str, Any]:
    """Merge the `result_parameters` of several answers: those of the first one, with all names of all of them."""
    merged = {key: value for answer in reversed(answers) for key, value in answer.items()}
    for key in ("trackers", "events"):
        named: dict[str, Any] = {}
        for answer in answers:
            for entry in _entries(answer, key):
                known = named.setdefault(entry["token"], entry)
                if known is not entry and known.get("name") is None:
                    named[entry["token"]] = entry
        if named:
            merged[key] = list(named.values())
    if kpis or "kpis" in merged:
        merged["kpis"] = list(kpis)
    return merged


def _entries(parameters: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = parameters.get(key)
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("token"), str)]


def names_by_level(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Collect the names that an answer gives apart from its figures: those of its trackers and its events."""
    names: dict[str, dict[str, Any]] = {}
    for key in ("trackers", "events"):
        of_level = names[key] = {}
        for entry in _entries(parameters, key):
            if isinstance(name := entry.get("name"), str):
                of_level.setdefault(entry["token"], name)
    return names


def level_columns(level: str, element: Element) -> dict[str, str]:
    """Map the keys of an element to the columns that they become.

    A token becomes `{singular}_token` and its name `{singular}_name`, and an app's currency `currency`; an element
    without token is known by its own key, such as `country`. Of a level that nobody documented, every text and number
    is kept.
    """
    one = singular(level)
    if level == "apps":
        return {"token": "app_token", "name": "app_name", "currency": "currency"}
    if "token" in element:
        return {"token": f"{one}_token", "name": f"{one}_name"}
    if one in element:
        return {one: one}
    return {key: f"{one}_name" if key == "name" else key for key in _plain(element)}


def _is_known_by_its_keys(level: str, keys: Container[str]) -> bool:
    """Tell whether the columns of an element depend on its keys alone, and not on its values too."""
    return level == "apps" or "token" in keys or singular(level) in keys


class _Level(NamedTuple):
    """A level of a report.

    Attributes:
        name: What it is called.
        elements: All elements of all apps that are below the same levels.
        keys: What keys they have.
    """

    name: str
    elements: Sequence[Element]
    keys: set[str]


def _by_level(apps: Sequence[Element]) -> Iterator[_Level]:
    """Give each level, the outermost first."""
    waiting = [("apps", apps)]
    while waiting:
        name, elements = waiting.pop()
        level = _Level(name, elements, _keys(elements))
        yield level
        for below in reversed(_levels_below(level)):
            lists = [element[below] for element in elements if _is_level(below, element.get(below))]
            waiting.append((below, list(chain.from_iterable(lists))))


def _levels_below(level: _Level) -> list[str]:
    """Name the levels right below any element of a level, in the order in which they come."""
    names = [
        key for key in level.keys - _NO_LEVELS if any(_is_level(key, element.get(key)) for element in level.elements)
    ]
    if len(names) < 2:
        return names
    # The order of several is that of the elements which have them.
    return list(dict.fromkeys(name for element in level.elements for name in levels_of(element)))


def _samples(level: _Level) -> Iterable[Element]:
    """Give few elements of a level that have all of its columns, in the order in which those come."""
    if {len(level.keys)}.issuperset(map(len, level.elements)):
        samples = list(level.elements[:1])
    else:
        samples = list(dict(zip(map(tuple, level.elements), level.elements, strict=True)).values())
    return samples if all(_is_known_by_its_keys(level.name, element) for element in samples) else level.elements


def columns_of(apps: Sequence[Element]) -> list[str]:
    """Name the columns of all levels, the outermost first."""
    columns: dict[str, None] = dict.fromkeys(("app_token", "app_name", "currency"))
    for level in _by_level(apps):
        for element in _samples(level):
            columns.update(dict.fromkeys(level_columns(level.name, element).values()))
    return list(columns)


def has_figures(apps: Sequence[Element]) -> bool:
    """Tell whether there is any figure."""
    return any(element.get("kpi_values") is not None for level in _by_level(apps) for element in level.elements)


def dates_of(apps: Sequence[Element]) -> set[Any]:
    """Collect what stands where dates belong."""
    return {element["date"] for level in _by_level(apps) for element in level.elements if "date" in element}


def types_of(apps: Sequence[Element], kpis: int) -> list[set[type]]:
    """Collect the types of the values, for each of so many KPIs."""
    types: list[set[type]] = [set() for _ in range(kpis)]
    for level in _by_level(apps):
        figures = [values for element in level.elements if (values := element.get("kpi_values")) is not None]
        for place, found in enumerate(types):
            found.update([type(values[place]) for values in figures])
    return types


#: Makes a cell of a level column, of its name and the value.
Cell = Callable[[str, Any], Any]


class _Dates(dict[str, Any]):
    """The cells of dates by their texts: there are few of them, each in thousands of rows."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def __missing__(self, text: str) -> Any:
        self[text] = cell = self._cell("date", text)
        return cell


#: How an element becomes a row: the keys that are cells, with their columns, and the keys that may be levels.
_Plan = tuple[list[tuple[str, str]], list[str]]


def _plan(level: str, element: Element, known: dict[tuple[str, ...], _Plan]) -> _Plan:
    """Make the plan of an element, which is known from now on if it is that of all elements with these keys."""
    plan = list(level_columns(level, element).items()), [key for key in element if key not in _NO_LEVELS]
    if _is_known_by_its_keys(level, element):
        known[tuple(element)] = plan
    return plan


def rows(
    apps: Iterable[Element],
    columns: Iterable[str],
    kpis: Sequence[str],
    names: Mapping[str, Mapping[str, Any]],
    cell: Cell,
) -> Iterator[dict[str, Any]]:
    """Walk to every element that has `kpi_values`: give a row with the cells of all levels above it, then its figures.

    Args:
        apps: The apps.
        columns: The columns of all their levels, outermost first.
        kpis: What the figures are of.
        names: By level, what the tokens are called whose elements don't say it.
        cell: Makes their cells; a text is one as it is, unless it is a date.
    """
    dates, places = _Dates(cell), list(enumerate(kpis))
    plans: dict[str, dict[tuple[str, ...], _Plan]] = {"apps": {}}
    # One loop that goes down and up again: nested generators would hand on each row once for each level.
    path = [("apps", plans["apps"], iter(apps), dict.fromkeys((*columns, *kpis)))]
    while path:
        level, known, elements, above = path[-1]
        for element in elements:
            own, levels = known.get(tuple(element)) or _plan(level, element, known)
            row = above.copy()
            for key, column in own:
                value = element.get(key)
                if type(value) is not str:
                    value = cell(column, _known(value, element, key, names.get(level, {})))
                elif column == "date":
                    value = dates[value]
                row[column] = value
            values = element.get("kpi_values")
            if values is not None:
                if len(values) != len(kpis):
                    raise ValueError(f"{len(values)} values stand for {len(kpis)} KPIs")
                given = row.copy() if levels else row
                for place, kpi in places:
                    given[kpi] = values[place]
                yield given
            if levels:
                path += [
                    (key, plans.setdefault(key, {}), iter(element[key]), row)
                    for key in reversed(levels)
                    if _is_level(key, element[key])
                ]
                break
        else:
            path.pop()


def _known(value: Any, element: Element, key: str, names: Mapping[str, Any]) -> Any:
    """Give an element's value; a name that it lacks may be known by its token."""
    return names.get(element.get("token") or "") if value is None and key == "name" else value
