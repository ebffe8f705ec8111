"""The body of an answer: read completely, read in part for an error, or passed on while it arrives."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from io import BytesIO
from typing import Self, cast

import httpx

from adjust_async._http.codings import CodingError, Unpacker, ends_by_itself
from adjust_async._http.documents import optional_integer
from adjust_async._http.messages import BODY_LIMIT, Where
from adjust_async.errors import DecodeError

__all__ = ["ArrivingBody", "Clocks", "is_end_verified", "let_go", "start_of_body", "whole_body"]

#: The number of decompressed bytes after which to yield to other tasks.
BETWEEN_TURNS = 1024 * 1024

TAKEN = (
    "an event hook of http_client consumed the body of the answer, or closed it: let the hook read it with "
    "`await response.aread()`, which keeps it"
)

#: The stream of a response whose body was read or dropped.
_GONE = httpx.ByteStream(b"")

_BODYLESS = frozenset({204, 205, 304})


def is_end_verified(response: httpx.Response) -> bool:
    """Return whether a cut body would be noticed: its length, its framing or its coding marks its end.

    Call this before the body is read. If a hook has read a compressed body, nobody can know, and the result is `False`.
    """
    headers = response.headers
    if _was_read(response) and ends_by_itself(headers.get("content-encoding")):
        return False
    return (
        response.status_code in _BODYLESS
        or "content-length" in headers
        or "chunked" in headers.get("transfer-encoding", "").lower()
        or ends_by_itself(headers.get("content-encoding"))
        or response.http_version.startswith("HTTP/2")
    )


async def unpacked(response: httpx.Response, where: Where) -> AsyncGenerator[bytes, None]:
    """Yield the decompressed body in pieces of at most `PIECE` bytes.

    Raises:
        DecodeError: It can't be decompressed, or is cut.
        httpx.HTTPError: The connection broke.
    """
    try:
        packed_pieces, coding = await _packed(response)
        unpacker = Unpacker(coding)
        since_turn = 0
        async with aclosing(packed_pieces) as pieces:
            async for packed in pieces:
                for piece in unpacker.feed(packed):
                    yield piece
                    since_turn += len(piece)
                    if since_turn > BETWEEN_TURNS:
                        since_turn = 0
                        await asyncio.sleep(0)
        unpacker.finish()
    except CodingError as error:
        problem, transient = f"the body can't be decompressed: {error.problem}", error.transient
    except httpx.StreamError:
        problem, transient = TAKEN, False
    else:
        return
    raise DecodeError(problem, location="$", **where, malformed=True, transient=transient)


async def _packed(response: httpx.Response) -> tuple[AsyncGenerator[bytes, None], str | None]:
    """Return the body as it was sent, and its coding."""
    coding = response.headers.get("content-encoding")
    if not response.is_stream_consumed:
        return cast("AsyncGenerator[bytes, None]", response.aiter_raw()), coding
    # A mock, a cassette or an event hook has read it. httpx has then decoded it, complete or not.
    if coding and _is_made(response):
        made = [piece async for piece in cast("httpx.AsyncByteStream", response.stream)]
        # If a mock returns one response again and again, httpx wraps its stream each time, and Python nests a thousand.
        response.stream = httpx.ByteStream(b"".join(made))
        if made or not response.content:
            return _pieces(made), coding
    return _pieces([response.content]), None


def _was_read(response: httpx.Response) -> bool:
    """Return whether a hook has read the body while it arrived, so that only httpx's decoded bytes are left."""
    return response.is_stream_consumed and not _is_made(response)


def _is_made(response: httpx.Response) -> bool:
    """Return whether a mock built the complete response, so that its compressed body can be read repeatedly."""
    about = response.extensions
    if "network_stream" in about or {"http_version", "reason_phrase"} <= about.keys():
        return False  # it came over a connection of httpcore or aiohttp, which another request may use by now
    if not isinstance(response.stream, httpx.AsyncByteStream):
        return False
    try:
        _ = response.elapsed
    except RuntimeError:  # so it was complete before httpx's client saw it
        return True
    return False


def let_go(response: httpx.Response) -> None:
    """Free a closed response at once, although it and its stream refer to each other.

    Left to the garbage collector, the fifty objects of a request cost a tenth of the time for a page of trackers.
    """
    if not _is_made(response):
        response.stream = _GONE


async def _pieces(body: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    for piece in body:
        yield piece


async def whole_body(response: httpx.Response, where: Where, most: int) -> bytes:
    """Read a complete body.

    Raises:
        DecodeError: It can't be decompressed, is cut, or is larger than `most` bytes.
        httpx.HTTPError: The connection broke.
    """
    # It grows piece by piece: to join 60 MB at the end would stop the event loop for 40 ms.
    body, size = BytesIO(), 0
    async with aclosing(unpacked(response, where)) as arriving:
        async for piece in arriving:
            size += len(piece)
            if size > most:
                raise DecodeError(
                    f"the answer is larger than max_body_size={most} bytes. Request less at a time, such as fewer days "
                    "or apps; write the report to a file as it arrives; or raise max_body_size",
                    location="$",
                    **where,
                )
            body.write(piece)
    return body.getvalue()


async def start_of_body(response: httpx.Response, where: Where, longest_secret: int = 0) -> bytes:
    """Read the part of a body that an error keeps, plus a bit more so that the cut doesn't leave half a secret.

    The status decides the error. If the rest of the body can't be read or decompressed, the error keeps the first part.
    """
    start = b""
    try:
        async with aclosing(unpacked(response, where)) as arriving:
            async for piece in arriving:
                start += piece
                if len(start) >= BODY_LIMIT + longest_secret:
                    break
    except (httpx.HTTPError, DecodeError):
        pass
    return start


class Clocks:
    """The two timeouts of a call: one for its attempt, one for the whole call.

    Both are paused while the consumer works on a piece of an arriving body.
    """

    def __init__(self, deadline: float | None, timeout: float | None) -> None:
        self.deadline = deadline
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self.call = asyncio.timeout_at(deadline)
        self.attempt = asyncio.timeout(timeout)
        self._stopped_at: float | None = None
        self._ended = False

    def start_attempt(self) -> asyncio.Timeout:
        """Return the timeout scope of a new attempt."""
        self.attempt = asyncio.timeout(self._timeout)
        return self.attempt

    def end(self) -> None:
        """Let the call time out now."""
        self._ended = True
        if not self.call.expired():
            self.call.reschedule(self._loop.time())

    def stop(self) -> None:
        """Pause both timeouts."""
        self._stopped_at = self._loop.time()
        self._set(None, None)

    def run(self) -> None:
        """Resume both timeouts. The attempt's timeout starts again."""
        now = self._loop.time()
        if self._stopped_at is not None and self.deadline is not None:
            self.deadline += now - self._stopped_at
        self._stopped_at = None
        self._set(None if self._timeout is None else now + self._timeout, self.deadline)

    def _set(self, attempt: float | None, call: float | None) -> None:
        if self._ended:
            return
        for scope, when in ((self.attempt, attempt), (self.call, call)):
            if not scope.expired():
                scope.reschedule(when)


class ArrivingBody:
    """A body while it arrives. See `messages.Body`."""

    def __init__(self, response: httpx.Response, where: Where, clocks: Clocks, *, is_last: bool) -> None:
        self.status = response.status_code
        packed = ends_by_itself(response.headers.get("content-encoding"))
        self.length = None if packed else optional_integer(response.headers.get("content-length"))
        self.end_verified = is_end_verified(response)
        self.media_type = response.headers.get("content-type", "")
        self.is_last = is_last
        self.kept = False
        self._clocks = clocks
        self._pieces = unpacked(response, where)
        clocks.stop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Wait for the next piece."""
        self._clocks.run()
        piece = await anext(self._pieces, None)
        self._clocks.stop()
        if piece is None:
            raise StopAsyncIteration
        return piece

    def keep(self) -> None:
        """Note that a part of this body was handed out, so that no further attempt may follow."""
        self.kept = True

    async def aclose(self) -> None:
        """Stop reading, and resume the timeouts."""
        self._clocks.run()
        await self._pieces.aclose()
