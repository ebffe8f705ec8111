"""The connections of an `AiohttpTransport`: an aiohttp session, set up to send what httpx made and nothing else."""

import asyncio
import math
import socket
import weakref
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from adjust_async.transports.clocks import CLOCK_TOLERANCE, clock_offset
from adjust_async.transports.sockets import is_readable, keep_alive

__all__ = ["Connections"]

#: The headers that httpx has set already, or left out on purpose.
AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

#: Seconds after which an idle connection is closed, as with `PooledTransport`.
KEEPALIVE_EXPIRY = 20.0

#: The maximum size of one header in bytes, as with httpcore. aiohttp's own limit is 8 KiB.
LONGEST_HEADER = 100 * 1024


class Connections:
    """An aiohttp session with its connections, the number of requests on them, and their event loop."""

    def __init__(self) -> None:
        self.requests = 0
        #: The answers whose bodies are being read.
        self.answers: set[aiohttp.ClientResponse] = set()
        self.loop = asyncio.get_running_loop()
        self._made = clock_offset()
        self.session = aiohttp.ClientSession(
            connector=_Connector(
                limit=0,  # the slots limit it
                keepalive_timeout=KEEPALIVE_EXPIRY,
                use_dns_cache=False,  # it would resolve names in tasks that outlive a request
                resolver=aiohttp.ThreadedResolver(),
                socket_factory=_socket,
                timeout_ceil_threshold=math.inf,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=AUTOMATIC_HEADERS,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            trace_configs=[_watch()],
        )

    @property
    def slept(self) -> bool:
        """Whether the machine was suspended, or its clock was set, since the session was made."""
        return abs(clock_offset() - self._made) > CLOCK_TOLERANCE

    async def aclose(self) -> None:
        """Close all connections."""
        for answer in self.answers:
            answer.close()  # closing the session alone would leave the readers of bodies waiting
        await self.session.close()


class _Connector(aiohttp.TCPConnector):
    """Reuses no connection that the service has closed, even if the event loop has not noticed yet.

    aiohttp would fail the request that it is about to write there, and sends only some methods again.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._known = weakref.WeakSet[asyncio.Protocol]()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Return an open connection: a known one without anything to read, or a new one."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = cast("asyncio.Protocol", connection.protocol)
            if protocol not in self._known:
                self._known.add(protocol)
                return connection
            if not is_readable(cast("asyncio.Transport", connection.transport).get_extra_info("socket")):
                return connection
            connection.close()


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    keep_alive(made)
    return made


def _watch() -> aiohttp.TraceConfig:
    """Return a trace that tracks how far a request got."""

    async def connect(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.connect()

    async def reuse(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.reused = True

    async def begin(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.begin()

    config = aiohttp.TraceConfig()
    config.on_connection_create_start.append(connect)
    config.on_connection_reuseconn.append(reuse)
    config.on_request_headers_sent.append(begin)
    return config
