"""Convert columns of cells to Arrow arrays."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from adjust_async._checks import shown
from adjust_async._json import dumps
from adjust_async.errors import ConfigurationError, DecodeError
from adjust_async.tables.column import Column, Kind

__all__ = ["arrow_array", "arrow_type", "has_offset", "import_pyarrow", "missing", "plain_cells"]

#: The bound of int64, the type of counts in exports.
_LARGEST = 2**63


def arrow_array(column: Column, cells: Sequence[Any]) -> Any:
    """Return the cells of a column as an Arrow array of the column's type.

    Arrow converts a whole column at once. Only if a cell has another type, such as a number in a column of texts, each
    cell is converted first.

    Raises:
        DecodeError: A number is too large.
    """
    pyarrow = import_pyarrow()
    at_utc = column.kind == "moment" and any(map(has_offset, cells))
    if not at_utc:
        try:
            return pyarrow.array(cells, arrow_type(column.kind, at_utc=False))
        except (pyarrow.ArrowException, OverflowError, TypeError):
            pass
    return pyarrow.array(plain_cells(column, cells, at_utc=at_utc), arrow_type(column.kind, at_utc))


def import_pyarrow() -> Any:
    """Import pyarrow.

    Raises:
        ConfigurationError: It is not installed (extra `arrow`), or is broken.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise missing(error, "pyarrow", "arrow") from error
    return pyarrow


def arrow_type(kind: Kind, at_utc: bool) -> Any:
    """Return the Arrow type of a kind of column. Moments are in UTC if `at_utc`."""
    pyarrow = import_pyarrow()
    match kind:
        case "text":
            return pyarrow.string()
        case "integer":
            return pyarrow.int64()
        case "number":
            return pyarrow.float64()
        case "boolean":
            return pyarrow.bool_()
        case "date":
            return pyarrow.date32()
        case "moment":
            return pyarrow.timestamp("us", "UTC" if at_utc else None)


def has_offset(cell: object) -> bool:
    """Return whether a cell is a moment with an offset from UTC."""
    return isinstance(cell, datetime) and cell.tzinfo is not None


def plain_cells(column: Column, cells: Iterable[Any], *, at_utc: bool) -> Iterator[Any]:
    """Yield the cells of a column, each converted to the type that the column is exported with.

    Args:
        column: The column.
        cells: Its cells.
        at_utc: Whether moments are in UTC. One without an offset then counts as UTC.

    Raises:
        DecodeError: A number is too large.
    """
    for cell in cells:
        plain = _plain(column, cell)
        if at_utc and isinstance(plain, datetime):
            plain = plain.replace(tzinfo=plain.tzinfo or UTC).astimezone(UTC)
        yield plain


def _plain(column: Column, cell: Any) -> Any:
    if cell is None:
        return None
    if column.kind == "text":
        if isinstance(cell, (list, dict)):
            return dumps(cell).decode()
        return cell.isoformat() if isinstance(cell, date) else str(cell)
    if column.kind == "integer" and not -_LARGEST <= cell < _LARGEST:
        raise DecodeError(
            f"{column.name} contains {shown(cell)}, which is too large for a 64-bit column: use rows()", location="$"
        )
    if column.kind == "number":
        try:
            return float(cell)
        except OverflowError:
            raise DecodeError(f"{column.name} contains a number that is too large for a table", location="$") from None
    return cell


def missing(error: ImportError, package: str, extra: str) -> ConfigurationError:
    """Return the error for a package that an extra installs, and that can't be imported."""
    if isinstance(error, ModuleNotFoundError):
        problem = f"{error.name or package} is not installed"
    else:
        problem = f"{package} can't be imported ({error})"
    return ConfigurationError(f"{problem}: pip install 'adjust_async[{extra}]'")
