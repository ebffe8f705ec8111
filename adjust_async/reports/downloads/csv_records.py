"""CSV as it arrives: cut into whole records, of which none is kept."""

import codecs
import csv
from collections.abc import Callable, Iterable, Sequence
from io import StringIO
from typing import Any

from adjust_async.reports.cells import reader
from adjust_async.reports.parameters import column_name

__all__ = ["CsvError", "CsvRecords", "CsvRows", "CsvTable"]

#: No record is as long as this; quotes that never end would otherwise gather the whole report in memory.
LONGEST_RECORD = 8 * 1024 * 1024


class CsvError(Exception):
    """A text that is no CSV report; `transient` says whether it may have broken off, or been something else."""

    def __init__(self, problem: str, line: int, *, transient: bool = True) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.transient = transient


class CsvRecords:
    """Turns pieces of a body into records; a piece may end anywhere, in the middle of a character too."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""
        self._line = 1

    def feed(self, piece: bytes, *, last: bool = False) -> list[list[str]]:
        """Take a piece, and give the records that are whole by now; blank lines are none.

        Raises:
            CsvError: It is not in UTF-8, a record never ends, or the last one breaks off within quotes.
        """
        try:
            text = self._rest + self._decoder.decode(piece, last)
        except UnicodeDecodeError as error:
            raise CsvError(f"it is not encoded in UTF-8: {error.reason}", self._line) from None
        end = len(text) if last else text.rfind("\n") + 1
        lines = list(StringIO(text[:end], newline=""))
        records, whole = self._read(lines, last=last)
        self._line += whole
        self._rest = "".join(lines[whole:]) + text[end:]
        if len(self._rest) > LONGEST_RECORD:
            raise CsvError(f"a record is longer than {LONGEST_RECORD} characters", self._line)
        return records

    def _read(self, lines: list[str], *, last: bool) -> tuple[list[list[str]], int]:
        """Read the records that end within the lines, and say how many lines they have."""
        reader = csv.reader(lines, strict=True)
        records, whole = [], 0
        try:
            for record in reader:
                if record:
                    records.append(record)
                whole = reader.line_num
        except csv.Error as error:
            # Quotes that are open at the end may be closed by what comes.
            if last or "end of data" not in str(error):
                raise CsvError(f"it is no CSV: {error}", self._line + whole) from None
        return records, whole


class CsvTable:
    """Sees that records make a table: a header with something that was asked for, and as many cells in every row.

    Args:
        asked: The columns that were asked for; none where the header has other names for them.
        unique: Whether each column must have a name of its own.
    """

    def __init__(self, asked: Iterable[str], *, unique: bool = True) -> None:
        self.columns: tuple[str, ...] = ()
        self.rows = 0
        self._unique = unique
        self._asked = {column_name(name).lower() for name in asked}

    def take(self, records: Sequence[list[str]], *, last: bool = False) -> Sequence[list[str]]:
        """Take records, of which the first of all is the header, and `last` the end of the body; give those of rows.

        Raises:
            CsvError: They make no table.
        """
        if not self.columns and records:
            self._take_header(records[0])
            records = records[1:]
        width = len(self.columns)
        for place, record in enumerate(records, 1):
            self.rows += 1
            if len(record) != width:
                problem = f"row {self.rows} has {len(record)} cells below {width} columns"
                # A row that others follow did not break off.
                raise CsvError(problem, self.rows + 1, transient=last and place == len(records))
        return records

    def missing(self) -> list[str]:
        """Give the columns that were asked for and did not come."""
        return sorted(self._asked.difference(column.lower() for column in self.columns))

    def _take_header(self, header: list[str]) -> None:
        if self._unique and len(set(header)) < len(header):
            raise CsvError(f"a column is there twice: {', '.join(header)}", 1, transient=False)
        if self._asked and self._asked.isdisjoint(column.lower() for column in header):
            raise CsvError(f"it is no report: it begins with {', '.join(header)[:60]!r}", 1)
        self.columns = tuple(header)


class CsvRows:
    """Gives the records of a table as rows with typed cells."""

    def __init__(self, table: CsvTable, metrics: Sequence[str], *, readable_names: bool, exact: bool) -> None:
        self._table = table
        self._metrics = {column_name(metric).lower() for metric in metrics}
        self._readable_names = readable_names
        self._exact = exact
        self._readers: list[tuple[str, Callable[[Any], Any]]] = []

    def read(self, records: Sequence[list[str]], *, last: bool = False) -> list[dict[str, Any]]:
        """Read records, of which the first of all is the header, and `last` the end of the body.

        Raises:
            CsvError: They make no table.
        """
        records = self._table.take(records, last=last)
        if not self._readers:
            self._readers = [(name, self._reader(name)) for name in self._table.columns]
        readers = self._readers
        return [{name: read(cell) for (name, read), cell in zip(readers, record, strict=True)} for record in records]

    def _reader(self, name: str) -> Callable[[Any], Any]:
        # Readable names tell nothing of what a column is, so that its cells stay as they are.
        if self._readable_names:
            return str
        return reader(name, metric=name.lower() in self._metrics, exact=self._exact)
