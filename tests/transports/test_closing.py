"""The end of requests and transports: cancelled, closed or dropped."""

import asyncio
import gc
import random
import ssl
import warnings
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import trustme

from tests.loopback import RawRequest, RawServer, answer, serve
from tests.transports.peers import (
    LOOPS,
    at_once,
    burst,
    failure,
    make,
    relay,
    scripted,
    send,
    server_tls,
    settled,
    tasks,
)

pytestmark = pytest.mark.anyio


async def in_pieces(_: RawRequest, writer: asyncio.StreamWriter) -> None:
    """Answer byte by byte."""
    for byte in answer(b"hello"):
        if not writer.is_closing():
            writer.write(bytes([byte]))
        await asyncio.sleep(0)


async def test_a_transport_that_was_dropped_warns(kind: str) -> None:
    """A transport that is dropped with open connections warns, starts no task, and its connections are closed."""
    async with serve(at_once) as server:
        transport = make(kind)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # aiohttp reports to the loop, too
        assert await send(transport, server.url) == b"hello"
        before = tasks()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del transport
            gc.collect()
            assert {warning.category for warning in caught} == {ResourceWarning}
            caught.clear()  # each warning holds its transport
            gc.collect()
            assert tasks() == before
            await server.all_closed()
            caught.clear()
            gc.collect()


async def test_a_transport_that_was_never_used_does_not_warn(kind: str) -> None:
    """A transport without connections needs no `aclose`."""
    transport = make(kind)
    del transport
    gc.collect()


async def _ways(stack: AsyncExitStack, way: str, authority: trustme.CA) -> tuple[RawServer, dict[str, Any]]:
    """Start a server. Return how a transport gets there."""
    verify = ssl.create_default_context()
    authority.configure_trust(verify)
    plain = way == "plain"
    server = await stack.enter_async_context(serve(in_pieces, tls=None if plain else server_tls(authority)))
    settings: dict[str, Any] = {} if plain else {"verify": verify}
    if way == "proxy":
        listener = await stack.enter_async_context(scripted(lambda peer: relay(server.url, peer)))
        settings["proxy"] = listener.url
    return server, settings


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("way", ["plain", "tls", "proxy"])
async def test_cancellation_at_any_step_leaves_nothing(kind: str, authority: trustme.CA, way: str) -> None:
    """Requests that are cancelled at any step leave no slot taken, no task, and no stray connection."""
    draw = random.Random(2)
    async with AsyncExitStack() as stack:
        server, settings = await _ways(stack, way, authority)
        transport = await stack.enter_async_context(make(kind, 3, **settings))
        before = tasks()
        for steps in range(1, 75, 3):
            sending = [asyncio.create_task(send(transport, server.url)) for _ in range(6)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in sending:
                if draw.random() < 0.8:
                    task.cancel()
            async with asyncio.timeout(60):
                ended = await asyncio.gather(*sending, return_exceptions=True)
            assert all(end == b"hello" or isinstance(end, asyncio.CancelledError) for end in ended), ended
            await settled(lambda: server.connections_open, 3)
            assert tasks() == before
        await transport.aclose()
        await server.all_closed()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("way", ["plain", "tls", "proxy"])
async def test_closing_at_any_step_ends_all_requests(kind: str, authority: trustme.CA, way: str) -> None:
    """Whatever the requests are doing, `aclose` ends each with an answer or an httpx error, and leaves nothing open."""
    async with AsyncExitStack() as stack:
        server, settings = await _ways(stack, way, authority)
        before = tasks()
        for steps in range(0, 75, 4):
            transport = make(kind, 3, **settings)
            sending = [asyncio.create_task(send(transport, server.url)) for _ in range(6)]
            for _ in range(steps):
                await asyncio.sleep(0)
            await transport.aclose()
            async with asyncio.timeout(60):
                ended = await asyncio.gather(*sending, return_exceptions=True)
            assert all(end == b"hello" or isinstance(end, httpx.TransportError) for end in ended), ended
            await server.all_closed()
            assert tasks() == before


@pytest.mark.parametrize("steps", range(4))
async def test_closing_that_is_cancelled_closes_all(kind: str, steps: int) -> None:
    """`aclose` closes all connections even if it is cancelled, and may be called again."""
    release = asyncio.Event()

    async def together(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(answer(b"hello"))

    async with serve(together) as server:
        transport = make(kind, 3)
        await burst(transport, server, release, 3)
        closing = asyncio.create_task(transport.aclose())
        for _ in range(steps):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        await transport.aclose()
        await server.all_closed()


@pytest.mark.parametrize("step", ["getaddrinfo", "sock_connect"])
async def test_closing_ends_a_request_that_connects(kind: str, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request whose host is being looked up, or does not answer, was not sent when the transport is closed."""
    waiting = asyncio.Event()

    async def wait(*_: object, **__: object) -> None:
        waiting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), step, wait)
    transport = make(kind)
    sending = asyncio.create_task(failure(transport, "http://localhost:9"))
    await waiting.wait()
    async with asyncio.timeout(60):
        await transport.aclose()
        error = await sending
    assert isinstance(error, httpx.ConnectError)
    assert str(error) == "the transport was closed"


async def test_closing_ends_requests_in_flight(kind: str) -> None:
    """A request without a complete answer is in doubt; one that waits for a slot was not sent."""

    async def half(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        if "/body" in request.line:
            writer.write(answer(b"start", length=100))
            await writer.drain()
        await release.wait()

    release = asyncio.Event()
    async with serve(half) as server:
        transport = make(kind, 2)
        sending = {
            path: asyncio.create_task(failure(transport, server.url + path)) for path in ("/head", "/body", "/waits")
        }
        while server.in_flight < 2:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        await transport.aclose()
        async with asyncio.timeout(60):
            errors = {path: await task for path, task in sending.items()}
        assert isinstance(errors["/head"], httpx.ReadError)
        assert isinstance(errors["/body"], (httpx.ReadError, httpx.RemoteProtocolError))
        assert isinstance(errors["/waits"], httpx.ConnectError)
        release.set()
        await server.all_closed()
        error = await failure(transport, server.url)
        assert isinstance(error, httpx.ConnectError)
        assert str(error) == "the transport is closed"
