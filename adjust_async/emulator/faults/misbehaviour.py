"""Acts each fault out on the wire."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Container, Mapping
from email.utils import formatdate

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adjust_async.emulator.faults.faults import Faults
from adjust_async.emulator.faults.kinds import ANSWER_FAULTS, LIST_DELAYS, LIST_FAULTS, Fault
from adjust_async.emulator.http.connections import Connection
from adjust_async.emulator.http.error_bodies import send_refusal
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.http.responses import send_response
from adjust_async.emulator.http.stats import Stats

_HINT = "fault"
_HINTS = LIST_FAULTS | LIST_DELAYS | ANSWER_FAULTS
"""Faults that only the route can act out, because they depend on what it writes and lists."""

_DRIP_INTERVAL = 0.01

_REFUSALS = {
    Fault.TOO_MANY_REQUESTS: (429, "Too many requests"),
    Fault.TOO_MANY_REQUESTS_RETRY_AFTER: (429, "Too many requests"),
    Fault.TOO_MANY_REQUESTS_STORM: (429, "Too many requests"),
    Fault.SERVER_ERROR: (500, "Internal server error"),
    Fault.UNAVAILABLE: (503, "Service unavailable"),
    Fault.UNAVAILABLE_RETRY_AFTER: (503, "Service unavailable"),
}
_FAILED_AFTER = {
    Fault.SERVER_ERROR_AFTER: (500, "Internal server error"),
    Fault.UNAVAILABLE_AFTER: (503, "Service unavailable"),
}
_WITH_RETRY_AFTER = frozenset({
    Fault.TOO_MANY_REQUESTS_RETRY_AFTER, Fault.UNAVAILABLE_RETRY_AFTER, Fault.UNAVAILABLE_AFTER,
})  # fmt: skip

_BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def hinted_fault(scope: Scope, kinds: Container[Fault]) -> Fault | None:
    """Return the fault that the route is to act out if it is one of these, otherwise None."""
    fault, _ = scope["state"].get(_HINT, (None, None))
    return fault if fault in kinds else None


def act_out(scope: Scope) -> None:
    """Record that the route has acted out the hinted fault, so that it is counted."""
    scope["state"].pop(_HINT, None)


def take_list_delay(scope: Scope) -> float:
    """Return the seconds for which lists must not show this write; the fault then counts as acted out."""
    if hinted_fault(scope, LIST_DELAYS) is None:
        return 0.0
    _, settings = scope["state"].pop(_HINT)
    seconds: float = settings.late
    return seconds


class LateWork:
    """Work that is done after its client was dropped, as by a queue behind the server."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()
        self._lost = False

    def add(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work after that many seconds."""
        task = asyncio.create_task(self._do(seconds, work), name="late work of the adjust emulator")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def lose(self) -> None:
        """Discard all pending work, and all that is added later."""
        self._lost = True

    def drop(self) -> None:
        """Discard all pending work; any thread may call it."""
        for task in list(self._tasks):
            task.get_loop().call_soon_threadsafe(task.cancel)

    async def finish(self) -> None:
        """Do all pending work now. Returns when nothing is left."""
        self._hurry.set()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _do(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)
        if not self._lost:
            await work()


class Misbehaviour:
    """Runs `app` for one request with a fault, and counts the fault."""

    def __init__(self, fault: Fault, settings: Faults, app: ASGIApp, stats: Stats, late_work: LateWork) -> None:
        self._fault = fault
        self._settings = settings
        self._app = app
        self._stats = stats
        self._late_work = late_work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request as the fault requires."""
        fault = self._fault
        if fault in _HINTS:
            await self._hint(scope, receive, send)
            return
        self._stats.fault_met(fault)
        if fault in _REFUSALS:
            await self._refuse(*_REFUSALS[fault], scope, send)
        elif fault is Fault.HTML_BAD_GATEWAY:
            await send_response(send, 502, _BAD_GATEWAY, content_type="text/html")
        elif fault is Fault.DROP_BEFORE:
            await Connection.of(scope).abort()
        elif fault is Fault.DROP_LATE:
            await self._drop_late(scope, receive)
        elif fault is Fault.HANG:
            await Connection.of(scope).sleep(None)
        else:
            await self._spoil_answer(scope, receive, send)

    async def _hint(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leave the fault to the route, and count it if the route acted it out."""
        scope["state"][_HINT] = (self._fault, self._settings)
        await self._app(scope, receive, send)
        if scope["state"].pop(_HINT, None) is None:
            self._stats.fault_met(self._fault)

    async def _drop_late(self, scope: Scope, receive: Receive) -> None:
        body = await _whole_body(receive)
        await Connection.of(scope).abort()
        if body is None:
            return

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def work() -> None:
            await self._app(scope, replay, _Answer().record)

        self._late_work.add(self._settings.late, work)

    async def _spoil_answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer()
        await self._app(scope, receive, answer.record)
        if answer.start is None:
            return
        connection, body = Connection.of(scope), bytes(answer.body)
        if self._fault is Fault.DROP_AFTER:
            await connection.abort()
        elif self._fault in _FAILED_AFTER:
            await self._refuse(*_FAILED_AFTER[self._fault], scope, send)
        elif self._fault is Fault.TRUNCATED_BODY:
            await send(answer.start)
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await connection.close()
        elif self._fault is Fault.TRUNCATED_JSON:
            half = body[: len(body) // 2]
            await send(_with_length(answer.start, len(half)))
            await send({"type": "http.response.body", "body": half})
        else:
            await send(answer.start)
            await self._drip(connection, body, send)

    async def _drip(self, connection: Connection, body: bytes, send: Send) -> None:
        drops = max(1, min(len(body), math.ceil(self._settings.drip / _DRIP_INTERVAL)))
        size = math.ceil(len(body) / drops)
        for start in range(0, len(body), size) if body else [0]:
            if not await connection.sleep(self._settings.drip / drops):
                return
            more = start + size < len(body)
            await send({"type": "http.response.body", "body": body[start : start + size], "more_body": more})

    async def _refuse(self, status: int, message: str, scope: Scope, send: Send) -> None:
        await send_refusal(send, scope["path"], RefusalError(status, message, self._headers()))

    def _headers(self) -> Mapping[str, str]:
        if self._fault not in _WITH_RETRY_AFTER:
            return {}
        if self._settings.retry_after_form == "date":
            return {"Retry-After": formatdate(math.ceil(time.time() + self._settings.retry_after), usegmt=True)}
        return {"Retry-After": f"{self._settings.retry_after:g}"}


class _Answer:
    """The response that the application would have sent."""

    def __init__(self) -> None:
        self.start: Message | None = None
        self.body = bytearray()

    async def record(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")


async def _whole_body(receive: Receive) -> bytes | None:
    """Receive the whole body; None if the client disconnects before its end."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _with_length(start: Message, length: int) -> Message:
    headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    return {**start, "headers": [*headers, (b"content-length", str(length).encode())]}
