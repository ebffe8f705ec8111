"""Uvicorn inside the caller's event loop: quick to stop, and without a hand on signals or logging."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Awaitable, Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from adjust_async.emulator.http.connections import connection_protocol
from adjust_async.emulator.http.stats import Stats

LOOPBACK = "127.0.0.1"

_BACKLOG = 2048


class Listener(uvicorn.Server):
    """A uvicorn server on a bound socket; told to stop, it drops its clients at once, and `finish` ends the rest."""

    def __init__(self, app: ASGIApp, stats: Stats, finish: Callable[[], Awaitable[None]]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=connection_protocol(stats),
                ws="none",
                lifespan="off",
                interface="asgi3",
                proxy_headers=False,
                server_header=False,
                log_config=None,
                backlog=_BACKLOG,
                # While figures are made the loop may stand still for seconds, which must not cost idle connections.
                timeout_keep_alive=300,
            )
        )
        self._finish = finish
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, bound: socket.socket) -> None:
        """Serve on the socket from now on; it is closed with the server."""
        self._task = asyncio.create_task(self.serve(sockets=[bound]), name="adjust emulator")
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait([ready, self._task], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.stop()
            raise
        finally:
            ready.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Close the socket and all connections, and return when none of their tasks is left.

        It takes a few rounds of the loop; a cancellation waits for them, as it would leave sockets open.
        """
        # Not should_exit: set during the start, some versions of uvicorn skip the shutdown and leak the socket.
        self._stopping.set()
        cancelled: asyncio.CancelledError | None = None
        while self._task is not None and not self._task.done():
            try:
                await asyncio.wait([self._task])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program around."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._ready.set()

    async def main_loop(self) -> None:
        """Refresh the Date header once a second until told to stop; uvicorn itself polls ten times a second."""
        while not self._stopping.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drop every client and wait for their tasks; uvicorn's own shutdown polls and waits for answers."""
        loop = asyncio.get_running_loop()
        for bound in sockets or []:
            with contextlib.suppress(NotImplementedError):  # as on Windows
                loop.remove_reader(bound.fileno())
        # What the loop has accepted already becomes a connection only in one of its next rounds; where the server is
        # closed before, asyncio forgets the socket, and leaves it open.
        for _ in range(3):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for bound in sockets or []:
            bound.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # One round more, in which the protocols learn it and wake their requests.
        await asyncio.sleep(0)
        if self.server_state.tasks:
            await asyncio.wait(list(self.server_state.tasks))
        await self._finish()
        for server in self.servers:
            await server.wait_closed()


def bind(port: int) -> socket.socket:
    """Bind a port of the loopback interface, 0 for a free one. Raises `OSError` for a port in use."""
    # The protocol is named because asyncio turns Nagle's algorithm off only where it is; socket.create_server leaves
    # it out, and each answer, of a head and a body, would wait 40 ms for the client's delayed acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((LOOPBACK, port))
    except OSError as error:
        bound.close()
        if error.errno != errno.EADDRINUSE:
            raise
        message = f"Port {port} of {LOOPBACK} is in use; stop what listens there, or pass port=0 for a free port"
        raise OSError(errno.EADDRINUSE, message) from error
    return bound
