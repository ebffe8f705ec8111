"""An account for other clients, and our own figures to compare theirs with."""

from collections.abc import AsyncIterator

import pytest

from adjust_async import AsyncAdjust
from adjust_async.emulator import Emulator


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An account of three apps with figures."""
    async with Emulator(apps=3, trackers_per_app=40, facts_per_day=20) as running:
        yield running


@pytest.fixture
async def adjust(emulator: Emulator) -> AsyncIterator[AsyncAdjust]:
    """Our own client of the same account."""
    async with AsyncAdjust(emulator.token, api_url=emulator.url) as client:
        yield client
