"""A raw server on loopback, which lets a test control a connection byte by byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs


@attrs.define
class RawRequest:
    """A received request: the head as text, and the body."""

    head: str
    body: bytes

    @property
    def line(self) -> str:
        """Return the request line."""
        return self.head.partition("\r\n")[0]


Handler = Callable[[RawRequest, asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = b"{}", *, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """Return an HTTP/1.1 response; `length` replaces the true length of the body."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body


@attrs.define
class RawServer:
    """What the server received."""

    url: str = ""
    connections_opened: int = 0
    connections_open: int = 0
    max_connections_open: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    requests: list[RawRequest] = attrs.field(factory=list)
    #: For each request, the number of its connection.
    connection_of: list[int] = attrs.field(factory=list)

    async def all_closed(self) -> None:
        """Wait until no connection is open, which the server notices a moment after the client."""
        async with asyncio.timeout(60):
            while self.connections_open:
                await asyncio.sleep(0)


async def _read_request(reader: asyncio.StreamReader) -> RawRequest | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    length = 0
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
    try:
        return RawRequest(head, await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None  # as after a cancellation


@asynccontextmanager
async def serve(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve on a free port; `handler` writes the response, and may close or abort the connection."""
    server = RawServer()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        server.connections_opened += 1
        number = server.connections_opened
        server.connections_open += 1
        server.max_connections_open = max(server.max_connections_open, server.connections_open)
        try:
            while (request := await _read_request(reader)) is not None:
                server.requests.append(request)
                server.connection_of.append(number)
                server.in_flight += 1
                server.max_in_flight = max(server.max_in_flight, server.in_flight)
                try:
                    await handler(request, writer)
                    await writer.drain()
                finally:
                    server.in_flight -= 1
                if writer.is_closing():
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass  # asyncio logs what a connection's task raises, even at the end of a test
        finally:
            server.connections_open -= 1
            tasks.discard(task)
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://{'localhost' if tls else '127.0.0.1'}:{port}"
    try:
        yield server
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(list(tasks))
        await listening.wait_closed()
