"""Records as a table: a column for each of their fields."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin

import attrs

from adjust_async.tables.column import Column, Kind
from adjust_async.tables.table import ColumnTable

__all__ = ["RecordColumns", "RecordTable"]

T = TypeVar("T")

_KINDS: dict[object, Kind] = {str: "text", int: "integer", float: "number", bool: "boolean"}


class RecordTable(ColumnTable):
    """A table with a row for each record, equal to its `to_dict()`.

    Lists and dictionaries, such as `extra`, are JSON in frames and files.
    """

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a row together; empty if two rows share their values, or a row lacks one."""
        keys = list(zip(*(self._cells[self.columns.index(name)] for name in self._key_columns), strict=True))
        identify = len(set(keys)) == len(keys) and not any(None in key for key in keys)
        return self._key_columns if identify else ()


class RecordColumns(Generic[T]):
    """Splits records into columns as they arrive, so that the records need not be kept.

    Args:
        cls: Their class. Its first field identifies a record.

    Attributes:
        schema: The columns, one for each field.
        cells: The cells of each column.
    """

    def __init__(self, cls: type[T]) -> None:
        fields = attrs.fields(cls)  # type: ignore[arg-type]  # every record is an attrs class
        self.schema = [Column(field.name, _kind_of(field.type)) for field in fields]
        self.cells: list[list[Any]] = [[] for _ in fields]
        self._cls = cls
        self._required = {field.name: None for field in fields if field.default is attrs.NOTHING}
        self._readers = [_reader(field.name, field.type) for field in fields]

    def extend(self, records: Sequence[T]) -> None:
        """Add records. An item that is not a record becomes the `extra` of an otherwise empty row."""
        records = [record if isinstance(record, self._cls) else self._wrapped(record) for record in records]
        for cells, read in zip(self.cells, self._readers, strict=True):
            cells.extend(map(read, records))

    def table(self) -> RecordTable:
        """Return the table of all added records."""
        return RecordTable(self.schema, self.cells, key_columns=[self.schema[0].name])

    def _wrapped(self, item: object) -> T:
        make: Callable[..., T] = self._cls
        return make(**self._required, extra=dict(item) if isinstance(item, Mapping) else {"value": item})


def _kind_of(hint: object) -> Kind:
    """Return the kind of a field. Lists and dictionaries are texts, since frames hold them as JSON."""
    if get_origin(hint) is UnionType:
        (hint,) = set(get_args(hint)) - {NoneType}
    return _KINDS.get(hint, "text")


def _reader(name: str, hint: object) -> Callable[[object], Any]:
    """Return a function that reads a field in the form of `to_dict`."""
    read = attrgetter(name)
    return (lambda record: list(read(record))) if get_origin(hint) is tuple else read
