"""Bodies of answers: whole ones, bounded ones, those of errors, and those that somebody has read before."""

import gzip
import sys
import zlib
from typing import Any

import httpx
import pytest

from adjust_async import (
    AdjustError,
    AsyncAdjust,
    BadRequestError,
    DecodeError,
    ServerError,
)
from adjust_async._http.codings import PIECE
from adjust_async._http.messages import Answer, Body, RequestSpec
from tests.clock import jumping_clock
from tests.script import Outcome, Pieces, Received, arriving, client, take

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock

BODY = b'{"data": {"items": [{"token": "abc123", "name": "Adroll"}]}}'
PACKED = gzip.compress(BODY)


async def fetch(adjust: AsyncAdjust) -> Answer:
    """Send a GET, and return the answer itself."""
    return await adjust._session.request(RequestSpec("GET", "/p", lambda answer: answer))


async def read(adjust: AsyncAdjust) -> list[Any]:
    """List trackers."""
    return await adjust.trackers.list("app", prefetch=0).collect()


async def received(adjust: AsyncAdjust) -> bytes:
    """Receive a body as it arrives, and return the bytes of the last attempt."""
    receiver = Received()
    await take(adjust, receiver)
    return b"".join(receiver.attempts[-1])


# Packed bodies.


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", PACKED),
        ("x-gzip", PACKED),
        ("deflate", zlib.compress(BODY)),
        ("gzip", gzip.compress(BODY[:10]) + gzip.compress(BODY[10:]) + b"\0" * 9),
        ("gzip, gzip", gzip.compress(PACKED)),
        ("identity", BODY),
    ],
)
async def test_compressed_bodies_are_complete(coding: str, packed: bytes) -> None:
    """Every requested coding is decompressed, in complete bodies and in streamed ones."""
    pieces = [packed[place : place + 7] for place in range(0, len(packed), 7)]
    async with client(arriving(*pieces, content_encoding=coding)) as (adjust, _):
        assert (await fetch(adjust)).body == BODY
        assert await received(adjust) == BODY


@pytest.mark.parametrize("length", [1, 10, 18, len(PACKED) // 2, len(PACKED) - 8, len(PACKED) - 1])
async def test_a_cut_body_is_asked_for_again(length: int) -> None:
    """A compressed body that is cut within complete framing is requested again, in memory and streamed."""
    cut = arriving(PACKED[:length], content_encoding="gzip", content_length=str(length))
    whole = arriving(PACKED, content_encoding="gzip")
    async with client(cut, whole, cut, whole) as (adjust, script):
        assert (await fetch(adjust)).body == BODY
        assert await received(adjust) == BODY
        assert len(script.requests) == 4


async def test_a_body_that_is_always_cut_is_an_error() -> None:
    """After the last attempt, the error says that the body is cut. No part of it counts as complete."""
    async with client(arriving(PACKED[:-5], content_encoding="gzip"), max_attempts=3) as (adjust, script):
        for call in (fetch, received):
            with pytest.raises(DecodeError, match=r"it is cut: the gzip stream has no end.*3 attempts") as raised:
                await call(adjust)
            assert raised.value.malformed
        assert len(script.requests) == 6


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br"])
async def test_an_unknown_coding_is_final(coding: str) -> None:
    """A coding that was not requested is named, and the answer is requested only once."""
    async with client(arriving(BODY, content_encoding=coding)) as (adjust, script):
        for call in (fetch, received):
            with pytest.raises(DecodeError, match=r"'(br|zstd)', which was not requested"):
                await call(adjust)
        assert len(script.requests) == 2


async def test_the_accepted_codings() -> None:
    """Every request asks for gzip and deflate, whatever else the process has installed."""
    async with client(arriving(BODY)) as (adjust, script):
        await read(adjust)
        assert script.requests[0].headers["accept-encoding"] == "gzip, deflate"


# Bodies that somebody has read before.


async def test_a_body_that_a_hook_has_read() -> None:
    """If an event hook has read the response, httpx's decoded bytes are used, in memory and streamed."""

    async def hook(response: httpx.Response) -> None:
        await response.aread()

    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Pieces(PACKED))
    )
    async with (
        httpx.AsyncClient(transport=transport, event_hooks={"response": [hook]}) as http_client,
        AsyncAdjust("secret-token", http_client=http_client) as adjust,
    ):
        assert (await fetch(adjust)).body == BODY
        assert await received(adjust) == BODY
        assert await read(adjust)


async def test_a_body_that_a_mock_has_made() -> None:
    """A mock's complete response is used as httpx decoded it, and can be streamed in pieces, too."""
    body = b"x" * (3 * PIECE)
    packed = httpx.Response(200, headers={"content-encoding": "gzip"}, content=gzip.compress(body))
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(lambda _: packed)) as http_client,
        AsyncAdjust("secret-token", http_client=http_client) as adjust,
    ):
        assert (await fetch(adjust)).body == body
        receiver = Received()
        await take(adjust, receiver)
        assert [len(piece) for piece in receiver.attempts[0]] == [PIECE] * 3


async def test_a_response_that_a_mock_returns_for_hours() -> None:
    """A compressed response can be returned a thousand times, although httpx wraps its stream at each use."""
    packed = httpx.Response(200, headers={"content-encoding": "gzip"}, content=PACKED)
    http_client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: packed))
    async with http_client, AsyncAdjust("token", http_client=http_client, max_rate=None) as adjust:
        for _ in range(sys.getrecursionlimit()):
            assert (await fetch(adjust)).body == BODY


@pytest.mark.parametrize("length", [5, len(PACKED) // 2, len(PACKED) - 1])
async def test_a_mock_may_be_cut_too(length: int) -> None:
    """A mock's complete body with half of a compressed stream is an error: httpx itself would not notice."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        body = PACKED if len(sent) % 2 == 0 else PACKED[:length]
        return httpx.Response(200, headers={"content-encoding": "gzip"}, content=body)

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http_client,
        AsyncAdjust("secret-token", http_client=http_client) as adjust,
    ):
        assert (await fetch(adjust)).body == BODY
        assert await received(adjust) == BODY
    assert len(sent) == 4


async def test_a_body_that_a_transport_has_read() -> None:
    """A caller's transport may read the body before it returns the response. Its stream is not read twice."""

    class Reading(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            response = httpx.Response(
                200,
                headers={"content-encoding": "gzip"},
                stream=Pieces(PACKED),
                extensions={"network_stream": object()},
            )
            await response.aread()
            response.stream = Pieces(b"of another request")
            return response

    async with (
        httpx.AsyncClient(transport=Reading()) as http_client,
        AsyncAdjust("secret-token", http_client=http_client) as adjust,
    ):
        assert (await fetch(adjust)).body == BODY
        assert await received(adjust) == BODY


# Bounds.


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_in_memory_is_bounded(packed: bool) -> None:
    """A decompressed answer beyond `max_body_size` ends the call at once, and the message names the setting."""
    body = b"x" * 1_000_001
    pieces = [gzip.compress(body)] if packed else [body[:600_000], body[600_000:]]
    headers: dict[str, Any] = {"content_encoding": "gzip"} if packed else {}
    async with client(arriving(*pieces, **headers), max_body_size=1_000_000) as (adjust, script):
        with pytest.raises(DecodeError, match="larger than max_body_size=1000000 bytes") as raised:
            await fetch(adjust)
        assert raised.value.body == ""
        assert len(script.requests) == 1


async def test_an_answer_of_just_that_size_is_read() -> None:
    """The bound itself is allowed."""
    async with client(arriving(gzip.compress(b"x" * 1000), content_encoding="gzip"), max_body_size=1000) as (adjust, _):
        assert len((await fetch(adjust)).body) == 1000


async def test_a_bomb_is_left_unread() -> None:
    """A small body that expands to a large one is decompressed only up to the limit."""
    bodies: list[Pieces] = []
    bomb = gzip.compress(b"\0" * 20_000_000)
    pieces = [bomb[place : place + 1000] for place in range(0, len(bomb), 1000)]
    async with client(arriving(*pieces, bodies=bodies, content_encoding="gzip"), max_body_size=10**6) as (adjust, _):
        with pytest.raises(DecodeError, match="max_body_size"):
            await fetch(adjust)
    assert bodies[0].given <= 3
    assert bodies[0].closed == 1


async def test_a_streamed_body_is_not_bounded() -> None:
    """A body that is received as it arrives may be larger, and arrives in pieces of limited size."""
    async with client(arriving(gzip.compress(b"\0" * 5_000_000), content_encoding="gzip"), max_body_size=1000) as (
        adjust,
        _,
    ):
        receiver = Received()
        await take(adjust, receiver)
        sizes = [len(piece) for piece in receiver.attempts[0]]
        assert sum(sizes) == 5_000_000
        assert max(sizes) <= PIECE


# Bodies of errors.


@pytest.mark.parametrize("packed", [False, True])
async def test_the_body_of_an_error_is_bounded(packed: bool) -> None:
    """The first 64 KiB of an error body are read and kept, and the rest is not read."""
    bodies: list[Pieces] = []
    pieces: list[bytes] = [b"no " * 10_000] * 100
    if packed:
        packing = zlib.compressobj(wbits=31)
        pieces = [packing.compress(piece) + packing.flush(zlib.Z_FULL_FLUSH) for piece in pieces]
    headers: dict[str, Any] = {"content_encoding": "gzip"} if packed else {}
    async with client(arriving(*pieces, bodies=bodies, code=400, **headers)) as (adjust, _):
        with pytest.raises(BadRequestError, match="no no no") as raised:
            await fetch(adjust)
    assert len(raised.value.body) == 65536
    assert bodies[0].given <= 4
    assert bodies[0].closed == 1


@pytest.mark.parametrize(
    "broken",
    [
        arriving(b"half", httpx.ReadError("reset"), code=400),
        arriving(PACKED[:20], code=400, content_encoding="gzip"),
        arriving(b"x", code=400, content_encoding="br"),
        arriving(code=400, content_encoding="gzip"),
        arriving(b"no gzip", code=400, content_encoding="gzip"),
    ],
)
async def test_the_status_goes_before_the_body(broken: Outcome) -> None:
    """An error whose body is cut or can't be decompressed is still the error of its status."""
    async with client(broken) as (adjust, script):
        for call in (fetch, received):
            with pytest.raises(BadRequestError):
                await call(adjust)
        assert len(script.requests) == 2


async def test_a_secret_at_the_cut_does_not_show() -> None:
    """A token at the place of the cut in an error body is removed before the cut."""
    for before in range(65536 - len("secret-token"), 65537):
        body = b"x" * before + b"secret-token" + b"y" * 100
        async with client(arriving(body, code=400)) as (adjust, _):
            with pytest.raises(BadRequestError) as raised:
                await fetch(adjust)
        assert "secret" not in raised.value.body
        assert not raised.value.body.rstrip("*").endswith(("s", "se", "sec"))


# Parts, and ends that nobody can verify.


@pytest.mark.parametrize("call", [fetch, received])
async def test_a_part_is_asked_for_again(call: Any) -> None:
    """206 is not a complete answer, in memory or streamed: the whole is requested again."""
    part = arriving(BODY[:10], code=206, content_range="bytes 0-9/100")
    async with client(part, arriving(BODY)) as (adjust, script):
        await call(adjust)
        assert len(script.requests) == 2
    async with client(part, max_attempts=2) as (adjust, _):
        with pytest.raises(DecodeError, match="only a part of the answer arrived, with status 206"):
            await call(adjust)


@pytest.mark.parametrize(
    ("code", "headers", "verified"),
    [
        (200, {}, False),
        (200, {"content_encoding": "identity"}, False),
        (200, {"transfer_encoding": "identity"}, False),
        (200, {"content_length": "4"}, True),
        (200, {"transfer_encoding": "chunked"}, True),
        (204, {}, True),
    ],
)
async def test_whether_the_end_can_be_verified(code: int, headers: dict[str, Any], verified: bool) -> None:
    """If only the end of the connection marks the end of a body, the answer and the body say so."""
    seen: list[bool] = []

    async def receive(body: Body) -> None:
        seen.append(body.end_verified)
        async for _ in body:
            pass

    outcome = arriving(b"abcd", code=code, framed=False, **headers)
    async with client(outcome) as (adjust, _):
        assert (await fetch(adjust)).end_verified is verified
        await adjust._session.request(RequestSpec("GET", "/p", lambda _: None, receive=receive))
    assert seen == [verified]


async def test_a_coding_has_an_end_of_its_own() -> None:
    """A compressed body marks its own end."""
    async with client(arriving(PACKED, content_encoding="gzip")) as (adjust, _):
        assert (await fetch(adjust)).end_verified


@pytest.mark.parametrize(
    ("body", "requests"),
    [
        (BODY[:-1], 3),
        (b"", 3),
        (b"<html><title>Please log in</title></html>", 1),
        (b"Please log in", 1),
        (b'{"data": []}', 1),
        (b'{"data": {"items": [{"token": 5.5}]}}', 1),
    ],
)
async def test_only_what_was_cut_is_asked_for_again(body: bytes, requests: int) -> None:
    """A cut answer is requested again. A login page or another structure would be repeated, and is final."""
    async with client(arriving(body), max_attempts=3) as (adjust, script):
        with pytest.raises(DecodeError):
            await read(adjust)
        assert len(script.requests) == requests


async def test_an_error_with_a_broken_body_is_retried_by_its_status() -> None:
    """A 503 with a cut body is retried as a 503."""
    broken = arriving(b"half", httpx.ReadError("reset"), code=503)
    async with client(broken, arriving(BODY)) as (adjust, script):
        assert await read(adjust)
        assert len(script.requests) == 2
    async with client(broken, max_attempts=1) as (adjust, _):
        with pytest.raises(ServerError):
            await read(adjust)


async def test_no_create_is_sent_again_for_its_body() -> None:
    """A create whose answer was cut is in doubt, whatever cut it."""
    for outcome in (
        arriving(PACKED[:-5], content_encoding="gzip"),
        arriving(BODY, content_encoding="br"),
        arriving(BODY, code=206),
    ):
        async with client(outcome) as (adjust, script):
            with pytest.raises(AdjustError) as raised:
                await adjust.trackers.create("app", "Adroll")
            assert raised.value.in_doubt
            assert len(script.requests) == 1
