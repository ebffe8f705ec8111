"""A Parquet report: read as an Arrow table, or written to a file as it arrives."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adjust_async._http.messages import Answer, Body
from adjust_async._http.session import Session
from adjust_async.reports.downloads.atomic_file import OnProgress, UnfinishedFile
from adjust_async.reports.report import Report
from adjust_async.reports.request import NO_CONTENT, KnownNames, names_of, receiving, refuse, send_report, spec_of
from adjust_async.tables import import_pyarrow

if TYPE_CHECKING:
    import pyarrow

__all__ = ["arrow_table", "save_parquet"]

ENDPOINT = "parquet_report"
PARQUET = "application/octet-stream"

#: What every Parquet file begins and ends with.
MAGIC = b"PAR1"

#: Bytes of something else that are told, such as an error of a gateway.
EXCERPT = 200


async def arrow_table(session: Session, query: Mapping[str, str], known: KnownNames) -> "pyarrow.Table":
    """Ask for a Parquet report, and read it."""
    import_pyarrow()

    def decode(answer: Answer) -> bytes | None:
        if answer.status == NO_CONTENT:
            return None
        _check(answer.body[:EXCERPT], answer.body[-4:])
        return answer.body

    spec = spec_of(ENDPOINT, query, decode)._replace(accept=PARQUET)
    body = await send_report(session, spec, known)
    return _empty(query) if body is None else await asyncio.to_thread(_read, body)


async def save_parquet(
    session: Session, query: Mapping[str, str], known: KnownNames, place: Path, on_progress: OnProgress | None
) -> tuple[int, int | None, tuple[str, ...]]:
    """Ask for a Parquet report, and write it to a file as it arrives; give its size, rows and columns."""

    async def receive(body: Body) -> None:
        await file.write(body, body.length, on_progress)
        if body.status == NO_CONTENT:
            file.put(_empty_file(query))
        else:
            _check(*await asyncio.to_thread(_ends_of, file.path))

    with UnfinishedFile(place) as file:
        await send_report(session, receiving(ENDPOINT, query, PARQUET, receive), known)
        rows, columns = await asyncio.to_thread(_look_into, file.path)
        size = await file.publish()
    return size, rows, columns


def _check(begin: bytes, end: bytes) -> None:
    if not begin.startswith(MAGIC):
        refuse(f"the answer is no Parquet; it begins with {begin.decode('utf-8', 'replace')!r}", "$", ENDPOINT)
    if end != MAGIC:
        refuse("the answer breaks off: Parquet ends as it begins", "$", ENDPOINT)


def _read(body: bytes) -> "pyarrow.Table":
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.read_table(pyarrow.BufferReader(body))
    except (pyarrow.ArrowException, OSError) as error:
        refuse(f"the answer is no Parquet that can be read: {error}", "$", ENDPOINT)


def _ends_of(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as file:
        begin = file.read(EXCERPT)
        file.seek(max(0, path.stat().st_size - 4))
        return begin, file.read()


def _empty(query: Mapping[str, str]) -> "pyarrow.Table":
    """Make a table without rows, with the types that Parquet reports have: dates are text there, as all dimensions."""
    pyarrow = import_pyarrow()
    types = {"integer": pyarrow.int64(), "number": pyarrow.float64()}
    columns = Report([], names_of(query, "dimensions"), names_of(query, "metrics")).schema
    schema = pyarrow.schema([(column.name, types.get(column.kind, pyarrow.string())) for column in columns])
    return schema.empty_table()


def _empty_file(query: Mapping[str, str]) -> bytes:
    pyarrow = import_pyarrow()
    from pyarrow import parquet

    file = pyarrow.BufferOutputStream()
    parquet.write_table(_empty(query), file)
    body: bytes = file.getvalue().to_pybytes()
    return body


def _look_into(path: Path) -> tuple[int | None, tuple[str, ...]]:
    """Read how many rows a file has, and their columns; neither is known without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        return None, ()
    try:
        metadata: Any = parquet.read_metadata(path)
    except (pyarrow.ArrowException, OSError) as error:
        refuse(f"the answer is no Parquet that can be read: {error}", "$", ENDPOINT)
    return metadata.num_rows, tuple(metadata.schema.to_arrow_schema().names)
