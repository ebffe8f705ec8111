"""The connections to one origin, each in its own pool.

A lane is an `httpx.AsyncHTTPTransport` with one connection that carries one request at a time, so that nothing queues
in httpcore. This module does what httpcore's own pool would do: it tracks which lanes are idle, since when, and which
of them must not be used any more.
"""

import asyncio
import weakref
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import httpcore
import httpx

from adjust_async.transports.attempts import Attempt
from adjust_async.transports.clocks import CLOCK_TOLERANCE, clock_offset
from adjust_async.transports.sockets import has_ended, keep_alive

__all__ = ["Lane", "Lanes"]


class Lane:
    """One connection, opened with its first request."""

    def __init__(self, carrier: httpx.AsyncBaseTransport) -> None:
        self.idle_since = 0.0
        self._carrier = carrier
        self._clock_offset = 0.0
        self._carried = False
        self._http2_socket: Any = None
        self._connecting: Any = None

    async def send(self, attempt: Attempt) -> httpx.Response:
        """Send a request, and return the answer once its head has arrived."""
        request = attempt.request
        attempt.reused = self._carried
        watch = _Watch(self, attempt, request.extensions.get("trace"))
        # A new request, since the caller's object must not change.
        watched = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "trace": watch},
        )
        response = await self._carrier.handle_async_request(watched)
        self._carried = True
        if response.extensions.get("http_version") == b"HTTP/2" and "network_stream" in response.extensions:
            self._http2_socket = response.extensions["network_stream"].get_extra_info("socket")
        return response

    def rest(self, now: float) -> None:
        """Note that the lane is idle from now on."""
        self.idle_since, self._clock_offset = now, clock_offset()

    @property
    def slept(self) -> bool:
        """Whether the machine was suspended or its clock set while the lane was idle, so that its age is unknown."""
        return abs(clock_offset() - self._clock_offset) > CLOCK_TOLERANCE

    @property
    def ended(self) -> bool:
        """Whether the service has closed an HTTP/2 connection. httpcore would send the next request there."""
        return self._http2_socket is not None and has_ended(self._http2_socket)

    def connecting(self, stream: Any) -> None:
        """Note an open connection, since httpcore drops it without closing if the handshake is cancelled."""
        self._connecting = stream

    async def aclose(self) -> None:
        """Close the connection."""
        try:
            await self._carrier.aclose()
        finally:
            if self._connecting is not None:
                await self._connecting.aclose()


class Lanes:
    """The lanes to one origin."""

    def __init__(self, keepalive_expiry: float | None) -> None:
        self.busy: set[Lane] = set()
        #: The most recently used one is on the right.
        self.idle: deque[Lane] = deque()
        self._expiry = keepalive_expiry
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def take(self) -> Lane | None:
        """Return the idle lane that was used most recently, so that those left over from a burst can expire.

        If the service has closed its connection meanwhile, httpcore opens a new one. Lanes of another event loop, such
        as that of an earlier `asyncio.run`, are forgotten: what is written there is sent, but never answered.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._timer = loop, None
            self.idle.clear()
        while self.idle:
            lane = self.idle.pop()
            if not lane.slept and not self._expired(lane) and not lane.ended:
                return lane
            self._close([lane])
        return None

    def keep(self, lane: Lane) -> None:
        """Keep a lane for the next request."""
        lane.rest(asyncio.get_running_loop().time())
        self.idle.append(lane)
        self._set_timer()

    def distrust(self, since: float) -> None:
        """Close the lanes that were idle when a request failed on a connection of the same age: they died together."""
        suspects = [lane for lane in self.idle if lane.idle_since <= since]
        self.idle = deque(lane for lane in self.idle if lane.idle_since > since)
        self._close(suspects)

    def close(self) -> set[asyncio.Task[None]]:
        """Start closing every lane, including those in use, and return the tasks to wait for."""
        if self._timer is not None:
            self._timer.cancel()
        self._close([*self.idle, *self.busy])
        self.idle.clear()
        return self._closing

    def expire(self) -> None:
        """Close the lanes that were idle for too long."""
        self._timer = None
        expired = []
        while self.idle and self._expired(self.idle[0]):
            expired.append(self.idle.popleft())
        self._close(expired)
        self._set_timer()

    def _expired(self, lane: Lane) -> bool:
        if self._expiry is None:
            return False
        return asyncio.get_running_loop().time() - lane.idle_since >= self._expiry

    def _set_timer(self) -> None:
        if self._timer is None and self._expiry is not None and self.idle:
            # Only the transport may keep the lanes alive, so that a dropped transport is noticed.
            when = self.idle[0].idle_since + self._expiry
            self._timer = asyncio.get_running_loop().call_at(when, _expire, weakref.ref(self))

    def _close(self, lanes: list[Lane]) -> None:
        if lanes:
            task = asyncio.get_running_loop().create_task(_close_all(lanes))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class _Watch:
    """Tracks in httpcore's trace how far a request got, and forwards events to the caller's own trace."""

    def __init__(self, lane: Lane, attempt: Attempt, caller: Any) -> None:
        self._lane = lane
        self._attempt = attempt
        self._caller = caller
        self._waited = False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        self._attempt.watched = True
        protocol, _, step = event.partition(".")
        match step:
            case "send_request_headers.started" if info["request"].method != b"CONNECT":
                self._attempt.begin()
                self._lane.connecting(None)
            case "send_request_headers.failed" if isinstance(info["exception"], httpcore.LocalProtocolError):
                self._attempt.retract()
            case "receive_response_headers.started":
                self._waited = False
                asyncio.get_running_loop().call_soon(self._wait)
            case "receive_response_headers.complete" if protocol == "http11" and not self._waited:
                # It was already buffered: the service sent more than one answer to the previous request.
                raise httpx.RemoteProtocolError("an answer arrived before the request was sent")
            case "connect_tcp.started":
                self._attempt.connect()
            case "connect_tcp.complete":
                self._lane.connecting(info["return_value"])
                keep_alive(info["return_value"].get_extra_info("socket"))
        if self._caller is not None:
            await self._caller(event, info)

    def _wait(self) -> None:
        self._waited = True


async def _close_all(lanes: Iterable[Lane]) -> None:
    await asyncio.gather(*(lane.aclose() for lane in lanes), return_exceptions=True)


def _expire(reference: weakref.ref[Lanes]) -> None:
    lanes = reference()
    if lanes is not None:
        lanes.expire()
