"""Rows and columns of nested levels: each leaf once, under the columns of all levels above it."""

from typing import Any

import pytest
from hypothesis import given

from adjust_async.errors import MalformedError
from adjust_async.kpis.result_sets.checking import check_element
from adjust_async.kpis.result_sets.columns import columns_of, read_apps, read_level
from adjust_async.kpis.result_sets.flattening import flat_columns, rows
from adjust_async.kpis.result_sets.joining import names_by_level
from adjust_async.kpis.result_sets.levels import is_level, level_columns
from tests.kpis.answers import answers, apps_of, leaf_values, mutated, mutated_apps


def cell_of(column: str, value: Any) -> Any:
    """Return a cell that shows its value, unless it is used unchanged."""
    return value if value is None or (type(value) is str and column != "date") else (column, value)


def levels_of(element: dict[str, Any]) -> list[str]:
    """Return the names of the levels directly below an element."""
    return [key for key, value in element.items() if is_level(key, value)]


def rows_one_by_one(apps: list[Any], columns: list[str], kpis: list[str], names: Any) -> list[dict[str, Any]]:
    """Return the rows of a recursion that inspects each element separately."""
    found: list[dict[str, Any]] = []

    def walk(level: str, element: dict[str, Any], above: dict[str, Any]) -> None:
        row = dict(above)
        for key, column in level_columns(level, element).items():
            value = element.get(key)
            if key == "name" and value is None:
                value = names.get(level, {}).get(element.get("token"))
            row[column] = cell_of(column, value)
        if element.get("kpi_values") is not None:
            found.append(row | dict(zip(kpis, element["kpi_values"], strict=True)))
        for below in levels_of(element):
            for inner in element[below]:
                walk(below, inner, row)

    for app in apps:
        walk("apps", app, dict.fromkeys(columns))
    return found


def columns_one_by_one(apps: list[Any]) -> list[str]:
    """Return the columns of a recursion that inspects each element."""
    columns: dict[str, None] = dict.fromkeys(("app_token", "app_name", "currency"))

    def walk(level: str, elements: list[dict[str, Any]]) -> None:
        below: dict[str, list[dict[str, Any]]] = {}
        for element in elements:
            columns.update(dict.fromkeys(level_columns(level, element).values()))
            for name in levels_of(element):
                below.setdefault(name, []).extend(element[name])
        for name, inner in below.items():
            walk(name, inner)

    walk("apps", apps)
    return list(columns)


def is_sound(app: object, kpis: int) -> bool:
    """Return whether an app passes the check."""
    try:
        check_element(app, kpis)
    except MalformedError:
        return False
    return True


@given(mutated())
def test_the_walks_find_what_is_found_one_by_one(answer: dict[str, Any]) -> None:
    """Rows and columns are those of a plain recursion, in its order, whatever the levels."""
    kpis = answer["result_parameters"]["kpis"]
    apps = [app for app in mutated_apps(answer) if is_sound(app, len(kpis))]
    names = names_by_level(answer["result_parameters"])
    levels = read_apps(apps, len(kpis))
    columns = columns_of(levels)
    assert columns == columns_one_by_one(apps)
    expected = rows_one_by_one(apps, columns, kpis, names)
    assert [repr(row) for row in rows(apps, columns, kpis, names, cell_of)] == [repr(row) for row in expected]
    assert sum(one.rows for level in levels for one in level.walk()) == len(expected)
    assert [app for level in levels for app in level.elements()] == apps
    found: list[dict[str, Any]] = []
    for level in levels:
        flat = flat_columns(level, kpis, names, cell_of)
        if flat is None:
            found += rows(level.elements(), columns, kpis, names, cell_of)
        else:
            count = sum(one.rows for one in level.walk())
            cells = [flat.get(name, [None] * count) for name in (*columns, *kpis)]
            found += [dict(zip((*columns, *kpis), row, strict=True)) for row in zip(*cells, strict=True)]
    assert [repr(row) for row in found] == [repr(row) for row in expected]


def test_columns_come_in_the_order_of_the_elements_that_have_them() -> None:
    """A level comes where an element first has it as a level, and not where its key first occurs."""
    apps: list[dict[str, Any]] = [
        {"token": "a", "trackers": None, "countries": [{"country": "de", "kpi_values": [1]}]},
        {"token": "b", "trackers": [{"token": "t", "kpi_values": [2]}]},
    ]
    assert columns_of(read_apps(apps, 1))[3:] == ["country", "tracker_token", "tracker_name"]


def test_no_figure_is_lost_below_an_own_key() -> None:
    """A level with the name of its element's own key is walked like any other."""
    app = {"token": "a", "zones": [{"zone": [{"kpi_values": [1]}], "kpi_values": [2]}]}
    check_element(app, 1)
    assert [row["k"] for row in rows([app], columns_of([read_level([app], 1)]), ["k"], {}, cell_of)] == [2, 1]


def test_a_row_is_its_consumers_own() -> None:
    """Changes that a consumer makes to a row do not affect the rows below its element."""
    app = {"token": "a", "kpi_values": [1], "dates": [{"date": "2026-01-01", "kpi_values": [2]}]}
    found = []
    for row in rows([app], columns_of([read_level([app], 1)]), ["k"], {}, cell_of):
        found.append(dict(row))
        row.clear()
    assert [(row["app_token"], row["k"]) for row in found] == [("a", 1), ("a", 2)]


def test_values_without_a_kpi_are_not_dropped() -> None:
    """Even unchecked figures have one value for each KPI."""
    with pytest.raises(ValueError, match="the number of values is 2, and the number of KPIs is 1"):
        list(rows([{"token": "a", "kpi_values": [1, 2]}], ["app_token"], ["k"], {}, cell_of))


@given(answers())
def test_the_walk_finds_each_leaf_once(answer: dict[str, Any]) -> None:
    """There are as many rows as `kpi_values`, with known columns."""
    apps, kpis = apps_of(answer), answer["result_parameters"]["kpis"]
    columns = columns_of(read_apps(apps, len(kpis)))
    found = list(rows(apps, columns, kpis, {}, cell_of))
    assert sorted(repr([row[kpi] for kpi in kpis]) for row in found) == sorted(map(repr, leaf_values(*apps)))
    assert columns[:3] == ["app_token", "app_name", "currency"]
    assert len(set(columns)) == len(columns)
    for row in found:
        assert list(row) == [*columns, *kpis]


def test_a_hundred_levels_are_walked() -> None:
    """No realistic depth of an answer exhausts the stack."""
    element: dict[str, Any] = {"kpi_values": [1]}
    for number in reversed(range(100)):
        element = {f"level{number}s": [{f"level{number}": "x", **element}]}
    element["token"] = "a"
    check_element(element, 1)
    assert len(columns_of([read_level([element], 1)])) == 103
    assert [row["k"] for row in rows([element], [], ["k"], {}, cell_of)] == [1]
    assert leaf_values(*read_level([element], 1).reordered([0, None]).elements()) == [[1, None]]
