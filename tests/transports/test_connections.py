"""How both transports handle their connections, over real sockets."""

import asyncio
import gc
import gzip
import random
import socket
import ssl
import time
import warnings
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import trustme

from adjust_async.errors import ConfigurationError
from tests.loopback import RawRequest, RawServer, answer, serve
from tests.peer import Peer
from tests.transports.peers import KINDS, LOOPS, failure, make, relay, scripted, send, server_tls, settled, tasks

pytestmark = pytest.mark.anyio


async def at_once(_: RawRequest, writer: asyncio.StreamWriter) -> None:
    """Answer every request."""
    writer.write(answer(b"hello"))


async def in_pieces(_: RawRequest, writer: asyncio.StreamWriter) -> None:
    """Answer byte by byte."""
    for byte in answer(b"hello"):
        if not writer.is_closing():
            writer.write(bytes([byte]))
        await asyncio.sleep(0)


async def burst(transport: httpx.AsyncBaseTransport, server: RawServer, release: asyncio.Event, most: int) -> None:
    """Open as many connections as allowed."""
    sending = [asyncio.create_task(send(transport, f"{server.url}/burst")) for _ in range(most)]
    while server.in_flight < most:
        await asyncio.sleep(0)
    release.set()
    assert await asyncio.gather(*sending) == [b"hello"] * most


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


async def test_bodies_arrive_as_they_were_sent(kind: str) -> None:
    """A body is streamed and stays compressed, headers keep their case and order, and cookies are not kept."""
    more = asyncio.Event()

    async def streamed(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"one", length=6, headers="Content-Type: x\r\nSet-Cookie: a=b\r\nX-Odd: y\r\n"))
        await writer.drain()
        await more.wait()
        writer.write(b"two")

    async with serve(streamed) as server, make(kind) as transport:
        response = await transport.handle_async_request(httpx.Request("GET", server.url))
        assert [name for name, _ in response.headers.raw] == [
            b"Content-Length",
            b"Content-Type",
            b"Set-Cookie",
            b"X-Odd",
        ]
        assert response.extensions["http_version"] == b"HTTP/1.1"
        assert response.extensions["reason_phrase"] == b"OK"
        body = aiter(cast("httpx.AsyncByteStream", response.stream))
        assert await anext(body) == b"one"
        more.set()
        assert [piece async for piece in body] == [b"two"]
        await response.aclose()
        await send(transport, server.url)
        assert "cookie" not in server.requests[1].head.lower()

    async def packed(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(gzip.compress(b"hello"), headers="Content-Encoding: gzip\r\n"))

    async with serve(packed) as server, make(kind) as transport:
        response = await transport.handle_async_request(httpx.Request("GET", server.url))
        assert gzip.decompress(b"".join([piece async for piece in response.aiter_raw()])) == b"hello"
        await response.aclose()
        assert await send(transport, server.url) == b"hello"


async def test_requests_arrive_as_they_were_made(kind: str) -> None:
    """Path, headers and body are sent as httpx has made them, with nothing added."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"one"
        yield b"two"

    async with serve(at_once) as server, make(kind) as transport:
        url = f"{server.url}/a%2Fb/ü?q=%20+x&y=%C3%BC"
        headers = [(b"X-Odd", "é".encode()), (b"Accept-Encoding", b"gzip")]
        for content in (None, b"name=x", b"", b"x" * 200_000):
            request = httpx.Request("POST", url, headers=headers, content=content)
            response = await transport.handle_async_request(request)
            assert await response.aread() == b"hello"
            await response.aclose()
            got = server.requests[-1]
            assert got.line == "POST /a%2Fb/%C3%BC?q=%20+x&y=%C3%BC HTTP/1.1"
            assert got.body == (content or b"")
            assert sorted(got.head.split("\r\n")[1:-2]) == sorted(
                f"{name.decode()}: {value.decode('latin-1')}" for name, value in request.headers.raw
            )

    async def chunked(peer: Peer) -> None:
        taken = await peer.request()
        while not taken.endswith(b"0\r\n\r\n"):
            taken += await peer.take()
        assert b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n" in taken
        assert taken.lower().count(b"transfer-encoding: chunked") == 1
        await peer.send(answer(b"hello"))

    async with scripted(chunked) as listener, make(kind) as transport:
        assert await send(transport, listener.url, "POST", content=pieces()) == b"hello"


async def test_redirects_are_the_clients_business(kind: str) -> None:
    """A transport returns a redirect unchanged."""

    async def moved(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"", status="302 Found", headers="Location: /elsewhere\r\n"))

    async with serve(moved) as server, httpx.AsyncClient(transport=make(kind)) as client:
        assert (await client.get(server.url)).status_code == 302
        assert len(server.requests) == 1


async def test_a_body_left_unread_closes_its_connection(kind: str) -> None:
    """Leaving a stream early releases the slot, and does not read the rest."""

    async def endless(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"start", length=10**9))

    async with serve(endless) as server, httpx.AsyncClient(transport=make(kind, 1)) as client:
        for _ in range(3):
            async with client.stream("GET", server.url) as response:
                async for _ in response.aiter_raw():
                    break
            await settled(lambda: server.connections_open, 0)


async def test_a_body_iterator_that_is_closed(kind: str) -> None:
    """Closing the iterator of a body releases the slot, before the answer is closed."""

    async def endless(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"start", length=10**9))

    async with serve(endless) as server, make(kind, 1) as transport:
        for _ in range(3):
            request = httpx.Request("GET", server.url, extensions={"timeout": {"pool": 5}})
            response = await transport.handle_async_request(request)
            body = cast("AsyncGenerator[bytes, None]", aiter(cast("httpx.AsyncByteStream", response.stream)))
            assert await anext(body) == b"start"
            await body.aclose()


async def test_an_answer_is_never_that_of_another_request(kind: str) -> None:
    """Data after an answer is not taken for the next answer: that request fails, or gets a new connection."""
    for rounds in range(4):

        async def twice(request: RawRequest, writer: asyncio.StreamWriter, rounds: int = rounds) -> None:
            writer.write(answer(request.line.split()[1].encode()) + (b"" if rounds else answer(b"not asked for")))
            for _ in range(rounds):
                await asyncio.sleep(0)
                writer.write(answer(b"not asked for"))

        async with serve(twice) as server, make(kind, 3) as transport:
            answered = 0
            for number in range(5):
                try:
                    assert await send(transport, f"{server.url}/{number}") == f"/{number}".encode()
                    answered += 1
                except httpx.RemoteProtocolError:
                    pass
                while server.in_flight:
                    await asyncio.sleep(0)
                for _ in range(rounds):
                    await asyncio.sleep(0)
            assert answered >= 2


async def test_a_connection_that_the_service_closed_is_not_used_again(kind: str) -> None:
    """A kept connection that the service has closed in the meantime is replaced, without an error."""

    async def once(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"hello"))
        await writer.drain()
        writer.close()

    async with serve(once) as server, make(kind, 1) as transport:
        for _ in range(4):
            assert await send(transport, server.url, "POST", pool=5) == b"hello"
            await server.all_closed()
            await asyncio.sleep(0.001)  # aiohttp learns of it from the loop
        assert server.connections_opened == 4


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

    monkeypatch.setattr("adjust_async.transports.aiohttp.KEEPALIVE_EXPIRY", 0.02)
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
    from adjust_async.transports import keep_alive

    probed: list[Any] = []

    def record(connected: Any) -> None:
        keep_alive.keep_alive(connected)
        probed.append(connected)

    for module in ("lanes", "aiohttp"):
        monkeypatch.setattr(f"adjust_async.transports.{module}.keep_alive", record)
    async with serve(at_once) as server, make(kind, proxy=server.url if proxied else None) as transport:
        assert await send(transport, server.url) == b"hello"
        (connected,) = probed
        assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5)):
            if hasattr(socket, option):
                assert connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, option)) == value


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


# Cancelling and closing.


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
async def test_cancellation_at_whatever_step_leaves_nothing(kind: str, authority: trustme.CA, way: str) -> None:
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
async def test_closing_at_whatever_step_ends_all(kind: str, authority: trustme.CA, way: str) -> None:
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


async def test_closing_ends_a_request_under_way(kind: str) -> None:
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
