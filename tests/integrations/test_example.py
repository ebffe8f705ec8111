"""`examples/fastapi_app` on a real uvicorn: streams, roll-outs, events, the page, and its end under load."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from adjust_async.emulator import Emulator, Faults
from tests.integrations.server import Server, serve
from tests.provisioning_plans import names

pytestmark = pytest.mark.anyio

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DAYS = "start=2026-01-01&end=2026-01-03"
LOOPS = ["asyncio", pytest.param("uvloop", marks=pytest.mark.skipif(sys.platform == "win32", reason="no uvloop"))]


async def lines(client: httpx.AsyncClient, path: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the documents of a stream of JSON lines, or of server-sent events."""
    async with client.stream("GET", path) as response:
        assert response.status_code == 200
        async for line in response.aiter_lines():
            if line:
                yield json.loads(line.removeprefix("data: "))


@pytest.fixture(params=LOOPS)
async def server(request: pytest.FixtureRequest, emulator: Emulator) -> AsyncIterator[Server]:
    """The application on either event loop; it must end well."""
    async with serve(emulator, request.param) as running:
        yield running
    await running.ended()
    assert "Traceback" not in running.stderr


@pytest.fixture
async def browser(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application."""
    async with httpx.AsyncClient(base_url=server.url, verify=False, trust_env=False, timeout=30) as client:
        yield client


@pytest.mark.account(apps=3, trackers_per_app=5)
@pytest.mark.slow
async def test_it_streams_and_rolls_out(browser: httpx.AsyncClient, emulator: Emulator) -> None:
    """Figures arrive as lines, a roll-out runs in the background, its events lead to its end, errors have statuses."""
    apps = emulator.app_tokens
    rows = [row async for row in lines(browser, f"/kpis/{','.join(apps)},nosuchapp?{DAYS}")]
    assert {row["app_token"] for row in rows} == {*apps, "nosuchapp"}
    assert [row["app_token"] for row in rows if "error" in row] == ["nosuchapp"]
    plan = [{"path": f"Brand {number}::New"} for number in range(30)]
    started = await browser.post(f"/roll-outs/{apps[0]}", json=plan)
    assert started.status_code == 202
    name = started.json()["id"]
    told: list[dict[str, Any]] = []
    while not told or told[-1]["state"] == "running":  # a browser reconnects too when a stream has ended
        told += [event async for event in lines(browser, f"/roll-outs/{name}/events")]
    assert told[-1]["state"] == "finished"
    assert told[-1]["counts"] == {"created": 30, "updated": 0, "unchanged": 0, "failed": 0}
    assert [event["done"] for event in told] == sorted(event["done"] for event in told)
    assert (await browser.get(f"/roll-outs/{name}")).json() == told[-1]
    assert (await browser.post("/roll-outs/nosuchapp", json=plan)).status_code == 404
    assert (await browser.post("/roll-outs/a%20b", json=plan)).status_code == 422
    assert (await browser.post(f"/roll-outs/{apps[0]}", json=[{"pth": "A"}])).status_code == 422
    assert (await browser.get("/roll-outs/nosuch/events")).status_code == 404


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
@pytest.mark.account(apps=1, trackers_per_app=0)
@pytest.mark.parametrize("server", ["asyncio"], indirect=True)
async def test_the_page_in_a_browser(server: Server, emulator: Emulator, tmp_path: Path) -> None:
    """The page starts a roll-out and shows it to its end."""
    assert BROWSER is not None
    process = await asyncio.create_subprocess_exec(
        BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
        f"--user-data-dir={tmp_path}", "--virtual-time-budget=6000", "--dump-dom",
        f"{server.url}/?app={emulator.app_tokens[0]}#start",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), timeout=60)
    shown = output.decode()
    assert "finished: 3 of 3, 3 created, 0 unchanged, 0 failed" in shown
    assert 'value="3" max="3"' in shown or 'max="3" value="3"' in shown
    assert len([path for path in names(emulator) if path.count("::") == 2]) == 3


@pytest.mark.slow
@pytest.mark.account(
    apps=4, trackers_per_app=5, latency=0.02, faults=Faults(0.03, ["500", "503", "drop-after"], seed=2)
)
@pytest.mark.parametrize("server", LOOPS, indirect=True)
async def test_it_stops_under_load(server: Server, browser: httpx.AsyncClient, emulator: Emulator) -> None:
    """80 clients stream while two roll-outs run; on a signal it completes all streams, with nothing in doubt."""
    apps = emulator.app_tokens
    path = f"/kpis/{','.join(apps)}?{DAYS}"
    plan = [{"path": f"Brand {number}"} for number in range(3000)]
    for app in apps[:2]:
        assert (await browser.post(f"/roll-outs/{app}", json=plan)).status_code == 202
    begun = arrived = 0

    async def stream(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        nonlocal begun, arrived
        rows = []
        async with client.stream("GET", path) as response:
            assert response.status_code == 200
            begun += 1
            async for line in response.aiter_lines():
                rows.append(json.loads(line))
                arrived += 1
        return rows

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60, limits=limits) as client:
        streams = [asyncio.create_task(stream(client)) for _ in range(80)]
        while begun < len(streams) or arrived < len(streams):
            await asyncio.sleep(0.01)
        server.ask_to_stop()
        results = await asyncio.gather(*streams)
    await server.ended()
    for rows in results:
        assert {row["app_token"] for row in rows} == set(apps)
        assert not any("error" in row for row in rows)
    assert emulator.stats.max_in_flight <= 50
    assert len(server.roll_outs) == 2
    for app, roll_out in zip(apps, server.roll_outs, strict=False):
        assert (roll_out["in_doubt"], roll_out["state"]) == (0, "stopped: ClientClosedError")
        created = [name for name in names(emulator, app) if name.startswith("Brand")]
        assert 0 < len(created) == roll_out["counts"]["created"] < 3000
    for word in ("Traceback", "ERROR", "never retrieved"):
        assert word not in server.stderr
