"""What became of a request that got no answer, by the errors of httpx and over real sockets."""

import asyncio
import pickle
import ssl
from typing import Any

import httpx
import pytest
import trustme

from adjust_async import (
    AdjustError,
    APIConnectionError,
    APITimeoutError,
    AsyncAdjust,
    DecodeError,
    PooledTransport,
    PoolExhaustedError,
)
from adjust_async._http.connection_errors import Where, connection_error
from adjust_async._http.messages import RequestSpec
from tests.loopback import RawRequest, answer, serve

pytestmark = pytest.mark.anyio

URL = "https://automate.adjust.com"
QUERY: Any = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "yesterday"}


def spec_of(method: str) -> RequestSpec[None]:
    """Make a request."""
    return RequestSpec(method, "/reports-service/report", lambda _: None)


CASES: list[tuple[httpx.HTTPError, type[AdjustError], str, dict[str, bool]]] = [
    (httpx.PoolTimeout("busy"), PoolExhaustedError, "no free connection: busy", {"sent": False, "transient": True}),
    (httpx.ConnectTimeout(""), APITimeoutError, "ConnectTimeout: ConnectTimeout", {"sent": True, "transient": True}),
    (httpx.ReadTimeout("slow"), APITimeoutError, "ReadTimeout: slow", {"sent": True, "transient": True}),
    (httpx.WriteTimeout("slow"), APITimeoutError, "WriteTimeout: slow", {"sent": True, "transient": True}),
    (
        httpx.ConnectError("refused"),
        APIConnectionError,
        f"could not connect to {URL}: refused",
        {"sent": False, "transient": True},
    ),
    (httpx.UnsupportedProtocol("no"), APIConnectionError, "no", {"sent": False, "transient": False}),
    (httpx.LocalProtocolError("no"), APIConnectionError, "no", {"sent": False, "transient": False}),
    (httpx.ReadError("reset"), APIConnectionError, "the connection broke: reset", {"sent": True, "transient": True}),
    (httpx.WriteError(""), APIConnectionError, "the connection broke: WriteError", {"sent": True, "transient": True}),
    (httpx.RemoteProtocolError("x"), APIConnectionError, "the connection broke: x", {"sent": True, "transient": True}),
    (httpx.ProxyError("403"), APIConnectionError, "the connection broke: 403", {"sent": True, "transient": True}),
    (httpx.DecodingError("gzip"), DecodeError, "the body can't be unpacked: gzip", {"malformed": True}),
]


@pytest.mark.parametrize(("error", "cls", "words", "says"), CASES, ids=lambda case: type(case).__name__)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_error_of_httpx(
    error: httpx.HTTPError, cls: type[AdjustError], words: str, says: dict[str, bool], method: str
) -> None:
    """Each error of httpx is one of the tree, which says whether it was sent and may pass, and can be pickled."""
    mapped = connection_error(spec_of(method), error, URL)
    assert type(mapped) is cls
    assert mapped.message == words
    assert {name: getattr(mapped, name) for name in says} == says
    assert str(mapped).startswith(f"{method} /reports-service/report: {words}")
    copy = pickle.loads(pickle.dumps(mapped))
    assert (type(copy), str(copy), vars(copy)) == (cls, str(mapped), vars(mapped))


def test_where() -> None:
    """A request is told by its method and its path, without its query."""
    assert Where(method="GET", path="/x") == {"method": "GET", "path": "/x"}


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("link", ["__cause__", "__context__"])
def test_a_certificate_is_found_in_the_chain(depth: int, link: str) -> None:
    """A certificate that is not trusted is told as such, however deep httpx hides it, and is not tried again."""
    reason = ssl.SSLCertVerificationError(1, "certificate verify failed")
    reason.verify_message = "self-signed certificate"
    inner: BaseException = reason
    for _ in range(depth):
        outer = OSError("tls")
        setattr(outer, link, inner)
        inner = outer
    error = httpx.ConnectError("tls")
    setattr(error, link, inner)
    mapped = connection_error(spec_of("GET"), error, URL)
    assert isinstance(mapped, APIConnectionError)
    assert (mapped.sent, mapped.transient) == (False, False)
    assert f"the certificate of {URL} is not trusted: self-signed certificate" in str(mapped)
    assert "SSL_CERT_FILE" in str(mapped)


# Over real sockets.


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait between attempts: sockets need a real clock."""
    monkeypatch.setattr("adjust_async._http.retry._full_jitter", lambda _: 0.0)


async def error_of(url: str, *, rows: bool = False, **settings: Any) -> AdjustError:
    """Ask for a report, and give the error with which that ends."""
    async with AsyncAdjust("secret", api_url="http://127.0.0.1:9", reports_url=url, **settings) as adjust:
        with pytest.raises(AdjustError) as raised:
            if rows:
                _ = [row async for row in adjust.reports.iter_csv(**QUERY)]
            else:
                await adjust.reports.fetch(**QUERY)
        assert (adjust._session.permits, adjust._session.calls) == (0, 0)
    assert "secret" not in f"{raised.value}{vars(raised.value)}"
    return raised.value


@pytest.mark.parametrize("rows", [False, True])
async def test_nobody_listens(rows: bool) -> None:
    """Where nobody listens, the error names the host of reports, and says that nothing was sent."""
    error = await error_of("http://127.0.0.1:9", rows=rows, max_attempts=2)
    assert type(error) is APIConnectionError
    assert not error.sent
    assert "could not connect to http://127.0.0.1:9" in str(error)


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"])
async def test_the_connection_breaks(head: bytes, rows: bool) -> None:
    """A connection that breaks before, in or after the head is tried again, and told as broken in the end."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()
        writer.close()

    async with serve(handler) as server:
        error = await error_of(server.url, rows=rows, max_attempts=3)
        assert len(server.requests) == 3
    assert type(error) is APIConnectionError
    assert error.sent
    assert "the connection broke" in str(error)


@pytest.mark.parametrize("rows", [False, True])
async def test_a_service_that_hangs(rows: bool) -> None:
    """A head that does not come in time is a timeout of reports."""

    async def handler(_: RawRequest, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async with serve(handler) as server:
        error = await error_of(server.url, rows=rows, reports_timeout=0.1, max_attempts=2)
        assert len(server.requests) == 2
    assert type(error) is APITimeoutError
    assert "no whole answer within reports_timeout=0.1 s" in str(error)


@pytest.mark.parametrize("rows", [False, True])
async def test_a_body_that_can_not_be_unpacked(rows: bool) -> None:
    """A body that is not packed as its head says is tried again, and told in the end."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"no gzip", headers="Content-Encoding: gzip\r\n"))

    async with serve(handler) as server:
        error = await error_of(server.url, rows=rows, max_attempts=3)
        assert len(server.requests) == 3
    assert type(error) is DecodeError
    assert error.malformed
    assert "can't be unpacked" in str(error)


async def test_what_is_no_http() -> None:
    """A service that speaks something else is told as a broken connection."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example.com ESMTP\r\n\r\n")

    async with serve(handler) as server:
        error = await error_of(server.url, max_attempts=1)
    assert isinstance(error, APIConnectionError)


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_certificate_that_is_not_trusted(trusted: bool) -> None:
    """A certificate that nobody vouches for ends the call at once; one that is trusted is talked to."""
    authority = trustme.CA()
    of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(of_server)
    verify = ssl.create_default_context()
    if trusted:
        authority.configure_trust(verify)

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b'{"rows": [], "totals": {}}'))

    async with serve(handler, tls=of_server) as server:
        transport = PooledTransport(verify=verify)
        async with AsyncAdjust("secret", reports_url=server.url, transport=transport) as adjust:
            if trusted:
                await adjust.reports.fetch(**QUERY)
                return
            with pytest.raises(APIConnectionError, match=f"the certificate of {server.url} is not trusted") as raised:
                await adjust.reports.fetch(**QUERY)
            assert not raised.value.transient
            assert not server.requests
