"""Large answers of the KPI Service, read slice by slice: what they hold is what a plain decoder finds."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async import DecodeError, KpiReport
from adjust_async.errors import MalformedError
from adjust_async.kpis.document import loads_packed, read_answer
from tests.kpis.answers import answers, apps_of, mutated


@given(answers(), st.integers(0, 40), st.booleans())
def test_slices_make_the_same_result_set(answer: dict[str, Any], size: int, spaced: bool) -> None:
    """Wherever an answer is cut, its parameters and the columns of its apps are those of the whole."""
    document = json.dumps(answer, separators=None if spaced else (",", ":")).encode()
    parameters, levels = read_answer(loads_packed(document, size=size))
    assert parameters == answer["result_parameters"]
    assert [app for level in levels for app in level.elements()] == apps_of(answer)
    assert list(KpiReport(parameters, levels).rows()) == list(KpiReport.from_json(document).rows())


@given(mutated(), st.integers(0, 40))
def test_no_fault_is_passed_over_in_slices(answer: dict[str, Any], size: int) -> None:
    """An answer that is refused as a whole is refused in slices, and one that is not has the same rows."""
    document = json.dumps(answer).encode()
    try:
        parameters, levels = read_answer(json.loads(document))
    except MalformedError:
        with pytest.raises(MalformedError):
            read_answer(loads_packed(document, size=size))
        return
    try:
        found = read_answer(loads_packed(document, size=size))
    except MalformedError:
        return  # then it is decoded as a whole
    assert found[0] == parameters
    assert [app for level in found[1] for app in level.elements()] == [
        app for level in levels for app in level.elements()
    ]


def large_answer(**rest: Any) -> dict[str, Any]:
    """Make an answer of more than a megabyte, grouped by network and day."""
    dates = [{"date": f"2026-{month:02}-{day:02}", "kpi_values": [day, month]}
             for month in range(1, 13) for day in range(1, 29)]  # fmt: skip
    networks = [{"token": f"n{number}", "name": "😀 },{", "dates": dates} for number in range(80)]
    app = {"token": "abc", "name": "App", "currency": "EUR", "networks": networks}
    return {"result_parameters": {"kpis": ["installs", "clicks"]}, "result_set": app, **rest}


@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_large_answer_is_read(ascii_only: bool) -> None:
    """A saved answer of several slices has all of its rows, in order."""
    answer = large_answer()
    report = KpiReport.from_json(json.dumps(answer, ensure_ascii=ascii_only))
    assert report.result_set == {"apps": [answer["result_set"]]}
    assert len(report) == 80 * 12 * 28
    assert [row["network_token"] for row in report.rows()][:: 12 * 28] == [f"n{number}" for number in range(80)]


def test_equal_texts_of_a_level_are_few_objects() -> None:
    """A day that is repeated below each network is kept once for each slice."""
    report = KpiReport.from_json(json.dumps(large_answer()))
    days = [day["date"] for network in report.result_set["apps"][0]["networks"] for day in network["dates"]]
    assert len(days) == 80 * 12 * 28
    assert len(set(map(id, days))) * 2 < len(days)


def test_a_fault_in_a_large_answer_is_located() -> None:
    """Its location counts all elements, those that became columns too."""
    answer = large_answer()
    answer["result_set"]["networks"][70]["dates"] = [{"date": "2026-01-01", "kpi_values": [1]}]
    with pytest.raises(DecodeError, match="the number of values is 1, and the number of KPIs is 2") as caught:
        KpiReport.from_json(json.dumps(answer))
    assert caught.value.location == "$.result_set.networks[70].dates[0].kpi_values"


@pytest.mark.parametrize(
    "answer", [large_answer(error="quota"), {"result_parameters": {}, "result_set": {}, "error": "quota"}]
)
def test_a_saved_error_is_not_a_report(answer: dict[str, Any]) -> None:
    """A document that says that it is an error is one, whatever else it holds."""
    with pytest.raises(DecodeError, match="the answer is an error: quota"):
        KpiReport.from_json(json.dumps(answer))
