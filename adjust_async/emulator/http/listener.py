"""Uvicorn's protocol inside the caller's event loop: it stops quickly, logs nothing, and leaves signals alone."""

import asyncio
import contextlib
import errno
import os
import socket
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from adjust_async.emulator.http.connections import connection_protocol
from adjust_async.emulator.http.stats import Stats

LOOPBACK = "127.0.0.1"
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 # for containers, on request

_BACKLOG = 2048


class Listener:
    """Serves one bound socket. When it stops, it drops its clients at once and calls `finish`.

    It does not use `uvicorn.Server`, which polls, logs each start and stop, and waits for running requests.
    """

    def __init__(self, app: ASGIApp, stats: Stats, finish: Callable[[], Awaitable[None]]) -> None:
        self._config = uvicorn.Config(
            app,
            http=connection_protocol(stats),
            ws="none",
            lifespan="off",
            interface="asgi3",
            proxy_headers=False,
            server_header=False,
            log_config=None,
            # Generating figures may block the loop for seconds, which must not close idle connections.
            timeout_keep_alive=300,
        )
        self._config.load()
        self._state = ServerState()
        self._finish = finish
        self._bound: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def start(self, bound: socket.socket) -> None:
        """Serve on the socket, which is closed with the server."""
        loop = asyncio.get_running_loop()
        self._bound = bound
        self._tick(loop)
        try:
            self._server = await loop.create_server(self._protocol, sock=bound, backlog=_BACKLOG)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close the socket and all connections. Returns once none of their tasks is left.

        This takes a few rounds of the loop. A cancellation waits for them, because it would leave sockets open.
        """
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._shut_down(), name="the end of the adjust emulator")
        cancelled: asyncio.CancelledError | None = None
        while not self._stopping.done():
            try:
                await asyncio.wait([self._stopping])
            except asyncio.CancelledError as error:
                cancelled = error
        self._stopping.result()
        if cancelled is not None:
            raise cancelled

    def _protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self._config.http_protocol_class(  # type: ignore[call-arg] # any of uvicorn's
            config=self._config, server_state=self._state, app_state={}
        )
        return protocol

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refresh the Date header once a second."""
        self._state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]
        self._clock = loop.call_later(1, self._tick, loop)

    async def _shut_down(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
        if self._bound is not None:
            with contextlib.suppress(NotImplementedError):  # on Windows
                asyncio.get_running_loop().remove_reader(self._bound.fileno())
            # Accepted sockets become connections only in one of the next rounds of the loop. If the server is closed
            # before, asyncio forgets such a socket, and leaves it open.
            for _ in range(3):
                await asyncio.sleep(0)
        if self._server is not None:
            self._server.close()
        if self._bound is not None:
            self._bound.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        # One more round, in which the protocols notice it and wake their requests.
        await asyncio.sleep(0)
        if self._state.tasks:
            await asyncio.wait(list(self._state.tasks))
        await self._finish()
        if self._server is not None:
            await self._server.wait_closed()


def bind(host: str, port: int) -> socket.socket:
    """Bind a port of an IPv4 address; 0 binds a free one. Raises `OSError` for a port in use."""
    # asyncio disables Nagle's algorithm only if the protocol is named, which socket.create_server does not do.
    # Otherwise each answer, which has a head and a body, would wait 40 ms for the client's delayed acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if error.errno != errno.EADDRINUSE:
            raise
        message = f"Port {port} of {host} is in use; stop what listens there, or pass port=0 for a free port"
        raise OSError(errno.EADDRINUSE, message) from error
    return bound
