"""Calls over a proxy that opens no tunnel: what was never sent is never in doubt."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from adjust_async import APIConnectionError, AsyncAdjust
from tests.peer import Peer
from tests.transports.peers import KINDS, make, scripted

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]

Script = Callable[[Peer], Coroutine[Any, Any, None]]


def replying(reply: bytes, *, close: bool = False) -> Script:
    """Reply to `CONNECT`."""

    async def script(peer: Peer) -> None:
        await peer.take()
        await peer.send(reply)
        if close:
            peer.close()

    return script


PROXIES: dict[str, Script] = {
    "407": replying(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
    "403": replying(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
    "502": replying(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"),
    "garbles": replying(b"nonsense\r\n\r\n"),
    "closes": replying(b"", close=True),
    "hangs": replying(b""),
    "hangs in TLS": replying(b"HTTP/1.1 200 OK\r\n\r\n"),
    "breaks TLS": replying(b"HTTP/1.1 200 OK\r\n\r\n", close=True),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("proxy", PROXIES)
async def test_a_create_over_a_proxy_that_fails(kind: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A create is retried, except after 407, and is never in doubt. The message names the proxy, not its password."""
    timeout = 0.6 if "hangs" in proxy else 60
    async with scripted(PROXIES[proxy]) as listener:
        address = f"127.0.0.1:{listener.address[1]}"
        monkeypatch.setenv("HTTPS_PROXY", f"http://someone:p4ssword@{address}")
        async with (
            httpx.AsyncClient(transport=make(kind, 5)) as http,
            AsyncAdjust(
                "api-token", api_url="https://adjust.invalid", http_client=http, max_attempts=2, timeout=timeout
            ) as adjust,
        ):
            with pytest.raises(APIConnectionError) as raised:
                await adjust.trackers.create("app", "x")
    error = raised.value
    assert (error.sent, error.in_doubt) == (False, False)
    assert error.transient is (proxy != "407")
    assert error.attempts == (1 if proxy == "407" else 2)
    assert f"{address} (from HTTPS_PROXY)" in str(error) or proxy == "breaks TLS"
    assert (proxy if proxy.isdecimal() else "") in str(error)
    assert not [secret for secret in ("someone", "p4ssword") if secret in f"{error} {error!r} {vars(error)}"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_create_while_the_default_executor_is_busy(kind: str) -> None:
    """A name lookup that found no thread in time leaves no doubt, and the message has the reason."""
    loop, end = asyncio.get_running_loop(), asyncio.Event()

    def work() -> None:
        asyncio.run_coroutine_threadsafe(end.wait(), loop).result()

    busy = [loop.run_in_executor(None, work) for _ in range(40)]
    try:
        async with (
            httpx.AsyncClient(transport=make(kind, 5)) as http,
            AsyncAdjust(
                "api-token", api_url="https://adjust.invalid", http_client=http, max_attempts=1, timeout=4
            ) as adjust,
        ):
            with pytest.raises(APIConnectionError, match="default executor") as raised:
                await adjust.trackers.create("app", "x")
        assert (raised.value.sent, raised.value.in_doubt) == (False, False)
    finally:
        end.set()
        await asyncio.gather(*busy)
