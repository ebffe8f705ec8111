import asyncio
import email.utils
import time

import httpx
import pytest

from adjust_async.emulator import CURSOR_FAULTS, RECOVERABLE_FAULTS, Emulator, Fault, Faults
from tests.emulator.requests import eventually, items, pages, trackers_path

pytestmark = pytest.mark.anyio

PARTNERS = "/public/v1/partners"


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        ("429", 429, None),
        ("429-retry-after", 429, "1"),
        ("500", 500, None),
        ("503", 503, None),
        ("503-retry-after", 503, "1"),
    ],
)
async def test_refusing_statuses(
    fault: str, status: int, retry_after: str | None, emulator: Emulator, client: httpx.AsyncClient
) -> None:
    """A refusing fault answers in the envelope without doing the work, and the next request is healthy."""
    emulator.faults = [fault]
    path = trackers_path(emulator, version=2)
    response = await client.post(path, json={"name": "X"})
    assert response.status_code == status
    assert response.headers.get("retry-after") == retry_after
    assert response.json()["error"]["api_version"] == "2"
    assert emulator.store.count_trackers() == 2000
    assert (await client.post(path, json={"name": "X"})).status_code == 200
    assert emulator.stats.faults == {fault: 1}


async def test_retry_after_seconds(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """`retry_after` is sent unchanged."""
    for seconds, header in (0, "0"), (0.25, "0.25"), (30, "30"):
        emulator.faults = Faults.script(["429-retry-after"], retry_after=seconds)
        assert (await client.get(PARTNERS)).headers["retry-after"] == header


async def test_retry_after_date(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """As a date, Retry-After is that many seconds ahead, rounded up, in the form of HTTP."""
    emulator.faults = Faults.script(["503-retry-after"], retry_after=20, retry_after_form="date")
    header = (await client.get(PARTNERS)).headers["retry-after"]
    assert header.endswith(" GMT")
    ahead = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
    assert 19 < ahead <= 21


async def test_html_bad_gateway(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The bad gateway is a page of HTML."""
    emulator.faults = ["502-html"]
    response = await client.get(PARTNERS)
    assert response.status_code == 502
    assert response.headers["content-type"] == "text/html"
    assert response.text.startswith("<html>")


@pytest.mark.parametrize(("fault", "created"), [("drop-before", 0), ("drop-after", 1)])
async def test_drops(fault: str, created: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A drop closes the connection without a byte of an answer, before or after the tracker was created."""
    emulator.faults = [fault]
    with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
        await client.post(trackers_path(emulator), json={"name": "X"})
    assert emulator.store.count_trackers() == 2000 + created
    assert emulator.stats.connections_open == 0
    assert (await client.get(PARTNERS)).status_code == 200
    assert emulator.stats.connections_opened == 2


async def receive_into(received: bytearray, response: httpx.Response) -> None:
    """Append the bytes of the body on arrival."""
    async for piece in response.aiter_raw():
        received += piece


async def test_truncated_body(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A truncated body announces more than arrives; the work was done."""
    emulator.faults = ["truncated-body"]
    received = bytearray()
    async with client.stream("POST", trackers_path(emulator), json={"name": "X"}) as response:
        announced = int(response.headers["content-length"])
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            await receive_into(received, response)
    assert 0 < len(received) < announced
    assert emulator.store.count_trackers() == 2001


async def test_truncated_json(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Truncated JSON matches its Content-Length and is not valid JSON. The connection stays usable."""
    emulator.faults = ["truncated-json"]
    response = await client.get(PARTNERS)
    assert response.status_code == 200
    assert len(response.content) == int(response.headers["content-length"])
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        response.json()
    assert (await client.get(PARTNERS)).json()["data"]
    assert emulator.stats.connections_opened == 1


async def test_drip(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A dripping body arrives in many pieces over the given time, and is complete in the end."""
    emulator.faults = Faults.script(["drip"], drip=0.2)
    start = time.monotonic()
    async with client.stream("GET", PARTNERS) as response:
        pieces = [piece async for piece in response.aiter_raw()]
    assert time.monotonic() - start >= 0.18
    assert len(pieces) >= 5
    assert b"".join(pieces).endswith(b"]}}")


async def test_an_answer_without_a_body_has_nothing_to_drip(
    emulator: Emulator, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty report is answered as usual, after the given time."""
    emulator.faults = Faults.script(["drip"], drip=0.01)
    query = {"dimensions": "day", "metrics": "installs", "date_period": "2001-01-01:2001-01-02"}
    response = await client.get("/reports-service/report", params=query)
    assert (response.status_code, response.content) == (204, b"")
    assert emulator.stats.faults == {"drip": 1}
    await eventually(lambda: emulator.stats.in_flight == 0)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_hang(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A hanging request is never answered, and ends when its client disconnects."""
    emulator.faults = ["hang"]
    with pytest.raises(httpx.ReadTimeout):
        await client.get(PARTNERS, timeout=0.1)
    await eventually(lambda: emulator.stats.in_flight == 0)
    assert emulator.stats.faults == {"hang": 1}


@pytest.mark.parametrize("version", [1, 2])
async def test_repeated_cursor(version: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A repeated cursor leads from a page to the same page, the first one too."""
    path = trackers_path(emulator, version=version)
    healthy = [page async for page in pages(client, path, 30)][:2]
    emulator.faults = Faults(1, ["repeated-cursor"])
    for url, page in (f"{path}?limit=30", healthy[0]), (healthy[0]["paging"]["next"], healthy[1]):
        first = (await client.get(url)).json()["data"]
        second = (await client.get(first["paging"]["next"])).json()["data"]
        assert first["items"] == second["items"] == page["items"]
    assert emulator.stats.faults == {"repeated-cursor": 4}


@pytest.mark.parametrize("version", [1, 2])
async def test_empty_pages(version: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """An empty page anywhere in a walk has its own cursor, and nothing is lost or repeated."""
    path = trackers_path(emulator, version=version)
    healthy = await items(client, path, 1000)
    emulator.faults = ["empty-page", None, "empty-page", "empty-page", *[None, "empty-page"] * 9]
    walked = [page async for page in pages(client, path, 25)]
    assert [item for page in walked for item in page["items"]] == healthy
    empty = sum(not page["items"] for page in walked)
    assert empty == emulator.stats.faults["empty-page"] >= 5
    urls = [page["paging"]["next"] for page in walked]
    assert len(set(urls)) == len(urls)


async def test_empty_page_backwards(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """An empty page on the way back leads on backwards."""
    first, second = [page async for page in pages(client, PARTNERS, 60)]
    emulator.faults = ["empty-page"]
    empty = (await client.get(second["paging"]["previous"])).json()["data"]
    assert empty["items"] == []
    assert (await client.get(empty["paging"]["previous"])).json()["data"]["items"] == first["items"]
    assert (await client.get(empty["paging"]["next"])).json()["data"]["items"] == second["items"]


@pytest.mark.parametrize("fault", sorted(CURSOR_FAULTS))
async def test_cursor_faults_elsewhere(fault: Fault, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """On an answer that is not a list page, a cursor fault does nothing and is not counted."""
    emulator.faults = [fault] * 3
    assert (await client.post(trackers_path(emulator), json={"name": "X"})).status_code == 200
    assert (await client.get(f"{PARTNERS}?limit=0")).status_code == 400
    assert (await client.get("/nowhere")).status_code == 404
    assert not emulator.stats.faults


async def test_match(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Faults with a match skip other requests, and do not count them in the script."""
    emulator.faults = Faults.script(["500"], match="GET /public/v2/partners?limit=3")
    path = "/public/v2/partners"
    answers = [await client.get(path, params={"limit": limit}) for limit in (2, 3, 3)]
    assert [answer.status_code for answer in answers] == [200, 500, 200]


async def test_every_recoverable_fault_can_be_overcome(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Under all recoverable faults, a client that only retries reads everything once."""
    healthy = await items(client, PARTNERS)
    emulator.faults = Faults(0.5, drip=0.02, seed=7)
    url: str | None = f"{PARTNERS}?limit=2"
    walked = []
    while url is not None:
        try:
            data = (await client.get(url)).raise_for_status().json()["data"]
        except (httpx.HTTPError, ValueError):
            continue
        walked += data["items"]
        url = data["paging"]["next"]
    assert walked == healthy
    assert set(emulator.stats.faults) == set(RECOVERABLE_FAULTS)


async def test_faults_may_change_while_it_runs(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The faults set last hold, and None makes every answer healthy."""
    emulator.faults = 1.0
    assert emulator.faults is not None
    assert emulator.faults.kinds == RECOVERABLE_FAULTS
    emulator.faults = Faults(1, [Fault.SERVER_ERROR])
    assert (await client.get(PARTNERS)).status_code == 500
    emulator.faults = None
    assert (await client.get(PARTNERS)).status_code == 200


async def test_faults_come_after_the_latency(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A fault waits for the latency, and is drawn in order of arrival."""
    emulator.faults, emulator.latency = ["429", None, "503"], 0.1
    start = time.monotonic()
    answers = await asyncio.gather(*(client.get(PARTNERS) for _ in range(3)))
    assert time.monotonic() - start >= 0.1
    assert sorted(answer.status_code for answer in answers) == [200, 429, 503]
