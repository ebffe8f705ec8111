"""What reports once got wrong, over the modules that it took to get it right."""

import gzip
import io
import logging
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pyarrow
import pytest
from pyarrow import parquet

from adjust_async import AdjustError, AsyncAdjust, DecodeError, lookback
from adjust_async._figures import csv_cells
from adjust_async.emulator import Emulator
from adjust_async.reports.downloads import csv_records
from tests.clock import JUMPING_CLOCK
from tests.script import Received, arriving, client, never, now, status, take

pytestmark = pytest.mark.anyio
jumping = pytest.mark.parametrize("anyio_backend", [pytest.param(JUMPING_CLOCK, id="jumping")])
Q: Any = {"dimensions": ["day", "app"], "metrics": ["installs", "cost"], "date_period": "-7d:-1d"}
DATES = ("2026-01-26", "2026-02-04")
HEADER = b"day,app,installs,cost\n"


@jumping
async def test_deadline_survives_a_refused_body() -> None:
    """After a body that the receiver refused, the next attempt still ends by the deadline."""
    async with client(arriving(b"<html>"), never, reports_deadline=20, reports_timeout=None) as (adjust, _):
        started = now()
        with pytest.raises(AdjustError):
            _ = [row async for row in adjust.reports.iter_csv(**Q)]
        assert now() - started < 21


@jumping
async def test_time_of_work_does_not_end_later_attempts() -> None:
    """The retry loop uses the deadline that work on the pieces has moved."""
    received = Received(work=100_000)
    broken = arriving(b"x", httpx.ReadError("reset"))
    async with client(broken, broken, arriving(b"y"), reports_deadline=100) as (adjust, script):
        await take(adjust, received)
        assert len(script.requests) == 3


@pytest.mark.parametrize("cut", [b"2026-01-01,A,1,2\n2026-01-02,A,1", b"2026-01-01,A,1,2\n2026-01-"])
async def test_a_file_whose_last_row_is_cut(cut: bytes, tmp_path: Path) -> None:
    """Rows that `csv` refuses are refused in files too."""
    good = HEADER + b"2026-01-01,A,1,2\n2026-01-02,A,1,2\n"
    async with client(arriving(HEADER + cut), arriving(good)) as (adjust, script):
        saved = await adjust.reports.download_csv(tmp_path / "x.csv", **Q)
        assert saved.path.read_bytes() == good
        assert len(script.requests) == 2


@pytest.mark.parametrize(
    "page",
    [
        b"Service temporarily unavailable\n",
        b"upstream connect error or disconnect/reset before headers\n",
        "\ufeff<html>\n<body>\n</body>\n</html>\n".encode(),
        b"\xef\xbb\xbf",
        b'"Internal error"',
        b" \n \n",
    ],
    ids=range(6),
)
@pytest.mark.parametrize("to_file", [False, True])
async def test_a_page_is_not_an_empty_report(page: bytes, to_file: bool, tmp_path: Path) -> None:
    """A 200 whose header has none of the requested columns is an error, not a report without rows."""
    async with client(arriving(page), max_attempts=2) as (adjust, _):
        with pytest.raises(DecodeError):
            if to_file:
                await adjust.reports.download_csv(tmp_path / "x.csv", **Q)
            else:
                _ = [row async for row in adjust.reports.iter_csv(**Q)]
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - of the test's own folder


@pytest.mark.parametrize("timeout", [300, None])
async def test_a_timeout_error_of_on_progress(timeout: float | None, tmp_path: Path) -> None:
    """An exception of `on_progress` ends the call unchanged, even a TimeoutError (ETIMEDOUT of a disk or socket)."""

    def progress(*_: object) -> None:
        raise TimeoutError("mine")

    async with client(arriving(HEADER), reports_timeout=timeout, max_attempts=3) as (adjust, script):
        with pytest.raises(TimeoutError, match="mine"):
            await adjust.reports.download_csv(tmp_path / "x.csv", **Q, on_progress=progress)
        assert len(script.requests) == 1


@jumping
@pytest.mark.parametrize("deadline", [900, None])
async def test_a_timeout_error_of_on_retry(deadline: float | None) -> None:
    """An exception of `on_retry` ends the call unchanged."""

    def hook(_: object) -> None:
        raise TimeoutError("mine")

    async with client(status(503), on_retry=hook, reports_deadline=deadline) as (adjust, _):
        with pytest.raises(TimeoutError, match="mine"):
            await adjust.reports.fetch(**Q)


@pytest.mark.parametrize("to_file", [False, True])
async def test_broken_parquet_is_a_decode_error(to_file: bool, tmp_path: Path) -> None:
    """An OSError of pyarrow is handled too, although it is not an ArrowException."""
    broken = b"PAR1" + b"\x00" * 40 + b"PAR1"
    async with client(httpx.Response(200, content=broken), max_attempts=1) as (adjust, _):
        with pytest.raises(DecodeError):
            await (
                adjust.reports.download_parquet(tmp_path / "x", **Q) if to_file else adjust.reports.read_parquet(**Q)
            )


async def test_a_broken_page_of_parquet() -> None:
    """A page whose bytes are wrong is a DecodeError."""
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table({"a": list(range(1000))}), sink, compression="snappy")
    body = bytearray(sink.getvalue())
    body[4:60] = b"\xff" * 56
    async with client(httpx.Response(200, content=bytes(body)), max_attempts=1) as (adjust, _):
        with pytest.raises(DecodeError):
            await adjust.reports.read_parquet(**Q)


@jumping
async def test_lists_of_one_kind_say_nothing_about_others() -> None:
    """With only `overview_metrics`, a cohort metric is not known to be wrong."""
    lists = {"overview_metrics": [{"id": "installs"}], "dimensions": [{"id": "day"}]}
    refusal = httpx.Response(400, json={"error_desc": "currency is not valid"})
    async with client(httpx.Response(200, json=lists), refusal) as (adjust, _):
        await adjust.reports.filters(list(lists))
        with pytest.raises(AdjustError) as raised:
            await adjust.reports.fetch(
                dimensions=["day"], metrics=["installs", "retention_rate_d7"], date_period="today", currency="XXX"
            )
        assert "retention_rate_d7" not in str(raised.value)


async def test_a_parameter_is_not_a_dimension() -> None:
    """`currency: must be one of ...` is about the parameter, not about the dimension of that name."""
    async with (
        Emulator(apps=1, trackers_per_app=3, facts_per_day=1) as emulator,
        AsyncAdjust(emulator.token, api_url=emulator.url) as adjust,
    ):
        with pytest.raises(AdjustError) as raised:
            await adjust.reports.fetch(
                dimensions=["day", "currency"], metrics=["installs"], date_period=DATES, currency="XXX"
            )
        assert "the dimension 'currency'" not in str(raised.value)


@jumping
async def test_token_in_the_log_of_warnings(caplog: pytest.LogCaptureFixture) -> None:
    """A warning of the service that echoes the token is not logged unchanged."""
    document = {"rows": [], "totals": {}, "warnings": ["the token secret-token expires"]}
    async with client(httpx.Response(200, json=document)) as (adjust, _):
        with caplog.at_level(logging.WARNING):
            await adjust.reports.fetch(**Q)
    assert "secret-token" not in caplog.text


@jumping
async def test_token_in_the_chain_of_a_csv_error() -> None:
    """The MalformedError behind a DecodeError shows in tracebacks."""
    async with client(httpx.Response(200, content=b"secret-token,secret-token\n"), max_attempts=1) as (adjust, _):
        with pytest.raises(AdjustError) as raised:
            _ = [row async for row in adjust.reports.iter_csv(**Q)]
    assert "secret-token" not in "".join(traceback.format_exception(raised.value))


@jumping
async def test_a_part_of_the_token() -> None:
    """A text that is cut in the middle of the token shows its beginning."""
    page = b"<html><!-- " + b"x" * 40 + b"secret-token --></html>"
    async with client(httpx.Response(200, content=page), max_attempts=1) as (adjust, _):
        with pytest.raises(AdjustError) as raised:
            _ = [row async for row in adjust.reports.iter_csv(**Q)]
    assert "secret" not in str(raised.value)


@jumping
async def test_hints_name_the_settings_of_reports() -> None:
    """The setting to change belongs to the host of the request."""
    for code, right, wrong in (
        (302, "reports_url", "api_url"),
        (429, "reports_max_rate", " max_rate"),
        (410, "", "the KPI Service's successor"),
    ):
        answer = httpx.Response(code, headers={"location": "https://x.invalid/"})
        async with client(answer, max_attempts=1) as (adjust, _):
            with pytest.raises(AdjustError) as raised:
                await adjust.reports.fetch(**Q)
        assert right in str(raised.value)
        assert wrong not in str(raised.value)


@jumping
async def test_a_list_without_values_is_empty() -> None:
    """If the service has nothing (204), the requested lists exist, and are empty."""
    async with client(httpx.Response(204)) as (adjust, _):
        assert await adjust.reports.filters(["networks", "apps"]) == {"networks": [], "apps": []}


@jumping
async def test_errors_of_a_stream_name_the_request() -> None:
    """A DecodeError of rows tells method and path, as that of JSON does."""
    async with client(httpx.Response(200, content=b"<html>"), max_attempts=1) as (adjust, _):
        with pytest.raises(DecodeError) as raised:
            _ = [row async for row in adjust.reports.iter_csv(**Q)]
    assert (raised.value.method, raised.value.path) == ("GET", "/reports-service/csv_report")


def test_lookback_of_ages() -> None:
    """Any whole number of days is accepted."""
    assert lookback("2026-11-18", 10**10, today="2026-11-21")[0].isoformat() == "0001-01-01"


@jumping
async def test_waits_that_fail_count_too() -> None:
    """The time that an attempt waited for the service before it broke or timed out counts against the deadline."""
    received = Received()
    for failing in (arriving(b"x", 250.0, httpx.ReadError("reset")), arriving(b"x", 1000.0)):
        async with client(failing, reports_timeout=300, reports_deadline=900) as (adjust, _):
            started = now()
            with pytest.raises(AdjustError):
                await take(adjust, received)
            assert now() - started < 910


async def test_a_record_without_end_stays_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotes that never close cost only time proportional to their length: few lines are read again."""
    read = 0

    def counted(lines: Sequence[str]) -> Iterator[tuple[list[str], int]]:
        nonlocal read
        read += len(lines)
        return csv_cells.csv_records(lines)

    monkeypatch.setattr(csv_records, "csv_records", counted)
    text = b"line of text, 1\n" * 4000
    async with client(arriving(HEADER + b'2026-01-01,"', *[text] * 140), max_attempts=1) as (adjust, _):
        with pytest.raises(AdjustError):
            _ = [row async for row in adjust.reports.iter_csv(**Q)]
    assert 4000 <= read < 4 * 4000


async def test_packed_rows_take_no_memory() -> None:
    """A compressed report that expands to many times its size is not made into rows all at once."""
    import tracemalloc

    text = HEADER + b"2026-01-01,Puzzle Harbor,0,0.0\n" * 300_000
    async with client(arriving(gzip.compress(text), content_encoding="gzip")) as (adjust, _):
        rows = adjust.reports.iter_csv(**Q)
        tracemalloc.start()
        await anext(rows)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        await rows.aclose()
    assert peak < 4 * len(text)
