"""Saved answers of the Report Service: read whole, or refused with the place of the mistake."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async.errors import ConfigurationError, DecodeError
from adjust_async.reports.report import AttrDependency, PivotReport, Report
from adjust_async.tables import Column, Table
from tests.reports.answers import ANSWER, document


def table_of(source: Table) -> tuple[tuple[Column, ...], list[dict[str, Any]]]:
    """Return the schema and the rows."""
    return source.schema, list(source.rows())


def test_a_saved_document_is_read(tmp_path: Path) -> None:
    """Text, bytes and a file lead to the same report, with a byte order mark or without."""
    text = document(ANSWER, totals={"installs": 64, "cost": 0.0}, warnings=["w"], currencies=["EUR"])
    place = tmp_path / "report.json"
    place.write_text(text)
    sources: list[str | bytes | Path] = [text, text.encode(), b"\xef\xbb\xbf" + text.encode(), "\ufeff" + text, place]
    for source in sources:
        got = Report.from_json(source)
        assert table_of(got) == (
            (Column("day", "date"), Column("installs", "integer"), Column("cost", "number")),
            [{"day": date(2026, 1, 5), "installs": 64, "cost": 0.0}],
        )
        assert (got.totals, got.warnings) == ({"installs": 64, "cost": 0.0}, ["w"])
        assert got.parts[0].extra["currencies"] == ["EUR"]


def test_totals_distinguish_dimensions_from_metrics() -> None:
    """A column with a total is a metric, whatever its name. Without totals the documented dimensions are used."""
    row = {"store_id": "123", "custom": "5", "installs": "6"}
    kinds = {
        name: type(cell) for name, cell in next(Report.from_json(document(row, totals={"installs": 6})).rows()).items()
    }
    assert kinds == {"store_id": str, "custom": str, "installs": int}
    without: list[dict[str, Any]] = [{"totals": None}, {"totals": {}}, {}]
    for totals in without:
        got = next(Report.from_json(document(row, **totals)).rows())
        assert got == {"store_id": "123", "custom": 5, "installs": 6}
    got = next(Report.from_json(document(row), dimensions=iter(["store_id", "custom"])).rows())
    assert got == {"store_id": "123", "custom": "5", "installs": 6}


def test_a_saved_document_without_rows_has_the_columns_of_its_totals() -> None:
    """The query can be passed, so that the schema is that of a complete report."""
    assert Report.from_json(document(totals={"cost": 0})).columns == ("cost",)
    got = Report.from_json(document(totals={"cost": 0}), dimensions=["day"])
    assert got.schema == (("day", "date"), ("cost", "number"))


def test_attr_dependency_of_a_saved_row_is_not_a_metric() -> None:
    """`attr_dependency` is neither dimension nor metric, and its values are not numbers."""
    text = document({**ANSWER, "attr_dependency": {"partner_id": "-300"}})
    assert "attr_dependency" not in Report.from_json(text).columns
    (row,) = Report.from_json(text, attr_dependency="columns").rows()
    assert row["partner_id"] == "-300"
    (row,) = Report.from_json(text, attr_dependency="keep").rows()
    assert row["attr_dependency"] == {"partner_id": "-300"}


@pytest.mark.parametrize(
    ("source", "location"),
    [("", "$"), (b"", "$"), ("{", "$"), ("null", "$"), ("[]", "$"), ("{}", "$.rows"), (b"\xff", "$"), ("NaN", "$"),
     ("[" * 100_000, "$"), ('{"rows": [1]}', "$.rows[0]"), ('{"rows": [], "totals": []}', "$.totals"),
     ("<html>", "$"), ('{"rows": [{"day": "\\ud800"}]}', "$")],
)  # fmt: skip
def test_an_invalid_document_is_located(source: str | bytes, location: str) -> None:
    """It is `DecodeError`, and never an empty report."""
    with pytest.raises(DecodeError) as caught:
        Report.from_json(source)
    assert caught.value.location == location


@pytest.mark.parametrize("source", [None, 5, [], {"rows": []}, bytearray(b"{}"), memoryview(b"{}")])
def test_a_source_is_text_bytes_or_a_path(source: Any) -> None:
    """A decoded document and other types are refused with the accepted types."""
    with pytest.raises(ConfigurationError, match=r"^source is .*: pass text, bytes or a pathlib.Path$"):
        Report.from_json(source)


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path: Path) -> None:
    """A missing file is not a wrong document."""
    with pytest.raises(FileNotFoundError):
        Report.from_json(tmp_path / "none.json")


@given(
    st.dictionaries(
        st.sampled_from(["rows", "totals", "warnings", "pagination"]),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(["day", "hour", "installs", "attr_dependency", "x"]), inner, max_size=3
                )
            ),
        ),
    ),
    st.sampled_from(["drop", "columns", "keep"]),
)
def test_any_document_has_rows_or_is_refused(answer: dict[str, Any], mode: AttrDependency) -> None:
    """No JSON is another error, and each row of it is a row with all columns."""
    try:
        got = Report.from_json(json.dumps(answer), attr_dependency=mode)
    except (DecodeError, ConfigurationError):  # the second one for rows that may hang below an index
        return
    rows = list(got.rows())
    assert len(rows) == len(answer["rows"])
    assert all(tuple(row) == got.columns for row in rows)
    assert isinstance(got.totals, dict)
    assert isinstance(got.warnings, list)


def test_a_pivot_report_has_totals_of_its_index() -> None:
    """They are the service's own and unchanged; `None` if it sent none."""
    totals = {"day": {"2026-01-05": {"installs": 70}}}
    got = PivotReport.from_json(document(ANSWER, totals={"installs": 64, "cost": 0}, totals_per_dimension=totals))
    assert got.totals_per_dimension == totals
    assert next(got.rows())["installs"] == 64
    assert PivotReport.from_json(document()).totals_per_dimension is None
