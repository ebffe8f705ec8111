"""A CSV report as it arrives: row by row, or counted on its way into a file."""

import codecs
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from adjust_async._concurrency import Send, stream
from adjust_async._http.messages import Body
from adjust_async._http.session import Session
from adjust_async.errors import AdjustError
from adjust_async.reports.downloads.atomic_file import OnProgress, UnfinishedFile
from adjust_async.reports.downloads.csv_records import CsvError, CsvRecords, CsvRows, CsvTable
from adjust_async.reports.parameters import column_name
from adjust_async.reports.request import NO_CONTENT, KnownNames, names_of, receiving, refuse, send_report

__all__ = ["csv_rows", "save_csv"]

ENDPOINT = "csv_report"
CSV = "text/csv"

#: Pieces of a body whose rows may wait for their consumer, and how long a piece is at most: a packed body may become
#: a thousand times as long.
AHEAD = 2
PIECE = 64 * 1024

logger = logging.getLogger("adjust_async")

_Rows = list[dict[str, Any]]


async def csv_rows(
    session: Session, query: Mapping[str, str], known: KnownNames, *, exact: bool
) -> AsyncGenerator[dict[str, Any], None]:
    """Ask for a CSV report, and give its rows as they arrive."""

    async def produce(send: Send[_Rows]) -> None:
        async def receive(body: Body) -> None:
            records, table = CsvRecords(), CsvTable(_asked(query))
            rows = CsvRows(table, names_of(query, "metrics"), readable_names=_is_readable(query), exact=exact)
            with _readable_errors():
                async with aclosing(_pieces(session, body)) as pieces:
                    async for piece, last in pieces:
                        if batch := rows.read(records.feed(piece, last=last), last=last):
                            body.keep()  # for rows that were handed out can't be taken back
                            await send(batch)
            _tell_missing(table, body)

        await send_report(session, receiving(ENDPOINT, query, CSV, receive), known)

    given = 0
    ahead = stream(produce, ahead=AHEAD, spawn=session.spawn)
    try:
        async with aclosing(ahead):
            async for batch in ahead:
                for row in batch:
                    given += 1
                    yield row
    except AdjustError as error:
        if given:
            error.add_note(
                f"{given} rows were given before. The service can't go on in the middle: ask again from the beginning, "
                "or give path=, where that is done by itself."
            )
        raise


class Counted(NamedTuple):
    """What a CSV file holds."""

    size: int
    rows: int
    columns: tuple[str, ...]


async def save_csv(
    session: Session, query: Mapping[str, str], known: KnownNames, place: Path, on_progress: OnProgress | None
) -> Counted:
    """Ask for a CSV report, and write it to a file as it arrives."""

    async def receive(body: Body) -> CsvTable:
        records, table = CsvRecords(), CsvTable(_asked(query), unique=not _is_readable(query))
        if body.status == NO_CONTENT:
            table.columns = tuple(map(column_name, (*names_of(query, "dimensions"), *names_of(query, "metrics"))))
            file.put(f"{','.join(table.columns)}\n".encode())
            return table

        async def checked() -> AsyncGenerator[bytes, None]:
            async with aclosing(_pieces(session, body)) as pieces:
                async for piece, last in pieces:
                    table.take(records.feed(piece, last=last), last=last)
                    if piece:
                        yield piece

        with _readable_errors():
            async with aclosing(checked()) as pieces:
                await file.write(pieces, body.length, on_progress)
        _tell_missing(table, body)
        return table

    with UnfinishedFile(place) as file:
        table = await send_report(session, receiving(ENDPOINT, query, CSV, receive), known)
        size = await file.publish()
    return Counted(size, table.rows, table.columns)


def _is_readable(query: Mapping[str, str]) -> bool:
    return query.get("readable_names") == "true"


def _asked(query: Mapping[str, str]) -> list[str]:
    return [] if _is_readable(query) else [*names_of(query, "dimensions"), *names_of(query, "metrics")]


async def _pieces(session: Session, body: Body) -> AsyncGenerator[tuple[bytes, bool], None]:
    """Give the pieces of a CSV, each with whether it is the last one; see that it is no page of some proxy."""
    begun = False
    async for long_piece in body:
        for start in range(0, len(long_piece), PIECE):
            piece = long_piece[start : start + PIECE]
            text = piece.removeprefix(codecs.BOM_UTF8).lstrip()
            if not begun and (begun := bool(text)) and text[:1] in {b"<", b"{", b"["}:
                # Taken out before it is cut, so that not a part of the token shows.
                words = session.config.token.redact(text.decode("utf-8", "replace"))
                refuse(f"the answer is no CSV; it begins with {words[:60]!r}", "line 1", ENDPOINT)
            yield piece, False
    if not begun and body.status != NO_CONTENT:
        refuse("the answer is no CSV: it is empty, without a header", "line 1", ENDPOINT)
    yield b"", True


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except CsvError as error:
        refuse(error.problem, f"line {error.line}", ENDPOINT, transient=error.transient)


def _tell_missing(table: CsvTable, body: Body) -> None:
    if body.status != NO_CONTENT and (missing := table.missing()):
        logger.warning("the CSV report came without %s, which was asked for", ", ".join(missing))
