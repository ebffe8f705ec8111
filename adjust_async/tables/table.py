"""`Table`: rows under named columns, as dictionaries, Arrow, pandas, polars, CSV and Parquet."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

from adjust_async._checks import check_whole_number
from adjust_async.errors import ConfigurationError
from adjust_async.tables.arrow import arrow_array, has_offset, import_pyarrow, missing, plain_cells
from adjust_async.tables.column import Column, Kind
from adjust_async.tables.files import whole_file, write_csv

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["ColumnTable", "Table", "are_unique", "counted", "failed", "rows_of"]


#: The number of columns in a representation, and of rows in a notebook's.
MOST_NAMES, MOST_ROWS = 12, 20

#: The number of failed apps that a representation names.
MOST_FAILURES = 3


class Table(ABC):
    """Rows under named columns. Every row has all columns; a cell without a value is `None`, never 0.

    A table is true even without rows, so `if report:` never mistakes an empty report for none. Iterating it
    yields its rows, `len()` is their number, and two tables are equal if their values are.
    """

    @property
    @abstractmethod
    def schema(self) -> tuple[Column, ...]:
        """The columns with their kinds."""

    @abstractmethod
    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dictionary from column to cell. It can be called repeatedly."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.schema)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a row together, for example for an upsert; empty if none are known to."""
        return ()

    def __len__(self) -> int:
        return sum(1 for _ in self.rows())

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.rows()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table) or type(self) is not type(other):
            return NotImplemented
        return self.schema == other.schema and self._values() == other._values()

    __hash__ = None  # type: ignore[assignment] # as a list has none

    def __repr__(self) -> str:
        of, names = self._described(), list(self.columns)
        more = f", and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        return f"<{type(self).__name__}{f' of {of}' if of else ''}: {', '.join(names[:MOST_NAMES])}{more}>"

    def _repr_html_(self) -> str:
        """Return the HTML for a notebook: a description and the first rows."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        first = list(islice(self.rows(), MOST_ROWS + 1))
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(_written(cell))}</td>' for cell in row.values())}</tr>"
            for row in first[:MOST_ROWS]
        )
        rest = "<p>and more rows</p>" if len(first) > MOST_ROWS else ""
        kind, of = type(self).__name__, self._described()
        caption = escape(f"{kind} of {of}" if of else kind)
        return f"<p>{caption}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"

    def _described(self) -> str:
        """Return a description such as the number of rows and the failures; empty if it would need the rows."""
        return ""

    def head(self, n: int = 5) -> list[dict[str, Any]]:
        """Return the first `n` rows, or all if there are fewer.

        Raises:
            ConfigurationError: `n` is not a whole number of at least 0.
        """
        return list(islice(self.rows(), check_whole_number(n, "n", least=0)))

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return all rows, each as a dictionary from column to cell."""
        return list(self.rows())

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a CSV file in UTF-8 with a header, completely or not at all. An existing file is replaced at the end.

        Days and moments are ISO text, and a cell without a value is blank. It blocks: in a coroutine use
        `await asyncio.to_thread(report.to_csv, path)`.

        Raises:
            ConfigurationError: `path` can't be a file.
            OSError: The file can't be written.
        """
        with whole_file(path) as file:
            write_csv(file, self.columns, zip(*self.cells(), strict=True))

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write a Parquet file with the types of `to_arrow`, completely or not at all. An existing file is replaced.

        It blocks: in a coroutine use `await asyncio.to_thread(report.to_parquet, path)`.

        Raises:
            ConfigurationError: pyarrow is not installed (extra `arrow`), or `path` can't be a file.
            DecodeError: A number is too large for its column.
            OSError: The file can't be written.
        """
        import_pyarrow()
        from pyarrow import parquet

        with whole_file(path) as file:
            parquet.write_table(self.to_arrow(), file)

    def to_arrow(self) -> "pyarrow.Table":
        """Return an Arrow table with columns of int64, double, bool, date32, timestamp or string, even without rows.

        Moments are `timestamp[us, UTC]` if any of them has an offset from UTC. Those without one then count as UTC.

        Raises:
            ConfigurationError: pyarrow is not installed (extra `arrow`).
            DecodeError: A number is too large for its column.
        """
        pyarrow = import_pyarrow()
        arrays = [arrow_array(column, cells) for column, cells in zip(self.schema, self.cells(), strict=True)]
        return pyarrow.table(arrays, names=list(self.columns))

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a pandas frame.

        Days and moments become `datetime64`, counts `Int64`, other numbers `float64`, and booleans `boolean`. A cell
        without a value becomes `NaT`, `NA` or `NaN`, and in a column of texts `NaN`, or `None` before pandas 3. It
        blocks: in a coroutine use `await asyncio.to_thread(report.to_pandas)`.

        Raises:
            ConfigurationError: pandas or pyarrow is not installed (extra `pandas`).
            DecodeError: A number is too large for its column.
        """
        try:
            import pandas
        except ImportError as error:
            raise missing(error, "pandas", "pandas") from error
        pyarrow = import_pyarrow()
        table = self.to_arrow()
        for place, field in enumerate(table.schema):
            if field.type == pyarrow.date32():
                table = table.set_column(place, field.name, table.column(place).cast(pyarrow.timestamp("us")))
        nullable = {pyarrow.int64(): pandas.Int64Dtype(), pyarrow.bool_(): pandas.BooleanDtype()}
        return table.to_pandas(types_mapper=nullable.get)

    def to_polars(self) -> "polars.DataFrame":
        """Return a polars frame with columns of Int64, Float64, Boolean, Date, Datetime or String, even without rows.

        Moments are in UTC if any of them has an offset from UTC. A cell without a value is null. It blocks: in a
        coroutine use `await asyncio.to_thread(report.to_polars)`.

        Raises:
            ConfigurationError: polars is not installed (extra `polars`).
            DecodeError: A number is too large for its column.
        """
        try:
            import polars
        except ImportError as error:
            raise missing(error, "polars", "polars") from error
        try:
            table = self.to_arrow()
        except ConfigurationError:  # pyarrow is not installed
            series = {
                column.name: _series(column, cells) for column, cells in zip(self.schema, self.cells(), strict=True)
            }
        else:
            series = dict(zip(table.column_names, map(polars.from_arrow, table.columns), strict=True))
        # polars itself would rename a column without a name.
        return polars.DataFrame(series)

    def cells(self) -> list[Sequence[Any]]:
        """Return a sequence of cells for each column, in the order of `schema`."""
        rows = list(self.rows())
        return [[row[name] for row in rows] for name in self.columns]

    def _values(self) -> object:
        """Return what equal tables share, besides their type and schema."""
        return self.cells()


class ColumnTable(Table):
    """A table made of columns of cells.

    Args:
        schema: The columns with their kinds.
        cells: The cells of each column, all of the same length.
        key_columns: The columns that identify a row together.
    """

    def __init__(
        self, schema: Sequence[Column], cells: Sequence[Sequence[Any]], *, key_columns: Sequence[str] = ()
    ) -> None:
        self._schema = tuple(schema)
        self._cells = tuple(map(tuple, cells))
        self._key_columns = tuple(key_columns)

    @property
    def schema(self) -> tuple[Column, ...]:
        """The columns with their kinds."""
        return self._schema

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a row together, for example for an upsert; empty if none are known to."""
        return self._key_columns

    def __len__(self) -> int:
        return len(self._cells[0]) if self._cells else 0

    def _described(self) -> str:
        return counted(len(self), "row")

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dictionary from column to cell. It can be called repeatedly."""
        return rows_of(self.columns, self._cells)

    def cells(self) -> list[Sequence[Any]]:
        """Return the cells of each column, in the order of `schema`."""
        return list(self._cells)


def _series(column: Column, cells: Sequence[Any]) -> Any:
    """Return a column as a series. Arrow takes a fifth of the time."""
    import polars

    types: dict[Kind, Any] = {
        "text": polars.String,
        "integer": polars.Int64,
        "number": polars.Float64,
        "boolean": polars.Boolean,
        "date": polars.Date,
        "moment": polars.Datetime("us"),
    }
    at_utc = column.kind == "moment" and any(map(has_offset, cells))
    dtype = polars.Datetime("us", "UTC") if at_utc else types[column.kind]
    return polars.Series(list(plain_cells(column, cells, at_utc=at_utc)), dtype=dtype)


def rows_of(names: Sequence[str], columns: Iterable[Iterable[Any]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of columns, each as a dictionary.

    It takes a fifth less time than a loop in Python would.
    """
    return map(dict, map(zip, repeat(names), zip(*columns, strict=True)))


def are_unique(columns: Iterable[Iterable[Any]]) -> bool:
    """Return whether no two rows share the cells of these columns."""
    keys = list(zip(*columns, strict=True))
    try:
        return len(set(keys)) == len(keys)
    except TypeError:  # a cell is a list or a dictionary
        return False


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 row` or `2,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def failed(failures: Mapping[str, Exception]) -> str:
    """Return which apps failed, to end a description; empty if none did."""
    if not failures:
        return ""
    names = list(failures)
    more = f" and {len(names) - MOST_FAILURES} more" if len(names) > MOST_FAILURES else ""
    return f", {len(names)} failed ({', '.join(names[:MOST_FAILURES])}{more})"


def _written(cell: object) -> str:
    return "" if cell is None else str(cell)
