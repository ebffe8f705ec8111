"""The background jobs of a web app: nothing, walks, and large documents, with and without the SDK."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

import orjson

from adjust_async import AsyncAdjust
from benchmarks import clients, pages, trackers
from benchmarks.server import Answers, response

KPIS, METRICS = ["installs", "sessions", "revenue"], ["installs", "clicks", "cost", "retention_rate_d7"]


class Size(NamedTuple):
    """The amount of work: pages per app, elements of the large KPI document, rows of the report, seconds of nothing."""

    pages: int
    elements: int
    rows: int
    rest: float


WHOLE = Size(pages=pages.PAGES, elements=66_667, rows=40_000, rest=4.0)
QUICK = Size(pages=5, elements=500, rows=500, rest=0.2)

#: Does the job, and returns the number of trackers, or of elements and rows, that it found.
Work = Callable[[], Awaitable[int]]


class Job(NamedTuple):
    """A background job of the app.

    Attributes:
        name: Its name in the table.
        open: Opens the job for the URL of the APIs and the amount of work, within the app's lifespan.
        found: The number that it must find.
        share: The share of the pages that it walks.
        needs: The module that it needs.
    """

    name: str
    open: Callable[[str, Size], AbstractAsyncContextManager[Work]]
    found: Callable[[Size], int]
    share: int = 1
    needs: str = "adjust_async"


@asynccontextmanager
async def nothing(_: str, size: Size) -> AsyncIterator[Work]:
    """Do nothing."""

    async def rest() -> int:
        await asyncio.sleep(size.rest)
        return 0

    yield rest


@asynccontextmanager
async def walk_with_sdk(url: str, size: Size) -> AsyncIterator[Work]:
    """Walk with this SDK."""
    async with AsyncAdjust("token", api_url=url) as adjust:

        async def walk(app: str) -> int:
            return len({tracker.token async for tracker in adjust.trackers.list(app)})

        yield _side_by_side(walk, size)


@asynccontextmanager
async def walk_with_aiohttp(url: str, size: Size) -> AsyncIterator[Work]:
    """Walk with raw aiohttp."""
    async with clients.by_aiohttp(url) as ask:
        yield _walk(ask, size)


@asynccontextmanager
async def walk_with_httpx(url: str, size: Size) -> AsyncIterator[Work]:
    """Walk with httpx."""
    async with clients.by_httpx(url) as ask:
        yield _walk(ask, size)


def _walk(ask: clients.Ask, size: Size) -> Work:
    async def walk(app: str) -> int:
        path = f"/public/v1/apps/{app}/trackers"
        return len({item["token"] async for items in clients.pages(ask, path) for item in items})

    return _side_by_side(walk, size)


def _side_by_side(walk: Callable[[str], Awaitable[int]], size: Size) -> Work:
    async def walk_all() -> int:
        return sum(await asyncio.gather(*map(walk, pages.apps_of(1, size.pages))))

    return walk_all


@asynccontextmanager
async def documents_with_sdk(url: str, _: Size) -> AsyncIterator[Work]:
    """Fetch the large documents with this SDK."""
    async with AsyncAdjust("token", api_url=url) as adjust:

        async def fetch() -> int:
            figures = await adjust.kpis.deliverables(
                "large", start_date="2026-11-01", end_date="2026-11-21", kpis=KPIS, grouping=["trackers"]
            )
            report = await adjust.reports.fetch(
                dimensions=["day", "campaign"],
                metrics=METRICS,
                date_period="2026-11-01:2026-11-21",
                app_tokens=["large"],
            )
            return len(figures.result_set["apps"][0]["trackers"]) + len(report.parts[0].rows)

        yield fetch


@asynccontextmanager
async def documents_with_aiohttp(url: str, _: Size) -> AsyncIterator[Work]:
    """Fetch and decode the large documents with raw aiohttp, and do nothing more with them."""
    async with clients.by_aiohttp(url) as ask:
        yield _documents(ask)


@asynccontextmanager
async def documents_with_httpx(url: str, _: Size) -> AsyncIterator[Work]:
    """Fetch and decode the large documents with httpx, and do nothing more with them."""
    async with clients.by_httpx(url) as ask:
        yield _documents(ask)


def _documents(ask: clients.Ask) -> Work:
    async def fetch() -> int:
        figures = await ask("/kpis/v1/large", {})
        report = await ask("/reports-service/report", {})
        return len(figures["result_set"]["trackers"]) + len(report["rows"])

    return fetch


def _trackers(size: Size) -> int:
    return pages.APPS * size.pages * trackers.PAGE_SIZE


def _elements(size: Size) -> int:
    return size.elements + size.rows


JOBS = (
    Job("nothing", nothing, lambda _: 0),
    Job("walk: adjust_async", walk_with_sdk, _trackers),
    Job("walk: aiohttp, orjson, no records", walk_with_aiohttp, _trackers, needs="aiohttp"),
    Job("walk: httpx", walk_with_httpx, _trackers, share=5, needs="httpx"),
    Job("documents: adjust_async", documents_with_sdk, _elements),
    Job("documents: aiohttp, orjson, decoded only", documents_with_aiohttp, _elements, needs="aiohttp"),
    Job("documents: httpx, decoded only", documents_with_httpx, _elements, needs="httpx"),
)


def answers(size: Size) -> Answers:
    """Make the answers for walks and documents."""
    apps = [app for share in {job.share for job in JOBS} for app in pages.apps_of(1, size.pages // share)]
    elements = [
        {"token": f"t{number:05}", "kpi_values": [number, number * 7, number * 0.93]} for number in range(size.elements)
    ]
    figures = {
        "result_parameters": {
            "kpis": KPIS,
            "trackers": [
                {"token": element["token"], "name": f"Network::Campaign {number}", "has_subtrackers": False}
                for number, element in enumerate(elements)
            ],
        },
        "result_set": {"token": "large", "name": "Puzzle Harbor", "currency": "EUR", "trackers": elements},
    }
    report = {
        "rows": [
            {
                "day": f"2026-11-{number % 21 + 1:02}",
                "campaign": f"Spring campaign {number} (t{number:05})",
                "installs": str(number % 50),
                "clicks": str(number % 500),
                "cost": f"{number % 90}.25",
                "retention_rate_d7": "0.1375",
                "attr_dependency": {"campaign_id_network": f"c{number:09}", "partner_id": "-300", "partner": "unknown"},
            }
            for number in range(size.rows)
        ],
        "totals": dict.fromkeys(METRICS, 0.0),
        "warnings": [],
        "pagination": None,
    }
    return {
        **pages.answers(apps),
        b"/kpis/v1/large": response(orjson.dumps(figures)),
        b"/reports-service/report": response(orjson.dumps(report)),
    }
