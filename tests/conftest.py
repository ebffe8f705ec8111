"""Fixtures that every test module may ask for."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The SDK is for asyncio, so that every asynchronous test runs there."""
    return "asyncio"
