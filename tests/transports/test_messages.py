"""Requests and answers pass through both transports unchanged, over real sockets."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from typing import cast

import httpx
import pytest

from tests.loopback import RawRequest, answer, serve
from tests.peer import Peer
from tests.transports.peers import at_once, make, scripted, send, settled

pytestmark = pytest.mark.anyio


async def test_bodies_arrive_as_they_were_sent(kind: str) -> None:
    """A body is streamed and stays compressed, headers keep their case and order, and cookies are not kept."""
    more = asyncio.Event()

    async def streamed(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"one", length=6, headers="Content-Type: x\r\nSet-Cookie: a=b\r\nX-Odd: y\r\n"))
        await writer.drain()
        await more.wait()
        writer.write(b"two")

    async with serve(streamed) as server, make(kind) as transport:
        response = await transport.handle_async_request(httpx.Request("GET", server.url))
        assert [name for name, _ in response.headers.raw] == [
            b"Content-Length",
            b"Content-Type",
            b"Set-Cookie",
            b"X-Odd",
        ]
        assert response.extensions["http_version"] == b"HTTP/1.1"
        assert response.extensions["reason_phrase"] == b"OK"
        body = aiter(cast("httpx.AsyncByteStream", response.stream))
        assert await anext(body) == b"one"
        more.set()
        assert [piece async for piece in body] == [b"two"]
        await response.aclose()
        await send(transport, server.url)
        assert "cookie" not in server.requests[1].head.lower()

    async def packed(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(gzip.compress(b"hello"), headers="Content-Encoding: gzip\r\n"))

    async with serve(packed) as server, make(kind) as transport:
        response = await transport.handle_async_request(httpx.Request("GET", server.url))
        assert gzip.decompress(b"".join([piece async for piece in response.aiter_raw()])) == b"hello"
        await response.aclose()
        assert await send(transport, server.url) == b"hello"


async def test_requests_arrive_as_they_were_made(kind: str) -> None:
    """Path, headers and body are sent as httpx has made them, with nothing added."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"one"
        yield b"two"

    async with serve(at_once) as server, make(kind) as transport:
        url = f"{server.url}/a%2Fb/ü?q=%20+x&y=%C3%BC"
        headers = [(b"X-Odd", "é".encode()), (b"Accept-Encoding", b"gzip")]
        for content in (None, b"name=x", b"", b"x" * 200_000):
            request = httpx.Request("POST", url, headers=headers, content=content)
            response = await transport.handle_async_request(request)
            assert await response.aread() == b"hello"
            await response.aclose()
            got = server.requests[-1]
            assert got.line == "POST /a%2Fb/%C3%BC?q=%20+x&y=%C3%BC HTTP/1.1"
            assert got.body == (content or b"")
            assert sorted(got.head.split("\r\n")[1:-2]) == sorted(
                f"{name.decode()}: {value.decode('latin-1')}" for name, value in request.headers.raw
            )

    async def chunked(peer: Peer) -> None:
        taken = await peer.request()
        while not taken.endswith(b"0\r\n\r\n"):
            taken += await peer.take()
        assert b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n" in taken
        assert taken.lower().count(b"transfer-encoding: chunked") == 1
        await peer.send(answer(b"hello"))

    async with scripted(chunked) as listener, make(kind) as transport:
        assert await send(transport, listener.url, "POST", content=pieces()) == b"hello"


async def test_redirects_are_returned_unchanged(kind: str) -> None:
    """A transport returns a redirect unchanged."""

    async def moved(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"", status="302 Found", headers="Location: /elsewhere\r\n"))

    async with serve(moved) as server, httpx.AsyncClient(transport=make(kind)) as client:
        assert (await client.get(server.url)).status_code == 302
        assert len(server.requests) == 1


async def test_a_body_left_unread_closes_its_connection(kind: str) -> None:
    """Leaving a stream early releases the slot, and does not read the rest."""

    async def endless(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"start", length=10**9))

    async with serve(endless) as server, httpx.AsyncClient(transport=make(kind, 1)) as client:
        for _ in range(3):
            async with client.stream("GET", server.url) as response:
                async for _ in response.aiter_raw():
                    break
            await settled(lambda: server.connections_open, 0)


async def test_a_body_iterator_that_is_closed(kind: str) -> None:
    """Closing the iterator of a body releases the slot, before the answer is closed."""

    async def endless(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"start", length=10**9))

    async with serve(endless) as server, make(kind, 1) as transport:
        for _ in range(3):
            request = httpx.Request("GET", server.url, extensions={"timeout": {"pool": 5}})
            response = await transport.handle_async_request(request)
            body = cast("AsyncGenerator[bytes, None]", aiter(cast("httpx.AsyncByteStream", response.stream)))
            assert await anext(body) == b"start"
            await body.aclose()


async def test_an_answer_is_never_that_of_another_request(kind: str) -> None:
    """Data after an answer is not taken for the next answer: that request fails, or gets a new connection."""
    for rounds in range(4):

        async def twice(request: RawRequest, writer: asyncio.StreamWriter, rounds: int = rounds) -> None:
            writer.write(answer(request.line.split()[1].encode()) + (b"" if rounds else answer(b"not asked for")))
            for _ in range(rounds):
                await asyncio.sleep(0)
                writer.write(answer(b"not asked for"))

        async with serve(twice) as server, make(kind, 3) as transport:
            answered = 0
            for number in range(5):
                try:
                    assert await send(transport, f"{server.url}/{number}") == f"/{number}".encode()
                    answered += 1
                except httpx.RemoteProtocolError:
                    pass
                while server.in_flight:
                    await asyncio.sleep(0)
                for _ in range(rounds):
                    await asyncio.sleep(0)
            assert answered >= 2
