"""`Report`: rows with typed cells under a schema that does not depend on them, and nothing summed, lost or doubled."""

import json
import time
import tracemalloc
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pytest
from hypothesis import assume, given, strategies as st

from adjust_async.errors import AdjustError, ConfigurationError, DecodeError
from adjust_async.reports.cells import number
from adjust_async.reports.report import AttrDependency, PivotReport, Report, ReportPart
from adjust_async.tables import Column, Table
from tests.reports.answers import DIMENSIONS, METRICS, document, part, report, reports

DAY = {"day": "2026-01-05"}
ANSWER = {"day": "2026-01-05", "installs": "64", "cost": "0.0"}


def table_of(source: Table) -> tuple[tuple[Column, ...], list[dict[str, Any]]]:
    """Give the schema and the rows."""
    return source.schema, list(source.rows())


def from_pandas(source: Table) -> list[dict[str, Any]]:
    """Give the rows of a pandas frame as plain values."""
    frame = source.to_pandas()
    return [
        {name: None if cell is pandas.NA or cell is pandas.NaT else cell for name, cell in zip(frame, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]


def exports(source: Table) -> list[list[dict[str, Any]]]:
    """Give the rows of every other form."""
    return [source.to_arrow().to_pylist(), source.to_polars().to_dicts(), from_pandas(source)]


# Cells.


def test_cells_are_typed() -> None:
    """Metrics are numbers by their text, days are dates, ids and words are text, and what is missing is nothing."""
    got = report(
        {"day": "2026-01-05", "partner_id": "-300", "network": "Organic", "installs": "64", "cost": "0.0", "roas": ""},
        {"day": "2026-01-06", "partner_id": -300, "network": "unknown", "installs": None, "cost": "1.5"},
        dimensions=["day", "partner_id", "network"],
        metrics=["installs", "cost", "roas"],
    )
    assert list(got.rows()) == [
        {"day": date(2026, 1, 5), "partner_id": "-300", "network": "Organic", "installs": 64, "cost": 0.0,
         "roas": None},
        {"day": date(2026, 1, 6), "partner_id": "-300", "network": "unknown", "installs": None, "cost": 1.5,
         "roas": None},
    ]  # fmt: skip
    first = next(got.rows())
    assert (type(first["installs"]), type(first["cost"])) == (int, float)


@given(reports())
def test_rows_are_those_of_the_service(source: Report) -> None:
    """Every row is there in order, with the cells that it has and `None` for the others."""
    expected = []
    metrics = {column.name for column in source.schema if column.name in METRICS}
    for one in source.parts:
        for row in one.rows:
            plain = {**({"app_token": one.app_token} if one.app_token else {}), **row}
            expected.append({name: number(value) if name in metrics else value for name, value in plain.items()})
    got = list(source.rows())
    assert len(got) == len(expected)
    for row, cells in zip(got, expected, strict=True):
        assert tuple(row) == source.columns
        for name, cell in row.items():
            wanted = cells.get(name)
            assert (cell.isoformat() if isinstance(cell, date) else cell) == (
                wanted if name != "day" else wanted or None
            )
            assert type(cell) is type(wanted) or name in {"day", "hour"}


@given(reports())
def test_rows_are_given_anew_each_time(source: Report) -> None:
    """`rows()` can be called again, also while it is walked."""
    first = source.rows()
    second = list(source.rows())
    assert list(first) == second == list(source.rows())


@given(reports())
def test_exact_metrics_are_decimals_of_the_same_value(source: Report) -> None:
    """`exact=True` changes the numbers of metrics alone, and gives each digit of the text."""
    raw = [row for one in source.parts for row in one.rows]
    for plain, exact, texts in zip(source.rows(), source.rows(exact=True), raw, strict=True):
        assert plain.keys() == exact.keys()
        for name, cell in exact.items():
            if isinstance(cell, Decimal):
                assert name in METRICS
                assert str(cell) == str(Decimal(texts[name]))
                assert type(plain[name]) in {int, float}
            else:
                assert cell == plain[name]
                assert type(cell) is type(plain[name])
                assert not isinstance(cell, (int, float))


@given(reports())
def test_decimals_stay_out_of_the_other_forms(source: Report) -> None:
    """Having asked for exact rows changes nothing of what comes afterwards."""
    schema = source.schema
    list(source.rows(exact=True))
    assert source.schema == schema
    for rows in [list(source.rows()), *exports(source)]:
        assert not any(isinstance(cell, Decimal) for row in rows for cell in row.values())


# Columns and the schema.


@given(
    st.lists(st.sampled_from(DIMENSIONS), min_size=1, unique=True),
    st.lists(st.sampled_from(METRICS), min_size=1, unique=True),
    st.lists(st.integers(0, 2**40), max_size=3),
    st.randoms(use_true_random=False),
)
def test_the_schema_does_not_depend_on_the_rows(
    dimensions: list[str], metrics: list[str], values: list[int], random: Any
) -> None:
    """An empty report has the columns of a full one, in the order asked for, of the same kinds."""
    rows = []
    for value in values:
        # Counts are whole numbers; all else came as whole numbers by chance.
        row = {name: str(value) for name in metrics}
        row |= {name: "2026-01-05T17:00:00" if name == "hour" else "2026-01-05" for name in dimensions}
        keys = random.sample(sorted(row), len(row) - 1)
        rows.append({key: row[key] for key in keys})
    full, empty = (report(*some, dimensions=dimensions, metrics=metrics) for some in (rows, []))
    assert full.schema == empty.schema
    assert full.columns == (*dimensions, *metrics)
    assert full.to_arrow().schema == empty.to_arrow().schema
    assert full.to_polars().schema == empty.to_polars().schema
    assert list(full.to_pandas().dtypes) == list(empty.to_pandas().dtypes)


def test_the_schema_of_an_empty_report() -> None:
    """Names alone tell counts from money, and dates from other text."""
    got = report(dimensions=["hour", "day", "week", "app"], metrics=["installs", "cost", "roas_D7", "buy_events"])
    assert got.schema == (("hour", "moment"), ("day", "date"), ("week", "text"), ("app", "text"),
                          ("installs", "integer"), ("cost", "number"), ("roas_d7", "number"),
                          ("buy_events", "integer"))  # fmt: skip
    assert list(got.rows()) == []
    assert Report([], ["day"], ["installs"]).schema == (("day", "date"), ("installs", "integer"))


def test_a_cohort_metric_is_found_under_the_name_that_it_comes_back_with() -> None:
    """Asked for as `retention_rate_D7`, it is `retention_rate_d7`, or whatever spelling the service has for it."""
    metrics = ["retention_rate_D7", "Roas_D30", "INSTALLS"]
    got = report({**DAY, "retention_rate_d7": "0.5", "roas_d30": "1", "installs": "3"}, metrics=metrics)
    assert got.columns == ("day", "retention_rate_d7", "roas_d30", "installs")
    assert next(got.rows()) == {"day": date(2026, 1, 5), "retention_rate_d7": 0.5, "roas_d30": 1, "installs": 3}
    assert report(metrics=metrics).columns == ("day", "retention_rate_d7", "Roas_d30", "INSTALLS")


def test_what_came_unasked_comes_last() -> None:
    """Columns that nobody asked for follow in the order of their coming; totals tell which of them are metrics."""
    rows = [{"z": "1", **ANSWER, "y": "2"}, {**ANSWER, "x": "3", "installs_before": "4"}]
    got = Report([part(*rows, totals={"installs": 1, "installs_before": 4, "y": 2})], ["day"], ["installs", "cost"])
    assert got.columns == ("day", "installs", "cost", "z", "y", "x", "installs_before")
    last = list(got.rows())[-1]
    assert last == {"day": date(2026, 1, 5), "installs": 64, "cost": 0.0, "z": None, "y": None, "x": "3",
                    "installs_before": 4}  # fmt: skip


@pytest.mark.parametrize("value", ["unknown", "n/a", ["a"], {"a": 1}, True])
def test_a_metric_with_a_word_in_it_is_text_outside_of_python(value: Any) -> None:
    """In `rows()` the numbers stay numbers; other forms hold texts, and none of them fails or loses a cell."""
    got = report({**DAY, "installs": "64"}, {**DAY, "installs": value}, {**DAY, "installs": ""}, metrics=["installs"])
    assert [row["installs"] for row in got.rows()] == [64, value, None]
    assert got.schema[1].kind == "text"
    text = (
        value if isinstance(value, str) else str(value) if value is True else json.dumps(value, separators=(",", ":"))
    )
    for rows in exports(got):
        assert [row["installs"] for row in rows] == ["64", text, None]


def test_a_fraction_makes_a_count_a_number() -> None:
    """No value is cut, whatever the name says."""
    got = report({**DAY, "installs": "64"}, {**DAY, "installs": "0.5"}, metrics=["installs"])
    assert got.schema[1].kind == "number"
    for rows in exports(got):
        assert [row["installs"] for row in rows] == [64.0, 0.5]


@pytest.mark.parametrize(
    ("dimension", "values"),
    [("day", ["2026-01-05", "Jan 5, 2026"]), ("hour", ["17:00", "2026-01-05T17:00:00"]), ("day", ["unknown", None])],
)
def test_dates_in_other_forms_are_text(dimension: str, values: list[str]) -> None:
    """A column with a date that is none, such as a formatted one, is text as a whole outside of Python."""
    got = report(*({dimension: value} for value in values), dimensions=[dimension])
    assert got.schema == ((dimension, "text"),)
    for rows in exports(got):
        assert [row[dimension] for row in rows] == values


@given(reports())
def test_every_form_has_the_same_cells(source: Report) -> None:
    """Arrow, pandas and polars hold the cells of `rows()`; numbers in a text column are their text."""
    kinds = {column.name: column.kind for column in source.schema}
    whole = {name for row in source.rows() for name, cell in row.items() if type(cell) is int and abs(cell) > 2**53}
    assume(not any(kinds[name] == "number" for name in whole))
    expected = [
        {name: str(cell) if kinds[name] == "text" and cell is not None else cell for name, cell in row.items()}
        for row in source.rows()
    ]
    for rows in exports(source):
        assert rows == expected


@pytest.mark.parametrize("digits", [19, 20, 70])
def test_a_count_beyond_64_bits_is_an_error_rather_than_another_number(digits: int) -> None:
    """In `rows()` every digit is there; a form that has no such number fails, and never gives null or another one."""
    got = report({**DAY, "installs": "9" * digits}, metrics=["installs"])
    assert next(got.rows())["installs"] == int("9" * digits)
    for convert in (got.to_arrow, got.to_polars, got.to_pandas):
        with pytest.raises(DecodeError, match="which no 64-bit column can: use rows"):
            convert()


def test_money_of_any_size_is_a_float_outside_of_python() -> None:
    """A number of 70 digits without a point is the float that is nearest to it."""
    got = report({**DAY, "revenue": "1" * 70}, {**DAY, "revenue": "0.5"}, metrics=["revenue"])
    assert [row["revenue"] for row in got.rows()] == [int("1" * 70), 0.5]
    for rows in exports(got):
        assert [row["revenue"] for row in rows] == [float("1" * 70), 0.5]


def test_types_of_every_form() -> None:
    """Counts are int64, money is double, days and hours are dates and moments, all else is text."""
    got = report(
        {"day": "2026-01-05", "hour": "2026-01-05T17:00:45", "app": "A", "installs": "1", "cost": "2"},
        dimensions=["day", "hour", "app"],
        metrics=["installs", "cost"],
    )
    arrow = got.to_arrow()
    assert arrow.schema == pyarrow.schema([("day", pyarrow.date32()), ("hour", pyarrow.timestamp("us")),
                                           ("app", pyarrow.string()), ("installs", pyarrow.int64()),
                                           ("cost", pyarrow.float64())])  # fmt: skip
    assert got.to_polars().schema == {"day": polars.Date, "hour": polars.Datetime("us"), "app": polars.String,
                                      "installs": polars.Int64, "cost": polars.Float64}  # fmt: skip
    row = {"day": date(2026, 1, 5), "hour": datetime(2026, 1, 5, 17, 0, 45), "app": "A", "installs": 1,  # noqa: DTZ001
           "cost": 2.0}  # fmt: skip
    for rows in exports(got):
        assert rows == [row]


# Parts.


def test_rows_of_several_apps_and_windows_are_joined_in_order() -> None:
    """Each row tells its app first; what some rows lack is empty there, and nothing is summed."""
    parts = [
        part({**DAY, "installs": "1"}, app="abc1", period="x"),
        part({**DAY, "installs": "1", "cost": "0.5"}, app="abc1", period="y"),
        part(app="abc2"),
        part({"installs": "2", "day": "2026-01-05", "app_token": "abc3"}, app="abc3"),
    ]
    got = Report(parts, ["day"], ["installs"])
    assert got.columns == ("app_token", "day", "installs", "cost")
    assert [tuple(row.values()) for row in got.rows()] == [
        ("abc1", date(2026, 1, 5), 1, None), ("abc1", date(2026, 1, 5), 1, "0.5"), ("abc3", date(2026, 1, 5), 2, None)
    ]  # fmt: skip
    assert got.parts == tuple(parts)


def test_app_tokens_come_where_they_were_asked_for() -> None:
    """A dimension `app_token` keeps its place, and is filled where the service leaves it out."""
    got = Report([part({"installs": "1"}, app="abc1")], ["day", "app_token"], ["installs"])
    assert got.columns == ("day", "app_token", "installs")
    assert next(got.rows()) == {"day": None, "app_token": "abc1", "installs": 1}
    assert Report([part(app="abc1")], ["day"], ["installs"]).columns == ("app_token", "day", "installs")
    assert Report([part()], ["day"], ["installs"]).columns == ("day", "installs")


def test_totals_are_the_services_own() -> None:
    """They need not be the sum of the rows, and cannot be changed through what is given."""
    got = Report([part(ANSWER, ANSWER, totals={"installs": 100, "cost": 1.5})], ["day"], ["installs", "cost"])
    assert got.totals == {"installs": 100, "cost": 1.5}
    got.totals["installs"] = 0
    assert got.totals == {"installs": 100, "cost": 1.5}
    assert report().totals == {}


@pytest.mark.parametrize("apps", [("abc1", "abc2"), ("abc1", "abc1"), ("abc1", "abc2", "abc3")])
def test_totals_of_parts_are_never_summed(apps: tuple[str, ...]) -> None:
    """A report of several parts teaches where its totals are."""
    got = Report([part(app=app, totals={"installs": 1}) for app in apps], ["day"], ["installs"])
    with pytest.raises(ConfigurationError) as caught:
        _ = got.totals
    assert f"the report was asked for in {len(apps)} parts, and totals don't add up" in str(caught.value)
    assert "report.parts" in str(caught.value)
    assert [one.totals for one in got.parts] == [{"installs": 1}] * len(apps)


def test_a_remark_on_several_parts_is_told_once() -> None:
    """Remarks come in the order of the parts, also ones that are no texts."""
    parts = [part(app="a", warnings=["x", {"code": 1}]), part(app="b", warnings=["y", {"code": 1}, "x"]), part(app="c")]
    assert Report(parts, [], []).warnings == ["x", {"code": 1}, "y"]
    assert report().warnings == []


def test_failures_are_kept_beside_the_parts() -> None:
    """What failed is there by its app, and told in the representation."""
    error = AdjustError("no")
    failures = {"abc2": error}
    got = Report([part(ANSWER, app="abc1")], ["day"], ["installs", "cost"], failures=failures)
    failures.clear()
    assert got.failures == {"abc2": error}
    assert repr(got) == "<Report of 1 rows in 1 parts, 1 failed: app_token, day, installs, cost>"
    assert repr(report()) == "<Report of 0 rows in 1 parts: day>"


# `attr_dependency`.

IMPLIED = {"partner_id": "-300", "partner": "other", "tags": ["a", "b"], "ids": {"x": 1}, "day": None}


@pytest.mark.parametrize("implied", [IMPLIED, "text", ["a"], None, {}, 5, []])
def test_what_a_row_implies_is_dropped(implied: object) -> None:
    """By default it leaves no trace, in whichever form it comes."""
    got = report({**ANSWER, "attr_dependency": implied}, ANSWER, metrics=["installs", "cost"])
    assert got.columns == ("day", "installs", "cost")
    first, second = got.rows()
    assert first == second


@pytest.mark.parametrize("implied", [IMPLIED, "text", ["a", 1], {}, []])
def test_what_a_row_implies_is_kept(implied: object) -> None:
    """`keep` gives it as it came in a column, which is JSON in the other forms."""
    got = Report([part({**ANSWER, "attr_dependency": implied}, ANSWER)], ["day"], ["installs", "cost"],
                 attr_dependency="keep")  # fmt: skip
    assert got.columns == ("day", "installs", "cost", "attr_dependency")
    assert [row["attr_dependency"] for row in got.rows()] == [implied, None]
    for rows in exports(got):
        cell, nothing = (row["attr_dependency"] for row in rows)
        assert (cell if isinstance(implied, str) else json.loads(cell)) == implied
        assert nothing is None


def test_what_a_row_implies_becomes_columns() -> None:
    """Each key is a column after the others, under another name where it was asked for or is the row's own already."""
    row = {**ANSWER, "partner": "Meta", "own": "x", "attr_dependency": {**IMPLIED, "own": "y", "installs": "z"}}
    got = Report(
        [part(row, {"day": "2026-01-06"})], ["day", "partner"], ["installs", "cost"], attr_dependency="columns"
    )
    assert got.columns == ("day", "partner", "installs", "cost", "own", "partner_id", "attr_dependency_partner", "tags",
                           "ids", "attr_dependency_day", "attr_dependency_own", "attr_dependency_installs")  # fmt: skip
    first, second = got.rows()
    assert first == {"day": date(2026, 1, 5), "partner": "Meta", "installs": 64, "cost": 0.0, "own": "x",
                     "partner_id": "-300", "attr_dependency_partner": "other", "tags": ["a", "b"], "ids": {"x": 1},
                     "attr_dependency_day": None, "attr_dependency_own": "y",
                     "attr_dependency_installs": "z"}  # fmt: skip
    assert {name for name, cell in second.items() if cell is not None} == {"day"}
    for rows in exports(got):
        assert (rows[0]["tags"], rows[0]["ids"]) == ('["a","b"]', '{"x":1}')


def test_a_key_that_was_asked_for_clashes_also_where_the_row_lacks_it() -> None:
    """What is implied never passes for the figure or dimension that was asked for."""
    row = {**DAY, "attr_dependency": {"partner": "other", "installs": "5", "app_token": "zzz"}}
    got = Report([part(row, app="abc1")], ["day", "partner"], ["installs"], attr_dependency="columns")
    assert next(got.rows()) == {
        "app_token": "abc1", "day": date(2026, 1, 5), "partner": None, "installs": None,
        "attr_dependency_partner": "other", "attr_dependency_installs": "5", "attr_dependency_app_token": "zzz",
    }  # fmt: skip


@pytest.mark.parametrize("mode", ["drop", "columns", "keep"])
def test_the_services_answer_is_left_as_it_is(mode: AttrDependency) -> None:
    """Reading a report changes nothing of its parts."""
    row = {**ANSWER, "attr_dependency": dict(IMPLIED)}
    before = json.dumps(row)
    got = Report([part(row, app="abc1")], ["day"], ["installs"], attr_dependency=mode)
    assert list(got.rows()) == list(got.rows())
    got.to_arrow()
    assert json.dumps(row) == before


# Melting.


@given(reports(fewest=1))
def test_melting_loses_nothing(source: Report) -> None:
    """There is one row for each row and cohort metric, with the dimensions of the row and its value."""
    cohorts = {"retention_rate_d7": ("retention_rate", "d7"), "sessions_w2": ("sessions", "w2"),
               "buy_d30_events_cohort": ("buy_events_cohort", "d30")}  # fmt: skip
    there = [name for name in source.columns if name in cohorts]
    if not there:
        with pytest.raises(ConfigurationError, match="the report has no cohort metric"):
            source.melt_cohorts()
        return
    got = source.melt_cohorts()
    dimensions = [name for name in source.columns if name not in METRICS]
    assert got.columns == (*dimensions, "metric", "period", "value")
    expected = Counter(
        repr((*(row[dimension] for dimension in dimensions), *cohorts[name], row[name]))
        for row in source.rows()
        for name in there
    )
    assert Counter(repr(tuple(row.values())) for row in got.rows()) == expected
    assert list(got.rows()) == list(got.rows())


@pytest.mark.parametrize(
    ("metrics", "kind"),
    [(["sessions_d1", "sessions_d7"], "integer"), (["sessions_d1", "roas_d7"], "number"), (["roas_d1"], "number")],
)
def test_the_kind_of_melted_values(metrics: list[str], kind: str) -> None:
    """Whole numbers stay whole unless one of the metrics may have a fraction, empty or not."""
    row = {**DAY, **dict.fromkeys(metrics, "5")}
    for got in (report(row, metrics=metrics).melt_cohorts(), report(metrics=metrics).melt_cohorts()):
        assert got.schema[-1] == ("value", kind)
        assert [type(cell) for cell in got.to_arrow()["value"].to_pylist()] in (
            [], [int if kind == "integer" else float] * len(metrics))  # fmt: skip


def test_a_word_among_cohorts_makes_text() -> None:
    """Nothing is lost in the other forms."""
    got = report({**DAY, "roas_d1": "0.5", "roas_d7": "immature"}, metrics=["roas_d1", "roas_d7"]).melt_cohorts()
    assert {row["period"]: row["value"] for row in got.rows()} == {"d1": 0.5, "d7": "immature"}
    for rows in exports(got):
        assert {row["period"]: row["value"] for row in rows} == {"d1": "0.5", "d7": "immature"}


@pytest.mark.parametrize("dimension", ["metric", "period", "value"])
def test_a_dimension_named_like_a_column_of_melting_is_refused(dimension: str) -> None:
    """It would hide one of the two."""
    with pytest.raises(ConfigurationError, match=f"the report has a dimension '{dimension}'"):
        report(dimensions=["day", dimension], metrics=["roas_d1"]).melt_cohorts()


# Documents that were saved.


def test_a_saved_document_is_read(tmp_path: Path) -> None:
    """Text, bytes and a file give the same, with a byte order mark or without."""
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


def test_totals_tell_dimensions_from_metrics() -> None:
    """What has a total is a metric, whatever its name; without totals the documented dimensions are known."""
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
    """What was asked for can be told, so that the schema is that of a full one."""
    assert Report.from_json(document(totals={"cost": 0})).columns == ("cost",)
    got = Report.from_json(document(totals={"cost": 0}), dimensions=["day"])
    assert got.schema == (("day", "date"), ("cost", "number"))


def test_what_a_saved_row_implies_is_no_metric() -> None:
    """`attr_dependency` is neither dimension nor metric, and what is in it is no number."""
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
def test_a_document_that_is_no_report_says_where(source: str | bytes, location: str) -> None:
    """It is `DecodeError`, and never an empty report."""
    with pytest.raises(DecodeError) as caught:
        Report.from_json(source)
    assert caught.value.location == location


@pytest.mark.parametrize("source", [None, 5, [], {"rows": []}, bytearray(b"{}"), memoryview(b"{}")])
def test_a_source_is_text_bytes_or_a_path(source: Any) -> None:
    """A decoded document and the like are refused with what is taken."""
    with pytest.raises(ConfigurationError, match=r"^source is .*: give text, bytes or a pathlib.Path$"):
        Report.from_json(source)


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path: Path) -> None:
    """It is no wrong document."""
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
def test_any_document_gives_rows_or_is_refused(answer: dict[str, Any], mode: AttrDependency) -> None:
    """No JSON is another error, and each row of it is a row with all columns."""
    try:
        got = Report.from_json(json.dumps(answer), attr_dependency=mode)
    except DecodeError:
        return
    rows = list(got.rows())
    assert len(rows) == len(answer["rows"])
    assert all(tuple(row) == got.columns for row in rows)
    assert isinstance(got.totals, dict)
    assert isinstance(got.warnings, list)


def test_a_pivot_report_has_totals_of_its_index() -> None:
    """They are the service's own, as it gave them; `None` where there are none."""
    totals = {"day": {"2026-01-05": {"installs": 70}}}
    got = PivotReport.from_json(document(ANSWER, totals={"installs": 64, "cost": 0}, totals_per_dimension=totals))
    assert got.totals_per_dimension == totals
    assert next(got.rows())["installs"] == 64
    assert PivotReport.from_json(document()).totals_per_dimension is None


# Size.


def test_many_rows_are_made_one_by_one() -> None:
    """The rows of a large report are not gathered, and come in a few seconds."""
    row = {"day": "2026-01-05", "country": "de", "installs": "64", "revenue": "1.25"}
    got = report(*([row] * 200_000), dimensions=["day", "country"], metrics=["installs", "revenue"])
    begin = time.perf_counter()
    assert got.schema[2] == ("installs", "integer")
    tracemalloc.start()
    try:
        rows = got.rows()
        for _ in range(20_000):
            assert next(rows)["installs"] == 64
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(1 for _ in rows) == 180_000
    assert peak < 200_000
    assert time.perf_counter() - begin < 15


def test_melted_cohorts_are_in_the_order_of_the_columns() -> None:
    """The rows of a cohort come in the order in which its metrics were asked for, in every run."""
    metrics = [f"retention_rate_d{number}" for number in (30, 1, 14, 7, 3, 90)]
    melted = report({**DAY, **dict.fromkeys(metrics, "0.5")}, metrics=metrics).melt_cohorts()
    assert [row["period"] for row in melted.rows()] == ["d30", "d1", "d14", "d7", "d3", "d90"]


def test_a_warning_is_told_once() -> None:
    """However often the service repeats itself, within one answer too."""
    parts = [ReportPart(None, None, [], {}, ["a", "b", "a"], {}), ReportPart(None, None, [], {}, ["b", "c"], {})]
    assert Report(parts, ["day"], ["installs"]).warnings == ["a", "b", "c"]


@pytest.mark.parametrize("times", [("T00:00:00",), ("", "T00:00:00"), ("T00:00:00+02:00", "T23:59:59+02:00")])
def test_a_day_with_a_time_is_a_date(times: tuple[str, ...]) -> None:
    """However the service writes a day, its column is one of dates."""
    got = report(*({"day": f"2026-07-01{time}"} for time in times))
    assert got.schema == (("day", "date"),)
    assert [row["day"] for row in got.rows()] == [date(2026, 7, 1)] * len(times)
    assert got.to_arrow().schema == pyarrow.schema([("day", pyarrow.date32())])


def test_the_hour_that_comes_twice_stays_two() -> None:
    """Hours with an offset are aware moments in rows, and moments at UTC in tables."""
    got = report(*({"hour": f"2026-10-25T02:00:00{offset}"} for offset in ("+02:00", "+01:00")), dimensions=["hour"])
    assert [row["hour"].astimezone(UTC).hour for row in got.rows()] == [0, 1]
    assert got.to_arrow().column("hour").to_pylist() == [row["hour"] for row in got.rows()]
    assert got.to_arrow().schema == pyarrow.schema([("hour", pyarrow.timestamp("us", "UTC"))])
    plain = report({"hour": "2026-10-25T02:00:00"}, dimensions=["hour"])
    assert plain.to_arrow().schema == pyarrow.schema([("hour", pyarrow.timestamp("us"))])


@pytest.mark.parametrize("value", ["12.5", "12", 12, None, "0.0"])
@pytest.mark.parametrize("metric", ["daus", "waus", "maus"])
def test_average_users_are_numbers_every_week(metric: str, value: object) -> None:
    """Daily, weekly and monthly users are averages here: a week without fractions has the type of any other."""
    got = report({"day": "2026-07-01", metric: value}, metrics=[metric])
    assert got.to_arrow().schema.field(metric).type == pyarrow.float64()


@pytest.mark.parametrize("value", [17, 0, True, "2026-01-01", ["x"], {"x": 1}])
def test_an_hour_that_is_none_is_text(value: object) -> None:
    """What is no moment never becomes one on its way into a table."""
    got = report({"hour": value, "installs": "1"}, dimensions=["hour"], metrics=["installs"])
    assert got.schema[0] == ("hour", "text")
    assert isinstance(got.to_arrow().column("hour")[0].as_py(), str)


def test_totals_are_those_of_all_or_none() -> None:
    """Where an app failed, the totals of the others are not those of the whole."""
    error = AdjustError("no")
    part = ReportPart("a", None, [], {"installs": 1}, [], {})
    with pytest.raises(ConfigurationError, match="1 of the apps failed"):
        _ = Report([part], ["day"], ["installs"], failures={"b": error}).totals


@pytest.mark.parametrize("implied", ["Organic", ["a", "b"]])
def test_what_is_implied_without_a_name_has_a_column(implied: object) -> None:
    """Nothing of `attr_dependency` is lost for being no map."""
    parts = [ReportPart(None, None, [{**DAY, "attr_dependency": implied}], {}, [], {})]
    got = Report(parts, ["day"], [], attr_dependency="columns")
    assert next(got.rows())["attr_dependency"] == implied
