"""The other ends of connections in the tests of transports, and requests to them."""

import asyncio
import importlib
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from typing import Any

import h2.config
import h2.connection
import h2.events
import httpx
import trustme

from adjust_async.transports import never_sent
from tests.loopback import RawRequest, RawServer, answer
from tests.peer import Listener, Peer, listening

KINDS = ["PooledTransport", "AiohttpTransport"]

#: Values of `anyio_backend`.
LOOPS = [("asyncio", {"use_uvloop": uvloop}) for uvloop in ((False, True) if find_spec("uvloop") else (False,))]

Script = Callable[[Peer], Coroutine[Any, Any, None]]


def make(kind: str, *arguments: Any, **settings: Any) -> httpx.AsyncBaseTransport:
    """Return a transport of either kind."""
    transport = getattr(importlib.import_module("adjust_async.transports"), kind)(*arguments, **settings)
    assert isinstance(transport, httpx.AsyncBaseTransport)
    return transport


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Listener]:
    """Do to each connection what a script says; the connection stays open if the script ends without closing it."""
    with listening() as listener:

        async def accept() -> None:
            async with asyncio.TaskGroup() as group:
                while True:
                    group.create_task(script(await listener.accept()), name="peer")

        accepting = asyncio.create_task(accept(), name="peer")
        try:
            yield listener
        finally:
            accepting.cancel()
            await asyncio.wait([accepting])


async def send(
    transport: httpx.AsyncBaseTransport,
    url: str,
    method: str = "GET",
    *,
    content: Any = None,
    **timeouts: float,
) -> bytes:
    """Send a request as a client would. Return the body of its answer."""
    request = httpx.Request(method, url, content=content, extensions={"timeout": timeouts})
    response = await transport.handle_async_request(request)
    try:
        return await response.aread()
    finally:
        await response.aclose()


async def failure(
    transport: httpx.AsyncBaseTransport, url: str, method: str = "POST", **settings: Any
) -> httpx.TransportError:
    """Return the error with which a request ends."""
    try:
        async with asyncio.timeout(60):
            body = await send(transport, url, method, **{"pool": 5.0, **settings})
    except httpx.TransportError as error:
        return error
    raise AssertionError(f"the request was answered {body!r}")


def tasks() -> set[asyncio.Task[Any]]:
    """Return the running tasks, except for those at the other end."""
    theirs = ("'peer'", "serve.<locals>.connected", "_accept_connection2")
    return {task for task in asyncio.all_tasks() if not any(name in repr(task) for name in theirs)}


async def settled(count: Callable[[], int], wanted: int) -> None:
    """Wait until something drops to a number, which the other end notices a moment later."""
    async with asyncio.timeout(60):
        while count() > wanted:
            await asyncio.sleep(0)


async def relay(
    target: str, peer: Peer, *, heads: list[bytes] | None = None, alter: Callable[[bytes], bytes] = bytes
) -> None:
    """Act as a proxy that opens a tunnel; either end of it ends the other. `alter` changes what comes back."""
    head = await peer.take()
    if not head:
        peer.close()
        return
    if heads is not None:
        heads.append(head)
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(target).port)

    async def back() -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await peer.send(alter(data))
            peer.finish()

    backwards = asyncio.create_task(back(), name="peer")
    try:
        with suppress(ConnectionError):
            await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
            while data := await peer.take():
                writer.write(data)
    finally:
        backwards.cancel()
        writer.close()
        await asyncio.wait([backwards])
        peer.close()


def server_tls(authority: trustme.CA, host: str = "localhost") -> ssl.SSLContext:
    """Return TLS for a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


@asynccontextmanager
async def serving_http2(
    tls: ssl.SSLContext, reply: Callable[[Any, int], bytes], *, once: bool = False
) -> AsyncIterator[tuple[str, list[int]]]:
    """Serve HTTP/2. Yield the URL, and the numbers of open and of opened connections.

    With `once`, each connection is closed after its first reply.
    """
    tls.set_alpn_protocols(["h2"])
    counts = [0, 0]

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counts[0] += 1
        counts[1] += 1
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        try:
            while data := await reader.read(65536):
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.StreamEnded):
                        writer.write(reply(connection, event.stream_id))
                        if once:
                            await writer.drain()
                            writer.transport.abort()  # a proper end of TLS would wait for the client
                            await writer.wait_closed()
                            return
                writer.write(connection.data_to_send())
        except ConnectionError:
            pass
        finally:
            counts[0] -= 1
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    async with listening:
        yield f"https://localhost:{listening.sockets[0].getsockname()[1]}", counts


def hello(connection: Any, stream: int, body: bytes = b"hello") -> bytes:
    """Answer a request over HTTP/2."""
    connection.send_headers(stream, [(":status", "200"), ("content-length", str(len(body)))])
    connection.send_data(stream, body, end_stream=True)
    return bytes(connection.data_to_send())


class Case:
    """A transport of one connection, with every failure provoked twice: a lost slot would show."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self.transport = transport
        self._tasks = tasks()

    async def failure(self, url: str, kinds: Any, *, unsent: bool, **settings: Any) -> httpx.TransportError:
        """Send twice, and check how that ends and that everything is released."""
        errors = [await self._failure(url, kinds, unsent, settings) for _ in range(2)]
        return errors[0]

    async def _failure(self, url: str, kinds: Any, unsent: bool, settings: dict[str, Any]) -> httpx.TransportError:
        error = await failure(self.transport, url, **settings)
        assert issubclass(type(error), kinds), repr(error)
        assert never_sent(error) is unsent, repr(error)
        assert str(error)
        assert getattr(self.transport, "connections_busy", 0) == 0
        assert tasks() == self._tasks
        return error


async def reset_at_once(peer: Peer) -> None:
    """Reset the connection at once."""
    peer.reset()


async def silent(_: Peer) -> None:
    """Accept."""


def replying(reply: bytes, end: Callable[[Peer], None] | None = None) -> Script:
    """Make a script that reads the request, sends a reply, and ends as told."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(reply)
        if end is not None:
            end(peer)

    return script


async def at_once(_: RawRequest, writer: asyncio.StreamWriter) -> None:
    """Answer every request."""
    writer.write(answer(b"hello"))


async def burst(transport: httpx.AsyncBaseTransport, server: RawServer, release: asyncio.Event, most: int) -> None:
    """Open as many connections as allowed."""
    sending = [asyncio.create_task(send(transport, f"{server.url}/burst")) for _ in range(most)]
    while server.in_flight < most:
        await asyncio.sleep(0)
    release.set()
    assert await asyncio.gather(*sending) == [b"hello"] * most
