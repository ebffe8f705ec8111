"""Rows of a CSV report that are left early: nothing is left behind."""

import asyncio
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import pytest

from adjust_async import (
    AsyncAdjust,
    ClientClosedError,
)
from tests.loopback import RawRequest, serve
from tests.reports.downloads.csv_service import DATES, HEADER, QUERY, chunked, client_gone, gone, line, row, whole

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=3, trackers_per_app=40, facts_per_day=15),
    pytest.mark.usefixtures("quick_retries"),
]


async def stream_lines(writer: asyncio.StreamWriter, server: dict[str, int], lines: int, name: bytes = b"App") -> None:
    """Send a report of this many lines without a length, and count the bytes that were sent."""
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
    """Wait until no more bytes are sent, and return how many were."""
    async with asyncio.timeout(60):
        while True:
            before = counts["sent"]
            await asyncio.sleep(0.05)
            if counts["sent"] == before:
                return before


async def test_a_slow_consumer_holds_the_service_back() -> None:
    """While the consumer pauses, the service can't send: no more than the sockets' buffers is in flight."""
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


@pytest.mark.slow
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
async def test_leaving_early_releases_everything(leave: Any, ending: str) -> None:
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
        async with asyncio.timeout(60):
            while asyncio.all_tasks() - before:
                await asyncio.sleep(0)


async def test_abandoned_walks_do_not_delay_the_next_request(adjust: AsyncAdjust) -> None:
    """After many walks that were left in their middle, as many requests as ever may run."""
    query: Any = {"dimensions": ["hour", "network"], "metrics": ["installs"], "date_period": DATES}
    for _ in range(60):
        async for _ in adjust.reports.iter_csv(**query):
            break
    await gone(adjust)
    assert [found async for found in adjust.reports.iter_csv(**query)]
