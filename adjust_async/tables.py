"""Flat tables with typed cells: what every report becomes, as dictionaries, Arrow, pandas or polars."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence, Set as AbstractSet
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from adjust_async.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["Column", "Table"]

Kind = Literal["text", "integer", "number", "date", "moment"]


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: Its name.
        kind: `text`; `integer`, a count; `number`, which may have a fraction: money and rates; `date`; or `moment`, a
            date with a time.
    """

    name: str
    kind: Kind


@lru_cache(maxsize=4096)
def moment_or_text(text: str) -> date | datetime | str:
    """Read an ISO date, or a date with a time; give any other text back as it is."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return text


def number_kind(name: str, types: AbstractSet[type]) -> Kind:
    """Find out whether a column of numbers can have fractions: by the types of its values, and by its name.

    The name comes in so that a week without a cent of revenue has the same schema as any other week.
    """
    if float in types:
        return "number"
    slug = name.lower().replace(" ", "_")
    if slug.endswith(_COUNTS):
        return "integer"
    if int in types and not any(part in slug for part in _FRACTIONS):
        return "integer"
    return "number"


_COUNTS = (
    "clicks",
    "events",
    "impressions",
    "installs",
    "reattributions",
    "reinstalls",
    "sessions",
    "size",
    "users",
    "aus",
)
_FRACTIONS = ("revenue", "cost", "rate", "ratio", "value", "per_", "ctr", "ecp", "roas", "spend", "time", "arpdau")


class Table(ABC):
    """Rows under named columns, every row with all of them; a cell that has no value is `None`, never 0."""

    @property
    @abstractmethod
    def schema(self) -> tuple[Column, ...]:
        """The columns with their kinds."""

    @abstractmethod
    def rows(self) -> Iterator[dict[str, Any]]:
        """Give each row as a dictionary from column to cell. It can be called again."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.schema)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self.columns)}>"

    def to_arrow(self) -> "pyarrow.Table":
        """Make an Arrow table: int64, double, date32, timestamp or string, also where there are no rows.

        Raises:
            ConfigurationError: pyarrow is not installed (extra `arrow`).
        """
        try:
            import pyarrow
        except ModuleNotFoundError as error:
            raise _missing(error, "arrow") from error
        rows = list(self.rows())
        arrays = []
        for column in self.schema:
            cells = [row[column.name] for row in rows]
            arrays.append(pyarrow.array(cells, _arrow_type(pyarrow, column.kind, cells)))
        return pyarrow.table(arrays, names=list(self.columns))

    def to_pandas(self) -> "pandas.DataFrame":
        """Make a pandas frame with nullable types, so that integers stay integers where cells are empty.

        Raises:
            ConfigurationError: pandas is not installed (extra `pandas`).
        """
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise _missing(error, "pandas") from error
        return self.to_arrow().to_pandas(types_mapper=pandas.ArrowDtype)

    def to_polars(self) -> "polars.DataFrame":
        """Make a polars frame.

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
        }
        series = []
        for column in self.schema:
            cells = [row[column.name] for row in rows]
            kind = types.get(column.kind) or polars.Datetime("us", _time_zone(cells))
            series.append(polars.Series(column.name, cells, dtype=kind, strict=False))
        return polars.DataFrame(series)


class RowTable(Table):
    """A table whose rows a function makes, anew for each look at them."""

    def __init__(self, schema: Sequence[Column], rows: Callable[[], Iterator[dict[str, Any]]]) -> None:
        self._schema = tuple(schema)
        self._rows = rows

    @property
    def schema(self) -> tuple[Column, ...]:
        """The columns with their kinds."""
        return self._schema

    def rows(self) -> Iterator[dict[str, Any]]:
        """Give each row as a dictionary from column to cell. It can be called again."""
        return self._rows()


def _time_zone(cells: Iterable[Any]) -> str | None:
    """Say whether moments know their distance to UTC; Arrow and polars then keep them in UTC."""
    return "UTC" if any(cell is not None and cell.tzinfo is not None for cell in cells) else None


def _arrow_type(pyarrow: Any, kind: Kind, cells: Iterable[Any]) -> Any:
    if kind == "moment":
        return pyarrow.timestamp("us", tz=_time_zone(cells))
    names = {"text": pyarrow.string, "integer": pyarrow.int64, "number": pyarrow.float64, "date": pyarrow.date32}
    return names[kind]()


def _missing(error: ModuleNotFoundError, extra: str) -> ConfigurationError:
    return ConfigurationError(f"{error.name} is not installed: pip install 'adjust_async[{extra}]'")
