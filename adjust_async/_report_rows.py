"""A CSV report as it arrives: row by row, or counted on its way into a file."""

import logging
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from adjust_async._fanout import Send, stream
from adjust_async._report_csv import CsvError, CsvRecords, CsvRows
from adjust_async._report_parameters import column_name
from adjust_async._report_request import NO_CONTENT, KnownNames, names_of, receiving, refuse, send_report
from adjust_async._saving import OnProgress, UnfinishedFile
from adjust_async._session import Session
from adjust_async._wire import Body
from adjust_async.errors import AdjustError

__all__ = ["csv_rows", "save_csv"]

ENDPOINT = "csv_report"
CSV = "text/csv"

#: Pieces of a body whose rows may wait for their consumer.
AHEAD = 2

logger = logging.getLogger("adjust_async")

_Rows = list[dict[str, Any]]


async def csv_rows(
    session: Session, query: Mapping[str, str], known: KnownNames, *, exact: bool
) -> AsyncGenerator[dict[str, Any], None]:
    """Ask for a CSV report, and give its rows as they arrive."""

    async def produce(send: Send[_Rows]) -> None:
        async def receive(body: Body) -> None:
            readable_names = query.get("readable_names") == "true"
            records = CsvRecords()
            rows = CsvRows(names_of(query, "metrics"), readable_names=readable_names, exact=exact)
            with _readable_errors():
                async with aclosing(_pieces(body)) as pieces:
                    async for piece in pieces:
                        if batch := rows.read(records.feed(piece)):
                            body.keep()  # for rows that were handed out can't be taken back
                            await send(batch)
                if batch := rows.read(records.feed(b"", last=True)):
                    body.keep()
                    await send(batch)
            _look_for_columns(rows.columns, query, body)

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

    async def receive(body: Body) -> tuple[int, tuple[str, ...]]:
        if body.status == NO_CONTENT:
            columns = tuple(map(column_name, (*names_of(query, "dimensions"), *names_of(query, "metrics"))))
            await file.write_text(f"{','.join(columns)}\n")
            return 0, columns
        tally = _Tally()
        with _readable_errors():
            async with aclosing(_pieces(body, tally)) as pieces:
                await file.write(pieces, body.length, on_progress)
        _look_for_columns(tally.header, query, body)
        return tally.records - 1, tuple(tally.header)

    with UnfinishedFile(place) as file:
        rows, columns = await send_report(session, receiving(ENDPOINT, query, CSV, receive), known)
        size = await file.publish()
    return Counted(size, rows, columns)


class _Tally:
    """Counts the records of a CSV on its way."""

    def __init__(self) -> None:
        self.header: list[str] = []
        self.records = 0
        self._reading = CsvRecords()

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        """Count the records that end in a piece."""
        records = self._reading.feed(piece, last=last)
        if records and not self.records:
            self.header = records[0]
        self.records += len(records)


async def _pieces(body: Body, tally: _Tally | None = None) -> AsyncGenerator[bytes, None]:
    """Give the pieces of a CSV, or none where the report is empty; see that it is no page of some proxy."""
    begun = False
    async for piece in body:
        if not begun and (begun := bool(piece.strip())) and piece.lstrip()[:1] in {b"<", b"{", b"["}:
            refuse(f"the answer is no CSV; it begins with {piece[:60].decode('utf-8', 'replace')!r}", "line 1")
        if tally is not None:
            tally.feed(piece)
        yield piece
    if not begun and body.status != NO_CONTENT:
        refuse("the answer is no CSV: it is empty, without a header", "line 1")
    if tally is not None:
        tally.feed(b"", last=True)


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except CsvError as error:
        refuse(error.problem, f"line {error.line}")


def _look_for_columns(columns: Iterable[str], query: Mapping[str, str], body: Body) -> None:
    """Tell of columns that were asked for and did not come."""
    if body.status == NO_CONTENT or query.get("readable_names") == "true":
        return
    came = {column.lower() for column in columns}
    asked = (*names_of(query, "dimensions"), *names_of(query, "metrics"))
    if missing := [name for name in asked if name.lower() not in came]:
        logger.warning("the CSV report came without %s, which was asked for", ", ".join(missing))
