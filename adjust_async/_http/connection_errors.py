"""Convert the errors of requests without an answer, which are httpx's in most cases, into errors of this package.

The original error is dropped, and the message has only its class and its text. Its request has the API token in a
header, and error trackers would send that too.
"""

import os
import ssl
import traceback
from collections.abc import Callable

import anyio
import httpx

from adjust_async._http.error_words import one_line
from adjust_async._http.messages import Where
from adjust_async.errors import (
    AdjustError,
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    DecodeError,
    PoolExhaustedError,
)
from adjust_async.transports import never_sent, proxy_status

__all__ = ["connection_error", "is_of_transport", "mistake_of"]

#: Errors that a transport should have converted to httpx's. httpcore does not convert a TLS error after the handshake.
_UNCONVERTED = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)

#: Libraries whose errors count as such too. httpx-aiohttp does not convert the error of a garbled answer.
_LIBRARIES = frozenset({"aiohttp", "h11", "h2", "httpcore"})

#: Words of asyncio's errors on a connection that was opened in another event loop. The request was written by then.
_OF_ANOTHER_LOOP = ("Event loop is closed", "attached to a different loop", "different event loop")

#: The functions that a transport runs in: the first until the head of the answer arrives, the second for its body.
_OF_TRANSPORTS = frozenset({"handle_async_request", "aiter_raw"})

#: OpenSSL's words for a certificate authority that Python 3.13 and later refuse, and earlier versions accepted.
_STRICT = ("not marked critical", "authority key identifier", "does not include key usage")


def mistake_of(error: Exception) -> ConfigurationError | None:
    """Return this package's error if nothing was sent because the caller made a mistake; `None` for other errors."""
    if isinstance(error, httpx.InvalidURL):
        # Only the length of the URL was not checked before.
        return ConfigurationError(f"the URL of the request can't be sent: {error}. Request less at a time")
    if isinstance(error, AttributeError) and error.name == "handle_async_request":
        return ConfigurationError("the transport of http_client is for a blocking httpx.Client: pass another one")
    return None


def is_of_transport(error: Exception) -> bool:
    """Return whether httpx or a transport failed, rather than an event hook or the receiver of the body."""
    match error:
        case httpx.HTTPError():
            return True
        case RuntimeError():
            unconverted = any(words in str(error) for words in _OF_ANOTHER_LOOP)
        case OSError():
            unconverted = error.filename is None  # a mock may fail to read a file
        case _:
            unconverted = isinstance(error, _UNCONVERTED) or type(error).__module__.partition(".")[0] in _LIBRARIES
    frames = traceback.walk_tb(error.__traceback__)
    return unconverted and any(frame.f_code.co_name in _OF_TRANSPORTS for frame, _ in frames)


def connection_error(where: Where, error: Exception, url: str, hide: Callable[[str], str] = str) -> AdjustError:
    """Return this package's error for an error of httpx or of a transport.

    Args:
        where: The request.
        error: The error.
        url: The URL of the service.
        hide: Removes the API token from a text.
    """
    words = one_line(hide(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__))
    sent = not never_sent(error)
    match error:
        case httpx.PoolTimeout():
            return PoolExhaustedError(f"no free connection: {words}", **where, sent=sent)
        case httpx.ConnectTimeout():
            return APITimeoutError(f"could not connect to {url} in time: {words}", **where, sent=sent)
        case httpx.TimeoutException() | TimeoutError():
            return APITimeoutError(words, **where, sent=sent)
        case httpx.ConnectError() if problem := _certificate_problem(error):
            message = f"the certificate of {url} is not trusted: {problem}. {_certificate_advice(problem)}"
            return APIConnectionError(message, **where, sent=sent, transient=False)
        case httpx.ConnectError() | httpx.ProxyError():
            transient = proxy_status(error) != httpx.codes.PROXY_AUTHENTICATION_REQUIRED
            return APIConnectionError(f"could not connect to {url}: {words}", **where, sent=sent, transient=transient)
        case httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return APIConnectionError(words, **where, sent=sent, transient=False)
        case httpx.DecodingError():
            problem = f"the body can't be decompressed: {words}"
            return DecodeError(problem, location="$", **where, malformed=True, transient=True)
        case RuntimeError():
            message = f"http_client was used in another event loop before, so create one for each loop: {words}"
            return APIConnectionError(message, **where, sent=sent)
        case _:
            return APIConnectionError(f"the connection broke: {words}", **where, sent=sent)


def _certificate_problem(error: BaseException) -> str | None:
    """Return the problem with the certificate if that is why a connection failed; only the chain of causes shows it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message or str(cause)
        cause = cause.__cause__ or cause.__context__
    return None


def _certificate_advice(problem: str) -> str:
    if any(words in problem.lower() for words in _STRICT):
        return (
            "Python 3.13 and later check certificates more strictly: have the certificate authority reissued, or "
            "pass an ssl.SSLContext without ssl.VERIFY_X509_STRICT: "
            "http_client=httpx.AsyncClient(transport=PooledTransport(verify=context))"
        )
    if set_already := [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]:
        return f"{set_already[0]} is set: it may not name the certificate authority that issued this certificate"
    return "Behind a proxy that inspects TLS, set SSL_CERT_FILE to its certificate authority"
