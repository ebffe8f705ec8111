"""Fixtures for the tests of transports."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import trustme

from tests.transports.peers import KINDS, Case, make


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Either transport."""
    return str(request.param)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that is not trusted by default."""
    return trustme.CA()


@pytest.fixture
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    """TLS that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def case(kind: str) -> AsyncIterator[Callable[..., Case]]:
    """Yield cases; their transports are closed at the end, and leave no task."""
    async with AsyncExitStack() as stack:

        def new(**settings: Any) -> Case:
            transport = make(kind, 1, **settings)
            stack.push_async_callback(transport.aclose)
            return Case(transport)

        yield new
