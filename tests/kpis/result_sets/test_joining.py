"""Combined answers: no value is lost, doubled or summed."""

import copy
import json
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from adjust_async.errors import MalformedError
from adjust_async.kpis.result_sets.columns import read_level
from adjust_async.kpis.result_sets.joining import join_windows, merge_parameters, names_by_level
from tests.kpis.answers import LEVELS, VALUES, answers, apps_of, leaf_values, nested

# Another order of the KPIs.


@given(answers(), st.data())
def test_a_new_order_moves_every_value_and_nothing_else(answer: dict[str, Any], data: st.DataObject) -> None:
    """Each leaf has its values in the new order, and null for missing ones; the original is unchanged."""
    kpis = len(answer["result_parameters"]["kpis"])
    places = data.draw(st.lists(st.none() | st.integers(0, kpis - 1) if kpis else st.none(), max_size=5))
    for app in apps_of(answer):
        before = copy.deepcopy(app)
        (new,) = read_level([app], kpis).reordered(places).elements()
        assert app == before
        assert leaf_values(new) == [
            [None if place is None else values[place] for place in places] for values in leaf_values(app)
        ]
        assert json.dumps(_without_values(new)) == json.dumps(_without_values(app))


@given(answers())
def test_the_same_order_returns_an_equal_app(answer: dict[str, Any]) -> None:
    """The identity changes nothing, and neither does a reversal applied twice."""
    kpis = len(answer["result_parameters"]["kpis"])
    there = list(range(kpis))
    for app in apps_of(answer):
        level = read_level([app], kpis)
        assert level.elements() == level.reordered(there).elements() == [app]
        assert level.reordered(there[::-1]).reordered(there[::-1]).elements() == [app]


def _without_values(element: Any) -> Any:
    if isinstance(element, dict):
        return {key: _without_values(value) for key, value in element.items() if key != "kpi_values"}
    return [_without_values(inner) for inner in element] if isinstance(element, list) else element


# Windows, joined.


def join(*apps: dict[str, Any]) -> dict[str, Any]:
    """Join an app of several windows."""
    kpis = max(map(len, leaf_values(*apps)), default=0)
    (joined,) = join_windows([read_level([app], kpis) for app in apps]).elements()
    return joined


DATES = [f"2026-01-{day:02}" for day in range(1, 7)]
Path = tuple[tuple[str, str], ...]


@st.composite
def dated_leaves(draw: st.DrawFn) -> list[tuple[Path, list[Any]]]:
    """Return the leaves of an app that is grouped by day, at any depth."""
    others = [name for name in sorted(LEVELS) if name not in {"dates", "zones"}]
    levels = draw(st.lists(st.sampled_from(others), max_size=3, unique=True))
    levels.insert(draw(st.integers(0, len(levels))), "dates")
    steps = [st.sampled_from(DATES if level == "dates" else ["a", "b", "c"]) for level in levels]
    paths = draw(st.lists(st.tuples(*steps), max_size=10, unique=True))
    return [(tuple(zip(levels, path, strict=True)), [draw(VALUES), number]) for number, path in enumerate(paths)]


def leaves_of(element: dict[str, Any], above: Path = ()) -> dict[Path, list[Any]]:
    """Return the leaves of an app by their path; no path may be repeated."""
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
    """However days are distributed over windows, joined they have the exact leaves of the whole range."""
    window_of = dict(zip(DATES, cut, strict=True))
    parts = [
        nested([leaf for leaf in all_leaves if window_of[dict(leaf[0])["dates"]] == window], token="a", name="A")
        for window in range(3)
    ]
    before = copy.deepcopy(parts)
    joined = join(*parts)
    assert leaves_of(joined) == dict(all_leaves)
    assert len(leaf_values(joined)) == len(all_leaves)
    assert (joined["token"], joined["name"]) == ("a", "A")
    assert parts == before


@given(dated_leaves())
def test_a_window_twice_is_refused(all_leaves: list[tuple[Path, list[Any]]]) -> None:
    """Figures for the same leaf are neither summed nor replaced: it is an error that leads to the leaf."""
    assume(all_leaves)
    app = nested(all_leaves, token="a")
    with pytest.raises(MalformedError, match="two windows have figures for the same element") as caught:
        join(app, app)
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
    """Elements without a known key to identify them stay separate, in every window."""
    first = {"token": "a", level: [{**e, "dates": [{"date": "2026-01-01", "kpi_values": [n]}]}
                                   for n, e in enumerate(elements)]}  # fmt: skip
    second = {"token": "a", level: [{**e, "dates": [{"date": "2026-01-02", "kpi_values": [n + 10]}]}
                                    for n, e in enumerate(elements)]}  # fmt: skip
    joined = join(first, second)
    assert sorted(leaf_values(joined)) == [[0], [1], [10], [11]]
    for element in joined[level]:
        numbers = [values[0] % 10 for values in leaf_values(element)]
        assert len(set(numbers)) == 1, "figures of one element lie below another one"


@pytest.mark.parametrize("level", ["statuses", "series", "networks"])
def test_nothing_is_lost_to_a_window_without_elements(level: str) -> None:
    """Elements of an undocumented level survive joining with a window that has none of them."""
    elements = [{"label": "on", "kpi_values": [1]}, {"label": "off", "kpi_values": [2]}]
    joined = join({"token": "a", level: elements}, {"token": "a", level: []})
    assert leaf_values(joined) == [[1], [2]]


def test_an_element_twice_in_one_window_is_not_lost() -> None:
    """An answer that lists an element twice loses neither, or is refused."""
    one = {"token": "a", "trackers": [{"token": "t", "kpi_values": [1]}, {"token": "t", "kpi_values": [2]}]}
    try:
        joined = join(one, {"token": "a", "trackers": [{"token": "u", "kpi_values": [3]}]})
    except MalformedError:
        return
    assert sorted(leaf_values(joined)) == [[1], [2], [3]]


@pytest.mark.parametrize("nothing", [{}, {"trackers": []}, {"trackers": None}])
@pytest.mark.parametrize("swapped", [False, True])
def test_an_empty_window_removes_nothing(nothing: dict[str, Any], swapped: bool) -> None:
    """A window without traffic, in any form, leaves the figures of the other one unchanged."""
    full = {"token": "a", "trackers": [{"token": "t", "kpi_values": [1]}]}
    joined = join(nothing, full) if swapped else join(full, nothing)
    assert leaf_values(joined) == [[1]]


def test_a_name_that_only_one_window_has_is_kept() -> None:
    """Values that the first window lacks are taken from the second one."""
    joined = join({"token": "a", "name": None, "currency": "EUR"}, {"token": "a", "name": "A"})
    assert joined == {"token": "a", "name": "A", "currency": "EUR"}


def test_two_currencies_are_not_joined() -> None:
    """Figures in two currencies do not look like figures in one."""
    one = {"token": "a", "currency": "EUR", "dates": [{"date": "2026-01-01", "kpi_values": [1]}]}
    other = {"token": "a", "currency": "USD", "dates": [{"date": "2026-02-01", "kpi_values": [1]}]}
    with pytest.raises(MalformedError, match="EUR"):
        join(one, other)


# Parameters, merged.


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.text("xyz", min_size=1), max_size=4), max_size=4))
def test_merged_names_are_all_names(named: list[dict[str, str]]) -> None:
    """Every tracker and event in any answer is there once, with the first name that an answer has for it."""
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
    """Other parameters are those of the first answer, plus those that only others have; unknown ones are kept."""
    merged = merge_parameters([{"day_def": "24h", "x": 1}, {"day_def": "other", "y": 2}], ["b", "a"])
    assert merged == {"day_def": "24h", "x": 1, "y": 2, "kpis": ["b", "a"]}


@pytest.mark.parametrize("entries", [None, "x", 5, {}, [None], ["t"], [{}], [{"name": "T"}], [{"token": []}]])
def test_names_of_another_structure_are_ignored(entries: object) -> None:
    """Names are optional: if they have another structure, there are none, and no error."""
    assert names_by_level({"trackers": entries}) == {"trackers": {}, "events": {}}
    merge_parameters([{"trackers": entries}, {"trackers": [{"token": "t", "name": "T"}]}], [])
