"""What became of a request that got no answer: errors of httpx as errors of the tree."""

import ssl
from typing import Any, TypedDict

import httpx

from adjust_async._http.messages import RequestSpec
from adjust_async.errors import AdjustError, APIConnectionError, APITimeoutError, DecodeError, PoolExhaustedError

__all__ = ["Where", "connection_error"]


class Where(TypedDict):
    """Which request it was."""

    method: str
    path: str


def connection_error(spec: RequestSpec[Any], error: httpx.HTTPError, url: str) -> AdjustError:
    """Give the error of the tree that an error of httpx stands for."""
    words = str(error) or type(error).__name__
    where = Where(method=spec.method, path=spec.path)
    match error:
        case httpx.PoolTimeout():
            return PoolExhaustedError(f"no free connection: {words}", **where, sent=False)
        case httpx.TimeoutException():
            # ConnectTimeout too counts as sent: there is a transport that says so of a POST whose answer got lost.
            return APITimeoutError(f"{type(error).__name__}: {words}", **where)
        case httpx.ConnectError() if certificate := _certificate_problem(error):
            return APIConnectionError(
                f"the certificate of {url} is not trusted: {certificate}. Behind a proxy that "
                "inspects TLS, set SSL_CERT_FILE to its certificate authority",
                **where,
                sent=False,
                transient=False,
            )
        case httpx.ConnectError():
            return APIConnectionError(f"could not connect to {url}: {words}", **where, sent=False)
        case httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return APIConnectionError(words, **where, sent=False, transient=False)
        case httpx.DecodingError():
            return DecodeError(f"the body can't be unpacked: {words}", location="$", **where, malformed=True)
        case _:
            return APIConnectionError(f"the connection broke: {words}", **where)


def _certificate_problem(error: BaseException) -> str | None:
    """Find out whether a connection failed for a certificate, which httpx tells in the chain of causes only."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return None
