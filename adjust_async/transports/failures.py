"""Errors of httpx which guarantee that no byte of the request was sent.

A plain `httpx.ConnectTimeout` does not guarantee that: some transports raise it for a POST whose answer was lost.
"""

from typing import Any

import httpx

__all__ = [
    "ConnectError",
    "ConnectTimeout",
    "LocalProtocolError",
    "NotSent",
    "ProxyError",
    "never_sent",
    "proxy_status",
]


class NotSent:
    """Marks the errors that this package's transports raise before any byte of the request was sent."""


class ConnectError(httpx.ConnectError, NotSent):
    """No connection: the host is unknown or refused it, or its certificate is not trusted."""


class ConnectTimeout(httpx.ConnectTimeout, NotSent):
    """No connection within the `connect` timeout."""


class LocalProtocolError(httpx.LocalProtocolError, NotSent):
    """The request can't be sent: HTTP does not allow its content."""


class ProxyError(httpx.ProxyError, NotSent):
    """The proxy did not open a tunnel to the host.

    Attributes:
        status: The status with which it refused, such as 407; `None` without one.
    """

    def __init__(self, message: str, *, request: httpx.Request | None = None, status: int | None = None) -> None:
        super().__init__(message, request=request)
        self.status = status


def never_sent(error: BaseException) -> bool:
    """Return whether certainly nothing of the request was sent, so that sending it again can't have an effect twice.

    `ConnectTimeout` and `ProxyError` count only from a transport of this package or from httpcore.
    """
    if isinstance(error, (NotSent, httpx.ConnectError, httpx.PoolTimeout, httpx.UnsupportedProtocol)):
        return True
    return isinstance(error, (httpx.ConnectTimeout, httpx.ProxyError)) and _is_of_httpcore(error.__cause__)


def proxy_status(error: BaseException) -> int | None:
    """Return the status with which a proxy refused to open a tunnel; `None` for any other error."""
    if isinstance(error, ProxyError):
        return error.status
    if isinstance(error, httpx.ProxyError) and _is_of_httpcore(error.__cause__):
        status = str(error).partition(" ")[0]
        return int(status) if status.isdecimal() else None
    return None


def _is_of_httpcore(error: Any) -> bool:
    import httpcore  # httpx imports it only with its first transport

    return isinstance(error, (httpcore.ConnectTimeout, httpcore.ProxyError))
