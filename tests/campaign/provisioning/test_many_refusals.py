"""Plans whose creates are all refused: the work grows with the plan, not with its square."""

import asyncio
import sys
from types import FrameType
from typing import Any

import httpx
import pytest

from adjust_async import AsyncAdjust
from tests.clock import jumping_clock

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


class Refusing(httpx.AsyncBaseTransport):
    """A service that has other trackers, and refuses every create as if its name were taken."""

    def __init__(self, others: int) -> None:
        self.others = others

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer after 50 ms."""
        await asyncio.sleep(0.05)
        if request.method == "POST":
            return httpx.Response(409, json={"error": {"message": "the name is taken"}})
        first = int(request.url.params.get("after", 0))
        last = first + int(request.url.params["limit"])
        items = [
            {"token": f"t{number}", "name": f"Other {number:05}", "level": 1, "has_subtrackers": False}
            for number in range(first, min(last, self.others))
        ]
        following = str(last) if last < self.others else None
        link = None if following is None else f"https://api.adjust.com/x?after={following}"
        paging = {"next": link, "cursors": {"after": following, "before": None}}
        return httpx.Response(200, json={"data": {"items": items, "paging": paging}})


async def calls_for(entries: int, others: int) -> int:
    """Return how many functions of the package's part about campaigns such a run calls."""
    calls = 0

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal calls
        calls += event == "call" and "adjust_async/campaign/" in frame.f_code.co_filename

    async with httpx.AsyncClient(transport=Refusing(others)) as http:
        adjust = AsyncAdjust("api-token", http_client=http, max_concurrency=5)
        profiler = sys.getprofile()
        sys.setprofile(count)
        try:
            plan = [f"Network {number}" for number in range(entries)]
            result = await adjust.trackers.provision("app", plan, page_size=500)
        finally:
            sys.setprofile(profiler)
        await adjust.aclose()
    assert result.counts["failed"] == entries
    return calls


@pytest.mark.parametrize("others", [0, 60])
async def test_the_work_grows_with_the_plan(others: int) -> None:
    """Four times as many entries take little more than four times as many steps, whatever the lists show."""
    await calls_for(10, others)
    assert await calls_for(320, others) < 5 * await calls_for(80, others)
