"""The KPI Service's nested result sets, as pure functions: to check, to merge, to join, and to walk them.

A result set nests one level in the other, in the order of the grouping, each a list of elements; the innermost
elements hold `kpi_values`, in the order of `result_parameters.kpis`. What is followed here is the keys of the data,
never the echoed grouping: `network` comes back as `networks`, and `weeks` as `dates`. Levels are ragged: one element
has what the next one lacks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from adjust_async._arguments import shown

__all__ = [
    "ResultSetError",
    "check_app",
    "join_elements",
    "leaves",
    "level_columns",
    "merge_parameters",
    "names_by_level",
    "reorder",
    "singular",
]

Element = dict[str, Any]

#: Levels whose singular is not found by the rule, or which are worth a look-up for being frequent.
_SINGULARS: Final = {"countries": "country", "device_types": "device_type", "os_names": "os_name", "dates": "date"}
_NUMBERS: Final = frozenset({int, float, type(None)})


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
    if level in _SINGULARS:
        return _SINGULARS[level]
    if level.endswith("ies"):
        return f"{level.removesuffix('ies')}y"
    return level.removesuffix("s")


def levels_of(element: Element) -> list[str]:
    """Name the levels right below an element: its lists of objects."""
    return [key for key, value in element.items() if _is_level(key, value)]


def _is_level(key: str, value: object) -> bool:
    return isinstance(value, list) and key != "kpi_values" and (not value or isinstance(value[0], dict))


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


def _check_values(values: object, kpis: int) -> None:
    if not isinstance(values, list):
        raise ResultSetError(f"expected a list of numbers, found {shown(values)}", ".kpi_values")
    if len(values) != kpis:
        raise ResultSetError(f"{len(values)} values stand for {kpis} KPIs", ".kpi_values")
    if not _NUMBERS.issuperset(map(type, values)):
        index, value = next((index, value) for index, value in enumerate(values) if type(value) not in _NUMBERS)
        raise ResultSetError(f"expected a number or null, found {shown(value)}", f".kpi_values[{index}]")


def reorder(app: Element, places: Sequence[int | None]) -> dict[str, Any]:
    """Copy an app with its values in another order; `places` has the old place of each new value, `None` for null."""
    copy = dict(app)
    for level in levels_of(app):
        copy[level] = [reorder(element, places) for element in app[level]]
    if "kpi_values" in app:
        values = app["kpi_values"]
        copy["kpi_values"] = [None if place is None else values[place] for place in places]
    return copy


def _identity(level: str, element: Element) -> object:
    return element.get("token", element.get(singular(level)))


def join_elements(one: Element, other: Element) -> dict[str, Any]:
    """Join the same element of two answers, which must have no figure in common.

    Raises:
        ResultSetError: Both have figures for the same leaf. They can't be added: many KPIs are rates or distinct users.
    """
    if "kpi_values" in one and "kpi_values" in other:
        raise ResultSetError("two windows have figures for the same element", ".kpi_values")
    joined = {**other, **one}
    for level in levels_of(other):
        if level not in one:
            continue
        elements = {_identity(level, element): element for element in one[level]}
        for element in other[level]:
            identity = _identity(level, element)
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
        named = {
            entry["token"]: entry
            for answer in reversed(answers)
            for entry in _entries(answer, key)
            if isinstance(entry, Mapping) and "token" in entry
        }
        if named:
            merged[key] = list(named.values())
    if kpis or "kpis" in merged:
        merged["kpis"] = list(kpis)
    return merged


def _entries(parameters: Mapping[str, Any], key: str) -> Sequence[Any]:
    entries = parameters.get(key)
    return entries if isinstance(entries, list) else []


def names_by_level(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Collect the names that an answer gives apart from its figures: those of its trackers and its events."""
    return {
        key: {
            entry["token"]: entry.get("name")
            for entry in _entries(parameters, key)
            if isinstance(entry, Mapping) and "token" in entry
        }
        for key in ("trackers", "events")
    }


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
    plain = (key for key, value in element.items() if key != "kpi_values" and not isinstance(value, (list, Mapping)))
    return {key: f"{one}_{key}" for key in plain}


Cell = Callable[[str, Any], Any]


def leaves(
    apps: Sequence[Element], template: Mapping[str, Any], names: Mapping[str, Mapping[str, Any]], cell: Cell
) -> Iterator[tuple[dict[str, Any], Sequence[Any]]]:
    """Walk to every element that has `kpi_values`: give its level columns, all of `template`'s, and the values."""
    known: dict[tuple[str, tuple[str, ...]], tuple[list[tuple[str, str]], bool]] = {}

    def walk(level: str, elements: Sequence[Element], above: Mapping[str, Any]) -> Iterator[Any]:
        of_level = names.get(level, {})
        for element in elements:
            shape = (level, tuple(element))
            if shape not in known:
                columns = level_columns(level, element)
                known[shape] = list(columns.items()), not element.keys() - columns.keys() - {"kpi_values"}
            pairs, innermost = known[shape]
            row = dict(above)
            for key, column in pairs:
                value = element.get(key)
                if key == "name" and value is None:
                    value = of_level.get(element["token"])
                row[column] = cell(column, value)
            values = element.get("kpi_values")
            if values is not None:
                yield row, values
            if not innermost:
                for below in levels_of(element):
                    yield from walk(below, element[below], row)

    return walk("apps", apps, template)


def columns_of(apps: Sequence[Element]) -> list[str]:
    """Name the level columns of all apps, outermost first, each once."""
    columns: dict[str, None] = dict.fromkeys(("app_token", "app_name", "currency"))

    def walk(level: str, elements: Sequence[Element]) -> None:
        shapes: set[tuple[str, ...]] = set()
        below: dict[str, list[Element]] = {}
        for element in elements:
            shape = tuple(element)
            if shape not in shapes:
                shapes.add(shape)
                columns.update(dict.fromkeys(level_columns(level, element).values()))
            for name in levels_of(element):
                below.setdefault(name, []).extend(element[name])
        for name, all_elements in below.items():
            walk(name, all_elements)

    walk("apps", apps)
    return list(columns)
