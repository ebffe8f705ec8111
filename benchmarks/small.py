"""Small things: imports, one call after the other, decoding, and the memory of a long walk.

Each import is timed in its own processes, after the start of Python itself. The calls update a tracker 1,000 times over
an open connection; `httpx.patch` opens one for each. A page of trackers is decoded from bytes. The walks drop each
tracker at once.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any
from urllib.request import Request, urlopen

import orjson

from adjust_async import AsyncAdjust
from benchmarks import clients
from benchmarks.decoding import page
from benchmarks.long_walks import long_walks
from benchmarks.measuring import Contender, Listing, Measurement, Options, side_by_side, spread
from benchmarks.provisioning_server import provisioning_served

#: The name in the table, the module that it needs, and the code.
IMPORTS = (
    ("adjust_async", "adjust_async", "import adjust_async"),
    ("adjust_async, and a client made", "adjust_async", "import adjust_async; adjust_async.AsyncAdjust('token')"),
    ("aiohttp", "aiohttp", "import aiohttp"),
    ("httpx", "httpx", "import httpx"),
    ("httpx, and a client made", "httpx", "import httpx; httpx.AsyncClient()"),
    ("httpx2", "httpx2", "import httpx2"),
    ("httpx2, and a client made", "httpx2", "import httpx2; httpx2.AsyncClient()"),
    ("requests", "requests", "import requests"),
)
TIMED = """
import time
wall, cpu = time.perf_counter(), time.process_time()
{}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def _imports(options: Options) -> Listing:
    times = 1 if options.quick else 3 * options.rounds
    there = [(name, code) for name, needs, code in IMPORTS if find_spec(needs)][: 3 if options.quick else None]
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name, _ in there}
    for _ in range(times):
        for name, code in there:
            told = subprocess.run(
                [sys.executable, "-c", TIMED.format(code)], check=True, capture_output=True, text=True
            )
            wall, cpu = map(float, told.stdout.split())
            seconds[name].append((wall * 1000, cpu * 1000))
    return Listing(
        "small",
        f"Imports, {times} of each in turn",
        ["", "Wall time, ms", "CPU, ms"],
        [[name, *map(spread, zip(*of_name, strict=True))] for name, of_name in seconds.items()],
    )


# Serial calls. Each one sets another partner, and the answers are added up.

APP = "app"
TRACKER = f"/public/v1/apps/{APP}/trackers/t000000"


def calls_with_sdk(url: str, calls: int) -> int:
    """Update with this SDK."""

    async def call() -> int:
        async with AsyncAdjust("token", api_url=url) as adjust:
            found = 0
            for number in range(1, calls + 1):
                found += (await adjust.trackers.update(APP, "t000000", partner_id=number)).partner_id or 0
            return found

    return asyncio.run(call())


def calls_with_aiohttp(url: str, calls: int) -> int:
    """Update with raw aiohttp."""
    import aiohttp

    async def call() -> int:
        headers = clients.HEADERS | {"Content-Type": "application/json"}
        async with aiohttp.ClientSession(url, headers=headers, raise_for_status=True) as client:
            found = 0
            for number in range(1, calls + 1):
                async with client.patch(TRACKER, data=orjson.dumps({"partner_id": number})) as answer:
                    found += _partner(orjson.loads(await answer.read()))
            return found

    return asyncio.run(call())


def calls_with_httpx(url: str, calls: int) -> int:
    """Update with one `httpx.AsyncClient`."""
    return asyncio.run(_calls_with(import_module("httpx"), url, calls))


def calls_with_httpx2(url: str, calls: int) -> int:
    """Update with one `httpx2.AsyncClient`."""
    return asyncio.run(_calls_with(import_module("httpx2"), url, calls))


async def _calls_with(library: ModuleType, url: str, calls: int) -> int:
    async with library.AsyncClient(base_url=url, headers=clients.HEADERS) as client:
        found = 0
        for number in range(1, calls + 1):
            answer = await client.patch(TRACKER, json={"partner_id": number})
            found += _partner(answer.raise_for_status().json())
        return found


def calls_with_requests(url: str, calls: int) -> int:
    """Update with one `requests.Session`."""
    import requests

    with requests.Session() as session:
        session.headers.update(clients.HEADERS)
        return _calls_by(session.patch, url, calls)


def calls_with_httpx_patch(url: str, calls: int) -> int:
    """Update with `httpx.patch`, which makes a new client each time."""
    import httpx

    return _calls_by(partial(httpx.patch, headers=clients.HEADERS), url, calls)


def _calls_by(patch: Callable[..., Any], url: str, calls: int) -> int:
    found = 0
    for number in range(1, calls + 1):
        answer = patch(url + TRACKER, json={"partner_id": number}, timeout=60)
        answer.raise_for_status()
        found += _partner(answer.json())
    return found


def _partner(answer: Any) -> int:
    partner: int = answer["data"]["items"][0]["partner_id"]
    return partner


CALLS = (
    Contender("adjust_async", calls_with_sdk),
    Contender("aiohttp, orjson", calls_with_aiohttp, needs="aiohttp"),
    Contender("httpx.AsyncClient", calls_with_httpx, needs="httpx"),
    Contender("httpx2.AsyncClient", calls_with_httpx2, needs="httpx2"),
    Contender("requests.Session", calls_with_requests, needs="requests"),
    Contender("httpx.patch", calls_with_httpx_patch, share=10, needs="httpx"),
)


def _calls(options: Options) -> Measurement:
    calls = 20 if options.quick else 1_000
    with provisioning_served(latency=0.0) as server:
        create = Request(f"{server.url}/public/v1/apps/{APP}/trackers", b'{"name": "Network"}', method="POST")
        with urlopen(create):
            runs = side_by_side(
                CALLS,
                lambda contender: (server.url, calls // contender.share),
                rounds=options.rounds,
                expected=lambda contender: sum(range(1, calls // contender.share + 1)),
                warm_up=(server.url, 2),
                server=server.process,
            )
    return Measurement("small", "One call after the other", "call", calls, 0.0, None, runs)


def measure(options: Options) -> Iterator[Measurement | Listing]:
    """Measure one after the other."""
    yield _imports(options)
    yield _calls(options)
    yield page(options)
    yield long_walks(options)
