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
from adjust_async.reports.downloads.media import check_media_type, check_not_a_page
from adjust_async.reports.downloads.saved import SavedReport
from adjust_async.reports.parameters import column_name
from adjust_async.reports.plausibility import RecordChecks
from adjust_async.reports.question import ReportQuestion
from adjust_async.reports.request import send
from adjust_async.reports.specs import NO_CONTENT, path_of, receiving
from adjust_async.tables import counted

__all__ = ["csv_rows", "save_csv"]

ENDPOINT = "csv_report"
CSV = "text/csv"

#: The maximum number of pieces whose rows are queued for the consumer.
AHEAD = 2

#: The maximum number of bytes whose records are parsed at once.
PIECE = 64 * 1024

#: The number of bytes after which the rows of a body without its own end marker are yielded before it ends. A shorter
#: body can still be requested again at its end.
HELD = 1024 * 1024

UNSURE = (
    "only the end of the connection marked the end of the answer, so it may be incomplete: it has neither "
    "Content-Length nor chunks nor a coding with an end marker"
)

logger = logging.getLogger("adjust_async")

_Rows = list[dict[str, Any]]


async def csv_rows(
    account: Account, question: ReportQuestion, on_progress: OnProgress | None, *, exact: bool
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the rows of a CSV report as they arrive."""
    __tracebackhide__ = True
    tell: OnProgress = on_progress or (lambda *_: None)

    async def produce(put: Send[_Rows]) -> None:
        __tracebackhide__ = True

        async def receive(body: Body) -> None:
            records, checks = CsvRecords(), RecordChecks(question)
            table = _table(question, checks, unique=True)
            rows = CsvRows(table, question.metrics, readable_names=question.has_readable_names, exact=exact)
            held: _Rows = []
            size, kept = 0, False
            with decode_errors(path=path_of(ENDPOINT)):
                async with aclosing(_pieces(account.session, body)) as pieces:
                    async for piece, last in pieces:
                        held += rows.read(records.feed(piece, last=last), last=last)
                        size += len(piece)
                        tell(size, body.length, ENDPOINT)
                        if last and not end.is_sure(body, records, table, asked_again=not kept):
                            logger.warning("about the CSV report: %s", UNSURE)
                        if held and (last or body.end_verified or size > HELD):
                            body.keep()  # yielded rows can't be taken back
                            kept = True
                            await put(held)
                            held = []
            found.append((table, checks))

        found: list[tuple[CsvTable, RecordChecks]] = []
        end = _UnverifiedEnd(question)
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
                f"{counted(yielded, 'row')} came before this. The service can't resume in the middle: start again, or "
                "use download_csv, which retries by itself."
            )
        raise


async def save_csv(
    account: Account, question: ReportQuestion, place: Path, on_progress: OnProgress | None
) -> SavedReport:
    """Write a CSV report to a file as it arrives, and return what was written."""
    __tracebackhide__ = True

    async def receive(body: Body) -> tuple[CsvTable, RecordChecks]:
        records, checks = CsvRecords(), RecordChecks(question)
        table = _table(question, checks, unique=not question.has_readable_names)
        if body.status == NO_CONTENT:
            table.columns = tuple(map(column_name, question.columns))
            await file.put(f"{','.join(table.columns)}\n".encode())
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
            if not end.is_sure(body, records, table, asked_again=True):
                raise MalformedError(f"{UNSURE}. No file was written; iter_csv yields such rows with a warning")
        return table, checks

    end = _UnverifiedEnd(question)

    with UnfinishedFile(place) as file:
        table, checks = await send(account, question, receiving(ENDPOINT, question.query(), CSV, receive))
        size = await file.publish()
    await _log_warnings(account, question, table, checks)
    return SavedReport(place, size, table.rows, table.columns)


class _UnverifiedEnd:
    """Handles bodies whose end only the connection marks: a CSV that is cut between two lines looks complete."""

    def __init__(self, question: ReportQuestion) -> None:
        self._columns = len(question.columns)
        self._seen = False

    def is_sure(self, body: Body, records: CsvRecords, table: CsvTable, *, asked_again: bool) -> bool:
        """Return whether a body is certainly complete. If not, it is requested again once, if possible.

        Args:
            body: The body, which has ended.
            records: The records in it.
            table: Their table.
            asked_again: Whether it can be requested again.

        Raises:
            MalformedError: It was cut off, or should be requested again.
        """
        if body.end_verified:
            return True
        cut_header = not records.has_lines and len(table.columns) < self._columns
        if records.has_open_line and (records.has_lines or cut_header):
            problem = (
                "the answer is cut: its last line has no end, and only the connection marked the end of the answer"
            )
            raise MalformedError(problem, transient=True)
        if not self._seen and asked_again and not body.is_last:
            self._seen = True
            raise MalformedError(UNSURE, transient=True)
        return False


def _table(question: ReportQuestion, checks: RecordChecks, *, unique: bool) -> CsvTable:
    return CsvTable(
        question.columns,
        readable_names=question.has_readable_names,
        more="period_over_period" in question.query(),
        unique=unique,
        look_at=checks.look_at,
    )


async def _pieces(session: Session, body: Body) -> AsyncGenerator[tuple[bytes, bool], None]:
    """Yield the pieces of a CSV, each with a flag for the last one.

    Raises:
        MalformedError: It is empty, a web page, or a JSON document.
    """
    begun = False
    async for long_piece in body:
        for start in range(0, len(long_piece), PIECE):
            piece = long_piece[start : start + PIECE]
            text = piece.removeprefix(codecs.BOM_UTF8).lstrip()
            if not begun and (begun := bool(text)):
                # The token is removed before the text is cut, so that no part of it is shown.
                words = session.config.token.redact(text.decode("utf-8", "replace"))
                check_media_type(body.media_type, "CSV", words)
                check_not_a_page(words, "CSV")
            yield piece, False
    if not begun and body.status != NO_CONTENT:
        raise MalformedError("the answer is not CSV: it is empty, without a header", "line 1", transient=True)
    yield b"", True


async def _log_warnings(account: Account, question: ReportQuestion, table: CsvTable, checks: RecordChecks) -> None:
    warnings = checks.warnings()
    if not table.rows and question.apps:
        warnings += await account.unknown_apps(question.apps)
    for warning in warnings:
        logger.warning("about the CSV report: %s", account.session.config.token.redact(warning))
