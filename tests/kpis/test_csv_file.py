"""The KPI Service's CSV, back to the nested shape: every cell where it belongs, or an error that says where."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from adjust_async.errors import DecodeError
from adjust_async.kpis.report import KpiReport
from tests.kpis.answers import INTEGERS, LEVELS, NUMBERS, leaf_values, nested


def rows_of(text: str | bytes, **app: str) -> list[dict[str, Any]]:
    """Give the rows of a CSV without the cells that have no value."""
    found = KpiReport.from_csv(text, **app).rows()
    return [{key: value for key, value in row.items() if value is not None} for row in found]


def decode_error_of(text: str | bytes) -> DecodeError:
    """Give the error that reading a CSV ends with."""
    with pytest.raises(DecodeError) as caught:
        KpiReport.from_csv(text)
    return caught.value


def written(columns: Sequence[str], rows: Sequence[Sequence[Any]], **form: Any) -> str:
    """Write a CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, **form)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def test_the_documented_headers_are_read() -> None:
    """Machine headers give the rows that the JSON of the same answer gives."""
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
        {**first, "period": "0", "revenue_events": 5, "revenue": 1.5},
        {**first, "period": "1", "revenue_events": 0, "revenue": None},
    ]
    assert {key: value for key, value in rows[2].items() if value is not None} == {
        **app, "tracker_token": "def", "tracker_name": "Organic", "date": date(2026, 1, 2), "revenue_events": 7,
    }  # fmt: skip
    assert report.columns == tuple(first) + ("period", "revenue_events", "revenue")  # noqa: RUF005 - plainer so


def test_human_readable_headers_are_read() -> None:
    """The headers in words that the documentation shows mean the same levels; KPIs keep their words."""
    text = "App Token,App Name,Days after Install,Sessions\na,One,0,5\na,One,1,\nb,Two,0,0\n"
    assert rows_of(text) == [
        {"app_token": "a", "app_name": "One", "period": "0", "Sessions": 5},
        {"app_token": "a", "app_name": "One", "period": "1"},
        {"app_token": "b", "app_name": "Two", "period": "0", "Sessions": 0},
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
    """Names of levels are known in words and as slugs."""
    assert rows_of(f"{header},Clicks\nx,3\n") == [{column: "x", "Clicks": 3}]


@pytest.mark.parametrize("header", ["date", "Date", "Day", "Week", "month"])
def test_times_are_dates(header: str) -> None:
    """All time groupings are dates, as in the JSON."""
    assert rows_of(f"{header},k\n2026-01-05,3\n") == [{"date": date(2026, 1, 5), "k": 3}]


@pytest.mark.parametrize("header", ["hour", "Hour", "date"])
def test_hours_are_moments(header: str) -> None:
    """A date with a time is a moment."""
    (row,) = rows_of(f"{header},k\n2026-01-05T17:00:00,3\n")
    assert row == {"date": datetime(2026, 1, 5, 17), "k": 3}  # noqa: DTZ001 - the CSV has no offset


@pytest.mark.parametrize("header", ["Click Conversion Rate", "abc123_revenue", "Event Value", "app_tokens", "x"])
def test_any_other_header_is_a_kpi(header: str) -> None:
    """What names no level is a KPI, called as it is."""
    assert rows_of(f"country,{header}\nde,0.5\n") == [{"country": "de", header: 0.5}]


# Round trips.

LEVELS_OF_CSV = sorted(LEVELS.keys() - {"platforms", "categories", "widgets", "zones"})
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=6)


@st.composite
def csv_apps(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the parameters and the app of an answer that CSV can express: all of its leaves below the same levels."""
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
    """Rows and columns survive the way through CSV, whatever characters names have, quoted or not, as text or bytes."""
    parameters, app = answer
    before = KpiReport(parameters, [app])
    # The csv module leaves a carriage return unquoted where lines don't end with one, which nobody could read back.
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
    """Reading a CSV gives the levels, elements and values of the JSON; names apart, which may stand inline too."""
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
    """Lines of several apps, also in turns, are gathered by app, and every figure stays with its app."""
    lines = [(app, f"2026-01-0{n + 1}", value) for app, values in figures.items() for n, value in enumerate(values)]
    lines.sort(key=lambda line: line[1])
    got = rows_of(written(["app_token", "date", "installs"], lines))
    expected = {(app, date.fromisoformat(day), value) for app, day, value in lines}
    assert {(row["app_token"], row["date"], row["installs"]) for row in got} == expected
    assert len(got) == len(lines)


def test_what_the_columns_say_goes_before_the_arguments() -> None:
    """`app_token` and its like fill in what the CSV leaves open, cell by cell."""
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
    """A first line without the name doesn't hide it."""
    rows = rows_of("tracker_token,tracker_name,country,k\nt,,de,1\nt,T,us,2\n")
    assert [row.get("tracker_name") for row in rows] == ["T", "T"]


# Cells.


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("5", 5),
        ("0", 0),
        ("-3", -3),
        (" 5 ", 5),
        ("0.0", 0.0),
        ("0.25", 0.25),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("5.0", 5.0),
        ("", None),
        ("  ", None),
        ('""', None),
        (str(2**53 + 1), 2**53 + 1),
    ],
)
def test_a_figure_is_a_number_or_nothing(cell: str, expected: float | None) -> None:
    """Integers stay integers, fractions floats, and a blank cell is no value, which is not 0."""
    (row,) = KpiReport.from_csv(f"country,k\nde,{cell}\n").rows()
    assert (type(row["k"]), row["k"]) == (type(expected), expected)


@pytest.mark.parametrize(
    "cell",
    [
        "x",
        "5%",
        "$5",
        '"1,234"',
        "1 000",
        "1_000",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "0x10",
        "٣",
        "1e999",
        "--1",
        "null",
    ],
)
def test_a_figure_that_is_no_number_is_refused(cell: str) -> None:
    """Nothing is guessed: the error has the column, the cell and the line."""
    error = decode_error_of(f"country,k\nde,1\nus,{cell}\n")
    assert error.location == "line 3"
    assert "expected a number under 'k'" in error.message


def test_a_figure_that_no_table_can_hold_is_refused() -> None:
    """Hundreds of digits are no figure."""
    assert decode_error_of(f"country,k\nde,{'9' * 100}\n").location == "line 2"


def test_quoted_cells_may_have_commas_quotes_and_line_breaks() -> None:
    """Line breaks within quotes belong to the cell, and the line numbers of errors count them."""
    text = 'tracker_token,tracker_name,k\na,"x, ""y""\nz",1\nb,ok,2\n'
    assert rows_of(text) == [
        {"tracker_token": "a", "tracker_name": 'x, "y"\nz', "k": 1},
        {"tracker_token": "b", "tracker_name": "ok", "k": 2},
    ]
    assert decode_error_of(text.replace("ok,2", "ok,x")).location == "line 4"


# Lines.


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("de", "it has 1 cells where the header has 3"),
        ("de,1", "it has 2 cells where the header has 3"),
        ("de,1,2,3", "it has 4 cells where the header has 3"),
        ("de,1,2,", "it has 4 cells where the header has 3"),
    ],
)
def test_a_short_or_long_line_is_refused(line: str, message: str) -> None:
    """Cells are never moved under another header: the error has both numbers and the line."""
    error = decode_error_of(f"country,installs,clicks\nus,1,2\n{line}\n")
    assert (error.message, error.location) == (message, "line 3")


@pytest.mark.parametrize("text", ["", "\ufeff", "\n", "\r\n\n"])
def test_nothing_at_all_is_refused_or_empty(text: str) -> None:
    """An empty file is no report with figures."""
    try:
        report = KpiReport.from_csv(text)
    except DecodeError:
        return
    assert list(report.rows()) == []


def test_a_header_alone_is_an_empty_report() -> None:
    """No lines are no rows, but the columns are known as those of a full CSV are."""
    empty = KpiReport.from_csv("tracker_token,tracker_name,date,installs,revenue\n")
    full = KpiReport.from_csv("tracker_token,tracker_name,date,installs,revenue\nt,T,2026-01-01,1,0.5\n")
    assert list(empty.rows()) == []
    assert empty.schema == full.schema


@pytest.mark.parametrize("level", ["tracker_token", "date", "country", "period"])
def test_a_column_of_blanks_is_a_column(level: str) -> None:
    """A level that no line has a value for is there all the same, as an empty column."""
    assert level in KpiReport.from_csv(f"{level},k\n,1\n").columns


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_every_end_of_line_will_do(end: str) -> None:
    """Unix, Windows and old Macintosh files are read, the last line's end may be missing; blank lines are nothing."""
    ends = end or "\n"
    assert rows_of(f"country,k{ends}de,1{ends}{ends}us,2{end}") == [
        {"country": "de", "k": 1},
        {"country": "us", "k": 2},
    ]


def test_a_blank_line_of_a_single_column_is_no_value() -> None:
    """With one column a blank cell is a blank line: it may not be left out where others have figures."""
    report = KpiReport.from_csv(written(["k"], [[None]]))
    assert [row["k"] for row in report.rows()] == [None]


@pytest.mark.parametrize(
    "header",
    [
        "k,k",
        "Sessions,Sessions",
        "k, k",
        "country,country",
        "Country,country",
        "tracker_token,Tracker Token",
        "day,week",
        "period,Days after Install",
        "currency,Currency",
    ],
)
def test_two_headers_of_one_meaning_are_refused(header: str) -> None:
    """One of two columns would be lost: the error names the header, in line 1."""
    error = decode_error_of(f"os_name,{header}\nios,1,2\n")
    assert error.location == "line 1"


@pytest.mark.parametrize("header", ["country,k,", "country,,k", "country,k,  "])
def test_a_header_without_name_is_refused_or_ignored(header: str) -> None:
    """A trailing comma is no KPI without name."""
    try:
        report = KpiReport.from_csv(f"{header}\n")
    except DecodeError:
        return
    assert "" not in report.columns


@pytest.mark.parametrize(
    "text",
    ["date,k\n2026-01-01,1\n2026-01-01,2\n", "k\n1\n2\n", "tracker_token,tracker_name,k\nt,A,1\nt,B,2\n"],
)
def test_two_lines_of_one_element_are_refused(text: str) -> None:
    """The second figure may not replace the first one without a word."""
    try:
        rows = rows_of(text)
    except DecodeError as error:
        location = error.location
    else:
        location = "line 3"
        assert [row["k"] for row in rows] == [1, 2]
    assert location == "line 3"


@pytest.mark.parametrize(
    "text", ["report.csv", "{}", '{"result_set": 1}', "<html>", "<html>\n", "404 Not Found", "a;b;c"]
)
def test_what_is_no_csv_of_the_service_is_refused(text: str) -> None:
    """A path given as text, JSON or a page of a proxy is no empty report."""
    assert decode_error_of(text).location


def test_a_level_that_nobody_documented_is_named_in_the_error() -> None:
    """Text under a header that names no known level is refused with that header."""
    error = decode_error_of("platform,k\nandroid,1\n")
    assert "'platform'" in error.message
    assert error.location == "line 2"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("tracker_token,tracker_name,k\nt,Böse,1\n".encode("latin-1"), id="latin-1"),
        pytest.param("country,k\nde,1\n".encode("utf-16"), id="utf-16"),
        pytest.param(b"tracker_token,tracker_name,k\nt,\xff\xfe,1\n", id="binary"),
    ],
)
def test_bytes_that_are_no_utf_8_are_refused(raw: bytes) -> None:
    """Names are not mangled without a word."""
    assert decode_error_of(raw).location


def test_a_cell_of_a_megabyte_is_refused_with_its_line() -> None:
    """The limit of the csv module ends in `DecodeError` too."""
    assert decode_error_of(f"tracker_token,tracker_name,k\nt,T,1\nu,{'x' * 10**6},1\n").location.startswith("line")


@given(
    st.binary(max_size=80)
    | st.text('abk,"\n\r 01.-;\x00', max_size=40)
    | st.lists(
        st.lists(
            st.sampled_from(["", "1", "x", "date", "tracker_token", "tracker_name", "k", "2026-01-01"]), max_size=4
        )
    ).map(lambda lines: "\n".join(map(",".join, lines)))
)
def test_any_bytes_give_rows_or_a_decode_error(source: bytes | str) -> None:
    """Whatever is read, it gives a report with rows and a schema, or `DecodeError`, and never anything else."""
    try:
        report = KpiReport.from_csv(source)
    except DecodeError:
        return
    for row in report.rows():
        assert tuple(row) == tuple(dict.fromkeys(report.columns))
    assert repr(report)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", ""]), st.sampled_from(["x", "y", ""]), INTEGERS), max_size=8))
def test_no_line_is_lost(lines: list[tuple[str, str, int]]) -> None:
    """There are as many rows as lines, blank cells or not, with their figures."""
    assume(len({line[:2] for line in lines}) == len(lines))
    rows = rows_of(written(["tracker_token", "country", "k"], lines))
    got = {(row.get("tracker_token", ""), row.get("country", ""), row["k"]) for row in rows}
    assert got == set(lines)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_is_read(tmp_path: Path, mark: bytes) -> None:
    """A path is read, with a byte order mark or without."""
    path = tmp_path / "answer.csv"
    path.write_bytes(mark + "App Token,Täglich\na,5\n".encode())
    report = KpiReport.from_csv(path)
    assert list(report.rows()) == [{"app_token": "a", "app_name": None, "currency": None, "Täglich": 5}]


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    """A file that isn't there is no matter of its content."""
    with pytest.raises(FileNotFoundError):
        KpiReport.from_csv(tmp_path / "none.csv")
