"""Check the JSON documents of the KPI Service, and return their apps by column."""

from collections.abc import Sequence
from typing import Any

from adjust_async._checks import shown
from adjust_async._http.error_words import carried_error
from adjust_async._json import SLICE, loads_in_slices, loads_packing
from adjust_async.errors import MalformedError
from adjust_async.kpis.result_sets.columns import Level, read_apps, read_level
from adjust_async.kpis.result_sets.levels import LEVEL_COLUMNS

__all__ = ["loads_packed", "open_document", "read_answer", "read_apps_at"]


def loads_packed(document: bytes, *, exact: bool = False, size: int = SLICE) -> Any:
    """Decode a large answer of the KPI Service as `loads` does, but with levels instead of elements below an app.

    The elements of a slice become a level before the next slice is decoded. So there are never many dictionaries, which
    Python's collector would traverse again and again. The location of a fault is wrong here: if one is found, decode
    the answer again with `loads_in_slices`.

    Raises:
        JSONDecodeError: As `loads` does.
        MalformedError: Some elements have another structure.
    """

    def pack(whole: Any, opened: int) -> None:
        if opened > 2 and isinstance(whole, dict) and next(reversed(whole)) == "result_set":
            parameters = whole.get("result_parameters")
            kpis = parameters.get("kpis", []) if isinstance(parameters, dict) else None
            if isinstance(kpis, list):
                _pack(whole["result_set"], opened - 2, len(kpis))

    try:
        return loads_packing(document, pack, exact=exact, size=size)
    except ValueError:
        return loads_in_slices(document, exact=exact)


def _pack(values: Any, opened: int, kpis: int) -> None:
    """Replace the complete elements by a level, in each open list except that of the apps."""
    is_level = False
    for depth in range(opened):
        if isinstance(values, dict):
            key = next(reversed(values))
            values, is_level = values[key], key != "apps"
        else:
            end = len(values) - (depth < opened - 1)
            start = next((place for place in range(end) if type(values[place]) is not Level), end)
            if is_level and start < end:
                values[start:end] = [read_level(values[start:end], kpis)]
            values = values[-1] if depth < opened - 1 else None


def open_document(document: Any) -> tuple[dict[str, Any], list[Any], str]:
    """Check the frame of an answer of the KPI Service. Return its parameters, its apps, and the location of the apps.

    Raises:
        MalformedError: It has another structure.
    """
    if not isinstance(document, dict):
        raise MalformedError(f"expected an object, found {shown(document)}", "$")
    if words := carried_error(document):
        raise MalformedError(f"the answer is an error: {words}", "$")
    parameters, result_set = document.get("result_parameters"), document.get("result_set")
    if not isinstance(result_set, dict):
        raise MalformedError(f"expected an object, found {shown(result_set)}", "$.result_set")
    if not isinstance(parameters, dict):
        raise MalformedError(f"expected an object, found {shown(parameters)}", "$.result_parameters")
    _check_kpis(parameters.get("kpis", []))
    if "token" in result_set or "apps" not in result_set:
        return dict(parameters), [result_set] if result_set else [], "$.result_set"
    if not isinstance(apps := result_set["apps"], list):
        raise MalformedError(f"expected a list of objects, found {shown(apps)}", "$.result_set.apps")
    return dict(parameters), apps, "$.result_set.apps"


def read_answer(document: Any) -> tuple[dict[str, Any], tuple[Level, ...]]:
    """Check a complete answer of the KPI Service. Return its parameters, and its apps by column.

    Raises:
        MalformedError: It has another structure.
    """
    parameters, apps, place = open_document(document)
    return parameters, read_apps_at(place, apps, len(parameters.get("kpis", [])))


def read_apps_at(place: str, apps: Sequence[Any], kpis: int) -> tuple[Level, ...]:
    """Check the apps at a location of an answer, and return them by column.

    Raises:
        MalformedError: The first mistake, with its location in the answer.
    """
    try:
        return read_apps(apps, kpis)
    except MalformedError as error:
        if place == "$.result_set":
            # A single app has no list around it.
            raise MalformedError(error.problem, f"{place}{error.location.removeprefix('[0]')}") from None
        raise error.below(place) from None


def _check_kpis(kpis: object) -> list[str]:
    location = "$.result_parameters.kpis"
    if not isinstance(kpis, list) or not all(isinstance(kpi, str) for kpi in kpis):
        raise MalformedError(f"expected a list of names, found {shown(kpis)}", location)
    if len(set(kpis)) < len(kpis):
        raise MalformedError(f"a KPI appears twice: {shown(kpis)}", location)
    if clash := LEVEL_COLUMNS.intersection(kpis):
        raise MalformedError(f"a KPI has the name of a column: {min(clash)!r}", location)
    return kpis
