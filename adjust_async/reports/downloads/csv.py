"""A CSV report that is read as it arrives: row by row, or checked on its way into a file."""

import codecs
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from adjust_async._concurrency import Send, stream
from adjust_async._http.documents import decode_errors
from adjust_async._http.messages import Body
from adjust_async._http.session import Session
from adjust_async.errors import AdjustError, MalformedError
from adjust_async.reports.downloads.atomic_file import OnProgress, UnfinishedFile
from adjust_async.reports.downloads.csv_records import CsvRecords, CsvRows, CsvTable
from adjust_async.reports.downloads.saved import SavedReport
from adjust_async.reports.parameters import column_name
from adjust_async.reports.question import ReportQuestion
from adjust_async.reports.refusals import KnownNames
from adjust_async.reports.request import NO_CONTENT, path_of, receiving, send

__all__ = ["csv_rows", "save_csv"]

ENDPOINT = "csv_report"
CSV = "text/csv"

#: The maximum number of pieces whose rows wait for the consumer.
AHEAD = 2

#: Bytes of the longest piece. A compressed body may become a thousand times as long.
PIECE = 64 * 1024

logger = logging.getLogger("adjust_async")

_Rows = list[dict[str, Any]]


async def csv_rows(
    session: Session, names: KnownNames, question: ReportQuestion, *, exact: bool
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the rows of a CSV report as they arrive."""

    async def produce(put: Send[_Rows]) -> None:
        async def receive(body: Body) -> None:
            records, table = CsvRecords(), CsvTable(_expected(question))
            rows = CsvRows(table, question.metrics, readable_names=question.has_readable_names, exact=exact)
            with decode_errors(path=path_of(ENDPOINT)):
                async with aclosing(_pieces(session, body)) as pieces:
                    async for piece, last in pieces:
                        if batch := rows.read(records.feed(piece, last=last), last=last):
                            body.keep()  # rows that were yielded can't be taken back
                            await put(batch)
            _log_missing(table, body)

        await send(session, names, question, receiving(ENDPOINT, question.query(), CSV, receive))

    yielded = 0
    try:
        async with aclosing(stream(produce, ahead=AHEAD, spawn=session.spawn)) as batches:
            async for batch in batches:
                for row in batch:
                    yielded += 1
                    yield row
    except AdjustError as error:
        if yielded:
            error.add_note(
                f"{yielded} rows were yielded before. The service can't go on in the middle: ask again from the "
                "beginning, or use download_csv, which does that by itself."
            )
        raise


async def save_csv(
    session: Session, names: KnownNames, question: ReportQuestion, place: Path, on_progress: OnProgress | None
) -> SavedReport:
    """Write a CSV report to a file as it arrives."""

    async def receive(body: Body) -> CsvTable:
        records, table = CsvRecords(), CsvTable(_expected(question), unique=not question.has_readable_names)
        if body.status == NO_CONTENT:
            table.columns = tuple(map(column_name, question.columns))
            file.put(f"{','.join(table.columns)}\n".encode())
            return table

        async def checked() -> AsyncGenerator[bytes, None]:
            async with aclosing(_pieces(session, body)) as pieces:
                async for piece, last in pieces:
                    table.take(records.feed(piece, last=last), last=last)
                    if piece:
                        yield piece

        with decode_errors(path=path_of(ENDPOINT)):
            async with aclosing(checked()) as pieces:
                await file.write(pieces, body.length, on_progress)
        _log_missing(table, body)
        return table

    with UnfinishedFile(place) as file:
        table = await send(session, names, question, receiving(ENDPOINT, question.query(), CSV, receive))
        size = await file.publish()
    return SavedReport(place, size, table.rows, table.columns)


def _expected(question: ReportQuestion) -> tuple[str, ...]:
    """Return the columns that the header must have some of."""
    return () if question.has_readable_names else question.columns


async def _pieces(session: Session, body: Body) -> AsyncGenerator[tuple[bytes, bool], None]:
    """Yield the pieces of a CSV, each with whether it is the last one. Refuses a page of HTML or a JSON document."""
    begun = False
    async for long_piece in body:
        for start in range(0, len(long_piece), PIECE):
            piece = long_piece[start : start + PIECE]
            text = piece.removeprefix(codecs.BOM_UTF8).lstrip()
            if not begun and (begun := bool(text)) and text[:1] in {b"<", b"{", b"["}:
                # The token is removed before the text is cut, so that no part of it is shown.
                words = session.config.token.redact(text.decode("utf-8", "replace"))
                raise MalformedError(f"the answer is no CSV; it begins with {words[:60]!r}", "line 1", transient=True)
            yield piece, False
    if not begun and body.status != NO_CONTENT:
        raise MalformedError("the answer is no CSV: it is empty, without a header", "line 1", transient=True)
    yield b"", True


def _log_missing(table: CsvTable, body: Body) -> None:
    if body.status != NO_CONTENT and (missing := table.missing()):
        logger.warning("the CSV report came without %s, which was asked for", ", ".join(missing))
