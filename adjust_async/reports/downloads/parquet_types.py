"""The columns of a Parquet report, with the types that the same report has as JSON."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from adjust_async.reports.cells import dimension_kind, metric_kind, reader
from adjust_async.reports.parameters import column_name
from adjust_async.reports.question import ReportQuestion
from adjust_async.tables import Column, arrow_type, has_offset, import_pyarrow, plain_cells

if TYPE_CHECKING:
    import pyarrow

__all__ = ["TypedColumns", "batches_of", "write_batches"]


class TypedColumns:
    """The types of a report's columns. They depend on all of its batches, and are then applied to each batch.

    The service writes dates as text, and counts in varying types. Here a column has the type that its name and values
    have in `Report.to_arrow`, so that files of several weeks have the same schema.
    """

    def __init__(self, question: ReportQuestion, columns: Sequence[str]) -> None:
        came = {name.lower(): name for name in columns}
        self._metrics: dict[str, bool] = {}
        for asked, is_metric in ((question.dimensions, False), (question.metrics, True)):
            for name in asked:
                column = column_name(name)
                self._metrics[came.get(column.lower(), column)] = is_metric
        self._columns = tuple(dict.fromkeys((*self._metrics, *columns)))
        self._types: dict[str, set[type]] = {name: set() for name in self._metrics}
        self._offsets: set[str] = set()

    def look_at(self, batch: "pyarrow.Table | pyarrow.RecordBatch") -> None:
        """Take the values of a batch into account."""
        for name in self._types.keys() & set(batch.schema.names):
            self._types[name] |= self._types_in(name, batch.column(name))

    def schema(self, given: "pyarrow.Schema") -> "pyarrow.Schema":
        """Return the schema for all batches, given their own."""
        pyarrow = import_pyarrow()
        fields = []
        for name in self._columns:
            found = self._types.get(name)
            kind = given.field(name).type if found is None else arrow_type(self._kind(name).kind, name in self._offsets)
            fields.append((name, kind))
        return pyarrow.schema(fields)

    def convert(self, batch: "pyarrow.Table | pyarrow.RecordBatch", schema: "pyarrow.Schema") -> "pyarrow.Table":
        """Return a batch with the types of a schema. Missing columns are null."""
        pyarrow = import_pyarrow()
        there = set(batch.schema.names)
        columns = [
            self._converted(name, batch.column(name), schema.field(name).type)
            if name in there
            else pyarrow.nulls(batch.num_rows, schema.field(name).type)
            for name in self._columns
        ]
        return pyarrow.table(columns, schema=schema)

    def _kind(self, name: str) -> Column:
        kind = metric_kind if self._metrics[name] else dimension_kind
        return Column(name, kind(name, self._types[name]))

    def _reader(self, name: str) -> Callable[[Any], Any]:
        return reader(name, metric=self._metrics[name], exact=False)

    def _types_in(self, name: str, column: Any) -> set[type]:
        from pyarrow import compute, types

        if types.is_integer(column.type):
            return {int} if self._metrics[name] else {str}
        if types.is_floating(column.type):
            column = _without_nan(column)
            return {float if compute.any(compute.not_equal(compute.floor(column), column)).as_py() else int}
        if types.is_date(column.type) or (types.is_timestamp(column.type) and name == "day"):
            return {date}
        if types.is_timestamp(column.type):
            self._offsets |= {name} if column.type.tz else set()
            return {datetime}
        cells = [self._reader(name)(value) for value in compute.unique(column).to_pylist()]
        if any(map(has_offset, cells)):
            self._offsets.add(name)
        return {type(cell) for cell in cells if cell is not None}

    def _converted(self, name: str, column: Any, target: Any) -> Any:
        from pyarrow import compute, types

        pyarrow = import_pyarrow()
        if name not in self._metrics:
            return column
        if types.is_floating(column.type):
            column = _without_nan(column)
        if types.is_string(column.type) or types.is_large_string(column.type) or types.is_dictionary(column.type):
            # Dates and many figures repeat, so each distinct text is parsed once.
            texts = compute.unique(column)
            cells = map(self._reader(name), texts.to_pylist())
            read = pyarrow.array(plain_cells(self._kind(name), cells, at_utc=name in self._offsets), target)
            return read.take(compute.index_in(column, texts))
        return column.cast(target, safe=False)


def _without_nan(column: Any) -> Any:
    """Return a column of floats with NaN and infinity replaced by null."""
    from pyarrow import compute

    return compute.if_else(compute.is_finite(column), column, None)


def batches_of(path: Any) -> Iterator["pyarrow.RecordBatch"]:
    """Yield all batches of a file."""
    from pyarrow import parquet

    with parquet.ParquetFile(path, page_checksum_verification=True) as file:
        yield from file.iter_batches()


def write_batches(target: BinaryIO, schema: "pyarrow.Schema", batches: Iterable["pyarrow.Table"]) -> int:
    """Write a file, and return the number of its rows."""
    from pyarrow import parquet

    rows = 0
    with parquet.ParquetWriter(target, schema) as writer:
        for batch in batches:
            writer.write_table(batch)
            rows += batch.num_rows
    return rows
