"""Cells and lines of the KPI Service's CSV: parsed by type, or refused with their place."""

import csv
from pathlib import Path

import pytest
from hypothesis import assume, given, strategies as st

from adjust_async.errors import DecodeError
from adjust_async.kpis.report import KpiReport
from tests.kpis.answers import INTEGERS
from tests.kpis.csv_files import rows_of, written


def decode_error_of(text: str | bytes) -> DecodeError:
    """Return the error of reading a CSV."""
    with pytest.raises(DecodeError) as caught:
        KpiReport.from_csv(text)
    return caught.value


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
    """Integers stay integers, fractions become floats, and a blank cell is a missing value, which is not 0."""
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
def test_a_figure_that_is_not_a_number_is_refused(cell: str) -> None:
    """Nothing is guessed: the error has the column, the cell and the line."""
    error = decode_error_of(f"country,k\nde,1\nus,{cell}\n")
    assert error.location == "line 3"
    assert "expected a number under 'k'" in error.message


def test_a_figure_that_no_table_can_hold_is_refused() -> None:
    """Hundreds of digits are not a figure."""
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
        ("de", "it has 1 cells, but the header has 3"),
        ("de,1", "it has 2 cells, but the header has 3"),
        ("de,1,2,3", "it has 4 cells, but the header has 3"),
        ("de,1,2,", "it has 4 cells, but the header has 3"),
    ],
)
def test_a_short_or_long_line_is_refused(line: str, message: str) -> None:
    """Cells are never moved below another header: the error has both numbers and the line."""
    error = decode_error_of(f"country,installs,clicks\nus,1,2\n{line}\n")
    assert (error.message, error.location) == (message, "line 3")


@pytest.mark.parametrize("text", ["", "\ufeff", "\n", "\r\n\n"])
def test_nothing_at_all_is_refused_or_empty(text: str) -> None:
    """An empty file is not a report with figures."""
    try:
        report = KpiReport.from_csv(text)
    except DecodeError:
        return
    assert list(report.rows()) == []


def test_only_a_header_is_an_empty_report() -> None:
    """A file with only a header has no rows, but has the columns of a full CSV."""
    empty = KpiReport.from_csv("tracker_token,tracker_name,date,installs,revenue\n")
    full = KpiReport.from_csv("tracker_token,tracker_name,date,installs,revenue\nt,T,2026-01-01,1,0.5\n")
    assert list(empty.rows()) == []
    assert empty.schema == full.schema


@pytest.mark.parametrize("level", ["tracker_token", "date", "country", "period"])
def test_a_column_of_blanks_is_a_column(level: str) -> None:
    """A level without any value is still an empty column."""
    assert level in KpiReport.from_csv(f"{level},k\n,1\n").columns


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_every_end_of_line_will_do(end: str) -> None:
    """Unix, Windows and old Macintosh files are read, the last line's end may be missing; blank lines are ignored."""
    ends = end or "\n"
    assert rows_of(f"country,k{ends}de,1{ends}{ends}us,2{end}") == [
        {"country": "de", "k": 1},
        {"country": "us", "k": 2},
    ]


def test_a_blank_line_of_a_single_column_has_no_value() -> None:
    """With one column a blank cell is a blank line: it may not be ignored if others have figures."""
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
    """One of two equal columns would be lost: the error names the header, in line 1."""
    error = decode_error_of(f"os_name,{header}\nios,1,2\n")
    assert error.location == "line 1"


@pytest.mark.parametrize("header", ["country,k,", "country,,k", "country,k,  "])
def test_a_header_without_name_is_refused_or_ignored(header: str) -> None:
    """A trailing comma is not a KPI without name."""
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
    """The second figure must not silently replace the first one."""
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
def test_anything_but_a_csv_of_the_service_is_refused(text: str) -> None:
    """A path that is passed as text, JSON or a proxy's page is not an empty report."""
    assert decode_error_of(text).location


def test_a_level_that_nobody_documented_is_named_in_the_error() -> None:
    """Text below a header that names no known level is refused with that header."""
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
def test_bytes_that_are_not_utf_8_are_refused(raw: bytes) -> None:
    """Names are not changed silently."""
    assert decode_error_of(raw).location


def test_a_cell_of_a_megabyte_is_read() -> None:
    """The maximum cell length of the csv module is the host's setting, and is not changed."""
    limit = csv.field_size_limit()
    report = KpiReport.from_csv(f"tracker_token,tracker_name,k\nt,T,1\nu,{'x' * 10**6},1\nv,V,2\n")
    assert [len(row["tracker_name"]) for row in report.rows()] == [1, 10**6, 1]
    assert csv.field_size_limit() == limit


@given(
    st.binary(max_size=80)
    | st.text('abk,"\n\r 01.-;\x00', max_size=40)
    | st.lists(
        st.lists(
            st.sampled_from(["", "1", "x", "date", "tracker_token", "tracker_name", "k", "2026-01-01"]), max_size=4
        )
    ).map(lambda lines: "\n".join(map(",".join, lines)))
)
def test_any_bytes_are_rows_or_a_decode_error(source: bytes | str) -> None:
    """Whatever is read, the result is a report with rows and a schema, or `DecodeError`, and never anything else."""
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
    """A missing file is not an error of its content."""
    with pytest.raises(FileNotFoundError):
        KpiReport.from_csv(tmp_path / "none.csv")
