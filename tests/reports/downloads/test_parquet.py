"""Parquet reports, as tables and in files: whole, or an error."""

import asyncio
import io
import pickle
import random
import tracemalloc
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pyarrow
import pytest
from pyarrow import parquet

from adjust_async import (
    AdjustError,
    APIConnectionError,
    AsyncAdjust,
    BadRequestError,
    ClientClosedError,
    DecodeError,
    SavedReport,
)
from adjust_async.emulator import Emulator, Faults
from tests.loopback import RawRequest, answer, serve
from tests.reports.downloads.csv_service import files_of
from tests.reports.downloads.parquet_service import DATES, QUERY, WHOLE
from tests.script import Pieces, arriving, client, status

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=3, trackers_per_app=40, facts_per_day=15),
    pytest.mark.usefixtures("quick_retries"),
]


COLUMNS = ("day", "network", "installs", "cost", "ctr")


#: The table as users get it: days are dates, and what was asked for and did not come is null.
TYPED = pyarrow.table(
    [[date(2026, 1, 26), date(2026, 1, 27)], ["A", "B"], [1, 2], [None, None], [None, None]],
    pyarrow.schema(
        [
            ("day", pyarrow.date32()),
            ("network", pyarrow.string()),
            ("installs", pyarrow.int64()),
            ("cost", pyarrow.float64()),
            ("ctr", pyarrow.float64()),
        ]
    ),
)


@pytest.mark.parametrize("query", [{}, {"filters": {"installs__gte": 5}, "sort": ["-installs"]}, {"limit": 3}], ids=str)
async def test_the_table_is_that_of_the_json(
    adjust: AsyncAdjust, emulator: Emulator, query: Any, tmp_path: Path
) -> None:
    """For one question, the rows of the Parquet report equal those of the JSON, as a table and in a file."""
    query = QUERY | {"app_tokens": emulator.app_tokens[:2]} | query
    report = await adjust.reports.fetch(**query, fan_out="none")
    expected = report.to_arrow()
    table = await adjust.reports.read_parquet(**query)
    assert table.equals(expected)
    assert table.num_rows
    saved = await adjust.reports.download_parquet(tmp_path / "x.parquet", **query)
    assert saved == SavedReport(
        tmp_path / "x.parquet", saved.path.stat().st_size, table.num_rows, ("day", "network", "installs", "cost", "ctr")
    )
    assert parquet.read_table(saved.path).equals(table)
    assert list(files_of(tmp_path)) == ["x.parquet"]


async def test_the_request() -> None:
    """The request asks for bytes, with the parameters that a report has on the wire."""
    async with client(httpx.Response(200, content=WHOLE)) as (adjust, script):
        await adjust.reports.read_parquet(**QUERY, app_tokens=["abc", "def"], os_names=["iOS"])
    (request,) = script.requests
    assert request.headers["accept"] == "application/octet-stream"
    assert request.url.path == "/reports-service/parquet_report"
    assert dict(request.url.params) == {
        "dimensions": "day,network",
        "metrics": "installs,cost,ctr",
        "date_period": ":".join(DATES),
        "os_names": "ios",
        "format_dates": "false",
        "app_token__in": "abc,def",
    }


async def test_an_empty_report_has_columns(adjust: AsyncAdjust, tmp_path: Path) -> None:
    """204 is a table, and a file, without rows, whose columns have the types of a report with rows."""
    query = QUERY | {"filters": {"country_code__in": ["zz"]}}
    table = await adjust.reports.read_parquet(**query)
    assert (table.num_rows, tuple(table.column_names)) == (0, ("day", "network", "installs", "cost", "ctr"))
    full = await adjust.reports.read_parquet(**QUERY)
    assert table.schema.equals(full.schema)
    saved = await adjust.reports.download_parquet(tmp_path / "x.parquet", **query)
    assert saved[1:] == (saved.path.stat().st_size, 0, ("day", "network", "installs", "cost", "ctr"))
    assert parquet.read_table(saved.path).equals(table)
    assert list(files_of(tmp_path)) == ["x.parquet"]


SPOILT: dict[str, Any] = {
    "500": status(500),
    "504": status(504),
    "no connection": httpx.ConnectError("refused"),
    "empty": httpx.Response(200),
    "half": httpx.Response(200, content=WHOLE[: len(WHOLE) // 2]),
    "all but one byte": httpx.Response(200, content=WHOLE[:-1]),
    "three bytes": httpx.Response(200, content=b"PAR"),
    "reset": arriving(WHOLE[:50], httpx.ReadError("reset")),
    "cut": arriving(WHOLE[:-4], httpx.RemoteProtocolError("peer closed connection")),
}


@pytest.mark.parametrize("failure", SPOILT)
@pytest.mark.parametrize("to_file", [False, True])
async def test_an_incomplete_report_is_requested_again(failure: str, to_file: bool, tmp_path: Path) -> None:
    """An answer that failed, was cut off or is something else is requested again, from the beginning."""
    place = tmp_path / "x.parquet"
    async with client(SPOILT[failure], SPOILT[failure], httpx.Response(200, content=WHOLE)) as (adjust, script):
        if to_file:
            saved = await adjust.reports.download_parquet(place, **QUERY)
            assert saved == SavedReport(place, place.stat().st_size, 2, COLUMNS)
            assert parquet.read_table(place).equals(TYPED)
            assert list(files_of(tmp_path)) == ["x.parquet"]
        else:
            assert (await adjust.reports.read_parquet(**QUERY)).equals(TYPED)
        assert len(script.requests) == 3


@pytest.mark.parametrize("failure", SPOILT)
@pytest.mark.parametrize("to_file", [False, True])
async def test_a_lasting_failure_is_never_an_empty_report(failure: str, to_file: bool, tmp_path: Path) -> None:
    """After the last attempt its error is raised, which can be pickled; the old file stays, and nothing else."""
    place = tmp_path / "x.parquet"
    place.write_bytes(b"old")
    async with client(SPOILT[failure], max_attempts=3) as (adjust, script):
        with pytest.raises(AdjustError) as raised:
            await (adjust.reports.download_parquet(place, **QUERY) if to_file else adjust.reports.read_parquet(**QUERY))
        assert len(script.requests) == 3
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (type(copy), str(copy)) == (type(raised.value), str(raised.value))
    assert files_of(tmp_path) == {"x.parquet": b"old"}


FINAL: dict[str, Any] = {
    "html": httpx.Response(200, html="<html><title>Log in</title></html>"),
    "json": httpx.Response(200, json={"error_code": "service_error"}),
    "words": httpx.Response(200, content=b"Please log in"),
    "a report called html": httpx.Response(200, content=WHOLE, headers={"content-type": "text/html"}),
    "without its beginning": httpx.Response(200, content=WHOLE[1:]),
}


@pytest.mark.parametrize("failure", FINAL)
@pytest.mark.parametrize("to_file", [False, True])
async def test_an_answer_that_would_be_repeated_is_final(failure: str, to_file: bool, tmp_path: Path) -> None:
    """A page and a JSON document are final, and yesterday's file stays."""
    place = tmp_path / "x.parquet"
    place.write_bytes(b"yesterday")
    async with client(FINAL[failure], httpx.Response(200, content=WHOLE)) as (adjust, script):
        with pytest.raises(DecodeError, match="the answer is not Parquet"):
            await (adjust.reports.download_parquet(place, **QUERY) if to_file else adjust.reports.read_parquet(**QUERY))
        assert len(script.requests) == 1
    assert files_of(tmp_path) == {"x.parquet": b"yesterday"}


@pytest.mark.parametrize("to_file", [False, True])
async def test_every_page_is_verified(to_file: bool, tmp_path: Path) -> None:
    """A changed byte in any page is noticed although the footer does not show it, and the report is requested again."""
    table = pyarrow.table(
        {"day": ["2026-01-26"] * 3000, "network": list(map(str, range(3000))), "installs": range(3000)}
    )
    sink = io.BytesIO()
    parquet.write_table(table, sink, row_group_size=1000, write_page_checksum=True, use_dictionary=False)
    good = sink.getvalue()
    rng = random.Random(14)
    pages = parquet.ParquetFile(io.BytesIO(good)).metadata
    places = [pages.row_group(group).column(column) for group in range(3) for column in range(3)]
    for column in places:
        bad = bytearray(good)
        start = column.data_page_offset
        bad[rng.randrange(start + column.total_compressed_size // 2, start + column.total_compressed_size)] ^= 0xFF
        async with client(httpx.Response(200, content=bytes(bad)), httpx.Response(200, content=good)) as (
            adjust,
            script,
        ):
            if to_file:
                saved = await adjust.reports.download_parquet(tmp_path / "x.parquet", **QUERY)
                assert saved.rows == 3000
            else:
                assert (await adjust.reports.read_parquet(**QUERY)).num_rows == 3000
            assert len(script.requests) == 2
    assert set(files_of(tmp_path)) <= {"x.parquet"}


@pytest.mark.parametrize("to_file", [False, True])
async def test_an_unreadable_file_is_a_decode_error(to_file: bool, tmp_path: Path) -> None:
    """A file that only starts and ends like Parquet is a `DecodeError`, and is not kept."""
    broken = b"PAR1\xff\xff\xff\x7fPAR1"
    async with client(httpx.Response(200, content=broken), max_attempts=1) as (adjust, _):
        with pytest.raises(DecodeError, match="not readable as Parquet"):
            await (
                adjust.reports.download_parquet(tmp_path / "x", **QUERY)
                if to_file
                else adjust.reports.read_parquet(**QUERY)
            )
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize(
    "fault", ["truncated-json", "truncated-body", "429-retry-after", "502-html", "503", "drop-before", "drip"]
)
async def test_the_emulators_faults_are_overcome(
    adjust: AsyncAdjust, emulator: Emulator, fault: str, tmp_path: Path
) -> None:
    """No recoverable fault changes table or file."""
    table = await adjust.reports.read_parquet(**QUERY)
    emulator.faults = Faults.script([fault], retry_after=0, drip=0.05)
    assert (await adjust.reports.read_parquet(**QUERY)).equals(table)
    emulator.faults = Faults.script([fault], retry_after=0, drip=0.05)
    saved = await adjust.reports.download_parquet(tmp_path / "x.parquet", **QUERY)
    assert parquet.read_table(saved.path).equals(table)
    assert emulator.stats.faults[fault] == 2


async def test_a_truncated_file_over_sockets(tmp_path: Path) -> None:
    """Half of the announced bytes before the connection ends is not a report."""
    seen: list[RawRequest] = []

    async def handler(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        writer.write(answer(WHOLE if len(seen) > 1 else WHOLE[: len(WHOLE) // 2], length=len(WHOLE)))
        await writer.drain()
        if len(seen) == 1:
            writer.close()

    async with serve(handler) as server, AsyncAdjust("secret", api_url=server.url) as adjust:
        await adjust.reports.download_parquet(tmp_path / "x.parquet", **QUERY)
    assert parquet.read_table(tmp_path / "x.parquet").equals(TYPED)
    assert list(files_of(tmp_path)) == ["x.parquet"]
    assert len(seen) == 2


@pytest.mark.slow
async def test_a_large_file_takes_no_memory(tmp_path: Path) -> None:
    """A report of many megabytes is written with a fraction of its size in memory, and reports its progress."""
    table = pyarrow.table({"installs": list(range(300_000)) * 8})
    body = io.BytesIO()
    parquet.write_table(table, body, use_dictionary=False, compression="none")
    whole = body.getvalue()

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"", length=len(whole)))
        for start in range(0, len(whole), 100_000):
            writer.write(whole[start : start + 100_000])
            await writer.drain()

    told: list[tuple[int, int | None]] = []
    async with serve(handler) as server, AsyncAdjust("secret", api_url=server.url) as adjust:
        tracemalloc.start()
        try:
            saved = await adjust.reports.download_parquet(
                tmp_path / "x.parquet", **QUERY, on_progress=lambda *progress: told.append(progress[:2])
            )
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(whole) > 15_000_000
    assert peak < len(whole) / 3
    assert saved[2:] == (2_400_000, COLUMNS)
    assert told == sorted(set(told))
    assert told[-1] == (len(whole), len(whole))
    assert parquet.read_table(saved.path, columns=["installs"]).equals(table)
    assert list(files_of(tmp_path)) == ["x.parquet"]


async def test_an_exception_of_on_progress_ends_the_call(tmp_path: Path) -> None:
    """An exception of `on_progress` is raised unchanged, is not retried, and leaves nothing."""

    def progress(*_: object) -> None:
        raise LookupError("my own mistake")

    bodies: list[Pieces] = []
    async with client(arriving(WHOLE[:50], WHOLE[50:], bodies=bodies)) as (adjust, script):
        with pytest.raises(LookupError, match="my own mistake"):
            await adjust.reports.download_parquet(tmp_path / "x.parquet", **QUERY, on_progress=progress)
        assert len(script.requests) == 1
    assert bodies[0].closed == 1
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize("to_file", [False, True])
@pytest.mark.parametrize("how", ["cancel", "close"])
async def test_leaving_early(to_file: bool, how: str, tmp_path: Path) -> None:
    """A cancellation and closing the client release everything, and keep the old file."""
    place = tmp_path / "x.parquet"
    place.write_bytes(b"old")
    sent = asyncio.Event()

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(answer(WHOLE[:50], length=len(WHOLE)))
            await writer.drain()
            sent.set()
            reader: asyncio.StreamReader = getattr(writer, "_reader")  # noqa: B009 - which has no public name
            await reader.read()
            writer.close()

    async with serve(handler) as server:
        adjust = AsyncAdjust("secret", api_url=server.url)
        asked = adjust.reports.download_parquet(place, **QUERY) if to_file else adjust.reports.read_parquet(**QUERY)
        asking: asyncio.Task[Any] = asyncio.create_task(asked)
        await sent.wait()
        await asyncio.sleep(0.05)
        if how == "cancel":
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        await adjust.aclose()
        if how == "close":
            with pytest.raises(ClientClosedError):
                await asking
        session = adjust._session
        assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)
        await server.all_closed()
    assert files_of(tmp_path) == {"x.parquet": b"old"}


async def test_a_refusal_explains(adjust: AsyncAdjust, emulator: Emulator, tmp_path: Path) -> None:
    """A 400 names the metric that was refused, for the table as for the file."""
    query = QUERY | {"metrics": ["installs", "cozt"]}
    with pytest.raises(BadRequestError, match="Check the metric 'cozt'"):
        await adjust.reports.read_parquet(**query)
    await adjust.reports.filters(["overview_metrics"])
    with pytest.raises(BadRequestError, match=r"'cozt' \(did you mean 'cost'"):
        await adjust.reports.download_parquet(tmp_path / "x.parquet", **query)
    assert emulator.stats.requests["GET /reports-service/parquet_report"] == 2
    assert files_of(tmp_path) == {}


async def test_no_service_at_all(tmp_path: Path) -> None:
    """If nothing listens, that is the error."""
    async with AsyncAdjust("secret", api_url="http://127.0.0.1:9", max_attempts=1) as adjust:
        with pytest.raises(APIConnectionError, match=r"could not connect to http://127\.0\.0\.1:9"):
            await adjust.reports.download_parquet(tmp_path / "x.parquet", **QUERY)
    assert files_of(tmp_path) == {}
