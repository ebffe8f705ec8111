"""3,000 pages of 50 trackers from 50 apps, 50 at a time: wall time over the ideal, and CPU a page.

python -m benchmarks.pages [--pages 60] [--latency 0.05] [--rounds 3]
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import httpx
import orjson

from adjust_async import AsyncAdjust
from benchmarks.measuring import Figure, Stopwatch, report
from benchmarks.server import PAGE_SIZE, served

APPS = [f"app{number}" for number in range(50)]


async def with_sdk(url: str) -> int:
    """Walk with this SDK: pages, retries, limits, records."""
    async with AsyncAdjust("token", api_url=url) as adjust:

        async def walk(app: str) -> int:
            return len({tracker.token async for tracker in adjust.trackers.list(app, page_size=PAGE_SIZE)})

        return sum(await asyncio.gather(*map(walk, APPS)))


async def with_httpx(url: str) -> int:
    """Walk with a plain `httpx.AsyncClient` of 50 connections and `json`."""
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=50)
    headers = {"Authorization": "Token token=token"}
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60) as client:

        async def walk(app: str) -> int:
            tokens: set[str] = set()
            after = None
            while True:
                params = {"limit": str(PAGE_SIZE)} | ({"after": after} if after else {})
                response = await client.get(f"/public/v1/apps/{app}/trackers", params=params)
                data = response.raise_for_status().json()["data"]
                tokens.update(item["token"] for item in data["items"])
                after = data["paging"]["cursors"]["after"]
                if after is None:
                    return len(tokens)

        return sum(await asyncio.gather(*map(walk, APPS)))


async def with_aiohttp(url: str) -> int:
    """Walk with raw `aiohttp` and `orjson`: the floor, with neither records nor retries."""
    connector = aiohttp.TCPConnector(limit=50)
    headers = {"Authorization": "Token token=token"}
    async with aiohttp.ClientSession(url, headers=headers, connector=connector) as client:

        async def walk(app: str) -> int:
            tokens: set[str] = set()
            after = None
            while True:
                params = {"limit": str(PAGE_SIZE)} | ({"after": after} if after else {})
                async with client.get(f"/public/v1/apps/{app}/trackers", params=params) as response:
                    data = orjson.loads(await response.read())["data"]
                tokens.update(item["token"] for item in data["items"])
                after = data["paging"]["cursors"]["after"]
                if after is None:
                    return len(tokens)

        return sum(await asyncio.gather(*map(walk, APPS)))


CONTENDERS: dict[str, Callable[[str], Awaitable[int]]] = {
    "adjust_async": with_sdk,
    "httpx.AsyncClient, json": with_httpx,
    "aiohttp, orjson (no records)": with_aiohttp,
}


async def _timed(contender: Callable[[str], Awaitable[int]], url: str, expected: int) -> Figure:
    with Stopwatch() as stopwatch:
        found = await contender(url)
    if found != expected:
        raise SystemExit(f"{contender.__name__} found {found} trackers where there are {expected}")
    return stopwatch.figure


def main(arguments: list[str] | None = None) -> None:
    """Measure every contender side by side, round by round, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=60, help="pages an app; there are 50 apps")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds before each answer")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    requests = options.pages * len(APPS)
    figures: dict[str, list[Figure]] = {name: [] for name in CONTENDERS}
    with served(pages=options.pages, latency=options.latency) as url:
        for _ in range(options.rounds):
            for name, contender in CONTENDERS.items():
                figures[name].append(asyncio.run(_timed(contender, url, requests * PAGE_SIZE)))
    title = f"{requests} pages, {options.latency * 1000:.0f} ms of latency, 50 at a time"
    report(title, figures, requests=requests, ideal=requests * options.latency / 50, unit="page")


if __name__ == "__main__":
    main()
