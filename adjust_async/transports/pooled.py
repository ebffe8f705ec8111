"""The pooled HTTP transport.

httpcore's own pool scans all its connections and requests at each start and end of a request, which at fifty
connections costs ten times what the request does, and a request that is cancelled while it queues in there can take
a connection with it. So nothing queues in there: this pool keeps many httpx transports of one connection each
("lanes"), and hands every request a lane that is free.
"""

import asyncio
import logging
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx

from adjust_async._checks import check_whole_number
from adjust_async._http.http11 import Http11Connection
from adjust_async.config import is_loopback

__all__ = ["PooledTransport"]

T = TypeVar("T")


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int | None


#: HTTP/2 and proxies are left to httpx, whose transport has a pool of one connection then.
_Lane: TypeAlias = Http11Connection | httpx.AsyncHTTPTransport


class _Lanes:
    """The lanes to one origin: a slot for each request that may be under way, and the lanes that are free."""

    def __init__(self, max_connections: int) -> None:
        self.slots = anyio.Semaphore(max_connections, fast_acquire=True)
        #: With the time since when each is free, the one that was used last at the end.
        self.free: deque[tuple[_Lane, float]] = deque()
        self.busy: set[_Lane] = set()
        #: Of what `aclose` can't end by closing a lane.
        self.scopes: set[asyncio.Timeout] = set()


class _LaneStream(httpx.AsyncByteStream):
    """The body of an answer, which gives its lane back when it is closed."""

    def __init__(
        self,
        stream: httpx.AsyncByteStream,
        lane: _Lane,
        give_back: Callable[[_Lane, bool], Awaitable[None]],
    ) -> None:
        self._stream = stream
        self._lane = lane
        self._give_back = give_back
        self._read = False
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except BaseException:  # as httpx does: who reads it may leave it there
            await self.aclose()
            raise
        self._read = True

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        whole = False
        try:
            await self._stream.aclose()
            whole = self._read
        finally:
            await self._give_back(self._lane, whole)


class PooledTransport(httpx.AsyncBaseTransport):
    """An httpx transport that stays fast with all its connections busy.

    `AsyncAdjust` makes one by itself; make your own to set what it has no argument for, such as a certificate
    authority or HTTP/2, and give it as `AsyncAdjust(transport=...)`. It may serve any `httpx.AsyncClient`.

    Args:
        max_connections: Connections to one origin at the same time. A request beyond them waits, for as long as the
            `pool` timeout of the request allows, and then gets `httpx.PoolTimeout`.
        verify: How certificates are verified, such as by a certificate authority of your own. By default as httpx
            does, which heeds `SSL_CERT_FILE` and `SSL_CERT_DIR`.
        http2: Offer HTTP/2 (extra `http2`). Each connection carries one request at a time all the same.
        proxy: The URL of a proxy for all requests.
        trust_env: Where no `proxy` is given, take it from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
            Requests to this machine never go over a proxy from the environment.
        keepalive_expiry: Seconds after which a connection that nobody used is not used again; it is closed when the
            next request to its origin ends.

    Raises:
        ConfigurationError: `max_connections` is below 1.
    """

    def __init__(
        self,
        max_connections: int = 50,
        *,
        verify: ssl.SSLContext | None = None,
        http2: bool = False,
        proxy: str | None = None,
        trust_env: bool = True,
        keepalive_expiry: float = 20.0,
    ) -> None:
        check_whole_number(max_connections, "max_connections")
        self._max_connections = max_connections
        self._verify = verify
        self._http2 = http2
        self._proxy = proxy
        self._trust_env = trust_env
        self._keepalive_expiry = keepalive_expiry
        self._origins: dict[_Origin, _Lanes] = {}
        self._making_context = asyncio.Lock()
        self._closed = False
        if http2:
            # It writes every header, and so the API token, to its debug log.
            logging.getLogger("hpack").setLevel(logging.INFO)

    @property
    def connections_busy(self) -> int:
        """How many connections carry a request."""
        return sum(len(lanes.busy) for lanes in self._origins.values())

    @property
    def connections_idle(self) -> int:
        """How many connections are kept for the next request."""
        return sum(len(lanes.free) for lanes in self._origins.values())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on the connection that was used last of those that are free, or on a new one."""
        origin = _Origin(request.url.scheme, request.url.host, request.url.port)
        lanes = self._origins.get(origin)
        if lanes is None:
            lanes = self._origins[origin] = _Lanes(self._max_connections)
        await self._take_slot(lanes, request)
        lane: _Lane | None = None
        try:
            lane = self._take_lane(lanes)
            if lane is None:
                self._check_open(request)
                lane = await self._until_closed(lanes, self._open(origin, request), httpx.ConnectError, request)
                self._check_open(request)
            lanes.busy.add(lane)
            answering = lane.handle_async_request(request)
            if not isinstance(lane, Http11Connection):  # whose end ends its requests, where one of httpx may hang
                answering = self._until_closed(lanes, answering, httpx.ReadError, request)
            response = await answering
        except BaseException:  # a cancellation too must not take the slot with it
            await self._give_back(lanes, lane, whole=False)
            raise
        stream = cast("httpx.AsyncByteStream", response.stream)
        response.stream = _LaneStream(stream, lane, partial(self._give_back, lanes))
        return response

    async def aclose(self) -> None:
        """Close every connection. A request that is under way fails with an `httpx.TransportError`."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        closing: list[_Lane] = []
        for lanes in self._origins.values():
            for scope in lanes.scopes:
                if not scope.expired():
                    scope.reschedule(now)
            closing += [lane for lane, _ in lanes.free]
            closing += lanes.busy
            lanes.free.clear()
        await _close(closing)

    async def _until_closed(
        self, lanes: _Lanes, work: Coroutine[Any, Any, T], error: type[httpx.NetworkError], request: httpx.Request
    ) -> T:
        """Wait for something that `aclose` ends, with the error given."""
        try:
            async with asyncio.timeout(None) as scope:
                lanes.scopes.add(scope)
                try:
                    return await work
                finally:
                    lanes.scopes.discard(scope)
        except TimeoutError:
            raise error("the transport was closed", request=request) from None

    def _check_open(self, request: httpx.Request) -> None:
        if self._closed:
            raise httpx.ConnectError("the transport is closed", request=request)

    async def _take_slot(self, lanes: _Lanes, request: httpx.Request) -> None:
        try:
            lanes.slots.acquire_nowait()
        except anyio.WouldBlock:
            self._check_open(request)
            await self._until_closed(lanes, self._wait_for_slot(lanes, request), httpx.ConnectError, request)

    async def _wait_for_slot(self, lanes: _Lanes, request: httpx.Request) -> None:
        seconds = request.extensions.get("timeout", {}).get("pool")
        try:
            with anyio.fail_after(seconds):
                await lanes.slots.acquire()
        except TimeoutError:
            message = f"all {self._max_connections} connections stayed busy for {seconds} s"
            raise httpx.PoolTimeout(message, request=request) from None

    def _take_lane(self, lanes: _Lanes) -> _Lane | None:
        """Take the free lane that was used last, if there is one; those that the service has closed are dropped."""
        while lanes.free:
            lane, _ = lanes.free.pop()
            if not isinstance(lane, Http11Connection) or lane.usable:
                return lane
            lane.abort()
        return None

    async def _give_back(self, lanes: _Lanes, lane: _Lane | None, whole: bool) -> None:
        """End a request: keep its lane where the answer was read to the end, close it otherwise."""
        now = time.monotonic()
        closing: list[_Lane] = []
        if lane is not None:
            lanes.busy.discard(lane)
            if whole and not self._closed and (not isinstance(lane, Http11Connection) or lane.reusable):
                lanes.free.append((lane, now))
            else:
                closing.append(lane)
        # The lane used last is taken first, so that those which a burst left over gather at the other end.
        while lanes.free and now - lanes.free[0][1] > self._keepalive_expiry:
            closing.append(lanes.free.popleft()[0])
        lanes.slots.release()
        if closing:
            await _close(closing)

    async def _open(self, origin: _Origin, request: httpx.Request) -> _Lane:
        if origin.scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol(f"the URL has the protocol {origin.scheme!r}", request=request)
        try:
            tls = await self._verifying_context() if origin.scheme == "https" else None
        except OSError as error:
            raise httpx.ConnectError(f"the trusted certificates can't be read: {error}", request=request) from error
        proxy = self._proxy or self._proxy_from_environment(origin)
        expiry = self._keepalive_expiry
        if not proxy and not self._http2:
            return await Http11Connection.open(request, tls, expiry)
        # Where no TLS is wanted httpx would read the trust store all the same: this context trusts nobody.
        context = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=expiry)
        try:
            return httpx.AsyncHTTPTransport(verify=context, http2=self._http2, proxy=proxy, limits=limits)
        except (ValueError, ImportError) as error:
            raise httpx.UnsupportedProtocol(f"the proxy from the environment can't be used: {error}") from error

    async def _verifying_context(self) -> ssl.SSLContext:
        """Give the one TLS context that all lanes share, made in a thread: reading the trust store takes 30 ms."""
        if self._verify is None:
            async with self._making_context:
                if self._verify is None:
                    self._verify = await asyncio.to_thread(httpx.create_ssl_context)
        return self._verify

    def _proxy_from_environment(self, origin: _Origin) -> str | None:
        if not self._trust_env or is_loopback(origin.host):
            return None
        port = origin.port or (443 if origin.scheme == "https" else 80)
        if proxy_bypass(f"{origin.host}:{port}"):
            return None
        proxies = getproxies()
        proxy = proxies.get(origin.scheme) or proxies.get("all")
        return f"http://{proxy}" if proxy and "://" not in proxy else proxy


async def _close(lanes: Iterable[_Lane]) -> None:
    """Close all of them, also where this is cancelled meanwhile."""
    of_httpx = []
    for lane in lanes:
        if isinstance(lane, Http11Connection):
            lane.abort()
        else:
            of_httpx.append(lane.aclose())
    if of_httpx:
        await asyncio.shield(asyncio.gather(*of_httpx, return_exceptions=True))
    else:
        await asyncio.sleep(0)  # in which asyncio closes the sockets
