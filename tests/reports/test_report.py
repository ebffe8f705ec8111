"""Reports of the Report Service: typed rows, parts, and what a row implies."""

import json
import tracemalloc
from datetime import UTC, date
from decimal import Decimal

import pyarrow
import pytest
from hypothesis import given

from adjust_async.errors import AdjustError, ConfigurationError
from adjust_async.reports.cells import number
from adjust_async.reports.report import AttrDependency, Report, ReportPart
from tests.reports.answers import ANSWER, DAY, METRICS, exports, part, report, reports

# Cells.


def test_cells_are_typed() -> None:
    """Metrics are numbers by their text, days are dates, IDs and words are text, and missing cells are `None`."""
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
    """Every row is returned in order, with its cells and `None` for the others."""
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
def test_rows_are_yielded_again_each_time(source: Report) -> None:
    """`rows()` can be called again, also while it is walked."""
    first = source.rows()
    second = list(source.rows())
    assert list(first) == second == list(source.rows())


@given(reports())
def test_exact_metrics_are_decimals_of_the_same_value(source: Report) -> None:
    """`exact=True` only changes the numbers of metrics, and keeps each digit of the text."""
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
    """Iterating exact rows does not affect later rows."""
    schema = source.schema
    list(source.rows(exact=True))
    assert source.schema == schema
    for rows in [list(source.rows()), *exports(source)]:
        assert not any(isinstance(cell, Decimal) for row in rows for cell in row.values())


# Parts.


def test_rows_of_several_apps_and_windows_are_joined_in_order() -> None:
    """Each row starts with its app. Cells that some rows lack are empty, and nothing is summed."""
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


def test_app_tokens_keep_their_requested_place() -> None:
    """A dimension `app_token` keeps its place, and is filled if the service leaves it out."""
    got = Report([part({"installs": "1"}, app="abc1")], ["day", "app_token"], ["installs"])
    assert got.columns == ("day", "app_token", "installs")
    assert next(got.rows()) == {"day": None, "app_token": "abc1", "installs": 1}
    assert Report([part(app="abc1")], ["day"], ["installs"]).columns == ("app_token", "day", "installs")
    assert Report([part()], ["day"], ["installs"]).columns == ("day", "installs")


def test_totals_are_the_services_own() -> None:
    """They need not be the sum of the rows, and the returned object can't change them."""
    got = Report([part(ANSWER, ANSWER, totals={"installs": 100, "cost": 1.5})], ["day"], ["installs", "cost"])
    assert got.totals == {"installs": 100, "cost": 1.5}
    got.totals["installs"] = 0
    assert got.totals == {"installs": 100, "cost": 1.5}
    assert report().totals == {}


@pytest.mark.parametrize("apps", [("abc1", "abc2"), ("abc1", "abc1"), ("abc1", "abc2", "abc3")])
def test_totals_of_parts_are_never_summed(apps: tuple[str, ...]) -> None:
    """A report of several parts refers to the totals of each part."""
    got = Report([part(app=app, totals={"installs": 1}) for app in apps], ["day"], ["installs"])
    with pytest.raises(ConfigurationError) as caught:
        _ = got.totals
    assert f"the report has {len(apps)} parts, and totals are not additive" in str(caught.value)
    assert "report.parts" in str(caught.value)
    assert [one.totals for one in got.parts] == [{"installs": 1}] * len(apps)


def test_a_warning_about_several_parts_is_reported_once() -> None:
    """Warnings keep the order of the parts, and may be other values than text."""
    parts = [part(app="a", warnings=["x", {"code": 1}]), part(app="b", warnings=["y", {"code": 1}, "x"]), part(app="c")]
    assert Report(parts, [], []).warnings == ["x", {"code": 1}, "y"]
    assert report().warnings == []


def test_failures_are_kept_next_to_the_parts() -> None:
    """Failures are available by app, and shown in the representation."""
    error = AdjustError("no")
    failures = {"abc2": error}
    got = Report([part(ANSWER, app="abc1")], ["day"], ["installs", "cost"], failures=failures)
    failures.clear()
    assert got.failures == {"abc2": error}
    assert repr(got) == "<Report of 1 row, 1 failed (abc2): app_token, day, installs, cost>"
    assert repr(report()) == "<Report of 0 rows: day>"


# `attr_dependency`.

IMPLIED = {"partner_id": "-300", "partner": "other", "tags": ["a", "b"], "ids": {"x": 1}, "day": None}


@pytest.mark.parametrize("implied", [IMPLIED, "text", ["a"], None, {}, 5, []])
def test_attr_dependency_is_dropped(implied: object) -> None:
    """By default it is left out, whatever its form."""
    got = report({**ANSWER, "attr_dependency": implied}, ANSWER, metrics=["installs", "cost"])
    assert got.columns == ("day", "installs", "cost")
    first, second = got.rows()
    assert first == second


@pytest.mark.parametrize("implied", [IMPLIED, "text", ["a", 1], {}, []])
def test_attr_dependency_is_kept(implied: object) -> None:
    """`keep` keeps it unchanged in a column, which is JSON in the other forms."""
    got = Report([part({**ANSWER, "attr_dependency": implied}, ANSWER)], ["day"], ["installs", "cost"],
                 attr_dependency="keep")  # fmt: skip
    assert got.columns == ("day", "installs", "cost", "attr_dependency")
    assert [row["attr_dependency"] for row in got.rows()] == [implied, None]
    for rows in exports(got):
        cell, nothing = (row["attr_dependency"] for row in rows)
        assert (cell if isinstance(implied, str) else json.loads(cell)) == implied
        assert nothing is None


def test_attr_dependency_becomes_columns() -> None:
    """Each key is a column after the others, with another name if the row or the query already has that name."""
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


def test_a_requested_key_clashes_even_if_the_row_lacks_it() -> None:
    """Implied values are never mistaken for the requested figure or dimension."""
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


# Size.


@pytest.mark.slow
def test_many_rows_are_made_one_by_one() -> None:
    """The rows of a large report are not collected."""
    row = {"day": "2026-01-05", "country": "de", "installs": "64", "revenue": "1.25"}
    got = report(*([row] * 200_000), dimensions=["day", "country"], metrics=["installs", "revenue"])
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


def test_melted_cohorts_are_in_the_order_of_the_columns() -> None:
    """The rows of a cohort are in the order of the requested metrics, in every run."""
    metrics = [f"retention_rate_d{number}" for number in (30, 1, 14, 7, 3, 90)]
    melted = report({**DAY, **dict.fromkeys(metrics, "0.5")}, metrics=metrics).melt_cohorts()
    assert [row["period"] for row in melted.rows()] == [30, 1, 14, 7, 3, 90]


def test_a_warning_is_reported_once() -> None:
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


def test_a_repeated_hour_stays_two() -> None:
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
def test_an_invalid_hour_is_text(value: object) -> None:
    """Text that is not a moment never becomes one on its way into a table."""
    got = report({"hour": value, "installs": "1"}, dimensions=["hour"], metrics=["installs"])
    assert got.schema[0] == ("hour", "text")
    assert isinstance(got.to_arrow().column("hour")[0].as_py(), str)


def test_totals_are_those_of_all_or_none() -> None:
    """If an app failed, the totals of the others are not those of the whole."""
    error = AdjustError("no")
    part = ReportPart("a", None, [], {"installs": 1}, [], {})
    with pytest.raises(ConfigurationError, match="1 of the apps failed"):
        _ = Report([part], ["day"], ["installs"], failures={"b": error}).totals


@pytest.mark.parametrize("implied", ["Organic", ["a", "b"]])
def test_attr_dependency_without_names_has_a_column(implied: object) -> None:
    """Nothing of `attr_dependency` is lost for being no map."""
    parts = [ReportPart(None, None, [{**DAY, "attr_dependency": implied}], {}, [], {})]
    got = Report(parts, ["day"], [], attr_dependency="columns")
    assert next(got.rows())["attr_dependency"] == implied
