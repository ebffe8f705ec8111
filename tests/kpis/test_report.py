"""`KpiReport`: any answer becomes rows with typed cells and a stable schema, or an error that says where."""

import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, strategies as st

from adjust_async.errors import APIConnectionError, ConfigurationError, DecodeError
from adjust_async.kpis.report import KpiReport
from tests.kpis.answers import KPIS, LEVELS, answers, apps_of, days, flattened, leaf_values, report


def rows_of(source: KpiReport) -> list[dict[str, Any]]:
    """Give the rows without the cells that have no value."""
    return [{key: value for key, value in row.items() if value is not None} for row in source.rows()]


def decode_error_of(document: object) -> DecodeError:
    """Give the error that reading a document ends with."""
    with pytest.raises(DecodeError) as caught:
        KpiReport.from_json(document if isinstance(document, (str, bytes)) else json.dumps(document))
    return caught.value


def kinds_of(source: KpiReport) -> dict[str, str]:
    """Give the kind of each column."""
    return {column.name: column.kind for column in source.schema}


# Rows.


@given(answers())
def test_rows_are_those_of_a_naive_flattener(answer: dict[str, Any]) -> None:
    """Ragged levels in any order, unknown ones too, give the rows that a naive recursion gives, in its order."""
    got = KpiReport.from_json(json.dumps(answer))
    assert rows_of(got) == flattened(answer)
    assert len(list(got.rows())) == len(leaf_values(*apps_of(answer)))


@given(answers())
def test_every_row_has_every_column_in_order(answer: dict[str, Any]) -> None:
    """All rows have the columns of the schema, the apps first, the KPIs last; they can be had again."""
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
def test_the_result_set_is_kept_as_it_came(answer: dict[str, Any]) -> None:
    """The report holds the document's own data, under `apps` also for a single app."""
    got = KpiReport.from_json(json.dumps(answer))
    assert got.result_set == {"apps": apps_of(answer)}
    assert got.result_parameters == answer["result_parameters"]
    assert got.failures == {}


def test_adjustys_example_gives_a_table() -> None:
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
    assert got.columns == ("app_token", "app_name", "currency", "network_token", "network_name", "period", "sessions")
    assert rows_of(got) == [
        *({**organic, "period": str(n), "sessions": n} for n in range(3)),
        {"app_token": "abcd1234", "network_token": "abcd", "network_name": "SMS", "period": "0", "sessions": 0},
    ]


def test_the_documentations_example_gives_a_table() -> None:
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
def test_names_are_joined_where_there_are_any(
    level: str, entries: object, expected: str | None, name: dict[str, None]
) -> None:
    """Parameters without the name, or without any names, leave the cell empty; the column is there all the same."""
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
    """Neither an app nor an element has to have its token: its figures are a row all the same."""
    got = report(element, "k")
    assert [row["k"] for row in got.rows()] == [values[0] for values in leaf_values(element)]


@pytest.mark.parametrize(("grouping", "kind"), [(["day"], "date"), (["hour"], "moment"), (None, "moment")])
def test_a_day_with_a_time_is_a_date(grouping: list[str] | None, kind: str) -> None:
    """A service that writes days with a time is understood where the grouping says that they are days."""
    app = {"token": "a", "dates": [{"date": "2026-01-01T00:00:00", "kpi_values": [1]}]}
    source = report(app, "k", **({} if grouping is None else {"grouping": grouping}))
    assert dict(source.schema)["date"] == kind
    (row,) = source.rows()
    assert row["date"] == (date(2026, 1, 1) if kind == "date" else datetime(2026, 1, 1))  # noqa: DTZ001 - none given


def test_the_hour_that_comes_twice_stays_two() -> None:
    """Hours with an offset are moments of their own, in rows and in tables."""
    hours = ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
    source = report({"token": "a", "dates": [{"date": hour, "kpi_values": [1]} for hour in hours]}, "k")
    assert [row["date"].astimezone(UTC).hour for row in source.rows()] == [0, 1]
    column = source.to_arrow().column("date")
    assert column.type == pyarrow.timestamp("us", "UTC")
    assert column.to_pylist() == [row["date"] for row in source.rows()]


def test_dates_are_dates_and_hours_are_moments() -> None:
    """`date` cells are dates by day, week and month, and moments by hour; other texts stay texts."""
    by_day = report(days(1, 2), "k")
    assert [row["date"] for row in by_day.rows()] == [date(2026, 1, 1), date(2026, 1, 2)]
    hours = {"token": "a", "dates": [{"date": f"2026-01-01T{hour}", "kpi_values": [1]}
                                     for hour in ("00:00:00", "23:00:00")]}  # fmt: skip
    assert [row["date"] for row in report(hours, "k").rows()] == [
        datetime(2026, 1, 1, 0, 0),  # noqa: DTZ001 - the service gave no offset
        datetime(2026, 1, 1, 23, 0),  # noqa: DTZ001
    ]
    assert kinds_of(by_day)["date"] == "date"
    assert kinds_of(report(hours, "k"))["date"] == "moment"


@pytest.mark.parametrize("text", ["2026-01", "unknown", "2026-02-30", "", "Q1", "2026-W05", "2026-01-01 - 2026-01-07"])
def test_a_date_of_another_form_stays_text(text: str) -> None:
    """What is no day and no hour is given as it came, and never as another day."""
    got = report({"token": "a", "dates": [{"date": text, "kpi_values": [1]}]}, "k")
    assert [row["date"] for row in got.rows()] == [text]
    assert kinds_of(got)["date"] == "text"


def test_null_is_not_zero() -> None:
    """A null, a 0, a 0.0 and a missing element are told apart."""
    got = report(days(None, 0, 0.0), "k")
    assert [repr(row["k"]) for row in got.rows()] == ["None", "0", "0.0"]


def test_large_integers_are_exact() -> None:
    """Integers above 2**53 lose no digit."""
    assert [row["k"] for row in report(days(2**53 + 1, -(2**62) - 1), "k").rows()] == [2**53 + 1, -(2**62) - 1]


# Documents that are none.


@pytest.mark.parametrize(
    ("document", "location"),
    [
        ("", "$"),
        ("{", "$"),
        ("[]", "$"),
        ("null", "$"),
        ("<html>", "$"),
        ('{"a": NaN}', "$"),
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
def test_what_is_no_answer_is_refused_where_it_fails(document: object, location: str) -> None:
    """Each document that is none ends in a `DecodeError` with the place of the fault."""
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
    assert error.message == f"{len(values)} values stand for {kpis} KPIs"


@pytest.mark.parametrize("kpis", [["installs", "installs"], ["installs", "app_token"], ["currency"], ["date"]])
def test_a_column_has_one_meaning(kpis: list[str]) -> None:
    """A KPI that comes twice, or is called as a level's column, is refused or kept: nothing is overwritten."""
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
def test_any_json_gives_rows_or_a_decode_error(document: Any) -> None:
    """Whatever JSON is read, it gives a report with rows and a schema, or `DecodeError`, and never anything else."""
    try:
        got = KpiReport.from_json(json.dumps(document))
    except DecodeError:
        return
    for row in got.rows():
        assert tuple(row) == got.columns
    assert repr(got)


@given(st.binary(max_size=60) | st.text(max_size=60) | st.text(st.characters(), max_size=5))
def test_any_bytes_are_no_json(source: bytes | str) -> None:
    """Whatever bytes or text are read, they end in `DecodeError`; no short text is an answer."""
    with pytest.raises(DecodeError):
        KpiReport.from_json(source)


@pytest.mark.parametrize("source", ["\ud800", '{"a": "\ud800"}'])
def test_a_text_that_cannot_be_encoded_is_no_json(source: str) -> None:
    """Half a surrogate pair ends in `DecodeError` as any other fault does."""
    assert decode_error_of(source).malformed


@pytest.mark.parametrize("depth", [50, 200, 400])
def test_depth_gives_rows_or_a_decode_error(depth: int) -> None:
    """Levels nested beyond all reason are read or refused; they don't exhaust the stack."""
    text = '{"result_parameters": {"kpis": ["k"]}, "result_set": {"token": "a", '
    text += '"trackers": [{"token": "t", ' * depth + '"kpi_values": [1]' + "}]" * depth + "}}"
    try:
        got = KpiReport.from_json(text)
    except DecodeError:
        return
    assert [row["k"] for row in got.rows()] == [1]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_source_is_text_bytes_or_a_path(tmp_path: Path, mark: str) -> None:
    """The three forms of a saved answer, with a byte order mark or without, give the same report."""
    document = {"result_parameters": {"kpis": ["k"]}, "result_set": days(1, None)}
    text = mark + json.dumps(document)
    path = tmp_path / "answer.json"
    path.write_bytes(text.encode())
    for source in (text, text.encode(), path):
        got = KpiReport.from_json(source)
        assert [row["k"] for row in got.rows()] == [1, None]


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    """A file that isn't there is no matter of its content."""
    with pytest.raises(FileNotFoundError):
        KpiReport.from_json(tmp_path / "none.json")


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
    # Documented, but no defaults.
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
    """No figures, nulls only and whole figures only have one kind of column; so have fractions where they can be."""
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
    """Where no figure came the echoed grouping tells the columns, and Arrow's types are those of a full report."""
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
    """Give an app with periods in the order given."""
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
    """Several KPIs get columns of their own, together for each; one that is named stands alone."""
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
    """Numbers come by their size, texts behind them by their letters."""
    app = {"token": "a", "periods": [{"period": value, "kpi_values": [1]} for value in values]}
    assert list(report(app, "k").pivot().columns[3:]) == expected


@pytest.mark.parametrize("column", ["periods", "k", "", "tracker", None, 5, ["period"]])
def test_a_pivot_of_no_level_is_refused(column: Any) -> None:
    """A column that is none, or a KPI's, is refused with those that there are."""
    got = report(cohorts(("0", [1])), "k")
    with pytest.raises(ConfigurationError, match="give one of app_token, app_name, currency, country, period"):
        got.pivot(column)


@pytest.mark.parametrize("kpi", ["", "installs", "period", 5, ["k"]])
def test_a_pivot_of_no_kpi_is_refused(kpi: Any) -> None:
    """A KPI that the report doesn't have is refused with those that it has."""
    got = report(cohorts(("0", [1, 2])), "k", "l")
    with pytest.raises(ConfigurationError, match="give one of k, l"):
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


def test_a_row_without_the_level_makes_no_column_none() -> None:
    """Ragged levels: figures above the periods are not those of a period called None."""
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
    """Columns that would have one name are refused or told apart."""
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


# What it says of itself.


def test_a_report_shows_what_it_holds() -> None:
    """The representation counts apps and failures, and names the KPIs, without a look at the figures."""
    failure = APIConnectionError("no route", method="GET", path="/kpis/v1/b")
    got = KpiReport({"kpis": ["k"]}, [{"token": "a", "kpi_values": [1]}], {"b": failure})
    assert repr(got) == "<KpiReport of 1 apps, 1 failed: k>"
    assert got.failures == {"b": failure}


def test_a_report_takes_copies() -> None:
    """Changing what a report was made of doesn't change the report."""
    parameters: dict[str, Any] = {"kpis": ["k"]}
    apps = [{"token": "a", "kpi_values": [1]}]
    got = KpiReport(parameters, apps)
    parameters["x"] = 1
    apps.clear()
    assert got.result_parameters == {"kpis": ["k"]}
    assert [row["k"] for row in got.rows()] == [1]
