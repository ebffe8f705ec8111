"""A report as CSV: a line for each row, without totals."""

import csv
import io
from collections.abc import AsyncGenerator
from contextlib import aclosing

from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.reports.json_report import dimension_writers
from adjust_async.emulator.reports.question import Question
from adjust_async.emulator.reports.rows import Layout
from adjust_async.emulator.reports.sorting import finished_rows
from adjust_async.emulator.reports.texts import write_number

CONTENT_TYPE = "text/csv; charset=utf-8"

_BYTE_ORDER_MARK = "\ufeff"


async def write_csv(facts: Facts, question: Question, *, byte_order_mark: bool) -> AsyncGenerator[bytes, None]:
    """Yield the report piece by piece; nothing if it has no rows."""
    writers = dimension_writers(question, question.dimensions)
    count = len(question.metrics)
    pieces = finished_rows(facts, question, Layout(question.dimensions, question.needed_metrics))
    text = io.StringIO(_BYTE_ORDER_MARK if byte_order_mark else "", newline="")
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(question.column_names)
    async with aclosing(pieces):
        async for piece in pieces:
            for row in piece:
                cells = [write(key) for write, key in zip(writers, row.keys, strict=True)]
                writer.writerow(cells + [write_number(value) for value in row.values[:count]])
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
