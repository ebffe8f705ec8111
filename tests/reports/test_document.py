"""Documents of the Report Service: opened whole, or refused with the place of the mistake."""

import copy
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async.errors import MalformedError
from adjust_async.reports.document import open_pivot, open_report

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["rows", "totals", "warnings", "pagination", "currencies"])


def fault(document: object, app_token: str | None = None) -> MalformedError:
    """Return the error from opening a document."""
    with pytest.raises(MalformedError) as caught:
        open_report(document, app_token, None, () if app_token is None else (app_token,))
    return caught.value


# Opening.


def test_a_document_is_opened() -> None:
    """Rows and warnings are unchanged, totals are numbers, and everything else is kept."""
    rows = [{"day": "2026-01-01", "installs": "64"}]
    document = {
        "rows": rows,
        "totals": {"installs": 64.0, "cost": "0.0", "roas": None, "x": "unknown", "y": "5"},
        "warnings": ["w", {"code": 1}],
        "pagination": None,
        "data_warnings": ["late"],
        "currencies": ["EUR"],
    }
    before = copy.deepcopy(document)
    got = open_report(document, "abc", "-7d:-1d")
    assert (got.app_token, got.date_period, got.rows) == ("abc", "-7d:-1d", rows)
    assert got.totals == {"installs": 64, "cost": 0.0, "roas": None, "x": "unknown", "y": 5}
    assert got.warnings == ["w", {"code": 1}, "late"]
    assert got.extra == {"pagination": None, "currencies": ["EUR"]}
    assert document == before


@pytest.mark.parametrize(
    "rest",
    [{}, {"totals": None}, {"totals": {}}, {"warnings": None}, {"warnings": []}, {"pagination": None},
     {"totals": None, "warnings": None, "pagination": None}],
)  # fmt: skip
def test_missing_parts_are_empty(rest: dict[str, Any]) -> None:
    """Totals, warnings and pages may be null or missing."""
    got = open_report({"rows": [], **rest}, None, None)
    assert (got.rows, got.totals, got.warnings) == ([], {}, [])


@pytest.mark.parametrize(("warnings", "expected"), [("w", ["w"]), ({"a": 1}, [{"a": 1}]), (["w", "w"], ["w", "w"])])
def test_a_warning_is_kept_in_any_form(warnings: object, expected: list[object]) -> None:
    """One that is in no list is one all the same."""
    assert open_report({"rows": [], "warnings": warnings}, None, None).warnings == expected


@pytest.mark.parametrize("pagination", [{"next": 2}, "next", 5, True, [1]])
def test_a_page_of_several_does_not_go_unnoticed(pagination: object) -> None:
    """`pagination` was never seen to be anything but null: rows may be missing, which is a warning."""
    document = {"rows": [], "warnings": ["w"], "pagination": pagination}
    got = open_report(document, None, None)
    assert got.warnings[0] == "w"
    assert "one page of several" in got.warnings[1]
    assert document["warnings"] == ["w"]
    assert got.extra == {"pagination": pagination}


@pytest.mark.parametrize(
    ("document", "location"),
    [
        (None, "$"),
        ([], "$"),
        ("rows", "$"),
        (5, "$"),
        ({}, "$.rows"),
        ({"rows": None}, "$.rows"),
        ({"rows": {}}, "$.rows"),
        ({"rows": "x"}, "$.rows"),
        ({"error_code": "service_error"}, "$"),
        ({"rows": [], "error_code": "service_error"}, "$"),
        ({"rows": [{}], "errors": ["later"]}, "$"),
        ({"rows": [{}, None]}, "$.rows[1]"),
        ({"rows": [[]]}, "$.rows[0]"),
        ({"rows": ["x"]}, "$.rows[0]"),
        ({"rows": [], "totals": []}, "$.totals"),
        ({"rows": [], "totals": 5}, "$.totals"),
        ({"rows": [], "totals": "x"}, "$.totals"),
    ],
)
def test_an_invalid_answer_is_located(document: object, location: str) -> None:
    """An answer of another shape is never an empty report."""
    assert fault(document).location == location


@pytest.mark.parametrize("token", ["other", 5, "", ["abc"]])
def test_the_figures_of_another_app_are_refused(token: object) -> None:
    """An answer for one app has no rows of others, whatever the request."""
    error = fault({"rows": [{"app_token": "abc"}, {"app_token": token}]}, "abc")
    assert error.location == "$.rows[1].app_token"
    assert "'abc'" in error.problem
    assert open_report({"rows": [{"app_token": token}]}, None, None).rows == [{"app_token": token}]


@given(JSON | st.dictionaries(KEYS, JSON, max_size=5) | st.fixed_dictionaries({"rows": st.lists(JSON, max_size=2)}))
def test_any_document_is_a_report_or_refused(document: Any) -> None:
    """No JSON is another error, and a report has all of its rows."""
    try:
        got = open_report(document, None, None)
    except MalformedError as error:
        location = error.location
    else:
        assert got.rows == document["rows"]
        assert got.totals.keys() == (document.get("totals") or {}).keys()
        return
    assert location.startswith("$")


# Pivot reports.

A, B = "2026-01-01", "2026-01-02"


def unfold(rows: list[Any], index: list[str]) -> list[Any]:
    """Return the rows of a pivot report."""
    return open_pivot({"rows": rows}, index, None).rows


@pytest.mark.parametrize(
    ("rows", "index", "expected"),
    [
        ([{"day": A, "installs": "1"}], ["day"], [{"day": A, "installs": "1"}]),
        ([{A: {"installs": "1"}}], ["day"], [{"day": A, "installs": "1"}]),
        ([{A: {"installs": "1"}, B: {"installs": "2"}}], ["day"],
         [{"day": A, "installs": "1"}, {"day": B, "installs": "2"}]),
        ([{A: [{"country": "DE", "installs": "1"}, {"country": "US", "installs": "2"}]}], ["day"],
         [{"day": A, "country": "DE", "installs": "1"}, {"day": A, "country": "US", "installs": "2"}]),
        ([{A: {"DE": {"installs": "1"}, "US": [{"installs": "2"}]}}, {B: {"DE": {"installs": "3"}}}],
         ["day", "country"],
         [{"day": A, "country": "DE", "installs": "1"}, {"day": A, "country": "US", "installs": "2"},
          {"day": B, "country": "DE", "installs": "3"}]),
        ([{A: {"country": "DE", "installs": "1"}}], ["day", "country"], [{"day": A, "country": "DE", "installs": "1"}]),
        ([{"day": A, "installs": "1"}, {B: {"installs": "2"}}], ["day"],
         [{"day": A, "installs": "1"}, {"day": B, "installs": "2"}]),
        ([{A: {"installs": "1", "attr_dependency": {"partner": "x"}}}], ["day"],
         [{"day": A, "installs": "1", "attr_dependency": {"partner": "x"}}]),
        ([{"day": A, "attr_dependency": {"partner": "x"}}], ["day"], [{"day": A, "attr_dependency": {"partner": "x"}}]),
        ([{A: {"day": A, "installs": "1"}}], ["day"], [{"day": A, "installs": "1"}]),
        ([{A: []}], ["day"], []),
        ([], ["day"], []),
        ([{A: {"installs": "1"}}], [], [{A: {"installs": "1"}}]),
        ([{}], ["day"], [{}]),
    ],
)  # fmt: skip
def test_rows_below_values_become_flat(rows: list[Any], index: list[str], expected: list[Any]) -> None:
    """Flat rows stay, and rows below values of the index get these as cells, at any depth."""
    before = copy.deepcopy(rows)
    assert unfold(rows, index) == expected
    assert rows == before


@pytest.mark.parametrize("rows", [[5], [None], ["x"], [[{"a": 1}]], [{A: [[{"installs": "1"}]]}], [{A: [5]}]])
def test_invalid_rows_are_left_to_the_check(rows: list[Any]) -> None:
    """Anything but a row or rows below values is left to the check, which reports its place."""
    with pytest.raises(MalformedError) as caught:
        unfold(rows, ["day"])
    assert caught.value.location == "$.rows[0]"


@given(
    st.lists(
        st.tuples(*(st.text("abc1", min_size=1, max_size=2) for _ in range(2)), st.text(max_size=3)),
        max_size=8,
        unique_by=lambda row: row[:2],
    ),
    st.integers(0, 2),
    st.booleans(),
)
def test_nested_rows_are_the_flat_ones(rows: list[tuple[str, str, str]], depth: int, listed: bool) -> None:
    """However deep rows hang below the index, and with or without lists, they are the same rows."""
    flat = [{"day": day, "country": country, "installs": value} for day, country, value in rows]
    nested: list[Any] = []
    for row in flat:
        below: Any = {name: value for name, value in row.items() if name not in ["day", "country"][:depth]}
        for dimension in reversed(["day", "country"][:depth]):
            below = {row[dimension]: [below] if listed else below}
        nested.append(below)
    assert unfold(nested, ["day", "country"]) == flat


@given(st.lists(JSON, max_size=3), st.lists(st.sampled_from(["day", "app", "x"]), max_size=3, unique=True))
def test_any_rows_can_be_unfolded(rows: list[Any], index: list[str]) -> None:
    """Any JSON has rows, or is refused with the place of the wrong row."""
    try:
        found = unfold(rows, index)
    except MalformedError as error:
        location = error.location
    else:
        assert all(isinstance(row, dict) for row in found)
        return
    assert location.startswith("$.rows[")


ROWS = [{"country": "DE", "installs": "1"}, {"country": "US", "installs": "2"}]


@pytest.mark.parametrize(
    "nested",
    [
        [{A: {"rows": ROWS, "totals": {"installs": 3}, "warnings": [], "pagination": None}}],
        [{A: {"rows": ROWS, "totals": {"installs": "3"}}}],
        [{A: {"data": ROWS, "totals": {"installs": 3}}}],
        [{A: {"rows": ROWS[:1], "totals": {"installs": 3}}}, {A: {"rows": ROWS[1:]}}],
    ],
)
def test_inner_totals_are_kept_and_are_not_rows(nested: list[Any]) -> None:
    """The documented object below a value has rows, and totals that belong to that value."""
    part = open_pivot({"rows": nested}, ["day"], None)
    assert part.rows == [{"day": A, **row} for row in ROWS]
    assert list(part.index_totals) == [{"day": A, "installs": 3}]


def test_two_levels_hang_below_each_other() -> None:
    """With two dimensions in the index the rows hang one level deeper, and each level may have totals."""
    inner = [{"DE": {"rows": [{"app": "x", "installs": "1"}], "totals": {"installs": 1}}}, {"US": {"rows": []}}]
    rows = [{A: {"rows": inner, "totals": {"installs": 1}}}, {B: {"totals": {"installs": 0}}}]
    part = open_pivot({"rows": rows, "totals": {"installs": 1}}, ["day", "country"], None)
    assert part.rows == [{"day": A, "country": "DE", "app": "x", "installs": "1"}]
    assert list(part.index_totals) == [
        {"day": A, "country": "DE", "installs": 1},
        {"day": A, "installs": 1},
        {"day": B, "installs": 0},
    ]


@pytest.mark.parametrize("value", ["campaign", "rows", "data", "totals", "error", "installs", "", "null"])
def test_an_index_value_may_have_any_name(value: str) -> None:
    """A campaign that is called like a key of the document is a value of the index all the same."""
    part = open_pivot({"rows": [{value: {"rows": [{"installs": "1"}], "totals": {}}}]}, ["campaign"], None)
    assert part.rows == [{"campaign": value, "installs": "1"}]


@pytest.mark.parametrize(
    "inner",
    [{"rows": [], "error_code": "service_error"}, {"error": "later"}, {"rows": ROWS, "errors": ["later"]}],
)
def test_an_error_below_a_value_is_refused(inner: object) -> None:
    """A value of the index with an error instead of rows is not mistaken for one without rows, or for a row."""
    with pytest.raises(MalformedError, match=r"has an error below day '2026-01-02': (later|service_error)"):
        open_pivot({"rows": [{A: {"rows": ROWS}}, {"2026-01-02": inner}]}, ["day"], None)


def test_inner_warnings_are_reported() -> None:
    """Warnings below a value, and missing rows there, are warnings of the whole report."""
    rows = [
        {A: {"rows": ROWS, "warnings": ["immature"], "pagination": {"next": 2}}},
        {B: {"rows": [], "warnings": "w"}},
    ]
    part = open_pivot({"rows": rows, "warnings": ["immature"]}, ["day"], None)
    assert part.warnings[:1] == ["immature"]
    assert [str(warning)[:30] for warning in part.warnings[1:]] == ["the service says that the rows", "w"]


@pytest.mark.parametrize(
    "document", [{"error_code": "service_error", "error_desc": "try later"}, {"error": "try later"}]
)
def test_an_error_with_a_good_status_keeps_its_words(document: object) -> None:
    """The service's message is in the error, whatever the status."""
    assert "try later" in fault(document).problem
