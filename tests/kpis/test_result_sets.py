"""Result sets as nested data: checked, merged and joined, without a value lost, doubled or summed."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from adjust_async._checks import LARGEST_NUMBER
from adjust_async.kpis import result_sets as _result_sets
from adjust_async.kpis.result_sets import (
    ResultSetError,
    check_app,
    columns_of,
    has_figures,
    join_elements,
    level_columns,
    levels_of,
    merge_parameters,
    names_by_level,
    reorder,
    rows,
    singular,
    types_of,
)
from tests.kpis.answers import LEVELS, VALUES, answers, apps_of, leaf_values, nested


def fault_of(app: object, kpis: int = 1) -> ResultSetError:
    """Give the error that checking an app ends with."""
    with pytest.raises(ResultSetError) as caught:
        check_app(app, kpis)
    return caught.value


# Names of levels.


@pytest.mark.parametrize(("level", "one"), [("apps", "app"), *((level, one) for level, (one, _) in LEVELS.items())])
def test_each_level_has_a_singular(level: str, one: str) -> None:
    """One element of a level is called in the singular."""
    assert singular(level) == one


@pytest.mark.parametrize(
    ("level", "one"),
    [
        ("networks", "network"),
        ("adgroups", "adgroup"),
        ("creatives", "creative"),
        ("partners", "partner"),
        ("country", "country"),
        ("os_name", "os_name"),
        ("event_types", "event_type"),
        ("", ""),
    ],
)
def test_a_singular_stays_and_a_plural_loses_its_ending(level: str, one: str) -> None:
    """Levels named in the singular keep their name."""
    assert singular(level) == one


# The check.


@given(answers())
def test_every_documented_answer_is_accepted(answer: dict[str, Any]) -> None:
    """Levels in any order and depth, ragged and unknown ones among them, are what the service documents."""
    for app in apps_of(answer):
        check_app(app, len(answer["result_parameters"]["kpis"]))


def elements_of(element: dict[str, Any], place: str = "") -> list[tuple[dict[str, Any], str]]:
    """List an element and all below it, each with its place."""
    found = [(element, place)]
    for level in element:
        if level in LEVELS:
            for index, inner in enumerate(element[level]):
                found += elements_of(inner, f"{place}.{level}[{index}]")
    return found


@given(answers(), st.data())
def test_a_fault_is_found_where_it_is(answer: dict[str, Any], data: st.DataObject) -> None:
    """A single fault anywhere in an answer is refused, and the location leads to it."""
    assume(apps_of(answer))
    app, kpis = apps_of(answer)[0], len(answer["result_parameters"]["kpis"])
    element, place = data.draw(st.sampled_from(elements_of(app)), label="element")
    fault = data.draw(st.sampled_from(["short", "long", "no list", "value", "element"]))
    if fault == "short" and kpis:
        element["kpi_values"] = [1] * (kpis - 1)
        place += ".kpi_values"
    elif fault == "value" and kpis:
        index = data.draw(st.integers(0, kpis - 1))
        element["kpi_values"] = [None] * kpis
        element["kpi_values"][index] = data.draw(st.sampled_from(["1", "", True, [], {}]))
        place += f".kpi_values[{index}]"
    elif fault == "no list":
        element["kpi_values"] = data.draw(st.sampled_from([None, {}, "12", 5, True]))
        place += ".kpi_values"
    elif fault == "element":
        element["others"] = [{}, data.draw(st.sampled_from([None, 1, "x", [], True]))]
        place += ".others[1]"
    else:
        element["kpi_values"] = [1] * (kpis + 1)
        place += ".kpi_values"
    # Figures come first, so that no level before them is looked into.
    assert fault_of(app, kpis).location == place


@pytest.mark.parametrize("app", [None, 5, "app", [], [{}], True])
def test_an_app_is_an_object(app: object) -> None:
    """Anything else is no app."""
    fault = fault_of(app)
    assert fault.location == ""
    assert "expected an object" in fault.problem


@pytest.mark.parametrize("first", [None, 1, "x", []])
def test_a_level_with_a_fault_in_front_is_not_passed_over(first: object) -> None:
    """Elements behind one that is none are not silently lost: the fault is named."""
    fault = fault_of({"token": "a", "trackers": [first, {"token": "t", "kpi_values": [1]}]})
    assert fault.location == ".trackers[0]"


@pytest.mark.parametrize("level", [{"token": "t", "kpi_values": [1]}, {"t": {"kpi_values": [1]}}])
def test_a_level_that_is_no_list_is_not_passed_over(level: object) -> None:
    """Figures in an object where a level's list belongs are not silently lost."""
    assert fault_of({"token": "a", "trackers": level}).location.startswith(".trackers")


@pytest.mark.parametrize("token", [[], {}, ["x"], {"a": 1}])
@pytest.mark.parametrize("key", ["token", "name"])
def test_what_identifies_an_element_is_a_plain_value(token: object, key: str) -> None:
    """A token or a name that is a list or an object can be no cell of a table."""
    app = {"token": "a", "trackers": [{"token": "t"}, {"token": "u", key: token, "kpi_values": [1]}]}
    assert fault_of(app).location == f".trackers[1].{key}"


def test_a_message_is_short_whatever_it_found() -> None:
    """A megabyte in the wrong place doesn't become a megabyte of message."""
    assert len(fault_of("x" * 10**6).problem) < 200
    assert len(fault_of({"kpi_values": "x" * 10**6}).problem) < 200
    assert len(fault_of({"kpi_values": ["x" * 10**6]}).problem) < 200


@pytest.mark.parametrize(("values", "kpis"), [([], 0), ([None], 1), ([0], 1), ([1, 2.5, None], 3)])
def test_values_are_numbers_or_null(values: list[Any], kpis: int) -> None:
    """As many numbers or nulls as there are KPIs are what belongs there."""
    check_app({"token": "a", "kpi_values": values}, kpis)


def test_an_app_without_figures_is_accepted() -> None:
    """An app that had no traffic has neither levels nor figures."""
    check_app({"token": "a", "name": "A", "currency": "EUR", "trackers": []}, 3)


# The quick check, and its judge.

#: What may stand in a wrong place, and looks like what belongs there or nearly so.
ODD = st.sampled_from(
    [None, True, 7, 0.5, 1e300, LARGEST_NUMBER, LARGEST_NUMBER + 1, -LARGEST_NUMBER, -LARGEST_NUMBER - 1, "x", "2026"]
) | st.sampled_from([[], {}, [1], [None], [[]], [{}], [{"kpi_values": [1]}], {"kpi_values": [1]}, [{"date": "x"}, 1]])
ODD_KEYS = st.sampled_from(["token", "name", "date", "zone", "kpi_values", "trackers", "zones", "dates", "others", "x"])


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """Give an answer in which some values were replaced, removed or put where none belongs."""
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
    """List a value and all below it that can hold values."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [] if inner is None else [value, *(found for one in inner for found in inside(one))]


def mutated_apps(answer: dict[str, Any]) -> list[Any]:
    """Give what stands where an answer's apps belong."""
    apps = apps_of(answer) if isinstance(answer["result_set"], dict) else None
    return apps if isinstance(apps, list) else [apps]


def outcome(check: Callable[[object, int], None], app: object, kpis: int) -> tuple[str, str] | None:
    """Give what a check says of a fault; `None` where it finds none."""
    try:
        check(app, kpis)
    except ResultSetError as error:
        return error.problem, error.location
    return None


@given(mutated())
def test_the_quick_check_and_its_judge_agree(answer: dict[str, Any]) -> None:
    """What passes at a glance has no fault, and every fault is told as a look at each element tells it."""
    kpis = len(answer["result_parameters"]["kpis"])
    for app in mutated_apps(answer):
        assert outcome(check_app, app, kpis) == outcome(_result_sets._check, app, kpis)


@pytest.mark.parametrize("number", [0, None, 0.5, -7, LARGEST_NUMBER, -LARGEST_NUMBER])
def test_usual_answers_are_looked_at_once(number: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ragged levels with usual figures pass at a glance, which is what makes the check cheap."""
    monkeypatch.setattr(_result_sets, "_check", lambda *_: pytest.fail("it was looked at twice"))
    days = [{"date": "2026-01-01", "kpi_values": [number, 1]}, {"date": "2026-01-02", "kpi_values": [1, number]}]
    trackers = [{"token": "t", "dates": days}, {"token": "u", "name": "U", "dates": []}, {"token": "v", "dates": None}]
    check_app({"token": "a", "name": "A", "currency": None, "trackers": trackers, "is_new": True}, 2)


@pytest.mark.parametrize("number", [LARGEST_NUMBER + 1, -LARGEST_NUMBER - 1, 10**400])
@pytest.mark.parametrize("other", [0, None, -0.5, 1e300])
def test_a_number_beyond_a_table_is_refused(number: int, other: float | None) -> None:
    """No number among others is too large for a table, whichever sign it has."""
    app = {"token": "a", "dates": [{"date": "2026-01-01", "kpi_values": [other, number, other]}]}
    assert fault_of(app, 3).location == ".dates[0].kpi_values[1]"


# Another order of the KPIs.


@given(answers(), st.data())
def test_a_new_order_moves_every_value_and_nothing_else(answer: dict[str, Any], data: st.DataObject) -> None:
    """Each leaf has its values in the new places, null where it has none; the original is as it was."""
    kpis = len(answer["result_parameters"]["kpis"])
    places = data.draw(st.lists(st.none() | st.integers(0, kpis - 1) if kpis else st.none(), max_size=5))
    for app in apps_of(answer):
        before = copy.deepcopy(app)
        new = reorder(app, places)
        assert app == before
        assert leaf_values(new) == [
            [None if place is None else values[place] for place in places] for values in leaf_values(app)
        ]
        assert json.dumps(_without_values(new)) == json.dumps(_without_values(app))


@given(answers())
def test_the_same_order_gives_an_equal_app(answer: dict[str, Any]) -> None:
    """The identity changes nothing, and neither does a reversal and its own reversal."""
    kpis = len(answer["result_parameters"]["kpis"])
    there = list(range(kpis))
    for app in apps_of(answer):
        assert reorder(app, there) == app
        assert reorder(reorder(app, there[::-1]), there[::-1]) == app


def _without_values(element: Any) -> Any:
    if isinstance(element, dict):
        return {key: _without_values(value) for key, value in element.items() if key != "kpi_values"}
    return [_without_values(inner) for inner in element] if isinstance(element, list) else element


# Windows, joined.

DATES = [f"2026-01-{day:02}" for day in range(1, 7)]
Path = tuple[tuple[str, str], ...]


@st.composite
def dated_leaves(draw: st.DrawFn) -> list[tuple[Path, list[Any]]]:
    """Give the leaves of an app that is grouped by day, at any depth."""
    others = [name for name in sorted(LEVELS) if name not in {"dates", "zones"}]
    levels = draw(st.lists(st.sampled_from(others), max_size=3, unique=True))
    levels.insert(draw(st.integers(0, len(levels))), "dates")
    steps = [st.sampled_from(DATES if level == "dates" else ["a", "b", "c"]) for level in levels]
    paths = draw(st.lists(st.tuples(*steps), max_size=10, unique=True))
    return [(tuple(zip(levels, path, strict=True)), [draw(VALUES), number]) for number, path in enumerate(paths)]


def leaves_of(element: dict[str, Any], above: Path = ()) -> dict[Path, list[Any]]:
    """List the leaves of an app by their path; no path may come twice."""
    found: dict[Path, list[Any]] = {}
    if "kpi_values" in element:
        found[above] = element["kpi_values"]
    for level in element:
        if level in LEVELS:
            for inner in element[level]:
                below = leaves_of(inner, (*above, (level, inner[LEVELS[level][1][0]])))
                assert not below.keys() & found.keys()
                found |= below
    return found


@given(dated_leaves(), st.lists(st.integers(0, 2), min_size=len(DATES), max_size=len(DATES)))
def test_joined_windows_have_each_leaf_once(all_leaves: list[tuple[Path, list[Any]]], cut: list[int]) -> None:
    """However days are dealt out to windows, joined they have the leaves of the whole range with their very values."""
    window_of = dict(zip(DATES, cut, strict=True))
    parts = [
        nested([leaf for leaf in all_leaves if window_of[dict(leaf[0])["dates"]] == window], token="a", name="A")
        for window in range(3)
    ]
    before = copy.deepcopy(parts)
    joined = join_elements(join_elements(parts[0], parts[1]), parts[2])
    assert leaves_of(joined) == dict(all_leaves)
    assert len(leaf_values(joined)) == len(all_leaves)
    assert (joined["token"], joined["name"]) == ("a", "A")
    assert parts == before


@given(dated_leaves())
def test_a_window_twice_is_refused(all_leaves: list[tuple[Path, list[Any]]]) -> None:
    """Figures for the same leaf are neither summed nor replaced: it is an error that leads to the leaf."""
    assume(all_leaves)
    app = nested(all_leaves, token="a")
    with pytest.raises(ResultSetError, match="two windows have figures for the same element") as caught:
        join_elements(app, app)
    assert caught.value.location.endswith(".kpi_values")
    places = {"".join(f".{level}[{identity!r}]" for level, identity in path) for path, _ in all_leaves}
    assert caught.value.location.removesuffix(".kpi_values") in places


@pytest.mark.parametrize(
    ("level", "elements"),
    [
        ("statuses", [{"status": "on"}, {"status": "off"}]),
        ("addresses", [{"address": "a"}, {"address": "b"}]),
        ("series", [{"series": "a"}, {"series": "b"}]),
        ("zones", [{"code": "a", "weight": 1}, {"code": "b", "weight": 1}]),
        ("networks", [{"name": "Organic"}, {"name": "SMS"}]),
        ("networks", [{"token": None, "name": "Organic"}, {"token": None, "name": "SMS"}]),
    ],
)
def test_elements_without_a_known_identity_are_not_lost(level: str, elements: list[dict[str, Any]]) -> None:
    """Elements that can't be told apart by a known key stay apart all the same, in every window."""
    first = {"token": "a", level: [{**e, "dates": [{"date": "2026-01-01", "kpi_values": [n]}]}
                                   for n, e in enumerate(elements)]}  # fmt: skip
    second = {"token": "a", level: [{**e, "dates": [{"date": "2026-01-02", "kpi_values": [n + 10]}]}
                                    for n, e in enumerate(elements)]}  # fmt: skip
    joined = join_elements(first, second)
    assert sorted(leaf_values(joined)) == [[0], [1], [10], [11]]
    for element in joined[level]:
        numbers = [values[0] % 10 for values in leaf_values(element)]
        assert len(set(numbers)) == 1, "figures of one element lie below another one"


@pytest.mark.parametrize("level", ["statuses", "series", "networks"])
def test_nothing_is_lost_to_a_window_without_elements(level: str) -> None:
    """Elements of a level that nobody documented survive the joining with a window that has none of them."""
    elements = [{"label": "on", "kpi_values": [1]}, {"label": "off", "kpi_values": [2]}]
    joined = join_elements({"token": "a", level: elements}, {"token": "a", level: []})
    assert leaf_values(joined) == [[1], [2]]


def test_an_element_twice_in_one_window_is_not_lost() -> None:
    """An answer that lists an element twice loses neither, or is refused."""
    one = {"token": "a", "trackers": [{"token": "t", "kpi_values": [1]}, {"token": "t", "kpi_values": [2]}]}
    try:
        joined = join_elements(one, {"token": "a", "trackers": [{"token": "u", "kpi_values": [3]}]})
    except ResultSetError:
        return
    assert sorted(leaf_values(joined)) == [[1], [2], [3]]


@pytest.mark.parametrize("nothing", [{}, {"trackers": []}, {"trackers": None}])
@pytest.mark.parametrize("swapped", [False, True])
def test_an_empty_window_takes_nothing_away(nothing: dict[str, Any], swapped: bool) -> None:
    """A window without traffic, in any form, leaves the figures of the other one."""
    full = {"token": "a", "trackers": [{"token": "t", "kpi_values": [1]}]}
    joined = join_elements(nothing, full) if swapped else join_elements(full, nothing)
    assert leaf_values(joined) == [[1]]


def test_a_name_that_only_one_window_has_is_kept() -> None:
    """What the first window leaves empty, the second one fills in."""
    joined = join_elements({"token": "a", "name": None, "currency": "EUR"}, {"token": "a", "name": "A"})
    assert joined == {"token": "a", "name": "A", "currency": "EUR"}


def test_two_currencies_are_not_joined() -> None:
    """Figures in two currencies don't pass for figures in one."""
    one = {"token": "a", "currency": "EUR", "dates": [{"date": "2026-01-01", "kpi_values": [1]}]}
    other = {"token": "a", "currency": "USD", "dates": [{"date": "2026-02-01", "kpi_values": [1]}]}
    with pytest.raises(ResultSetError, match="EUR"):
        join_elements(one, other)


# Parameters, merged.


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.text("xyz", min_size=1), max_size=4), max_size=4))
def test_merged_names_are_all_names(named: list[dict[str, str]]) -> None:
    """Every tracker and event that any answer names is there once, with the name of the first one to have it."""
    parameters = [
        {key: [{"token": token, "name": name} for token, name in names.items()] for key in ("trackers", "events")}
        for names in named
    ]
    merged = merge_parameters(parameters, ["k"])
    expected: dict[str, str] = {}
    for names in named:
        expected = {**names, **expected}
    for key in ("trackers", "events"):
        entries = merged.get(key, [])
        assert {entry["token"]: entry["name"] for entry in entries} == expected
        assert len(entries) == len(expected)
    assert merged["kpis"] == ["k"]


@pytest.mark.parametrize("nameless", [{"token": "t"}, {"token": "t", "name": None}])
def test_an_entry_without_name_hides_no_name(nameless: dict[str, Any]) -> None:
    """A name that only a later answer has is kept."""
    merged = merge_parameters([{"trackers": [nameless]}, {"trackers": [{"token": "t", "name": "T"}]}], [])
    assert names_by_level(merged)["trackers"] == {"t": "T"}


def test_merged_names_come_in_the_order_of_the_answers() -> None:
    """The trackers of the first answer come first, as if the service had answered for all."""
    answers_ = [{"trackers": [{"token": token, "name": token}]} for token in "cab"]
    assert [entry["token"] for entry in merge_parameters(answers_, [])["trackers"]] == ["c", "a", "b"]


def test_the_first_answer_has_the_say() -> None:
    """Other parameters are those of the first answer, with what only others have; unknown ones are kept."""
    merged = merge_parameters([{"day_def": "24h", "x": 1}, {"day_def": "other", "y": 2}], ["b", "a"])
    assert merged == {"day_def": "24h", "x": 1, "y": 2, "kpis": ["b", "a"]}


@pytest.mark.parametrize("entries", [None, "x", 5, {}, [None], ["t"], [{}], [{"name": "T"}], [{"token": []}]])
def test_names_of_another_shape_are_no_names(entries: object) -> None:
    """Names are an extra: where they are of another shape, there are none, and no error."""
    assert names_by_level({"trackers": entries}) == {"trackers": {}, "events": {}}
    merge_parameters([{"trackers": entries}, {"trackers": [{"token": "t", "name": "T"}]}], [])


# The walks.


def cell_of(column: str, value: Any) -> Any:
    """Make a cell that shows what it was made of, where it isn't taken as it is."""
    return value if type(value) is str and column != "date" else (column, value)


def rows_one_by_one(apps: list[Any], columns: list[str], kpis: list[str], names: Any) -> list[dict[str, Any]]:
    """Give the rows as a recursion does that looks at each element anew."""
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
    """Name the columns as a recursion does that looks at each element."""
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


@given(mutated())
def test_the_walks_find_what_is_found_one_by_one(answer: dict[str, Any]) -> None:
    """Rows and columns are those of a plain recursion, in its order, whatever the levels look like."""
    kpis = answer["result_parameters"]["kpis"]
    apps = [app for app in mutated_apps(answer) if outcome(check_app, app, len(kpis)) is None]
    names = names_by_level(answer["result_parameters"])
    columns = columns_of(apps)
    assert columns == columns_one_by_one(apps)
    expected = rows_one_by_one(apps, columns, kpis, names)
    assert [repr(row) for row in rows(apps, columns, kpis, names, cell_of)] == [repr(row) for row in expected]
    assert has_figures(apps) == bool(expected)
    assert types_of(apps, len(kpis)) == [{type(row[kpi]) for row in expected} for kpi in kpis]


def test_columns_come_in_the_order_of_the_elements_that_have_them() -> None:
    """A level comes where an element first has it as such, and not where its key first is."""
    apps: list[dict[str, Any]] = [
        {"token": "a", "trackers": None, "countries": [{"country": "de", "kpi_values": [1]}]},
        {"token": "b", "trackers": [{"token": "t", "kpi_values": [2]}]},
    ]
    assert columns_of(apps)[3:] == ["country", "tracker_token", "tracker_name"]


def test_no_figure_is_lost_below_an_own_key() -> None:
    """A level that has the name of its element's own key is walked as any other one."""
    app = {"token": "a", "zones": [{"zone": [{"kpi_values": [1]}], "kpi_values": [2]}]}
    check_app(app, 1)
    assert [row["k"] for row in rows([app], columns_of([app]), ["k"], {}, cell_of)] == [2, 1]


def test_a_row_is_its_consumers_own() -> None:
    """What a consumer does to a row is not seen in the rows below its element."""
    app = {"token": "a", "kpi_values": [1], "dates": [{"date": "2026-01-01", "kpi_values": [2]}]}
    found = []
    for row in rows([app], columns_of([app]), ["k"], {}, cell_of):
        found.append(dict(row))
        row.clear()
    assert [(row["app_token"], row["k"]) for row in found] == [("a", 1), ("a", 2)]


def test_values_that_stand_for_no_kpi_are_not_dropped() -> None:
    """Figures that were never checked have one value for each KPI all the same."""
    with pytest.raises(ValueError, match="2 values stand for 1 KPIs"):
        list(rows([{"token": "a", "kpi_values": [1, 2]}], ["app_token"], ["k"], {}, cell_of))


@given(answers())
def test_the_walk_finds_each_leaf_once(answer: dict[str, Any]) -> None:
    """There are as many rows as `kpi_values`, under known columns."""
    apps, kpis = apps_of(answer), answer["result_parameters"]["kpis"]
    columns = columns_of(apps)
    found = list(rows(apps, columns, kpis, {}, cell_of))
    assert sorted(repr([row[kpi] for kpi in kpis]) for row in found) == sorted(map(repr, leaf_values(*apps)))
    assert columns[:3] == ["app_token", "app_name", "currency"]
    assert len(set(columns)) == len(columns)
    for row in found:
        assert list(row) == [*columns, *kpis]


def test_a_hundred_levels_are_walked() -> None:
    """Depth is no matter of the stack in any answer that could come."""
    element: dict[str, Any] = {"kpi_values": [1]}
    for number in reversed(range(100)):
        element = {f"level{number}s": [{f"level{number}": "x", **element}]}
    element["token"] = "a"
    check_app(element, 1)
    assert len(columns_of([element])) == 103
    assert [row["k"] for row in rows([element], [], ["k"], {}, cell_of)] == [1]
    assert leaf_values(reorder(element, [0, None])) == [[1, None]]
