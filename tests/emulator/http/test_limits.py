import asyncio

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.conftest import PassTime
from tests.emulator.requests import connect, eventually

pytestmark = pytest.mark.anyio


async def test_limit_of_the_campaign_host(pass_time: PassTime) -> None:
    """Of more requests at once than the limit, the others are refused with 429, and counted."""
    async with Emulator(apps=1, trackers_per_app=0, concurrency=5, latency=60) as emulator:
        paths = ["/public/v1/partners", "/public/v2/partners", f"/kpis/v1/{emulator.app_tokens[0]}"]
        async with connect(emulator) as client:
            client.timeout = httpx.Timeout(600)
            urls = [paths[number % len(paths)] for number in range(12)] + ["/reports-service/events"] * 12
            sent = [asyncio.create_task(client.get(url)) for url in urls]
            await eventually(lambda: emulator.stats.in_flight == 17 and sum(task.done() for task in sent) == 7)
            pass_time(60)
            statuses = [answer.status_code for answer in await asyncio.gather(*sent)]
            assert sorted(statuses[:12]) == [200] * 5 + [429] * 7
            assert set(statuses[12:]) == {200}
            seen = emulator.stats.campaign
            assert (seen.in_flight, seen.max_in_flight, seen.refused) == (0, 6, {"concurrency": 7})
            emulator.latency = 0
            assert (await client.get(paths[0])).status_code == 200
            emulator.stats.reset()
            assert (seen.max_in_flight, seen.refused) == (0, {})


async def test_no_limit(pass_time: PassTime) -> None:
    """Without the option the Campaign host accepts everything, and counts requests in flight."""
    async with Emulator(apps=1, trackers_per_app=0, latency=60) as emulator, connect(emulator) as client:
        client.timeout = httpx.Timeout(600)
        sent = [asyncio.create_task(client.get("/public/v1/partners")) for _ in range(60)]
        await eventually(lambda: emulator.stats.in_flight == 60)
        pass_time(60)
        answers = await asyncio.gather(*sent)
        assert {answer.status_code for answer in answers} == {200}
        assert emulator.stats.campaign.max_in_flight == 60
