"""The pooled transport's own features: its lanes, HTTP/2, and mocks of httpx, over real sockets."""

import asyncio
import logging
import select
import ssl
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import respx
import trustme
from pytest_httpx import HTTPXMock

from adjust_async.errors import ConfigurationError
from adjust_async.transports import PooledTransport, never_sent
from tests.loopback import RawRequest, answer, serve
from tests.transports.peers import (
    LOOPS,
    failure,
    hello,
    make,
    scripted,
    send,
    server_tls,
    serving_http2,
    settled,
    tasks,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def transport() -> AsyncIterator[PooledTransport]:
    """A transport of three connections. None of them may be busy at the end."""
    pool = PooledTransport(3)
    yield pool
    assert pool.connections_busy == 0
    await pool.aclose()
    assert pool.connections_idle == 0


async def at_once(_: RawRequest, writer: asyncio.StreamWriter) -> None:
    """Answer every request."""
    writer.write(answer(b"hello"))


async def test_the_connection_used_last_is_taken_first(transport: PooledTransport) -> None:
    """After a burst, serial requests stay on one connection, so that the others can expire."""
    release = asyncio.Event()

    async def together(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        if "/burst" in request.line:
            await release.wait()
        writer.write(answer(b"hello"))

    async with serve(together) as server:
        burst = [asyncio.create_task(send(transport, f"{server.url}/burst")) for _ in range(3)]
        while server.in_flight < 3:
            await asyncio.sleep(0)
        assert (transport.connections_busy, transport.connections_idle) == (3, 0)
        assert repr(transport) == "<PooledTransport: 3 busy, 0 idle>"
        release.set()
        await asyncio.gather(*burst)
        assert (transport.connections_busy, transport.connections_idle) == (0, 3)
        for _ in range(5):
            await send(transport, server.url)
        assert len(set(server.connection_of[-5:])) == 1
        assert server.connections_opened == 3


@pytest.mark.parametrize("expiry", [0, 0.05])
async def test_an_expired_connection_is_not_used_before_its_timer(
    monkeypatch: pytest.MonkeyPatch, expiry: float
) -> None:
    """A loop that was blocked, as in a frozen container, finds its connections expired before the timer runs."""
    loop = asyncio.get_running_loop()
    async with serve(at_once) as server, PooledTransport(1, keepalive_expiry=expiry) as transport:
        assert await send(transport, server.url) == b"hello"
        with monkeypatch.context() as patch:
            real = loop.time
            patch.setattr(loop, "time", lambda: real() + 1)
            assert await send(transport, server.url) == b"hello"
        assert server.connections_opened == 2


async def test_no_expiry() -> None:
    """With `None` connections are kept for as long as the service keeps them."""
    async with serve(at_once) as server, PooledTransport(1, keepalive_expiry=None) as transport:
        for _ in range(2):
            assert await send(transport, server.url) == b"hello"
        assert server.connections_opened == 1
        assert transport.connections_idle == 1


@pytest.mark.parametrize("expiry", [-1, "20", True, float("inf"), float("nan")])
def test_a_wrong_expiry(expiry: Any) -> None:
    """An expiry that is not a number of seconds is refused."""
    with pytest.raises(ConfigurationError, match="keepalive_expiry is"):
        PooledTransport(keepalive_expiry=expiry)


async def test_a_trace_of_the_callers_own(transport: PooledTransport) -> None:
    """The `trace` extension of httpcore works as without this transport, and the request is unchanged."""
    events: list[str] = []

    async def trace(event: str, _: object) -> None:
        events.append(event)

    async with serve(at_once) as server:
        extensions = {"trace": trace}
        request = httpx.Request("GET", server.url, extensions=extensions)
        response = await transport.handle_async_request(request)
        await response.aread()
        await response.aclose()
        assert request.extensions == extensions
    assert events[0] == "connection.connect_tcp.started"
    assert "http11.send_request_headers.complete" in events
    assert events[-1] == "http11.response_closed.complete"


# HTTP/2.


async def test_http2_on_request(authority: trustme.CA, client_tls: ssl.SSLContext) -> None:
    """With `http2=True` a service that supports it gets HTTP/2, and its library logs no header."""
    async with (
        serving_http2(server_tls(authority), hello) as (url, counts),
        PooledTransport(3, verify=client_tls, http2=True) as transport,
    ):
        response = await transport.handle_async_request(httpx.Request("GET", url))
        assert (await response.aread(), response.http_version) == (b"hello", "HTTP/2")
        await response.aclose()
        assert await send(transport, url, "POST", content=b"name=x") == b"hello"
        assert (transport.connections_busy, transport.connections_idle) == (0, 1)
        assert counts[1] == 1
    assert not logging.getLogger("hpack.hpack").isEnabledFor(logging.DEBUG)


async def test_a_garbled_answer_over_http2(authority: trustme.CA, client_tls: ssl.SSLContext) -> None:
    """An error that httpcore calls local was caused by the service, after the request was sent."""

    def garble(_: Any, __: int) -> bytes:
        return b"\x00\x00\x01\x00\x00" + bytes(4) + b"x"  # data on stream 0, which can't have any

    async with (
        serving_http2(server_tls(authority), garble) as (url, _),
        PooledTransport(1, verify=client_tls, http2=True) as transport,
    ):
        for _ in range(2):
            error = await failure(transport, url, content=b"name=x", read=5)
            assert isinstance(error, httpx.RemoteProtocolError)
            assert isinstance(error.__cause__, httpx.LocalProtocolError)
            assert not never_sent(error)


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.skipif(not hasattr(select, "POLLRDHUP"), reason="the platform has no POLLRDHUP")
@pytest.mark.parametrize("announced", [False, True])
async def test_a_closed_connection_over_http2(
    authority: trustme.CA, client_tls: ssl.SSLContext, announced: bool
) -> None:
    """A connection that the service has closed meanwhile is not used again, which httpcore itself would do."""

    def reply(connection: Any, stream: int) -> bytes:
        said = hello(connection, stream)
        if announced:
            connection.close_connection()
            said += connection.data_to_send()
        return said

    async with (
        serving_http2(server_tls(authority), reply, once=True) as (url, counts),
        PooledTransport(1, http2=True, verify=client_tls) as transport,
    ):
        for opened in (1, 2, 3):
            assert await send(transport, url, "POST", content=b"x") == b"hello"
            await settled(lambda: counts[0], 0)
            assert counts == [0, opened]


async def test_cancellation_over_http2(authority: trustme.CA, client_tls: ssl.SSLContext) -> None:
    """Requests over HTTP/2 that are cancelled at any step leave no slot, task or connection behind."""
    async with serving_http2(server_tls(authority), hello) as (url, counts):
        async with PooledTransport(3, verify=client_tls, http2=True) as transport:
            before = tasks()
            for steps in range(1, 60, 3):
                sending = [asyncio.create_task(send(transport, url)) for _ in range(6)]
                for _ in range(steps):
                    await asyncio.sleep(0)
                for task in sending[1:]:
                    task.cancel()
                async with asyncio.timeout(60):
                    ended = await asyncio.gather(*sending, return_exceptions=True)
                assert all(end == b"hello" or isinstance(end, asyncio.CancelledError) for end in ended), ended
                assert transport.connections_busy == 0
            opened = tasks() - before
            assert not [task for task in opened if "start_server" not in repr(task) and "connected" not in repr(task)]
        await settled(lambda: counts[0], 0)


async def test_http2_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """If h2 is not installed, the message names the extra."""
    monkeypatch.setattr("adjust_async.transports.pooled.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'adjust_async\[http2\]'"):
        PooledTransport(http2=True)


# Mocks.


@pytest.mark.parametrize("error", [httpx.ReadTimeout("x"), httpx.ConnectTimeout("x"), httpx.RemoteProtocolError("x")])
async def test_an_exception_of_a_mock_is_unchanged(
    error: httpx.TransportError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mock that replaces httpx's transport reports itself what happened."""

    async def mock(*_: object) -> httpx.Response:
        raise error

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", mock)
    transport = PooledTransport(1)
    for _ in range(2):
        assert await failure(transport, "https://adjust.invalid") is error
        assert not never_sent(error)


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
async def test_respx(transport: PooledTransport, using: str) -> None:
    """A mock of respx answers, whichever layer it mocks."""
    async with respx.mock(using=using) as mock, httpx.AsyncClient(transport=transport) as client:
        route = mock.get("https://adjust.invalid/x").respond(json={"a": 1})
        for _ in range(5):
            assert (await client.get("https://adjust.invalid/x")).json() == {"a": 1}
        assert route.call_count == 5
        mock.get("https://adjust.invalid/y").mock(side_effect=httpx.ReadTimeout("mine"))
        with pytest.raises(httpx.ReadTimeout, match="mine"):
            await client.get("https://adjust.invalid/y")
        with pytest.raises(AssertionError):
            await client.get("https://adjust.invalid/z")


async def test_pytest_httpx(transport: PooledTransport, httpx_mock: HTTPXMock) -> None:
    """A mock of pytest-httpx answers and sees the request."""
    httpx_mock.add_response(url="https://adjust.invalid/x", json={"a": 1}, is_reusable=True)
    client = httpx.AsyncClient(transport=transport)
    for _ in range(5):
        response = await client.post("https://adjust.invalid/x", content=b"name=x")
        assert response.json() == {"a": 1}
    assert [request.content for request in httpx_mock.get_requests()] == [b"name=x"] * 5


# aiohttp.


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """If aiohttp is not installed, its transport's import error names the extra, and the other transport works."""
    from adjust_async import transports

    monkeypatch.delitem(vars(transports), "AiohttpTransport", raising=False)
    monkeypatch.delitem(sys.modules, "adjust_async.transports.aiohttp", raising=False)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'adjust_async\[aiohttp\]'"):
        _ = transports.AiohttpTransport
    assert transports.PooledTransport is PooledTransport


async def test_aiohttp_sends_a_get_again_but_no_post() -> None:
    """A GET on a broken kept connection is repeated by aiohttp itself, but a POST never is."""
    requests: list[bytes] = []

    async def once(peer: Any) -> None:
        while taken := await peer.take():
            requests.append(taken.partition(b" ")[0])
            if len(requests) % 2 == 0:
                peer.reset()
                return
            await peer.send(answer(b"hello"))

    async with scripted(once) as listener, make("AiohttpTransport") as transport:
        assert await send(transport, listener.url) == b"hello"
        assert await send(transport, listener.url) == b"hello"
        await failure(transport, listener.url)
        assert requests == [b"GET", b"GET", b"GET", b"POST"]
