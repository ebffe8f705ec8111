"""Reports as tables: columns, kinds, and cohorts as rows."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import polars
import pyarrow
import pytest
from hypothesis import assume, given, strategies as st

from adjust_async.errors import ConfigurationError, DecodeError
from adjust_async.reports.report import Report
from tests.reports.answers import ANSWER, DAY, DIMENSIONS, METRICS, exports, part, report, reports

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
    """An empty report has the columns of a full one, in the requested order, of the same kinds."""
    rows = []
    for value in values:
        # Counts are whole numbers; the others happen to be.
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
    """Names alone distinguish counts from money, and dates from other text."""
    got = report(dimensions=["hour", "day", "week", "app"], metrics=["installs", "cost", "roas_D7", "buy_events"])
    assert got.schema == (("hour", "moment"), ("day", "date"), ("week", "text"), ("app", "text"),
                          ("installs", "integer"), ("cost", "number"), ("roas_d7", "number"),
                          ("buy_events", "integer"))  # fmt: skip
    assert list(got.rows()) == []
    assert Report([], ["day"], ["installs"]).schema == (("day", "date"), ("installs", "integer"))


def test_a_cohort_metric_is_found_under_its_returned_name() -> None:
    """Asked for as `retention_rate_D7`, it is `retention_rate_d7`, or whatever spelling the service has for it."""
    metrics = ["retention_rate_D7", "Roas_D30", "INSTALLS"]
    got = report({**DAY, "retention_rate_d7": "0.5", "roas_d30": "1", "installs": "3"}, metrics=metrics)
    assert got.columns == ("day", "retention_rate_d7", "roas_d30", "installs")
    assert next(got.rows()) == {"day": date(2026, 1, 5), "retention_rate_d7": 0.5, "roas_d30": 1, "installs": 3}
    assert report(metrics=metrics).columns == ("day", "retention_rate_d7", "Roas_d30", "INSTALLS")


def test_unrequested_columns_are_last() -> None:
    """Columns that were not requested follow in the order of appearance. Totals show whether they are metrics."""
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
    """No value is truncated, whatever the name suggests."""
    got = report({**DAY, "installs": "64"}, {**DAY, "installs": "0.5"}, metrics=["installs"])
    assert got.schema[1].kind == "number"
    for rows in exports(got):
        assert [row["installs"] for row in rows] == [64.0, 0.5]


@pytest.mark.parametrize(
    ("dimension", "values"),
    [("day", ["2026-01-05", "Jan 5, 2026"]), ("hour", ["17:00", "2026-01-05T17:00:00"]), ("day", ["unknown", None])],
)
def test_dates_in_other_forms_are_text(dimension: str, values: list[str]) -> None:
    """A column with a wrong date, such as a formatted one, is exported as text throughout."""
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
    """`rows()` has every digit. A form that can't represent the number fails, and never has null or another number."""
    got = report({**DAY, "installs": "9" * digits}, metrics=["installs"])
    assert next(got.rows())["installs"] == int("9" * digits)
    for convert in (got.to_arrow, got.to_polars, got.to_pandas):
        with pytest.raises(DecodeError, match="which is too large for a 64-bit column: use rows"):
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


# Melting.


@given(reports(fewest=1))
def test_melting_loses_nothing(source: Report) -> None:
    """There is one row for each row and cohort metric, with the dimensions of the row and its value."""
    cohorts = {"retention_rate_d7": ("retention_rate", 7, "day"), "sessions_w2": ("sessions", 2, "week"),
               "buy_d30_events_cohort": ("buy_events_cohort", 30, "day")}  # fmt: skip
    there = [name for name in source.columns if name in cohorts]
    if not there:
        with pytest.raises(ConfigurationError, match="the report has no cohort metric"):
            source.melt_cohorts()
        return
    got = source.melt_cohorts()
    dimensions = [name for name in source.columns if name not in METRICS]
    assert got.columns == (*dimensions, "metric", "period", "period_unit", "value")
    expected = Counter(
        repr((*(row[dimension] for dimension in dimensions), *cohorts[name], row[name]))
        for row in source.rows()
        for name in there
    )
    assert Counter(repr(tuple(row.values())) for row in got.rows()) == expected
    assert list(got.rows()) == list(got.rows())
    for melted in (got, source.melt_cohorts(exact=True)):
        by_column = zip(*melted.cells(), strict=True)
        assert list(map(repr, by_column)) == [repr(tuple(row.values())) for row in melted.rows()]


def test_melting_holds_columns_instead_of_rows() -> None:
    """A frame of a melted report takes a fraction of the memory of its rows."""
    metrics = [f"roas_d{number}" for number in range(20)]
    row = dict.fromkeys(metrics, "0.5")
    got = report(*({"day": f"2026-01-{day:02}", **row} for day in range(1, 31)), metrics=metrics).melt_cohorts()

    def peak(function: Callable[[], object]) -> int:
        function()
        tracemalloc.start()
        function()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(got.cells) * 3 < peak(got.to_dicts)


def test_two_spellings_of_a_period_identify_no_row() -> None:
    """An upsert by `key_columns` must not lose the value of `roas_d07` to that of `roas_d7`."""
    got = report({**DAY, "roas_d7": "0.5", "roas_d07": "0.6"}, metrics=["roas_d7", "roas_d07"]).melt_cohorts()
    assert got.key_columns == ()


@pytest.mark.parametrize(
    ("metrics", "kind"),
    [(["sessions_d1", "sessions_d7"], "integer"), (["sessions_d1", "roas_d7"], "number"), (["roas_d1"], "number")],
)
def test_the_kind_of_melted_values(metrics: list[str], kind: str) -> None:
    """Whole numbers stay whole unless a metric may have a fraction, empty or not."""
    row = {**DAY, **dict.fromkeys(metrics, "5")}
    for got in (report(row, metrics=metrics).melt_cohorts(), report(metrics=metrics).melt_cohorts()):
        assert got.schema[-1] == ("value", kind)
        assert [type(cell) for cell in got.to_arrow()["value"].to_pylist()] in (
            [], [int if kind == "integer" else float] * len(metrics))  # fmt: skip


def test_a_word_among_cohorts_makes_text() -> None:
    """Nothing is lost in the other forms."""
    got = report({**DAY, "roas_d1": "0.5", "roas_d7": "immature"}, metrics=["roas_d1", "roas_d7"]).melt_cohorts()
    assert {row["period"]: row["value"] for row in got.rows()} == {1: 0.5, 7: "immature"}
    assert repr(got) == "<MeltedReport of 2 rows: day, metric, period, period_unit, value>"
    for rows in exports(got):
        assert {row["period"]: row["value"] for row in rows} == {1: "0.5", 7: "immature"}


@pytest.mark.parametrize("dimension", ["metric", "period", "period_unit", "value"])
def test_a_dimension_named_like_a_column_of_melting_is_refused(dimension: str) -> None:
    """It would hide one of the two."""
    with pytest.raises(ConfigurationError, match=f"the report has a dimension '{dimension}'"):
        report(dimensions=["day", dimension], metrics=["roas_d1"]).melt_cohorts()
