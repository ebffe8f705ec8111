"""A running emulator and a plain httpx client for it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.requests import connect


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator with the default account."""
    async with Emulator() as emulator:
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client that presents the emulator's token."""
    async with connect(emulator) as client:
        yield client
