"""Flat tables with typed cells, as dictionaries, Arrow, pandas or polars."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from adjust_async._json import dumps
from adjust_async.errors import ConfigurationError, DecodeError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = [
    "Column",
    "Kind",
    "RowTable",
    "Table",
    "arrow_type",
    "has_offset",
    "import_pyarrow",
    "plain_cells",
]

Kind = Literal["text", "integer", "number", "date", "moment"]


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: Its name.
        kind: `text`; `integer`, a count; `number`, which may have fractions, such as money and rates; `date`; or
            `moment`, a date with a time.
    """

    name: str
    kind: Kind


class Table(ABC):
    """Rows under named columns. Every row has all columns; a cell without a value is `None`, never 0."""

    @property
    @abstractmethod
    def schema(self) -> tuple[Column, ...]:
        """The columns with their kinds."""

    @abstractmethod
    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dictionary from column to cell. It can be called again."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.schema)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self.columns)}>"

    def to_arrow(self) -> "pyarrow.Table":
        """Return an Arrow table: int64, double, date32, timestamp or string, even where there are no rows.

        Moments are `timestamp[us, UTC]` where any of them has an offset from UTC; those without one count as UTC there.

        Raises:
            ConfigurationError: pyarrow is not installed (extra `arrow`).
        """
        pyarrow = import_pyarrow()
        rows = list(self.rows())
        arrays = []
        for column in self.schema:
            cells = [row[column.name] for row in rows]
            at_utc = any(map(has_offset, cells))
            arrays.append(pyarrow.array(plain_cells(column, cells, at_utc=at_utc), arrow_type(column.kind, at_utc)))
        return pyarrow.table(arrays, names=list(self.columns))

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a pandas frame with nullable types, so that integers stay integers where cells are empty.

        Raises:
            ConfigurationError: pandas is not installed (extra `pandas`).
        """
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise _missing(error, "pandas") from error
        return self.to_arrow().to_pandas(types_mapper=pandas.ArrowDtype)

    def to_polars(self) -> "polars.DataFrame":
        """Return a polars frame.

        Raises:
            ConfigurationError: polars is not installed (extra `polars`).
        """
        try:
            import polars
        except ModuleNotFoundError as error:
            raise _missing(error, "polars") from error
        rows = list(self.rows())
        types: dict[Kind, Any] = {
            "text": polars.String,
            "integer": polars.Int64,
            "number": polars.Float64,
            "date": polars.Date,
            "moment": polars.Datetime("us"),
        }
        series = []
        for column in self.schema:
            cells = [row[column.name] for row in rows]
            at_utc = any(map(has_offset, cells))
            dtype = polars.Datetime("us", "UTC") if at_utc else types[column.kind]
            series.append(polars.Series(column.name, list(plain_cells(column, cells, at_utc=at_utc)), dtype=dtype))
        return polars.DataFrame(series)


class RowTable(Table):
    """A table whose rows are made by a function, each time they are iterated."""

    def __init__(self, schema: Sequence[Column], rows: Callable[[], Iterator[dict[str, Any]]]) -> None:
        self._schema = tuple(schema)
        self._rows = rows

    @property
    def schema(self) -> tuple[Column, ...]:
        """The columns with their kinds."""
        return self._schema

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dictionary from column to cell. It can be called again."""
        return self._rows()


def import_pyarrow() -> Any:
    """Import pyarrow.

    Raises:
        ConfigurationError: It is not installed (extra `arrow`).
    """
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise _missing(error, "arrow") from error
    return pyarrow


#: The bound of int64, the type of counts in exports.
_LARGEST = 2**63


def arrow_type(kind: Kind, at_utc: bool) -> Any:
    """Return the Arrow type of a kind of column; `at_utc` for moments of which any has an offset from UTC."""
    pyarrow = import_pyarrow()
    match kind:
        case "text":
            return pyarrow.string()
        case "integer":
            return pyarrow.int64()
        case "number":
            return pyarrow.float64()
        case "date":
            return pyarrow.date32()
        case "moment":
            return pyarrow.timestamp("us", "UTC" if at_utc else None)


def has_offset(cell: object) -> bool:
    """Return whether a cell is a moment with an offset from UTC."""
    return isinstance(cell, datetime) and cell.tzinfo is not None


def plain_cells(column: Column, cells: Iterable[Any], *, at_utc: bool) -> Iterator[Any]:
    """Yield the cells of a column as the one type that it has outside of Python.

    Args:
        column: The column.
        cells: Its cells.
        at_utc: Whether moments are at UTC; one without an offset counts as such.
    """
    for cell in cells:
        plain = _plain(column, cell)
        if at_utc and isinstance(plain, datetime):
            plain = plain.replace(tzinfo=plain.tzinfo or UTC).astimezone(UTC)
        yield plain


def _plain(column: Column, cell: Any) -> Any:
    """Return a cell as the one type that its column has outside of Python."""
    if cell is None:
        return None
    if column.kind == "text":
        if isinstance(cell, (list, dict)):
            return dumps(cell).decode()
        return cell.isoformat() if isinstance(cell, date) else str(cell)
    if column.kind == "integer" and not -_LARGEST <= cell < _LARGEST:
        raise DecodeError(f"{column.name} holds {cell:.3e}, which no 64-bit column can: use rows()", location="$")
    if column.kind == "number":
        try:
            return float(cell)
        except OverflowError:
            raise DecodeError(f"{column.name} holds a number that is too large for a table", location="$") from None
    return cell


def _missing(error: ModuleNotFoundError, extra: str) -> ConfigurationError:
    return ConfigurationError(f"{error.name} is not installed: pip install 'adjust_async[{extra}]'")
