"""Reads the answers of the KPI Service without any of the client's code."""

import asyncio
import csv
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from adjust_async.emulator import Emulator

Leaf = tuple[tuple[str, ...], tuple[Any, ...]]
"""What identifies the elements, outermost first, and the KPI values."""

LEVELS = {
    "apps": ("token",), "trackers": ("token",), "networks": ("token", "name"), "campaigns": ("token", "name"),
    "adgroups": ("token", "name"), "creatives": ("token", "name"), "dates": ("date",), "countries": ("country",),
    "regions": ("region",), "device_types": ("device_type",), "os_names": ("os_name",), "partners": ("partner",),
    "events": ("token",), "periods": ("period",),
}  # fmt: skip


def leaves(document: dict[str, Any]) -> list[Leaf]:
    """Flatten a result set by following the keys of the data."""
    return list(_walk(document["result_set"], ()))


def level_keys(document: dict[str, Any]) -> list[str]:
    """List the keys of the levels, outermost first."""
    keys, node = [], document["result_set"]
    while "kpi_values" not in node:
        key = next(key for key in node if key in LEVELS)
        keys.append(key)
        if not node[key]:
            break
        node = node[key][0]
    return keys


def csv_rows(text: str) -> list[list[str]]:
    """Read a CSV, header and all."""
    return list(csv.reader(io.StringIO(text)))


@contextmanager
def serving(emulator: Emulator) -> Iterator[httpx.Client]:
    """Serve from a thread of its own, so that a property test can ask without an event loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def connect() -> httpx.Client:
        headers = {"Authorization": f"Token token={emulator.token}"}
        return httpx.Client(base_url=emulator.url, headers=headers, verify=False, trust_env=False, timeout=10)

    try:
        asyncio.run_coroutine_threadsafe(emulator.__aenter__(), loop).result(10)
        try:
            with asyncio.run_coroutine_threadsafe(connect(), loop).result(10) as client:
                yield client
        finally:
            asyncio.run_coroutine_threadsafe(emulator.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def app_tokens(client: httpx.Client) -> list[str]:
    """List the apps that the client's emulator has."""
    return [app["app_token"] for app in client.get("/dashboard/api/apps").json()["apps"]]


def get(client: httpx.Client, path: str, **parameters: str) -> dict[str, Any]:
    """Request JSON, which must succeed."""
    response = client.get(f"/kpis/v1/{path}", params=parameters)
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.json()
    return document


def _walk(node: dict[str, Any], path: tuple[str, ...]) -> Iterator[Leaf]:
    if "kpi_values" in node:
        yield path, tuple(node["kpi_values"])
        return
    for key, fields in LEVELS.items():
        for child in node.get(key, ()):
            yield from _walk(child, (*path, *(child[field] for field in fields)))
