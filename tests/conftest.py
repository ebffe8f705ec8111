"""Fixtures that every test module may ask for."""

from importlib.util import find_spec

import pytest

# Other people's clients are installed by `nox -s peers` alone, which runs the tests that need them.
collect_ignore = [] if find_spec("adjustapi") else ["peers"]


@pytest.fixture
def anyio_backend() -> str:
    """The SDK is for asyncio, so that every asynchronous test runs there."""
    return "asyncio"
