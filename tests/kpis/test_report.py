"""KPI reports: the rows of nested answers, and the attributes of a report."""

import json
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pyarrow
import pytest
from hypothesis import given

from adjust_async.errors import APIConnectionError
from adjust_async.kpis.report import KpiReport
from tests.kpis.answers import LEVELS, answers, apps_of, days, flattened, kinds_of, leaf_values, report


def rows_of(source: KpiReport) -> list[dict[str, Any]]:
    """Return the rows without missing values."""
    return [{key: value for key, value in row.items() if value is not None} for row in source.rows()]


# Rows.


@given(answers())
def test_rows_are_those_of_a_naive_flattener(answer: dict[str, Any]) -> None:
    """Ragged levels in any order, including unknown ones, yield the rows of a naive recursion, in its order."""
    got = KpiReport.from_json(json.dumps(answer))
    assert rows_of(got) == flattened(answer)
    assert len(list(got.rows())) == len(leaf_values(*apps_of(answer)))


@given(answers())
def test_every_row_has_every_column_in_order(answer: dict[str, Any]) -> None:
    """All rows have the columns of the schema, the apps first, the KPIs last; they can be read again."""
    got = KpiReport.from_json(json.dumps(answer))
    kpis = tuple(answer["result_parameters"]["kpis"])
    assert got.columns[:3] == ("app_token", "app_name", "currency")
    assert got.columns[len(got.columns) - len(kpis) :] == kpis
    for row in got.rows():
        assert tuple(row) == got.columns
    assert list(got.rows()) == list(got.rows())


@given(answers())
def test_cells_are_of_the_kind_of_their_column(answer: dict[str, Any]) -> None:
    """Integers stay integers, null stays `None`, and no cell is of another type than the schema says."""
    types = {"text": (str,), "integer": (int,), "number": (int, float), "date": (date,), "moment": (datetime,)}
    got = KpiReport.from_json(json.dumps(answer))
    kinds = kinds_of(got)
    for row in got.rows():
        for name, cell in row.items():
            if name != "weight":  # an unknown level's number
                assert cell is None or type(cell) in types[kinds[name]]
    values = Counter((type(value), value) for values in leaf_values(*apps_of(answer)) for value in values)
    kpis = answer["result_parameters"]["kpis"]
    assert Counter((type(row[kpi]), row[kpi]) for row in got.rows() for kpi in kpis) == values


@given(answers())
def test_the_result_set_is_kept_unchanged(answer: dict[str, Any]) -> None:
    """The report holds the document's own data, under `apps` even for a single app."""
    got = KpiReport.from_json(json.dumps(answer))
    assert got.result_set == {"apps": apps_of(answer)}
    assert got.result_parameters == answer["result_parameters"]
    assert got.failures == {}


def test_adjustys_example_is_a_table() -> None:
    """The answer that adjusty's README shows, of one app without name and currency, is read."""
    networks = [
        {"token": "abcd1234", "name": "Organic", "periods": [{"period": str(n), "kpi_values": [n]} for n in range(3)]},
        {"token": "abcd", "name": "SMS", "periods": [{"period": "0", "kpi_values": [0]}]},
    ]
    got = report(
        {"token": "abcd1234", "networks": networks},
        "sessions",
        end_date="2015-01-01",
        period="week",
        grouping=["network", "periods"],
        day_def="24h",
        sandbox=False,
    )
    organic = {"app_token": "abcd1234", "network_token": "abcd1234", "network_name": "Organic"}
    assert got.columns == (
        "app_token",
        "app_name",
        "currency",
        "network_token",
        "network_name",
        "period",
        "period_unit",
        "sessions",
    )
    assert rows_of(got) == [
        *({**organic, "period": n, "period_unit": "week", "sessions": n} for n in range(3)),
        {
            "app_token": "abcd1234",
            "network_token": "abcd",
            "network_name": "SMS",
            "period": 0,
            "period_unit": "week",
            "sessions": 0,
        },
    ]


def test_the_documentations_example_is_a_table() -> None:
    """Trackers, dates and events nest; names come from the parameters; levels are ragged."""
    trackers = [
        {"token": "foobar", "dates": [
            {"date": "2015-01-01", "events": [{"token": "1foo", "kpi_values": [11, 9.5]},
                                              {"token": "0", "kpi_values": [3, None]}]},
            {"date": "2015-01-02", "events": [{"token": "0", "kpi_values": [0, 0.0]}]}]},
        {"token": "barfoo", "dates": []},
    ]  # fmt: skip
    got = report(
        {"apps": [{"token": "app1", "name": "One", "currency": "EUR", "trackers": trackers}]},
        "revenue_events",
        "revenue",
        trackers=[{"token": "foobar", "name": "Foo::Bar", "has_subtrackers": True}],
        events=[{"token": "1foo", "name": "Buy"}],
    )
    first = {"app_token": "app1", "app_name": "One", "currency": "EUR", "tracker_token": "foobar",
             "tracker_name": "Foo::Bar", "date": date(2015, 1, 1)}  # fmt: skip
    assert list(got.rows()) == [
        {**first, "event_token": "1foo", "event_name": "Buy", "revenue_events": 11, "revenue": 9.5},
        {**first, "event_token": "0", "event_name": None, "revenue_events": 3, "revenue": None},
        {**first, "date": date(2015, 1, 2), "event_token": "0", "event_name": None, "revenue_events": 0,
         "revenue": 0.0},
    ]  # fmt: skip


@pytest.mark.parametrize("name", [{}, {"name": None}])
@pytest.mark.parametrize("level", ["trackers", "events"])
@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([{"token": "t", "name": "T"}], "T"),
        ([{"token": "u", "name": "U"}], None),
        ([{"token": "t"}], None),
        ([], None),
        (None, None),
        ("absent", None),
    ],
)
def test_names_are_joined_if_they_exist(
    level: str, entries: object, expected: str | None, name: dict[str, None]
) -> None:
    """Parameters without the name, or without any names, leave the cell empty, but the column exists."""
    parameters = {} if entries == "absent" else {level: entries}
    got = report({"token": "a", level: [{"token": "t", **name, "kpi_values": [1]}]}, "k", **parameters)
    (row,) = got.rows()
    one = LEVELS[level][0]
    assert (row[f"{one}_token"], row[f"{one}_name"]) == ("t", expected)


@pytest.mark.parametrize("level", ["networks", "campaigns", "adgroups", "creatives"])
def test_names_of_networks_are_their_own(level: str) -> None:
    """Networks, campaigns, adgroups and creatives carry their names; those of a tracker don't replace them."""
    got = report(
        {"token": "a", level: [{"token": "t", "name": "Own", "kpi_values": [1]}]},
        "k",
        trackers=[{"token": "t", "name": "Other"}],
    )
    (row,) = got.rows()
    assert row[f"{level.removesuffix('s')}_name"] == "Own"


@pytest.mark.parametrize(
    "element",
    [
        {"name": None, "networks": []},
        {"token": "a", "networks": [{"name": None, "kpi_values": [2]}]},
        {"token": "a", "networks": [{"name": "Organic", "kpi_values": [2]}]},
        {"networks": [{"token": "n", "kpi_values": [2]}]},
        {"kpi_values": [1]},
        {"token": None, "kpi_values": [1]},
    ],
)
def test_a_missing_token_is_an_empty_cell(element: dict[str, Any]) -> None:
    """Apps and elements don't need a token: their figures are still rows."""
    got = report(element, "k")
    assert [row["k"] for row in got.rows()] == [values[0] for values in leaf_values(element)]


@pytest.mark.parametrize(("grouping", "kind"), [(["day"], "date"), (["hour"], "moment"), (None, "moment")])
def test_a_day_with_a_time_is_a_date(grouping: list[str] | None, kind: str) -> None:
    """Days that a service writes with a time are recognized if the grouping says that they are days."""
    app = {"token": "a", "dates": [{"date": "2026-01-01T00:00:00", "kpi_values": [1]}]}
    source = report(app, "k", **({} if grouping is None else {"grouping": grouping}))
    assert dict(source.schema)["date"] == kind
    (row,) = source.rows()
    assert row["date"] == (date(2026, 1, 1) if kind == "date" else datetime(2026, 1, 1))  # noqa: DTZ001 - none given


def test_a_repeated_hour_stays_two() -> None:
    """Hours with an offset are separate datetimes, in rows and in tables."""
    hours = ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
    source = report({"token": "a", "dates": [{"date": hour, "kpi_values": [1]} for hour in hours]}, "k")
    assert [row["date"].astimezone(UTC).hour for row in source.rows()] == [0, 1]
    column = source.to_arrow().column("date")
    assert column.type == pyarrow.timestamp("us", "UTC")
    assert column.to_pylist() == [row["date"] for row in source.rows()]


def test_dates_are_dates_and_hours_are_moments() -> None:
    """`date` cells are dates by day, week and month, and datetimes by hour; other texts stay text."""
    by_day = report(days(1, 2), "k")
    assert [row["date"] for row in by_day.rows()] == [date(2026, 1, 1), date(2026, 1, 2)]
    hours = {"token": "a", "dates": [{"date": f"2026-01-01T{hour}", "kpi_values": [1]}
                                     for hour in ("00:00:00", "23:00:00")]}  # fmt: skip
    assert [row["date"] for row in report(hours, "k").rows()] == [
        datetime(2026, 1, 1, 0, 0),  # noqa: DTZ001 - the service sent no offset
        datetime(2026, 1, 1, 23, 0),  # noqa: DTZ001
    ]
    assert kinds_of(by_day)["date"] == "date"
    assert kinds_of(report(hours, "k"))["date"] == "moment"


@pytest.mark.parametrize("text", ["2026-01", "unknown", "2026-02-30", "", "Q1", "2026-W05", "2026-01-01 - 2026-01-07"])
def test_a_date_of_another_form_stays_text(text: str) -> None:
    """A value that is neither day nor hour is unchanged, and never becomes another day."""
    got = report({"token": "a", "dates": [{"date": text, "kpi_values": [1]}]}, "k")
    assert [row["date"] for row in got.rows()] == [text]
    assert kinds_of(got)["date"] == "text"


def test_null_is_not_zero() -> None:
    """A null, a 0, a 0.0 and a missing element are distinguished."""
    got = report(days(None, 0, 0.0), "k")
    assert [repr(row["k"]) for row in got.rows()] == ["None", "0", "0.0"]


def test_large_integers_are_exact() -> None:
    """Integers above 2**53 lose no digit."""
    assert [row["k"] for row in report(days(2**53 + 1, -(2**62) - 1), "k").rows()] == [2**53 + 1, -(2**62) - 1]


# What it says of itself.


def test_a_report_describes_itself() -> None:
    """The representation has the numbers of rows and apps, the failures and the columns."""
    failure = APIConnectionError("no route", method="GET", path="/kpis/v1/b")
    got = KpiReport({"kpis": ["k"]}, [{"token": "a", "kpi_values": [1]}], {"b": failure})
    assert repr(got) == "<KpiReport of 1 row in 1 app, 1 failed (b): app_token, app_name, currency, k>"
    assert got.failures == {"b": failure}


def test_a_report_takes_copies() -> None:
    """Changing the source of a report does not change the report."""
    parameters: dict[str, Any] = {"kpis": ["k"]}
    apps = [{"token": "a", "kpi_values": [1]}]
    got = KpiReport(parameters, apps)
    parameters["x"] = 1
    apps.clear()
    assert got.result_parameters == {"kpis": ["k"]}
    assert [row["k"] for row in got.rows()] == [1]
