"""What hooks into httpx sees every request of a default client, and while a mocker is active nothing is sent."""

import asyncio
import gzip
import json
import random
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
import vcr  # type: ignore[import-untyped]  # it ships no types
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_httpx import HTTPXMock

from adjust_async import AdjustError, AsyncAdjust, DecodeError
from adjust_async.emulator import Emulator
from adjust_async.transports import AiohttpTransport

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]

TOKEN = "s3cr3t-T0ken"
QUERY: Any = {"dimensions": ["app"], "metrics": ["installs"], "date_period": ("2026-01-26", "2026-01-28")}


class Account:
    """Answers like the APIs, with an account that keeps created trackers."""

    def __init__(self) -> None:
        self.trackers: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.authorizations: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(f"{request.method} {request.url.path}")
        self.authorizations.add(request.headers["authorization"])
        if request.url.path.endswith("/csv_report"):
            return httpx.Response(200, text="app,installs\nDemo,5\n")
        if request.url.path.startswith("/reports-service"):
            return httpx.Response(200, json={"rows": [{"app": "Demo", "installs": "5"}], "totals": {"installs": 5}})
        if request.method == "POST":
            name = json.loads(request.content)["name"]
            number = len(self.trackers)
            made = {"name": name, "label": name, "token": f"t{number}", "level": 1, "has_subtrackers": False}
            self.trackers.append(made)
            return httpx.Response(200, json={"data": {"items": [made]}})
        return httpx.Response(200, json={"data": {"items": self.trackers}})

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, asynchronously."""
        return self(request)


async def list_trackers(adjust: AsyncAdjust, app: str) -> None:
    """List."""
    await adjust.trackers.list(app).collect()


async def create(adjust: AsyncAdjust, app: str) -> None:
    """Create."""
    assert (await adjust.trackers.create(app, "Created")).name == "Created"


async def provision(adjust: AsyncAdjust, app: str) -> None:
    """Provision."""
    result = await adjust.trackers.provision(app, ["Provisioned"])
    assert [outcome.status for outcome in result.outcomes] == ["created"]


async def fetch(adjust: AsyncAdjust, app: str) -> None:
    """Fetch a report."""
    await adjust.reports.fetch(**QUERY, app_tokens=[app])


async def rows(adjust: AsyncAdjust, app: str) -> None:
    """Receive a CSV as it arrives."""
    assert [row async for row in adjust.reports.iter_csv(**QUERY, app_tokens=[app])]


Call = Callable[[AsyncAdjust, str], Awaitable[None]]
CALLS: list[Call] = [list_trackers, create, provision, fetch, rows]
each_call = pytest.mark.parametrize("call", CALLS)


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Refuse every connection and name lookup, and record the attempts."""
    tried: list[str] = []

    def refuse(*args: Any, **_: Any) -> Any:
        tried.append(repr(args))
        raise OSError("a mocked client reached for the network")

    for owner, name in (
        (socket.socket, "connect"),
        (socket.socket, "connect_ex"),
        (socket, "create_connection"),
        (socket, "getaddrinfo"),
        (asyncio.BaseEventLoop, "create_connection"),
        (asyncio.BaseEventLoop, "getaddrinfo"),
    ):
        monkeypatch.setattr(owner, name, refuse)
    yield tried
    assert tried == []


@pytest.fixture
def account() -> Account:
    """Return an empty account."""
    return Account()


@pytest.mark.usefixtures("no_sockets")
@pytest.mark.parametrize("using", ["httpcore", "httpx"])
@each_call
async def test_respx(call: Call, using: str, account: Account) -> None:
    """Respx sees each request, with both of its interfaces, and nothing reaches a socket."""
    with respx.mock(using=using, assert_all_called=False) as router:
        router.route().mock(side_effect=account)
        async with AsyncAdjust(TOKEN) as adjust:
            await call(adjust, "app")
        assert router.calls.call_count == len(account.requests) > 0
    assert account.authorizations <= {f"Token token={TOKEN}", f"Bearer {TOKEN}"}


@pytest.mark.usefixtures("no_sockets")
@pytest.mark.parametrize("using", ["httpcore", "httpx"])
async def test_respx_lets_nothing_else_through(using: str) -> None:
    """A request that no route matches fails in respx, and creates nothing."""
    with respx.mock(using=using):
        async with AsyncAdjust(TOKEN) as adjust:
            with pytest.raises(AssertionError, match="not mocked"):
                await adjust.trackers.create("app", "Created")
            assert (adjust._session.permits, adjust._session.calls) == (0, 0)


@pytest.mark.usefixtures("no_sockets")
async def test_the_decorator_of_respx(account: Account) -> None:
    """A client that was opened before the mock is mocked too."""
    async with AsyncAdjust(TOKEN) as adjust:

        @respx.mock
        async def mocked() -> None:
            respx.post("https://api.adjust.com/public/v1/apps/app/trackers").mock(side_effect=account)
            await create(adjust, "app")

        await mocked()
    assert account.requests == ["POST /public/v1/apps/app/trackers"]


@pytest.mark.usefixtures("no_sockets")
@pytest.mark.httpx_mock(can_send_already_matched_responses=True)
@each_call
async def test_pytest_httpx(call: Call, httpx_mock: HTTPXMock, account: Account) -> None:
    """pytest-httpx sees each request, and nothing reaches a socket."""
    httpx_mock.add_callback(account)
    async with AsyncAdjust(TOKEN) as adjust:
        await call(adjust, "app")
    assert len(httpx_mock.get_requests()) == len(account.requests) > 0


@pytest.mark.usefixtures("no_sockets")
@pytest.mark.httpx_mock(assert_all_requests_were_expected=False)
async def test_pytest_httpx_lets_nothing_else_through(httpx_mock: HTTPXMock) -> None:
    """A request without a response fails with pytest-httpx's message, and creates nothing."""
    async with AsyncAdjust(TOKEN, max_attempts=1) as adjust:
        with pytest.raises(AdjustError, match="No response can be found for POST"):
            await adjust.trackers.create("app", "Created")
    assert len(httpx_mock.get_requests()) == 1


CSV = b"app,installs\n" + b"".join(b"App %d,%d\n" % (number, number * 7919) for number in range(40))
PACKED = gzip.compress(CSV)


def cut_at(length: int) -> httpx.Response:
    """Answer with a part of a compressed CSV."""
    return httpx.Response(200, headers={"content-encoding": "gzip"}, content=PACKED[:length])


async def all_rows_or_an_error(length: int) -> None:
    """Request the CSV, which leads to all rows or an error."""
    async with AsyncAdjust(TOKEN, max_attempts=1) as adjust:
        if length == len(PACKED):
            assert len([row async for row in adjust.reports.iter_csv(**QUERY)]) == 40
            return
        with pytest.raises(DecodeError, match=r"is cut|it is empty"):
            _ = [row async for row in adjust.reports.iter_csv(**QUERY)]


LENGTHS = [*random.Random(14).sample(range(len(PACKED)), 10), len(PACKED)]


@pytest.mark.usefixtures("no_sockets")
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("using", ["httpcore", "httpx"])
async def test_a_cut_body_in_respx(using: str, length: int) -> None:
    """A compressed body that respx cuts leads to all rows or an error, never fewer rows."""
    with respx.mock(using=using) as router:
        router.route().mock(return_value=cut_at(length))
        await all_rows_or_an_error(length)


@pytest.mark.usefixtures("no_sockets")
@pytest.mark.parametrize("length", LENGTHS)
async def test_a_cut_body_in_pytest_httpx(length: int, httpx_mock: HTTPXMock) -> None:
    """A compressed body that pytest-httpx cuts leads to all rows or an error, never fewer rows."""
    httpx_mock.add_callback(lambda _: cut_at(length))
    await all_rows_or_an_error(length)


@each_call
async def test_vcrpy(call: Call, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A cassette recorded by vcrpy answers each request later, without the service and without the token."""
    cassette = tmp_path / "cassette.yaml"
    recorder = vcr.VCR(filter_headers=["authorization"], match_on=["method", "path", "query"])
    async with Emulator(apps=1, trackers_per_app=3, facts_per_day=2) as emulator:
        app, token, url = emulator.app_tokens[0], emulator.token, emulator.url
        with recorder.use_cassette(str(cassette), record_mode="all"):
            async with AsyncAdjust(token, api_url=url) as adjust:
                await call(adjust, app)
        sent = emulator.stats.total
    assert token not in cassette.read_text(encoding="utf-8")
    request.getfixturevalue("no_sockets")
    with recorder.use_cassette(str(cassette), record_mode="none") as replayed:
        async with AsyncAdjust(token, api_url=url) as adjust:
            await call(adjust, app)
    assert replayed.play_count == sent > 0


@pytest.mark.parametrize("globally", [True, False])
@each_call
async def test_opentelemetry(call: Call, globally: bool, emulator: Emulator) -> None:
    """OpenTelemetry makes one span for each request, whether all of httpx is instrumented or only this client."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = HTTPXClientInstrumentor()
    if globally:
        instrumentor.instrument(tracer_provider=provider)
    try:
        async with AsyncAdjust(emulator.token, api_url=emulator.url) as adjust:
            if not globally:
                HTTPXClientInstrumentor.instrument_client(adjust.http_client, tracer_provider=provider)
            await call(adjust, emulator.app_tokens[0])
    finally:
        if globally:
            instrumentor.uninstrument()
    spans = exporter.get_finished_spans()
    assert len(spans) == emulator.stats.total > 0
    assert emulator.token not in "".join(span.to_json() for span in spans)


async def test_what_sees_the_other_transport(emulator: Emulator) -> None:
    """As documented, tools that patch httpx's transports miss the requests of `AiohttpTransport`, and others don't."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app, sent = emulator.app_tokens[0], emulator.stats
    async with (
        httpx.AsyncClient(transport=AiohttpTransport()) as http_client,
        AsyncAdjust(emulator.token, api_url=emulator.url, http_client=http_client) as adjust,
    ):
        HTTPXClientInstrumentor().instrument(tracer_provider=provider)
        try:
            await fetch(adjust, app)
        finally:
            HTTPXClientInstrumentor().uninstrument()
        assert (sent.total, len(exporter.get_finished_spans())) == (1, 0)
        HTTPXClientInstrumentor.instrument_client(http_client, tracer_provider=provider)
        await fetch(adjust, app)
        assert (sent.total, len(exporter.get_finished_spans())) == (2, 1)
        HTTPXClientInstrumentor.uninstrument_client(http_client)
        with respx.mock:
            await fetch(adjust, app)
        with respx.mock(using="httpx"), pytest.raises(AssertionError, match="not mocked"):
            await fetch(adjust, app)
        assert (sent.total, len(exporter.get_finished_spans())) == (3, 1)


@pytest.mark.httpx_mock(assert_all_responses_were_requested=False)
async def test_pytest_httpx_does_not_see_the_other_transport(emulator: Emulator, httpx_mock: HTTPXMock) -> None:
    """As documented, requests of `AiohttpTransport` go out to the network under pytest-httpx."""
    httpx_mock.add_response(status_code=404)
    async with (
        httpx.AsyncClient(transport=AiohttpTransport()) as http_client,
        AsyncAdjust(emulator.token, api_url=emulator.url, http_client=http_client) as adjust,
    ):
        await fetch(adjust, emulator.app_tokens[0])
    assert (emulator.stats.total, httpx_mock.get_requests()) == (1, [])


@each_call
async def test_a_patched_send(call: Call, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """`AsyncClient.send`, which Sentry patches, is called once for each request."""
    sent: list[str] = []
    send = httpx.AsyncClient.send

    async def patched(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        sent.append(f"{request.method} {request.url.path}")
        request.headers["sentry-trace"] = "0-0-0"
        return await send(self, request, **options)

    monkeypatch.setattr(httpx.AsyncClient, "send", patched)
    async with AsyncAdjust(emulator.token, api_url=emulator.url) as adjust:
        await call(adjust, emulator.app_tokens[0])
    assert len(sent) == emulator.stats.total > 0


@each_call
async def test_event_hooks(call: Call, emulator: Emulator) -> None:
    """Event hooks can be added to the client in use, and see each request and each answer."""
    seen: list[str] = []

    async def on_request(request: httpx.Request) -> None:
        seen.append(request.method)

    async def on_response(response: httpx.Response) -> None:
        await response.aread()
        seen.append(str(response.status_code))

    async with AsyncAdjust(emulator.token, api_url=emulator.url) as adjust:
        adjust.http_client.event_hooks = {"request": [on_request], "response": [on_response]}
        await call(adjust, emulator.app_tokens[0])
    assert len(seen) == 2 * emulator.stats.total > 0
