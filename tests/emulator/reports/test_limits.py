import asyncio
import contextlib
from collections import Counter

import httpx
import pytest

from adjust_async.emulator import Emulator, Faults
from adjust_async.emulator.http.gate import LeakyBucket
from tests.conftest import PassTime
from tests.emulator.kpis.results import serving
from tests.emulator.reports.results import PATH, question
from tests.emulator.requests import connect, eventually

pytestmark = pytest.mark.anyio

EVENTS = f"{PATH}/events"


async def statuses(client: httpx.AsyncClient, count: int, path: str = EVENTS) -> Counter[int]:
    """Send that many concurrent requests, and count the answers."""
    answers = await asyncio.gather(*(client.get(path) for _ in range(count)))
    return Counter(answer.status_code for answer in answers)


async def test_concurrency(pass_time: PassTime) -> None:
    """Requests beyond the concurrency limit are refused at once, and counted. Other services have no such limit."""
    async with Emulator(latency=60, report_rate=None) as emulator, connect(emulator) as client:
        client.timeout = httpx.Timeout(600)

        async def together(count: int) -> Counter[int]:
            before = emulator.stats.total
            sending = asyncio.create_task(statuses(client, count))
            await eventually(lambda: emulator.stats.total == before + count)
            pass_time(60)
            return await sending

        assert await together(60) == {200: 50, 429: 10}
        reports = emulator.stats.reports
        assert (reports.refused, reports.max_in_flight) == ({"concurrency": 10}, 51)
        assert emulator.stats.requests[f"GET {EVENTS}"] == 60
        emulator.stats.reset()
        assert await together(50) == {200: 50}
        assert (reports.refused, reports.max_in_flight, reports.fullest_bucket) == ({}, 50, 0)
        emulator.latency = 0
        assert await statuses(client, 60, "/public/v1/partners") == {200: 60}


async def test_no_limits(pass_time: PassTime) -> None:
    """Both limits may be switched off."""
    async with (
        Emulator(report_concurrency=None, report_rate=None, latency=60) as emulator,
        connect(emulator) as client,
    ):
        client.timeout = httpx.Timeout(600)
        sending = asyncio.create_task(statuses(client, 90))
        await eventually(lambda: emulator.stats.reports.in_flight == 90)
        pass_time(60)
        assert await sending == {200: 90}
        assert emulator.stats.reports.max_in_flight == 90
        assert emulator.stats.reports.fullest_bucket == 0
    async with Emulator(report_burst=None) as emulator, connect(emulator) as client:
        assert await statuses(client, 30) == {200: 30}


async def test_rate(pass_time: PassTime) -> None:
    """A burst is accepted, further requests are refused, and later there is room again."""
    async with Emulator(report_rate=0.001, report_burst=8) as emulator, connect(emulator) as client:
        assert await statuses(client, 12) == {200: 8, 429: 4}
        assert emulator.stats.reports.refused == {"rate": 4}
        assert 8 < emulator.stats.reports.fullest_bucket <= 9
        response = await client.get(EVENTS, headers={"Authorization": "none"})
        assert response.status_code == 429
        assert response.json() == {"error_code": "request_error", "error_desc": "Too many requests"}
        pass_time(4000)
        emulator.stats.reset()
        assert await statuses(client, 2) == {200: 2}
        assert 2 <= emulator.stats.reports.fullest_bucket <= 8


def test_bucket() -> None:
    """The bucket drains at its rate, accepts its burst, and refused requests do not fill it."""
    now = 0.0
    bucket = LeakyBucket(2.0, 3, lambda: now)
    assert [bucket.pour() for _ in range(5)] == [(True, 1), (True, 2), (True, 3), (False, 4), (False, 4)]
    now = 0.5
    assert [bucket.pour() for _ in range(2)] == [(True, 3), (False, 4)]
    now = 100.0
    assert bucket.pour() == (True, 1)
    assert LeakyBucket.of(None, 5) is LeakyBucket.of(5.0, None) is None


@pytest.mark.parametrize("kind", ["report", "csv_report", "events"])
def test_counted_out_in_time(kind: str) -> None:
    """After an answer was read, the next request may follow at once: the last one is no longer in flight."""
    emulator = Emulator(apps=1, trackers_per_app=20, facts_per_day=5, report_concurrency=1, report_rate=None)
    with serving(emulator) as client:
        for _ in range(60):
            assert client.get(f"{PATH}/{kind}", params=question(date_period="-3d:-1d")).status_code == 200
        assert emulator.stats.reports.max_in_flight == 1


@pytest.mark.parametrize(
    "fault", ["429", "drop-before", "drop-after", "truncated-body", "truncated-json", "drip", "502-html"]
)
def test_counted_out_after_faults(fault: str) -> None:
    """After a fault a request is not in flight any more either."""
    emulator = Emulator(
        apps=1, report_concurrency=1, report_rate=None, faults=Faults.script([fault, None] * 15, drip=0.01)
    )
    with serving(emulator) as client:
        for _ in range(15):
            with contextlib.suppress(httpx.TransportError):
                client.get(EVENTS)
            assert client.get(EVENTS).status_code == 200
        assert emulator.stats.reports.refused == {}
        assert emulator.stats.faults[fault] == 15


async def test_clients_that_disconnect() -> None:
    """A client that disconnects makes room for another."""
    async with Emulator(latency=60, report_concurrency=2) as emulator, connect(emulator) as client:
        waiting = [asyncio.create_task(client.get(EVENTS)) for _ in range(2)]
        await eventually(lambda: emulator.stats.reports.in_flight == 2)
        assert (await client.get(EVENTS)).status_code == 429
        waiting[0].cancel()
        await eventually(lambda: emulator.stats.reports.in_flight == 1)
        emulator.latency = 0
        assert (await client.get(EVENTS)).status_code == 200
        emulator.stats.reset()
        assert (emulator.stats.reports.in_flight, emulator.stats.reports.max_in_flight) == (1, 1)
        waiting[1].cancel()


async def test_refusals_meet_no_fault(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A request refused by the limits does not use a step of the fault script."""
    async with (
        Emulator(report_rate=0.001, report_burst=1, faults=[None, "500"]) as emulator,
        connect(emulator) as client,
    ):
        assert [(await client.get(EVENTS)).status_code for _ in range(3)] == [200, 429, 429]
        assert (await client.get("/public/v1/partners")).status_code == 500


@pytest.mark.parametrize("option", ["report_concurrency", "report_burst", "report_rate"])
def test_options_without_sense(option: str) -> None:
    """A limit is positive."""
    value: dict[str, int] = {option: -1}
    with pytest.raises(ValueError, match=option):
        Emulator(**value)  # type: ignore[arg-type] # one of several options
