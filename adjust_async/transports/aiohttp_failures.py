"""Convert aiohttp's errors to httpx's, depending on how far the request got."""

import aiohttp
import httpx

from adjust_async.transports.attempts import Attempt, timeout_of, words_of
from adjust_async.transports.failures import ConnectError, LocalProtocolError, ProxyError

__all__ = ["broken_answer", "cause_of", "failure_of"]


def failure_of(attempt: Attempt, error: Exception) -> httpx.TransportError:
    """Return the error to raise for one that ended a request before the head of its answer arrived."""
    if attempt.begun and isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError):
        # aiohttp checks headers only when it is about to send them.
        return LocalProtocolError(str(error), request=attempt.request)
    if attempt.begun:
        return broken_answer(attempt.request, error)
    if attempt.closed:
        return attempt.closed_error()
    return _connect_failure(attempt, error)


def broken_answer(request: httpx.Request, error: Exception) -> httpx.TransportError:
    """Return the error for a connection that broke after the request was started."""
    match error:
        case httpx.TransportError():
            return error
        case TimeoutError():
            return httpx.ReadTimeout(f"nothing was received for {timeout_of(request, 'read')} s", request=request)
        case aiohttp.ServerDisconnectedError():
            return httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        case aiohttp.ClientResponseError():
            return httpx.RemoteProtocolError(error.message, request=request)
        case aiohttp.ClientPayloadError():
            return httpx.RemoteProtocolError(str(error), request=request)
        case _:
            return httpx.ReadError(words_of(error), request=request)


def cause_of(error: Exception) -> BaseException | None:
    """Return a cause to show for an error. Some of aiohttp's contain the request's headers, or a proxy's password."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return _reason(error)
    return error.__cause__ if isinstance(error, aiohttp.ClientResponseError) else error


def _reason(error: aiohttp.ClientConnectorError) -> Exception:
    # Until aiohttp 3.13.3, `os_error` of a bad certificate raises AttributeError.
    return error.certificate_error if isinstance(error, aiohttp.ClientConnectorCertificateError) else error.os_error


def _connect_failure(attempt: Attempt, error: Exception) -> httpx.TransportError:
    request, proxy = attempt.request, attempt.proxy
    match error:
        case httpx.TransportError():
            return error
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return httpx.UnsupportedProtocol(str(error), request=request)
        case aiohttp.ClientHttpProxyError():
            words = f"the proxy {proxy} answered {error.status} {error.message}"
            return ProxyError(words, request=request, status=error.status)
        case aiohttp.ClientConnectorError():
            return ConnectError(attempt.words(_reason(error)), request=request)
        case TimeoutError():
            return attempt.timeout_error()
        case _ if proxy:
            return ProxyError(f"the proxy {proxy} opened no tunnel: {words_of(error)}", request=request)
        case _:
            return ConnectError(words_of(error), request=request)
