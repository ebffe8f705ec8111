import asyncio

import pytest

from adjust_async.emulator import Emulator
from tests.emulator.requests import connect

pytestmark = pytest.mark.anyio


async def test_limit_of_the_campaign_host() -> None:
    """Of more requests at once than the limit, the others are refused with 429, and counted."""
    async with Emulator(apps=1, trackers_per_app=0, concurrency=5, latency=0.1) as emulator:
        paths = ["/public/v1/partners", "/public/v2/partners", f"/kpis/v1/{emulator.app_tokens[0]}"]
        async with connect(emulator) as client:
            sent = [client.get(paths[number % len(paths)]) for number in range(12)]
            reports = [client.get("/reports-service/events") for _ in range(12)]
            answers = await asyncio.gather(*sent, *reports)
            statuses = [answer.status_code for answer in answers]
            assert sorted(statuses[:12]) == [200] * 5 + [429] * 7
            assert set(statuses[12:]) == {200}
            seen = emulator.stats.campaign
            assert (seen.in_flight, seen.max_in_flight, seen.refused) == (0, 6, {"concurrency": 7})
            assert (await client.get(paths[0])).status_code == 200
            emulator.stats.reset()
            assert (seen.max_in_flight, seen.refused) == (0, {})


async def test_no_limit() -> None:
    """Without the option the Campaign host accepts everything, and counts requests in flight."""
    async with Emulator(apps=1, trackers_per_app=0, latency=0.05) as emulator, connect(emulator) as client:
        answers = await asyncio.gather(*(client.get("/public/v1/partners") for _ in range(60)))
        assert {answer.status_code for answer in answers} == {200}
        assert emulator.stats.campaign.max_in_flight == 60
