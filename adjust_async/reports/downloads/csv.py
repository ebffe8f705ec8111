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
from adjust_async.progress import OnProgress
from adjust_async.reports.account import Account
from adjust_async.reports.downloads.atomic_file import UnfinishedFile
from adjust_async.reports.downloads.csv_records import CsvRecords, CsvRows, CsvTable
from adjust_async.reports.downloads.saved import SavedReport
from adjust_async.reports.parameters import column_name
from adjust_async.reports.plausibility import RecordChecks
from adjust_async.reports.question import ReportQuestion
from adjust_async.reports.request import send
from adjust_async.reports.specs import NO_CONTENT, path_of, receiving

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
    account: Account, question: ReportQuestion, on_progress: OnProgress | None, *, exact: bool
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the rows of a CSV report as they arrive."""
    __tracebackhide__ = True

    async def produce(put: Send[_Rows]) -> None:
        __tracebackhide__ = True

        async def receive(body: Body) -> None:
            records, checks = CsvRecords(), RecordChecks(question)
            table = CsvTable(_expected(question), look_at=checks.look_at)
            rows = CsvRows(table, question.metrics, readable_names=question.has_readable_names, exact=exact)
            arrived = 0
            with decode_errors(path=path_of(ENDPOINT)):
                async with aclosing(_pieces(account.session, body)) as pieces:
                    async for piece, last in pieces:
                        arrived += len(piece)
                        if piece and on_progress is not None:
                            on_progress(arrived, body.length, ENDPOINT)
                        if batch := rows.read(records.feed(piece, last=last), last=last):
                            body.keep()  # rows that were yielded can't be taken back
                            await put(batch)
            found.append((table, checks))

        found: list[tuple[CsvTable, RecordChecks]] = []
        await send(account, question, receiving(ENDPOINT, question.query(), CSV, receive))
        await _log_warnings(account, question, *found[-1])

    yielded = 0
    try:
        async with aclosing(stream(produce, ahead=AHEAD, spawn=account.session.spawn)) as batches:
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
    account: Account, question: ReportQuestion, place: Path, on_progress: OnProgress | None
) -> SavedReport:
    """Write a CSV report to a file as it arrives."""
    __tracebackhide__ = True

    async def receive(body: Body) -> tuple[CsvTable, RecordChecks]:
        records, checks = CsvRecords(), RecordChecks(question)
        table = CsvTable(_expected(question), unique=not question.has_readable_names, look_at=checks.look_at)
        if body.status == NO_CONTENT:
            table.columns = tuple(map(column_name, question.columns))
            file.put(f"{','.join(table.columns)}\n".encode())
            return table, checks

        async def checked() -> AsyncGenerator[bytes, None]:
            async with aclosing(_pieces(account.session, body)) as pieces:
                async for piece, last in pieces:
                    table.take(records.feed(piece, last=last), last=last)
                    if piece:
                        yield piece

        with decode_errors(path=path_of(ENDPOINT)):
            async with aclosing(checked()) as pieces:
                await file.write(pieces, body.length, on_progress)
        return table, checks

    with UnfinishedFile(place) as file:
        table, checks = await send(account, question, receiving(ENDPOINT, question.query(), CSV, receive))
        size = await file.publish()
    await _log_warnings(account, question, table, checks)
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


async def _log_warnings(account: Account, question: ReportQuestion, table: CsvTable, checks: RecordChecks) -> None:
    warnings = checks.warnings()
    if not table.rows and question.apps:
        warnings += await account.unknown_apps(question.apps)
    for warning in warnings:
        logger.warning("about the CSV report: %s", account.session.config.token.redact(warning))
