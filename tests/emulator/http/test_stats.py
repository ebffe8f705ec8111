import asyncio

import httpx
import pytest

from adjust_async.emulator import Emulator, Faults
from tests.conftest import PassTime
from tests.emulator.requests import eventually, trackers_path

pytestmark = pytest.mark.anyio

PARTNERS = "/public/v1/partners"


async def test_requests_by_route(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Requests are counted under the template of their route, whatever they were answered."""
    tracker = emulator.store.trackers()[0]
    path = trackers_path(emulator)
    await client.get(path)
    await client.get(path.replace("v1", "v2"), headers={"Authorization": "wrong"})
    await client.get(f"{path}/{tracker.token}/children?limit=3")
    await client.post(path, json={})
    await client.patch(f"{path}/{tracker.token}", json={})
    await client.get(PARTNERS)
    await client.get(PARTNERS)
    await client.put(PARTNERS)
    await client.get("/nowhere")
    assert emulator.stats.requests == {
        "GET /public/v1/apps/{app_token}/trackers": 1,
        "GET /public/v2/apps/{app_token}/trackers": 1,
        "GET /public/v1/apps/{app_token}/trackers/{tracker_token}/children": 1,
        "POST /public/v1/apps/{app_token}/trackers": 1,
        "PATCH /public/v1/apps/{app_token}/trackers/{tracker_token}": 1,
        "GET /public/v1/partners": 2,
        "PUT /public/v1/partners": 1,
        "GET (unknown path)": 1,
    }
    assert emulator.stats.total == 9


async def test_requests_in_flight(emulator: Emulator, client: httpx.AsyncClient, pass_time: PassTime) -> None:
    """Requests that wait for their answer are in flight, and the most at once is remembered."""
    emulator.latency = 60
    client.timeout = httpx.Timeout(600)
    requests = [asyncio.create_task(client.get(PARTNERS)) for _ in range(20)]
    await eventually(lambda: emulator.stats.in_flight == 20)
    pass_time(60)
    answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} == {200}
    assert emulator.stats.in_flight == 0
    assert emulator.stats.max_in_flight == 20
    assert emulator.stats.connections_opened == 20


@pytest.mark.parametrize("cause", ["latency", "hang", "drip"])
async def test_clients_that_disconnect(cause: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A request is no longer in flight once its client has disconnected, whatever it was waiting for."""
    if cause == "latency":
        emulator.latency = 60
    else:
        emulator.faults = Faults(1, [cause], drip=60)
    requests = [asyncio.create_task(client.get(PARTNERS)) for _ in range(3)]
    await eventually(lambda: emulator.stats.in_flight == 3)
    requests[0].cancel()
    await eventually(lambda: emulator.stats.in_flight == 2)
    assert emulator.stats.connections_open == 2
    for request in requests:
        request.cancel()
    await eventually(lambda: emulator.stats.in_flight == 0)
    assert emulator.stats.connections_open == 0


async def test_client_that_disconnects_within_its_body(emulator: Emulator) -> None:
    """A client that disconnects within its body leaves nothing behind: no request, no tracker."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(emulator.url.rpartition(":")[2]))
    head = f"POST {trackers_path(emulator)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {emulator.token}\r\n"
    writer.write(f'{head}Content-Length: 100\r\n\r\n{{"name":'.encode())
    await eventually(lambda: emulator.stats.in_flight == 1)
    writer.close()
    await writer.wait_closed()
    await eventually(lambda: emulator.stats.in_flight == 0)
    assert emulator.store.count_trackers() == 2000


async def test_connections(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A kept-alive connection is opened once, and open until the client closes it."""
    for _ in range(3):
        await client.get(PARTNERS)
    assert (emulator.stats.connections_opened, emulator.stats.connections_open) == (1, 1)
    await client.aclose()
    await eventually(lambda: emulator.stats.connections_open == 0)
    assert emulator.stats.connections_opened == 1


async def test_reset(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """After a reset all counts are zero, except those of open connections and requests in flight."""
    emulator.faults = ["500", "hang"]
    await client.get(PARTNERS)
    hanging = asyncio.create_task(client.get(PARTNERS))
    await eventually(lambda: emulator.stats.in_flight == 1)
    emulator.stats.reset()
    stats = emulator.stats
    assert (stats.total, stats.faults.total()) == (0, 0)
    assert (stats.in_flight, stats.max_in_flight) == (1, 1)
    assert (stats.connections_open, stats.connections_opened) == (1, 1)
    hanging.cancel()
    await eventually(lambda: emulator.stats.in_flight == 0)


def test_repr() -> None:
    """The statistics show their numbers."""
    assert repr(Emulator().stats).startswith("Stats(total=0, in_flight=0, max_in_flight=0, connections_opened=0")
