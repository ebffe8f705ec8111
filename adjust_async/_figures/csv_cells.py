"""Records of CSV with cells of any length.

The maximum length of a cell in `csv` is a setting of the whole process, which belongs to the host application. Records
with longer cells are parsed here.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice

__all__ = ["csv_records", "is_open"]

_OPEN = "unexpected end of data"

_PLAIN_CELL = re.compile(r"[^,\r\n]*")


def is_open(error: csv.Error) -> bool:
    """Return whether the lines end within quotes."""
    return _OPEN in str(error)


def csv_records(lines: Sequence[str], *, strict: bool = True) -> Iterator[tuple[list[str], int]]:
    """Yield each record with the number of lines up to its end. The record of a blank line is empty.

    Args:
        lines: The lines, each with its end.
        strict: Whether to refuse what `csv` refuses with `strict=True`.

    Raises:
        csv.Error: The lines are not CSV.
    """
    done = 0
    while True:
        reader, before = csv.reader(islice(lines, done, None), strict=strict), done
        try:
            for record in reader:
                done = before + reader.line_num
                yield record, done
        except csv.Error as error:
            if "field limit" not in str(error):
                raise
        else:
            return
        record, done = _long_record(lines, done)
        yield record, done


def _long_record(lines: Sequence[str], number: int) -> tuple[list[str], int]:
    """Return the record that begins with a line, and the number of lines up to its end."""
    cells, place, line = [], 0, lines[number]
    while True:
        if line.startswith('"', place):
            cell, number, place = _quoted_cell(lines, number, place + 1)
            line = lines[number]
            if line[place : place + 1] not in {",", "\r", "\n", ""}:
                raise csv.Error("',' expected after '\"'")
        else:
            plain = _PLAIN_CELL.match(line, place)
            cell = plain[0] if plain else ""
            place += len(cell)
        cells.append(cell)
        if not line.startswith(",", place):
            return cells, number + 1
        place += 1


def _quoted_cell(lines: Sequence[str], number: int, place: int) -> tuple[str, int, int]:
    """Return the cell whose text begins at a position in a line, and the line and position after its closing quote."""
    parts = []
    while True:
        line = lines[number]
        quote = line.find('"', place)
        if quote < 0:
            parts.append(line[place:])
            number, place = number + 1, 0
            if number == len(lines):
                raise csv.Error(_OPEN)
        elif line.startswith('"', quote + 1):
            parts.append(line[place : quote + 1])
            place = quote + 2
        else:
            parts.append(line[place:quote])
            return "".join(parts), number, quote + 1
