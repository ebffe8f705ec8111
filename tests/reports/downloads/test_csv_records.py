"""CSV as it arrives: the same records however it is cut, or an error that says where."""

import csv
import io
import tracemalloc
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from adjust_async.errors import MalformedError
from adjust_async.reports.downloads.csv_records import LONGEST_RECORD, CsvRecords, CsvRows, CsvTable

BOM = b"\xef\xbb\xbf"

CELLS = st.text("ab1,\"\n\ré€😀 '\t\x00;", max_size=6)
TABLES = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=5)
)
CUTS = st.lists(st.integers(0, 200), max_size=8)


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut a body into pieces at places, which may lie outside of it, or together."""
    ends = sorted({0, len(body), *(min(place, len(body)) for place in places)})
    return [body[start:end] for start, end in pairwise(ends)]


def records_of(*pieces: bytes) -> list[list[str]]:
    """Read records from pieces."""
    reading = CsvRecords()
    found = [record for piece in pieces for record in reading.feed(piece)]
    return found + reading.feed(b"", last=True)


def reference(text: str) -> list[list[str]]:
    """Read a whole text with Python's own reader, without blank lines."""
    return [record for record in csv.reader(io.StringIO(text, newline=""), strict=True) if record]


def written(rows: Iterable[Sequence[str]], ending: str = "\n", *, quoted: bool = True) -> str:
    """Write a CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=ending, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows(rows)
    return text.getvalue()


def error_of(*pieces: bytes) -> MalformedError:
    """Return the error from reading pieces."""
    with pytest.raises(MalformedError) as caught:
        records_of(*pieces)
    return caught.value


# Records.


@given(TABLES, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans(), CUTS)
@example([["a\r\nb", 'c"d'], ["", "é"]], "\r\n", True, True, range(200))
def test_pieces_may_end_anywhere(
    table: list[list[str]], ending: str, marked: bool, ended: bool, places: Iterable[int]
) -> None:
    """Any division of the bytes leads to the same records, even within quotes, line ends and characters."""
    text = written(table, ending)
    text = text if ended else text.removesuffix(ending)
    body = BOM * marked + text.encode()
    assert records_of(*cut(body, places)) == reference(text) == table


@given(st.lists(st.lists(st.text("ab1, \té", max_size=4), min_size=2, max_size=2), min_size=1, max_size=5), CUTS)
def test_cells_without_quotes_are_read(table: list[list[str]], places: list[int]) -> None:
    """Only cells that need quotes have them, as most services write it."""
    body = written(table, "\r\n", quoted=False).encode()
    assert records_of(*cut(body, places)) == table


@given(st.text('a,"\n\r', max_size=12) | st.text(max_size=12), CUTS)
def test_any_text_is_read_like_a_complete_one_or_refused(text: str, places: list[int]) -> None:
    """A text that is not CSV is `MalformedError`, never another error, and never other records."""
    try:
        found = records_of(*cut(text.encode(), places))
    except MalformedError as error:
        line = int(error.location.removeprefix("line "))
    else:
        assert found == reference(text)
        return
    assert line >= 1


@given(st.binary(max_size=30), CUTS)
def test_any_bytes_are_records_or_refused(body: bytes, places: list[int]) -> None:
    """Bytes that are not text are refused."""
    try:
        found = records_of(*cut(body, places))
    except MalformedError:
        pass
    else:
        assert found == reference(body.decode("utf-8-sig"))


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (b"", []),
        (BOM, []),
        (b"\n\n\r\n", []),
        (b"a,b", [["a", "b"]]),
        (b"a,b\n", [["a", "b"]]),
        (b"a,b\n\n1,2\n\r\n\n", [["a", "b"], ["1", "2"]]),
        (b"\n\na,b\n1,2", [["a", "b"], ["1", "2"]]),
        (b"a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
        (b"a,b\r1,2\r", [["a", "b"], ["1", "2"]]),
        (b'a\n"x""y\nz"\n""\n', [["a"], ['x"y\nz'], [""]]),
        (b"a,b\n,\n", [["a", "b"], ["", ""]]),
        (b"a,b\n1\n1,2,3\n", [["a", "b"], ["1"], ["1", "2", "3"]]),
        (BOM + b'"a,b",c\n', [["a,b", "c"]]),
        (b"a\n" + BOM + b"x\n", [["a"], ["\ufeffx"]]),
        (b"a\n \n", [["a"], [" "]]),
    ],
)
def test_some_bodies_by_hand(body: bytes, records: list[list[str]]) -> None:
    """A mark at the beginning, blank lines, and either line end leave no trace."""
    assert records_of(body) == records_of(*(body[n : n + 1] for n in range(len(body)))) == records


@given(
    st.lists(st.lists(st.text('ab",\n\r é', max_size=12), min_size=1, max_size=4), min_size=1, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(0, 12),
    st.booleans(),
    st.lists(st.integers(0, 200), max_size=4),
)
def test_cells_are_longer_than_the_host_allows(
    table: list[list[str]], ending: str, limit: int, quoted: bool, places: list[int]
) -> None:
    """Whatever `csv.field_size_limit` the host has set, the records are the same, and the limit stays."""
    text = written(table, ending, quoted=quoted)
    expected = reference(text)
    body = text.encode()
    before = csv.field_size_limit(limit)
    try:
        assert records_of(*cut(body, places)) == expected
        assert csv.field_size_limit() == limit
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize("cell", ["x" * 7_000_000, 'a "quoted" word, ' * 200_000, "line\r\nafter line\n" * 300_000])
def test_a_cell_may_be_as_long_as_a_record(cell: str) -> None:
    """Megabytes in one cell pass through in pieces, next to other cells."""
    body = written([["a", "b"], ["1", cell], ["2", "x"]]).encode()
    pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
    assert records_of(*pieces) == [["a", "b"], ["1", cell], ["2", "x"]]


@pytest.mark.parametrize("text", ['a\n"%s"x\n', 'a\n"%s" \n1\n', 'a\n1,"%s""x'])
def test_a_long_cell_has_the_rules_of_others(text: str) -> None:
    """A long cell is refused for the same reason as a short one."""
    long, short = (error_of((text % cell).encode()).problem for cell in ("x" * 200_000, "x"))
    assert long == short


def test_records_are_yielded_as_soon_as_they_are_complete() -> None:
    """A record is yielded with the piece that ends it, and not before its line has ended."""
    reading = CsvRecords()
    assert reading.feed(b"a,") == []
    assert reading.feed(b"b\n1") == [["a", "b"]]
    assert reading.feed(b',"x\n') == []
    assert reading.feed(b'y"') == []
    assert reading.feed(b"\n3,4\n5,6\n7") == [["1", "x\ny"], ["3", "4"], ["5", "6"]]
    assert reading.feed(b",8", last=True) == [["7", "8"]]


@pytest.mark.parametrize(
    ("pieces", "problem", "line"),
    [
        ((b"a\n\xff\n",), "not encoded in UTF-8", 1),
        ((b"a\n", b"1\n", b"\xc3"), "not encoded in UTF-8", 3),
        ((b"a\n", b"\xe2\x82\n"), "not encoded in UTF-8", 2),
        ((b'a\n"x',), "it is not CSV", 2),
        ((b'a\n1\n"x\n2\n3',), "it is not CSV", 3),
        ((b'a\n"x"y\n',), "it is not CSV", 2),
        (("a\n1\n".encode("utf-16"),), "not encoded in UTF-8", 1),
    ],
)
def test_invalid_csv_is_located(pieces: tuple[bytes, ...], problem: str, line: int) -> None:
    """An error tells in or after which line it is."""
    error = error_of(*pieces)
    assert problem in error.problem
    assert error.location == f"line {line}"


def test_a_record_without_end_is_bounded() -> None:
    """Quotes that never end are refused before they collect the whole report in memory."""
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError, match="a record is longer than"):
            records_of(b'a\n"', *([b"x" * 2**20] * 40))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * LONGEST_RECORD


def test_yielded_records_are_not_kept() -> None:
    """However many records arrive, none is kept."""
    reading = CsvRecords()
    piece = b'2026-01-01,"a ""b"" c",64\n' * 1000
    tracemalloc.start()
    try:
        given = sum(len(reading.feed(piece)) for _ in range(20))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert given == 20_000
    assert kept < 100_000


@pytest.mark.parametrize("body", ['h\n5" x\ny\n6" z\n', 'h\na"b\n"c\nd"\n', "\n\nh\n1\n\n", "h\n1\n\n"])
def test_a_quote_opens_only_at_the_start_of_a_cell(body: str) -> None:
    """Inch marks in a cell without quotes do not count as quotes, and blank lines do not count as records."""
    for pieces in ([body.encode()], [bytes([byte]) for byte in body.encode()]):
        assert records_of(*pieces) == reference(body)


# Rows.


def rows_of(*records: list[str], metrics: Sequence[str] = ("installs",), **options: Any) -> list[dict[str, Any]]:
    """Read records as rows."""
    return CsvRows(CsvTable(()), metrics, **{"readable_names": False, "exact": False, **options}).read(records)


def test_cells_have_the_types_of_a_report() -> None:
    """Metrics are numbers by their text, days are dates, ids and all else are text, and an empty metric is nothing."""
    header = ["day", "partner_id", "Retention_Rate_d7", "installs", "unasked"]
    metrics = ["installs", "retention_rate_D7"]
    assert rows_of(header, ["2026-01-05", "-300", "0.0", "64", "5"], ["", "", "", "", ""], metrics=metrics) == [
        {"day": date(2026, 1, 5), "partner_id": "-300", "Retention_Rate_d7": 0.0, "installs": 64, "unasked": "5"},
        {"day": None, "partner_id": "", "Retention_Rate_d7": None, "installs": None, "unasked": ""},
    ]
    (row,) = rows_of(header, ["x", "0012", "0.10", "unknown", "5"], metrics=metrics, exact=True)
    assert row == {"day": "x", "partner_id": "0012", "Retention_Rate_d7": Decimal("0.10"), "installs": "unknown",
                   "unasked": "5"}  # fmt: skip
    assert str(row["Retention_Rate_d7"]) == "0.10"


def test_readable_names_leave_cells_as_they_are() -> None:
    """A localised header tells nothing of a column."""
    records = [["Tag", "installs"], ["2026-01-05", "64"], ["", ""]]
    assert rows_of(*records, readable_names=True) == [
        {"Tag": "2026-01-05", "installs": "64"},
        {"Tag": "", "installs": ""},
    ]


def test_the_header_may_arrive_by_itself() -> None:
    """Records arrive in any portions, even empty ones."""
    table = CsvTable(["day", "installs"])
    rows = CsvRows(table, ["installs"], readable_names=False, exact=False)
    assert (rows.read([]), table.columns) == ([], ())
    assert (rows.read([["day", "installs"]]), table.columns) == ([], ("day", "installs"))
    assert rows.read([]) == []
    assert rows.read([["2026-01-05", "1"]]) == [{"day": date(2026, 1, 5), "installs": 1}]


@pytest.mark.parametrize(
    ("record", "cells"), [(["2026-01-05"], 1), (["2026-01-05", "1", "2"], 3), (["2026-01-05", "1", ""], 3), ([" "], 1)]
)
def test_a_ragged_row_says_which(record: list[str], cells: int) -> None:
    """A row of more or fewer cells is refused, rather than its figures put under other names."""
    table = CsvTable(["day", "installs"])
    rows = CsvRows(table, ["installs"], readable_names=False, exact=False)
    rows.read([["day", "installs"], ["2026-01-04", "1"]])
    with pytest.raises(MalformedError) as caught:
        rows.read([["2026-01-05", "1"], record])
    assert caught.value.problem == f"row 3 has {cells} cells below 2 columns"
    assert caught.value.location == "line 4"


@pytest.mark.parametrize("readable_names", [True, False])
def test_a_name_twice_is_refused(readable_names: bool) -> None:
    """One of two columns of the same name would hide the other."""
    with pytest.raises(MalformedError, match="a column appears twice: day, installs, day") as caught:
        rows_of(["day", "installs", "day"], readable_names=readable_names)
    assert caught.value.location == "line 1"
