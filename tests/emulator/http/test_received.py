import asyncio

import httpx
import pytest

from adjust_async.emulator import Emulator, Faults
from tests.emulator.requests import connect, eventually, trackers_path

pytestmark = pytest.mark.anyio


async def test_recorded_requests(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A request is recorded with method, path, query, body, answer and time, in order of arrival."""
    path = trackers_path(emulator)
    await client.get(path, params={"limit": 2})
    created = await client.post(path, json={"name": "X"})
    listed, posted = emulator.requests
    assert (listed.method, listed.path, listed.query, listed.body) == ("GET", path, {"limit": "2"}, b"")
    assert (posted.status, posted.json, posted.answered_json) == (200, {"name": "X"}, created.json())
    assert (posted.route, posted.fault) == ("/public/v1/apps/{app_token}/trackers", None)
    assert listed.at <= posted.at
    assert posted.seconds is not None
    assert 0 < posted.seconds < 5
    assert repr(emulator.requests[:1]) == f"ReceivedRequests(GET {path} -> 200)"


async def test_to(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Requests are chosen by method and by the end of their path, or of their route."""
    path, tracker = trackers_path(emulator), emulator.store.trackers()[0]
    await client.get(path)
    await client.get(f"{path}/{tracker.token}/children")
    await client.post(path, json={"name": "X"})
    await client.patch(f"{path}/{tracker.token}", json={"cost_data_enabled": True})
    requests = emulator.requests
    assert [len(requests.to(method, "/trackers")) for method in ("GET", "post", "PATCH")] == [1, 1, 0]
    assert len(requests.to("PATCH", "/trackers/{tracker_token}")) == 1
    assert len(requests.to("PATCH", f"/trackers/{tracker.token}")) == 1
    assert len(requests.to("GET", "/children")) == 1
    assert len(requests.to("GET")) == 2
    assert requests.to("GET").to("GET", path)[0] == requests[0]


@pytest.mark.parametrize(
    ("fault", "status"), [("500", 500), ("500-after", 500), ("429", 429), ("drop-before", None), ("drop-after", None)]
)
async def test_faults(fault: str, status: int | None, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A request with a fault has its body, its fault, and its answer."""
    emulator.faults = [fault]
    try:
        await client.post(trackers_path(emulator), json={"name": "X"})
    except httpx.TransportError:
        assert status is None
    (request,) = emulator.requests
    assert (request.json, request.status, request.fault) == ({"name": "X"}, status, fault)


async def test_secrets(emulator: Emulator) -> None:
    """The API token is in no record, wherever it was sent."""
    async with httpx.AsyncClient(base_url=emulator.url, verify=False, trust_env=False) as client:
        await client.get("/public/v1/partners", params={"user_token": emulator.token, "limit": 1})
    (request,) = emulator.requests
    assert request.query == {"limit": "1"}
    assert emulator.token not in repr(request)


async def test_bounds() -> None:
    """The last requests are kept, and of each body no more than 64 KiB."""
    async with Emulator(apps=1, trackers_per_app=0, keep_requests=3) as emulator, connect(emulator) as client:
        for number in range(5):
            await client.post(trackers_path(emulator), json={"name": f"X{number}", "filling": "x" * 100_000})
        assert [request.body[9:11] for request in emulator.requests] == [b"X2", b"X3", b"X4"]
        assert {len(request.body) for request in emulator.requests} == {65_536}
    async with Emulator(apps=1, trackers_per_app=0, keep_requests=0) as emulator, connect(emulator) as client:
        await client.get("/public/v1/partners")
        assert len(emulator.requests) == 0


async def test_refused_by_the_limit() -> None:
    """Requests refused by a limit are recorded too, with route and body. Those in flight have no answer yet."""
    async with Emulator(apps=1, trackers_per_app=0, concurrency=1) as emulator, connect(emulator) as client:
        emulator.faults = Faults(1, ["hang"], match="GET")
        hanging = asyncio.create_task(client.get("/public/v1/partners"))
        await eventually(lambda: emulator.stats.in_flight == 1)
        assert (await client.post(trackers_path(emulator), json={"name": "X"})).status_code == 429
        first, second = emulator.requests
        assert (first.status, first.seconds) == (None, None)
        assert (second.status, second.json, second.route[-8:]) == (429, {"name": "X"}, "trackers")
        hanging.cancel()
