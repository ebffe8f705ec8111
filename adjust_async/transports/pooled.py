"""The pooled transport.

httpcore's own pool scans all its connections and requests at each start and end of a request. With fifty connections
that costs ten times as much as the request itself. Also, a request that is cancelled in its queue can leak a
connection. So nothing queues there: each request gets an idle lane with one connection.
"""

import asyncio
import logging
import math
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, cast

import httpx

from adjust_async._checks import check_bool, check_whole_number, shown
from adjust_async.errors import ConfigurationError
from adjust_async.transports.attempts import Attempt, Attempts
from adjust_async.transports.httpcore_failures import BROKEN, broken_answer, failure_of
from adjust_async.transports.lanes import Lane, Lanes
from adjust_async.transports.origins import Origin, origin_of
from adjust_async.transports.proxies import Proxies
from adjust_async.transports.trust import Trust

__all__ = ["PooledTransport"]

PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})


class PooledTransport(httpx.AsyncBaseTransport):
    """An httpx transport that stays fast with all its connections in use. The default of `AsyncAdjust`.

    Create one for settings that `AsyncAdjust` has no argument for, such as a certificate authority or HTTP/2:

        AsyncAdjust(http_client=httpx.AsyncClient(transport=PooledTransport(verify=context)))

    It raises only httpx's errors, except for those of the request's own body. `ConnectError`, `ConnectTimeout`,
    `PoolTimeout`, `ProxyError`, `LocalProtocolError` and `UnsupportedProtocol` mean that no byte of the request was
    sent. After all others it may have been sent. The `connect` timeout covers everything before that: the name lookup,
    the TLS handshake, and the proxy.

    Args:
        max_connections: The maximum number of connections to one origin. A further request waits for up to its `pool`
            timeout, and then fails with `httpx.PoolTimeout`.
        verify: The TLS context that verifies certificates, such as one with your own certificate authority. By default
            httpx's, which uses `SSL_CERT_FILE` and `SSL_CERT_DIR`.
        http2: Whether to offer HTTP/2 (extra `http2`). Each connection still carries one request at a time.
        proxy: The URL of an http, https or SOCKS 5 proxy for all requests; none by default.
        trust_env: Whether to take the proxy, if none is passed, from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
            `NO_PROXY`, which are read at the first request to an origin. Requests to this machine never use a proxy
            from the environment. It also decides whether `SSL_CERT_FILE` and `SSL_CERT_DIR` are used.
        keepalive_expiry: Seconds after which an idle connection is closed; `None` for never.

    Raises:
        ConfigurationError: An argument is wrong, or h2 is not installed for `http2`. A request raises it if the proxy
            from the environment can't be used.
    """

    def __init__(
        self,
        max_connections: int = 50,
        *,
        verify: ssl.SSLContext | None = None,
        http2: bool = False,
        proxy: str | None = None,
        trust_env: bool = True,
        keepalive_expiry: float | None = 20.0,
    ) -> None:
        __tracebackhide__ = True
        self._closed = True  # until all arguments are checked
        self._attempts = Attempts(check_whole_number(max_connections, "max_connections"))
        self._proxies = Proxies(proxy, PROXY_SCHEMES, trust_env=check_bool(trust_env, "trust_env"))
        self._trust = Trust(verify, trust_env=trust_env)
        self._http2 = check_bool(http2, "http2")
        self._expiry = _check_expiry(keepalive_expiry)
        self._lanes: dict[Origin, Lanes] = {}
        if http2:
            if find_spec("h2") is None:
                raise ConfigurationError("http2=True needs h2: pip install 'adjust_async[http2]'")
            # It writes every header, and so the API token, to its debug log.
            logging.getLogger("hpack").setLevel(logging.INFO)
        self._closed = False

    @property
    def connections_busy(self) -> int:
        """The number of connections that carry a request."""
        return sum(len(lanes.busy) for lanes in self._lanes.values())

    @property
    def connections_idle(self) -> int:
        """The number of connections kept for later requests."""
        return sum(len(lanes.idle) for lanes in self._lanes.values())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on the idle connection that was used most recently, or on a new one.

        Returns:
            The response, once its head has arrived. Closing it frees the connection.

        Raises:
            ConfigurationError: The proxy from the environment can't be used.
            httpx.TransportError: There was no answer. The class describes which errors mean that nothing was sent.
        """
        origin = origin_of(request)
        proxy = self._proxies.of(origin)
        lanes = self._lanes.get(origin)
        if lanes is None:
            lanes = self._lanes[origin] = Lanes(self._expiry)
        await self._attempts.take_slot(origin, request)
        lane: Lane | None = None
        attempt = Attempt(self._attempts, request, origin, proxy)
        try:
            async with attempt:
                lane = lanes.take() or await self._open(attempt)
                lanes.busy.add(lane)
                try:
                    response = await lane.send(attempt)
                except Exception as error:
                    failure = failure_of(attempt, error)
                    if failure is error:
                        raise
                    raise failure from error
        except BaseException as error:  # a cancellation must not keep the slot either
            if attempt.was_dead(error):
                lanes.distrust(attempt.started)
            await self._return_lane(origin, lane, whole=False)
            raise
        stream = cast("httpx.AsyncByteStream", response.stream)
        response.stream = _LaneStream(stream, request, partial(self._return_lane, origin, lane))
        return response

    async def aclose(self) -> None:
        """Close every connection, even if cancelled. Requests in flight fail with an `httpx` error."""
        self._closed = True
        self._attempts.end()
        closing = {task for lanes in self._lanes.values() for task in lanes.close()}
        if closing:
            await asyncio.wait(closing)

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if not self._closed and (self.connections_busy or self.connections_idle):
            _warn(f"{self!r} was dropped with open connections: call aclose()", ResourceWarning, source=self)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{self.connections_busy} busy, {self.connections_idle} idle"
        return f"<PooledTransport: {state}>"

    async def _open(self, attempt: Attempt) -> Lane:
        """Make a lane. It connects with its first request."""
        proxy = attempt.proxy
        if "https" in (attempt.origin.scheme, proxy and proxy.scheme):
            tls = await self._trust.context()
        else:  # httpx would read the trust store even for http; this context trusts no one
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        way = None
        if proxy is not None:
            way = httpx.Proxy(proxy.url, ssl_context=tls if proxy.scheme == "https" else None)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None)
        return Lane(httpx.AsyncHTTPTransport(verify=tls, http2=self._http2, limits=limits, proxy=way))

    async def _return_lane(self, origin: Origin, lane: Lane | None, *, whole: bool) -> None:
        """End a request: keep its lane if the answer was read completely, and close it otherwise."""
        lanes = self._lanes[origin]
        try:
            if lane is not None:
                lanes.busy.discard(lane)
                if whole and not self._closed:
                    lanes.keep(lane)
                else:
                    await lane.aclose()
        finally:
            self._attempts.free_slot(origin)


class _LaneStream(httpx.AsyncByteStream):
    """The body of an answer. Closing it returns the lane."""

    def __init__(
        self, stream: httpx.AsyncByteStream, request: httpx.Request, return_lane: Callable[..., Awaitable[None]]
    ) -> None:
        self._stream = stream
        self._request = request
        self._return_lane = return_lane
        self._read = False
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except BROKEN as error:
            await self.aclose()
            failure = broken_answer(self._request, error)
            if failure is error:
                raise
            raise failure from error
        except BaseException:  # as httpx does, since the reader may stop there
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
            await self._return_lane(whole=whole)


def _check_expiry(seconds: object) -> float | None:
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
        raise ConfigurationError(f"keepalive_expiry is {shown(seconds)}: pass seconds, or None for no limit")
    return seconds
