"""Read CSV incrementally: pieces of a body become records, and records become rows. Nothing is kept."""

import codecs
import csv
from collections.abc import Callable, Iterable, Sequence
from io import StringIO
from typing import Any

from adjust_async._figures.csv_cells import csv_records, is_open
from adjust_async.errors import MalformedError
from adjust_async.reports.cells import reader
from adjust_async.reports.parameters import column_name

__all__ = ["CsvRecords", "CsvRows", "CsvTable"]

#: The maximum number of characters in a record. Without it, an unclosed quote would collect the whole report.
LONGEST_RECORD = 8 * 1024 * 1024


def _error(problem: str, line: int, *, transient: bool = False) -> MalformedError:
    return MalformedError(problem, f"line {line}", transient=transient)


class CsvRecords:
    """Turns pieces of a body into records. A piece may end anywhere, even within a character.

    Attributes:
        has_lines: Whether a line has ended so far.
        has_open_line: Whether the last line has not ended.
    """

    def __init__(self) -> None:
        self.has_lines = False
        self.has_open_line = False
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""
        self._within_quotes = False
        self._line = 1

    def feed(self, piece: bytes, *, last: bool = False) -> list[list[str]]:
        """Add a piece, and return the records that are now complete. Blank lines are skipped.

        Raises:
            MalformedError: It is not UTF-8, a record is too long, or the last one ends within quotes.
        """
        try:
            text = self._decoder.decode(piece, last)
        except UnicodeDecodeError as error:
            # A body may be cut within a character.
            broke_off = last and error.reason == "unexpected end of data"
            raise _error(f"it is not encoded in UTF-8: {error.reason}", self._line, transient=broke_off) from None
        if text:
            self.has_open_line = not text.endswith(("\n", "\r"))
            self.has_lines = self.has_lines or "\n" in text or "\r" in text
        text = self._rest + text
        if self._within_quotes and not last and b'"' not in piece:
            self._rest = text
            return self._bounded([])
        end = len(text) if last else text.rfind("\n") + 1
        lines = list(StringIO(text[:end], newline=""))
        records, whole = self._read(lines, last=last)
        self._line += whole
        self._rest = "".join(lines[whole:]) + text[end:]
        self._within_quotes = self._within_quotes and '"' not in text[end:]
        return self._bounded(records)

    def _bounded(self, records: list[list[str]]) -> list[list[str]]:
        if len(self._rest) > LONGEST_RECORD:
            raise _error(f"a record is longer than {LONGEST_RECORD} characters", self._line)
        return records

    def _read(self, lines: list[str], *, last: bool) -> tuple[list[list[str]], int]:
        """Return the records that end within the lines, and the number of lines that they take up."""
        records, whole = [], 0
        self._within_quotes = False
        try:
            for record, number in csv_records(lines):
                if record:
                    records.append(record)
                whole = number
        except csv.Error as error:
            # Open quotes may be closed in the next piece, unless this is the last one.
            self._within_quotes = is_open(error)
            if last or not self._within_quotes:
                raise _error(f"it is not CSV: {error}", self._line + whole, transient=self._within_quotes) from None
        return records, whole


class CsvTable:
    """Checks that records form a table: a header with requested columns, and rows as wide as the header.

    Args:
        asked: The requested columns.
        readable_names: Whether the header has other names for them, so that only their number can be checked.
        more: Whether the service may add columns.
        unique: Whether column names must be unique.
        look_at: Called with the columns, and with the records without the header.
    """

    def __init__(
        self,
        asked: Iterable[str],
        *,
        readable_names: bool = False,
        more: bool = True,
        unique: bool = True,
        look_at: Callable[[tuple[str, ...], Sequence[list[str]]], None] | None = None,
    ) -> None:
        self.columns: tuple[str, ...] = ()
        self.rows = 0
        self._unique = unique
        self._look_at = look_at
        self._asked = {column_name(name).lower() for name in asked}
        self._readable_names = readable_names
        self._more = more

    def take(self, records: Sequence[list[str]], *, last: bool = False) -> Sequence[list[str]]:
        """Add records, and return those that are rows. The very first is the header; `last` marks the end of the body.

        Raises:
            MalformedError: They do not form a table.
        """
        if not self.columns and records:
            self._take_header(records[0], may_break_off=last and len(records) == 1)
            records = records[1:]
        width = len(self.columns)
        for place, record in enumerate(records, 1):
            self.rows += 1
            if len(record) != width:
                problem = f"row {self.rows} has {len(record)} cells below {width} columns"
                # A row that is followed by others was not cut off.
                raise _error(problem, self.rows + 1, transient=last and place == len(records))
        if self._look_at is not None:
            self._look_at(self.columns, records)
        return records

    def _take_header(self, header: list[str], *, may_break_off: bool) -> None:
        if self._unique and len(set(header)) < len(header):
            raise _error(f"a column appears twice: {', '.join(header)}", 1)
        begin = ", ".join(header)[:60]
        if self._readable_names:
            fits = len(header) >= len(self._asked) if self._more else len(header) == len(self._asked)
            if self._asked and not fits:
                problem = f"it is not a report of {len(self._asked)} columns"
                raise _error(f"{problem}: it has {len(header)}, and begins with {begin!r}", 1)
        elif self._asked and self._asked.isdisjoint(column.lower() for column in header):
            broke_off = may_break_off and any(name.startswith(header[-1].lower()) for name in self._asked)
            raise _error(f"it is not a report: it begins with {begin!r}", 1, transient=broke_off)
        self.columns = tuple(header)


class CsvRows:
    """Turns the records of a table into rows with typed cells."""

    def __init__(self, table: CsvTable, metrics: Sequence[str], *, readable_names: bool, exact: bool) -> None:
        self._table = table
        self._metrics = {column_name(metric).lower() for metric in metrics}
        self._readable_names = readable_names
        self._exact = exact
        self._readers: list[tuple[str, Callable[[Any], Any]]] = []

    def read(self, records: Sequence[list[str]], *, last: bool = False) -> list[dict[str, Any]]:
        """Return the rows of some records. The very first one is the header; `last` marks the end of the body.

        Raises:
            MalformedError: They do not form a table.
        """
        records = self._table.take(records, last=last)
        if not self._readers:
            self._readers = [(name, self._reader(name)) for name in self._table.columns]
        readers = self._readers
        return [{name: read(cell) for (name, read), cell in zip(readers, record, strict=True)} for record in records]

    def _reader(self, name: str) -> Callable[[Any], Any]:
        # A readable name does not reveal the type of a column, so its cells stay text.
        if self._readable_names:
            return str
        return reader(name, metric=name.lower() in self._metrics, exact=self._exact)
