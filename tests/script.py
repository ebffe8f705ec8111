"""A scripted service that replaces the network: `Script`, its outcomes, and a client for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from adjust_async import AsyncAdjust
from adjust_async._http.messages import Answer, Body, RequestSpec, ServiceName

TRACKER = {"name": "Adroll", "token": "abc123"}
DONE: dict[str, Any] = {"data": {"items": [TRACKER]}}

Outcome = httpx.Response | Exception | Callable[[httpx.Request], Any]


class Script(httpx.AsyncBaseTransport):
    """Plays one outcome for each request, the last one forever, and records the requests and their times."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self.in_flight = 0
        self.max_in_flight = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Play the next outcome."""
        self.requests.append(request)
        self.times.append(asyncio.get_running_loop().time())
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            if isinstance(outcome, Exception):
                raise outcome
            if isinstance(outcome, httpx.Response):
                return httpx.Response(outcome.status_code, headers=outcome.headers, content=outcome.content)
            response: httpx.Response = await outcome(request)
            return response
        finally:
            self.in_flight -= 1

    @property
    def waits(self) -> list[float]:
        """Return the seconds between the requests."""
        return [later - earlier for earlier, later in zip(self.times, self.times[1:], strict=False)]


def done() -> httpx.Response:
    """Answer with one tracker."""
    return httpx.Response(200, json=DONE)


def status(code: int, **headers: str) -> httpx.Response:
    """Answer with an error in Adjust's envelope."""
    body = {"error": {"request_id": "Fc-1", "message": f"it was {code}"}}
    return httpx.Response(code, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def never(_: httpx.Request) -> httpx.Response:
    """Hang."""
    await asyncio.sleep(10**9)
    raise AssertionError


def after(seconds: float) -> Callable[[httpx.Request], Any]:
    """Answer after a while."""

    async def answer(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(seconds)
        return done()

    return answer


@asynccontextmanager
async def client(*outcomes: Outcome, **settings: Any) -> AsyncIterator[tuple[AsyncAdjust, Script]]:
    """Open a client for a script; at the end, no permit, call or task may be left."""
    script = Script(*outcomes)
    async with AsyncAdjust("secret-token", http_client=httpx.AsyncClient(transport=script), **settings) as adjust:
        yield adjust, script
        session = adjust._session
        assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)


Piece = bytes | float | Exception


def served(answer: Callable[[httpx.Request], httpx.Response]) -> AsyncAdjust:
    """Return a client of a service that is a function."""
    return AsyncAdjust("s3cr3t-T0ken", http_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))


class Pieces(httpx.AsyncByteStream):
    """A body: bytes are sent, numbers are seconds until the next piece, and an exception breaks it off."""

    def __init__(self, *pieces: Piece) -> None:
        self.pieces = pieces
        self.given = 0
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body."""
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, bytes):
                self.given += 1
                yield piece
            else:
                await asyncio.sleep(piece)

    async def aclose(self) -> None:
        """Return how often it was closed."""
        self.closed += 1


def arriving(
    *pieces: Piece, code: int = 200, bodies: list[Pieces] | None = None, framed: bool = True, **headers: str
) -> Callable[[httpx.Request], Any]:
    """Answer with a body that arrives in pieces; `bodies` collects what was sent.

    Without `framed`, only the end of the connection marks the end of the body.
    """
    if framed and "content_length" not in headers:
        headers = {"transfer_encoding": "chunked", **headers}

    async def answer(_: httpx.Request) -> httpx.Response:
        body = Pieces(*pieces)
        if bodies is not None:
            bodies.append(body)
        return httpx.Response(
            code, stream=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return answer


def drip(seconds: float, pieces: int) -> list[Piece]:
    """Yield pieces of one byte, with this many seconds before each."""
    return [seconds, b"x"] * pieces


def now() -> float:
    """Return the time of the jumping clock."""
    return asyncio.get_running_loop().time()


class Received:
    """Receives bodies, and works for `work` seconds on each of their pieces."""

    def __init__(self, work: float = 0, *, keep: bool = False, fail: Exception | None = None) -> None:
        self.work = work
        self.keep = keep
        self.fail = fail
        self.attempts: list[list[bytes]] = []
        self.heads: list[tuple[int, int | None]] = []

    async def __call__(self, body: Body) -> int:
        """Receive one body. Return the number of attempts."""
        pieces: list[bytes] = []
        self.attempts.append(pieces)
        self.heads.append((body.status, body.length))
        async for piece in body:
            pieces.append(piece)
            if self.keep:
                body.keep()
            await asyncio.sleep(self.work)
            if self.fail is not None:
                raise self.fail
        return len(self.attempts)


async def take(adjust: AsyncAdjust, received: Received, service: ServiceName = "reports") -> int:
    """Send a request whose body is received."""

    def decode(_: Answer) -> int:
        raise AssertionError("the body was received")

    spec = RequestSpec("GET", "/reports-service/csv_report", decode, service=service, receive=received)
    return await adjust._session.request(spec)


async def get(adjust: AsyncAdjust) -> list[Any]:
    """Send a GET."""
    return await adjust.trackers.list("app", prefetch=0).collect()


async def post(adjust: AsyncAdjust) -> object:
    """Send a POST."""
    return await adjust.trackers.create("app", "Adroll")


async def patch(adjust: AsyncAdjust) -> object:
    """Send a PATCH."""
    return await adjust.trackers.update("app", "abc123", partner_id=3)
