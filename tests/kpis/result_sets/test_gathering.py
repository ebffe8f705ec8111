"""The answers of many apps, joined while they arrive: no value is lost, doubled or moved."""

from typing import Any

from hypothesis import given, strategies as st

from adjust_async.kpis.result_sets.columns import Level, read_level
from adjust_async.kpis.result_sets.gathering import Gathering
from tests.kpis.answers import answers, apps_of


def gather(*answers_: dict[str, Any]) -> tuple[dict[str, Any], list[Level]]:
    """Join the answers of apps."""
    gathered = Gathering()
    for answer in answers_:
        parameters = answer["result_parameters"]
        for app in apps_of(answer):
            gathered.add(parameters, read_level([app], len(parameters["kpis"])))
    return gathered.result()


def answer_of(token: str, *rows: int, kpis: tuple[str, ...] = ("installs",)) -> dict[str, Any]:
    """Return the answer of an app with a figure for each day."""
    dates = [{"date": f"2026-01-{day:02}", "kpi_values": [row] * len(kpis)} for day, row in enumerate(rows, 1)]
    return {"result_parameters": {"kpis": list(kpis)}, "result_set": {"token": token, "dates": dates}}


@given(st.lists(answers(), max_size=4), st.integers(1, 3))
def test_gathered_apps_are_those_that_were_added(found: list[dict[str, Any]], times: int) -> None:
    """Whatever the answers, alike or not, their apps come back in order, with every figure under its KPI."""
    found = [answer for answer in found for _ in range(times)]
    parameters, levels = gather(*found)
    kpis = parameters.get("kpis", [])
    expected = [
        read_level([app], len(answer["result_parameters"]["kpis"]))
        .with_kpis(answer["result_parameters"]["kpis"], kpis)
        .elements()[0]
        for answer in found
        for app in apps_of(answer)
    ]
    assert [app for level in levels for app in level.elements()] == expected
    assert sum(one.rows for level in levels for one in level.walk()) == sum(
        one.rows for app in expected for one in read_level([app], len(kpis)).walk()
    )


def test_apps_with_the_same_keys_become_one_level() -> None:
    """Five hundred answers are kept as a few columns, and an app without elements fits in too."""
    (level,) = gather(
        answer_of("a", 1, 2), answer_of("b"), *(answer_of(f"c{number}", number) for number in range(500))
    )[1]
    assert level.count == 502
    assert level.is_even()


def test_an_app_with_other_keys_keeps_its_place() -> None:
    """An app without figures, or with other KPIs, is not mixed with its neighbours."""
    odd = {"result_parameters": {"kpis": ["installs"]}, "result_set": {"token": "b"}}
    more = answer_of("d", 5, kpis=("clicks", "installs"))
    parameters, levels = gather(answer_of("a", 1), odd, answer_of("c", 2), more)
    assert [level.elements()[0]["token"] for level in levels] == ["a", "b", "c", "d"]
    assert parameters["kpis"] == ["installs", "clicks"]
    assert levels[0].elements()[0]["dates"][0]["kpi_values"] == [1, None]
