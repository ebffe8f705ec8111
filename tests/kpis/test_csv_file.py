"""The KPI Service's CSV, read back into the nested structure: every cell at its place."""

import csv
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from adjust_async.kpis.report import KpiReport
from tests.kpis.answers import INTEGERS, LEVELS, NUMBERS, leaf_values, nested
from tests.kpis.csv_files import rows_of, written


def test_the_documented_headers_are_read() -> None:
    """Machine headers have the same rows as the JSON of the same answer."""
    text = (
        "tracker_token,tracker_name,date,event_token,event_name,period,revenue_events,revenue\n"
        "abc,Adroll::X,2026-01-01,0,General,0,5,1.50\n"
        "abc,Adroll::X,2026-01-01,0,General,1,0,\n"
        "def,Organic,2026-01-02,,,,7,\n"
    )
    report = KpiReport.from_csv(text, app_token="app1", app_name="One", currency="EUR")
    app = {"app_token": "app1", "app_name": "One", "currency": "EUR"}
    first = {**app, "tracker_token": "abc", "tracker_name": "Adroll::X", "date": date(2026, 1, 1), "event_token": "0",
             "event_name": "General"}  # fmt: skip
    rows = list(report.rows())
    assert rows[:2] == [
        {**first, "period": 0, "period_unit": "day", "revenue_events": 5, "revenue": 1.5},
        {**first, "period": 1, "period_unit": "day", "revenue_events": 0, "revenue": None},
    ]
    assert {key: value for key, value in rows[2].items() if value is not None} == {
        **app, "tracker_token": "def", "tracker_name": "Organic", "date": date(2026, 1, 2), "revenue_events": 7,
    }  # fmt: skip
    assert report.columns == tuple(first) + ("period", "period_unit", "revenue_events", "revenue")  # noqa: RUF005 - plainer so


def test_human_readable_headers_are_read() -> None:
    """The readable headers of the documentation mean the same levels; KPIs keep their readable names."""
    text = "App Token,App Name,Days after Install,Sessions\na,One,0,5\na,One,1,\nb,Two,0,0\n"
    assert rows_of(text) == [
        {"app_token": "a", "app_name": "One", "period": 0, "period_unit": "day", "Sessions": 5},
        {"app_token": "a", "app_name": "One", "period": 1, "period_unit": "day"},
        {"app_token": "b", "app_name": "Two", "period": 0, "period_unit": "day", "Sessions": 0},
    ]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Tracker Token", "tracker_token"),
        ("Network Token", "network_token"),
        ("Network Name", "network_name"),
        ("campaign_name", "campaign_name"),
        ("Adgroup Token", "adgroup_token"),
        ("creative_token", "creative_token"),
        ("Event Token", "event_token"),
        ("Event Name", "event_name"),
        ("Country", "country"),
        (" country ", "country"),
        ("REGION", "region"),
        ("Device Type", "device_type"),
        ("OS Name", "os_name"),
        ("Partner", "partner"),
        ("Weeks after Install", "period"),
        ("Months after Install", "period"),
        ("period", "period"),
        ("Currency", "currency"),
        ("App Name", "app_name"),
    ],
)
def test_each_level_has_its_header(header: str, column: str) -> None:
    """Names of levels are known in readable form and as slugs."""
    (row,) = rows_of(f"{header},Clicks\nx,3\n")
    unit = header.lower().split("s ")[0] if " after " in header else "day"
    assert row == {column: "x", **({"period_unit": unit} if column == "period" else {}), "Clicks": 3}


@pytest.mark.parametrize("header", ["date", "Date", "Day", "Week", "month"])
def test_times_are_dates(header: str) -> None:
    """All time groupings are dates, as in the JSON."""
    assert rows_of(f"{header},k\n2026-01-05,3\n") == [{"date": date(2026, 1, 5), "k": 3}]


@pytest.mark.parametrize("header", ["hour", "Hour", "date"])
def test_hours_are_moments(header: str) -> None:
    """A date with a time is a datetime."""
    (row,) = rows_of(f"{header},k\n2026-01-05T17:00:00,3\n")
    assert row == {"date": datetime(2026, 1, 5, 17), "k": 3}  # noqa: DTZ001 - the CSV has no offset


@pytest.mark.parametrize("header", ["Click Conversion Rate", "abc123_revenue", "Event Value", "app_tokens", "x"])
def test_any_other_header_is_a_kpi(header: str) -> None:
    """A header that names no level is a KPI, with that name."""
    assert rows_of(f"country,{header}\nde,0.5\n") == [{"country": "de", header: 0.5}]


# Round trips.


LEVELS_OF_CSV = sorted(LEVELS.keys() - {"platforms", "categories", "widgets", "zones"})


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=6)


@st.composite
def csv_apps(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters and the app of an answer that CSV can express: all of its leaves below the same levels."""
    levels = draw(st.lists(st.sampled_from(LEVELS_OF_CSV), min_size=1, max_size=4, unique=True))
    dates = [f"2026-01-0{n}" for n in range(1, 4)]
    steps = [
        st.sampled_from(dates) if level == "dates" else st.integers(0, 2).map(f"{level[:2]}{{}}".format)
        for level in levels
    ]
    paths = draw(st.lists(st.tuples(*steps), min_size=1, max_size=8, unique=True))
    kpis = draw(st.lists(st.sampled_from(["installs", "revenue", "Days Active", "täglich"]), min_size=1, unique=True))
    values = st.lists(NUMBERS | st.none(), min_size=len(kpis), max_size=len(kpis))
    app = nested(
        [(tuple(zip(levels, path, strict=True)), draw(values)) for path in paths],
        token=draw(WORDS),
        name=draw(WORDS),
        currency="EUR",
    )
    parameters: dict[str, Any] = {"kpis": kpis}
    for key in ("trackers", "events"):
        parameters[key] = [{"token": f"{key[:2]}{n}", "name": draw(WORDS)} for n in range(3)]
    return parameters, app


@given(csv_apps(), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_a_table_written_as_csv_is_read_back(
    answer: tuple[dict[str, Any], dict[str, Any]], line_end: str, quoted: bool, mark: bool
) -> None:
    """Rows and columns survive a round trip through CSV, whatever characters names have, as text or bytes."""
    parameters, app = answer
    before = KpiReport(parameters, [app])
    # The csv module leaves a carriage return unquoted unless lines end with one, which nobody could read back.
    assume(quoted or "\r" not in str(list(before.rows())).replace("\\r", "\r"))
    form = {"lineterminator": line_end, "quoting": csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL}
    text = written(before.columns, [list(row.values()) for row in before.rows()], **form)
    text = "\ufeff" * mark + text
    for source in (text, text.encode()):
        after = KpiReport.from_csv(source)
        assert after.columns == before.columns
        assert list(after.rows()) == list(before.rows())
        assert after.schema == before.schema


@given(csv_apps())
def test_the_nested_shape_is_that_of_the_json(answer: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """A CSV has the levels, elements and values of the JSON, except for names, which may also be inline."""
    parameters, app = answer
    before = KpiReport(parameters, [app])
    after = KpiReport.from_csv(written(before.columns, [list(row.values()) for row in before.rows()]))

    def plain(element: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in element.items() if key != "name"}
        return {
            key: [plain(inner) for inner in value] if isinstance(value, list) and key != "kpi_values" else value
            for key, value in kept.items()
        }

    assert [plain(found) for found in after.result_set["apps"]] == [plain(app)]
    assert leaf_values(*after.result_set["apps"]) == leaf_values(app)


@given(st.dictionaries(st.sampled_from("abc"), st.lists(INTEGERS, max_size=3), min_size=2))
def test_apps_are_kept_apart(figures: dict[str, list[int]]) -> None:
    """Lines of several apps, even alternating, are grouped by app, and every figure stays with its app."""
    lines = [(app, f"2026-01-0{n + 1}", value) for app, values in figures.items() for n, value in enumerate(values)]
    lines.sort(key=lambda line: line[1])
    got = rows_of(written(["app_token", "date", "installs"], lines))
    expected = {(app, date.fromisoformat(day), value) for app, day, value in lines}
    assert {(row["app_token"], row["date"], row["installs"]) for row in got} == expected
    assert len(got) == len(lines)


def test_columns_take_precedence_over_arguments() -> None:
    """`app_token` and similar arguments fill in what the CSV leaves open, cell by cell."""
    assert rows_of("app_token,country,k\nb,de,1\n,us,2\n", app_token="a", app_name="A", currency="EUR") == [
        {"app_token": "b", "app_name": "A", "currency": "EUR", "country": "de", "k": 1},
        {"app_token": "a", "app_name": "A", "currency": "EUR", "country": "us", "k": 2},
    ]


def test_names_are_those_of_the_parameters() -> None:
    """Trackers and events of a CSV have their names in `result_parameters`, as in the JSON."""
    report = KpiReport.from_csv("tracker_token,tracker_name,event_token,event_name,k\nt,T,e,E,1\nt,T,f,,2\n")
    assert report.result_parameters == {
        "kpis": ["k"],
        "trackers": [{"token": "t", "name": "T"}],
        "events": [{"token": "e", "name": "E"}, {"token": "f", "name": None}],
    }


def test_a_name_that_a_later_line_has_is_kept() -> None:
    """A first line without the name does not hide it."""
    rows = rows_of("tracker_token,tracker_name,country,k\nt,,de,1\nt,T,us,2\n")
    assert [row.get("tracker_name") for row in rows] == ["T", "T"]
