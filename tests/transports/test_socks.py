"""SOCKS proxies, with `PooledTransport` over real sockets."""

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from tests.loopback import answer
from tests.peer import Peer
from tests.transports.peers import Case, make, scripted, send

pytest.importorskip("socksio")

pytestmark = pytest.mark.anyio

ACCEPTED = b"\x05\x00\x00\x01\0\0\0\0\0\0"


async def act(
    peer: Peer, replies: list[bytes], received: list[bytes], *, then: bytes = b"", close: bool = False
) -> None:
    """Act as a proxy that sends one reply for each message; then as the host."""
    for reply in replies:
        received.append(await peer.take())
        await peer.send(reply)
    if then:
        while True:
            received.append(await peer.request())
            await peer.send(then)
    if close:
        peer.close()


@pytest.fixture
def kind() -> str:
    """The only transport that supports SOCKS."""
    return "PooledTransport"


async def test_requests_over_socks(kind: str) -> None:
    """Requests go over one connection of a proxy with user and password, which looks up the host's name."""
    received: list[bytes] = []
    proxy = partial(act, replies=[b"\x05\x02", b"\x01\x00", ACCEPTED], received=received, then=answer(b"hello"))
    async with scripted(proxy) as listener:
        url = listener.url.replace("http://", "socks5://user:p4ssword@")
        async with make(kind, 1, proxy=url) as transport:
            for _ in range(2):
                assert await send(transport, "http://adjust.invalid/x") == b"hello"
    assert len(listener.peers) == 1
    assert b"user\x08p4ssword" in received[1]
    assert b"adjust.invalid" in received[2]
    assert all(b"p4ssword" not in head and head.startswith(b"GET /x ") for head in received[3:])


FAILURES: dict[str, tuple[list[bytes], Any]] = {
    "no method": ([b"\x05\xff"], httpx.ProxyError),
    "wrong password": ([b"\x05\x02", b"\x01\x01"], httpx.ProxyError),
    "refused": ([b"\x05\x02", b"\x01\x00", b"\x05\x05\x00\x01\0\0\0\0\0\0"], httpx.ProxyError),
    "garbled": ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], httpx.ProxyError),
    "silent": ([], httpx.ConnectTimeout),
    "cut": ([b"\x05"], (httpx.ProxyError, httpx.ConnectTimeout)),
    "closed": ([b""], httpx.ProxyError),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_opens_no_way(case: Callable[..., Case], failure: str, scheme: str) -> None:
    """Whatever a proxy does before it has connected, nothing was sent; it is named without user and password."""
    replies, kinds = FAILURES[failure]
    async with scripted(partial(act, replies=replies, received=[], close=failure in ("closed", "cut"))) as listener:
        transport = case(proxy=listener.url.replace("http://", "socks5://user:p4ssword@"))
        connect = 0.05 if failure == "silent" else 10.0
        error = await transport.failure(f"{scheme}://adjust.invalid/x", kinds, unsent=True, connect=connect)
    assert f"the proxy 127.0.0.1:{listener.address[1]} (from proxy)" in str(error)
    assert "p4ssword" not in f"{error!r} {error.__cause__!r} {error.__context__!r}"
