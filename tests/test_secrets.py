"""Whatever fails, the API token is in nothing that the error holds, shows or logs."""

import asyncio
import gzip
import html
import json
import logging
import pickle
import traceback
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from adjust_async import AdjustError, AsyncAdjust
from tests.loopback import Handler, RawRequest, answer, serve
from tests.transports.peers import KINDS, make

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]

TOKEN = 's3cr3t/T0ken+"x&y=='
ENCODED = b64encode(TOKEN.encode()).decode()
#: Forms of the token, and parts of it that a cut in the wrong place would leave.
FORMS = (TOKEN[:10], TOKEN[-9:], quote(TOKEN, safe=""), json.dumps(TOKEN)[1:-1], html.escape(TOKEN), ENCODED[:20])

REPORT: dict[str, Any] = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "yesterday"}
DAYS: dict[str, Any] = {"start_date": "2026-11-01", "end_date": "2026-11-02"}


def answering(status: str, body: bytes = b"{}", headers: str = "") -> Handler:
    """Answer every request alike."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(body, status=status, headers=headers))

    return handler


def ending(*pieces: bytes) -> Handler:
    """Write something, and break the connection."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
        await writer.drain()
        writer.transport.abort()

    return handler


async def hanging(_: RawRequest, __: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.sleep(60)


STATUSES = (204, 206, 301, 302, 400, 401, 403, 404, 408, 410, 418, 422, 425, 429, 499, 500, 503, 520)
FAULTS: dict[str, Handler] = {
    **{f"{status}": answering(f"{status} Odd") for status in STATUSES},
    "echoed in the envelope": answering("401 No", json.dumps({"error": {"message": f"bad {TOKEN}"}}).encode()),
    "echoed where a message is cut": answering(
        "400 No", json.dumps({"error": {"message": "x" * 290 + TOKEN}}).encode()
    ),
    "echoed where a body is cut": answering("400 No", b"x" * (65536 - 6) + TOKEN.encode() + b"y" * 99),
    "echoed in a page": answering("502 No", f"<title>{'x' * 285}{html.escape(TOKEN)}</title>".encode()),
    "echoed in a URL": answering("400 No", f"/p?user_token={quote(TOKEN, safe='')}&x=1".encode()),
    "echoed in base64": answering("400 No", b"Basic " + b64encode(b"user:" + TOKEN.encode() + b":")),
    "echoed in a redirect": answering("302 No", headers=f"Location: https://else.example/?t={quote(TOKEN)}\r\n"),
    "echoed in a header": answering("400 No", headers=f"X-Request-Id: {quote(TOKEN, safe='')}\r\n"),
    "echoed with success": answering("200 OK", json.dumps([TOKEN]).encode()),
    "echoed as a field": answering("200 OK", json.dumps({"data": {"items": [{"token": 5, "name": TOKEN}]}}).encode()),
    "echoed as text": answering("200 OK", b"z" * 50 + TOKEN.encode()),
    "echoed as a coding": answering("200 OK", headers=f"Content-Encoding: {quote(TOKEN, safe='')}\r\n"),
    "cut": ending(answer(b"{", length=500)),
    "cut when packed": answering("200 OK", gzip.compress(b"x" * 9000)[:-9], "Content-Encoding: gzip\r\n"),
    "garbled": ending(b"garbage\r\n\r\n"),
    "broken": ending(),
    "hanging": hanging,
}


async def collect(adjust: AsyncAdjust) -> object:
    """Send a GET of one page."""
    return await adjust.trackers.list("app").collect()


async def create(adjust: AsyncAdjust) -> object:
    """Send a POST."""
    return await adjust.trackers.create("app", "x")


async def fetch(adjust: AsyncAdjust) -> object:
    """Send one GET for each app."""
    return await adjust.reports.fetch(**REPORT, app_tokens=["a", "b"])


async def kpis(adjust: AsyncAdjust) -> object:
    """Send one GET for each app to the KPI Service."""
    return await adjust.kpis.deliverables(["a", "b"], **DAYS)


async def csv(adjust: AsyncAdjust) -> object:
    """Receive a body as it arrives."""
    return [row async for row in adjust.reports.iter_csv(**REPORT)]


async def parquet(adjust: AsyncAdjust) -> object:
    """Receive a file."""
    return await adjust.reports.read_parquet(**REPORT)


async def provision(adjust: AsyncAdjust) -> object:
    """List and create."""
    return await adjust.trackers.provision("app", ["x", "y"])


CALLS = (collect, create, fetch, kpis, csv, parquet, provision)


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and all errors that it refers to."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def shown(value: object) -> str:
    """Return what a debugger shows of a value."""
    if isinstance(value, httpx.Request):
        return repr(value.headers.raw)
    if isinstance(value, httpx.Response):
        return repr(value.headers.raw) + (shown(value.request) if value._request else "")
    return repr(value)


def held_by(error: BaseException) -> str:
    """Return everything visible in an error, in those that it refers to, and in the frames that they keep."""
    parts = ["".join(traceback.format_exception(error))]
    for link in chain_of(error):
        parts += [str(link), repr(link), repr(vars(link)), repr(getattr(link, "__notes__", ()))]
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                parts += map(shown, frame.f_locals.values())
    if isinstance(error, AdjustError):
        parts.append(pickle.dumps(error, 0).decode("latin-1"))
    return "\n".join(parts)


def of_package(records: list[logging.LogRecord]) -> str:
    """Return what the package logged."""
    ours = [record for record in records if record.name.startswith(("adjust_async", "httpx"))]
    return "\n".join(f"{record.getMessage()} {vars(record)}" for record in ours)


@asynccontextmanager
async def opened(kind: str, url: str, seconds: float = 0.3) -> Any:
    """Open a client that gives up soon, unless its timeout is longer."""
    times: dict[str, Any] = {"timeout": seconds, "reports_timeout": seconds}
    times |= {"deadline": 2 * seconds, "reports_deadline": 2 * seconds}
    async with (
        httpx.AsyncClient(transport=make(kind, 5)) as http,
        AsyncAdjust(TOKEN, api_url=url, http_client=http, max_attempts=2, **times) as adjust,
    ):
        yield adjust


async def error_of(call: Awaitable[object]) -> AdjustError | None:
    """Return the error that ends a call; `None` if it succeeds, as with an empty report."""
    try:
        await call
    except AdjustError as error:
        return error
    return None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failure_does_not_hold_the_token(kind: str, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """However a call fails, over sockets, neither its error nor a frame that it keeps nor the log has the token."""
    async with serve(FAULTS[fault]) as server, opened(kind, server.url) as adjust:
        for call in CALLS:
            with caplog.at_level(logging.DEBUG):
                error = await error_of(call(adjust))
            if error is not None:
                held = held_by(error)
                assert list(chain_of(error)) == [error]
                assert not [form for form in FORMS if form in held], call
    assert not [form for form in FORMS if form in of_package(caplog.records)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", CALLS)
async def test_a_cancelled_call_does_not_hold_the_token(
    kind: str, call: Callable[[AsyncAdjust], Awaitable[Any]]
) -> None:
    """The cancellation of a running request keeps no frame that has the request."""
    async with serve(hanging) as server, opened(kind, server.url, 600) as adjust:
        task = asyncio.ensure_future(call(adjust))
        while not server.in_flight:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await task
    held = held_by(raised.value)
    assert not [form for form in FORMS if form in held]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refused_connection_does_not_hold_the_token(kind: str) -> None:
    """The error of a connection that was never made has no token either."""
    async with opened(kind, "http://127.0.0.1:9") as adjust:
        with pytest.raises(AdjustError) as raised:
            await create(adjust)
    assert not [form for form in FORMS if form in held_by(raised.value)]
