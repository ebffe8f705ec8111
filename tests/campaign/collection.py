"""A collection of cursor pages for tests: its service, and a client for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from adjust_async import (
    AsyncAdjust,
    CursorPages,
    Tracker,
)

HOST = "https://api.adjust.com"


class Collection(httpx.AsyncBaseTransport):
    """Serves `pages`, each a list of labels; `paging` makes the paging object of page number n (from 0)."""

    def __init__(self, pages: list[list[str]], paging: Callable[[int, bool], Any], *, latency: float = 0.0) -> None:
        self.pages = pages
        self.paging = paging
        self.latency = latency
        self.failing: dict[int, httpx.Response] = {}
        self.asked: list[dict[str, str]] = []
        self.hosts: set[str] = set()
        self.in_flight = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with the page that a cursor such as `c3` names."""
        self.hosts.add(request.url.host)
        query = dict(request.url.params)
        self.asked.append(query)
        cursor = query.get("after") or query.get("cursor") or query.get("before") or "c0"
        number = int(cursor.removeprefix("c"))
        self.in_flight += 1
        try:
            await asyncio.sleep(self.latency)
        finally:
            self.in_flight -= 1
        if number in self.failing:
            return self.failing[number]
        items = [{"name": label, "token": label} for label in self.pages[number]]
        data = {"request_id": f"r{number}", "items": items, "paging": self.paging(number, number + 1 < len(self.pages))}
        return httpx.Response(200, json={"data": {key: value for key, value in data.items() if value is not ...}})


def paging_v1(number: int, more: bool) -> Any:
    """Make v1's paging object, as documented."""
    following = f"c{number + 1}" if more else None
    previous = f"c{number - 1}" if number else None
    return {
        "page_size": "2",
        "collection_size": "2",
        "total": "199",
        "next": f"{HOST}/public/v1/apps/app/trackers?after={following}&limit=2" if following else None,
        "previous": f"{HOST}/public/v1/apps/app/trackers?before={previous}&limit=2" if previous else None,
        "cursors": {"after": following, "before": previous},
    }


def paging_v2(number: int, more: bool) -> Any:
    """Make v2's paging object, as documented."""
    following = f"c{number + 1}" if more else None
    return {
        "next": f"{HOST}/public/v2/apps/app/trackers?cursor={following}" if following else None,
        "cursor": following,
    }


PAGES = [["a", "b"], ["c"], [], ["d", "e"], ["f"]]


LABELS = ["a", "b", "c", "d", "e", "f"]


@asynccontextmanager
async def client(collection: Collection, version: Any = "v1", **options: Any) -> AsyncIterator[AsyncAdjust]:
    """Open a client over a collection. At its end no permit, call or task may be left."""
    async with AsyncAdjust(
        "token", http_client=httpx.AsyncClient(transport=collection), campaign_version=version, **options
    ) as adjust:
        tasks = len(asyncio.all_tasks())
        yield adjust
        for _ in range(20):
            await asyncio.sleep(0)
        session = adjust._session
        assert (session.permits, session.calls, len(session._tasks), collection.in_flight) == (0, 0, 0, 0)
        assert len(asyncio.all_tasks()) == tasks


async def labels(pages: CursorPages[Tracker]) -> list[str]:
    """Iterate to the end."""
    return [tracker.name async for tracker in pages]
