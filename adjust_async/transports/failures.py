"""Errors of httpx that say for sure that nothing of a request was sent.

A plain `httpx.ConnectTimeout` does not: there are transports that raise it for a POST whose answer got lost.
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
    """Marks the errors of this package's transports that were raised before any byte of the request was sent."""


class ConnectError(httpx.ConnectError, NotSent):
    """No connection: the host is unknown, refused it, or its certificate is not trusted."""


class ConnectTimeout(httpx.ConnectTimeout, NotSent):
    """No connection within the `connect` timeout."""


class LocalProtocolError(httpx.LocalProtocolError, NotSent):
    """The request can't be sent: HTTP does not allow what is in it."""


class ProxyError(httpx.ProxyError, NotSent):
    """The proxy did not open the way to the host.

    Attributes:
        status: The status with which it refused, such as 407; `None` where it gave none.
    """

    def __init__(self, message: str, *, request: httpx.Request | None = None, status: int | None = None) -> None:
        super().__init__(message, request=request)
        self.status = status


def never_sent(error: BaseException) -> bool:
    """Return whether surely nothing of the request was sent, so that sending it again can do nothing twice.

    `ConnectTimeout` and `ProxyError` count only where they come from a transport of this package or from httpcore.
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
    import httpcore  # httpx imports it no earlier than with its first transport

    return isinstance(error, (httpcore.ConnectTimeout, httpcore.ProxyError))
