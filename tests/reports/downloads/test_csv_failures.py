"""CSV reports that fail, hang, or are not what they should be."""

import asyncio
import logging
import pickle
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from adjust_async import (
    AdjustError,
    APIConnectionError,
    APITimeoutError,
    AsyncAdjust,
    BadRequestError,
    DecodeError,
    PermissionDeniedError,
)
from adjust_async.emulator import Emulator, Faults
from tests.loopback import RawRequest, serve
from tests.reports.downloads.csv_service import (
    DATES,
    HEADER,
    QUERY,
    chunked,
    files_of,
    jumping,
    line,
    row,
    rows_of,
    whole,
)
from tests.script import arriving, client, drip, now, status

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=3, trackers_per_app=40, facts_per_day=15),
    pytest.mark.usefixtures("quick_retries"),
]


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
