"""Answers of the KPI Service for tests: random, handwritten, and flattened by a naive reference."""

import copy
import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from hypothesis import strategies as st

from adjust_async import KpiReport
from adjust_async._checks import LARGEST_NUMBER

#: The singular of each level, and the keys that identify an element.
LEVELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "trackers": ("tracker", ("token",)),
    "networks": ("network", ("token", "name")),
    "campaigns": ("campaign", ("token", "name")),
    "events": ("event", ("token",)),
    "dates": ("date", ("date",)),
    "countries": ("country", ("country",)),
    "device_types": ("device_type", ("device_type",)),
    "os_names": ("os_name", ("os_name",)),
    "regions": ("region", ("region",)),
    "periods": ("period", ("period",)),
    # Undocumented levels.
    "platforms": ("platform", ("platform",)),
    "categories": ("category", ("category",)),
    "widgets": ("widget", ("token", "name")),
    "zones": ("zone", ("code", "weight")),
}
KPIS = ["installs", "sessions", "revenue", "retention_rate", "daus", "x_new", "Days Active"]

INTEGERS = st.integers(-(2**53), 2**53)
NUMBERS = INTEGERS | st.floats(allow_nan=False, allow_infinity=False)
VALUES = NUMBERS | st.none()
WORDS = st.text("abcé:;,\"' \n0", min_size=1, max_size=5)
DATES = st.dates(date(2024, 1, 1), date(2027, 12, 31)).map(date.isoformat)


def report(result_set: object, *kpis: str, **parameters: Any) -> KpiReport:
    """Return the report of an answer with these figures."""
    document = {"result_parameters": {"kpis": list(kpis), **parameters}, "result_set": result_set}
    return KpiReport.from_json(json.dumps(document))


def days(*values: Any, start: int = 1) -> dict[str, Any]:
    """Return an app with figures of one KPI on successive days of January 2026."""
    dates = [{"date": f"2026-01-{start + n:02}", "kpi_values": [value]} for n, value in enumerate(values)]
    return {"token": "app1", "name": "One", "currency": "EUR", "dates": dates}


def _identity(draw: st.DrawFn, level: str, number: int) -> dict[str, Any]:
    element: dict[str, Any] = {}
    for key in LEVELS[level][1]:
        if key == "date":
            element[key] = f"2026-02-{number + 1:02}"
        elif key == "weight":
            element[key] = draw(st.integers(0, 9) | st.none())
        elif key == "name":
            element[key] = draw(WORDS | st.none())
        else:
            element[key] = f"{level[:2]}{number}"
    if level == "trackers" and draw(st.integers(0, 3)) == 0:
        element["name"] = draw(WORDS)
    return element


def _fill(draw: st.DrawFn, element: dict[str, Any], rest: Sequence[str], kpis: int) -> dict[str, Any]:
    """Add figures, levels or both below an element."""
    # Usually there is something below: the figures of a bare app test little.
    least = min(len(rest), draw(st.sampled_from([0, 1, 1, 1])))
    below = draw(st.lists(st.sampled_from(rest), min_size=least, max_size=2, unique=True)) if rest else []
    for level in below:
        others = [name for name in rest if name not in below]
        fewest = draw(st.sampled_from([0, 1, 1, 1]))
        numbers = draw(st.lists(st.integers(0, 4), min_size=fewest, max_size=3, unique=True))
        element[level] = [_fill(draw, _identity(draw, level, number), others, kpis) for number in numbers]
    if not below or draw(st.integers(0, 4)) == 0:
        element["kpi_values"] = draw(st.lists(VALUES, min_size=kpis, max_size=kpis))
    return element


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """Return an answer of one app or of several, with ragged levels in any order and names for some of the tokens."""
    kpis = draw(st.lists(st.sampled_from(KPIS), max_size=3, unique=True))
    levels = draw(st.permutations(sorted(LEVELS)))[: draw(st.integers(0, 4))]
    apps = []
    for number in range(draw(st.sampled_from([0, 1, 1, 2, 3]))):
        app: dict[str, Any] = {"token": f"app{number}"}
        if draw(st.booleans()):
            app |= {"name": draw(WORDS), "currency": draw(st.sampled_from(["EUR", "USD"]))}
        apps.append(_fill(draw, app, levels, len(kpis)))
    parameters: dict[str, Any] = {"kpis": kpis, "day_def": "24h"}
    for key in ("trackers", "events"):
        if draw(st.booleans()):
            numbers = draw(st.lists(st.integers(0, 4), max_size=4, unique=True))
            parameters[key] = [{"token": f"{key[:2]}{number}", "name": draw(WORDS)} for number in numbers]
    one = len(apps) == 1 and draw(st.booleans())
    return {"result_parameters": parameters, "result_set": apps[0] if one else {"apps": apps}}


def apps_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the apps of an answer of one app or of several."""
    result_set = answer["result_set"]
    apps: list[dict[str, Any]] = result_set.get("apps", [result_set])
    return apps


def flattened(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Flatten an answer naively, following the documentation of the levels: each row with its cells."""
    parameters = answer["result_parameters"]
    rows: list[dict[str, Any]] = []

    def walk(element: dict[str, Any], row: dict[str, Any]) -> None:
        if "kpi_values" in element:
            row_with_values = row | dict(zip(parameters["kpis"], element["kpi_values"], strict=True))
            rows.append({key: value for key, value in row_with_values.items() if value is not None})
        for level in [key for key in element if key in LEVELS]:
            names = {entry["token"]: entry["name"] for entry in parameters.get(level, [])}
            for inner in element[level]:
                walk(inner, row | _cells(level, inner, names))

    for app in apps_of(answer):
        walk(app, {"app_token": app["token"], "app_name": app.get("name"), "currency": app.get("currency")})
    return rows


def _cells(level: str, element: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    one, keys = LEVELS[level]
    if "token" in element:
        name = element.get("name")
        return {f"{one}_token": element["token"], f"{one}_name": names.get(element["token"]) if name is None else name}
    if level == "dates":
        return {"date": date.fromisoformat(element["date"])}
    if one == "period":
        period = element[one]
        return {one: int(period) if period.isdigit() else period, "period_unit": "day"}
    if one in element:
        return {one: element[one]}
    texts = {key: element[key] if element[key] is None else str(element[key]) for key in keys}
    return {f"{one}_name" if key == "name" else key: text for key, text in texts.items()}


def leaf_values(*elements: dict[str, Any]) -> list[list[Any]]:
    """Return the `kpi_values` of all elements."""
    found = []
    for element in elements:
        if "kpi_values" in element:
            found.append(element["kpi_values"])
        for value in element.values():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                found += leaf_values(*value)
    return found


def nested(paths: Sequence[tuple[tuple[tuple[str, str], ...], list[Any]]], **app: Any) -> dict[str, Any]:
    """Build an app from its leaves: each has the levels above it, outermost first, with identities, and values."""
    root = dict(app)
    for path, values in paths:
        element = root
        for level, identity in path:
            siblings = element.setdefault(level, [])
            key = LEVELS[level][1][0]
            for sibling in siblings:
                if sibling[key] == identity:
                    element = sibling
                    break
            else:
                element = {key: identity}
                siblings.append(element)
        element["kpi_values"] = values
    return root


#: Values that may be in a wrong place, and look right or nearly so.
ODD = st.sampled_from(
    [None, True, 7, 0.5, 1e300, LARGEST_NUMBER, LARGEST_NUMBER + 1, -LARGEST_NUMBER, -LARGEST_NUMBER - 1, "x", "2026"]
) | st.sampled_from([[], {}, [1], [None], [[]], [{}], [{"kpi_values": [1]}], {"kpi_values": [1]}, [{"date": "x"}, 1]])
ODD_KEYS = st.sampled_from(["token", "name", "date", "zone", "kpi_values", "trackers", "zones", "dates", "others", "x"])


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """Return an answer in which some values were replaced, removed or inserted."""
    answer: dict[str, Any] = draw(answers())
    for _ in range(draw(st.integers(0, 4))):
        places = inside(answer["result_set"])
        place, odd = draw(st.sampled_from(places)), copy.deepcopy(draw(ODD))
        if isinstance(place, dict):
            key = draw(ODD_KEYS | st.sampled_from(sorted(place)) if place else ODD_KEYS)
            if draw(st.booleans()):
                place.pop(key, None)
            else:
                place[key] = odd
        else:
            place[draw(st.integers(0, len(place))) :] = [odd]
    return answer


def inside(value: Any) -> list[Any]:
    """Return a value and all values below it that can hold others."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [] if inner is None else [value, *(found for one in inner for found in inside(one))]


def mutated_apps(answer: dict[str, Any]) -> list[Any]:
    """Return the value in the place of an answer's apps."""
    apps = apps_of(answer) if isinstance(answer["result_set"], dict) else None
    return apps if isinstance(apps, list) else [apps]


def kinds_of(source: KpiReport) -> dict[str, str]:
    """Return the kind of each column."""
    return {column.name: column.kind for column in source.schema}
