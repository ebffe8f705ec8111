"""The Report Service: the figures of 100 apps in 6 monthly windows, and a CSV of 300,000 rows.

The windows are requested from the emulator, which enforces the service's limits: 50 concurrent requests, 50 a second,
and bursts of 100; beyond them it answers 429. These limits determine the time, so one latency of 100 ms is enough, and
every other contender needs a limiter too. All end with the same typed rows.

The CSV is canned and has 24 MB: it is read row by row, with its figures added up, and written to a file.
"""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain, pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from aiolimiter import AsyncLimiter

from adjust_async import AsyncAdjust
from benchmarks import clients
from benchmarks.csv_reports import csv_reports
from benchmarks.measuring import Contender, Listing, Measurement, Options, Run, digest, side_by_side
from benchmarks.processes import run_server

APPS, MONTHS, LATENCY = 100, 6, 0.1
RATE, BURST, AT_ONCE = 50, 100, 50
DIMENSIONS, METRICS = ["day", "network"], ["installs", "clicks", "cost"]

#: App token, day, network, and the metrics.
Row = tuple[Any, ...]


class Question(NamedTuple):
    """The emulator's URL, and the query."""

    url: str
    app_tokens: Sequence[str]
    months: int

    @property
    def days(self) -> list[tuple[date, date]]:
        """The first and the last day of each month."""
        firsts = [date(2025 + month // 12, month % 12 + 1, 1) for month in range(self.months + 1)]
        return [(first, date.fromordinal(after.toordinal() - 1)) for first, after in pairwise(firsts)]


class _Emulated(NamedTuple):
    url: str
    app_tokens: list[str]
    process: int


def _serve(ready: Connection, orders: Connection, apps: int, months: int, latency: float) -> None:
    # Not at the top, because the contenders' processes import this module too.
    from adjust_async.emulator import Emulator

    def started(emulator: Emulator) -> None:
        days = Question("", (), months).days
        emulator.facts.make(days[0][0], days[-1][1])
        emulator.latency = latency
        ready.send(_Emulated(emulator.url, emulator.app_tokens, os.getpid()))
        asyncio.get_running_loop().add_reader(orders.fileno(), tell, emulator)

    def tell(emulator: Emulator) -> None:
        orders.recv()
        seen = emulator.stats.reports
        orders.send((seen.max_in_flight, seen.fullest_bucket, sum(seen.refused.values())))
        emulator.stats.reset()

    Emulator(apps=apps, trackers_per_app=20, facts_per_day=2, token="token", report_concurrency=AT_ONCE).run(started)


def windows_with_sdk(question: Question) -> list[Row]:
    """Request with this SDK, which makes the windows itself."""

    async def ask() -> list[Row]:
        async with AsyncAdjust("token", api_url=question.url) as adjust:
            report = await adjust.reports.fetch(
                dimensions=DIMENSIONS,
                metrics=METRICS,
                date_period=(question.days[0][0], question.days[-1][1]),
                app_tokens=question.app_tokens,
                window="month",
            )
        return [tuple(row.values()) for row in report.rows()]

    return asyncio.run(ask())


def windows_with_aiohttp(question: Question) -> list[Row]:
    """Request with raw aiohttp and a limiter."""

    async def ask_all() -> list[Row]:
        # A little below the limits, because requests may overtake each other on the way.
        burst = BURST - 10
        limiter = AsyncLimiter(burst, burst / RATE)
        async with clients.by_aiohttp(question.url) as ask:

            async def rows_of(app: str, first: date, last: date) -> list[Row]:
                async with limiter:
                    return list(_typed(app, await ask("/reports-service/report", _query(app, first, last))))

            asked = [rows_of(app, *days) for app in question.app_tokens for days in question.days]
            return list(chain.from_iterable(await asyncio.gather(*asked)))

    return asyncio.run(ask_all())


def windows_with_requests(question: Question) -> list[Row]:
    """Request with requests, in a loop."""
    with clients.by_requests(question.url) as ask:
        return [
            row
            for app in question.app_tokens
            for days in question.days
            for row in _typed(app, ask("/reports-service/report", _query(app, *days)))
        ]


def _query(app: str, first: date, last: date) -> dict[str, str]:
    return {
        "dimensions": ",".join(DIMENSIONS),
        "metrics": ",".join(METRICS),
        "date_period": f"{first}:{last}",
        "app_token__in": app,
        "format_dates": "false",
    }


def _typed(app: str, answer: dict[str, Any]) -> Iterator[Row]:
    for row in answer["rows"]:
        figures = (_number(row[metric]) for metric in METRICS)
        yield (app, date.fromisoformat(row["day"]), row["network"], *figures)


def _number(cell: str) -> float:
    return int(cell) if cell.isdecimal() else float(cell)


WINDOWS = (
    Contender("adjust_async", windows_with_sdk),
    Contender("aiohttp, orjson, aiolimiter", windows_with_aiohttp, needs="aiohttp"),
    Contender("requests, in a loop", windows_with_requests, share=20, needs="requests"),
)


def _windows(options: Options) -> Iterator[Measurement | Listing]:
    apps, months, latency = (3, 2, options.latencies_or((LATENCY,))[0]) if options.quick else (APPS, MONTHS, LATENCY)
    contenders = [one._replace(share=1) for one in WINDOWS] if options.quick else WINDOWS
    requests = apps * months
    ideal = max((requests - BURST) / RATE, requests * latency / AT_ONCE)
    ours, theirs = get_context("spawn").Pipe()
    runs: dict[str, tuple[int, list[Run]]] = {}
    seen = []
    with run_server(_serve, theirs, apps, months, latency) as emulated:

        def question(contender: Contender) -> tuple[Question]:
            # Until then, the burst before it still counts.
            time.sleep(min(requests, BURST) / RATE)
            return (Question(emulated.url, emulated.app_tokens[: apps // contender.share], months),)

        expected = {one.share: digest(windows_with_sdk(*question(one))) for one in contenders}
        for contender in contenders:
            ours.send("forget")
            ours.recv()
            runs |= side_by_side(
                [contender],
                question,
                rounds=options.rounds_of(ideal),
                expected=lambda contender: expected[contender.share],
                warm_up=(Question(emulated.url, emulated.app_tokens[:1], 1),),
                summary=digest,
                server=emulated.process,
            )
            ours.send("tell")
            at_once, bucket, refused = ours.recv()
            if contender.name in runs:
                seen.append([contender.name, str(at_once), f"{bucket:.1f}", str(refused)])
    yield Measurement(
        benchmark="reports",
        title=f"{apps} apps in {months} monthly windows, {RATE} requests a second, bursts of {BURST}",
        unit="request",
        requests=requests,
        latency=latency,
        ideal=ideal,
        runs=runs,
    )
    yield Listing(
        "reports",
        "What the limits of the Report Service saw of that",
        ["", f"At a time (allowed: {AT_ONCE})", f"Fullest bucket (allowed: {BURST})", "Answered 429"],
        seen,
    )


def measure(options: Options) -> Iterator[Measurement | Listing]:
    """Measure both."""
    yield from _windows(options)
    yield from csv_reports(options)
