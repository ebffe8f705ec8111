"""One client's connection, from the socket up to the ASGI layers."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adjust_async.emulator.http.stats import Stats

_EXTENSION = "adjust_async.emulator"


class Connection:
    """A request's access to its connection: it can wait until the client disconnects, or close it."""

    __slots__ = ("_closed", "_transport", "_waiter")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    @classmethod
    def of(cls, scope: Any) -> "Connection":
        """Return the connection of a request, from its ASGI scope."""
        connection: Connection = scope["extensions"][_EXTENSION]["connection"]
        return connection

    async def sleep(self, seconds: float | None) -> bool:
        """Wait `seconds`, or forever with None, but only while the client is connected. Return whether it still is.

        It uses a future and a timer because a thousand requests may sleep at once. One waiter is enough, as a
        connection handles one request at a time.
        """
        if self._closed:
            return False
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, _wake, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
        return not self._closed

    async def abort(self) -> None:
        """Close at once, discarding unsent data. Returns once the connection is closed."""
        self._transport.abort()
        await self.sleep(None)

    async def close(self) -> None:
        """Send what was written, then close. Returns once the connection is closed."""
        self._transport.close()
        await self.sleep(None)

    def lost(self) -> None:
        """Wake the waiting request, because its client has disconnected."""
        self._closed = True
        if self._waiter is not None:
            _wake(self._waiter)


def connection_protocol(stats: Stats) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol, extended to count connections in `stats` and pass them to the application."""

    class ConnectionProtocol(HttpToolsProtocol):
        connection: Connection

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's signature
            super().connection_made(transport)
            # Config(access_log=False) would remove the handlers of a logger that the whole process shares.
            self.access_log = False
            self.connection = Connection(transport)
            stats.connection_opened()

        def connection_lost(self, exc: Exception | None) -> None:
            # Uvicorn first: a request that wakes up must find itself marked as disconnected.
            super().connection_lost(exc)
            stats.connection_closed()
            self.connection.lost()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope["extensions"] = {_EXTENSION: {"connection": self.connection}}

    return ConnectionProtocol


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
