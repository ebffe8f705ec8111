"""KPI reports as tables: a schema that is the same every week, and pivots."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async.errors import ConfigurationError, DecodeError
from tests.kpis.answers import days, kinds_of, leaf_values, report

# Stable schemas.


DEFAULTS = {
    "clicks": "integer",
    "installs": "integer",
    "click_conversion_rate": "number",
    "reattributions": "integer",
    "sessions": "integer",
    "revenue_events": "integer",
    "revenue": "number",
    "daus": "integer",
    "waus": "integer",
    "maus": "integer",
    "retention_rate": "number",
    # Documented, but not by default.
    "cohort_size": "integer",
    "retained_users": "integer",
    "time_spent_per_user": "number",
    "limit_ad_tracking_installs": "integer",
    "gdpr_forgets": "integer",
    "uninstalls": "integer",
    "deattributions": "integer",
    "cost": "number",
    "ecpi": "number",
}


@pytest.mark.parametrize("kpi", DEFAULTS)
def test_the_kind_of_a_kpi_does_not_depend_on_the_figures(kpi: str) -> None:
    """Columns without figures, with only nulls or with only integers have one kind, as do fractions where possible."""
    samples: list[list[Any]] = [[], [None, None], [1, 2], [0], [None, 7]]
    if DEFAULTS[kpi] == "number":
        samples += [[0.5], [1, 0.5], [None, 1.0]]
    kinds = {repr(values): kinds_of(report(days(*values), kpi, grouping=["day"]))[kpi] for values in samples}
    assert kinds == dict.fromkeys(kinds, DEFAULTS[kpi])


@pytest.mark.parametrize("kpi", ["clicks", "x_new"])
def test_a_fraction_is_never_cut_off(kpi: str) -> None:
    """A count that has a fraction after all is a number."""
    assert kinds_of(report(days(1, 0.5), kpi))[kpi] == "number"


@pytest.mark.parametrize(
    ("grouping", "level", "element"),
    [
        (["day"], "dates", {"date": "2026-01-01"}),
        (["week"], "dates", {"date": "2026-01-01"}),
        (["months"], "dates", {"date": "2026-01-01"}),
        (["hour"], "dates", {"date": "2026-01-01T05:00:00"}),
        (["hours"], "dates", {"date": "2026-01-01T05:00:00"}),
        (["weeks"], "dates", {"date": "2026-01-01T00:00:00"}),
        (["trackers"], "trackers", {"token": "t"}),
        (["network"], "networks", {"token": "t", "name": "N"}),
        (["campaigns"], "campaigns", {"token": "t", "name": "N"}),
        (["event_types"], "events", {"token": "t"}),
        (["events"], "events", {"token": "t"}),
        (["countries"], "countries", {"country": "de"}),
        (["region"], "regions", {"region": "eu"}),
        (["device_types"], "device_types", {"device_type": "phone"}),
        (["os_names"], "os_names", {"os_name": "ios"}),
        (["partners"], "partners", {"partner": "x"}),
        (["periods"], "periods", {"period": "0"}),
        (["apps"], None, {}),
        ([], None, {}),
        (None, None, {}),
    ],
)
@pytest.mark.parametrize("nothing", ["no apps", "no level", "no elements"])
def test_an_empty_report_has_the_columns_of_a_full_one(
    grouping: object, level: str | None, element: dict[str, Any], nothing: str
) -> None:
    """Without figures the echoed grouping determines the columns, and Arrow's types are those of a full report."""
    inner: dict[str, Any] = {**element, "kpi_values": [1]}
    below: dict[str, Any] = {level: [inner]} if level else inner
    app: dict[str, Any] = {"token": "a", **below}
    without: dict[str, Any] = {level: []} if level else {}
    empties: dict[str, dict[str, Any]] = {
        "no apps": {"apps": []},
        "no level": {"token": "a"},
        "no elements": {"token": "a", **without},
    }
    empty = empties[nothing]
    full = report(app, "installs", grouping=grouping)
    other = report(empty, "installs", grouping=grouping)
    assert list(other.rows()) == []
    assert other.schema == full.schema
    assert other.to_arrow().schema == full.to_arrow().schema
    assert other.to_polars().schema == full.to_polars().schema
    assert list(other.to_pandas().dtypes) == list(full.to_pandas().dtypes)


def test_columns_come_in_the_order_of_the_levels() -> None:
    """The outermost level comes first, whichever app has it."""
    apps = [
        {"token": "a", "kpi_values": [1]},
        {"token": "b", "countries": [{"country": "de", "dates": [{"date": "2026-01-01", "kpi_values": [2]}]}]},
    ]
    assert report({"apps": apps}, "k").columns == ("app_token", "app_name", "currency", "country", "date", "k")


# Pivots.


def cohorts(*figures: tuple[str, list[Any]], country: str = "de") -> dict[str, Any]:
    """Return an app with periods in this order."""
    periods = [{"period": period, "kpi_values": values} for period, values in figures]
    return {"token": "a", "countries": [{"country": country, "periods": periods}]}


def test_a_pivot_has_one_row_a_cohort() -> None:
    """Periods become columns in numerical order; a missing one is `None`, a 0 stays 0."""
    app = cohorts(("10", [0.1]), ("0", [1]), ("2", [None]))
    app["countries"] += cohorts(("1", [0.5]), ("0", [0]), country="us")["countries"]
    table = report(app, "retention_rate").pivot("period")
    assert table.columns == ("app_token", "app_name", "currency", "country", "0", "1", "2", "10")
    assert [(row["country"], row["0"], row["1"], row["2"], row["10"]) for row in table.rows()] == [
        ("de", 1, None, None, 0.1),
        ("us", 0, 0.5, None, None),
    ]
    assert {column.kind for column in table.schema[4:]} == {"number"}
    assert list(table.rows()) == list(table.rows())


def test_a_pivot_of_several_kpis_names_both() -> None:
    """Several KPIs get separate columns, grouped by KPI; a single one keeps plain names."""
    got = report(cohorts(("1", [3, 0.5]), ("0", [6, 1])), "installs", "retention_rate")
    table = got.pivot("period")
    assert table.columns[4:] == ("installs_0", "installs_1", "retention_rate_0", "retention_rate_1")
    assert [tuple(row.values())[4:] for row in table.rows()] == [(6, 3, 1, 0.5)]
    assert [column.kind for column in table.schema[4:]] == ["integer", "integer", "number", "number"]
    alone = got.pivot("period", kpi="retention_rate")
    assert alone.columns[4:] == ("0", "1")
    assert [tuple(row.values())[4:] for row in alone.rows()] == [(1, 0.5)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["b", "10", "a", "9"], ["9", "10", "a", "b"]),
        ([2, 10, 1], ["1", "2", "10"]),
        (["-1", "1", "0"], ["-1", "0", "1"]),
        (["007", "8"], ["007", "8"]),
        (["2026-01-10", "2026-01-09"], ["2026-01-09", "2026-01-10"]),
    ],
)
def test_the_columns_of_a_pivot_are_in_numerical_order(values: list[Any], expected: list[str]) -> None:
    """Numbers are sorted by size, followed by texts in alphabetical order."""
    app = {"token": "a", "periods": [{"period": value, "kpi_values": [1]} for value in values]}
    assert list(report(app, "k").pivot().columns[3:]) == expected


@pytest.mark.parametrize("column", ["periods", "k", "", "tracker", None, 5, ["period"]])
def test_a_pivot_of_no_level_is_refused(column: Any) -> None:
    """An unknown column, or a KPI's, is refused, and the message lists the valid ones."""
    got = report(cohorts(("0", [1])), "k")
    with pytest.raises(ConfigurationError, match="pass one of app_token, app_name, currency, country, period"):
        got.pivot(column)


@pytest.mark.parametrize("kpi", ["", "installs", "period", 5, ["k"]])
def test_a_pivot_of_no_kpi_is_refused(kpi: Any) -> None:
    """A KPI that the report does not have is refused, and the message lists those that it has."""
    got = report(cohorts(("0", [1, 2])), "k", "l")
    with pytest.raises(ConfigurationError, match="pass one of k, l"):
        got.pivot(kpi=kpi)


def test_a_period_twice_is_an_error() -> None:
    """Two figures for the same cell are neither summed nor replaced."""
    with pytest.raises(DecodeError, match="twice"):
        report(cohorts(("0", [1]), ("0", [2])), "k").pivot()


def test_a_pivot_of_a_level_with_tokens_has_one_row_a_cohort() -> None:
    """A token and its name are one level: turning it into columns leaves no row for each of its elements."""
    events = [{"token": f"e{n}", "name": f"E{n}", "kpi_values": [n]} for n in range(2)]
    table = report({"token": "a", "events": events}, "k").pivot("event_token")
    assert [(row["e0"], row["e1"]) for row in table.rows()] == [(0, 1)]


@pytest.mark.parametrize(("second", "expected"), [("One", ("app_token", "tracker_token")), ("Two", ())])
def test_the_key_of_a_pivot_identifies_a_row(second: str, expected: tuple[str, ...]) -> None:
    """A tracker that appears with two names has two rows, which its token does not distinguish."""
    trackers = [
        {"token": "t", "name": name, "periods": [{"period": period, "kpi_values": [1]}]}
        for name, period in [("One", "0"), (second, "1")]
    ]
    source = report({"token": "a", "trackers": trackers}, "k")
    assert source.key_columns == ("app_token", "tracker_token", "period", "period_unit")
    assert source.pivot().key_columns == expected


def test_a_row_without_the_level_adds_no_column() -> None:
    """Ragged levels: figures above the periods do not belong to a period called None."""
    app = cohorts(("0", [1]))
    app["kpi_values"] = [9]
    assert "None" not in report(app, "k").pivot().columns


@pytest.mark.parametrize(
    ("app", "kpis"),
    [
        ({"token": "x", "events": [{"event": "app_token", "kpi_values": [1]}]}, ["k"]),
        ({"token": "x", "events": [{"event": "1", "kpi_values": [1]}, {"event": 1, "kpi_values": [2]}]}, ["k"]),
        (
            {"token": "x", "events": [{"event": "b_c", "kpi_values": [1, 2]}, {"event": "c", "kpi_values": [3, 4]}]},
            ["a", "a_b"],
        ),
    ],
)
def test_a_pivot_overwrites_nothing(app: dict[str, Any], kpis: list[str]) -> None:
    """Columns that would have the same name are refused or distinguished."""
    try:
        table = report(app, *kpis).pivot("event")
    except (ConfigurationError, DecodeError):
        return
    assert len(set(table.columns)) == len(table.columns)
    cells = [cell for row in table.rows() for cell in row.values()]
    assert {"x", *(value for values in leaf_values(app) for value in values)} <= set(cells)


@pytest.mark.parametrize("kpis", [[], ["k"], ["k", "l"]])
def test_a_pivot_of_an_empty_report_is_empty(kpis: list[str]) -> None:
    """Without cohorts there are no rows and no periods, but the other columns."""
    table = report({"apps": []}, *kpis, grouping=["country", "periods"]).pivot()
    assert list(table.rows()) == []
    assert table.columns == ("app_token", "app_name", "currency", "country")


@given(st.dictionaries(st.tuples(st.sampled_from("abc"), st.integers(0, 12)), st.integers(0, 9) | st.none()))
def test_a_pivot_keeps_every_cell(figures: dict[tuple[str, int], int | None]) -> None:
    """Cell by cell, a pivot has the report's figures and nothing else."""
    countries = [
        {"country": c, "periods": [{"period": str(p), "kpi_values": [v]} for (d, p), v in figures.items() if c == d]}
        for c in "abc"
    ]
    table = report({"token": "a", "countries": countries}, "k", grouping=["countries", "periods"]).pivot()
    assert list(table.columns[4:]) == [str(p) for p in sorted({p for _, p in figures})]
    got = {(row["country"], int(p)): row[p] for row in table.rows() for p in table.columns[4:]}
    assert {key: value for key, value in got.items() if value is not None} == {
        key: value for key, value in figures.items() if value is not None
    }
    assert len(list(table.rows())) == len({c for c, _ in figures})
