import asyncio

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.requests import connect, trackers_path

pytestmark = pytest.mark.anyio

PARTNERS = "/public/v1/partners"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:1234", "127.0.0.1:80", "[::1]:8080"])
async def test_own_hosts(host: str, client: httpx.AsyncClient) -> None:
    """It answers under every name of loopback, whatever the port, as a port may be forwarded."""
    assert (await client.get(PARTNERS, headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "127.0.0.2", "[", "x@y"]
)
@pytest.mark.parametrize("path", [PARTNERS, "/reports-service/events", "/_emulator/", "/_emulator/stats", "/nowhere"])
async def test_foreign_hosts(host: str, path: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A request for another host, as of a page whose name was pointed at loopback, is refused with words."""
    response = await client.get(path, headers={"Host": host})
    assert response.status_code == 403
    assert "pass hosts=[...]" in response.text
    assert emulator.stats.requests == {"GET (foreign host)": 1}
    assert emulator.stats.in_flight == 0


@pytest.mark.parametrize("host", ["", None])
async def test_no_host(host: str | None, emulator: Emulator) -> None:
    """A request that names no host is refused too."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(emulator.url.rpartition(":")[2]))
    line = "" if host is None else f"Host: {host}\r\n"
    writer.write(f"GET {PARTNERS} HTTP/1.1\r\n{line}Connection: close\r\n\r\n".encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 403 ")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://["])
async def test_foreign_origins(origin: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A page of another site can't write, even if it knows the token."""
    path = trackers_path(emulator)
    for url, body in (path, {"name": "X"}), ("/_emulator/reset", {}):
        response = await client.post(url, json=body, headers={"Origin": origin})
        assert response.status_code == 403
        assert origin in response.json()["error"]["message"]
    assert emulator.store.count_trackers() == 2000


async def test_own_origin(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Pages of loopback may write, as the emulator's own does."""
    for origin in emulator.url, "http://localhost:3000":
        response = await client.put("/_emulator/faults", json={}, headers={"Origin": origin})
        assert response.status_code == 200


async def test_hosts_option() -> None:
    """Further names, such as that of a container, are those of the option."""
    async with Emulator(trackers_per_app=0, hosts=["emulator", "Adjust.Test"]) as emulator, connect(emulator) as client:
        for host, status in ("emulator:8080", 200), ("adjust.test", 200), ("emulator.evil.example", 403):
            headers = {"Host": host, "Origin": f"http://{host}"}
            assert (await client.get(PARTNERS, headers=headers)).status_code == status


def test_hosts_is_a_list() -> None:
    """A text instead of the list is refused, since its letters would be used as hosts."""
    with pytest.raises(ValueError, match="hosts is a list"):
        Emulator(hosts="emulator")
