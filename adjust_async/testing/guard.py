"""Keeps tests away from Adjust's real hosts."""

import contextlib
import functools
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

__all__ = ["Guard"]

_DOMAIN = "adjust.com"
_WORDS = (
    "This test would reach Adjust at {}. Use the fixture `adjust`, or connect your client to the emulator: "
    "AsyncAdjust(adjust_emulator.token, api_url=adjust_emulator.url). A test that is meant to reach it needs the mark "
    "@pytest.mark.adjust(real_hosts=True)."
)


class Guard:
    """Fails the running test if it looks up one of Adjust's hosts, or requests one through a proxy.

    The guard sits in name look-ups and in httpcore's pools, below any library that mocks HTTP: mocked requests reach
    neither.
    """

    def __init__(self) -> None:
        self._watching = False
        self._reached: list[str] = []
        self._originals: list[tuple[Any, str, Any]] = []

    def install(self) -> None:
        """Install the guard; a second call does nothing."""
        if self._originals:
            return
        import httpcore

        self._replace(socket, "getaddrinfo", self._guarded_look_up)
        self._replace(httpcore.ConnectionPool, "handle_request", self._guarded_pool)
        self._replace(httpcore.AsyncConnectionPool, "handle_async_request", self._guarded_async_pool)

    def uninstall(self) -> None:
        """Restore the original functions."""
        while self._originals:
            owner, name, original = self._originals.pop()
            setattr(owner, name, original)

    @contextlib.contextmanager
    def watching(self, *, allowed: bool) -> Iterator[None]:
        """Guard one test, unless it is allowed to reach Adjust."""
        self._watching = not allowed
        self._reached.clear()
        try:
            yield
        finally:
            self._watching = False

    def check(self) -> None:
        """Fail the test if it tried to reach one of Adjust's hosts."""
        if self._reached:
            pytest.fail(_WORDS.format(self._reached[0]), pytrace=False)

    def _replace(self, owner: Any, name: str, guarded: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        self._originals.append((owner, name, original))
        setattr(owner, name, guarded(original))

    def _refuse(self, host: object) -> None:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        name = name.rstrip(".").lower()
        if self._watching and (name == _DOMAIN or name.endswith(f".{_DOMAIN}")):
            self._reached.append(name)
            pytest.fail(_WORDS.format(name), pytrace=False)

    # Each replacement keeps the function's name, arguments and kind, because mocks such as respx inspect all three.

    def _guarded_look_up(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
            self._refuse(host)
            return original(host, *args, **kwargs)

        return getaddrinfo

    def _guarded_pool(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def handle_request(pool: Any, request: Any) -> Any:
            self._refuse(request.url.host)
            return original(pool, request)

        return handle_request

    def _guarded_async_pool(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        async def handle_async_request(pool: Any, request: Any) -> Any:
            self._refuse(request.url.host)
            return await original(pool, request)

        return handle_async_request
