"""CSV reports in files: complete or absent."""

import asyncio
import csv
import gzip
import io
import pickle
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from adjust_async import (
    AdjustError,
    APITimeoutError,
    AsyncAdjust,
    ClientClosedError,
    SavedReport,
)
from adjust_async.emulator import Emulator
from tests.loopback import RawRequest, answer, serve
from tests.reports.downloads.csv_service import DATES, HEADER, QUERY, chunked, client_gone, files_of, gone, line, whole
from tests.script import Pieces, arriving, client

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=3, trackers_per_app=40, facts_per_day=15),
    pytest.mark.usefixtures("quick_retries"),
]


async def test_a_file_has_the_bytes_of_the_service(adjust: AsyncAdjust, emulator: Emulator, tmp_path: Path) -> None:
    """The file has the service's bytes. Its size, rows and columns are returned."""
    query = {"dimensions": "day,network", "metrics": "installs,cost", "date_period": ":".join(DATES)}
    headers = {"Authorization": f"Bearer {emulator.token}"}
    async with httpx.AsyncClient(base_url=emulator.url, headers=headers, verify=False) as plain:
        own = await plain.get("/reports-service/csv_report", params={**query, "format_dates": "false"})
    place = tmp_path / "report.csv"
    question: Any = {name: text.split(",") for name, text in query.items()} | {"date_period": DATES}
    for path in (place, str(place)):
        saved = await adjust.reports.download_csv(path, **question)
        rows = len(list(csv.reader(io.StringIO(own.text)))) - 1
        assert saved == SavedReport(place, len(own.content), rows, ("day", "network", "installs", "cost"))
        columns = ["day", "network", "installs", "cost"]
        assert saved.to_dict() == {"path": str(place), "size": saved.size, "rows": rows, "columns": columns}
        assert place.read_bytes() == own.content
        assert list(files_of(tmp_path)) == ["report.csv"]


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"", 0),
        (b'2026-01-01,"a\nb",1,2\n', 1),
        (b'2026-01-01,"a\n\n\nb ""c\n""",1,2\n2026-01-02,d,1,2\n', 2),
        (b"2026-01-01,a,1,2\r\n2026-01-01,b,1,2\r\n", 2),
        (b"2026-01-01,a,1,2\n2026-01-01,b,1,2", 2),
        (b'2026-01-01,a,1,2\n2026-01-01,"b",1,"2"', 2),
    ],
    ids=range(6),
)
@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_rows_of_a_file_are_counted(body: bytes, rows: int, size: int, tmp_path: Path) -> None:
    """Line breaks within quotes do not end rows, and the last row needs none, however the body is cut."""
    text = HEADER + body
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    async with client(arriving(*pieces)) as (adjust, _):
        saved = await adjust.reports.download_csv(tmp_path / "x.csv", **QUERY)
    assert (saved.rows, saved.size) == (rows, len(text))
    assert saved.path.read_bytes() == text


async def test_an_empty_report_is_a_file_with_a_header(adjust: AsyncAdjust, tmp_path: Path) -> None:
    """204 writes only the header, with the names that the columns would have had."""
    nothing = {"country_code__in": ["zz"]}
    query = {"metrics": ["installs", "retention_rate_D7"], "date_period": DATES, "filters": nothing}
    saved = await adjust.reports.download_csv(tmp_path / "x.csv", **QUERY | query)
    header = b"day,app,installs,retention_rate_d7\n"
    assert saved == SavedReport(tmp_path / "x.csv", len(header), 0, ("day", "app", "installs", "retention_rate_d7"))
    assert saved.path.read_bytes() == header


async def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    """An existing file stays until the new report is complete. Then it is replaced."""
    place = tmp_path / "x.csv"
    place.write_bytes(b"old")
    seen: list[bytes] = []
    async with client(arriving(HEADER, line(0), line(1))) as (adjust, _):
        await adjust.reports.download_csv(place, **QUERY, on_progress=lambda *_: seen.append(place.read_bytes()))
    assert seen == [b"old"] * 3
    assert place.read_bytes() == whole(2)
    assert list(files_of(tmp_path)) == ["x.csv"]


@pytest.mark.slow
async def test_a_large_file_takes_no_memory(tmp_path: Path) -> None:
    """A complete report of many megabytes is written with a fraction of its size in memory."""
    piece = b"".join(map(line, range(20_000)))
    times = 12

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        size = len(HEADER) + times * len(piece)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + HEADER)
        for part in [piece] * times:
            writer.write(part)
            await writer.drain()

    told: list[tuple[int, int | None]] = []
    async with serve(handler) as server, AsyncAdjust("secret", api_url=server.url) as adjust:
        tracemalloc.start()
        try:
            saved = await adjust.reports.download_csv(
                tmp_path / "x.csv", **QUERY, on_progress=lambda *progress: told.append(progress[:2])
            )
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    size = len(HEADER) + times * len(piece)
    assert size > 5_000_000
    assert peak < size / 3
    assert (saved.size, saved.rows) == (size, times * 20_000)
    assert saved.path.read_bytes() == HEADER + piece * times
    assert told == sorted(set(told))
    assert {total for _, total in told} == {size}
    assert told[-1][0] == size


async def test_progress_of_a_body_of_unknown_length(tmp_path: Path) -> None:
    """If the service does not announce the length, the total is `None`. Compressed bytes count decompressed."""
    text = whole(50)
    packed = gzip.compress(text)
    told: list[tuple[int, int | None]] = []
    answers = arriving(packed, content_encoding="gzip", content_length=str(len(packed))), arriving(text)
    async with client(*answers) as (adjust, _):
        for _ in answers:
            saved = await adjust.reports.download_csv(
                tmp_path / "x.csv", **QUERY, on_progress=lambda *progress: told.append(progress[:2])
            )
            assert saved.size == len(text)
            assert told[-1] == (len(text), None)
            assert {total for _, total in told} == {None}


@pytest.mark.parametrize("error", [LookupError, KeyError, OSError, AssertionError, asyncio.CancelledError])
async def test_an_exception_of_on_progress_ends_the_call(error: type[BaseException], tmp_path: Path) -> None:
    """An exception of `on_progress` is raised unchanged, is not retried, and leaves only the old file."""
    place = tmp_path / "x.csv"
    place.write_bytes(b"old")

    def progress(arrived: int, _: int | None, __: str) -> None:
        if arrived > len(HEADER):
            raise error("my own mistake")

    bodies: list[Pieces] = []
    async with client(arriving(HEADER, line(0), line(1), bodies=bodies)) as (adjust, script):
        with pytest.raises(error):
            await adjust.reports.download_csv(place, **QUERY, on_progress=progress)
        assert len(script.requests) == 1
    assert bodies[0].closed == 1
    assert files_of(tmp_path) == {"x.csv": b"old"}


QUICK: dict[str, Any] = {
    "reset": (HEADER + line(0), httpx.ReadError("reset")),
    "cut": (HEADER, line(0), httpx.RemoteProtocolError("peer closed connection")),
    "half a megabyte": (HEADER, *[line(number) * 20_000 for number in range(3)], httpx.ReadError("reset")),
    "nothing": (httpx.ReadError("reset"),),
    "empty": (),
    "within quotes": (HEADER, b'2026-01-01,"a\n'),
}


@pytest.mark.parametrize("failure", QUICK)
async def test_a_file_is_written_again_after_a_drop(failure: str, tmp_path: Path) -> None:
    """After an answer that was cut anywhere, the file is that of the next attempt: no byte is doubled or missing."""
    place = tmp_path / "x.csv"
    async with client(arriving(*QUICK[failure]), arriving(*QUICK[failure]), arriving(whole(5))) as (adjust, script):
        saved = await adjust.reports.download_csv(place, **QUERY)
        assert len(script.requests) == 3
    assert place.read_bytes() == whole(5)
    assert saved == SavedReport(place, len(whole(5)), 5, ("day", "app", "installs", "cost"))
    assert list(files_of(tmp_path)) == ["x.csv"]


@pytest.mark.parametrize("failure", QUICK)
async def test_a_failure_leaves_the_old_file(failure: str, tmp_path: Path) -> None:
    """If every attempt failed, the error is raised, an existing file stays, and nothing else is left."""
    place = tmp_path / "x.csv"
    place.write_bytes(b"old")
    async with client(arriving(*QUICK[failure]), max_attempts=2) as (adjust, script):
        with pytest.raises(AdjustError) as raised:
            await adjust.reports.download_csv(place, **QUERY)
        assert len(script.requests) == 2
    assert files_of(tmp_path) == {"x.csv": b"old"}
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


async def test_a_truncated_body_is_written_again(tmp_path: Path) -> None:
    """Over sockets too, half of the announced bytes is not a report."""
    seen: list[RawRequest] = []

    async def handler(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        text = whole(1000)
        writer.write(answer(text if len(seen) > 2 else text[: len(text) // 2], length=len(text)))
        await writer.drain()
        if len(seen) <= 2:
            writer.close()

    async with serve(handler) as server, AsyncAdjust("secret", api_url=server.url) as adjust:
        saved = await adjust.reports.download_csv(tmp_path / "x.csv", **QUERY)
    assert saved.rows == 1000
    assert saved.path.read_bytes() == whole(1000)
    assert list(files_of(tmp_path)) == ["x.csv"]


@pytest.mark.parametrize("how", ["cancel", "close"])
@pytest.mark.parametrize("old", [True, False])
async def test_leaving_a_file_early(how: str, old: bool, tmp_path: Path) -> None:
    """A cancellation and the close of the client in the middle of a file leave the old file, and nothing else."""
    place = tmp_path / "x.csv"
    if old:
        place.write_bytes(b"old")
    arrived = asyncio.Event()

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(chunked(HEADER, line(0) * 100_000, last=b""))
            await writer.drain()
            await client_gone(writer)

    def progress(size: int, _: int | None, __: str) -> None:
        if size > 1_000_000:
            arrived.set()

    async with serve(handler) as server:
        adjust = AsyncAdjust("secret", api_url=server.url)
        saving = asyncio.create_task(adjust.reports.download_csv(place, **QUERY, on_progress=progress))
        await arrived.wait()
        if how == "cancel":
            saving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await saving
        else:
            await adjust.aclose()
            with pytest.raises(ClientClosedError):
                await saving
        await gone(adjust)
        await server.all_closed()
        assert files_of(tmp_path) == ({"x.csv": b"old"} if old else {})
        await adjust.aclose()


async def test_the_deadline_leaves_no_file(tmp_path: Path) -> None:
    """A report that does not arrive in time leaves nothing behind."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(HEADER, line(0), last=b""))
        await client_gone(writer)

    async with serve(handler) as server, AsyncAdjust("secret", api_url=server.url, reports_deadline=0.3) as adjust:
        with pytest.raises(APITimeoutError, match=r"reports_deadline=0\.3"):
            await adjust.reports.download_csv(tmp_path / "x.csv", **QUERY)
    assert not files_of(tmp_path)


async def test_many_files_at_once(adjust: AsyncAdjust, emulator: Emulator, tmp_path: Path) -> None:
    """Many reports written side by side, some of them to the same place, don't meet."""
    query: Any = {"dimensions": ["hour", "network"], "metrics": ["installs"], "date_period": DATES}
    tokens = emulator.app_tokens
    saved = await asyncio.gather(
        *(
            adjust.reports.download_csv(tmp_path / f"{number % 6}.csv", **query, app_tokens=tokens[number % 3])
            for number in range(18)
        )
    )
    assert sorted(files_of(tmp_path)) == [f"{number}.csv" for number in range(6)]
    for number, report in enumerate(saved):
        rows = [found async for found in adjust.reports.iter_csv(**query, app_tokens=tokens[number % 3])]
        assert report.rows == len(rows)
        assert report.path.stat().st_size == report.size


async def test_a_failing_disk_names_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk error is not retried, names the path, and leaves nothing in flight."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    async with client(arriving(whole(3))) as (adjust, script):
        with pytest.raises(AdjustError, match=r"x\.csv.*No space left"):
            await adjust.reports.download_csv(tmp_path / "x.csv", **QUERY)
        assert len(script.requests) == 1
    assert not files_of(tmp_path)
