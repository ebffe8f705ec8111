"""A report as Parquet, with typed columns. It needs pyarrow, from the extra `arrow`."""

import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import chain
from typing import Any

from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.reports.json_report import dimension_writers
from adjust_async.emulator.reports.question import Question
from adjust_async.emulator.reports.rows import Layout, Row
from adjust_async.emulator.reports.sorting import finished_rows

CONTENT_TYPE = "application/octet-stream"
ROWS_OF_A_GROUP = 20_000


async def write_parquet(facts: Facts, question: Question) -> AsyncGenerator[bytes, None]:
    """Yield the report, a row group at a time; nothing if it has no rows.

    Raises a 501 `RefusalError` if pyarrow is missing.
    """
    try:
        # Only Parquet reports need it.
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        message = "Parquet reports need pyarrow; install it with: pip install 'adjust_async[arrow]'"
        raise RefusalError(501, message) from error
    schema = arrow.schema(_fields(arrow, question))
    sink = _Sink()
    writer: Any = None
    pieces = finished_rows(facts, question, Layout(question.dimensions, question.needed_metrics))
    try:
        async with aclosing(_groups(pieces)) as groups:
            async for rows in groups:
                if writer is None:
                    writer = parquet.ParquetWriter(sink, schema)
                writer.write_table(arrow.table(_columns(question, rows), schema=schema), row_group_size=ROWS_OF_A_GROUP)
                yield sink.take()
    finally:
        if writer is not None:
            writer.close()
    if writer is not None:
        yield sink.take()


def _fields(arrow: Any, question: Question) -> list[tuple[str, Any]]:
    types = [arrow.string() for _ in question.dimensions]
    types += [arrow.int64() if metric.formula.is_whole else arrow.float64() for metric in question.metrics]
    return list(zip(question.column_names, types, strict=True))


def _columns(question: Question, rows: list[Row]) -> list[list[Any]]:
    writers = dimension_writers(question, question.dimensions)
    columns: list[list[Any]] = [[write(row.keys[place]) for row in rows] for place, write in enumerate(writers)]
    return columns + [[row.values[place] for row in rows] for place in range(len(question.metrics))]


async def _groups(pieces: AsyncGenerator[list[Row], None]) -> AsyncGenerator[list[Row], None]:
    """Combine pieces into row groups."""
    held: list[list[Row]] = []
    async with aclosing(pieces):
        async for piece in pieces:
            held.append(piece)
            if sum(map(len, held)) >= ROWS_OF_A_GROUP:
                yield list(chain.from_iterable(held))
                held.clear()
    if held:
        yield list(chain.from_iterable(held))


class _Sink(io.RawIOBase):
    """A file whose content can be taken while it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()
        self._position = 0

    def writable(self) -> bool:
        """Return `True`."""
        return True

    def write(self, data: Any) -> int:
        """Buffer the data."""
        self._held += data
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        """Return the total number of bytes written."""
        return self._position

    def take(self) -> bytes:
        """Return the data written since the last call."""
        taken = bytes(self._held)
        self._held.clear()
        return taken
