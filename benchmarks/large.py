"""Large answers: 200,000 rows into Arrow, 200,000 elements into rows, 60 MB fetched on a busy loop, and 2,000 windows.

The first two begin with bytes. Handwritten code knows the columns and their types, and checks nothing. For the 60 MB,
the longest time is measured for which the event loop served nothing else; "nothing" shows the noise of the machine. The
windows are joined into one report of 200,000 rows; handwritten code appends them to one list per column. Here the
memory is measured.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from itertools import product, starmap
from typing import Any

import orjson

from adjust_async import AsyncAdjust, Report
from benchmarks import clients
from benchmarks.decoding import elements
from benchmarks.measuring import Contender, Measurement, Options, Watched, digest, side_by_side
from benchmarks.server import Answers, response, served
from benchmarks.watching import watched

ROWS, MANY_ROWS = 200_000, 260_000
DIMENSIONS, METRICS = ["day", "app", "campaign", "country"], ["installs", "cost", "clicks"]
KINDS: dict[str, Callable[[str], Any]] = {"day": date.fromisoformat, "installs": int, "cost": float, "clicks": int}
PATH = "/reports-service/report"
WINDOW_APPS, WINDOW_MONTHS, WINDOW_ROWS = 100, 20, 100


def document(rows: int, words: str = "Spring campaign") -> bytes:
    """Make an answer of the Report Service."""
    made = [
        {
            "day": f"2026-01-{number % 28 + 1:02}",
            "app": f"Puzzle Harbor {number % 50}",
            "campaign": f"{words} {number % 977} (t{number % 977:05})",
            "country": ("Germany", "France", "Japan")[number % 3],
            "installs": str(number % 1000),
            "cost": f"{number % 9973 / 100:.2f}",
            "clicks": str(number),
            "attr_dependency": {
                "campaign_id_network": f"c{number % 977:09}",
                "partner_id": "-300",
                "partner": "unknown",
            },
        }
        for number in range(rows)
    ]
    return orjson.dumps({"rows": made, "totals": dict.fromkeys(METRICS, 0.0), "warnings": [], "pagination": None})


# Bytes into Arrow.


def arrow_with_sdk(body: bytes) -> Any:
    """Read with this SDK."""
    return Report.from_json(body).to_arrow()


def arrow_by_hand(body: bytes) -> Any:
    """Read with orjson, and cast column by column."""
    import pyarrow as pa

    rows = orjson.loads(body)["rows"]
    types = {"day": pa.date32(), "installs": pa.int64(), "cost": pa.float64(), "clicks": pa.int64()}
    names = [*DIMENSIONS, *METRICS]
    columns = [pa.array([row[name] for row in rows]).cast(types.get(name, pa.string())) for name in names]
    return pa.table(columns, names=names)


ARROW = (
    Contender("adjust_async, Report.from_json(...).to_arrow()", arrow_with_sdk, needs="pyarrow"),
    Contender("orjson, a cast for each column by hand", arrow_by_hand, needs="pyarrow"),
)


def cells(table: Any) -> str:
    """Return the cells to compare of a table."""
    return digest(tuple(row[name] for name in (*DIMENSIONS, *METRICS)) for row in table.to_pylist())


def _arrow(options: Options) -> Measurement:
    rows = 500 if options.quick else ROWS
    body = document(rows)
    expected = digest(
        tuple(KINDS.get(name, str)(row[name]) for name in (*DIMENSIONS, *METRICS)) for row in orjson.loads(body)["rows"]
    )
    runs = side_by_side(
        ARROW,
        lambda _: (body,),
        rounds=options.rounds,
        expected=lambda _: expected,
        warm_up=(document(1),),
        summary=cells,
    )
    return Measurement(
        "large", f"{rows:,} rows of a report, read and made an Arrow table", "row", rows, None, None, runs
    )


# A large answer on a loop that others need too.


def fetched_with_sdk(url: str) -> Watched:
    """Fetch with this SDK."""
    return _fetched(url, clients.sdk)


def fetched_with_sdk_on_aiohttp(url: str) -> Watched:
    """Fetch with this SDK and `AiohttpTransport`."""
    return _fetched(url, clients.sdk_on_aiohttp)


def _fetched(url: str, sdk: clients.SDK) -> Watched:
    async def fetch() -> Watched:
        async with sdk(url) as adjust:
            asked = adjust.reports.fetch(dimensions=DIMENSIONS, metrics=METRICS, date_period="2026-01-01:2026-01-28")
            seen = await watched(asked)
        return seen._replace(found=len(seen.found))

    return asyncio.run(fetch())


def fetched_by_aiohttp(url: str) -> Watched:
    """Fetch with raw aiohttp, and decode on the loop."""

    async def fetch() -> Watched:
        async with clients.by_aiohttp(url) as ask:
            seen = await watched(ask(PATH, {}))
        return seen._replace(found=len(seen.found["rows"]))

    return asyncio.run(fetch())


def nothing(_: str) -> Watched:
    """Do nothing for half a second."""

    async def rest() -> Watched:
        return await watched(asyncio.sleep(0.5, 0))

    return asyncio.run(rest())


FETCHES = (
    Contender("adjust_async", fetched_with_sdk),
    Contender("adjust_async on aiohttp", fetched_with_sdk_on_aiohttp, needs="aiohttp"),
    Contender("aiohttp, orjson, decoded only", fetched_by_aiohttp, needs="aiohttp"),
    Contender("nothing", nothing),
)


def _fetches(options: Options) -> Iterator[Measurement]:
    rows = 500 if options.quick else MANY_ROWS
    for what, words in ((", plain names", "Spring campaign"), (", names with emoji", "Spring 🌷 },{ campaign")):
        body = document(rows, words)
        with served(canned, body, latency=0.0) as server, served(canned, document(1), latency=0.0) as small:
            runs = side_by_side(
                FETCHES,
                lambda _: (server.url,),
                rounds=options.rounds,
                expected=lambda contender: 0 if contender.work is nothing else rows,
                warm_up=(small.url,),
                server=server.process,
            )
        title = f"A report of {len(body) / 1e6:.0f} MB, {rows:,} rows, fetched{what}"
        yield Measurement("large", title, "report", 1, None, None, runs)


def canned(body: bytes) -> Answers:
    """Answer every request for a report in the same way."""
    return {PATH.encode(): response(body)}


# Many windows.


def windows_with_sdk(url: str, apps: int, months: int) -> tuple[int, int]:
    """Fetch and join with this SDK. Return the number of rows, and the sum of their clicks."""

    async def fetch() -> tuple[int, int]:
        # Without the rate limit, which would determine the time.
        async with AsyncAdjust("token", api_url=url, reports_max_rate=None) as adjust:
            report = await adjust.reports.fetch(
                dimensions=DIMENSIONS,
                metrics=METRICS,
                date_period=(_first(0), _first(months) - timedelta(1)),
                app_tokens=[f"app{number:03}" for number in range(apps)],
                window="month",
            )
        return len(report), sum(row["clicks"] for row in report.rows())

    return asyncio.run(fetch())


def windows_by_hand(url: str, apps: int, months: int) -> tuple[int, int]:
    """Fetch with raw aiohttp, and append to one list per column."""
    columns: dict[str, list[Any]] = {name: [] for name in ("app_token", *DIMENSIONS, *METRICS)}

    async def fetch() -> None:
        async with clients.by_aiohttp(url) as ask:

            async def window(app: str, month: int) -> None:
                first, last = _first(month), _first(month + 1) - timedelta(1)
                for row in (await ask(PATH, {"date_period": f"{first}:{last}"}))["rows"]:
                    columns["app_token"].append(app)
                    for name in (*DIMENSIONS, *METRICS):
                        columns[name].append(KINDS.get(name, str)(row[name]))

            asked = product((f"app{number:03}" for number in range(apps)), range(months))
            await asyncio.gather(*starmap(window, asked))

    asyncio.run(fetch())
    return len(columns["day"]), sum(columns["clicks"])


def _first(month: int) -> date:
    return date(2025 + month // 12, month % 12 + 1, 1)


class _OfEachMonth(Mapping[bytes, bytes]):
    """The same rows for every window, with the days of its month, made on request."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __getitem__(self, target: bytes) -> bytes:
        month = re.findall(rb"date_period=(\d{4}-\d\d)", target)
        if not month:
            raise KeyError(target)
        return response(self._body.replace(b"2026-01", month[0]))

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def __len__(self) -> int:
        return 0


WINDOWS = (
    Contender("adjust_async", windows_with_sdk),
    Contender("aiohttp, orjson, one list a column", windows_by_hand, needs="aiohttp"),
)


def _windows(options: Options) -> Measurement:
    apps, months = (2, 2) if options.quick else (WINDOW_APPS, WINDOW_MONTHS)
    windows = apps * months
    with served(_OfEachMonth, document(WINDOW_ROWS), latency=0.0) as server:
        runs = side_by_side(
            WINDOWS,
            lambda _: (server.url, apps, months),
            rounds=options.rounds,
            expected=lambda _: (windows * WINDOW_ROWS, windows * sum(range(WINDOW_ROWS))),
            warm_up=(server.url, 1, 1),
            server=server.process,
        )
    title = f"{windows:,} windows of {WINDOW_ROWS} rows, joined into one report"
    return Measurement("large", title, "window", windows, None, None, runs)


def measure(options: Options) -> Iterator[Measurement]:
    """Measure one after the other."""
    yield _arrow(options)
    yield elements(options)
    yield from _fetches(options)
    yield _windows(options)
