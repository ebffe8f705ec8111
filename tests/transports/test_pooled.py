"""The pooled transport, over real sockets."""

import asyncio
import gzip
import logging
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import h2.config
import h2.connection
import h2.events
import httpx
import pytest
import trustme

from adjust_async.transports import PooledTransport
from tests.loopback import RawRequest, answer, serve
from tests.peer import listening

pytestmark = pytest.mark.anyio


async def at_once(_: RawRequest, writer: asyncio.StreamWriter) -> None:
    """Answer every request."""
    writer.write(answer(b"hello"))


async def get(transport: PooledTransport, url: str, *, pool: float | None = None) -> bytes:
    """Send a GET as a client would, and read its answer."""
    request = httpx.Request("GET", url, extensions={"timeout": {"pool": pool}})
    response = await transport.handle_async_request(request)
    try:
        return await response.aread()
    finally:
        await response.aclose()


@pytest.fixture
async def transport() -> AsyncIterator[PooledTransport]:
    """A transport of three connections, which must have none busy at its end."""
    pool = PooledTransport(3)
    yield pool
    assert pool.connections_busy == 0
    await pool.aclose()
    assert pool.connections_idle == 0


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts by default."""
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """TLS for a server on localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    """TLS that trusts the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


async def test_never_more_connections_than_allowed(transport: PooledTransport) -> None:
    """Requests beyond `max_connections` wait for a connection, and each is answered."""

    async def slow(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.002)
        writer.write(answer(b"hello"))

    async with serve(slow) as server:
        bodies = await asyncio.gather(*(get(transport, server.url) for _ in range(40)))
        assert bodies == [b"hello"] * 40
        assert server.max_in_flight == 3
        assert server.connections_opened == 3
        assert transport.connections_idle == 3


async def test_the_connection_used_last_is_taken_first(transport: PooledTransport) -> None:
    """After a burst, requests one by one stay on one connection, so that the others can expire."""
    release = asyncio.Event()

    async def together(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        if "/burst" in request.line:
            await release.wait()
        writer.write(answer(b"hello"))

    async with serve(together) as server:
        burst = [asyncio.create_task(get(transport, f"{server.url}/burst")) for _ in range(3)]
        while server.in_flight < 3:
            await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*burst)
        for _ in range(5):
            await get(transport, server.url)
        assert len(set(server.connection_of[-5:])) == 1
        assert server.connections_opened == 3


async def test_connections_left_over_by_a_burst_are_closed_when_they_expire() -> None:
    """A connection that nobody used for `keepalive_expiry` is closed at the end of the next request."""
    release = asyncio.Event()

    async def together(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        if "/burst" in request.line:
            await release.wait()
        writer.write(answer(b"hello"))

    async with serve(together) as server, PooledTransport(3, keepalive_expiry=0.0) as transport:
        burst = [asyncio.create_task(get(transport, f"{server.url}/burst")) for _ in range(3)]
        while server.in_flight < 3:
            await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*burst)
        await get(transport, server.url)
        assert transport.connections_idle <= 1


async def test_each_origin_has_its_own_connections(transport: PooledTransport) -> None:
    """Two hosts don't take each other's connections."""
    async with serve(at_once) as one, serve(at_once) as two:
        for _ in range(3):
            await get(transport, one.url)
            await get(transport, two.url)
        assert (one.connections_opened, two.connections_opened) == (1, 1)


async def test_no_free_connection_is_a_pool_timeout(transport: PooledTransport) -> None:
    """A request that waited for `pool` seconds gets `PoolTimeout`, and the slots are all back afterwards."""
    release = asyncio.Event()

    async def waiting(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(answer(b"hello"))

    async with serve(waiting) as server:
        busy = [asyncio.create_task(get(transport, server.url)) for _ in range(3)]
        while server.in_flight < 3:
            await asyncio.sleep(0)
        with pytest.raises(httpx.PoolTimeout, match="all 3 connections stayed busy"):
            await get(transport, server.url, pool=0.01)
        release.set()
        assert await asyncio.gather(*busy) == [b"hello"] * 3
        assert await asyncio.gather(*(get(transport, server.url) for _ in range(3))) == [b"hello"] * 3


@pytest.mark.parametrize(
    "reply", [b"", b"HTTP/1.1 200 OK\r\nContent-", answer(b"half", length=400), b"nonsense\r\n\r\n"]
)
async def test_a_broken_connection_gives_its_slot_back(transport: PooledTransport, reply: bytes) -> None:
    """Where the server drops the connection, at any byte, the request fails and the next one gets a new connection."""

    async def breaking(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        if "/break" in request.line:
            writer.write(reply)
            await writer.drain()
            writer.close()
        else:
            writer.write(answer(b"hello"))

    async with serve(breaking) as server:
        for _ in range(5):
            with pytest.raises(httpx.RemoteProtocolError):
                await get(transport, f"{server.url}/break")
            assert transport.connections_busy == 0
        assert await asyncio.gather(*(get(transport, server.url) for _ in range(3))) == [b"hello"] * 3


async def test_a_refused_connection_gives_its_slot_back(transport: PooledTransport) -> None:
    """Where nobody listens, every request fails with `ConnectError`, however many there are."""
    async with serve(at_once) as server:
        url = server.url
    for _ in range(5):
        with pytest.raises(httpx.ConnectError):
            await get(transport, url, pool=0.5)


@pytest.mark.parametrize("steps", range(0, 40, 3))
async def test_cancellation_gives_the_slot_back_at_whatever_step(transport: PooledTransport, steps: int) -> None:
    """A request cancelled while it waits, connects, sends or reads leaves no connection busy and no slot taken."""

    async def in_pieces(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        for byte in answer(b"hello"):
            if not writer.is_closing():
                writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with serve(in_pieces) as server:
        tasks = [asyncio.create_task(get(transport, server.url)) for _ in range(6)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert transport.connections_busy == 0
        assert await asyncio.gather(*(get(transport, server.url, pool=5) for _ in range(3))) == [b"hello"] * 3


async def test_a_connection_that_the_server_closed_is_not_used_again(transport: PooledTransport) -> None:
    """A kept connection that the server has closed meanwhile is replaced, without an error."""

    async def once(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"hello"))
        await writer.drain()
        writer.close()

    async with serve(once) as server:
        for _ in range(4):
            assert await get(transport, server.url) == b"hello"
            await server.all_closed()
        assert server.connections_opened == 4


async def test_a_connection_that_was_announced_to_end_is_closed_at_once(transport: PooledTransport) -> None:
    """A connection that can't be used again is not kept, though the service leaves it open."""

    async def last(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"hello", headers="Connection: close\r\n"))

    async with serve(last) as server:
        for _ in range(3):
            assert await get(transport, server.url) == b"hello"
            assert transport.connections_idle == 0
            await server.all_closed()


@pytest.mark.parametrize("rounds", range(4))
async def test_an_answer_is_never_that_of_another_request(transport: PooledTransport, rounds: int) -> None:
    """What a service sends beyond an answer, with it or a moment later, is not taken for the next answer."""

    async def twice(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        path = request.line.split()[1].encode()
        writer.write(answer(path))
        for _ in range(rounds):
            await asyncio.sleep(0)
        writer.write(answer(b"not asked for"))

    async with serve(twice) as server:
        for number in range(5):
            assert await get(transport, f"{server.url}/{number}") == f"/{number}".encode()
            while server.in_flight:
                await asyncio.sleep(0)
            for _ in range(rounds):
                await asyncio.sleep(0)
        async with asyncio.timeout(5):
            while server.connections_open > 1:  # those that had something more were closed
                await asyncio.sleep(0)


async def test_bodies_are_streamed(transport: PooledTransport) -> None:
    """The head of an answer arrives before its body is complete, and so do the chunks."""
    more = asyncio.Event()

    async def two_chunks(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"one", length=6))
        await writer.drain()
        await more.wait()
        writer.write(b"two")

    async with serve(two_chunks) as server, httpx.AsyncClient(transport=transport) as client:
        async with client.stream("GET", server.url) as response:
            chunks = response.aiter_raw()
            assert await anext(chunks) == b"one"
            assert transport.connections_busy == 1
            more.set()
            assert [chunk async for chunk in chunks] == [b"two"]
        assert (transport.connections_busy, transport.connections_idle) == (0, 1)


async def test_a_body_left_unread_closes_its_connection(transport: PooledTransport) -> None:
    """Leaving a stream early gives the slot back, and does not read the rest."""

    async def endless(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"start", length=10**9))

    async with serve(endless) as server:
        client = httpx.AsyncClient(transport=transport)
        for _ in range(5):
            async with client.stream("GET", server.url) as response:
                async for _ in response.aiter_raw():
                    break
            assert (transport.connections_busy, transport.connections_idle) == (0, 0)
        await server.all_closed()


async def test_a_body_that_breaks_gives_its_slot_back(transport: PooledTransport) -> None:
    """A body that ends with an error, or whose reader is closed, gives its connection up, with or without `aclose`."""

    async def half(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"half", length=400))
        await writer.drain()
        writer.close()

    async with serve(half) as server:
        for _ in range(5):
            response = await transport.handle_async_request(httpx.Request("GET", server.url))
            with pytest.raises(httpx.RemoteProtocolError):
                await response.aread()
            assert transport.connections_busy == 0
        for _ in range(5):
            response = await transport.handle_async_request(httpx.Request("GET", server.url))
            body = cast("AsyncGenerator[bytes, None]", aiter(cast("httpx.AsyncByteStream", response.stream)))
            assert await anext(body) == b"half"
            await body.aclose()
            assert transport.connections_busy == 0
            await response.aclose()


async def test_bodies_are_unpacked(transport: PooledTransport) -> None:
    """A client that is given the transport gets bodies unpacked, and an error where they can't be."""

    async def pack(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        body = gzip.compress(b"hello") if "/good" in request.line else b"no gzip"
        writer.write(answer(body, headers="Content-Encoding: gzip\r\n"))

    async with serve(pack) as server:
        client = httpx.AsyncClient(transport=transport)
        assert (await client.get(f"{server.url}/good")).content == b"hello"
        with pytest.raises(httpx.DecodingError):
            await client.get(f"{server.url}/bad")
        assert transport.connections_busy == 0
        assert (await client.get(f"{server.url}/good")).content == b"hello"


@pytest.mark.parametrize("over_tls", [False, True])
async def test_closing_at_whatever_step_ends_all(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, over_tls: bool
) -> None:
    """Whatever the requests are at, `aclose` ends each with an answer or an httpx error, and leaves nothing open."""

    async def in_pieces(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        for byte in answer(b"hello"):
            if not writer.is_closing():
                writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with serve(in_pieces, tls=server_tls if over_tls else None) as server:
        for steps in range(0, 75, 3):
            before = asyncio.all_tasks()
            transport = PooledTransport(3, verify=client_tls)
            tasks = [asyncio.create_task(get(transport, server.url)) for _ in range(6)]
            for _ in range(steps):
                await asyncio.sleep(0)
            await transport.aclose()
            async with asyncio.timeout(1):
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(end == b"hello" or isinstance(end, httpx.TransportError) for end in ended), ended
            assert (transport.connections_busy, transport.connections_idle) == (0, 0)
            await asyncio.sleep(0.0005)  # DNS is asked in a thread
            await server.all_closed()
            assert {task for task in asyncio.all_tasks() - before if "connected" not in repr(task)} == set()


@pytest.mark.parametrize("over_tls", [False, True])
async def test_cancellation_at_whatever_step_leaves_nothing(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, over_tls: bool
) -> None:
    """Cancelled at any step, requests leave no connection but those that may be used again."""

    async def in_pieces(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        for byte in answer(b"hello"):
            if not writer.is_closing():
                writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with (
        serve(in_pieces, tls=server_tls if over_tls else None) as server,
        PooledTransport(3, verify=client_tls) as transport,
    ):
        for steps in range(1, 75, 3):
            tasks = [asyncio.create_task(get(transport, server.url)) for _ in range(6)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert transport.connections_busy == 0
            async with asyncio.timeout(5):
                while server.connections_open > transport.connections_idle:
                    await asyncio.sleep(0)


@pytest.mark.parametrize("steps", range(14))
async def test_cancellation_while_connections_are_closed_closes_them_all(steps: int) -> None:
    """A request that is cancelled while it closes what has expired closes all of it."""
    release = asyncio.Event()

    async def together(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        if "/burst" in request.line:
            await release.wait()
        writer.write(answer(b"hello"))

    async with serve(together) as server, PooledTransport(3) as transport:
        burst = [asyncio.create_task(get(transport, f"{server.url}/burst")) for _ in range(3)]
        while server.in_flight < 3:
            await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*burst)
        transport._keepalive_expiry = -1.0
        task = asyncio.create_task(get(transport, server.url))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await transport.aclose()
        await server.all_closed()


async def test_closing_that_is_cancelled_closes_all() -> None:
    """`aclose` closes all connections also where it is cancelled, those over a proxy included."""
    for proxied in (False, True):
        async with serve(at_once) as server:
            for steps in range(4):
                transport = PooledTransport(3, proxy=server.url if proxied else None)
                await asyncio.gather(*(get(transport, server.url) for _ in range(3)))
                assert transport.connections_idle > 1
                closing = asyncio.create_task(transport.aclose())
                for _ in range(steps):
                    await asyncio.sleep(0)
                closing.cancel()
                await asyncio.gather(closing, return_exceptions=True)
                if steps == 0:  # it had not begun
                    await transport.aclose()
                await server.all_closed()


async def test_closing_ends_the_requests_under_way() -> None:
    """`aclose` fails each request that waits, connects or reads, with an httpx error, and closes every connection."""
    transport = PooledTransport(3)
    released = asyncio.Event()

    async def half(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        if "/body" in request.line:
            writer.write(answer(b"start", length=100))
            await writer.drain()
        await released.wait()

    async with serve(half) as server:
        paths = ["/head", "/head", "/body", "/waiting", "/waiting"]
        tasks = [asyncio.create_task(get(transport, f"{server.url}{path}")) for path in paths]
        while server.in_flight < 3:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        await transport.aclose()
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, httpx.TransportError) for outcome in outcomes), outcomes
        released.set()
        await server.all_closed()
        assert (transport.connections_busy, transport.connections_idle) == (0, 0)
        with pytest.raises(httpx.ConnectError, match="closed"):
            await get(transport, server.url)


async def test_closing_ends_a_request_that_finds_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request whose host is still looked for, or does not answer, fails as one that was not sent."""

    async def wait(*_: object, **__: object) -> None:
        waiting.set()
        await asyncio.Event().wait()

    for step in ("getaddrinfo", "sock_connect"):
        waiting = asyncio.Event()
        with monkeypatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), step, wait)
            transport = PooledTransport()
            task = asyncio.create_task(get(transport, "http://127.0.0.1:9"))
            await waiting.wait()
            async with asyncio.timeout(1):
                await transport.aclose()
                with pytest.raises(httpx.ConnectError, match="closed"):
                    await task
            assert transport.connections_busy == 0


async def test_closing_ends_a_request_that_shakes_hands(client_tls: ssl.SSLContext) -> None:
    """A request whose host does not go on with TLS fails as one that was not sent, and its socket is closed."""
    with listening() as listener:
        transport = PooledTransport(verify=client_tls)
        task = asyncio.create_task(get(transport, f"https://localhost:{listener.address[1]}"))
        peer = await listener.accept()
        assert await peer.take() != b""
        async with asyncio.timeout(1):
            await transport.aclose()
            with pytest.raises(httpx.ConnectError, match="closed"):
                await task
            assert await peer.take() == b""


async def test_closing_ends_a_request_that_waits_for_a_connection() -> None:
    """A request that waits for a slot ends with the transport, and a later one does not wait, though none is free."""
    async with serve(at_once) as server:
        transport = PooledTransport(1)
        held = await transport.handle_async_request(httpx.Request("GET", server.url))
        task = asyncio.create_task(get(transport, server.url))
        await asyncio.sleep(0.005)
        async with asyncio.timeout(1):
            await transport.aclose()
            with pytest.raises(httpx.ConnectError, match="closed"):
                await task
            with pytest.raises(httpx.ConnectError, match="closed"):
                await get(transport, server.url)
        await held.aclose()
        await server.all_closed()
        assert len(server.requests) == 1


@pytest.mark.parametrize("rounds", range(5))
async def test_closing_twice_is_no_error(monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    """`aclose` may be called again, also while the first is still ending what is under way."""

    async def wait(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", wait)
    transport = PooledTransport()
    task = asyncio.create_task(get(transport, "http://127.0.0.1:9"))
    await asyncio.sleep(0.001)
    first = asyncio.create_task(transport.aclose())
    for _ in range(rounds):
        await asyncio.sleep(0)
    await transport.aclose()
    await first
    with pytest.raises(httpx.ConnectError, match="closed"):
        await task


async def test_closing_in_the_round_of_the_connection_ends_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever it is closed, also in the very round in which a connection is made, no request waits for an answer."""
    released = asyncio.Event()

    async def silent(*_: object) -> None:
        await released.wait()

    async with serve(silent) as server:
        port = httpx.URL(server.url).port

        async def find(*_: object, **__: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", find)
        for steps in range(25):
            transport = PooledTransport()
            task = asyncio.create_task(get(transport, server.url))
            for _ in range(steps):
                await asyncio.sleep(0)
            await transport.aclose()
            async with asyncio.timeout(1):
                with pytest.raises(httpx.TransportError):
                    await task
        released.set()


async def test_a_closed_transport_does_not_connect() -> None:
    """After `aclose` no connection is made, so that no host can hold a request up."""
    async with serve(at_once) as server:
        transport = PooledTransport()
        await transport.aclose()
        with pytest.raises(httpx.ConnectError, match="closed"):
            await get(transport, server.url)
        await asyncio.sleep(0.002)
        assert server.connections_opened == 0


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "ws://127.0.0.1/", "wss://127.0.0.1/", "//127.0.0.1/"])
async def test_other_protocols_are_refused(transport: PooledTransport, url: str) -> None:
    """Only http and https are spoken: anything else would go over the network in the clear."""
    for _ in range(5):
        with pytest.raises(httpx.UnsupportedProtocol):
            await get(transport, url, pool=0.5)


async def test_certificates_that_cannot_be_read_are_an_error(
    transport: PooledTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An `SSL_CERT_FILE` that is not there is an httpx error of each request, and takes no slot."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/authority.pem")
    for _ in range(5):
        with pytest.raises(httpx.ConnectError, match="certificates"):
            await get(transport, "https://127.0.0.1:9", pool=0.5)


async def test_certificates_are_verified_by_default(transport: PooledTransport, server_tls: ssl.SSLContext) -> None:
    """A server whose certificate authority is not trusted gets no request."""
    async with serve(at_once, tls=server_tls) as server:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await get(transport, server.url)
        assert server.requests == []


async def test_an_own_certificate_authority_is_heeded(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    """With `verify`, requests go over TLS, all connections with that one context."""
    async with serve(at_once, tls=server_tls) as server, PooledTransport(3, verify=client_tls) as transport:
        assert await asyncio.gather(*(get(transport, server.url) for _ in range(9))) == [b"hello"] * 9
        assert server.connections_opened <= 3


async def test_ssl_cert_file_is_heeded(
    authority: trustme.CA, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`SSL_CERT_FILE` names a certificate authority, as behind a company's proxy."""
    with authority.cert_pem.tempfile() as file:
        monkeypatch.setenv("SSL_CERT_FILE", file)
        async with serve(at_once, tls=server_tls) as server, PooledTransport() as transport:
            assert await get(transport, server.url) == b"hello"


async def test_http2_where_asked_for(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    """With `http2=True` a server that speaks it gets HTTP/2, and the debug log of its library no header."""
    server_tls.set_alpn_protocols(["h2"])

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    connection.send_headers(event.stream_id, [(":status", "200"), ("content-length", "5")])
                    connection.send_data(event.stream_id, b"hello", end_stream=True)
            writer.write(connection.data_to_send())
        writer.close()

    listening = await asyncio.start_server(speak, "127.0.0.1", 0, ssl=server_tls)
    url = f"https://localhost:{listening.sockets[0].getsockname()[1]}"
    async with listening, PooledTransport(3, verify=client_tls, http2=True) as transport:
        request = httpx.Request("GET", url)
        response = await transport.handle_async_request(request)
        assert (await response.aread(), response.http_version) == (b"hello", "HTTP/2")
        await response.aclose()
        assert await get(transport, url) == b"hello"
        assert (transport.connections_busy, transport.connections_idle) == (0, 1)
    assert not logging.getLogger("hpack.hpack").isEnabledFor(logging.DEBUG)
