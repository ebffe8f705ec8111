"""Bodies that are cut on the wire, over sockets and on both transports: right rows or an error, never fewer."""

import asyncio
import gzip
import random
import zlib
from typing import Any

import httpx
import pytest

from adjust_async import (
    AsyncAdjust,
    DecodeError,
)
from adjust_async.transports import AiohttpTransport, PooledTransport
from tests.loopback import RawRequest, answer, serve

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]

LINES = b"app,installs\n" + b"".join(b"App %d,%d\n" % (number, number * 7919) for number in range(40))
CUTS = random.Random(14).sample(range(1, len(gzip.compress(LINES))), 12)
QUERY: Any = {"dimensions": ["app"], "metrics": ["installs"], "date_period": "yesterday"}


@pytest.mark.parametrize("transport", [PooledTransport, AiohttpTransport])
@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(LINES)),
        ("gzip", gzip.compress(LINES[:100]) + gzip.compress(LINES[100:])),
        ("deflate", zlib.compress(LINES)),
    ],
    ids=["gzip", "members", "deflate"],
)
@pytest.mark.parametrize("chunked", [True, False])
async def test_no_row_is_lost_on_the_wire(
    transport: type[httpx.AsyncBaseTransport], coding: str, packed: bytes, chunked: bool
) -> None:
    """A compressed body that is cut within complete framing is an error, never fewer rows, on both transports."""
    body = b""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        head = f"Content-Encoding: {coding}\r\n"
        if not chunked:
            writer.write(answer(body, headers=head))
            return
        writer.write(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{head}\r\n".encode())
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    async with (
        serve(handler) as server,
        httpx.AsyncClient(transport=transport()) as http_client,
        AsyncAdjust("secret", api_url=server.url, http_client=http_client, max_attempts=2) as adjust,
    ):
        body = packed
        assert len([row async for row in adjust.reports.iter_csv(**QUERY)]) == 40
        assert len(server.requests) == 1
        for place in CUTS:
            body = packed[: place % len(packed)]
            with pytest.raises(DecodeError, match=r"is cut|it is empty"):
                _ = [row async for row in adjust.reports.iter_csv(**QUERY)]
        assert (adjust._session.permits, adjust._session.calls) == (0, 0)


@pytest.mark.parametrize("transport", [PooledTransport, AiohttpTransport])
@pytest.mark.parametrize("obeys", [True, False])
async def test_a_body_that_an_event_hook_has_read(transport: type[httpx.AsyncBaseTransport], obeys: bool) -> None:
    """With response hooks no compressed body is requested. One that arrives all the same is an error if it was cut."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        packed = gzip.compress(LINES)
        writer.write(answer(LINES) if obeys else answer(packed[:-30], headers="Content-Encoding: gzip\r\n"))

    async def read(response: httpx.Response) -> None:
        await response.aread()

    async with (
        serve(handler) as server,
        httpx.AsyncClient(transport=transport(), event_hooks={"response": [read]}) as http_client,
        AsyncAdjust("secret", api_url=server.url, http_client=http_client, max_attempts=2) as adjust,
    ):
        if obeys:
            assert len([row async for row in adjust.reports.iter_csv(**QUERY)]) == 40
        else:
            with pytest.raises(DecodeError):
                _ = [row async for row in adjust.reports.iter_csv(**QUERY)]
    assert "accept-encoding: identity" in server.requests[0].head.lower()
