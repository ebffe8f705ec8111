"""CSV reports: rows as they arrive, and files that are there whole or not at all."""

import asyncio
import csv
import gzip
import io
import logging
import pickle
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from adjust_async import (
    AdjustError,
    APIConnectionError,
    APITimeoutError,
    AsyncAdjust,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    PermissionDeniedError,
    SavedReport,
    ServerError,
)
from adjust_async.emulator import Emulator, Faults
from tests.clock import JUMPING_CLOCK
from tests.loopback import RawRequest, answer, serve
from tests.script import Pieces, arriving, client, drip, now, status

pytestmark = pytest.mark.anyio
jumping = pytest.mark.parametrize("anyio_backend", [pytest.param(JUMPING_CLOCK, id="jumping")])

QUERY: Any = {"dimensions": ["day", "app"], "metrics": ["installs", "cost"], "date_period": "-7d:-1d"}
DATES = ("2026-01-26", "2026-02-04")
HEADER = b"day,app,installs,cost\n"


def line(number: int) -> bytes:
    """Give a row of the report."""
    return b"2026-01-%02d,App %d,%d,%d.5\n" % (number % 28 + 1, number, number, number)


def row(number: int) -> dict[str, Any]:
    """Give what that row says."""
    return {"day": date(2026, 1, number % 28 + 1), "app": f"App {number}", "installs": number, "cost": number + 0.5}


def whole(rows: int) -> bytes:
    """Give a report."""
    return HEADER + b"".join(map(line, range(rows)))


async def rows_of(adjust: AsyncAdjust, **query: Any) -> list[dict[str, Any]]:
    """Ask for all rows."""
    return [found async for found in adjust.reports.iter_csv(**QUERY | query)]


def chunked(*pieces: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    """Compose an answer in chunks; `last` ends it."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + last


def files_of(folder: Path) -> dict[str, bytes]:
    """Give all that lies in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def client_gone(writer: asyncio.StreamWriter) -> None:
    """Wait until the client has closed the connection; then close this end."""
    reader: asyncio.StreamReader = getattr(writer, "_reader")  # noqa: B009 - which has no public name
    await reader.read()
    writer.close()


async def gone(adjust: AsyncAdjust) -> None:
    """Wait until nothing is under way: what a `break` leaves behind ends a moment later."""
    session = adjust._session
    async with asyncio.timeout(5):
        while session.permits or session.calls or session._tasks:
            await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait between attempts but what the service asks for: files need real clocks."""
    monkeypatch.setattr("adjust_async._http.retry.jitter", lambda _: 0.0)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An account of three apps with figures."""
    async with Emulator(apps=3, trackers_per_app=40, facts_per_day=15) as running:
        yield running


@pytest.fixture
async def adjust(emulator: Emulator) -> AsyncIterator[AsyncAdjust]:
    """A client of the emulator; at its end no permit, call or task may be left."""
    async with AsyncAdjust(emulator.token, api_url=emulator.url) as made:
        yield made
        session = made._session
        assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)


# Rows.


@pytest.mark.parametrize(
    "dimensions",
    [["day"], ["hour", "network"], ["week", "country"], ["month", "app", "app_token"], ["campaign", "partner_id"]],
    ids=",".join,
)
@pytest.mark.parametrize("exact", [False, True])
async def test_rows_are_those_of_the_json(adjust: AsyncAdjust, dimensions: list[str], exact: bool) -> None:
    """For one question, the rows of the CSV equal those of the JSON, and so do the types of their cells."""
    query: Any = {
        "dimensions": dimensions,
        "metrics": ["installs", "cost", "ctr", "retention_rate_D1", "network_installs_diff"],
        "date_period": DATES,
    }
    report = await adjust.reports.fetch(**query, fan_out="none")
    rows = [found async for found in adjust.reports.iter_csv(**query, exact=exact)]
    assert rows == list(report.rows(exact=exact))
    assert rows
    for of_csv, of_json in zip(rows, report.rows(exact=exact), strict=True):
        assert [(key, type(cell)) for key, cell in of_csv.items()] == [
            (key, type(cell)) for key, cell in of_json.items()
        ]


async def test_filters_and_apps_are_those_of_the_json(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Apps, filters, sort and limit go out as for JSON, in one request."""
    query: Any = {
        "dimensions": ["app_token", "day"],
        "metrics": ["installs"],
        "date_period": DATES,
        "app_tokens": emulator.app_tokens[:2],
        "filters": {"installs__gte": 3},
        "sort": ["-installs"],
        "limit": 7,
    }
    report = await adjust.reports.fetch(**query)
    emulator.stats.reset()
    rows = [found async for found in adjust.reports.iter_csv(**query)]
    assert emulator.stats.requests == {"GET /reports-service/csv_report": 1}
    assert rows == list(report.rows())
    assert len(rows) == 7


async def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    """A mark before the header belongs to no column, for rows as for files."""
    query: Any = {"dimensions": ["day"], "metrics": ["installs"], "date_period": DATES}
    async with (
        Emulator(apps=1, trackers_per_app=5, facts_per_day=2, csv_byte_order_mark=True) as emulator,
        AsyncAdjust(emulator.token, api_url=emulator.url) as adjust,
    ):
        rows = [found async for found in adjust.reports.iter_csv(**query)]
        assert {tuple(found) for found in rows} == {("day", "installs")}
        saved = await adjust.reports.download_csv(tmp_path / "x.csv", **query)
        assert saved.columns == ("day", "installs")
        assert saved.rows == len(rows)
        assert saved.path.read_bytes().startswith(b"\xef\xbb\xbfday,")


async def test_readable_names_are_headers_of_texts(adjust: AsyncAdjust, tmp_path: Path) -> None:
    """With `readable_names` the service names the columns, and every cell is a text."""
    query: Any = {"dimensions": ["day"], "metrics": ["installs"], "date_period": DATES, "readable_names": True}
    rows = [found async for found in adjust.reports.iter_csv(**query)]
    assert {tuple(found) for found in rows} == {("Day", "Installs")}
    assert all(type(cell) is str for found in rows for cell in found.values())
    saved = await adjust.reports.download_csv(tmp_path / "x.csv", **query)
    assert saved.columns == ("Day", "Installs")


@jumping
async def test_an_empty_report_has_no_rows() -> None:
    """204 is an empty report, and so is a header without rows."""
    async with client(httpx.Response(204), httpx.Response(200, content=HEADER)) as (adjust, script):
        assert await rows_of(adjust) == []
        assert await rows_of(adjust) == []
        assert len(script.requests) == 2


@jumping
async def test_cells_are_typed_as_those_of_a_report() -> None:
    """Numbers by their text, dates as dates, ids as text; an empty metric is nothing, an empty dimension stays."""
    text = (
        "hour,day,campaign_id_network,installs,cost,retention_rate_d7\n"
        '2026-01-01T05:00:00,2026-01-01,0123,64,0.0,\n2026-01-01T06:00:00,,"a ""b"", c\nd",-1,1e3,unknown\n'
    )
    query = {
        "dimensions": ["hour", "day", "campaign_id_network"],
        "metrics": ["installs", "cost", "retention_rate_D7"],
    }
    async with client(httpx.Response(200, content=text)) as (adjust, script):
        first, second = await rows_of(adjust, **query)
        exact, _ = await rows_of(adjust, **query, exact=True)
        assert script.requests[0].headers["accept"] == "text/csv"
    assert first == {
        "hour": datetime(2026, 1, 1, 5),  # noqa: DTZ001 - reports have the time of the clock on the wall
        "day": date(2026, 1, 1),
        "campaign_id_network": "0123",
        "installs": 64,
        "cost": 0.0,
        "retention_rate_d7": None,
    }
    assert [type(first[name]) for name in ("installs", "cost")] == [int, float]
    assert [second[name] for name in ("day", "campaign_id_network", "installs", "cost", "retention_rate_d7")] == [
        None,
        'a "b", c\nd',
        -1,
        1000.0,
        "unknown",
    ]
    assert [exact[name] for name in ("installs", "cost", "retention_rate_d7")] == [Decimal(64), Decimal("0.0"), None]


TEXTS = st.text('ab,;"\n\r\té€😀 0', max_size=6)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(st.tuples(TEXTS, TEXTS, st.integers(-99, 99)), max_size=8),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
    packed=st.booleans(),
)
def test_pieces_may_end_anywhere(
    cells: list[tuple[str, str, int]], sizes: list[int], end: str, mark: bool, packed: bool, tmp_path: Path
) -> None:
    """However a body is cut, in a quoted line break or a character too, rows and count are those of the whole."""
    text = io.StringIO()
    # Only with its own end of line the writer puts a carriage return in quotes.
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL)
    writer.writerow(["app", "network", "installs"])
    writer.writerows(cells)
    body = text.getvalue().encode("utf-8-sig" if mark else "utf-8")
    sent = gzip.compress(body, mtime=0) if packed else body
    pieces, start, number = [], 0, 0
    while start < len(sent):
        size = sizes[number % len(sizes)]
        pieces.append(sent[start : start + size])
        start, number = start + size, number + 1
    headers: Any = {"content_encoding": "gzip"} if packed else {}
    query: Any = {"dimensions": ["app", "network"], "metrics": ["installs"], "date_period": "today"}

    async def ask() -> tuple[list[dict[str, Any]], SavedReport]:
        async with client(arriving(*pieces, **headers), max_attempts=1) as (adjust, script):
            rows = [found async for found in adjust.reports.iter_csv(**query)]
            saved = await adjust.reports.download_csv(tmp_path / "x.csv", **query)
            assert len(script.requests) == 2
            return rows, saved

    rows, saved = asyncio.run(ask())
    assert [tuple(found.values()) for found in rows] == cells
    assert saved.rows == len(cells)
    assert saved.columns == ("app", "network", "installs")
    assert saved.path.read_bytes() == body


@jumping
async def test_a_row_is_given_as_soon_as_it_is_there() -> None:
    """Rows don't wait for the end of the report."""
    slow = arriving(HEADER + line(0), 100.0, line(1), 100.0, line(2))
    async with client(slow, reports_timeout=150) as (adjust, _):
        started = now()
        times = [round(now() - started) async for _ in adjust.reports.iter_csv(**QUERY)]
    assert times == [0, 100, 200]


@jumping
async def test_nothing_is_sent_before_the_rows_are_walked() -> None:
    """Asking makes a generator; the request goes out with its first step."""
    async with client(httpx.Response(200, content=whole(1))) as (adjust, script):
        rows = adjust.reports.iter_csv(**QUERY)
        await asyncio.sleep(1)
        assert not script.requests
        assert [found async for found in rows] == [row(0)]


# Rows: what goes wrong.

SPOILT: dict[str, Any] = {
    "500": status(500),
    "503": status(503),
    "504": status(504),
    "429": status(429, retry_after="3"),
    "no connection": httpx.ConnectError("refused"),
    "reset": httpx.ReadError("reset"),
    "hanging": arriving(1000.0),
    "empty": httpx.Response(200),
    "blank": httpx.Response(200, content=b"\r\n\n"),
    "html": httpx.Response(200, html="<html><title>Bad gateway</title></html>"),
    "html later": arriving(b"\n", b"\r\n", b"<!doctype html>"),
    "json": httpx.Response(200, json={"error_code": "service_error"}),
    "nothing": arriving(httpx.ReadError("reset")),
    "half a header": arriving(b"day,ap", httpx.ReadError("reset")),
    "a header": arriving(HEADER, httpx.RemoteProtocolError("peer closed connection")),
    "half a row": arriving(HEADER + b"2026-01-01,A", httpx.ReadError("reset")),
    "half a row in quotes": arriving(HEADER + b'2026-01-01,"A\n\n', httpx.ReadError("reset")),
    "hanging after a header": arriving(HEADER, 1000.0),
    "hanging refusal": arriving(b"x", 1000.0, code=400),
}


@jumping
@pytest.mark.parametrize("failure", SPOILT)
async def test_what_fails_before_the_first_row_is_tried_again(failure: str) -> None:
    """Until a row was given, an answer that fails, breaks off or is something else is asked for again."""
    async with client(SPOILT[failure], SPOILT[failure], httpx.Response(200, content=whole(3))) as (adjust, script):
        assert await rows_of(adjust) == [row(0), row(1), row(2)]
        assert len(script.requests) == 3


@jumping
@pytest.mark.parametrize("failure", SPOILT)
async def test_what_goes_on_failing_is_never_an_empty_report(failure: str) -> None:
    """After the last attempt its error is raised; it can be pickled, and says nothing of rows."""
    async with client(SPOILT[failure], max_attempts=3) as (adjust, script):
        with pytest.raises(AdjustError) as raised:
            await rows_of(adjust)
        assert len(script.requests) == 3
    assert "rows were yielded" not in str(getattr(raised.value, "__notes__", ""))
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (type(copy), str(copy)) == (type(raised.value), str(raised.value))


BROKEN: dict[str, Any] = {
    "reset": httpx.ReadError("reset"),
    "cut": httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
    "hanging": 1000.0,
    "packed": httpx.DecodingError("incorrect header check"),
    "too few cells": b"2026-01-01,1\n",
    "too many cells": b"2026-01-01,A,1,2,3\n",
    "not UTF-8": b"2026-01-01,\xff\xfe,1,2\n",
    "quotes": b'2026-01-01,"A"B,1,2\n',
}


@jumping
@pytest.mark.parametrize("failure", BROKEN)
async def test_what_fails_after_the_first_row_is_not_tried_again(failure: str) -> None:
    """Rows that were given can't be taken back: the error comes after them, and a note tells how many they were."""
    broken = arriving(HEADER + line(0), line(1) + line(2), BROKEN[failure], b"")
    async with client(broken, httpx.Response(200, content=whole(3))) as (adjust, script):
        seen = []
        with pytest.raises(AdjustError) as raised:
            async for found in adjust.reports.iter_csv(**QUERY):
                seen.append(found)
        assert seen == [row(0), row(1), row(2)]
        assert len(script.requests) == 1
        assert raised.value.__notes__[0].startswith("3 rows were yielded before")
        copy = pickle.loads(pickle.dumps(raised.value))
        assert copy.__notes__ == raised.value.__notes__
        assert (type(copy), str(copy)) == (type(raised.value), str(raised.value))


@jumping
async def test_rows_before_a_failure_come_first_however_slow_the_consumer() -> None:
    """Rows that had arrived before the connection broke are given, also to a consumer that takes them much later."""
    broken = arriving(HEADER + line(0), line(1), line(2), line(3), httpx.ReadError("reset"))
    async with client(broken) as (adjust, script):
        seen = []
        with pytest.raises(APIConnectionError) as raised:
            async for found in adjust.reports.iter_csv(**QUERY):
                seen.append(found["installs"])
                await asyncio.sleep(10_000)
        assert seen == [0, 1, 2, 3]
        assert "4 rows" in raised.value.__notes__[0]
        assert len(script.requests) == 1


@jumping
async def test_a_report_of_other_columns_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """A column that was asked for and did not come is told in the log; what came is given."""
    text = "day,app,installs\n2026-01-01,A,3\n"
    async with client(httpx.Response(200, content=text)) as (adjust, _):
        with caplog.at_level(logging.WARNING):
            assert await rows_of(adjust) == [{"day": date(2026, 1, 1), "app": "A", "installs": 3}]
    assert "the answer has no cost, which was asked for" in caplog.text


@jumping
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"day,day\n1,2\n", r"a column is there twice: day, day \(at line 1\)"),
        (b"day,app,installs,cost\n1,2\n", r"row 1 has 2 cells below 4 columns \(at line 2\)"),
        (b'day,app,installs,cost\n1,"2\n', r"it is no CSV: unexpected end of data"),
        (b"day,app,installs,cost\n\xe9,a,1,2\n", r"it is not encoded in UTF-8: invalid continuation byte"),
    ],
    ids=range(4),
)
async def test_what_is_no_csv_says_where(text: bytes, problem: str) -> None:
    """A body that is no table of its header is a `DecodeError` with the line."""
    async with client(httpx.Response(200, content=text), max_attempts=1) as (adjust, _):
        with pytest.raises(DecodeError, match=problem) as raised:
            await rows_of(adjust)
        # Where the body did not break off, the service would say the same again.
        assert raised.value.malformed == ("column" not in problem)
        assert raised.value.location.startswith("line ")


@jumping
async def test_a_record_without_end_does_not_gather_in_memory() -> None:
    """Quotes that never end are refused after some megabytes."""
    endless = arriving(HEADER + b'2026-01-01,"', *[b"x" * 1_000_000] * 20)
    async with client(endless, max_attempts=1) as (adjust, _):
        with pytest.raises(DecodeError, match="a record is longer than"):
            await rows_of(adjust)


# Rows: clocks.


@jumping
async def test_no_clock_runs_while_the_consumer_works() -> None:
    """A consumer may take days over a report: `reports_timeout` and `reports_deadline` count what the service takes."""
    slow = arriving(HEADER, *[piece for number in range(40) for piece in (10.0, line(number))])
    async with client(slow, reports_timeout=20, reports_deadline=500) as (adjust, script):
        seen = 0
        async for found in adjust.reports.iter_csv(**QUERY):
            assert found == row(seen)
            seen += 1
            await asyncio.sleep(7_000)
        assert seen == 40
        assert len(script.requests) == 1


@jumping
async def test_an_endless_drip_ends_by_the_deadline() -> None:
    """A service that sends a byte a second for ever is given up after `reports_deadline`, before or after rows."""
    async with client(arriving(*drip(1.0, 5000)), reports_deadline=900) as (adjust, script):
        started = now()
        with pytest.raises(APITimeoutError, match="no whole answer within reports_deadline=900 s") as raised:
            await rows_of(adjust)
        assert now() - started == pytest.approx(900)
        assert len(script.requests) == 1
        assert not hasattr(raised.value, "__notes__")
        pieces = [piece for number in range(5000) for piece in (1.0, line(number))]
        script.outcomes = [arriving(HEADER, *pieces)]
        with pytest.raises(APITimeoutError, match="reports_deadline") as raised:
            await rows_of(adjust)
        assert raised.value.__notes__[0].split()[0] in {"899", "900"}


# Rows: leaving early.


async def stream_lines(writer: asyncio.StreamWriter, server: dict[str, int], lines: int, name: bytes = b"App") -> None:
    """Send a report of so many lines in an answer without length, and count the bytes that went out."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    batch = 100
    for start in range(0, lines, batch):
        text = b"" if start else HEADER
        text += b"".join(map(line, range(start, start + batch))).replace(b"App", name)
        writer.write(b"%x\r\n%b\r\n" % (len(text), text))
        await writer.drain()
        server["sent"] += len(text)
        server["lines"] += batch
    writer.write(b"0\r\n\r\n")


async def settle(counts: dict[str, int]) -> int:
    """Wait until no more bytes go out; give how many did."""
    async with asyncio.timeout(10):
        while True:
            before = counts["sent"]
            await asyncio.sleep(0.05)
            if counts["sent"] == before:
                return before


async def test_a_slow_consumer_holds_the_service_back() -> None:
    """While the consumer rests, the service can't send on: no more than the sockets' buffers is under way."""
    counts = {"sent": 0, "lines": 0}

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await stream_lines(writer, counts, 4_000_000)

    async with serve(handler) as server, AsyncAdjust("secret", api_url=server.url) as adjust:
        async with aclosing(adjust.reports.iter_csv(**QUERY)) as rows:
            assert await anext(rows) == row(0)
            stopped = await settle(counts)
            assert stopped < 16_000_000
            for number in range(1, 50_000):
                assert await anext(rows) == row(number)
            await settle(counts)
            assert counts["lines"] < 4_000_000
        await gone(adjust)
        await server.all_closed()


async def test_rows_take_no_memory() -> None:
    """A report of some megabytes is walked within a fraction of its size."""
    counts = {"sent": 0, "lines": 0}

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        await stream_lines(writer, counts, 10_000, name=b"App" * 400)

    async with serve(handler) as server, AsyncAdjust("secret", api_url=server.url) as adjust:
        tracemalloc.start()
        try:
            seen = 0
            async for _ in adjust.reports.iter_csv(**QUERY):
                seen += 1
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert seen == 10_000
    assert counts["sent"] > 12_000_000
    assert peak < counts["sent"] / 3


async def leave_by_break(rows: AsyncGenerator[dict[str, Any], None], _: AsyncAdjust) -> None:
    """Break out of the loop."""
    async for found in rows:
        assert found == row(0)
        break


async def leave_by_closing_the_generator(rows: AsyncGenerator[dict[str, Any], None], _: AsyncAdjust) -> None:
    """Close the generator."""
    await anext(rows)
    await rows.aclose()


async def leave_by_error(rows: AsyncGenerator[dict[str, Any], None], _: AsyncAdjust) -> None:
    """Raise in the loop."""
    with pytest.raises(LookupError):
        async with aclosing(rows):
            async for found in rows:
                raise LookupError(found)


async def leave_by_cancellation(rows: AsyncGenerator[dict[str, Any], None], _: AsyncAdjust) -> None:
    """Cancel the task that walks."""
    started = asyncio.Event()

    async def walk() -> None:
        async for found in rows:
            assert found == row(0)
            started.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(walk())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def leave_by_cancellation_while_waiting(rows: AsyncGenerator[dict[str, Any], None], _: AsyncAdjust) -> None:
    """Cancel the task that waits for the next row."""

    async def walk() -> None:
        _ = [found async for found in rows]

    task = asyncio.create_task(walk())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def leave_by_closing_the_client(rows: AsyncGenerator[dict[str, Any], None], adjust: AsyncAdjust) -> None:
    """Close the client."""
    await anext(rows)
    await adjust.aclose()
    with pytest.raises(ClientClosedError):
        _ = [found async for found in rows]


WAYS: list[Callable[[AsyncGenerator[dict[str, Any], None], AsyncAdjust], Awaitable[None]]] = [
    leave_by_break,
    leave_by_closing_the_generator,
    leave_by_error,
    leave_by_cancellation,
    leave_by_cancellation_while_waiting,
    leave_by_closing_the_client,
]


@pytest.mark.parametrize("ending", ["endless", "hanging"])
@pytest.mark.parametrize("leave", WAYS, ids=lambda leave: leave.__name__)
async def test_leaving_early_gives_everything_back(leave: Any, ending: str) -> None:
    """However a walk is left in its middle, no permit, call, task or connection stays."""
    counts = {"sent": 0, "lines": 0}

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            if ending == "endless":
                await stream_lines(writer, counts, 4_000_000)
            writer.write(chunked(whole(2), last=b""))
            await client_gone(writer)

    async with serve(handler) as server:
        before = asyncio.all_tasks()
        async with AsyncAdjust("secret", api_url=server.url, max_concurrency=1) as adjust:
            await leave(adjust.reports.iter_csv(**QUERY), adjust)
            await gone(adjust)
        await server.all_closed()
        async with asyncio.timeout(5):
            while asyncio.all_tasks() - before:
                await asyncio.sleep(0)


async def test_what_was_left_does_not_hold_up_the_next_request(adjust: AsyncAdjust) -> None:
    """After many walks that were left in their middle, as many requests as ever may run."""
    query: Any = {"dimensions": ["hour", "network"], "metrics": ["installs"], "date_period": DATES}
    for _ in range(60):
        async for _ in adjust.reports.iter_csv(**query):
            break
    await gone(adjust)
    assert [found async for found in adjust.reports.iter_csv(**query)]


# Rows: over real sockets.


def cut_after(*pieces: bytes, last: bytes = b"") -> Any:
    """Break the connection off after these pieces of the first answer; send a whole report afterwards."""
    seen = []

    async def handler(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        if len(seen) == 1:
            writer.write(chunked(*pieces, last=last))
            await writer.drain()
            writer.close()
        else:
            writer.write(chunked(whole(3)))

    return handler


@pytest.mark.parametrize(
    "handler",
    [cut_after(), cut_after(HEADER), cut_after(HEADER, b"2026-01"), cut_after(HEADER, last=b"ff\r\n2026")],
    ids=["nothing", "header", "half a row", "half a chunk"],
)
async def test_a_connection_that_drops_before_the_first_row(handler: Any) -> None:
    """A connection that breaks before a row was there is not noticed."""
    async with serve(handler) as server, AsyncAdjust("secret", api_url=server.url) as adjust:
        assert await rows_of(adjust) == [row(0), row(1), row(2)]
        assert len(server.requests) == 2


async def test_a_connection_that_drops_after_rows() -> None:
    """A connection that breaks after two rows raises after them; nobody gets a row twice."""
    handler = cut_after(HEADER, line(0) + line(1))
    async with serve(handler) as server, AsyncAdjust("secret", api_url=server.url) as adjust:
        seen = []
        with pytest.raises(APIConnectionError) as raised:
            async for found in adjust.reports.iter_csv(**QUERY):
                seen.append(found)
        assert seen == [row(0), row(1)]
        assert raised.value.__notes__[0].startswith("2 rows were yielded before")
        assert len(server.requests) == 1


@pytest.mark.parametrize("fault", ["429-retry-after", "500", "502-html", "503", "drop-before", "drop-after", "drip"])
async def test_the_emulators_faults_are_overcome(
    adjust: AsyncAdjust, emulator: Emulator, fault: str, tmp_path: Path
) -> None:
    """Each recoverable fault before the first row leaves rows and file as they are without it."""
    query: Any = {"dimensions": ["day", "network"], "metrics": ["installs"], "date_period": DATES}
    rows = [found async for found in adjust.reports.iter_csv(**query)]
    saved = await adjust.reports.download_csv(tmp_path / "x.csv", **query)
    content = saved.path.read_bytes()
    emulator.faults = Faults.script([fault], retry_after=0, drip=0.05)
    assert [found async for found in adjust.reports.iter_csv(**query)] == rows
    emulator.faults = Faults.script([fault], retry_after=0, drip=0.05)
    assert await adjust.reports.download_csv(tmp_path / "x.csv", **query) == saved
    assert saved.path.read_bytes() == content
    assert emulator.stats.faults[fault] == 2


# Refusals.


async def test_a_refusal_of_rows_explains(adjust: AsyncAdjust, emulator: Emulator, tmp_path: Path) -> None:
    """A 400 names what was refused, and suggests what is near it once the names were asked for."""
    query: Any = {"dimensions": ["day"], "metrics": ["installs", "instals"], "date_period": DATES}
    with pytest.raises(BadRequestError, match="Look at the metric 'instals'"):
        _ = [found async for found in adjust.reports.iter_csv(**query)]
    await adjust.reports.filters(["overview_metrics"])
    emulator.stats.reset()
    with pytest.raises(BadRequestError, match=r"'instals' \(did you mean 'installs'") as raised:
        _ = [found async for found in adjust.reports.iter_csv(**query)]
    assert "error_desc" in raised.value.body
    with pytest.raises(BadRequestError, match=r"'instals' \(did you mean 'installs'"):
        await adjust.reports.download_csv(tmp_path / "x.csv", **query)
    assert emulator.stats.total == 2
    assert not files_of(tmp_path)


async def test_other_refusals_of_rows(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A refusal that has another reason comes as its class, before any row."""
    emulator.app_states[emulator.app_tokens[0]] = "forbidden"
    with pytest.raises(PermissionDeniedError, match="may not see app"):
        await rows_of(adjust, app_tokens=emulator.app_tokens)


# Files.


async def test_a_file_is_what_the_service_sends(adjust: AsyncAdjust, emulator: Emulator, tmp_path: Path) -> None:
    """The file holds the service's bytes; its size, rows and columns are told."""
    query = {"dimensions": "day,network", "metrics": "installs,cost", "date_period": ":".join(DATES)}
    headers = {"Authorization": f"Bearer {emulator.token}"}
    async with httpx.AsyncClient(base_url=emulator.url, headers=headers) as plain:
        own = await plain.get("/reports-service/csv_report", params={**query, "format_dates": "false"})
    place = tmp_path / "report.csv"
    question: Any = {name: text.split(",") for name, text in query.items()} | {"date_period": DATES}
    for path in (place, str(place)):
        saved = await adjust.reports.download_csv(path, **question)
        rows = len(list(csv.reader(io.StringIO(own.text)))) - 1
        assert saved == SavedReport(place, len(own.content), rows, ("day", "network", "installs", "cost"))
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
    """Line breaks in quotes are no rows, and the last row needs none; however the body is cut."""
    text = HEADER + body
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    async with client(arriving(*pieces)) as (adjust, _):
        saved = await adjust.reports.download_csv(tmp_path / "x.csv", **QUERY)
    assert (saved.rows, saved.size) == (rows, len(text))
    assert saved.path.read_bytes() == text


async def test_an_empty_report_is_a_file_with_a_header(adjust: AsyncAdjust, tmp_path: Path) -> None:
    """204 writes the header alone, in the names that the columns would have come with."""
    nothing = {"country_code__in": ["zz"]}
    query = {"metrics": ["installs", "retention_rate_D7"], "date_period": DATES, "filters": nothing}
    saved = await adjust.reports.download_csv(tmp_path / "x.csv", **QUERY | query)
    header = b"day,app,installs,retention_rate_d7\n"
    assert saved == SavedReport(tmp_path / "x.csv", len(header), 0, ("day", "app", "installs", "retention_rate_d7"))
    assert saved.path.read_bytes() == header


async def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    """What was there before stays until the new report is whole; then it is replaced."""
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
    """A report of many megabytes goes to its file within a fraction of its size, whole."""
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
                tmp_path / "x.csv", **QUERY, on_progress=lambda *progress: told.append(progress)
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
    """Where the service does not say how long the report is, the total is `None`; packed bytes count unpacked."""
    text = whole(50)
    packed = gzip.compress(text)
    told: list[tuple[int, int | None]] = []
    answers = arriving(packed, content_encoding="gzip", content_length=str(len(packed))), arriving(text)
    async with client(*answers) as (adjust, _):
        for _ in answers:
            saved = await adjust.reports.download_csv(
                tmp_path / "x.csv", **QUERY, on_progress=lambda *progress: told.append(progress)
            )
            assert saved.size == len(text)
            assert told[-1] == (len(text), None)
            assert {total for _, total in told} == {None}


@pytest.mark.parametrize("error", [LookupError, KeyError, OSError, AssertionError, asyncio.CancelledError])
async def test_what_on_progress_raises_ends_the_call(error: type[BaseException], tmp_path: Path) -> None:
    """A mistake in `on_progress` comes as it is, is not tried again, and leaves the old file and nothing else."""
    place = tmp_path / "x.csv"
    place.write_bytes(b"old")

    def progress(arrived: int, _: int | None) -> None:
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
    "html": (b"<html>",),
    "within quotes": (HEADER, b'2026-01-01,"a\n'),
}


@pytest.mark.parametrize("failure", QUICK)
async def test_a_file_is_written_anew_after_a_drop(failure: str, tmp_path: Path) -> None:
    """After an answer that broke off, wherever, the file is that of the next attempt: no byte doubled, none missing."""
    place = tmp_path / "x.csv"
    async with client(arriving(*QUICK[failure]), arriving(*QUICK[failure]), arriving(whole(5))) as (adjust, script):
        saved = await adjust.reports.download_csv(place, **QUERY)
        assert len(script.requests) == 3
    assert place.read_bytes() == whole(5)
    assert saved == SavedReport(place, len(whole(5)), 5, ("day", "app", "installs", "cost"))
    assert list(files_of(tmp_path)) == ["x.csv"]


@pytest.mark.parametrize("failure", QUICK)
async def test_a_failure_leaves_the_old_file(failure: str, tmp_path: Path) -> None:
    """Where every attempt failed, the error is raised, what was there before stays, and nothing else is left."""
    place = tmp_path / "x.csv"
    place.write_bytes(b"old")
    async with client(arriving(*QUICK[failure]), max_attempts=2) as (adjust, script):
        with pytest.raises(AdjustError) as raised:
            await adjust.reports.download_csv(place, **QUERY)
        assert len(script.requests) == 2
    assert files_of(tmp_path) == {"x.csv": b"old"}
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


async def test_a_truncated_body_is_written_anew(tmp_path: Path) -> None:
    """Over sockets too: half of the announced bytes is no report."""
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

    def progress(size: int, _: int | None) -> None:
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
    """A report that does not come in time leaves nothing behind."""

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


async def test_a_failing_disk_comes_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An `OSError` of the disk is not tried again, and leaves nothing under way."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    async with client(arriving(whole(3))) as (adjust, script):
        with pytest.raises(OSError, match="No space left"):
            await adjust.reports.download_csv(tmp_path / "x.csv", **QUERY)
        assert len(script.requests) == 1
    assert not files_of(tmp_path)


# Arguments.


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"readable_names": "yes"}, "readable_names is 'yes'"),
    ({"metrics": "installs"}, r"metrics is the text 'installs': give a list, such as \['installs'\]"),
    ({"dimensions": []}, "dimensions is empty"),
    ({"date_period": None}, "date_period is missing"),
    ({"window": "day"}, "window is no parameter of a report"),
    ({"typo": 1}, "typo is no parameter of a report"),
    ({"app_tokens": []}, "app_tokens is empty"),
    ({"app_tokens": "app", "filters": {"app_token__in": ["x"]}}, "filters holds 'app_token__in'"),
    ({"limit": 0}, "limit is 0"),
    ({"sort": "installs"}, "sort is the text"),
]


@pytest.mark.parametrize(
    ("query", "message"), [*WRONG, ({"exact": 1}, "exact is 1: give True or False"), ({"path": "x"}, "path")], ids=str
)
async def test_wrong_arguments_are_refused_at_once(query: Any, message: str) -> None:
    """The call itself raises, before anything could be iterated or sent."""
    async with client(status(500)) as (adjust, script):
        with pytest.raises(ConfigurationError, match=message):
            adjust.reports.iter_csv(**QUERY | query)
        assert script.requests == []


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("", {}, "path is ''"),
        (3, {}, "path is 3: give the path of a file"),
        (".", {}, "which is a folder"),
        (Path(__file__).parent, {}, "which is a folder"),
        ("/no/such/folder/x.csv", {}, "there is no folder '/no/such/folder'"),
        ("x.csv", {"exact": True}, "exact is no parameter of a report"),
        ("x.csv", {"on_progress": "print"}, "on_progress is 'print': give a plain function"),
        *(("x.csv", query, message) for query, message in WRONG),
    ],
    ids=str,
)
async def test_a_file_is_refused_before_anything_is_sent(
    path: Any, query: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong arguments end the call before the report is asked for, and leave no file."""
    monkeypatch.chdir(tmp_path)
    async with client(status(500)) as (adjust, script):
        with pytest.raises(ConfigurationError, match=message):
            await adjust.reports.download_csv(path, **QUERY | query)
        assert script.requests == []
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 - of the test's own folder


async def test_a_closed_client_gives_no_rows(tmp_path: Path) -> None:
    """After `aclose` neither rows nor files can be had, and nothing is left of the attempt."""
    adjust = AsyncAdjust(
        "secret", http_client=httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500)))
    )
    await adjust.aclose()
    with pytest.raises(ClientClosedError):
        await rows_of(adjust)
    with pytest.raises(ClientClosedError):
        await adjust.reports.download_csv(tmp_path / "x.csv", **QUERY)
    assert not files_of(tmp_path)


async def test_a_broken_app_fails_the_whole(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """One request asks for all apps, so that one that is broken for ever fails them all, after the attempts."""
    emulator.app_states[emulator.app_tokens[1]] = "broken"
    async with AsyncAdjust(emulator.token, api_url=emulator.url, max_attempts=2) as impatient:
        with pytest.raises(ServerError):
            await rows_of(impatient, app_tokens=emulator.app_tokens)
    assert emulator.stats.total == 2
    assert not adjust._session.calls
