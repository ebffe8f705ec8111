"""The KPI Service's nested result sets, as pure functions: to check, to merge, to join, and to walk them.

A result set nests one level in the other, in the order of the grouping, each a list of elements; the innermost
elements hold `kpi_values`, in the order of `result_parameters.kpis`. What is followed here is the keys of the data,
never the echoed grouping: `network` comes back as `networks`, and `weeks` as `dates`. Levels are ragged: one element
has what the next one lacks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from adjust_async._arguments import LARGEST_NUMBER, shown

__all__ = [
    "ResultSetError",
    "Survey",
    "check_app",
    "join_elements",
    "leaves",
    "level_columns",
    "merge_parameters",
    "names_by_level",
    "reorder",
    "singular",
    "survey",
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
_NUMBERS: Final = frozenset({int, float, type(None)})
_IDENTIFYING_KEYS: Final = frozenset({"token", "name", "currency", *LEVELS.values()})
_IDENTIFIERS: Final = (str, int, type(None))


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
    if not isinstance(value, list) or key == "kpi_values" or key in _IDENTIFYING_KEYS:
        return False
    return not value or key in LEVELS or any(isinstance(element, dict) for element in value)


def check_app(app: object, kpis: int) -> None:
    """Check that all below an app is of the documented shape, with a value for each of so many KPIs.

    Raises:
        ResultSetError: It is not.
    """
    if not isinstance(app, dict):
        raise ResultSetError(f"expected an object, found {shown(app)}")
    for key, value in app.items():
        if key == "kpi_values":
            _check_values(value, kpis)
        elif _is_level(key, value):
            for index, element in enumerate(value):
                try:
                    check_app(element, kpis)
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
                if entry["token"] not in named or named[entry["token"]].get("name") is None:
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
    return [entry for entry in entries if isinstance(entry, Mapping) and isinstance(entry.get("token"), str)]


def names_by_level(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Collect the names that an answer gives apart from its figures: those of its trackers and its events."""
    names: dict[str, dict[str, Any]] = {}
    for key in ("trackers", "events"):
        of_level = names[key] = {}
        for entry in _entries(parameters, key):
            if isinstance(entry.get("name"), str):
                of_level.setdefault(entry["token"], entry["name"])
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


class _Plans:
    """How elements become cells, found out once for all elements of a level that have the same keys."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, tuple[str, ...]], tuple[list[tuple[str, str]], bool]] = {}

    def of(self, level: str, element: Element) -> tuple[list[tuple[str, str]], bool]:
        """Give the keys with their columns, and whether there can be nothing below."""
        shape = (level, tuple(element))
        if shape in self._known:
            return self._known[shape]
        columns = level_columns(level, element)
        plan = list(columns.items()), not element.keys() - columns.keys() - {"kpi_values"}
        if level == "apps" or "token" in element or singular(level) in element:
            self._known[shape] = plan  # of any other level the columns depend on the values
        return plan


Cell = Callable[[str, Any], Any]


def leaves(
    apps: Sequence[Element], template: Mapping[str, Any], names: Mapping[str, Mapping[str, Any]], cell: Cell
) -> Iterator[tuple[dict[str, Any], Sequence[Any]]]:
    """Walk to every element that has `kpi_values`: give its level columns, all of `template`'s, and the values."""
    plan = _Plans()

    def walk(level: str, elements: Sequence[Element], above: Mapping[str, Any]) -> Iterator[Any]:
        of_level = names.get(level, {})
        for element in elements:
            pairs, innermost = plan.of(level, element)
            row = dict(above)
            for key, column in pairs:
                value = element.get(key)
                if key == "name" and value is None:
                    value = of_level.get(element.get("token") or "")
                row[column] = cell(column, value)
            values = element.get("kpi_values")
            if values is not None:
                yield row, values
            if not innermost:
                for below in levels_of(element):
                    yield from walk(below, element[below], row)

    return walk("apps", apps, template)


class Survey(NamedTuple):
    """What a look over all figures finds, without making a row of them.

    Attributes:
        columns: The level columns, outermost first.
        dates: The texts of the elements of `dates`.
        types: For each KPI, the types of its values.
        empty: Whether there is no figure at all.
    """

    columns: list[str]
    dates: set[Any]
    types: list[set[type]]
    empty: bool


def survey(apps: Sequence[Element], kpis: int) -> Survey:
    """Look over all figures of all apps."""
    columns: dict[str, None] = dict.fromkeys(("app_token", "app_name", "currency"))
    dates: set[Any] = set()
    kinds: set[tuple[type, ...]] = set()

    def walk(level: str, elements: Sequence[Element]) -> None:
        below: dict[str, list[Element]] = {}
        for element in elements:
            columns.update(dict.fromkeys(level_columns(level, element).values()))
            if "date" in element:
                dates.add(element["date"])
            values = element.get("kpi_values")
            if values is not None:
                kinds.add(tuple(map(type, values)))
            for name in levels_of(element):
                below.setdefault(name, []).extend(element[name])
        for name, all_elements in below.items():
            walk(name, all_elements)

    walk("apps", apps)
    return Survey(list(columns), dates, [{kind[number] for kind in kinds} for number in range(kpis)], not kinds)
