"""What people use without an SDK: HTTP clients, with 50 concurrent requests or one after the other.

Each is set up as a script would do it, and yields a function that requests a path and returns the decoded JSON. None of
them retries or checks anything except the status.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from benchmarks.trackers import PAGE_SIZE

if TYPE_CHECKING:
    from adjust_async import AsyncAdjust

AT_ONCE = 50
HEADERS = {"Authorization": "Token token=token"}

Query = dict[str, str]
Ask = Callable[[str, Query], Awaitable[Any]]
Client = Callable[[str], AbstractAsyncContextManager[Ask]]
#: Opens the SDK for the URL of the APIs.
SDK = Callable[[str], AbstractAsyncContextManager["AsyncAdjust"]]


def sdk(url: str) -> AbstractAsyncContextManager["AsyncAdjust"]:
    """Open this SDK with its defaults."""
    from adjust_async import AsyncAdjust

    return AsyncAdjust("token", api_url=url)


@asynccontextmanager
async def sdk_on_aiohttp(url: str) -> AsyncIterator["AsyncAdjust"]:
    """Open this SDK with `AiohttpTransport`."""
    import httpx

    from adjust_async import AsyncAdjust
    from adjust_async.transports import AiohttpTransport

    async with (
        httpx.AsyncClient(transport=AiohttpTransport(AT_ONCE)) as client,
        AsyncAdjust("token", api_url=url, http_client=client) as adjust,
    ):
        yield adjust


def by_httpx(url: str) -> AbstractAsyncContextManager[Ask]:
    """Request with a plain `httpx.AsyncClient` and its own decoder."""
    return _asking(import_module("httpx"), url)


def by_httpx2(url: str) -> AbstractAsyncContextManager[Ask]:
    """Request with a plain `httpx2.AsyncClient`, which has the same interface."""
    return _asking(import_module("httpx2"), url)


def by_httpx_pooled(url: str) -> AbstractAsyncContextManager[Ask]:
    """Request with an `httpx.AsyncClient` and the SDK's `PooledTransport`."""
    from adjust_async.transports import PooledTransport

    return _asking(import_module("httpx"), url, transport=PooledTransport(AT_ONCE))


def by_httpx_aiohttp(url: str) -> AbstractAsyncContextManager[Ask]:
    """Request with an `httpx.AsyncClient` and the SDK's `AiohttpTransport`."""
    from adjust_async.transports import AiohttpTransport

    return _asking(import_module("httpx"), url, transport=AiohttpTransport(AT_ONCE))


@asynccontextmanager
async def _asking(library: ModuleType, url: str, **settings: Any) -> AsyncIterator[Ask]:
    limits = library.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    permits = asyncio.Semaphore(AT_ONCE)
    async with library.AsyncClient(base_url=url, headers=HEADERS, limits=limits, timeout=60, **settings) as client:

        async def ask(path: str, query: Query) -> Any:
            async with permits:
                response = await client.get(path, params=query)
            return response.raise_for_status().json()

        yield ask


@asynccontextmanager
async def by_aiohttp(url: str) -> AsyncIterator[Ask]:
    """Request with a raw `aiohttp.ClientSession`, and decode with orjson: the lower bound."""
    import aiohttp
    import orjson

    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(url, headers=HEADERS, connector=connector, raise_for_status=True) as client:

        async def ask(path: str, query: Query) -> Any:
            async with client.get(path, params=query) as response:
                return orjson.loads(await response.read())

        yield ask


@contextmanager
def by_requests(url: str) -> Iterator[Callable[[str, Query], Any]]:
    """Request with a `requests.Session`, one after the other."""
    import requests

    with requests.Session() as session:
        session.headers.update(HEADERS)

        def ask(path: str, query: Query) -> Any:
            response = session.get(url + path, params=query, timeout=60)
            response.raise_for_status()
            return response.json()

        yield ask


async def pages(ask: Ask, path: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Walk a list of trackers, page by page."""
    query = {"limit": str(PAGE_SIZE)}
    while True:
        data = (await ask(path, query))["data"]
        yield data["items"]
        after = data["paging"]["cursors"]["after"]
        if after is None:
            return
        query["after"] = after


def pages_in_turn(ask: Callable[[str, Query], Any], path: str) -> Iterator[list[dict[str, Any]]]:
    """Walk a list of trackers, page by page."""
    query = {"limit": str(PAGE_SIZE)}
    while True:
        data = ask(path, query)["data"]
        yield data["items"]
        after = data["paging"]["cursors"]["after"]
        if after is None:
            return
        query["after"] = after
