"""Reports: 200 apps in 12 monthly windows, under the limits of the Report Service; and a CSV of a million rows.

python -m benchmarks.reports [--apps 200] [--latency 0.1] [--rows 1000000]
"""

import argparse
import asyncio
import csv
import multiprocessing
import tempfile
from collections.abc import Callable
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from adjust_async import AsyncAdjust
from adjust_async.emulator import Emulator
from benchmarks.measuring import Stopwatch
from benchmarks.processes import beside

START, END = date(2025, 1, 1), date(2025, 12, 31)
DIMENSIONS, METRICS = ["day", "network"], ["installs", "clicks", "cost"]
RATE, BURST, AT_ONCE = 50, 100, 50

CSV_HEADER = b"day,app,app_token,network,campaign,country,installs,clicks,cost,retention_rate_d7\n"
CSV_LINE = b'2026-11-%02d,Puzzle Harbor,yxs12pfewq12,"Network, the %dth",Spring %04d,Germany,%d,%d,%d.25,0.1375\n'


class Account(NamedTuple):
    """An emulator in a process of its own."""

    url: str
    token: str
    app_tokens: list[str]


def _serve(ready: Connection, orders: Connection, apps: int, latency: float) -> None:
    def started(emulator: Emulator) -> None:
        emulator.facts.make(START, END)
        emulator.latency = latency
        ready.send(Account(emulator.url, emulator.token, emulator.app_tokens))
        asyncio.get_running_loop().add_reader(orders.fileno(), tell, emulator)

    def tell(emulator: Emulator) -> None:
        orders.recv()
        seen = emulator.stats.reports
        orders.send((emulator.stats.total, seen.max_in_flight, seen.fullest_bucket, sum(seen.refused.values())))

    Emulator(apps=apps, trackers_per_app=20, facts_per_day=2, report_concurrency=AT_ONCE).run(started)


async def _windows(account: Account) -> int:
    async with AsyncAdjust(account.token, api_url=account.url) as adjust:
        report = await adjust.reports.fetch(
            dimensions=DIMENSIONS,
            metrics=METRICS,
            date_period=(START, END),
            app_tokens=account.app_tokens,
            window="month",
        )
        return sum(1 for _ in report.rows())


def windows(apps: int, latency: float) -> None:
    """Measure 12 windows of every app, and print what the emulator counted."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    with beside(_serve, theirs, apps, latency) as account:
        with Stopwatch() as stopwatch:
            rows = asyncio.run(_windows(account))
        ours.send("tell")
        requests, in_flight, bucket, refused = ours.recv()
    by_rate = max(0, requests - BURST) / RATE
    ideal = max(by_rate, requests * latency / AT_ONCE)
    wall = stopwatch.figure.wall
    print(f"{apps} apps x 12 windows, {latency * 1000:.0f} ms of latency: {requests} requests, {rows} rows")
    print(f"wall {wall:.2f} s, ideal by {RATE} a second after {BURST} at once {ideal:.2f} s, ratio {wall / ideal:.3f}")
    print(f"at once {in_flight} (allowed {AT_ONCE}), fullest bucket {bucket:.1f} (allowed {BURST}), refused {refused}")


async def _serve_csv(ready: Connection, rows: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n")
        _chunk(writer, CSV_HEADER)
        left = rows
        while left:
            count = min(left, 500)
            lines = [
                CSV_LINE % (n % 28 + 1, n % 40, n % 1000, n % 50, n % 500, n % 90)
                for n in range(left, left - count, -1)
            ]
            _chunk(writer, b"".join(lines))
            left -= count
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    ready.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await server.serve_forever()


def _chunk(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(body), body))


def serve_csv(ready: Connection, rows: int) -> None:
    """Answer every request with a CSV of so many rows."""
    asyncio.run(_serve_csv(ready, rows))


QUERY: dict[str, Any] = {
    "dimensions": ["day", "app", "app_token", "network", "campaign", "country"],
    "metrics": ["installs", "clicks", "cost", "retention_rate_d7"],
    "date_period": "2026-11-01:2026-11-28",
}


async def to_disk(url: str, folder: Path) -> int:
    """Save the CSV."""
    async with AsyncAdjust("token", api_url=url) as adjust:
        saved = await adjust.reports.csv(path=folder / "report.csv", **QUERY)
    assert saved.rows is not None
    return saved.rows


async def row_by_row(url: str, _: Path) -> int:
    """Walk the rows of the CSV, with typed cells."""
    async with AsyncAdjust("token", api_url=url) as adjust:
        rows = 0
        async for _row in adjust.reports.csv(**QUERY):
            rows += 1
        return rows


async def by_httpx(url: str, _: Path) -> int:
    """Read the CSV as a script does: the whole text, then `csv.DictReader`, all cells as text."""
    async with httpx.AsyncClient(timeout=60) as http:
        response = await http.get(f"{url}/reports-service/csv_report")
        return sum(1 for _ in csv.DictReader(response.text.splitlines()))


def _alone(results: Connection, contender: Callable[[str, Path], Any], url: str) -> None:
    before = _peak()
    with tempfile.TemporaryDirectory() as folder, Stopwatch() as stopwatch:
        rows = asyncio.run(contender(url, Path(folder)))
    results.send((rows, stopwatch.figure.wall, stopwatch.figure.cpu, _peak() - before))


def _peak() -> float:
    """Give the most memory that this process ever had, in MB; of Linux, where it is not inherited."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


def million(rows: int) -> None:
    """Measure a large CSV, each contender in a process of its own, whose growth in memory is that of the work alone."""
    print(f"\nCSV of {rows:,} rows")
    context = multiprocessing.get_context("spawn")
    with beside(serve_csv, rows) as url:
        for contender in (to_disk, row_by_row, by_httpx):
            ours, theirs = context.Pipe()
            process = context.Process(target=_alone, args=(theirs, contender, url))
            process.start()
            found, wall, cpu, growth = ours.recv()
            process.join()
            if found != rows:
                raise SystemExit(f"{contender.__name__} found {found} rows")
            print(f"{contender.__name__:12} {wall:6.2f} s {cpu:6.2f} s CPU {growth:7.1f} MB more than before")


def main(arguments: list[str] | None = None) -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", type=int, default=200)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds before each answer")
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    windows(options.apps, options.latency)
    million(options.rows)


if __name__ == "__main__":
    main()
