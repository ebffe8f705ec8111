"""Tables: the same cells as dictionaries, Arrow, pandas and polars, with the same types."""

import builtins
import json
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pandas
import polars
import pyarrow
import pytest
from hypothesis import given, strategies as st

from adjust_async.errors import ConfigurationError, DecodeError
from adjust_async.kpis.report import KpiReport
from adjust_async.reports.report import Report
from adjust_async.tables import Column, ColumnTable, Kind, Table
from tests.frames import from_pandas
from tests.kpis.answers import answers, days, report


def table(kind: Kind, *cells: Any) -> ColumnTable:
    """Return a table with one column."""
    return ColumnTable([Column("c", kind)], [cells])


def check_equal(source: Table) -> None:
    """Check that all three forms have the cells of `rows()`."""
    rows = list(source.rows())
    assert source.to_arrow().to_pylist() == rows
    assert source.to_polars().to_dicts() == rows
    assert from_pandas(source) == rows


CELLS: dict[Kind, st.SearchStrategy[Any]] = {
    "text": st.text(max_size=5),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(allow_nan=False) | st.integers(-(2**53), 2**53),
    "boolean": st.booleans(),
    "date": st.dates(),
    "moment": st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - without distance to UTC
}
ARROW: dict[Kind, Any] = {
    "text": pyarrow.string(),
    "integer": pyarrow.int64(),
    "number": pyarrow.float64(),
    "boolean": pyarrow.bool_(),
    "date": pyarrow.date32(),
    "moment": pyarrow.timestamp("us"),
}
PANDAS: dict[Kind, Any] = {
    "text": pandas.Series(["x"]).dtype,
    "integer": pandas.Int64Dtype(),
    "number": "float64",
    "boolean": pandas.BooleanDtype(),
    "date": "datetime64[us]",
    "moment": "datetime64[us]",
}
POLARS: dict[Kind, Any] = {
    "text": polars.String,
    "integer": polars.Int64,
    "number": polars.Float64,
    "boolean": polars.Boolean,
    "date": polars.Date,
    "moment": polars.Datetime("us"),
}


@given(st.sampled_from(sorted(CELLS)).flatmap(lambda kind: st.tuples(st.just(kind), st.lists(st.none() | CELLS[kind]))))
def test_every_kind_of_cell_is_the_same_everywhere(asked: tuple[Kind, list[Any]]) -> None:
    """Arrow, pandas and polars hold exactly the cells of `rows()`, including empty ones, with the type of the kind."""
    kind, cells = asked
    source = table(kind, *cells)
    check_equal(source)
    assert source.to_arrow().schema == pyarrow.schema([("c", ARROW[kind])])
    assert source.to_polars().schema == {"c": POLARS[kind]}
    assert source.to_pandas().dtypes["c"] == PANDAS[kind]


@pytest.mark.parametrize("cells", [[], [None], [None, None]])
@pytest.mark.parametrize("kind", sorted(CELLS))
def test_types_do_not_depend_on_the_cells(kind: Kind, cells: list[None]) -> None:
    """A table without rows, or with only empty cells, has the types of a full one."""
    source = table(kind, *cells)
    assert source.to_arrow().schema == pyarrow.schema([("c", ARROW[kind])])
    assert source.to_polars().schema == {"c": POLARS[kind]}
    assert source.to_pandas().dtypes["c"] == PANDAS[kind]
    check_equal(source)


@given(st.sampled_from(sorted(CELLS)).flatmap(lambda kind: st.tuples(st.just(kind), st.lists(st.none() | CELLS[kind]))))
def test_polars_works_without_arrow(asked: tuple[Kind, list[Any]]) -> None:
    """The frame is the same, with or without pyarrow."""
    kind, cells = asked
    if kind == "moment":
        cells = [cell and cell.replace(tzinfo=UTC if place % 2 else None) for place, cell in enumerate(cells)]
    source = table(kind, *cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        plain = source.to_polars()
    assert plain.equals(source.to_polars())
    assert plain.schema == source.to_polars().schema


@given(answers())
def test_a_report_is_the_same_everywhere(answer: dict[str, Any]) -> None:
    """Any answer, even with unknown or ragged levels, has equal cells in every form."""
    check_equal(KpiReport.from_json(json.dumps(answer)))


@pytest.mark.parametrize(
    "app",
    [
        {"token": "a", "periods": [{"period": 0, "kpi_values": [1]}, {"period": "1", "kpi_values": [1]}]},
        {"token": "a", "partners": [{"partner": 174, "kpi_values": [1]}, {"partner": None, "kpi_values": [1]}]},
        {"token": "a", "zones": [{"weight": 0.5, "live": True, "kpi_values": [1]}]},
        {"token": 5, "name": False, "kpi_values": [1]},
        {"token": "a", "dates": [{"date": "2026-01-01", "kpi_values": [1]}, {"date": "unknown", "kpi_values": [1]}]},
        {"token": "a", "dates": [{"date": d, "kpi_values": [1]} for d in ("2026-01-01", "2026-01-01T05:00:00")]},
        {"token": "a", "dates": [{"date": d, "kpi_values": [1]} for d in ("2026-01-01T05:00", "2026-01-01T05:00Z")]},
        {"token": "a", "dates": [{"date": 20260101, "kpi_values": [1]}]},
        {"token": "a", "dates": [{"date": "2026-01-01T05:00+05:30", "kpi_values": [1]}]},
        {"token": "a", "dates": [{"date": f"2026-01-0{n}", "kpi_values": [v]} for n, v in [(1, 2**60 + 1), (2, 0.5)]]},
    ],
)
def test_unusual_cells_are_the_same_everywhere(app: dict[str, Any]) -> None:
    """Numeric ids, dates in several formats and huge integers lose nothing, and no form fails."""
    source = report(app, "k")
    rows = list(source.rows())
    for got in (source.to_arrow().to_pylist(), source.to_polars().to_dicts(), from_pandas(source)):
        for found, row in zip(got, rows, strict=True):
            for name, cell in row.items():
                if isinstance(found[name], str):  # a column of several types may become text
                    assert found[name].lower().replace("t", " ") == str(cell).lower().replace("t", " ")
                else:
                    wanted = pytest.approx(cell) if isinstance(cell, int) else cell
                    if isinstance(found[name], datetime) and found[name].tzinfo and not cell.tzinfo:
                        wanted = cell.replace(tzinfo=UTC)  # next to datetimes with an offset
                    assert found[name] == wanted


SUMMER, WINTER = (datetime(2026, 10, 25, 2, tzinfo=timezone(timedelta(hours=offset))) for offset in (2, 1))


@pytest.mark.parametrize(
    ("cells", "hours"),
    [
        ([SUMMER, WINTER], [0, 1]),
        ([None, WINTER], [None, 1]),
        ([datetime(2026, 10, 25, 2), SUMMER], [2, 0]),  # noqa: DTZ001 - that is what is tested
    ],
)
def test_moments_with_an_offset_are_at_utc_in_tables(cells: list[Any], hours: list[int | None]) -> None:
    """The repeated hour at the end of summer time stays two; one offset turns a whole column into UTC."""
    source = table("moment", *cells)
    arrow, frame = source.to_arrow(), source.to_polars()
    assert arrow.schema.field("c").type == pyarrow.timestamp("us", "UTC")
    assert source.to_pandas().dtypes["c"] == pandas.DatetimeTZDtype("us", "UTC")
    assert frame.schema == {"c": polars.Datetime("us", "UTC")}
    for found in (arrow.column("c").to_pylist(), frame["c"].to_list()):
        assert [cell and cell.hour for cell in found] == hours
        assert {cell.utcoffset() for cell in found if cell} == {timedelta()}


@pytest.mark.parametrize("other", ["unknown", "", "2026-01-05T04:00:00"])
def test_a_word_among_hours_with_an_offset_makes_text_everywhere(other: str) -> None:
    """One cell that is a word makes its column text in every form, whatever the others are."""
    hours = ["2026-01-05T05:00:00+02:00", other]
    got = Report.from_json(json.dumps({"rows": [{"hour": hour, "installs": "1"} for hour in hours], "totals": {}}))
    assert got.to_polars().to_dicts() == got.to_arrow().to_pylist()
    assert (got.schema[0].kind == "text") == (other == "unknown")


@pytest.mark.parametrize("cell", [2**63, -(2**63) - 1, 10**400])
def test_an_integer_too_large_is_never_an_empty_cell(cell: int) -> None:
    """A number that does not fit is an error in every form, because null would look like a missing figure."""
    source = table("integer", cell)
    for convert in (source.to_arrow, source.to_polars, source.to_pandas):
        with pytest.raises(DecodeError, match="which is too large for a 64-bit column: use rows"):
            convert()


def test_a_report_is_walked_again_each_time() -> None:
    """`rows()` returns the rows again, as often as it is called."""
    source = report(days(1, 2), "k")
    first, second = source.rows(), source.rows()
    assert next(first) == next(second)
    assert len(list(first)) == len(list(second)) == 1


def test_a_table_names_its_columns() -> None:
    """`columns` are the names of the schema, and the representation shows them."""
    source = ColumnTable([Column("a", "text"), Column("b", "date")], [[], []])
    assert source.columns == ("a", "b")
    assert repr(source) == "<ColumnTable of 0 rows: a, b>"
    assert source.to_arrow().column_names == ["a", "b"]


def test_a_table_without_columns_is_empty_everywhere() -> None:
    """A table without columns is not an error."""
    source = ColumnTable([], [])
    assert source.to_arrow().num_columns == source.to_polars().width == len(source.to_pandas().columns) == 0


def test_a_column_may_have_an_empty_name_in_every_form() -> None:
    """Figures above the level of a pivot have a column whose name is empty."""
    app = {"token": "a", "kpi_values": [9], "periods": [{"period": "0", "kpi_values": [1]}]}
    source = report(app, "k").pivot()
    assert source.columns == ("app_token", "app_name", "currency", "0", "")
    check_equal(source)


@pytest.mark.parametrize(
    ("method", "module", "extra"),
    [("to_arrow", "pyarrow", "arrow"), ("to_polars", "polars", "polars"), ("to_pandas", "pandas", "pandas"),
     ("to_pandas", "pyarrow", "arrow")],
)  # fmt: skip
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, method: str, module: str, extra: str) -> None:
    """Without its package, a form is refused with the command that installs it; rows still work."""
    monkeypatch.setitem(sys.modules, module, None)
    source = table("date", date(2026, 1, 1))
    with pytest.raises(ConfigurationError) as caught:
        getattr(source, method)()
    assert str(caught.value) == f"{module} is not installed: pip install 'adjust_async[{extra}]'"
    assert list(source.rows()) == [{"c": date(2026, 1, 1)}]


def test_a_broken_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """If an installed package can't be imported, the error has the command that repairs it."""

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "pyarrow":
            raise ImportError("numpy.core.multiarray failed to import")
        return importing(name, *args, **kwargs)

    importing = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigurationError) as caught:
        table("date", date(2026, 1, 1)).to_arrow()
    monkeypatch.undo()
    assert str(caught.value) == (
        "pyarrow can't be imported (numpy.core.multiarray failed to import): pip install 'adjust_async[arrow]'"
    )
