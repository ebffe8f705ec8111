"""Every kind of failure, with both transports over real sockets: its class, and whether certainly nothing was sent."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import httpcore
import httpx
import pytest
import trustme

from adjust_async.transports import never_sent, proxy_status
from tests.loopback import RawRequest, answer, serve
from tests.peer import Peer
from tests.transports.peers import (
    Case,
    Script,
    failure,
    make,
    relay,
    replying,
    reset_at_once,
    scripted,
    send,
    server_tls,
    silent,
)

pytestmark = pytest.mark.anyio

SOON = 0.05

BROKEN = (httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError)


# Before anything is sent.


async def test_a_refused_connection(case: Callable[..., Case]) -> None:
    """If nobody listens, nothing was sent, and the message is the system's."""
    async with scripted(silent) as listener:
        url = listener.url
    error = await case().failure(url, httpx.ConnectError, unsent=True)
    assert "refused" in str(error).lower() or "Connect call failed" in str(error)


async def test_an_unknown_host(case: Callable[..., Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without an address is a connection error."""

    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    error = await case().failure("http://adjust.invalid", httpx.ConnectError, unsent=True)
    assert "Name or service not known" in str(error)


@pytest.mark.parametrize("host", ["a" * 70 + ".com", "a..com"])
async def test_a_host_that_is_not_a_name(case: Callable[..., Case], host: str) -> None:
    """A host that can't be looked up is a connection error, never a foreign error."""
    await case().failure(f"http://{host}/", httpx.ConnectError, unsent=True)


async def test_a_look_up_that_hangs(case: Callable[..., Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that takes longer than the `connect` timeout is a connect timeout."""

    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    error = await case().failure("http://adjust.invalid", httpx.ConnectTimeout, unsent=True, connect=SOON)
    assert str(error) == "no connection to adjust.invalid:80 within 0.05 s"


async def test_a_full_executor(case: Callable[..., Case]) -> None:
    """If the application keeps the threads busy that look names up, the message says so."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    release = Event()
    executor = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(executor)
    busy = executor.submit(release.wait)
    try:
        error = await case().failure("http://localhost:9", httpx.ConnectTimeout, unsent=True, connect=SOON)
        assert "waited for a thread of the event loop's default executor" in str(error)
    finally:
        release.set()
        await asyncio.wrap_future(busy)


async def test_a_handshake_that_hangs(case: Callable[..., Case], client_tls: ssl.SSLContext) -> None:
    """A service that does not answer a TLS handshake is a connect timeout, and its connection is closed."""
    ended = asyncio.Queue[bytes]()

    async def hang(peer: Peer) -> None:
        while data := await peer.take():
            assert data
        ended.put_nowait(data)

    async with scripted(hang) as listener:
        url = listener.url.replace("http://127.0.0.1", "https://localhost")
        await case(verify=client_tls).failure(url, httpx.ConnectTimeout, unsent=True, connect=SOON)
        async with asyncio.timeout(60):
            for _ in listener.peers:
                assert await ended.get() == b""


async def _close_in_handshake(peer: Peer) -> None:
    await peer.take()
    peer.close()


async def _reset_in_handshake(peer: Peer) -> None:
    await peer.take()
    peer.reset()


async def _no_tls(peer: Peer) -> None:
    await peer.take()
    await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    peer.finish()


@pytest.mark.parametrize("script", [_close_in_handshake, _reset_in_handshake, _no_tls])
async def test_a_handshake_that_breaks(case: Callable[..., Case], client_tls: ssl.SSLContext, script: Script) -> None:
    """A connection that breaks in the TLS handshake has carried no part of the request."""
    async with scripted(script) as listener:
        url = listener.url.replace("http://127.0.0.1", "https://localhost")
        await case(verify=client_tls).failure(url, httpx.ConnectError, unsent=True)


@pytest.mark.parametrize(("host", "trusted"), [("localhost", False), ("other.invalid", True)])
async def test_a_bad_certificate(
    case: Callable[..., Case], authority: trustme.CA, client_tls: ssl.SSLContext, host: str, trusted: bool
) -> None:
    """A host with an untrusted certificate, or one for another host, gets no request, and the error has its cause."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())

    async with serve(handler, tls=server_tls(authority, host)) as server:
        verify = client_tls if trusted else None
        error = await case(verify=verify).failure(server.url, httpx.ConnectError, unsent=True)
        assert "certificate verify failed" in str(error)
        cause: BaseException | None = error
        while cause is not None and type(cause) is not ssl.SSLCertVerificationError:
            cause = cause.__cause__ or cause.__context__
        assert cause is not None
        assert not server.requests


async def test_certificates_that_cannot_be_read(case: Callable[..., Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing `SSL_CERT_FILE` is a connection error."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/authority.pem")
    error = await case().failure("https://127.0.0.1:9", httpx.ConnectError, unsent=True)
    assert "the trusted certificates can't be read" in str(error)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "wss://127.0.0.1/", "//127.0.0.1/"])
async def test_other_protocols(case: Callable[..., Case], url: str) -> None:
    """Only http and https are supported."""
    await case().failure(url, httpx.UnsupportedProtocol, unsent=True)


async def test_a_header_that_http_does_not_allow(case: Callable[..., Case]) -> None:
    """A header with a line break is refused before anything is sent."""
    async with scripted(silent) as listener:
        transport = case().transport
        request = httpx.Request("POST", listener.url, headers={"X-Name": "a\r\nb: c"})
        with pytest.raises(httpx.LocalProtocolError) as raised:
            await transport.handle_async_request(request)
        assert never_sent(raised.value)


async def test_no_free_connection(kind: str) -> None:
    """A request that waits for longer than its `pool` timeout was not sent, and takes no slot."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"hello"))

    async with serve(handler) as server:
        transport = make(kind, 1)
        held = await transport.handle_async_request(httpx.Request("GET", server.url))
        error = await failure(transport, server.url, pool=SOON)
        assert isinstance(error, httpx.PoolTimeout)
        assert never_sent(error)
        assert str(error) == "all 1 connections stayed busy for 0.05 s"
        await held.aclose()
        assert await send(transport, server.url, pool=5) == b"hello"
        await transport.aclose()


# After the request was begun.

AFTER: list[tuple[Script, Any, dict[str, float]]] = [
    (reset_at_once, BROKEN, {}),
    (replying(b"", Peer.reset), httpx.ReadError, {}),
    (replying(b"", Peer.close), httpx.RemoteProtocolError, {}),
    (replying(b"HTTP/1.1 200 OK\r\nContent-", Peer.close), httpx.RemoteProtocolError, {}),
    (replying(b"220 smtp.example.com ESMTP\r\n\r\n"), httpx.RemoteProtocolError, {}),
    (replying(b""), httpx.ReadTimeout, {"read": SOON}),
    (replying(b"HTTP/1.1 200 OK\r\n"), httpx.ReadTimeout, {"read": SOON}),
    (replying(answer(b"half", length=400), Peer.close), httpx.RemoteProtocolError, {}),
    (replying(answer(b"half", length=400), Peer.reset), BROKEN, {}),
    (replying(answer(b"half", length=400)), httpx.ReadTimeout, {"read": SOON}),
    (
        replying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", Peer.close),
        httpx.RemoteProtocolError,
        {},
    ),
    (
        replying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"),
        httpx.RemoteProtocolError,
        {},
    ),
]


@pytest.mark.parametrize(("script", "kinds", "timeouts"), AFTER)
async def test_after_the_request_was_begun(
    case: Callable[..., Case], script: Script, kinds: Any, timeouts: dict[str, float]
) -> None:
    """If anything breaks while the request is running, it may have reached the service."""
    async with scripted(script) as listener:
        await case().failure(listener.url, kinds, unsent=False, content=b"name=x", connect=5, **timeouts)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_service_that_takes_no_body(case: Callable[..., Case], streamed: bool) -> None:
    """A body that is not received within the `write` timeout is a write timeout."""

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield bytes(2**20)

    content = pieces if streamed else lambda: bytes(2**26)
    async with scripted(silent) as listener:
        transport = case().transport
        for _ in range(2):
            error = await failure(transport, listener.url, content=content(), write=SOON)
            assert isinstance(error, httpx.WriteTimeout)
            assert not never_sent(error)


async def test_a_client_certificate_that_is_missing(
    case: Callable[..., Case], authority: trustme.CA, client_tls: ssl.SSLContext
) -> None:
    """With TLS 1.3 the service refuses only after the request is running: an error of httpx, and in doubt."""
    context = server_tls(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())

    async with serve(handler, tls=context) as server:
        await case(verify=client_tls).failure(server.url, BROKEN, unsent=False)
        assert not server.requests


async def test_tls_that_is_garbled(
    case: Callable[..., Case], authority: trustme.CA, client_tls: ssl.SSLContext
) -> None:
    """TLS that breaks after the handshake is an error of httpx, and in doubt."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())

    async with serve(handler, tls=server_tls(authority)) as server:

        def flip(data: bytes) -> bytes:
            return data[:-1] + bytes([data[-1] ^ 1]) if server.requests else data

        async with scripted(partial(relay, server.url, alter=flip)) as listener:
            transport = case(verify=client_tls, proxy=listener.url).transport
            error = await failure(transport, server.url, content=b"name=x", read=5)
            assert isinstance(error, BROKEN)
            assert not never_sent(error)
            assert str(error)


async def test_an_error_of_the_callers_body(case: Callable[..., Case]) -> None:
    """An exception of the caller's own body is raised unchanged."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        raise TimeoutError("mine")

    transport = case().transport
    async with scripted(silent) as listener:
        for _ in range(2):
            with pytest.raises(TimeoutError, match="mine"):
                await send(transport, listener.url, "POST", content=pieces(), pool=5)


async def test_a_reused_connection_that_was_reset(case: Callable[..., Case]) -> None:
    """A POST on a kept connection that breaks is in doubt, and is sent once."""
    requests = 0

    async def once(peer: Peer) -> None:
        nonlocal requests
        await peer.request()
        await peer.send(answer())
        await peer.request()
        requests += 1
        peer.reset()

    async with scripted(once) as listener:
        transport = case().transport
        assert await send(transport, listener.url) == b"{}"
        error = await failure(transport, listener.url, content=b"name=x")
        assert isinstance(error, BROKEN)
        assert not never_sent(error)
        assert requests == 1


# Errors of other transports and mocks.


def of_httpcore(error: Exception, cause: Exception) -> Exception:
    """Set the cause of an error, as httpx does."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "unsent"),
    [
        (httpx.ConnectError("x"), True),
        (httpx.PoolTimeout("x"), True),
        (httpx.UnsupportedProtocol("x"), True),
        (httpx.ConnectTimeout("x"), False),
        (httpx.ProxyError("407 x"), False),
        (httpx.LocalProtocolError("x"), False),
        (httpx.ReadTimeout("x"), False),
        (httpx.ReadError("x"), False),
        (ValueError("x"), False),
        (of_httpcore(httpx.ConnectTimeout("x"), httpcore.ConnectTimeout("x")), True),
        (of_httpcore(httpx.ProxyError("407 x"), httpcore.ProxyError("407 x")), True),
        (of_httpcore(httpx.ReadTimeout("x"), httpcore.ReadTimeout("x")), False),
        (of_httpcore(httpx.ConnectTimeout("x"), OSError("x")), False),
    ],
)
def test_errors_of_other_transports(error: Exception, unsent: bool) -> None:
    """A connect timeout proves that nothing was sent only if it is httpcore's or this package's."""
    assert never_sent(error) is unsent


def test_the_status_of_a_proxy() -> None:
    """The status with which a proxy refused is taken from httpcore's error, too."""
    assert proxy_status(of_httpcore(httpx.ProxyError("407 x"), httpcore.ProxyError("407 x"))) == 407
    assert proxy_status(of_httpcore(httpx.ProxyError("x"), httpcore.ProxyError("x"))) is None
    assert proxy_status(httpx.ProxyError("407 x")) is None
    assert proxy_status(httpx.ReadError("x")) is None
