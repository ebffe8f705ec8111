"""A Parquet report: read as an Arrow table, or written to a file as it arrives."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from adjust_async._http.documents import decode_errors
from adjust_async._http.messages import Answer, Body
from adjust_async.errors import MalformedError
from adjust_async.progress import OnProgress
from adjust_async.reports.account import Account
from adjust_async.reports.downloads.atomic_file import UnfinishedFile
from adjust_async.reports.downloads.media import check_media_type
from adjust_async.reports.downloads.parquet_types import TypedColumns, batches_of, write_batches
from adjust_async.reports.downloads.saved import SavedReport
from adjust_async.reports.question import ReportQuestion
from adjust_async.reports.report import Report
from adjust_async.reports.request import send
from adjust_async.reports.specs import NO_CONTENT, path_of, receiving, spec_of
from adjust_async.tables import import_pyarrow

if TYPE_CHECKING:
    import pyarrow

__all__ = ["read_parquet", "save_parquet"]

ENDPOINT = "parquet_report"
PARQUET = "application/octet-stream"

#: The first and the last bytes of every Parquet file.
MAGIC = b"PAR1"

#: The number of bytes at the start of a body that are examined. An error quotes some of them.
EXCERPT = 200


async def read_parquet(account: Account, question: ReportQuestion) -> "pyarrow.Table":
    """Return a Parquet report as an Arrow table."""
    __tracebackhide__ = True
    import_pyarrow()

    def decode(answer: Answer) -> "pyarrow.Table":
        if answer.status == NO_CONTENT:
            return _empty(question)
        media_type = answer.headers.get("content-type", "")
        with decode_errors(path=answer.path):
            _check_ends(answer.body[:EXCERPT], answer.body[-4:], media_type, account.session.config.token.redact)
        return _read(answer.body, question)

    spec = spec_of(ENDPOINT, question.query(), decode)._replace(accept=PARQUET)
    return await send(account, question, spec)


async def save_parquet(
    account: Account, question: ReportQuestion, place: Path, on_progress: OnProgress | None
) -> SavedReport:
    """Write a Parquet report to a file as it arrives, then rewrite it with the types of `read_parquet`."""
    __tracebackhide__ = True
    import_pyarrow()

    async def receive(body: Body) -> tuple[int, tuple[str, ...]]:
        await file.write(body, body.length, on_progress)
        if body.status == NO_CONTENT:
            await file.put(_empty_file(question))
        else:
            with decode_errors(path=path_of(ENDPOINT)):
                ends = await asyncio.to_thread(_ends_of, file.path)
                _check_ends(*ends, body.media_type, account.session.config.token.redact)
        target = await typed.open()
        with typed.errors():
            return await asyncio.to_thread(_write_typed, file.path, target, question)

    with UnfinishedFile(place) as file, UnfinishedFile(place) as typed:
        rows, columns = await send(account, question, receiving(ENDPOINT, question.query(), PARQUET, receive))
        return SavedReport(place, await typed.publish(), rows, columns)


def _check_ends(begin: bytes, end: bytes, media_type: str, redact: Callable[[str], str]) -> None:
    if not begin:
        raise MalformedError("the answer is not Parquet: it is empty", transient=True)
    # The token is removed before the text is cut, so that no part of it is shown.
    words = redact(begin.decode("utf-8", "replace"))
    check_media_type(media_type, "Parquet", words)
    if not begin.startswith(MAGIC) and not MAGIC.startswith(begin):
        raise MalformedError(f"the answer is not Parquet; it begins with {words[:60]!r}")
    if begin == end or end != MAGIC:
        raise MalformedError("the answer is cut: Parquet ends as it begins", transient=True)


def _read(body: bytes, question: ReportQuestion) -> "pyarrow.Table":
    import pyarrow
    from pyarrow import parquet

    with _readable():
        table = parquet.read_table(pyarrow.BufferReader(body), page_checksum_verification=True)
        columns = TypedColumns(question, table.column_names)
        columns.look_at(table)
        return columns.convert(table, columns.schema(table.schema))


def _write_typed(source: Path, target: BinaryIO, question: ReportQuestion) -> tuple[int, tuple[str, ...]]:
    """Rewrite the report with its types, which checks every page. Return the number of rows, and the columns."""
    from pyarrow import parquet

    with _readable():
        given = parquet.read_schema(source)
        columns = TypedColumns(question, given.names)
        for batch in batches_of(source):
            columns.look_at(batch)
        schema = columns.schema(given)
        rows = write_batches(target, schema, (columns.convert(batch, schema) for batch in batches_of(source)))
    return rows, tuple(schema.names)


@contextmanager
def _readable() -> Iterator[None]:
    """Convert pyarrow's errors for an unreadable file into a `DecodeError`."""
    import pyarrow

    with decode_errors(path=path_of(ENDPOINT)):
        try:
            yield
        except (pyarrow.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # a system error, such as a full disk, is not the answer's fault
            raise MalformedError(f"the answer is not readable as Parquet: {error}", transient=True) from None


def _ends_of(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as file:
        begin = file.read(EXCERPT)
        file.seek(max(0, path.stat().st_size - 4))
        return begin, file.read()


def _empty(question: ReportQuestion) -> "pyarrow.Table":
    """Return a table without rows, with the types of a full one."""
    return Report([], question.dimensions, question.metrics).to_arrow()


def _empty_file(question: ReportQuestion) -> bytes:
    import pyarrow
    from pyarrow import parquet

    file = pyarrow.BufferOutputStream()
    parquet.write_table(_empty(question), file)
    body: bytes = file.getvalue().to_pybytes()
    return body
