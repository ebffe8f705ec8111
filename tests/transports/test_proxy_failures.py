"""Proxies that fail, on both transports over real sockets: nothing was sent, and the proxy is named."""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

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

PROXY_FAILURES: list[tuple[Script, Any, int | None]] = [
    *[
        (replying(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()), httpx.ProxyError, int(status[:3]))
        for status in ("407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway")
    ],
    (replying(b"nonsense\r\n\r\n"), httpx.ProxyError, None),
    (replying(b"", Peer.close), httpx.ProxyError, None),
    (replying(b"", Peer.reset), httpx.ProxyError, None),
    (reset_at_once, httpx.ProxyError, None),
    (replying(b""), httpx.ConnectTimeout, None),
    (replying(b"HTTP/1.1 200"), httpx.ConnectTimeout, None),
    (replying(b"HTTP/1.1 200 OK\r\n\r\n"), httpx.ConnectTimeout, None),
    (
        replying(b"HTTP/1.1 200 OK\r\n\r\n", Peer.close),
        (httpx.ConnectError, httpx.ProxyError, httpx.ConnectTimeout),
        None,
    ),
]


@pytest.mark.parametrize(("script", "kinds", "status"), PROXY_FAILURES)
@pytest.mark.parametrize("by_environment", [False, True])
async def test_a_proxy_that_opens_no_tunnel(
    case: Callable[..., Case],
    client_tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    script: Script,
    kinds: Any,
    status: int | None,
    by_environment: bool,
) -> None:
    """Whatever a proxy does to `CONNECT`, nothing was sent; the message names it, without user and password."""
    async with scripted(script) as listener:
        address = f"127.0.0.1:{listener.address[1]}"
        url = f"http://user:p4ssword@{address}"
        if by_environment:
            monkeypatch.setenv("HTTPS_PROXY", url)
        transport = case(verify=client_tls, proxy=None if by_environment else url)
        hangs = httpx.ConnectTimeout in (kinds if isinstance(kinds, tuple) else (kinds,))
        connect = SOON if hangs else 10.0
        error = await transport.failure("https://adjust.invalid/x", kinds, unsent=True, connect=connect, read=30)
        assert proxy_status(error) == status
        assert f"the proxy {address} (from {'HTTPS_PROXY' if by_environment else 'proxy'})" in str(error)
        assert str(status or "") in str(error)
        shown = f"{error!r} {error.__cause__!r} {error.__context__!r}"
        assert "user" not in shown
        assert "p4ssword" not in shown


async def test_a_proxy_that_hangs_for_the_read_timeout(case: Callable[..., Case], client_tls: ssl.SSLContext) -> None:
    """Without a `connect` timeout, the `read` timeout limits a proxy, and still nothing was sent."""
    async with scripted(replying(b"")) as listener:
        transport = case(proxy=listener.url, verify=client_tls)
        error = await transport.failure("https://adjust.invalid/x", httpx.ConnectTimeout, unsent=True, read=SOON)
        assert "within 0.05 s" in str(error)


async def test_a_proxy_that_is_not_there(case: Callable[..., Case]) -> None:
    """A proxy that refuses the connection is named."""
    async with scripted(silent) as listener:
        url = listener.url
    error = await case(proxy=url).failure("https://adjust.invalid/x", httpx.ConnectError, unsent=True)
    assert f"over the proxy 127.0.0.1:{httpx.URL(url).port} (from proxy)" in str(error)


async def test_a_bad_certificate_behind_a_proxy(case: Callable[..., Case], authority: trustme.CA) -> None:
    """TLS through a tunnel is checked for the host, not for the proxy."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())

    async with (
        serve(handler, tls=server_tls(authority)) as server,
        scripted(partial(relay, server.url)) as listener,
    ):
        error = await case(proxy=listener.url).failure(server.url, httpx.ConnectError, unsent=True)
        assert "certificate verify failed" in str(error)


async def test_a_request_through_a_tunnel(kind: str, authority: trustme.CA, client_tls: ssl.SSLContext) -> None:
    """A request goes through a tunnel, with the proxy's own user and password."""
    heads: list[bytes] = []

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"hello"))

    async with (
        serve(handler, tls=server_tls(authority)) as server,
        scripted(partial(relay, server.url, heads=heads)) as listener,
    ):
        proxy = listener.url.replace("http://", "http://user:p4ssword@")
        transport = make(kind, 1, proxy=proxy, verify=client_tls)
        for _ in range(2):
            assert await send(transport, server.url) == b"hello"
        assert server.connections_opened == len(heads) == 1
        assert b"Basic dXNlcjpwNHNzd29yZA==" in heads[0]
        assert "Basic" not in server.requests[0].head
        await transport.aclose()


async def test_a_plain_request_over_a_proxy(kind: str) -> None:
    """Without TLS, the proxy gets the request itself, and what breaks then is in doubt."""
    async with scripted(replying(answer(b"hello"))) as listener:
        transport = make(kind, 1, proxy=listener.url.replace("http://", "http://user:p4ssword@"))
        assert await send(transport, "http://adjust.invalid/x") == b"hello"
        await transport.aclose()
    async with scripted(replying(b"", Peer.close)) as listener:
        transport = make(kind, 1, proxy=listener.url)
        error = await failure(transport, "http://adjust.invalid/x")
        assert isinstance(error, httpx.RemoteProtocolError)
        assert not never_sent(error)
        await transport.aclose()
