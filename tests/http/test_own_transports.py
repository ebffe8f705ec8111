"""A caller's own transports: what they raise, and what they do with the answer before the SDK gets it."""

import asyncio
import gc
import gzip
import json
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

import aiohttp
import anyio
import httpx
import pytest
import trustme

from adjust_async import (
    AdjustError,
    APIConnectionError,
    APITimeoutError,
    AsyncAdjust,
    ConfigurationError,
)
from adjust_async.emulator import Emulator
from tests.loopback import RawRequest, answer, serve
from tests.script import DONE, arriving, client, get, post
from tests.transports.peers import KINDS, make, relay, scripted, server_tls

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]

UNCONVERTED = [
    ConnectionResetError("reset"),
    OSError(113, "No route to host"),
    ssl.SSLError(1, "bad record mac"),
    anyio.ClosedResourceError(),
    anyio.BrokenResourceError(),
    anyio.EndOfStream(),
    aiohttp.ClientPayloadError("garbled"),
]


@pytest.mark.parametrize("error", UNCONVERTED, ids=lambda error: type(error).__name__)
async def test_what_a_transport_did_not_convert(error: Exception) -> None:
    """An error of a connection that is not httpx's is retried like one; a create is in doubt, and sent once."""
    async with client(error, max_attempts=3) as (adjust, script):
        for call, attempts, in_doubt in ((get, 3, False), (post, 1, True)):
            with pytest.raises(APIConnectionError, match=f"the connection broke: {type(error).__name__}") as raised:
                await call(adjust)
            assert (raised.value.attempts, raised.value.sent, raised.value.in_doubt) == (attempts, True, in_doubt)
            assert raised.value.__context__ is None
        assert len(script.requests) == 4


@pytest.mark.parametrize("error", UNCONVERTED, ids=lambda error: type(error).__name__)
async def test_what_breaks_a_body(error: Exception) -> None:
    """The same holds while the body arrives."""
    async with client(arriving(b'{"data"', error), max_attempts=1) as (adjust, _):
        with pytest.raises(APIConnectionError, match="the connection broke") as raised:
            await post(adjust)
        assert raised.value.in_doubt


async def test_a_time_out_of_a_transport() -> None:
    """A transport's own `TimeoutError` is a timeout."""
    async with client(TimeoutError("slow"), max_attempts=1) as (adjust, _):
        with pytest.raises(APITimeoutError, match="TimeoutError: slow") as raised:
            await post(adjust)
        assert raised.value.in_doubt


async def test_what_a_hook_fails_to_write() -> None:
    """An `OSError` of an event hook, or of a mock that reads a file, is the caller's, and is not retried."""

    async def log(_: object) -> None:
        raise OSError(28, "No space left on device")

    async def mock(_: httpx.Request) -> httpx.Response:
        raise FileNotFoundError(2, "No such file or directory", "answer.json")

    async with client(mock) as (adjust, script):
        with pytest.raises(FileNotFoundError):
            await get(adjust)
        adjust.http_client.event_hooks = {"request": [log]}
        with pytest.raises(OSError, match="No space left"):
            await get(adjust)
        assert len(script.requests) == 1


async def test_a_transport_for_blocking_clients() -> None:
    """A transport for `httpx.Client` is named as the mistake."""
    transport: Any = httpx.WSGITransport(lambda _, __: [b""])
    async with AsyncAdjust("token", http_client=httpx.AsyncClient(transport=transport)) as adjust:
        with pytest.raises(ConfigurationError, match=r"http_client is for a blocking httpx\.Client"):
            await post(adjust)


async def test_tls_that_breaks_below_httpx() -> None:
    """The error of TLS that breaks after the handshake is not converted by httpx; a create is in doubt."""
    authority, client_tls = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(client_tls)

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())

    async with serve(handler, tls=server_tls(authority)) as server:

        def flip(data: bytes) -> bytes:
            return data[:-1] + bytes([data[-1] ^ 1]) if server.requests else data

        async with (
            scripted(partial(relay, server.url, alter=flip)) as listener,
            httpx.AsyncClient(verify=client_tls, proxy=listener.url) as http_client,
            AsyncAdjust("token", api_url=server.url, http_client=http_client, max_attempts=1) as adjust,
        ):
            with pytest.raises(APIConnectionError, match=r"the connection broke: .*SSL") as raised:
                await post(adjust)
            assert raised.value.in_doubt


# Several event loops, as with `asyncio.run` for each task of a queue.


def create_twice(transport: httpx.AsyncBaseTransport, emulator: Emulator) -> AdjustError | None:
    """Create a tracker in one event loop, and another one in a second loop with the same httpx client."""
    http_client = httpx.AsyncClient(transport=transport)

    async def create(name: str, *, last: bool) -> None:
        async with AsyncAdjust(emulator.token, api_url=emulator.url, http_client=http_client) as adjust:
            try:
                await adjust.trackers.create(emulator.app_tokens[0], name)
            finally:
                if last:
                    await http_client.aclose()

    asyncio.run(create("first", last=False))
    try:
        asyncio.run(create("second", last=True))
    except AdjustError as error:
        return error
    return None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:.*:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_second_event_loop(kind: str) -> None:
    """The transports of this package use no connection of another event loop."""
    with Emulator(apps=1) as emulator:
        assert create_twice(make(kind), emulator) is None
        assert [created.status for created in emulator.requests.to("POST", "/trackers")] == [200, 200]
        gc.collect()  # the connections of the first loop, which nobody could close


class Leaving(httpx.AsyncHTTPTransport):
    """Leaves connections of another event loop open, where httpx would fail."""

    async def aclose(self) -> None:
        """Close nothing."""


@pytest.mark.filterwarnings("ignore:.*:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_second_event_loop_with_httpx_alone() -> None:
    """The transport of httpx writes to a connection whose answer nobody receives: the create is in doubt."""
    with Emulator(apps=1) as emulator:
        error = create_twice(Leaving(), emulator)
        assert error is not None
        assert error.in_doubt
        assert "http_client was used in another event loop before, so create one for each loop" in str(error)
        gc.collect()


# What wraps a transport, such as a cache.


class Wrapping(httpx.AsyncBaseTransport):
    """Reads every answer before the client gets it, and passes it on in one of several ways."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def aclose(self) -> None:
        """Close the transport."""
        await self.inner.aclose()


class Reading(Wrapping):
    """Reads the answer, as a logger does."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send."""
        response = await self.inner.handle_async_request(request)
        await response.aread()
        return response


class Rebuilding(Wrapping):
    """Builds the answer again from what was sent, as a cache does."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send."""
        response = await self.inner.handle_async_request(request)
        sent = b"".join([piece async for piece in response.aiter_raw()])
        await response.aclose()
        return httpx.Response(response.status_code, headers=response.headers, content=sent)


def plain() -> httpx.AsyncBaseTransport:
    """Return httpx's own transport."""
    return httpx.AsyncHTTPTransport()


@pytest.mark.parametrize("inner", [plain, *(partial(make, kind) for kind in KINDS)])
@pytest.mark.parametrize("wrapping", [Reading, Rebuilding])
@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_that_was_read_before(
    wrapping: type[Wrapping], inner: Callable[[], httpx.AsyncBaseTransport], packed: bool
) -> None:
    """A transport around another one may read the answer, compressed or not."""
    body = json.dumps(DONE).encode()

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        packing = "Content-Encoding: gzip\r\n" if packed else ""
        writer.write(answer(gzip.compress(body) if packed else body, headers=packing))

    async with (
        serve(handler) as server,
        httpx.AsyncClient(transport=wrapping(inner())) as http_client,
        AsyncAdjust("token", api_url=server.url, http_client=http_client, max_attempts=1) as adjust,
    ):
        for _ in range(2):
            assert [tracker.token for tracker in await get(adjust)] == ["abc123"]
            await post(adjust)
        assert server.connections_opened == 1


@pytest.mark.parametrize("inner", [plain, *(partial(make, kind) for kind in KINDS)])
async def test_a_report_that_was_read_before_is_never_called_whole(
    inner: Callable[[], httpx.AsyncBaseTransport], caplog: pytest.LogCaptureFixture
) -> None:
    """If httpx has read a compressed body, nobody can know whether it was cut: the SDK warns that it may be."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(gzip.compress(b"app,installs\na,1\n")[:-8], headers="Content-Encoding: gzip\r\n"))

    async with (
        serve(handler) as server,
        httpx.AsyncClient(transport=Reading(inner())) as http_client,
        AsyncAdjust("token", api_url=server.url, http_client=http_client, max_attempts=1) as adjust,
    ):
        report = adjust.reports.iter_csv(dimensions=["app"], metrics=["installs"], date_period="yesterday")
        assert len([row async for row in report]) == 1
    assert "it may be incomplete" in caplog.text
