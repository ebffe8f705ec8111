"""Errors of requests without an answer: by the errors of httpx, and over real sockets."""

import asyncio
import pickle
import ssl
from typing import Any

import httpcore
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
from adjust_async._http.connection_errors import connection_error
from adjust_async._http.messages import Where
from adjust_async.transports.failures import LocalProtocolError as NotSentLocalProtocolError
from tests.loopback import RawRequest, answer, serve

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]

URL = "https://automate.adjust.com"
QUERY: Any = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "yesterday"}


def where(method: str) -> Where:
    """Return which request it was."""
    return Where(method=method, path="/reports-service/report", service="reports")


def of_httpcore(error: httpx.HTTPError) -> httpx.HTTPError:
    """Return an error with the cause that errors of httpx's own transport have."""
    error.__cause__ = getattr(httpcore, type(error).__name__)("below")
    return error


REFUSED = "could not connect to https://automate.adjust.com"
BROKE = "the connection broke"
NOT_SENT, IN_DOUBT = {"sent": False, "transient": True}, {"sent": True, "transient": True}
HOPELESS = {"sent": False, "transient": False}
CASES: list[tuple[httpx.HTTPError, type[AdjustError], str, dict[str, bool]]] = [
    (httpx.PoolTimeout("busy"), PoolExhaustedError, "no free connection: PoolTimeout: busy", NOT_SENT),
    (httpx.ConnectTimeout(""), APITimeoutError, f"{REFUSED} in time: ConnectTimeout", IN_DOUBT),
    (of_httpcore(httpx.ConnectTimeout("")), APITimeoutError, f"{REFUSED} in time: ConnectTimeout", NOT_SENT),
    (httpx.ReadTimeout("slow"), APITimeoutError, "ReadTimeout: slow", IN_DOUBT),
    (httpx.WriteTimeout("slow"), APITimeoutError, "WriteTimeout: slow", IN_DOUBT),
    (httpx.ConnectError("refused"), APIConnectionError, f"{REFUSED}: ConnectError: refused", NOT_SENT),
    (httpx.ProxyError("403"), APIConnectionError, f"{REFUSED}: ProxyError: 403", IN_DOUBT),
    (of_httpcore(httpx.ProxyError("403")), APIConnectionError, f"{REFUSED}: ProxyError: 403", NOT_SENT),
    (httpx.UnsupportedProtocol("no"), APIConnectionError, "UnsupportedProtocol: no", HOPELESS),
    (httpx.LocalProtocolError("no"), APIConnectionError, "LocalProtocolError: no", {"sent": True, "transient": False}),
    (NotSentLocalProtocolError("no"), APIConnectionError, "LocalProtocolError: no", HOPELESS),
    (of_httpcore(httpx.ProxyError("407 no")), APIConnectionError, f"{REFUSED}: ProxyError: 407", HOPELESS),
    (httpx.ReadError("reset"), APIConnectionError, f"{BROKE}: ReadError: reset", IN_DOUBT),
    (httpx.WriteError(""), APIConnectionError, f"{BROKE}: WriteError", IN_DOUBT),
    (httpx.RemoteProtocolError("x"), APIConnectionError, f"{BROKE}: RemoteProtocolError: x", IN_DOUBT),
    (
        httpx.DecodingError("gzip"),
        DecodeError,
        "the body can't be decompressed: DecodingError: gzip",
        {"malformed": True, "transient": True},
    ),
]


@pytest.mark.parametrize(("error", "cls", "words", "says"), CASES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_error_of_httpx(
    error: httpx.HTTPError, cls: type[AdjustError], words: str, says: dict[str, bool], method: str
) -> None:
    """Each httpx error becomes one of this package, which has `sent` and `transient`, and can be pickled."""
    mapped = connection_error(where(method), error, URL)
    assert type(mapped) is cls
    assert mapped.message.startswith(words)
    assert {name: getattr(mapped, name) for name in says} == says
    assert mapped.in_doubt == (method == "POST" and says.get("sent", True))
    assert str(mapped).startswith(f"{method} /reports-service/report: {words}")
    assert (mapped.service, mapped.__cause__, mapped.__context__) == ("reports", None, None)
    copy = pickle.loads(pickle.dumps(mapped))
    assert (type(copy), str(copy), vars(copy)) == (cls, str(mapped), vars(mapped))


def test_words_are_shown_without_the_token() -> None:
    """The text of httpx's error is passed through the function that hides the token."""
    error = httpx.LocalProtocolError("Illegal header value b'Bearer s3cr3t'")
    mapped = connection_error(where("GET"), error, URL, lambda text: text.replace("s3cr3t", "***"))
    assert "b'Bearer ***'" in str(mapped)


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("link", ["__cause__", "__context__"])
def test_a_certificate_is_found_in_the_chain(depth: int, link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that is not trusted is reported as such, however deep httpx hides it, and is not retried."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    reason = ssl.SSLCertVerificationError(1, "certificate verify failed")
    reason.verify_message = "self-signed certificate"
    inner: BaseException = reason
    for _ in range(depth):
        outer = OSError("tls")
        setattr(outer, link, inner)
        inner = outer
    error = httpx.ConnectError("tls")
    setattr(error, link, inner)
    mapped = connection_error(where("GET"), error, URL)
    assert isinstance(mapped, APIConnectionError)
    assert (mapped.sent, mapped.transient) == (False, False)
    assert f"the certificate of {URL} is not trusted: self-signed certificate" in str(mapped)
    assert "set SSL_CERT_FILE" in str(mapped)


@pytest.mark.parametrize(
    "problem",
    [
        "Basic Constraints of CA cert not marked critical",
        "Missing Authority Key Identifier",
        "CA cert does not include key usage extension",
    ],
)
def test_strict_checks_of_certificates_are_explained(problem: str) -> None:
    """A certificate that only Python 3.13 and later refuse is reported as such, with the remedy."""
    error = httpx.ConnectError("tls")
    error.__cause__ = reason = ssl.SSLCertVerificationError(1, "certificate verify failed")
    reason.verify_message = problem
    text = str(connection_error(where("GET"), error, URL))
    assert problem in text
    assert "without ssl.VERIFY_X509_STRICT" in text
    assert "SSL_CERT_FILE" not in text


def test_a_variable_that_is_set_is_not_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    """If `SSL_CERT_FILE` is set already, the text points to its content."""
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/corporate.pem")
    error = httpx.ConnectError("tls")
    error.__cause__ = reason = ssl.SSLCertVerificationError(1, "certificate verify failed")
    reason.verify_message = "unable to get local issuer certificate"
    assert "SSL_CERT_FILE is set: it may not name" in str(connection_error(where("GET"), error, URL))


# Over real sockets.


async def error_of(url: str, *, rows: bool = False, **settings: Any) -> AdjustError:
    """Request a report, and return the error that it ends with."""
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
    """If nothing listens, the error names the host of reports, and says that nothing was sent."""
    error = await error_of("http://127.0.0.1:9", rows=rows, max_attempts=2)
    assert type(error) is APIConnectionError
    assert not error.sent
    assert "could not connect to http://127.0.0.1:9" in str(error)


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"])
async def test_the_connection_breaks(head: bytes, rows: bool) -> None:
    """A connection that breaks before, in or after the head is retried, and reported as broken in the end."""

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
    """A head that does not arrive in time is a timeout of reports."""

    async def handler(_: RawRequest, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async with serve(handler) as server:
        error = await error_of(server.url, rows=rows, reports_timeout=0.1, max_attempts=2)
        assert len(server.requests) == 2
    assert type(error) is APITimeoutError
    assert "no complete answer within reports_timeout=0.1 s" in str(error)


@pytest.mark.parametrize("rows", [False, True])
async def test_a_body_that_was_never_packed(rows: bool) -> None:
    """A body in another coding than announced would be repeated, and is not requested again."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"no gzip", headers="Content-Encoding: gzip\r\n"))

    async with serve(handler) as server:
        error = await error_of(server.url, rows=rows, max_attempts=3)
        assert len(server.requests) == 1
    assert type(error) is DecodeError
    assert error.malformed
    assert "can't be decompressed" in str(error)


async def test_another_protocol_than_http() -> None:
    """A service that speaks another protocol is reported as a broken connection."""

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example.com ESMTP\r\n\r\n")

    async with serve(handler) as server:
        error = await error_of(server.url, max_attempts=1)
    assert isinstance(error, APIConnectionError)


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_certificate_that_is_not_trusted(trusted: bool) -> None:
    """An untrusted certificate ends the call at once. A trusted one works."""
    authority = trustme.CA()
    of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(of_server)
    verify = ssl.create_default_context()
    if trusted:
        authority.configure_trust(verify)

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b'{"rows": [], "totals": {}}'))

    async with serve(handler, tls=of_server) as server:
        http_client = httpx.AsyncClient(transport=PooledTransport(verify=verify))
        async with http_client, AsyncAdjust("secret", reports_url=server.url, http_client=http_client) as adjust:
            if trusted:
                await adjust.reports.fetch(**QUERY)
                return
            with pytest.raises(APIConnectionError, match=f"the certificate of {server.url} is not trusted") as raised:
                await adjust.reports.fetch(**QUERY)
            assert not raised.value.transient
            assert not server.requests
