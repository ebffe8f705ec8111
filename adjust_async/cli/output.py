"""Output of rows as a table, JSON, JSON Lines, CSV or Parquet, to stdout or to a file."""

import csv
import io
import json
import math
import sys
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import attrs
import typer
from rich.console import RenderableType

from adjust_async import Table
from adjust_async.cli.errors import UsageError
from adjust_async.cli.terminal import draw, format_cell, table as drawn_table
from adjust_async.cli.whole_file import check_place, whole_file

__all__ = ["Format", "FormatOption", "Output", "OutputOption", "Sheet", "record", "sheet_of", "sheet_of_records"]


class Format(StrEnum):
    """An output format."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format",
        "-f",
        show_default=False,
        metavar="FORMAT",
        help="table, json, jsonl, csv or parquet.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", show_default=False, help="Write to a file, atomically."),
]

_BY_SUFFIX = {f".{name}": name for name in Format} | {".ndjson": Format.JSONL, ".txt": Format.TABLE}


@attrs.frozen
class Sheet:
    """Rows under named columns.

    Attributes:
        columns: The names of all columns.
        rows: The rows as dictionaries; a stream can be read only once.
        shown: The columns of a table in the terminal, the most important ones first; by default all.
        to_arrow: Returns an Arrow table whose columns have their types even if there are no rows.
    """

    columns: Sequence[str]
    rows: Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]]
    shown: Sequence[str] | None = None
    to_arrow: Callable[[list[Mapping[str, Any]]], Any] | None = None


class Output:
    """The destination of a command's rows.

    Args:
        format: The format; by default that of the file's suffix, otherwise a table.
        path: The file; `None` or `-` for stdout.

    Raises:
        UsageError: The file can't be written, or the format is Parquet without a file.
    """

    def __init__(self, format: Format | None, path: Path | None) -> None:
        self.path = None if path is None or str(path) == "-" else check_place(path, "--output")
        self.format = format or _BY_SUFFIX.get(path.suffix.lower() if path else "", Format.TABLE)
        if self.path is None and sys.stdout is None:
            raise UsageError("stdout is closed: pass --output FILE")
        if self.format is Format.PARQUET and self.path is None:
            raise UsageError("--format parquet needs --output FILE: it is binary")
        if self.format is Format.PARQUET:
            _import_pyarrow()

    @property
    def streams(self) -> bool:
        """Whether rows are written one by one as they arrive."""
        return self.format in {Format.JSONL, Format.CSV}

    @property
    def streams_to_terminal(self) -> bool:
        """Whether rows appear in the terminal as they arrive, which a progress bar would disturb."""
        return self.path is None and self.streams and sys.stdout.isatty()

    def write(self, sheet: Sheet) -> None:
        """Write rows that are complete."""
        with self._file() as file:
            self._write(file, sheet, sheet.rows)  # type: ignore[arg-type] # not a stream here

    async def write_stream(self, sheet: Sheet) -> None:
        """Write rows as they arrive."""
        with self._file() as file:
            if self.streams:
                writer = _writer(self.format, file, sheet)
                async for row in sheet.rows:  # type: ignore[union-attr] # a stream here
                    writer(row)
                return
            rows = [row async for row in sheet.rows]  # type: ignore[union-attr]
            self._write(file, sheet, rows)

    def draw(self, *drawings: RenderableType) -> None:
        """Write drawings instead of a table."""
        with self._file() as file:
            file.write(draw(*drawings, to_file=self.path is not None))

    def write_record(self, instance: Any, *, shown: Sequence[str]) -> None:
        """Write one record of the SDK: an object in JSON, one line for each field in a table."""
        values = record(instance)
        if self.format is Format.JSON:
            with self._file() as file:
                file.write(f"{_json(values, indent=2)}\n".encode())
        elif self.format is Format.TABLE:
            width = max(map(len, shown))
            self.draw(*(f"{name:{width}}  {format_cell(name, values[name])}" for name in shown))
        else:
            self.write(sheet_of_records(type(instance), [instance], shown=shown))

    def _write(self, file: BinaryIO, sheet: Sheet, rows: Iterable[Mapping[str, Any]]) -> None:
        if self.format is Format.TABLE:
            to_file = self.path is not None
            shown = sheet.shown or sheet.columns
            file.write(draw(*drawn_table(list(rows), shown, to_file=to_file), to_file=to_file))
        elif self.format is Format.PARQUET:
            _write_parquet(file, sheet, list(rows))
        elif self.format is Format.JSON:
            separator = "[\n"
            for row in rows:
                file.write(f"{separator}{_json(row)}".encode())
                separator = ",\n"
            file.write(b"[]\n" if separator == "[\n" else b"\n]\n")
        else:
            writer = _writer(self.format, file, sheet)
            for row in rows:
                writer(row)

    @contextmanager
    def _file(self) -> Iterator[BinaryIO]:
        if self.path is None:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        else:
            with whole_file(self.path) as file:
                yield file


def sheet_of(table: Table, *, shown: Sequence[str]) -> Sheet:
    """Return a sheet of a table of the SDK."""
    return Sheet(table.columns, table.rows(), shown=shown, to_arrow=lambda _: table.to_arrow())


def record(instance: Any) -> dict[str, Any]:
    """Return a record of the SDK as a dictionary."""
    return attrs.asdict(instance)


def sheet_of_records(cls: type, records: Iterable[Any] | AsyncIterable[Any], *, shown: Sequence[str]) -> Sheet:
    """Return a sheet of records of the SDK, such as trackers; a stream of records becomes a stream of rows."""
    fields = attrs.fields_dict(attrs.resolve_types(cls))
    rows = _arriving_records(records) if isinstance(records, AsyncIterable) else map(record, records)

    def to_arrow(rows: list[Mapping[str, Any]]) -> Any:
        pyarrow = _import_pyarrow()
        arrays = []
        for name, field in fields.items():
            kind = str(field.type)
            cells = [row[name] for row in rows]
            if "bool" in kind:
                arrays.append(pyarrow.array(cells, pyarrow.bool_()))
            elif "int" in kind and "dict" not in kind:
                arrays.append(pyarrow.array(cells, pyarrow.int64()))
            else:
                arrays.append(pyarrow.array([_cell(cell) for cell in cells], pyarrow.string()))
        return pyarrow.table(arrays, names=list(fields))

    return Sheet(list(fields), rows, shown=shown, to_arrow=to_arrow)


async def _arriving_records(records: AsyncIterable[Any]) -> AsyncIterable[Mapping[str, Any]]:
    async for item in records:
        yield record(item)


def _writer(format: Format, file: BinaryIO, sheet: Sheet) -> Callable[[Mapping[str, Any]], None]:
    """Return a function that writes one row. A CSV header is written at once, even if no row follows."""
    if format is Format.JSONL:
        return lambda row: _write_line(file, f"{_json(row)}\n")
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")

    def write(cells: Iterable[Any]) -> None:
        lines.writerow(cells)
        _write_line(file, text.getvalue())
        text.seek(0)
        text.truncate()

    write(sheet.columns)
    return lambda row: write(_cell(row.get(name)) for name in sheet.columns)


def _write_line(file: BinaryIO, line: str) -> None:
    file.write(line.encode("utf-8", "replace"))
    if file is sys.stdout.buffer and sys.stdout.isatty():
        file.flush()


def _json(value: Any, *, indent: int | None = None) -> str:
    return json.dumps(_finite(value), ensure_ascii=False, default=_plain, indent=indent)


def _finite(value: Any) -> Any:
    """Return a value without NaN and infinity, which JSON does not have."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _cell(value: Any) -> str | None:
    """Return a value as the text of a cell; `None` for an empty cell."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Mapping, list, tuple)):
        return _json(value) if value else ""
    return value.isoformat() if isinstance(value, date) else str(value)


def _write_parquet(file: BinaryIO, sheet: Sheet, rows: list[Mapping[str, Any]]) -> None:
    pyarrow = _import_pyarrow()
    from pyarrow import parquet

    if sheet.to_arrow is not None:
        table = sheet.to_arrow(rows)
    else:
        columns = {name: [row.get(name) for row in rows] for name in sheet.columns}
        table = pyarrow.table({name: _arrow_column(cells) for name, cells in columns.items()})
    parquet.write_table(table, file)


def _arrow_column(cells: list[Any]) -> Any:
    """Return a column of integers if all cells are integers, otherwise of texts."""
    pyarrow = _import_pyarrow()
    if {type(cell) for cell in cells} - {type(None)} == {int}:
        return pyarrow.array(cells, pyarrow.int64())
    return pyarrow.array([_cell(cell) for cell in cells], pyarrow.string())


def _import_pyarrow() -> Any:
    import pyarrow

    return pyarrow
