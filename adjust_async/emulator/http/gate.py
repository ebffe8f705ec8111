"""The limits of Adjust's hosts: concurrent requests, and requests a second."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adjust_async.emulator.http.error_bodies import send_refusal
from adjust_async.emulator.http.received import Recording
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.http.routing import RouteTable
from adjust_async.emulator.http.stats import HostStats, Stats

CONCURRENCY = "concurrency"
RATE = "rate"


class LeakyBucket:
    """Holds `burst` requests and leaks `rate` of them a second; a request that does not fit is refused."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._level = 0.0
        self._at = clock()

    @classmethod
    def of(cls, rate: float | None, burst: float | None) -> "LeakyBucket | None":
        """Return the bucket for a limit, or None if the limit is off."""
        return None if rate is None or burst is None else cls(rate, burst)

    def pour(self) -> tuple[bool, float]:
        """Return whether another request fits, and the level including it."""
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._at) * self._rate)
        self._at = now
        level = self._level + 1
        if level > self._burst:
            return False, level
        self._level = level
        return True, level


class Gate:
    """Answers 429 to requests beyond the limits of one of Adjust's hosts, before anything else handles them.

    A refused request is counted under its route, and has neither faults nor latency.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: RouteTable,
        stats: Stats,
        seen: HostStats,
        *,
        concurrency: int | None,
        bucket: LeakyBucket | None,
    ) -> None:
        self._app = app
        self._routes = routes
        self._stats = stats
        self._seen = seen
        self._concurrency = concurrency
        self._bucket = bucket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        seen = self._seen
        seen.arrived()
        refusal = self._refusal()
        if refusal is not None:
            seen.left()
            seen.refused[refusal] += 1
            await self._refuse(scope, send)
            return
        left = False

        async def leave_before_end(message: Message) -> None:
            # A client that has seen the end of an answer may send its next request at once.
            nonlocal left
            if message["type"] == "http.response.body" and not message.get("more_body", False) and not left:
                left = True
                seen.left()
            await send(message)

        try:
            await self._app(scope, receive, leave_before_end)
        finally:
            if not left:
                seen.left()

    def _refusal(self) -> str | None:
        if self._concurrency is not None and self._seen.in_flight > self._concurrency:
            return CONCURRENCY
        if self._bucket is None:
            return None
        fits, level = self._bucket.pour()
        self._seen.fullest_bucket = max(self._seen.fullest_bucket, level)
        return None if fits else RATE

    async def _refuse(self, scope: Scope, send: Send) -> None:
        route = self._routes.find(scope)[0]
        self._stats.request_arrived(route)
        Recording.of(scope).route = route.partition(" ")[2]
        try:
            await send_refusal(send, scope["path"], RefusalError(429, "Too many requests"))
        finally:
            self._stats.request_ended()
