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
    DecodeError,
)
from tests.reports.downloads.csv_service import (
    HEADER,
    QUERY,
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
    "nothing": arriving(httpx.ReadError("reset")),
    "half of the first name": httpx.Response(200, content=b"da"),
    "half a character": httpx.Response(200, content=HEADER + "2026-01-01,Ä".encode()[:-1]),
    "open quotes": httpx.Response(200, content=HEADER + b'2026-01-01,"A'),
    "too few cells at the end": httpx.Response(200, content=HEADER + b"2026-01-01,A"),
    "half a header": arriving(b"day,ap", httpx.ReadError("reset")),
    "a header": arriving(HEADER, httpx.RemoteProtocolError("peer closed connection")),
    "half a row": arriving(HEADER + b"2026-01-01,A", httpx.ReadError("reset")),
    "half a row in quotes": arriving(HEADER + b'2026-01-01,"A\n\n', httpx.ReadError("reset")),
    "hanging after a header": arriving(HEADER, 1000.0),
    "hanging refusal": arriving(b"x", 1000.0, code=400),
}


@jumping
@pytest.mark.parametrize("failure", SPOILT)
async def test_a_failure_before_the_first_row_is_retried(failure: str) -> None:
    """Until a row was yielded, an answer that fails, is cut or has another form is requested again."""
    async with client(SPOILT[failure], SPOILT[failure], httpx.Response(200, content=whole(3))) as (adjust, script):
        assert await rows_of(adjust) == [row(0), row(1), row(2)]
        assert len(script.requests) == 3


@jumping
@pytest.mark.parametrize("failure", SPOILT)
async def test_a_lasting_failure_is_never_an_empty_report(failure: str) -> None:
    """After the last attempt its error is raised. It can be pickled, and does not mention rows."""
    async with client(SPOILT[failure], max_attempts=3) as (adjust, script):
        with pytest.raises(AdjustError) as raised:
            await rows_of(adjust)
        assert len(script.requests) == 3
    assert "came before" not in str(getattr(raised.value, "__notes__", ""))
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (type(copy), str(copy)) == (type(raised.value), str(raised.value))


FINAL: dict[str, Any] = {
    "html": httpx.Response(200, html="<html><title>Log in</title></html>"),
    "html later": arriving(b"\n", b"\r\n", b"<!doctype html>"),
    "words called html": httpx.Response(200, html="Please log in"),
    "a table called html": httpx.Response(200, html=whole(3).decode()),
    "xhtml": httpx.Response(200, content=whole(3), headers={"content-type": "Application/XHTML+XML; charset=x"}),
    "json": httpx.Response(200, json={"error_code": "service_error"}),
    "a table called json": httpx.Response(200, content=whole(3), headers={"content-type": "application/problem+json"}),
    "words": httpx.Response(200, text="Please log in"),
    "words and more": httpx.Response(200, text="Please log in\nto see your reports\n"),
    "a name twice": httpx.Response(200, text="day,app,app\n"),
    "too few cells": httpx.Response(200, content=HEADER + b"2026-01-01,A\n" + line(1)),
    "too many cells": httpx.Response(200, content=HEADER + b"2026-01-01,A,1,2,3\n" + line(1)),
    "not UTF-8": httpx.Response(200, content=HEADER + b"2026-01-01,\xff\xfe,1,2\n" + line(1)),
    "quotes": httpx.Response(200, content=HEADER + b'2026-01-01,"A"B,1,2\n'),
    "a record without end": arriving(HEADER + b'2026-01-01,"', *[b"x" * 1_000_000] * 10),
}


@jumping
@pytest.mark.parametrize("failure", FINAL)
@pytest.mark.parametrize("to_file", [False, True])
async def test_an_answer_that_would_be_repeated_is_final(failure: str, to_file: bool, tmp_path: Path) -> None:
    """A page, a JSON document and a CSV against its own rules are final, and yesterday's file stays."""
    place = tmp_path / "report.csv"
    place.write_bytes(b"yesterday")
    async with client(FINAL[failure], httpx.Response(200, content=whole(3))) as (adjust, script):
        with pytest.raises(DecodeError) as raised:
            await (adjust.reports.download_csv(place, **QUERY) if to_file else rows_of(adjust))
        assert len(script.requests) == 1
    assert (raised.value.transient, raised.value.malformed) == (False, False)
    assert files_of(tmp_path) == {"report.csv": b"yesterday"}


@jumping
@pytest.mark.parametrize("text", ["Please log in", "Tag,App,Installs\n", "Tag,App,Installs,Kosten,x\n", "a\n1\n"])
async def test_readable_names_are_as_many_as_were_asked_for(text: str) -> None:
    """If the names can't be checked, the number of columns is."""
    async with client(httpx.Response(200, text=text)) as (adjust, script):
        with pytest.raises(DecodeError, match="it is not a report of 4 columns"):
            await rows_of(adjust, readable_names=True)
        assert len(script.requests) == 1
    async with client(httpx.Response(200, text="Tag,App,Installs,Kosten,mehr\n1,2,3,4,5\n")) as (adjust, _):
        assert len(await rows_of(adjust, readable_names=True, period_over_period="previous")) == 1


@jumping
@pytest.mark.parametrize("text", ["day,app,installs,cost", whole(3).decode(), whole(3).decode()[:-1]])
@pytest.mark.parametrize("framed", [False, True])
async def test_a_last_line_without_its_end(text: str, framed: bool) -> None:
    """A body is complete if its end is marked, and cut if only the end of the connection marked it."""
    broke_off = not framed and text.count("\n") == 3
    async with client(arriving(text.encode(), framed=framed), max_attempts=3) as (adjust, script):
        if broke_off:
            with pytest.raises(DecodeError, match="its last line has no end"):
                await rows_of(adjust)
        else:
            assert len(await rows_of(adjust)) == text.count("2026")
        assert len(script.requests) == (3 if broke_off else 1 if framed else 2)


@jumping
@pytest.mark.parametrize("max_attempts", [1, 4])
async def test_an_unmarked_end_is_requested_once_more(
    max_attempts: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows are then yielded with a warning. A file is refused, and yesterday's stays."""
    place = tmp_path / "report.csv"
    place.write_bytes(b"yesterday")
    async with client(arriving(whole(3), framed=False), max_attempts=max_attempts) as (adjust, script):
        assert await rows_of(adjust) == [row(0), row(1), row(2)]
        assert len(script.requests) == min(2, max_attempts)
        assert "only the end of the connection marked the end of the answer" in caplog.text
        with pytest.raises(DecodeError, match="No file was written") as raised:
            await adjust.reports.download_csv(place, **QUERY)
        assert len(script.requests) == 2 * min(2, max_attempts)
    assert not raised.value.transient
    assert files_of(tmp_path) == {"report.csv": b"yesterday"}


@jumping
async def test_the_attempts_of_a_view_count(caplog: pytest.LogCaptureFixture) -> None:
    """A view with a single attempt yields the rows of that attempt with a warning, although its client would retry."""
    async with client(arriving(whole(3), framed=False), max_attempts=4) as (adjust, script):
        assert await rows_of(adjust.with_options(max_attempts=1)) == [row(0), row(1), row(2)]
        assert len(script.requests) == 1
    assert "only the end of the connection marked the end of the answer" in caplog.text


@jumping
async def test_the_second_answer_may_have_an_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With another attempt there is no warning, the first attempt's rows are dropped, and the file is written."""
    for to_file in (False, True):
        async with client(arriving(whole(2), framed=False), httpx.Response(200, content=whole(3))) as (adjust, _):
            if to_file:
                assert (await adjust.reports.download_csv(tmp_path / "report.csv", **QUERY)).rows == 3
            else:
                assert await rows_of(adjust) == [row(0), row(1), row(2)]
    assert "only the end of the connection" not in caplog.text


@jumping
async def test_rows_of_a_long_body_without_an_end_are_not_held(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond a megabyte rows are yielded as they arrive, so the body can't be requested again."""
    long = arriving(HEADER, *[b"".join(map(line, range(5000)))] * 20, framed=False)
    async with client(long) as (adjust, script):
        assert len(await rows_of(adjust)) == 100_000
        assert len(script.requests) == 1
    assert "only the end of the connection marked the end of the answer" in caplog.text


@jumping
@pytest.mark.parametrize("to_file", [False, True])
async def test_a_part_is_not_a_complete_answer(to_file: bool, tmp_path: Path) -> None:
    """206 is requested again."""
    part = httpx.Response(206, content=whole(2), headers={"content-range": "bytes 0-99/200"})
    async with client(part, httpx.Response(200, content=whole(3))) as (adjust, script):
        if to_file:
            assert (await adjust.reports.download_csv(tmp_path / "report.csv", **QUERY)).rows == 3
        else:
            assert len(await rows_of(adjust)) == 3
        assert len(script.requests) == 2


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
async def test_a_failure_after_the_first_row_is_not_retried(failure: str) -> None:
    """Yielded rows can't be taken back: the error follows them, and a note has their number."""
    broken = arriving(HEADER + line(0), line(1) + line(2), BROKEN[failure], b"")
    async with client(broken, httpx.Response(200, content=whole(3))) as (adjust, script):
        seen = []
        with pytest.raises(AdjustError) as raised:
            async for found in adjust.reports.iter_csv(**QUERY):
                seen.append(found)
        assert seen == [row(0), row(1), row(2)]
        assert len(script.requests) == 1
        assert raised.value.__notes__[0].startswith("3 rows came before this")
        copy = pickle.loads(pickle.dumps(raised.value))
        assert copy.__notes__ == raised.value.__notes__
        assert (type(copy), str(copy)) == (type(raised.value), str(raised.value))


@jumping
async def test_rows_before_a_failure_arrive_however_slow_the_consumer() -> None:
    """Rows that arrived before the connection broke are yielded, even to a consumer that takes them much later."""
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
    """A requested column that is missing is logged, and the others are returned."""
    text = "day,app,installs\n2026-01-01,A,3\n"
    async with client(httpx.Response(200, content=text)) as (adjust, _):
        with caplog.at_level(logging.WARNING):
            assert await rows_of(adjust) == [{"day": date(2026, 1, 1), "app": "A", "installs": 3}]
    assert "the answer has no cost, which was requested" in caplog.text


@jumping
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"day,day\n1,2\n", r"a column appears twice: day, day \(at line 1\)"),
        (b"day,app,installs,cost\n1,2\n", r"row 1 has 2 cells below 4 columns \(at line 2\)"),
        (b'day,app,installs,cost\n1,"2\n', r"it is not CSV: unexpected end of data"),
        (b"day,app,installs,cost\n\xe9", r"it is not encoded in UTF-8: unexpected end of data"),
    ],
    ids=range(4),
)
async def test_invalid_csv_is_located(text: bytes, problem: str) -> None:
    """A body that does not match its header is a `DecodeError` with the line."""
    async with client(httpx.Response(200, content=text), max_attempts=1) as (adjust, _):
        with pytest.raises(DecodeError, match=problem) as raised:
            await rows_of(adjust)
        # If the body was not cut off, the service would send the same again.
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
    """A consumer may take days for a report: `reports_timeout` and `reports_deadline` count the service's time."""
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
    """A service that keeps sending a byte per second is given up after `reports_deadline`, before or after rows."""
    async with client(arriving(*drip(1.0, 5000)), reports_deadline=900) as (adjust, script):
        started = now()
        with pytest.raises(APITimeoutError, match="no complete answer within reports_deadline=900 s") as raised:
            await rows_of(adjust)
        assert now() - started == pytest.approx(900)
        assert len(script.requests) == 1
        assert not hasattr(raised.value, "__notes__")
        pieces = [piece for number in range(5000) for piece in (1.0, line(number))]
        script.outcomes = [arriving(HEADER, *pieces)]
        with pytest.raises(APITimeoutError, match="reports_deadline") as raised:
            await rows_of(adjust)
        assert raised.value.__notes__[0].split()[0] in {"899", "900"}
