"""How both transports open, reuse and drop connections, over real sockets."""

import asyncio
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from adjust_async.errors import ConfigurationError
from tests.loopback import RawRequest, answer, serve
from tests.peer import Peer
from tests.transports.peers import (
    KINDS,
    LOOPS,
    at_once,
    burst,
    failure,
    make,
    replying,
    scripted,
    send,
    server_tls,
    settled,
    tasks,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_never_more_connections_than_allowed(kind: str) -> None:
    """Requests beyond `max_connections` wait, each is answered, and connections are reused."""

    async def slow(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.002)
        writer.write(answer(b"hello"))

    async with serve(slow) as server, make(kind, 3) as transport:
        assert await asyncio.gather(*(send(transport, server.url) for _ in range(40))) == [b"hello"] * 40
        assert server.max_in_flight == server.max_connections_open == server.connections_opened == 3


async def test_the_pool_timeout_is_for_each_origin(kind: str) -> None:
    """A request waits only for others to its own origin."""
    async with serve(at_once) as one, serve(at_once) as two, make(kind, 1) as transport:
        held = await transport.handle_async_request(httpx.Request("GET", one.url))
        assert await send(transport, two.url, pool=0.01) == b"hello"
        await held.aclose()


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_a_connection_that_the_service_closed_is_not_used_again(kind: str) -> None:
    """A kept connection that the service closed after its answer is replaced, even before the event loop notices."""
    async with scripted(replying(answer(b"hello"), Peer.close)) as listener, make(kind, 1) as transport:
        for method in ("GET", "POST", "PATCH", "POST", "POST"):
            assert await send(transport, listener.url, method, content=b"x", pool=5) == b"hello"
        assert len(listener.peers) == 5


async def test_a_connection_that_was_announced_to_end_is_closed_at_once(kind: str) -> None:
    """A connection that can't be reused is not kept, even if the service leaves it open."""

    async def last(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"hello", headers="Connection: close\r\n"))

    async with serve(last) as server, make(kind) as transport:
        for _ in range(3):
            assert await send(transport, server.url) == b"hello"
            await server.all_closed()


async def test_idle_connections_expire_by_a_timer(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle connection is closed when it expires, without waiting for another request."""
    release = asyncio.Event()

    async def together(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(answer(b"hello"))

    monkeypatch.setattr("adjust_async.transports.aiohttp_connections.KEEPALIVE_EXPIRY", 0.02)
    settings: dict[str, Any] = {"keepalive_expiry": 0.02} if kind == "PooledTransport" else {}
    async with serve(together) as server, make(kind, 3, **settings) as transport:
        before = tasks()
        await burst(transport, server, release, 3)
        assert server.connections_open == 3
        await server.all_closed()
        async with asyncio.timeout(60):
            while tasks() != before:
                await asyncio.sleep(0)
        assert await send(transport, server.url) == b"hello"


@pytest.mark.parametrize("seconds", [3600.0, -3600.0, 5.0])
async def test_a_connection_that_slept_is_not_used(kind: str, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """A connection that was idle while the wall clock jumped is closed, and the request gets a new one."""
    async with serve(at_once) as server, make(kind, 1) as transport:
        for _ in range(2):
            assert await send(transport, server.url, "POST", content=b"x") == b"hello"
        assert server.connections_opened == 1
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + seconds)
        for _ in range(2):
            assert await send(transport, server.url, "POST", content=b"x") == b"hello"
        assert server.connections_opened == 2
        await settled(lambda: server.connections_open, 1)


@pytest.mark.parametrize("silent", [False, True])
async def test_connections_that_died_together(kind: str, silent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure on a kept connection, others of its age are not tried: the next request gets a new one."""
    monkeypatch.setattr("adjust_async.transports.attempts.SILENCE", 0.01)
    arrived = 0
    release = asyncio.Event()
    dead = False

    async def dying(peer: Peer) -> None:
        nonlocal arrived
        aged = not dead
        while await peer.take():  # a request in one piece, because it has no body
            arrived += 1
            if aged and dead:
                if not silent:
                    peer.reset()
                return
            if arrived == 6:
                release.set()
            await release.wait()
            await peer.send(answer(b"hello"))

    async with scripted(dying) as listener, make(kind, 6) as transport:
        sending = [send(transport, listener.url) for _ in range(6)]
        assert await asyncio.gather(*sending) == [b"hello"] * 6
        dead = True
        if silent:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await send(transport, listener.url, "POST")
        else:
            await failure(transport, listener.url)
        async with asyncio.timeout(60):
            for _ in range(3):
                assert await send(transport, listener.url, "POST") == b"hello"
        assert len(listener.peers) == 7


async def test_a_request_given_up_early_says_nothing_about_others(kind: str) -> None:
    """A cancellation soon after the request began leaves the other kept connections usable."""
    release = asyncio.Event()

    async def together(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        if "/hang" in request.line:
            await asyncio.Event().wait()
        await release.wait()
        writer.write(answer(b"hello"))

    async with serve(together) as server, make(kind, 2) as transport:
        await burst(transport, server, release, 2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await send(transport, f"{server.url}/hang")
        assert await send(transport, server.url) == b"hello"
        assert server.connections_opened == 2


@pytest.mark.parametrize("proxied", [False, True])
async def test_keep_alive(kind: str, proxied: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that are silent for a minute are probed, including those to a proxy."""
    from adjust_async.transports import sockets

    probed: list[Any] = []

    def record(connected: Any) -> None:
        sockets.keep_alive(connected)
        probed.append(connected)

    for module in ("lanes", "aiohttp_connections"):
        monkeypatch.setattr(f"adjust_async.transports.{module}.keep_alive", record)
    async with serve(at_once) as server, make(kind, proxy=server.url if proxied else None) as transport:
        assert await send(transport, server.url) == b"hello"
        (connected,) = probed
        assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5)):
            if hasattr(socket, option):
                assert connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, option)) == value


async def test_the_trust_store_is_read_once_and_not_in_the_loop(
    kind: str, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One TLS context serves all connections, `SSL_CERT_FILE` names the authority, and the loop is not blocked."""
    import threading

    made: list[object] = []
    real = httpx.create_ssl_context

    def record(**settings: Any) -> ssl.SSLContext:
        made.append(threading.current_thread())
        return real(**settings)

    monkeypatch.setattr(httpx, "create_ssl_context", record)
    with authority.cert_pem.tempfile() as file:
        monkeypatch.setenv("SSL_CERT_FILE", file)
        async with serve(at_once, tls=server_tls(authority)) as server, make(kind, 3) as transport:
            assert await asyncio.gather(*(send(transport, server.url) for _ in range(9))) == [b"hello"] * 9
    used = [thread for thread in made if thread is not threading.main_thread()]
    assert len(used) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_connections": 0}, "max_connections is 0"),
        ({"verify": False}, "verify is False: pass an ssl.SSLContext"),
        ({"verify": "authority.pem"}, "verify is 'authority.pem'"),
        ({"trust_env": 1}, "trust_env is 1"),
        ({"proxy": "http://[::1"}, "proxy is not the URL of a proxy"),
        ({"proxy": 3128}, "proxy is a value of type int"),
        ({"proxy": "gopher://proxy.example.com"}, "proxy has the unsupported scheme 'gopher'"),
    ],
)
def test_wrong_arguments(kind: str, settings: dict[str, Any], words: str) -> None:
    """A wrong argument is refused at once, and named."""
    with pytest.raises(ConfigurationError, match=words):
        make(kind, **settings)


async def test_vcrpy(kind: str, tmp_path: Path) -> None:
    """A cassette of vcrpy records the answer, and replays it."""
    vcr = pytest.importorskip("vcr")
    async with serve(at_once) as server:
        for _ in range(2):
            with vcr.use_cassette(str(tmp_path / "cassette.yaml")):
                async with httpx.AsyncClient(transport=make(kind)) as client:
                    assert (await client.get(server.url)).content == b"hello"
        assert len(server.requests) == 1


def test_both_kinds_are_exported() -> None:
    """The package names its transports, and imports them on first use."""
    from adjust_async import transports

    assert set(KINDS) < set(transports.__all__) <= set(dir(transports))
    for kind in KINDS:
        found = getattr(transports, kind)
        assert vars(transports)[kind] is found
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = transports.Nonsense
