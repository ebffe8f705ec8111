"""A Parquet report: read as an Arrow table, or written to a file as it arrives."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adjust_async._http.documents import decode_errors
from adjust_async._http.messages import Answer, Body
from adjust_async._http.session import Session
from adjust_async.errors import MalformedError
from adjust_async.reports.downloads.atomic_file import OnProgress, UnfinishedFile
from adjust_async.reports.downloads.saved import SavedReport
from adjust_async.reports.question import ReportQuestion
from adjust_async.reports.refusals import KnownNames
from adjust_async.reports.report import Report
from adjust_async.reports.request import NO_CONTENT, path_of, receiving, send, spec_of
from adjust_async.tables import import_pyarrow

if TYPE_CHECKING:
    import pyarrow

__all__ = ["read_parquet", "save_parquet"]

ENDPOINT = "parquet_report"
PARQUET = "application/octet-stream"

#: The first and the last bytes of every Parquet file.
MAGIC = b"PAR1"

#: Bytes that an error quotes of a body that is something else, such as a page of a gateway.
EXCERPT = 200


async def read_parquet(session: Session, names: KnownNames, question: ReportQuestion) -> "pyarrow.Table":
    """Return a Parquet report as an Arrow table."""
    import_pyarrow()

    def decode(answer: Answer) -> bytes | None:
        if answer.status == NO_CONTENT:
            return None
        with decode_errors(path=answer.path):
            _check_ends(answer.body[:EXCERPT], answer.body[-4:])
        return answer.body

    spec = spec_of(ENDPOINT, question.query(), decode)._replace(accept=PARQUET)
    body = await send(session, names, question, spec)
    return _empty(question) if body is None else await asyncio.to_thread(_read, body)


async def save_parquet(
    session: Session, names: KnownNames, question: ReportQuestion, place: Path, on_progress: OnProgress | None
) -> SavedReport:
    """Write a Parquet report to a file as it arrives."""

    async def receive(body: Body) -> None:
        await file.write(body, body.length, on_progress)
        if body.status == NO_CONTENT:
            file.put(_empty_file(question))
            return
        with decode_errors(path=path_of(ENDPOINT)):
            _check_ends(*await asyncio.to_thread(_ends_of, file.path))

    with UnfinishedFile(place) as file:
        await send(session, names, question, receiving(ENDPOINT, question.query(), PARQUET, receive))
        rows, columns = await asyncio.to_thread(_read_footer, file.path)
        size = await file.publish()
    return SavedReport(place, size, rows, columns)


def _check_ends(begin: bytes, end: bytes) -> None:
    if not begin.startswith(MAGIC):
        shown = begin.decode("utf-8", "replace")
        raise MalformedError(f"the answer is no Parquet; it begins with {shown!r}", transient=True)
    if end != MAGIC:
        raise MalformedError("the answer breaks off: Parquet ends as it begins", transient=True)


def _read(body: bytes) -> "pyarrow.Table":
    import pyarrow
    from pyarrow import parquet

    with decode_errors(path=path_of(ENDPOINT)):
        try:
            return parquet.read_table(pyarrow.BufferReader(body))
        except (pyarrow.ArrowException, OSError) as error:
            raise _unreadable(error) from None


def _unreadable(error: Exception) -> MalformedError:
    return MalformedError(f"the answer is no Parquet that can be read: {error}", transient=True)


def _ends_of(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as file:
        begin = file.read(EXCERPT)
        file.seek(max(0, path.stat().st_size - 4))
        return begin, file.read()


def _empty(question: ReportQuestion) -> "pyarrow.Table":
    """Return a table without rows, with the types of Parquet reports: all dimensions are text there, even dates."""
    pyarrow = import_pyarrow()
    types = {"integer": pyarrow.int64(), "number": pyarrow.float64()}
    columns = Report([], question.dimensions, question.metrics).schema
    schema = pyarrow.schema([(column.name, types.get(column.kind, pyarrow.string())) for column in columns])
    return schema.empty_table()


def _empty_file(question: ReportQuestion) -> bytes:
    pyarrow = import_pyarrow()
    from pyarrow import parquet

    file = pyarrow.BufferOutputStream()
    parquet.write_table(_empty(question), file)
    body: bytes = file.getvalue().to_pybytes()
    return body


def _read_footer(path: Path) -> tuple[int | None, tuple[str, ...]]:
    """Return the number of rows of a file, and its columns; neither is known without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        return None, ()
    with decode_errors(path=path_of(ENDPOINT)):
        try:
            metadata: Any = parquet.read_metadata(path)
        except (pyarrow.ArrowException, OSError) as error:
            raise _unreadable(error) from None
    return metadata.num_rows, tuple(metadata.schema.to_arrow_schema().names)
