"""CSV as it arrives: cut into whole records, of which none is kept."""

import codecs
import csv
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

from adjust_async._cells import reader
from adjust_async._report_parameters import column_name

__all__ = ["CsvError", "CsvRecords", "CsvRows"]

#: No record is as long as this; quotes that never end would otherwise gather the whole report in memory.
LONGEST_RECORD = 8 * 1024 * 1024


class CsvError(Exception):
    """A text that is no CSV report."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


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


class CsvRows:
    """Gives the records below a header as rows with typed cells."""

    def __init__(self, metrics: Sequence[str], *, readable_names: bool, exact: bool) -> None:
        self.columns: tuple[str, ...] = ()
        self._metrics = {column_name(metric).lower() for metric in metrics}
        self._readable_names = readable_names
        self._exact = exact
        self._readers: list[tuple[str, Callable[[Any], Any]]] = []
        self._number = 0

    def read(self, records: Sequence[list[str]]) -> list[dict[str, Any]]:
        """Read records, of which the first of all is the header.

        Raises:
            CsvError: A row has more or fewer cells than the header, or the header has a name twice.
        """
        if not self.columns and records:
            self._take_header(records[0])
            records = records[1:]
        width = len(self._readers)
        rows = []
        for record in records:
            self._number += 1
            if len(record) != width:
                raise CsvError(f"row {self._number} has {len(record)} cells below {width} columns", self._number + 1)
            rows.append({name: read(cell) for (name, read), cell in zip(self._readers, record, strict=True)})
        return rows

    def _take_header(self, header: list[str]) -> None:
        self.columns = tuple(header)
        if len(set(header)) < len(header):
            raise CsvError(f"a column is there twice: {', '.join(header)}", 1)
        # Readable names tell nothing of what a column is, so that its cells stay as they are.
        self._readers = [
            (name, str)
            if self._readable_names
            else (name, reader(name, metric=name.lower() in self._metrics, exact=self._exact))
            for name in header
        ]
