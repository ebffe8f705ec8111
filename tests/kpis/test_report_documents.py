"""Saved answers of the KPI Service: read completely, or refused with the place of the mistake."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async.errors import DecodeError
from adjust_async.kpis.report import KpiReport
from tests.kpis.answers import KPIS, days, report


def decode_error_of(document: object) -> DecodeError:
    """Return the error of reading a document."""
    with pytest.raises(DecodeError) as caught:
        KpiReport.from_json(document if isinstance(document, (str, bytes)) else json.dumps(document))
    return caught.value


@pytest.mark.parametrize(
    ("document", "location"),
    [
        ("", "$"),
        ("{", "$"),
        ("[]", "$"),
        ("null", "$"),
        ("<html>", "$"),
        ('{"a": nan}', "$"),
        ('{"a": 1, "a": 1}', "$"),
        ("{}", "$.result_set"),
        ({"result_parameters": {}}, "$.result_set"),
        ({"result_set": {}}, "$.result_parameters"),
        ({"result_parameters": [], "result_set": {}}, "$.result_parameters"),
        ({"result_parameters": {"kpis": "installs"}, "result_set": {}}, "$.result_parameters.kpis"),
        ({"result_parameters": {"kpis": None}, "result_set": {}}, "$.result_parameters.kpis"),
        ({"result_parameters": {"kpis": [1]}, "result_set": {}}, "$.result_parameters.kpis"),
        ({"result_parameters": {}, "result_set": []}, "$.result_set"),
        ({"result_parameters": {}, "result_set": {"apps": [1]}}, "$.result_set.apps[0]"),
        ({"result_parameters": {}, "result_set": {"apps": None}}, "$.result_set.apps"),
        ({"result_parameters": {}, "result_set": {"apps": {"a": {}}}}, "$.result_set.apps"),
    ],
)
def test_invalid_answers_are_located(document: object, location: str) -> None:
    """Each invalid document raises a `DecodeError` with the place of the fault."""
    assert decode_error_of(document).location == location


@pytest.mark.parametrize(("values", "kpis"), [([1], 2), ([1, 2, 3], 2), ([], 1), ([1], 0)])
@pytest.mark.parametrize("several", [False, True])
def test_values_have_to_match_their_kpis(values: list[int], kpis: int, several: bool) -> None:
    """A KPI list shorter or longer than its values is refused with both numbers and the place."""
    app = {"token": "a", "trackers": [{"token": "t", "kpi_values": [1] * kpis}, {"token": "u", "kpi_values": values}]}
    document = {
        "result_parameters": {"kpis": KPIS[:kpis]},
        "result_set": {"apps": [app]} if several else app,
    }
    error = decode_error_of(document)
    assert error.location == f"$.result_set{'.apps[0]' if several else ''}.trackers[1].kpi_values"
    assert error.message == f"the number of values is {len(values)}, and the number of KPIs is {kpis}"


@pytest.mark.parametrize("kpis", [["installs", "installs"], ["installs", "app_token"], ["currency"], ["date"]])
def test_a_column_has_one_meaning(kpis: list[str]) -> None:
    """A repeated KPI, or one with the name of a level's column, is refused or kept: nothing is overwritten."""
    app = {"token": "a", "currency": "EUR", "dates": [{"date": "2026-01-01", "kpi_values": list(range(len(kpis)))}]}
    try:
        got = report(app, *kpis)
    except DecodeError:
        return
    assert len(set(got.columns)) == len(got.columns)
    (row,) = got.rows()
    assert {"a", "EUR", date(2026, 1, 1), *range(len(kpis))} <= set(row.values())


scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4)


some_keys = st.sampled_from(
    ["token", "name", "currency", "apps", "trackers", "dates", "date", "kpi_values", "kpis", "country", "countries"]
) | st.text(max_size=3)


json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(some_keys, inner, max_size=4),
    max_leaves=12,
)


@given(
    json_values
    | st.fixed_dictionaries(
        {
            "result_parameters": st.dictionaries(st.sampled_from(["trackers", "events", "grouping"]), json_values),
            "result_set": st.dictionaries(some_keys, json_values, max_size=4),
        }
    )
)
def test_any_json_is_rows_or_a_decode_error(document: Any) -> None:
    """Any JSON results in a report with rows and a schema, or in `DecodeError`, and never in anything else."""
    try:
        got = KpiReport.from_json(json.dumps(document))
    except DecodeError:
        return
    for row in got.rows():
        assert tuple(row) == got.columns
    assert repr(got)


@given(st.binary(max_size=60) | st.text(max_size=60) | st.text(st.characters(), max_size=5))
def test_random_bytes_are_not_json(source: bytes | str) -> None:
    """Random bytes and texts raise `DecodeError`; no short text is an answer."""
    with pytest.raises(DecodeError):
        KpiReport.from_json(source)


@pytest.mark.parametrize("source", ["\ud800", '{"a": "\ud800"}'])
def test_a_text_that_cannot_be_encoded_is_not_json(source: str) -> None:
    """Half a surrogate pair raises `DecodeError` like any other fault."""
    assert decode_error_of(source).malformed


@pytest.mark.parametrize("depth", [50, 200, 400, 480, 900])
def test_any_depth_is_rows_or_a_decode_error(depth: int) -> None:
    """Levels that are nested extremely deeply are read or refused; they do not exhaust the stack."""
    text = '{"result_parameters": {"kpis": ["k"]}, "result_set": {"token": "a", '
    text += '"trackers": [{"token": "t", ' * depth + '"kpi_values": [1]' + "}]" * depth + "}}"
    try:
        got = KpiReport.from_json(text)
    except DecodeError:
        return
    assert [row["k"] for row in got.rows()] == [1]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_source_is_text_bytes_or_a_path(tmp_path: Path, mark: str) -> None:
    """The three forms of a saved answer, with or without a byte order mark, result in the same report."""
    document = {"result_parameters": {"kpis": ["k"]}, "result_set": days(1, None)}
    text = mark + json.dumps(document)
    path = tmp_path / "answer.json"
    path.write_bytes(text.encode())
    for source in (text, text.encode(), path):
        got = KpiReport.from_json(source)
        assert [row["k"] for row in got.rows()] == [1, None]


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    """A missing file is not an error of its content."""
    with pytest.raises(FileNotFoundError):
        KpiReport.from_json(tmp_path / "none.json")
