"""Which connections serve the SDK's requests, with both transports over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from adjust_async import AsyncAdjust
from tests.loopback import RawRequest, answer, serve
from tests.script import DONE, get, post
from tests.transports.peers import KINDS, make

pytestmark = pytest.mark.anyio


@pytest.fixture(params=KINDS)
async def http_client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client on either transport."""
    async with httpx.AsyncClient(transport=make(request.param)) as client:
        yield client


async def test_a_followed_redirect_keeps_its_connection(http_client: httpx.AsyncClient) -> None:
    """The body of a redirect is read, so that a service that redirects every request needs no new connections."""

    async def handler(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        if "/moved" in request.line:
            writer.write(answer(json.dumps(DONE).encode()))
        else:
            writer.write(answer(b"<title>Moved</title>", status="307 Moved", headers="Location: /moved\r\n"))

    async with serve(handler) as server, AsyncAdjust("token", api_url=server.url, http_client=http_client) as adjust:
        await get(adjust)
        await post(adjust)
        assert (len(server.requests), server.connections_opened) == (4, 1)
