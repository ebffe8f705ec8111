"""The destination of a request, as far as connections are concerned."""

from typing import NamedTuple

import httpx

__all__ = ["Origin", "origin_of"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """The destination of a connection."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def origin_of(request: httpx.Request) -> Origin:
    """Return the destination of a request.

    Raises:
        httpx.UnsupportedProtocol: The scheme is neither http nor https, or there is no host.
    """
    url = request.url
    if url.scheme not in _DEFAULT_PORTS or not url.host:
        words = f"only http and https with a host are supported, and the URL's scheme is {url.scheme!r}"
        raise httpx.UnsupportedProtocol(words, request=request)
    return Origin(url.scheme, url.raw_host.decode("ascii"), url.port or _DEFAULT_PORTS[url.scheme])
