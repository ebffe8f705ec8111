"""The check of result sets: documented structures pass, and every fault is found at its place."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from adjust_async._checks import LARGEST_NUMBER
from adjust_async.errors import MalformedError
from adjust_async.kpis.result_sets.checking import check_element
from tests.kpis.answers import LEVELS, answers, apps_of, mutated, mutated_apps


def fault_of(app: object, kpis: int = 1) -> MalformedError:
    """Return the error of checking an app."""
    with pytest.raises(MalformedError) as caught:
        check_element(app, kpis)
    return caught.value


@given(answers())
def test_every_documented_answer_is_accepted(answer: dict[str, Any]) -> None:
    """Levels in any order and depth, including ragged and unknown ones, are what the service documents."""
    for app in apps_of(answer):
        check_element(app, len(answer["result_parameters"]["kpis"]))


def elements_of(element: dict[str, Any], place: str = "") -> list[tuple[dict[str, Any], str]]:
    """Return an element and all below it, each with its place."""
    found = [(element, place)]
    for level in element:
        if level in LEVELS:
            for index, inner in enumerate(element[level]):
                found += elements_of(inner, f"{place}.{level}[{index}]")
    return found


@given(answers(), st.data())
def test_a_fault_is_located(answer: dict[str, Any], data: st.DataObject) -> None:
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
    # Figures come first, so that no level before them is checked.
    assert fault_of(app, kpis).location == place


@pytest.mark.parametrize("app", [None, 5, "app", [], [{}], True])
def test_an_app_is_an_object(app: object) -> None:
    """Anything else is not an app."""
    fault = fault_of(app)
    assert fault.location == ""
    assert "expected an object" in fault.problem


@pytest.mark.parametrize("first", [None, 1, "x", []])
def test_a_level_with_a_fault_in_front_is_not_passed_over(first: object) -> None:
    """Elements after an invalid one are not lost silently: the fault is named."""
    fault = fault_of({"token": "a", "trackers": [first, {"token": "t", "kpi_values": [1]}]})
    assert fault.location == ".trackers[0]"


@pytest.mark.parametrize("level", [{"token": "t", "kpi_values": [1]}, {"t": {"kpi_values": [1]}}])
def test_a_level_that_is_not_a_list_is_not_passed_over(level: object) -> None:
    """Figures in an object in place of a level's list are not lost silently."""
    assert fault_of({"token": "a", "trackers": level}).location.startswith(".trackers")


@pytest.mark.parametrize("token", [[], {}, ["x"], {"a": 1}])
@pytest.mark.parametrize("key", ["token", "name"])
def test_identifiers_of_elements_are_plain_values(token: object, key: str) -> None:
    """A token or a name that is a list or an object can't be a cell of a table."""
    app = {"token": "a", "trackers": [{"token": "t"}, {"token": "u", key: token, "kpi_values": [1]}]}
    assert fault_of(app).location == f".trackers[1].{key}"


def test_a_message_is_short_whatever_it_found() -> None:
    """A megabyte in the wrong place doesn't become a megabyte of message."""
    assert len(fault_of("x" * 10**6).problem) < 200
    assert len(fault_of({"kpi_values": "x" * 10**6}).problem) < 200
    assert len(fault_of({"kpi_values": ["x" * 10**6]}).problem) < 200


@pytest.mark.parametrize(("values", "kpis"), [([], 0), ([None], 1), ([0], 1), ([1, 2.5, None], 3)])
def test_values_are_numbers_or_null(values: list[Any], kpis: int) -> None:
    """A list with one number or null for each KPI passes."""
    check_element({"token": "a", "kpi_values": values}, kpis)


def test_an_app_without_figures_is_accepted() -> None:
    """An app without traffic has neither levels nor figures."""
    check_element({"token": "a", "name": "A", "currency": "EUR", "trackers": []}, 3)


@pytest.mark.parametrize("number", [0, None, 0.5, -7, LARGEST_NUMBER, -LARGEST_NUMBER, 10**400])
def test_usual_answers_are_accepted(number: float | None) -> None:
    """Ragged levels with usual figures, null levels, and undocumented keys pass."""
    days = [{"date": "2026-01-01", "kpi_values": [number, 1]}, {"date": "2026-01-02", "kpi_values": [1, number]}]
    trackers = [{"token": "t", "dates": days}, {"token": "u", "name": "U", "dates": []}, {"token": "v", "dates": None}]
    check_element({"token": "a", "name": "A", "currency": None, "trackers": trackers, "is_new": True}, 2)


@pytest.mark.parametrize("place", ["app", "day"])
@pytest.mark.parametrize("failure", [{"error": "later"}, {"errors": [{"message": "later"}]}, {"error_code": "x"}])
def test_an_error_within_figures_is_refused(failure: dict[str, Any], place: str) -> None:
    """An app, or a part of one, that carries an error does not look like one without figures."""
    day = {"date": "2026-01-01", "kpi_values": [1]}
    app = {"token": "a", "dates": [day | failure if place == "day" else day]} | (failure if place == "app" else {})
    assert "the answer has an error here" in fault_of(app, 1).problem


#: The documented levels.
DOCUMENTED = {"apps": "app", "adgroups": "adgroup", "creatives": "creative", "partners": "partner"} | {
    level: one for level, (one, _) in LEVELS.items() if level not in {"platforms", "categories", "widgets", "zones"}
}
IDENTIFYING = {"token", "name", "currency", *DOCUMENTED.values()}


def faults_of(element: Any, kpis: int, place: str = "") -> Iterator[str]:
    """Return the places of all faults, by the documentation of each key."""
    if not isinstance(element, dict):
        yield place
        return
    for key, value in element.items():
        if key == "kpi_values":
            yield from faulty_figures(value, kpis, f"{place}.{key}")
        elif key in IDENTIFYING:
            if not isinstance(value, str | int | None):
                yield f"{place}.{key}"
        elif isinstance(value, list):
            if not value or key in DOCUMENTED or any(isinstance(one, dict) for one in value):
                for index, one in enumerate(value):
                    yield from faults_of(one, kpis, f"{place}.{key}[{index}]")
        elif key in DOCUMENTED and value is not None:
            yield f"{place}.{key}"


def faulty_figures(values: Any, kpis: int, place: str) -> Iterator[str]:
    """Return the places of values that are neither numbers nor null."""
    if not isinstance(values, list) or len(values) != kpis:
        yield place
        return
    for index, figure in enumerate(values):
        # Integers beyond 64 bits are exact, and so are figures too.
        if type(figure) not in {int, float, type(None)}:
            yield f"{place}[{index}]"


@given(mutated())
def test_the_first_fault_is_named_and_none_is_passed_over(answer: dict[str, Any]) -> None:
    """The first fault of any mutated answer is named; an answer without faults is accepted."""
    kpis = len(answer["result_parameters"]["kpis"])
    for app in mutated_apps(answer):
        faults = list(faults_of(app, kpis))
        if faults:
            assert fault_of(app, kpis).location == faults[0]
        else:
            check_element(app, kpis)
