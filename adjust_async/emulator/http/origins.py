"""Refuses requests that a web page on the same machine may send: for a foreign host, or from a foreign origin."""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import Scope

from adjust_async.emulator.http.refusals import RefusalError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Origins:
    """Knows the names of the emulator: loopback, its own address, and `hosts`.

    A page of another site can reach a loopback port by a name that points there, or by a form. Its requests carry that
    host or their origin, and browsers let no page forge either.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset({*_LOOPBACK, *(host.lower() for host in hosts)})

    def check(self, scope: Scope) -> None:
        """Raise a 403 `RefusalError` for a request with a foreign host or origin."""
        known = self._hosts
        if scope["server"] is not None:
            # The address that the client connected to, which may be one of many if all are bound.
            known |= {scope["server"][0]}
        headers = Request(scope).headers
        host = headers.get("host", "")
        if _hostname(f"//{host}") not in known:
            raise RefusalError(403, f"The emulator is not {host!r}; pass hosts=[...] for names that it may have")
        for origin in headers.getlist("origin"):
            if _hostname(origin) not in known:
                raise RefusalError(403, f"The emulator answers no pages of {origin!r}")


@lru_cache(maxsize=256)
def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
