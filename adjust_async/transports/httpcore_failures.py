"""Convert httpcore's errors to httpx's, depending on how far the request got.

Their classes are not enough: httpcore applies the `read` timeout to a proxy's answer to `CONNECT`, reports a garbled
answer over HTTP/2 as a "local" protocol error, and does not map TLS errors after the handshake at all.
"""

import ssl

import httpx

from adjust_async.transports.attempts import Attempt, timeout_of, words_of
from adjust_async.transports.failures import ConnectError, LocalProtocolError, ProxyError

__all__ = ["BROKEN", "broken_answer", "failure_of"]

#: The exceptions of a connection that broke while it carried a request.
BROKEN = (httpx.TransportError, ssl.SSLError)


def failure_of(attempt: Attempt, error: Exception) -> Exception:
    """Return the error to raise for one that ended a request before the head of its answer arrived."""
    if not attempt.watched:
        return error  # a mock's, which needs no conversion
    if attempt.begun:
        # Exceptions of the caller's own body stay unchanged.
        return broken_answer(attempt.request, error) if isinstance(error, BROKEN) else error
    if attempt.closed:
        return attempt.closed_error()
    return _connect_failure(attempt, error)


def broken_answer(request: httpx.Request, error: Exception) -> httpx.TransportError:
    """Return the error for a connection that broke after the request was started. httpcore's errors often lack text."""
    match error:
        case httpx.LocalProtocolError():
            return httpx.RemoteProtocolError(words_of(error), request=request)
        case httpx.ReadTimeout():
            return httpx.ReadTimeout(f"nothing was received for {timeout_of(request, 'read')} s", request=request)
        case httpx.WriteTimeout():
            return httpx.WriteTimeout(f"nothing was taken for {timeout_of(request, 'write')} s", request=request)
        case httpx.TransportError() if str(error):
            return error
        case httpx.TransportError():
            return type(error)(words_of(error), request=request)
        case _:
            return httpx.ReadError(words_of(error), request=request)


def _connect_failure(attempt: Attempt, error: Exception) -> Exception:
    request = attempt.request
    match error:
        case httpx.PoolTimeout() | httpx.UnsupportedProtocol():
            return error
        case httpx.LocalProtocolError():
            return LocalProtocolError(str(error), request=request)
        case httpx.TimeoutException():
            return attempt.timeout_error()
        case httpx.ProxyError():
            status = str(error).partition(" ")[0]
            return ProxyError(
                f"the proxy {attempt.proxy} answered {error}",
                request=request,
                status=int(status) if status.isdecimal() else None,
            )
        case httpx.ConnectError():
            return ConnectError(attempt.words(error), request=request)
        case _ if attempt.proxy:
            return ProxyError(f"the proxy {attempt.proxy} opened no tunnel: {words_of(error)}", request=request)
        case _:
            return ConnectError(words_of(error), request=request)
