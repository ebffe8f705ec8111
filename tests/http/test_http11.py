"""One connection of HTTP/1.1, over real sockets: framing, errors, timeouts, back-pressure, TLS, and closing."""

import asyncio
import gzip
import os
import select
import socket
import ssl
import struct
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import httpx
import pytest
import trustme
from adjust_async._http.requests import located
from hypothesis import example, given, settings, strategies as st

from adjust_async import PooledTransport
from adjust_async._http.http11 import PIECE, READ_AHEAD, Http11Connection
from tests.loopback import RawRequest, answer, serve
from tests.peer import Listener, Peer, listening

pytestmark = pytest.mark.anyio

#: What asyncio takes out of a socket at a time.
RECEIVED_AT_ONCE = 256 * 1024

HELLO = answer(b"hello")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def ask(
    url: str, *, method: str = "GET", content: bytes | AsyncIterator[bytes] | None = None, **more: object
) -> httpx.Request:
    """Make a request; `connect`, `read` and `write` are its timeouts, and `headers` go with it."""
    headers = more.pop("headers", None)
    return httpx.Request(method, url, content=content, headers=headers, extensions={"timeout": more})  # type: ignore[arg-type]


async def read(connection: Http11Connection, request: httpx.Request) -> httpx.Response:
    """Send a request and read its answer to the end."""
    response = await connection.handle_async_request(request)
    await response.aread()
    return response


@asynccontextmanager
async def connected(keepalive_expiry: float = 20.0) -> AsyncIterator[tuple[Http11Connection, Peer, str]]:
    """Give a connection, its other end, and the URL that it is for."""
    with listening() as listener:
        connection = await Http11Connection.open(ask(listener.url), None, keepalive_expiry)
        peer = await listener.accept()
        try:
            yield connection, peer, listener.url
        finally:
            connection.abort()
            await asyncio.sleep(0)


async def rounds(number: int = 3) -> None:
    """Let the event loop take in what arrived on this machine."""
    for _ in range(number):
        await asyncio.sleep(0)


async def exchange(
    connection: Http11Connection,
    peer: Peer,
    request: httpx.Request,
    *pieces: bytes,
    end: Callable[[], None] | None = None,
) -> httpx.Response:
    """Have a request answered with some bytes, each piece on its own, and the connection ended if wanted."""
    reading = asyncio.create_task(read(connection, request))
    try:
        await peer.request()
        for piece in pieces:
            await peer.send(piece)
            await rounds()
        if end is not None:
            end()
        async with asyncio.timeout(5):
            return await reading
    finally:
        reading.cancel()


# Where an answer ends

WHOLE = {
    "length": (HELLO, b"hello"),
    "empty": (answer(b""), b""),
    "chunked": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    "many chunks": (CHUNKED + b"2\r\nhe\r\n1\r\nl\r\n2\r\nlo\r\n0\r\n\r\n", b"hello"),
    "extensions and trailers": (CHUNKED + b'5;name="v"\r\nhello\r\n0;last\r\nChecksum: 1\r\nMore: 2\r\n\r\n', b"hello"),
    "chunked and a length": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"hello",
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "no content, with a length": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
    "continue": (b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO, b"hello"),
    "hints": (b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 3 + HELLO, b"hello"),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    "bare newlines": (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", b"hello"),
}


@pytest.mark.parametrize(("raw", "body"), WHOLE.values(), ids=WHOLE)
async def test_an_answer_leaves_the_connection_for_the_next_one(raw: bytes, body: bytes) -> None:
    """An answer that says where it ends is read up to there, and the next request goes over the same connection."""
    async with connected() as (connection, peer, url):
        for _ in range(2):
            response = await exchange(connection, peer, ask(url), raw)
            assert response.content == body
            assert connection.reusable
            assert connection.usable


@pytest.mark.parametrize(("raw", "body"), WHOLE.values(), ids=WHOLE)
async def test_an_answer_may_come_in_any_two_pieces(raw: bytes, body: bytes) -> None:
    """Wherever an answer is split, it is the same answer."""
    async with connected() as (connection, peer, url):
        for cut in range(1, len(raw)):
            response = await exchange(connection, peer, ask(url), raw[:cut], raw[cut:])
            assert response.content == body
            assert connection.usable


@pytest.mark.parametrize(("raw", "body"), WHOLE.values(), ids=WHOLE)
async def test_an_answer_may_come_byte_by_byte(raw: bytes, body: bytes) -> None:
    """An answer of which each byte comes on its own is the same answer."""
    async with connected() as (connection, peer, url):
        response = await exchange(connection, peer, ask(url), *(raw[at : at + 1] for at in range(len(raw))))
        assert response.content == body
        assert connection.usable


@settings(max_examples=40)
@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    extension=st.sampled_from([b"", b";a", b";a=1", b';a="b c"']),
    cuts=st.lists(st.integers(min_value=0, max_value=400), max_size=8),
)
def test_chunks_of_any_size_in_pieces_of_any_size(chunks: list[bytes], extension: bytes, cuts: list[int]) -> None:
    """A chunked body is what its chunks hold, however both the chunks and the packets are cut."""
    framed = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    raw = CHUNKED + framed + b"0\r\n\r\n"
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(raw)}), len(raw)]
    pieces = [raw[start:end] for start, end in pairwise(edges)]

    async def check() -> None:
        async with connected() as (connection, peer, url):
            response = await exchange(connection, peer, ask(url), *pieces)
            assert response.content == b"".join(chunks)
            assert connection.usable

    asyncio.run(check())


async def test_an_answer_to_head_has_no_body() -> None:
    """The length that an answer to HEAD names is that of an answer to GET: nothing is waited for."""
    async with connected() as (connection, peer, url):
        response = await exchange(connection, peer, ask(url, method="HEAD"), answer(b"", length=5))
        assert (response.content, response.headers["content-length"]) == (b"", "5")
        assert connection.usable


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_an_answer_without_a_length_ends_with_the_connection(version: bytes) -> None:
    """Where nothing says how long a body is, it is all that comes until the connection ends in order."""
    async with connected() as (connection, peer, url):
        raw = b"HTTP/" + version + b" 200 OK\r\n\r\nhel"
        response = await exchange(connection, peer, ask(url), raw, b"lo", end=peer.close)
        assert response.content == b"hello"
        assert response.extensions["http_version"] == b"HTTP/" + version
        assert not connection.reusable
        assert not connection.usable


@pytest.mark.parametrize(
    "raw",
    [
        answer(b"hello", headers="Connection: close\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
async def test_a_connection_that_was_announced_to_end_is_not_used_again(raw: bytes) -> None:
    """An answer that says that the connection closes is read, and the connection is given up."""
    async with connected() as (connection, peer, url):
        response = await exchange(connection, peer, ask(url), raw)
        assert response.content == b"hello"
        assert not connection.reusable


async def test_a_request_may_end_the_connection() -> None:
    """After a request with `Connection: close`, the connection is given up."""
    async with connected() as (connection, peer, url):
        await exchange(connection, peer, ask(url, headers={"Connection": "close"}), HELLO)
        assert not connection.reusable


async def test_status_reason_version_and_headers_are_given_as_they_came() -> None:
    """What httpx shows of an answer is what the service sent, the case of header names included."""
    async with connected() as (connection, peer, url):
        raw = b"HTTP/1.1 418 I'm a teapot\r\nX-Odd:  \xe9t\xe9 \r\nx-odd: 2\r\nContent-Length: 0\r\n\r\n"
        response = await exchange(connection, peer, ask(url), raw)
        assert (response.status_code, response.reason_phrase, response.http_version) == (
            418,
            "I'm a teapot",
            "HTTP/1.1",
        )
        assert response.headers.raw == [(b"X-Odd", b"\xe9t\xe9"), (b"x-odd", b"2"), (b"Content-Length", b"0")]


@pytest.mark.parametrize("offered", [{}, {"Upgrade": "websocket", "Connection": "upgrade"}])
async def test_no_other_protocol_is_spoken(offered: dict[str, str]) -> None:
    """A service that goes over to another protocol, asked to or not, gave no answer."""
    async with connected() as (connection, peer, url):
        switched = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
        with pytest.raises(httpx.RemoteProtocolError):
            await exchange(connection, peer, ask(url, headers=offered), switched + HELLO)


# What httpx does with the same bytes

ENDINGS = ["close", "reset"]

ODD = {
    **{name: raw for name, (raw, _) in WHOLE.items()},
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": answer(b"half", length=400),
    "half a chunk": CHUNKED + b"5\r\nhel",
    "no last chunk": CHUNKED + b"5\r\nhello\r\n",
    "half a trailer": CHUNKED + b"0\r\nChecksum: ",
    "only hints": b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "until close": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "until close, old": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "surplus": HELLO + HELLO,
    "longer than said": answer(b"hello", length=3),
    "switched": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    "no http": b"nonsense\r\n\r\n",
    "tls": b"\x16\x03\x01\x00\x05",
    "blank line first": b"\r\n" + HELLO,
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "older version": b"HTTP/0.9 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "no version": b"HTTP 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello",
    "status below 100": b"HTTP/1.1 099 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status of 999": b"HTTP/1.1 999 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "header without colon": b"HTTP/1.1 200 OK\r\nContent-Length 5\r\n\r\nhello",
    "space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
    "folded header": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
    "folded at the start": b"HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 5\r\n\r\nhello",
    "nul in a header": b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 5\r\n\r\nhello",
    "empty header name": b"HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 5\r\n\r\nhello",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello",
    "one length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
    "length of letters": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
    "length beyond all": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nhello",
    "unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunk of letters": CHUNKED + b"five\r\nhello\r\n0\r\n\r\n",
    "negative chunk": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk beyond all": CHUNKED + b"f" * 30 + b"\r\nhello\r\n0\r\n\r\n",
    "chunk too long": CHUNKED + b"4\r\nhello\r\n0\r\n\r\n",
    "bad trailer": CHUNKED + b"5\r\nhello\r\n0\r\nbad trailer\r\n\r\n",
}


async def outcome(transport: httpx.AsyncBaseTransport, request: httpx.Request) -> object:
    """Give the class of the error that a request ends with, or else all of its answer."""
    try:
        response = await transport.handle_async_request(request)
        try:
            content = await response.aread()
        finally:
            await response.aclose()
    except httpx.HTTPError as error:
        return type(error)
    extensions = response.extensions["http_version"], response.extensions["reason_phrase"]
    return response.status_code, response.headers.raw, content, *extensions


async def outcomes(raw: bytes, ending: str, method: str = "GET") -> tuple[object, object]:
    """Give what becomes of the same bytes here and with httpx."""

    async def speak(listener: Listener) -> None:
        peer = await listener.accept()
        await peer.request()
        await peer.send(raw)
        await rounds(10)  # in which they are taken: a reset throws away what was not
        peer.reset() if ending == "reset" else peer.close()

    found = []
    of_httpx = httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    for transport in (PooledTransport(1), of_httpx):
        with listening() as listener:
            async with transport, asyncio.timeout(5):
                speaking = asyncio.create_task(speak(listener))
                found.append(await outcome(transport, ask(listener.url, method=method)))
                await speaking
    return found[0], found[1]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
async def test_odd_answers_end_as_with_httpx(raw: bytes, ending: str) -> None:
    """The same bytes, and the same end of the connection, give the same answer or the same error as with httpx."""
    ours, theirs = await outcomes(raw, ending)
    assert ours == theirs


@pytest.mark.parametrize("method", ["HEAD", "CONNECT", "OPTIONS"])
async def test_answers_to_other_methods_end_as_with_httpx(method: str) -> None:
    """What an answer's body is depends on the method in the same way as with httpx."""
    ours, theirs = await outcomes(HELLO, "close", method)
    assert ours == theirs


@settings(max_examples=60)
@given(
    raw=st.sampled_from(list(ODD.values())),
    start=st.integers(min_value=0, max_value=60),
    length=st.integers(min_value=0, max_value=5),
    instead=st.one_of(
        st.binary(max_size=4), st.sampled_from([b"\r\n", b"\n", b"\r\n\r\n", b":", b" ", b"0\r\n", b"\x00"])
    ),
)
@example(raw=HELLO, start=0, length=0, instead=b"")
def test_spoiled_answers_end_as_with_httpx(raw: bytes, start: int, length: int, instead: bytes) -> None:
    """An answer with some bytes put in the place of others gives the same answer or error as with httpx."""
    spoiled = raw[:start] + instead + raw[start + length :]
    ours, theirs = asyncio.run(outcomes(spoiled, "close"))
    assert ours == theirs


# Heads that are too long


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Long: ", id="header"),
        pytest.param(b"HTTP/1.1 200 ", id="reason"),
        pytest.param(CHUNKED + b"5;extension=", id="chunk"),
        pytest.param(CHUNKED + b"0\r\nX-Long: ", id="trailer"),
    ],
)
async def test_what_has_no_end_is_refused(endless: bytes) -> None:
    """A head, a chunk's size or a trailer that goes on and on is refused, and not kept."""
    async with connected() as (connection, peer, url):
        reading = asyncio.create_task(read(connection, ask(url)))
        await peer.request()
        await peer.send(endless)
        sent = 0
        while not reading.done():
            sent += peer.fill(b"x" * 65536, 65536)
            await asyncio.sleep(0)
        with pytest.raises(httpx.RemoteProtocolError, match="too long"):
            await reading
        assert connection._unread <= READ_AHEAD + 2 * RECEIVED_AT_ONCE


async def test_long_heads_are_taken() -> None:
    """A head of 90 KiB is none that is refused."""
    async with connected() as (connection, peer, url):
        response = await exchange(
            connection, peer, ask(url), answer(b"hello", headers=f"X-Long: {'x' * 90 * 1024}\r\n")
        )
        assert (response.content, len(response.headers["x-long"])) == (b"hello", 90 * 1024)


# What was not asked for


async def test_an_answer_that_was_not_asked_for_is_not_the_next_one() -> None:
    """Where two answers come at once, the second belongs to no request: the connection is given up."""
    async with connected() as (connection, peer, url):
        response = await exchange(connection, peer, ask(url), HELLO + answer(b"another"))
        assert response.content == b"hello"
        assert not connection.reusable
        assert not connection.usable


@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("surplus", [b"x", b"\r\n", answer(b"another"), b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_bytes_on_an_idle_connection_make_it_unusable(surplus: bytes, taken: bool) -> None:
    """What comes while nothing is asked would be the start of the next answer, taken by the event loop or not."""
    async with connected() as (connection, peer, url):
        await exchange(connection, peer, ask(url), HELLO)
        assert connection.usable
        peer.fill(surplus, len(surplus))
        if taken:
            await rounds()
            assert connection._unread == len(surplus)
        assert not connection.usable


@pytest.mark.parametrize("noticed", [False, True])
@pytest.mark.parametrize("ending", ["close", "reset", "finish"])
async def test_an_idle_connection_that_ended_is_unusable(ending: str, noticed: bool) -> None:
    """The end of an idle connection is seen, also where the event loop has not come to it yet."""
    async with connected() as (connection, peer, url):
        await exchange(connection, peer, ask(url), HELLO)
        getattr(peer, ending)()
        if noticed:
            await rounds()
        assert not connection.usable


async def test_a_flood_on_an_idle_connection_is_not_kept() -> None:
    """A service that sends without being asked fills no memory."""
    async with connected() as (connection, peer, url):
        await exchange(connection, peer, ask(url), HELLO)
        for _ in range(200):
            peer.fill(b"x" * 65536, 10**6)
            await asyncio.sleep(0)
        assert READ_AHEAD < connection._unread <= READ_AHEAD + 2 * RECEIVED_AT_ONCE
        assert not connection.usable


async def test_a_connection_expires() -> None:
    """A connection that was idle for longer than `keepalive_expiry` is not usable."""
    for expiry, usable in ((0.0, False), (20.0, True)):
        async with connected(keepalive_expiry=expiry) as (connection, peer, url):
            await exchange(connection, peer, ask(url), HELLO)
            assert (connection.reusable, connection.usable) == (True, usable)


async def test_without_poll_the_end_is_seen_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without `poll`, such as Windows, is asked by `select`."""
    monkeypatch.delattr(select, "poll")
    async with connected() as (connection, peer, url):
        await exchange(connection, peer, ask(url), HELLO)
        usable = [connection.usable]
        peer.close()
        usable.append(connection.usable)
        assert usable == [True, False]


# Sending


async def test_head_and_body_leave_at_once() -> None:
    """A request with a body is one packet: a second one might wait for the first to be confirmed."""
    async with connected() as (connection, peer, url):
        reading = asyncio.create_task(read(connection, ask(url, method="POST", content=b'{"name": "a"}')))
        sent = await peer.take()
        assert sent.startswith(b"POST / HTTP/1.1\r\nHost: ")
        assert sent.endswith(b'Content-Length: 13\r\n\r\n{"name": "a"}')
        await peer.send(HELLO)
        assert (await reading).content == b"hello"
        assert connection.usable


async def test_a_streamed_body_leaves_as_it_comes() -> None:
    """Each piece of a body that is made bit by bit is sent before the next one is there, in chunks."""
    async with connected() as (connection, peer, url):
        more = asyncio.Event()

        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            await more.wait()
            yield b""
            yield b"three"

        reading = asyncio.create_task(read(connection, ask(url, method="POST", content=pieces())))
        first = await peer.request()
        assert first.endswith(b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        more.set()
        rest = b""
        while not rest.endswith(b"0\r\n\r\n"):
            rest += await peer.take()
        assert rest == b"5\r\nthree\r\n0\r\n\r\n"
        await peer.send(HELLO)
        assert (await reading).content == b"hello"
        assert connection.usable


async def test_a_body_that_fails_is_the_callers_error() -> None:
    """What the maker of a body raises is what the caller gets, and the connection is given up."""

    async def failing() -> AsyncIterator[bytes]:
        yield b"one"
        raise KeyError("mine")

    async with connected() as (connection, _, url):
        with pytest.raises(KeyError, match="mine"):
            await connection.handle_async_request(ask(url, method="POST", content=failing()))
        assert not connection.reusable


@pytest.mark.parametrize("content", [b"hell", b"hello!"])
async def test_a_body_of_another_length_than_said_is_refused(content: bytes) -> None:
    """A body that is not as long as its `Content-Length` can't be sent."""
    async with connected() as (connection, _, url):
        request = ask(url, method="POST", content=content, headers={"Content-Length": "5"})
        with pytest.raises(httpx.LocalProtocolError):
            await connection.handle_async_request(request)
        assert not connection.reusable


INJECTION = "a\r\nX-Injected: 1"


def injected(url: str) -> list[httpx.Request]:
    """Give requests with something in the head that would be read as more than it is."""
    path = located(httpx.URL(url), f"/{INJECTION}", "")
    query = located(httpx.URL(url), "/", f"q={INJECTION}")
    return [
        ask(url, headers={"X-Name": INJECTION}),
        ask(url, headers={"X-Name": "a\nb"}),
        ask(url, headers={"X-Name": "a\x00b"}),
        ask(url, headers={INJECTION: "value"}),
        ask(url, headers={"X Name": "value"}),
        ask(url, method=f"GET / HTTP/1.1\r\n{INJECTION}\r\n\r\nGET"),
        httpx.Request("GET", path),
        httpx.Request("GET", query),
        httpx.Request("GET", located(httpx.URL(url), "/a b", "")),
    ]


@pytest.mark.parametrize("number", range(9))
async def test_nothing_can_be_injected_into_a_head(number: int) -> None:
    """A line break, or whatever else has no place there, in a header, the path or the method: nothing is sent."""
    async with connected() as (connection, peer, url):
        with pytest.raises(httpx.LocalProtocolError):
            await connection.handle_async_request(injected(url)[number])
        connection.abort()
        assert await peer.take() == b""


async def endless() -> AsyncIterator[bytes]:
    """Make a body without end."""
    while True:
        yield b"x" * 65536


async def test_a_reader_that_is_slow_slows_an_upload_down() -> None:
    """Of a body that is made bit by bit, no more is made than the service takes, and then all of it arrives."""
    async with connected() as (connection, peer, url):
        piece, number = b"x" * 65536, 400
        made = 0

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal made
            for _ in range(number):
                made += len(piece)
                yield piece

        request = ask(url, method="POST", content=pieces(), headers={"Content-Length": str(number * len(piece))})
        reading = asyncio.create_task(read(connection, request))
        head = await peer.request()
        await rounds(50)
        assert made < number * len(piece)
        taken = len(head) - head.index(b"\r\n\r\n") - 4
        while taken < number * len(piece):
            assert connection._transport.get_write_buffer_size() <= 2 * len(piece)
            taken += len(await peer.take(10**6))
        await peer.send(HELLO)
        assert (await reading).content == b"hello"
        assert connection.usable


async def test_a_large_body_in_one_piece_arrives_whole() -> None:
    """A body that is larger than what the system takes at once is sent to its end."""
    async with connected() as (connection, peer, url):
        content = bytes(range(256)) * 40_000
        reading = asyncio.create_task(read(connection, ask(url, method="POST", content=content, write=5.0)))
        taken = bytearray(await peer.request())
        del taken[: taken.index(b"\r\n\r\n") + 4]
        while len(taken) < len(content):
            taken += await peer.take(10**6)
        assert taken == content
        await peer.send(HELLO)
        assert (await reading).content == b"hello"


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_service_that_takes_nothing_is_a_write_timeout(streamed: bool) -> None:
    """Where the service stops reading, the request fails after `write` seconds."""
    async with connected() as (connection, _, url):
        content = endless() if streamed else b"x" * 30_000_000
        with pytest.raises(httpx.WriteTimeout, match=r"0\.01 s"):
            await connection.handle_async_request(ask(url, method="POST", content=content, write=0.01))
        assert not connection.reusable


@pytest.mark.parametrize("ending", ["close", "reset", "finish"])
async def test_an_answer_before_the_request_was_taken_counts(ending: str) -> None:
    """A service that refuses a body answers and closes before it has read it: that answer is what the caller gets."""
    async with connected() as (connection, peer, url):
        refusal = answer(b"too large", status="413 Content Too Large", headers="Connection: close\r\n")
        reading = asyncio.create_task(read(connection, ask(url, method="POST", content=endless())))
        await peer.request()
        await peer.send(refusal)
        await rounds(20)
        getattr(peer, ending)()
        async with asyncio.timeout(5):
            response = await reading
        assert (response.status_code, response.content) == (413, b"too large")
        assert not connection.reusable


@pytest.mark.parametrize(
    ("ending", "error"), [("close", httpx.ReadError), ("reset", httpx.ReadError), ("finish", httpx.RemoteProtocolError)]
)
async def test_a_connection_that_ends_within_an_upload_is_an_error(ending: str, error: type[httpx.HTTPError]) -> None:
    """A service that closes in the middle of a request, and gives no answer, ends the request."""
    async with connected() as (connection, peer, url):
        reading = asyncio.create_task(read(connection, ask(url, method="POST", content=endless())))
        await peer.request()
        await rounds(20)
        getattr(peer, ending)()
        async with asyncio.timeout(5):
            with pytest.raises(error):
                await reading


async def test_what_breaks_after_the_end_of_an_answer_is_no_error() -> None:
    """An answer whose end was heard is whole, though what was still to be sent breaks the connection then."""
    async with connected() as (connection, peer, url):
        waiting = asyncio.create_task(connection.handle_async_request(ask(url, method="POST", content=endless())))
        await peer.request()
        await peer.send(b"HTTP/1.1 413 Content Too Large\r\n\r\ntoo large")
        await rounds(20)
        peer.finish()
        response = await waiting
        peer.reset()
        await rounds(20)
        assert await response.aread() == b"too large"


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_a_connection_that_ends_while_a_body_is_made(ending: str) -> None:
    """Where the connection ends while nothing can be sent, what is made then goes nowhere, and the request fails."""
    async with connected() as (connection, peer, url):
        ended = asyncio.Event()

        async def waiting() -> AsyncIterator[bytes]:
            yield b"one"
            await ended.wait()
            yield b"two"
            yield b"three"

        reading = asyncio.create_task(read(connection, ask(url, method="POST", content=waiting())))
        await peer.request()
        getattr(peer, ending)()
        await rounds()
        ended.set()
        with pytest.raises(httpx.TransportError):
            await reading
        assert not connection.reusable


async def test_a_body_that_never_waits_ends_with_the_connection() -> None:
    """Nothing more of a body is made once the connection is closed, though its maker never waits for anything."""
    async with connected() as (connection, _, url):
        made = 0

        async def unwaiting() -> AsyncIterator[bytes]:
            nonlocal made
            yield b"one"
            connection.abort()
            while made < 1000:
                made += 1
                yield b"more"

        with pytest.raises(httpx.ReadError):
            await connection.handle_async_request(ask(url, method="POST", content=unwaiting()))
        assert made <= 1


async def test_an_early_answer_to_a_request_that_is_taken_all_the_same() -> None:
    """A service may answer first and read the rest of the request then; the connection stays."""
    async with connected() as (connection, peer, url):
        content = b"x" * 8_000_000
        reading = asyncio.create_task(read(connection, ask(url, method="POST", content=content)))
        head = await peer.request()
        await peer.send(HELLO)
        taken = len(head) - head.index(b"\r\n\r\n") - 4
        while taken < len(content):
            taken += len(await peer.take(10**6))
        assert (await reading).content == b"hello"
        assert connection.usable
        assert (await exchange(connection, peer, ask(url), HELLO)).content == b"hello"


# Receiving


async def test_no_answer_in_time_is_a_read_timeout() -> None:
    """Where no head comes within `read` seconds, the request fails."""
    async with connected() as (connection, _, url):
        with pytest.raises(httpx.ReadTimeout, match=r"0\.01 s"):
            await connection.handle_async_request(ask(url, read=0.01))
        assert not connection.reusable


async def test_a_pause_within_an_answer_is_a_read_timeout() -> None:
    """The time runs anew with each piece: an answer may take long, and a pause in it may not."""
    async with connected() as (connection, peer, url):
        reading = asyncio.create_task(read(connection, ask(url, read=0.03)))
        await peer.request()
        for piece in (b"HTTP/1.1 200 OK\r\n", b"Content-Length: 9\r\n\r\n", b"h", b"e", b"l", b"l"):
            await peer.send(piece)
            await asyncio.sleep(0.01)
        with pytest.raises(httpx.ReadTimeout):
            await reading
        assert not connection.reusable


async def test_a_slow_event_loop_is_no_timeout() -> None:
    """What arrived while something else held the event loop up has arrived, though the time is over."""
    async with connected() as (connection, peer, url):
        reading = asyncio.create_task(read(connection, ask(url, read=0.05)))
        await peer.request()
        peer.fill(HELLO, len(HELLO))
        time.sleep(0.06)  # noqa: ASYNC251 - that is the point
        assert (await reading).content == b"hello"


async def test_a_slow_reader_slows_the_service_down() -> None:
    """Of a large answer no more is taken than its reader wants and a bit, and then all of it is there."""
    size = 8_000_000
    async with connected() as (connection, peer, url):
        waiting = asyncio.create_task(connection.handle_async_request(ask(url)))
        await peer.request()
        await peer.send(answer(b"", length=size))
        response = await waiting
        pieces = response.aiter_raw()
        sent = received = 0
        for _ in range(3):
            while (more := peer.fill(b"x" * 65536, size - sent)) > 0:
                sent += more
                await rounds()
            assert sent < size
            assert READ_AHEAD < connection._unread <= READ_AHEAD + 2 * RECEIVED_AT_ONCE
            received += len(await anext(pieces))
        while received < size:
            sent += peer.fill(b"x" * 65536, size - sent)
            piece = await anext(pieces)
            assert len(piece) <= PIECE
            received += len(piece)
        assert [piece async for piece in pieces] == []
        assert connection.usable


async def test_a_connection_whose_reading_was_held_up_is_used_again() -> None:
    """A slow reader who comes to the end leaves a connection that hears of its end, and takes the next answer."""
    async with connected() as (connection, peer, url):
        for _ in range(2):
            size = 3 * READ_AHEAD
            waiting = asyncio.create_task(connection.handle_async_request(ask(url)))
            await peer.request()
            await peer.send(answer(b"", length=size))
            response = await waiting
            await peer.send(b"x" * size)
            await rounds()
            assert connection._paused
            assert len(await response.aread()) == size
            assert connection.usable
        peer.close()
        await rounds()
        assert connection._ended


async def test_packed_bodies_are_unpacked() -> None:
    """Bodies in gzip and deflate are unpacked, whatever pieces they come in."""
    async with connected() as (connection, peer, url):
        for coding, packed in (("gzip", gzip.compress(b"hello" * 100)), ("deflate", zlib.compress(b"hello" * 100))):
            raw = answer(packed, headers=f"Content-Encoding: {coding}\r\n")
            response = await exchange(connection, peer, ask(url), *(raw[at : at + 7] for at in range(0, len(raw), 7)))
            assert response.content == b"hello" * 100


async def test_a_body_that_cannot_be_unpacked_is_an_error() -> None:
    """A body that is not what its coding says is a `DecodingError`."""
    async with connected() as (connection, peer, url):
        with pytest.raises(httpx.DecodingError):
            await exchange(connection, peer, ask(url), answer(b"no gzip", headers="Content-Encoding: gzip\r\n"))


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nX-", answer(b"half", length=400)])
async def test_closing_ends_the_request_under_way(begun: bytes) -> None:
    """`abort` ends a request that waits for its head or for its body, at once."""
    async with connected() as (connection, peer, url):
        reading = asyncio.create_task(read(connection, ask(url)))
        await peer.request()
        await peer.send(begun)
        await rounds()
        connection.abort()
        async with asyncio.timeout(1):
            with pytest.raises(httpx.ReadError, match="closed on this side"):
                await reading
            assert await peer.take() == b""


async def test_closing_ends_an_upload() -> None:
    """`abort` ends a request whose body is held up, and one whose body never ends."""
    for write in (None, 5.0):
        async with connected() as (connection, peer, url):
            reading = asyncio.create_task(read(connection, ask(url, method="POST", content=endless(), write=write)))
            await peer.request()
            await rounds(20)
            connection.abort()
            async with asyncio.timeout(1):
                with pytest.raises(httpx.ReadError, match="closed on this side"):
                    await reading


# Connecting


async def test_a_refused_connection_is_a_connect_error() -> None:
    """Where nobody listens, the error says so."""
    with listening() as listener:
        url = listener.url
    with pytest.raises(httpx.ConnectError, match=r"127\.0\.0\.1"):
        await Http11Connection.open(ask(url), None, 20.0)


async def test_an_unknown_host_is_a_connect_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that the system does not find is an error that says so."""

    async def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fail)
    with pytest.raises(httpx.ConnectError, match="not known"):
        await Http11Connection.open(ask("http://nowhere.invalid/"), None, 20.0)


async def test_a_host_that_can_be_none_is_a_connect_error() -> None:
    """A name that is too long to be one is an error as any other host that is not found."""
    with pytest.raises(httpx.ConnectError):
        await Http11Connection.open(ask(f"http://{'a' * 64}.invalid/"), None, 20.0)


async def test_a_host_that_no_certificate_can_be_for_is_a_connect_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where TLS refuses the name before it begins, the socket does not stay open."""
    with listening() as listener:

        async def find(*_: object, **__: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", listener.address)]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", find)
        with pytest.raises(httpx.ConnectError):
            await Http11Connection.open(ask("https://a..invalid/"), ssl.create_default_context(), 20.0)
        peer = await listener.accept()
        async with asyncio.timeout(1):
            assert await peer.take() == b""


async def test_a_host_that_does_not_answer_is_a_connect_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a connection is not taken within `connect` seconds, the error names the host, and the socket is closed."""
    sockets = []

    async def wait(connecting: socket.socket, _: object) -> None:
        sockets.append(connecting)
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", wait)
    before = asyncio.all_tasks()
    with pytest.raises(httpx.ConnectTimeout, match=r"127\.0\.0\.1 within 0\.02 s"):
        await Http11Connection.open(ask("http://127.0.0.1:9/", connect=0.02), None, 20.0)
    await asyncio.sleep(0)
    assert [connecting.fileno() for connecting in sockets] == [-1]
    assert asyncio.all_tasks() == before


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts by default."""
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """TLS for a server on localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    """TLS that trusts the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


def local(listener: Listener) -> str:
    """Give the URL of a listener that says it speaks TLS."""
    return f"https://localhost:{listener.address[1]}/"


@asynccontextmanager
async def secure(
    speak: Callable[[RawRequest, asyncio.StreamWriter], Awaitable[None]], server: ssl.SSLContext, client: ssl.SSLContext
) -> AsyncIterator[tuple[Http11Connection, str]]:
    """Give a connection over TLS to a server, and its URL."""
    async with serve(speak, tls=server) as serving:
        connection = await Http11Connection.open(ask(serving.url), client, 20.0)
        try:
            yield connection, serving.url
        finally:
            connection.abort()
            await serving.all_closed()


def bare(writer: asyncio.StreamWriter) -> socket.socket:
    """Give the socket below TLS, to be closed."""
    return socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno()))


async def hello(_: RawRequest, writer: asyncio.StreamWriter) -> None:
    """Answer every request."""
    writer.write(HELLO)


async def test_requests_over_tls(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    """Requests go over TLS one after the other."""
    async with secure(hello, server_tls, client_tls) as (connection, url):
        for _ in range(3):
            assert (await read(connection, ask(url))).content == b"hello"
            assert connection.usable


async def test_http11_is_agreed_on(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    """TLS agrees on HTTP/1.1 with a service that would rather speak HTTP/2, also with a context made for that."""
    server_tls.set_alpn_protocols(["h2", "http/1.1"])
    client_tls.set_alpn_protocols(["h2", "http/1.1"])
    async with secure(hello, server_tls, client_tls) as (connection, url):
        assert connection._transport.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        assert (await read(connection, ask(url))).content == b"hello"


async def test_a_certificate_for_another_host_is_refused(authority: trustme.CA, client_tls: ssl.SSLContext) -> None:
    """A certificate for another host is a `ConnectError` that says so, and no request is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.invalid").configure_cert(context)
    async with serve(hello, tls=context) as server:
        with pytest.raises(httpx.ConnectError, match="Hostname mismatch") as caught:
            await Http11Connection.open(ask(server.url), client_tls, 20.0)
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert server.requests == []
        await server.all_closed()


async def test_an_unknown_authority_is_refused(server_tls: ssl.SSLContext) -> None:
    """A certificate of an authority that is not trusted is a `ConnectError`, and no request is sent."""
    async with serve(hello, tls=server_tls) as server:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await Http11Connection.open(ask(server.url), ssl.create_default_context(), 20.0)
        assert server.requests == []
        await server.all_closed()


async def test_the_name_in_the_certificate_may_be_given(authority: trustme.CA, client_tls: ssl.SSLContext) -> None:
    """`sni_hostname` is the name that is asked for and verified, where the URL has another one, as with httpx."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.invalid").configure_cert(context)
    async with serve(hello, tls=context) as server:
        request = httpx.Request("GET", server.url, extensions={"sni_hostname": "other.invalid"})
        connection = await Http11Connection.open(request, client_tls, 20.0)
        assert (await read(connection, request)).content == b"hello"
        connection.abort()
        await server.all_closed()


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("spoken", [b"", b"\x16\x03", HELLO])
async def test_a_handshake_that_breaks_off_is_a_connect_error(
    client_tls: ssl.SSLContext, spoken: bytes, ending: str
) -> None:
    """A service that ends the connection within the handshake, or that speaks no TLS, is a `ConnectError`."""
    with listening() as listener:
        opening = asyncio.create_task(Http11Connection.open(ask(local(listener)), client_tls, 20.0))
        peer = await listener.accept()
        await peer.take()
        await peer.send(spoken)
        getattr(peer, ending)()
        async with asyncio.timeout(5):
            with pytest.raises(httpx.ConnectError):
                await opening


async def test_a_handshake_that_goes_nowhere_is_a_connect_timeout(client_tls: ssl.SSLContext) -> None:
    """The handshake is a part of connecting, and of its time; the socket is closed then."""
    with listening() as listener:
        async with asyncio.timeout(5):
            opening = asyncio.create_task(Http11Connection.open(ask(local(listener), connect=0.1), client_tls, 20.0))
            peer = await listener.accept()
            assert await peer.take() != b""
            with pytest.raises(httpx.ConnectTimeout, match="localhost"):
                await opening
            assert await peer.take() == b""


@pytest.mark.parametrize(
    ("begun", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nX-", httpx.RemoteProtocolError),
        (answer(b"half", length=400), httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", None),
    ],
)
@pytest.mark.parametrize("told", [True, False])
async def test_a_connection_over_tls_that_ends(
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    begun: bytes,
    error: type[httpx.HTTPError] | None,
    told: bool,
) -> None:
    """The end of a connection means the same over TLS, whether TLS was told of it or not."""

    async def break_off(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await writer.drain()
        if told:
            writer.close()
        else:
            with bare(writer) as below:
                below.shutdown(socket.SHUT_WR)

    async with secure(break_off, server_tls, client_tls) as (connection, url), asyncio.timeout(5):
        if error is None:
            assert (await read(connection, ask(url))).content == b"hello"
        else:
            with pytest.raises(error):
                await read(connection, ask(url))
        assert not connection.usable


async def test_bytes_that_are_no_tls_are_a_read_error(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    """What can't be decrypted ends the request."""

    async def spoil(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"half", length=400))
        await writer.drain()
        with bare(writer) as below:
            below.send(b"x" * 100)

    async with secure(spoil, server_tls, client_tls) as (connection, url), asyncio.timeout(5):
        with pytest.raises(httpx.ReadError):
            await read(connection, ask(url))
        assert not connection.usable


@pytest.mark.parametrize("broken", [False, True])
async def test_an_idle_connection_over_tls_that_ended_is_unusable(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, broken: bool
) -> None:
    """At whatever round of the event loop one looks, a connection that its service closed is seen as such."""
    for number in range(8):
        closing = asyncio.Event()

        async def close(_: RawRequest, writer: asyncio.StreamWriter, closing: asyncio.Event = closing) -> None:
            writer.write(HELLO)
            await closing.wait()
            if broken:
                with bare(writer) as below:
                    below.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

        async with secure(close, server_tls, client_tls) as (connection, url):
            assert (await read(connection, ask(url))).content == b"hello"
            assert connection.usable
            closing.set()
            await rounds(2)  # in which the server closes it
            for _ in range(number):
                await asyncio.sleep(0)
            assert not connection.usable


async def test_a_slow_reader_over_tls_gets_all(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    """A large body that ends with its connection is whole, though the connection ended long before it was read."""
    size = 600_000

    async def until_close(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * size)
        await writer.drain()
        writer.close()

    async with secure(until_close, server_tls, client_tls) as (connection, url), asyncio.timeout(5):
        response = await connection.handle_async_request(ask(url))
        received = 0
        async for piece in response.aiter_raw():
            received += len(piece)
            await rounds(10)
        assert received == size


async def test_surplus_that_tls_holds_back_makes_a_connection_unusable(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    """What came after an answer whose reader was slow is seen, though neither h11 nor the system has it."""
    more = asyncio.Event()

    async def twice(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"", length=READ_AHEAD))
        await more.wait()
        # So much that reading pauses with the last piece of TLS, which all come in this round.
        writer.write(b"x" * READ_AHEAD)
        while not connection._paused:
            await asyncio.sleep(0)
        writer.write(answer(b"another"))

    async with secure(twice, server_tls, client_tls) as (connection, url), asyncio.timeout(5):
        response = await connection.handle_async_request(ask(url))
        more.set()
        while not connection._paused:
            await asyncio.sleep(0)
        await rounds(10)
        received = 0
        async for piece in response.aiter_raw():
            received += len(piece)
        assert received == READ_AHEAD
        assert not connection.reusable
        assert not connection.usable


# Cancellation


async def in_pieces(_: RawRequest, writer: asyncio.StreamWriter) -> None:
    """Answer byte by byte."""
    for byte in HELLO:
        if not writer.is_closing():
            writer.write(bytes([byte]))
        await asyncio.sleep(0)


@pytest.mark.parametrize("over_tls", [False, True])
async def test_cancellation_at_whatever_step_leaves_nothing(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, over_tls: bool
) -> None:
    """Cancelled while it connects, shakes hands, sends or reads, a request leaves no socket and no task."""

    async def whole(url: str) -> None:
        connection = await Http11Connection.open(ask(url), client_tls if over_tls else None, 20.0)
        try:
            await read(connection, ask(url, method="POST", content=b"x" * 1000, read=5.0, write=5.0))
        finally:
            connection.abort()

    async with serve(in_pieces, tls=server_tls if over_tls else None) as server:
        for steps in range(0, 60, 2 if over_tls else 1):
            before = asyncio.all_tasks()
            task = asyncio.create_task(whole(server.url))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(0.0005)  # DNS is asked in a thread
            await server.all_closed()
            await rounds()
            assert asyncio.all_tasks() <= before
