"""Requests to the emulator with nothing between the test and httpx."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from adjust_async.emulator import Emulator

TRACKER_KEYS = {
    "name", "token", "label", "level", "archived", "has_subtrackers", "partner_id", "cost_data_enabled", "url",
    "click_url", "impression_url",
}  # fmt: skip

SERVE = """
import asyncio, sys
from adjust_async.emulator import Emulator

async def main():
    async with Emulator(database=sys.argv[1], trackers_per_app=40, seed=9) as emulator:
        print(emulator.url, emulator.token, emulator.app_tokens[0], flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def connect(emulator: Emulator) -> httpx.AsyncClient:
    """Make a client with the emulator's token; `verify=False` saves reading certificates in vain."""
    headers = {"Authorization": f"Token token={emulator.token}"}
    return httpx.AsyncClient(base_url=emulator.url, headers=headers, verify=False, trust_env=False, timeout=60)


def trackers_path(emulator: Emulator, app: int = 0, version: int = 1) -> str:
    """Spell the path of an app's network trackers."""
    return f"/public/v{version}/apps/{emulator.app_tokens[app]}/trackers"


async def pages(client: httpx.AsyncClient, url: str | None, limit: int | None = None) -> AsyncIterator[dict[str, Any]]:
    """Walk forwards by the URL of the next page."""
    parameters = None if limit is None else {"limit": limit}
    while url is not None:
        response = await client.get(url, params=parameters)
        assert response.status_code == 200, response.text
        parameters = None
        data = response.json()["data"]
        yield data
        url = data["paging"]["next"]


async def items(client: httpx.AsyncClient, url: str, limit: int | None = None) -> list[dict[str, Any]]:
    """Collect the items of all pages."""
    return [item async for page in pages(client, url, limit) for item in page["items"]]


async def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until the condition holds, and fail if it does not within the time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        await asyncio.sleep(0.005)


def assert_refused(response: httpx.Response, status: int, text: str, version: int = 1) -> None:
    """Assert the documentation's error envelope with that status, and the text in its message."""
    assert response.status_code == status, response.text
    document = response.json()
    assert set(document) == {"error"}
    assert set(document["error"]) == {"api_version", "request_id", "timestamp", "message"}
    assert document["error"]["api_version"] == str(version)
    assert text in document["error"]["message"]
