"""A CSV report of 300,000 rows, 24 MB: row by row, with its figures added up, and into a file."""

import asyncio
import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from adjust_async import AsyncAdjust
from benchmarks.measuring import Contender, Measurement, Options, side_by_side
from benchmarks.server import Answers, served

ROWS = 300_000
CSV_PATH = "/reports-service/csv_report"
CSV_DIMENSIONS = ["day", "app", "app_token", "network", "campaign", "country"]
CSV_METRICS = ["installs", "clicks", "cost", "retention_rate_d7"]
CSV_LINE = b'2026-11-%02d,Puzzle Harbor,yxs12pfewq12,"Network, the %dth",Spring %04d,Germany,%d,%d,%d.25,0.1375\n'


def answers(rows: int) -> Answers:
    """Make a CSV with this many rows, chunked as the service sends it."""
    header = ",".join(CSV_DIMENSIONS + CSV_METRICS).encode() + b"\n"
    parts = [b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n", _chunk(header)]
    for first in range(0, rows, 500):
        lines = [CSV_LINE % _cells(number) for number in range(first, min(first + 500, rows))]
        parts.append(_chunk(b"".join(lines)))
    return {CSV_PATH.encode(): b"".join([*parts, b"0\r\n\r\n"])}


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


def _cells(number: int) -> tuple[int, ...]:
    return number % 28 + 1, number % 40, number % 1000, number % 50, number % 500, number % 90


class Sums(NamedTuple):
    """The number of rows, and the sums of their figures."""

    rows: int
    installs: int
    clicks: int
    cost: float

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, str]]) -> "Sums":
        """Add up rows of text."""
        count = installs = clicks = 0
        cost = 0.0
        for row in rows:
            count += 1
            installs += int(row["installs"])
            clicks += int(row["clicks"])
            cost += float(row["cost"])
        return cls(count, installs, clicks, cost)


CSV_QUERY: dict[str, Any] = {
    "dimensions": CSV_DIMENSIONS,
    "metrics": CSV_METRICS,
    "date_period": "2026-11-01:2026-11-28",
}


def rows_with_sdk(url: str) -> Sums:
    """Iterate over the rows with this SDK, with all cells typed."""

    async def walk() -> Sums:
        rows = installs = clicks = 0
        cost = 0.0
        async with AsyncAdjust("token", api_url=url) as adjust:
            async for row in adjust.reports.iter_csv(**CSV_QUERY):
                rows += 1
                installs += row["installs"]
                clicks += row["clicks"]
                cost += row["cost"]
        return Sums(rows, installs, clicks, cost)

    return asyncio.run(walk())


def rows_with_aiohttp(url: str) -> Sums:
    """Read the whole text with aiohttp."""
    import aiohttp

    async def read() -> Sums:
        async with aiohttp.ClientSession() as client, client.get(url + CSV_PATH) as response:
            return _sums(await response.text())

    return asyncio.run(read())


def rows_with_httpx(url: str) -> Sums:
    """Read the whole text with httpx."""
    return asyncio.run(_rows_with(import_module("httpx"), url))


def rows_with_httpx2(url: str) -> Sums:
    """Read the whole text with httpx2."""
    return asyncio.run(_rows_with(import_module("httpx2"), url))


async def _rows_with(library: ModuleType, url: str) -> Sums:
    async with library.AsyncClient(timeout=60) as client:
        return _sums((await client.get(url + CSV_PATH)).text)


def rows_with_requests(url: str) -> Sums:
    """Read the whole text with requests."""
    import requests

    response = requests.get(url + CSV_PATH, timeout=60)
    response.encoding = "utf-8"  # otherwise it would guess the encoding of text/csv
    return _sums(response.text)


def _sums(text: str) -> Sums:
    return Sums.of(csv.DictReader(text.splitlines()))


def file_with_sdk(url: str, place: Path) -> Path:
    """Save with this SDK: checked and counted, completely or not at all."""

    async def save() -> Path:
        async with AsyncAdjust("token", api_url=url) as adjust:
            await adjust.reports.download_csv(place, **CSV_QUERY)
        return place

    return asyncio.run(save())


def file_with_aiohttp(url: str, place: Path) -> Path:
    """Save with aiohttp, piece by piece, as they arrive."""
    import aiohttp

    async def save() -> Path:
        async with aiohttp.ClientSession() as client, client.get(url + CSV_PATH) as response:
            with place.open("wb") as file:
                async for piece in response.content.iter_any():
                    file.write(piece)
        return place

    return asyncio.run(save())


def file_with_httpx(url: str, place: Path) -> Path:
    """Save with httpx, piece by piece, as they arrive."""
    import httpx

    async def save() -> Path:
        async with httpx.AsyncClient(timeout=60) as client, client.stream("GET", url + CSV_PATH) as response:
            with place.open("wb") as file:
                async for piece in response.aiter_bytes():
                    file.write(piece)
        return place

    return asyncio.run(save())


def saved(place: Path) -> Sums:
    """Read the saved file."""
    with place.open(newline="") as file:
        return Sums.of(csv.DictReader(file))


BY_ROW = (
    Contender("adjust_async, row by row, typed", rows_with_sdk),
    Contender("aiohttp, csv.DictReader", rows_with_aiohttp, needs="aiohttp"),
    Contender("httpx, csv.DictReader", rows_with_httpx, needs="httpx"),
    Contender("httpx2, csv.DictReader", rows_with_httpx2, needs="httpx2"),
    Contender("requests, csv.DictReader", rows_with_requests, needs="requests"),
)
TO_DISK = (
    Contender("adjust_async, checked and counted", file_with_sdk),
    Contender("aiohttp, as it comes", file_with_aiohttp, needs="aiohttp"),
    Contender("httpx, as it comes", file_with_httpx, needs="httpx"),
)


def csv_reports(options: Options) -> Iterator[Measurement]:
    """Measure both."""
    rows = 1_000 if options.quick else ROWS
    with tempfile.TemporaryDirectory() as folder, served(answers, rows, latency=0.0) as server:
        place = Path(folder) / "report.csv"
        every = [_cells(number) for number in range(rows)]
        right = Sums(rows, *(sum(cells[column] for cells in every) for column in (3, 4, 5)))
        right = right._replace(cost=right.cost + rows * 0.25)
        measured: Callable[..., Any] = partial(
            side_by_side, rounds=options.rounds, expected=lambda _: right, server=server.process
        )
        with served(answers, 1, latency=0.0) as small:
            by_row = measured(BY_ROW, lambda _: (server.url,), warm_up=(small.url,))
            to_disk = measured(TO_DISK, lambda _: (server.url, place), warm_up=(small.url, place), summary=saved)
    for what, runs in (("read, its figures added up", by_row), ("saved", to_disk)):
        yield Measurement(
            benchmark="reports",
            title=f"A CSV of {rows:,} rows {what}",
            unit="row",
            requests=rows,
            latency=None,
            ideal=None,
            runs=runs,
        )
