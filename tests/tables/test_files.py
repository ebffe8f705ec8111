"""Tables as files, in pieces, and as values: what every table can do."""

import copy
import csv
import gc
import os
import pickle
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from pyarrow import parquet

from adjust_async import KpiReport, Plan, ProvisionOutcome, ProvisionResult, TrackerSpec
from adjust_async.errors import ConfigurationError, DecodeError
from adjust_async.reports.report import Report
from adjust_async.tables import Column, ColumnTable, Table
from adjust_async.tables.files import whole_file, write_csv
from tests.kpis.answers import answers, days, report as kpi_report
from tests.reports.answers import report, reports

COHORT = {"day": "2026-01-05", "app": "A", "retention_rate_d7": "0.5", "retention_rate_w2": None}


def melted() -> Table:
    """Melt a report of two cohort metrics."""
    return report(COHORT, dimensions=["day", "app"], metrics=["retention_rate_d7", "retention_rate_w2"]).melt_cohorts()


def periods() -> KpiReport:
    """Return figures of two periods, the later one first."""
    app = {"token": "a", "networks": [{"token": "n", "name": "N", "periods": [
        {"period": "10", "kpi_values": [1]}, {"period": "9", "kpi_values": [2]}]}]}  # fmt: skip
    return kpi_report(app, "installs", period="week")


def names_in(folder: Path) -> list[str]:
    """List a folder."""
    return sorted(place.name for place in folder.iterdir())


TABLES: dict[str, Callable[[], Table]] = {
    "kpis": lambda: kpi_report(days(1, None, 3), "installs"),
    "periods": periods,
    "pivot": lambda: periods().pivot(),
    "report": lambda: report({"day": "2026-01-05", "installs": "64"}, metrics=["installs"]),
    "melted": melted,
    "columns": lambda: ColumnTable([Column("c", "text")], [["a\r\nb", None, '"']]),
    "plan": lambda: Plan([TrackerSpec("A::B", partner_id=5), TrackerSpec("C", cost_data_enabled=False)]).to_table(),
    "result": lambda: ProvisionResult("app", [TrackerSpec("A")], [ProvisionOutcome("A", "created")], [], dry_run=True),
}
EMPTY: dict[str, Callable[[], Table]] = {
    "kpis": lambda: kpi_report({"apps": []}, "installs"),
    "report": lambda: report(metrics=["installs"]),
    "columns": lambda: ColumnTable([Column("c", "text")], [[]]),
    "no columns": lambda: ColumnTable([], []),
    "plan": lambda: Plan().to_table(),
    "result": lambda: ProvisionResult("app", [], [], [], dry_run=False),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_a_collection_of_its_rows(name: str) -> None:
    """Length, iteration, the first rows and the list of all agree with `rows()`."""
    table = TABLES[name]()
    rows = list(table.rows())
    assert rows
    assert list(table) == table.to_dicts() == rows
    assert len(table) == len(rows)
    assert table.head() == rows[:5]
    assert table.head(1) == rows[:1]
    assert table.head(0) == []
    assert [list(cells) for cells in table.cells()] == [[row[column] for row in rows] for column in table.columns]


@pytest.mark.parametrize("name", EMPTY)
def test_a_table_without_rows_is_true(name: str) -> None:
    """An empty report is still a report: its truth value is true."""
    table = EMPTY[name]()
    assert len(table) == 0
    assert table
    assert table.head() == table.to_dicts() == []


@pytest.mark.parametrize("n", [-1, 1.5, "1", None, True])
def test_a_number_of_rows_is_an_integer(n: Any) -> None:
    """Other values are refused."""
    with pytest.raises(ConfigurationError, match="n is "):
        TABLES["kpis"]().head(n)


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_equal_by_value(name: str) -> None:
    """Two tables with the same values are equal, even after pickling and copying; others are not."""
    table = TABLES[name]()
    for same in (TABLES[name](), pickle.loads(pickle.dumps(table)), copy.deepcopy(table)):
        assert same == table
        assert list(same.rows()) == list(table.rows())
        assert same.schema == table.schema
    assert all(table != TABLES[other]() for other in TABLES if other != name)
    assert table != list(table)


@given(answers())
def test_any_kpi_report_pickles(answer: dict[str, Any]) -> None:
    """An unpickled report is equal to the original, and has the service's nested structure."""
    parameters, result_set = answer["result_parameters"], answer["result_set"]
    got = KpiReport(parameters, result_set.get("apps", [result_set]))
    same = pickle.loads(pickle.dumps(got))
    assert same == got
    assert same.result_set == got.result_set == {"apps": result_set.get("apps", [result_set])}
    try:
        rows = list(got.rows())
    except DecodeError:
        return
    assert len(got) == len(rows)
    assert same.to_dicts() == rows


@given(reports())
def test_any_report_pickles(source: Report) -> None:
    """An unpickled report is equal to the original, part by part."""
    same = pickle.loads(pickle.dumps(source))
    assert same == source
    assert same.parts == source.parts
    assert same.to_dicts() == source.to_dicts()
    assert len(same) == len(source.to_dicts())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kpis", ("app_token", "date")),
        ("periods", ("app_token", "network_token", "period", "period_unit")),
        ("pivot", ("app_token", "network_token")),
        ("report", ("day",)),
        ("melted", ("day", "app", "metric", "period", "period_unit")),
        ("columns", ()),
    ],
)
def test_key_columns_identify_a_row(name: str, expected: tuple[str, ...]) -> None:
    """Keys are dimensions and levels, by tokens and not by names, and never figures."""
    table = TABLES[name]()
    assert table.key_columns == expected
    if expected:
        keys = [tuple(row[column] for column in expected) for row in table]
        assert len(set(keys)) == len(keys)


def kpis_of_networks(*networks: dict[str, Any]) -> KpiReport:
    """Return a KPI report of one app by network."""
    app = {"token": "a", "name": "A", "networks": [{**network, "kpi_values": [1]} for network in networks]}
    return KpiReport({"kpis": ["installs"]}, [app])


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ([{"token": "t", "name": "N"}, {"token": "u", "name": "N"}], ("app_token", "network_token")),
        ([{"token": None, "name": "N"}, {"token": None, "name": "M"}], ("app_token", "network_token", "network_name")),
        ([{"token": "t", "name": "N"}, {"token": "t", "name": "N"}], ()),
    ],
)
def test_key_columns_of_levels_identify_a_row_or_are_empty(
    networks: list[dict[str, Any]], expected: tuple[str, ...]
) -> None:
    """An upsert by them loses no row: a name is added where a token is missing, and equal rows have no key."""
    assert kpis_of_networks(*networks).key_columns == expected


@pytest.mark.parametrize(
    ("second", "expected"),
    [("2026-01-06", ("day",)), (None, ("day",)), ("2026-01-05", ()), ("2026-01-05T00:00:00", ()), (["2026-01-06"], ())],
)
def test_rows_that_share_their_dimensions_have_no_key(second: Any, expected: tuple[str, ...]) -> None:
    """Two texts for one day are one day, and a list identifies nothing. What is melted has a key if the report has."""
    got = report(*({"day": day, "roas_d7": "1"} for day in ("2026-01-05", second)), metrics=["roas_d7"])
    assert got.key_columns == expected
    assert got.melt_cohorts().key_columns == ((*expected, "metric", "period", "period_unit") if expected else ())


def test_periods_are_integers_next_to_their_unit() -> None:
    """Sorted by period, a curve is in order, and the unit of periods is in its own column."""
    assert sorted((row["period"], row["period_unit"]) for row in periods()) == [(9, "week"), (10, "week")]
    assert [(row["period"], row["period_unit"]) for row in melted()] == [(7, "day"), (2, "week")]
    for table in (periods(), melted()):
        kinds = dict(table.schema)
        assert (kinds["period"], kinds["period_unit"]) == ("integer", "text")
        assert table.columns.index("period_unit") == table.columns.index("period") + 1


@pytest.mark.parametrize(
    ("echoed", "unit"),
    [("day", "day"), ("Weeks", "week"), (" MONTH ", "month"), (None, "day"), ("hour", None), (5, None)],
)
def test_the_unit_of_periods_is_as_the_service_says(echoed: object, unit: str | None) -> None:
    """It is a day unless the answer names another unit, in any spelling. It is `None` if the unit is unknown."""
    app = {"token": "a", "periods": [{"period": "1", "kpi_values": [2]}]}
    assert [row["period_unit"] for row in kpi_report(app, "installs", period=echoed)] == [unit]


@pytest.mark.parametrize("name", TABLES)
def test_a_csv_has_the_cells_as_texts(name: str, tmp_path: Path) -> None:
    """The header, then each row; a missing value is a blank cell."""
    table = TABLES[name]()
    table.to_csv(tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert tuple(header) == table.columns
    words = {None: "", True: "true", False: "false"}
    assert lines == [
        [words[cell] if cell is None or isinstance(cell, bool) else str(cell) for cell in row.values()] for row in table
    ]
    assert names_in(tmp_path) == ["x.csv"]


@pytest.mark.parametrize("name", ["kpis", "periods"])
def test_a_kpi_report_written_as_csv_is_read_back(name: str, tmp_path: Path) -> None:
    """`from_csv` reads what `to_csv` writes."""
    table = TABLES[name]()
    table.to_csv(str(tmp_path / "x.csv"))
    again = KpiReport.from_csv(tmp_path / "x.csv")
    assert again.schema == table.schema
    assert again.to_dicts() == table.to_dicts()


@pytest.mark.parametrize("name", TABLES)
def test_a_parquet_file_is_the_arrow_table(name: str, tmp_path: Path) -> None:
    """Types and cells survive."""
    table = TABLES[name]()
    table.to_parquet(tmp_path / "x.parquet")
    assert parquet.read_table(tmp_path / "x.parquet").equals(table.to_arrow())


@pytest.mark.parametrize("method", ["to_csv", "to_parquet"])
def test_a_failure_leaves_the_older_file(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is written completely or not at all."""
    place = tmp_path / "x"
    place.write_text("older")
    table = ColumnTable([Column("c", "integer")], [[1, 2**70]])

    def broken(_: object) -> None:
        raise OSError("no space left on device")

    if method == "to_csv":
        monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises((OSError, DecodeError)):
        getattr(table, method)(place)
    assert place.read_text() == "older"
    assert names_in(tmp_path) == ["x"]


@pytest.mark.parametrize("path", [None, 5, "", b"x.csv", "missing/x.csv", ".", "a\0b", "x" * 300])
def test_a_path_that_can_not_be_a_file_is_refused(path: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written, and the message says what is wrong."""
    monkeypatch.chdir(tmp_path)
    for method in ("to_csv", "to_parquet"):
        with pytest.raises(ConfigurationError, match="path is "):
            getattr(TABLES["kpis"](), method)(path)
    assert names_in(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.parametrize("method", ["to_csv", "to_parquet"])
def test_a_private_file_stays_private(method: str, tmp_path: Path) -> None:
    """A replaced file keeps its mode, also behind a link. Its contents are never in a file with another mode."""
    place, link = tmp_path / "private", tmp_path / "link"
    place.touch(0o600)
    link.symlink_to(place)
    getattr(TABLES["kpis"](), method)(link)
    assert (place.stat().st_mode & 0o777, link.is_symlink(), place.stat().st_size > 0) == (0o600, True, True)
    with whole_file(place):
        assert {found.stat().st_mode & 0o777 for found in tmp_path.iterdir()} == {0o600}


def test_days_are_iso_text_in_a_csv(tmp_path: Path) -> None:
    """Dates, booleans and `attr_dependency` each have one plain form."""
    schema = [Column("day", "date"), Column("x", "text")]
    ColumnTable(schema, [[date(2026, 1, 5), None], [{"a": [1]}, True]]).to_csv(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == 'day,x\n2026-01-05,"{""a"":[1]}"\n,true\n'


def test_nothing_of_an_answer_stays_but_its_columns() -> None:
    """No row or element of the service is kept as a dictionary."""
    found: list[Any] = [kpi_report(days(*range(50)), "installs"), report(*[dict(COHORT) for _ in range(50)])]
    seen: set[int] = set()
    dictionaries = 0
    while found:
        one = found.pop()
        if id(one) in seen or isinstance(one, type) or type(one).__name__ in {"module", "function"}:
            continue
        seen.add(id(one))
        dictionaries += isinstance(one, dict)
        found += gc.get_referents(one)
    assert dictionaries < 20


def test_texts_of_a_report_are_not_kept() -> None:
    """Texts of one report are not kept for the next one."""

    def read() -> None:
        rows = ({"day": "2026-01-05", "cost": f"{number}.25"} for number in range(20_000))
        got = report(*rows, metrics=["cost"])
        assert len(got.to_dicts()) == got.to_arrow().num_rows == 20_000
        assert got.key_columns == ()

    report({"day": "2026-01-05", "cost": "1"}, metrics=["cost"]).to_arrow()
    gc.collect()
    tracemalloc.start()
    read()
    gc.collect()
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept * 20 < most


@pytest.mark.parametrize(
    "source",
    [
        kpi_report({"token": "a", "networks": [{"token": str(n), **days(*range(28))} for n in range(100)]}, "installs"),
        report(*[dict(COHORT) for _ in range(2800)], metrics=["retention_rate_d7"]),
        report(*[dict(COHORT) for _ in range(2800)], metrics=["retention_rate_d7"]).melt_cohorts(),
    ],
    ids=["kpis", "report", "melted"],
)
def test_rows_are_made_when_they_are_asked_for(source: Table) -> None:
    """The first row of many takes a small part of the memory of all of them."""

    def peak(function: Callable[[], object]) -> int:
        function()
        tracemalloc.start()
        kept = function()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        del kept
        return most

    assert len(source) >= 2800
    assert peak(lambda: source.head(1)) * 12 < peak(source.to_dicts)


def test_a_file_is_written_in_large_pieces(tmp_path: Path) -> None:
    """Each write lets go of the interpreter, and many small ones keep the event loop from getting it."""
    sizes: set[int] = set()

    def rows() -> Iterator[tuple[str]]:
        for _ in range(4000):
            yield ("x" * 1000,)
            sizes.update(place.stat().st_size for place in tmp_path.iterdir())

    with whole_file(tmp_path / "a.csv") as file:
        write_csv(file, ["c"], rows())
    assert len(sizes) <= 5
    assert (tmp_path / "a.csv").stat().st_size == 4000 * 1002 + 3
