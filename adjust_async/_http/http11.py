"""One connection that speaks HTTP/1.1: h11 knows the protocol, asyncio moves the bytes, httpx's types are the face.

httpcore does the same, with twice the CPU time of a request: each step of it is traced, locked and read through anyio.
"""

import asyncio
import select
import socket
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any, Self, cast

import h11
import httpx

from adjust_async._http.sockets import connected_socket

__all__ = ["Http11Connection"]

#: Bytes of an answer's head that are waited for; one that is longer, and not here already, is refused.
LONGEST_HEAD = 100 * 1024

#: Bytes that may wait for their reader before the service is held up.
READ_AHEAD = 64 * 1024

#: Bytes of a body that its reader gets at a time, so that working on one holds the event loop up for a moment only.
PIECE = 64 * 1024


class Http11Connection(asyncio.Protocol):
    """A connection to one origin, for one request at a time. Its errors are those that httpx documents.

    `reusable` and `usable` say whether it can take the next request; where it can't, it must be closed.
    """

    def __init__(self, keepalive_expiry: float) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self._keepalive_expiry = keepalive_expiry
        self._expires = 0.0
        self._transport: asyncio.Transport
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._unread = 0
        self._paused = False
        self._full = False
        self._ended = False
        self._error: Exception | None = None

    @classmethod
    async def open(cls, request: httpx.Request, tls: ssl.SSLContext | None, keepalive_expiry: float) -> Self:
        """Connect to the origin of a request.

        Args:
            request: Its `connect` timeout bounds the whole of it.
            tls: What certificates are verified with; `None` for plain http.
            keepalive_expiry: Seconds without use after which the connection is not usable any more.

        Raises:
            httpx.ConnectError: The host is not known, or refused, or its certificate is not trusted.
            httpx.ConnectTimeout: It took too long.
        """
        host = request.url.raw_host.decode("ascii")
        port = request.url.port or (80 if tls is None else 443)
        name = request.extensions.get("sni_hostname") or host
        seconds = request.extensions.get("timeout", {}).get("connect")
        try:
            async with asyncio.timeout(seconds):
                return await cls._over(await connected_socket(host, port), name, tls, keepalive_expiry)
        except TimeoutError as error:
            message = str(error) or f"there was no connection to {host} within {seconds} s"
            raise httpx.ConnectTimeout(message, request=request) from error
        except (OSError, ValueError) as error:  # the latter for a host that can't be the name of one
            raise httpx.ConnectError(str(error), request=request) from error

    @classmethod
    async def _over(cls, connected: socket.socket, name: str, tls: ssl.SSLContext | None, expiry: float) -> Self:
        if tls is not None:
            tls.set_alpn_protocols(["http/1.1"])  # as httpx does: a context may have been made for HTTP/2
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: cls(expiry), sock=connected, ssl=tls, server_hostname=None if tls is None else name
            )
        except ValueError:  # for which asyncio does not close it
            connected.close()
            raise
        return connection

    @property
    def reusable(self) -> bool:
        """Whether the last answer left it open for another request."""
        return self._h11.our_state is h11.IDLE and not self._ended

    @property
    def usable(self) -> bool:
        """Whether another request can be sent now: nothing came since the last answer, and it is not too old."""
        return (
            self._h11.our_state is h11.IDLE
            and not self._ended
            and not self._unread
            and time.monotonic() < self._expires
            and not _is_readable(self._transport.get_extra_info("socket"))
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and give its answer as soon as the head is there."""
        timeouts = request.extensions.get("timeout", {})
        await self._send(request, timeouts.get("write"))
        head = await self._receive_head(request, timeouts.get("read"))
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(self, request, timeouts.get("read")),
            extensions={"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason},
        )

    def abort(self) -> None:
        """Close at once: HTTP has said already what is whole. asyncio closes the socket in the loop's next round."""
        self._error = self._error or ConnectionAbortedError("the connection was closed on this side")
        self._transport.abort()

    @property
    def _ending(self) -> bool:
        return self._ended or self._transport.is_closing()

    # Sending

    async def _send(self, request: httpx.Request, timeout: float | None) -> None:
        try:
            head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            piece = self._h11.send(head)
            async for content in cast("httpx.AsyncByteStream", request.stream):
                if content:
                    await self._write(piece + self._h11.send(h11.Data(content)), request, timeout)
                    piece = b""
                    if self._ending:
                        return  # a service may answer and close before it has taken all: the answer is what counts
            piece += self._h11.send(h11.EndOfMessage())
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from error
        if piece:
            await self._write(piece, request, timeout)

    async def _write(self, piece: bytes, request: httpx.Request, timeout: float | None) -> None:
        if self._ending:
            return
        self._transport.write(piece)
        if self._full:
            self._writer = asyncio.get_running_loop().create_future()
            try:
                await _within(timeout, self._writer)
            except TimeoutError as error:
                raise httpx.WriteTimeout(f"the request was not taken within {timeout} s", request=request) from error

    # Receiving

    async def _receive_head(self, request: httpx.Request, timeout: float | None) -> h11.Response:
        while True:
            event = await self.next_event(request, timeout)
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("the service went over to another protocol", request=request)

    async def next_event(self, request: httpx.Request, timeout: float | None) -> h11.Event | type[h11.PAUSED]:
        """Wait for the next part of the answer."""
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error), request=request) from error
            if event is h11.NEED_DATA:
                await self._receive(request, timeout)
                continue
            if type(event) is h11.EndOfMessage:
                if self._paused:  # the TLS layer may hold something that came since, and lets go of it in this round
                    self._resume_reading()
                    await asyncio.sleep(0)
                self._finish()
            return event  # type: ignore[return-value] # mypy does not narrow sentinels

    async def _receive(self, request: httpx.Request, timeout: float | None) -> None:
        self._unread = 0
        if self._ended:
            self._receive_end(request)
            return
        if self._paused:
            self._resume_reading()
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await _within(timeout, self._reader)
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"nothing came for {timeout} s", request=request) from error

    def _receive_end(self, request: httpx.Request) -> None:
        if self._error is not None:
            raise httpx.ReadError(str(self._error), request=request) from self._error
        if self._h11.their_state is h11.SEND_RESPONSE:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        self._h11.receive_data(b"")

    def _finish(self) -> None:
        """Make ready for the next request, where both sides are done, and nothing came that was not asked for."""
        surplus, _ = self._h11.trailing_data
        if self._h11.our_state is self._h11.their_state is h11.DONE and not surplus:
            self._h11.start_next_cycle()
            self._unread = 0
            self._expires = time.monotonic() + self._keepalive_expiry

    def _resume_reading(self) -> None:
        self._paused = False
        self._transport.resume_reading()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, and hold the service up where nobody reads it."""
        self._h11.receive_data(data)
        self._unread += len(data)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
        elif self._unread > READ_AHEAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """Learn that nothing more will come. asyncio closes the connection for it."""
        self._ended = True
        _wake(self._reader)
        _wake(self._writer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Learn that the connection is gone, in order where `exc` is `None`."""
        if not self._ended:
            self._ended = True
            self._error = self._error or exc
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        """Learn that the service takes no more for now."""
        self._full = True

    def resume_writing(self) -> None:
        """Learn that it does again."""
        self._full = False
        _wake(self._writer)


class _Body(httpx.AsyncByteStream):
    """The body of an answer, as it arrives. Who closes it early must close its connection."""

    def __init__(self, connection: Http11Connection, request: httpx.Request, timeout: float | None) -> None:
        self._connection = connection
        self._request = request
        self._timeout = timeout

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._connection.next_event(self._request, self._timeout), h11.Data):
            content = memoryview(event.data)
            for start in range(0, len(content), PIECE):
                yield content[start : start + PIECE].tobytes()


async def _within(seconds: float | None, waiter: asyncio.Future[None]) -> None:
    """Wait, as within `asyncio.timeout`, at a third of its cost."""
    if seconds is None:
        await waiter
        return
    timer = asyncio.get_running_loop().call_later(seconds, _expire, waiter)
    try:
        await waiter
    finally:
        timer.cancel()


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _is_readable(connection: Any) -> bool:
    """Ask the system, which knows of a connection's end before the event loop has come to it."""
    if connection is None:  # asyncio has let go of it
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
