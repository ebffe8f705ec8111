"""An account of two apps without trackers, for the tests of provisioning over real sockets: its fixtures."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adjust_async import AsyncAdjust
from adjust_async.emulator import Emulator
from tests.provisioning_plans import left_over, patient

GRACE = 0.4
NOTHING = (0, 0, 0)


@pytest.fixture(params=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> Any:
    """Both versions of the Campaign API."""
    return request.param


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An account of two apps without trackers, in which two may have the same name."""
    async with Emulator(apps=2, trackers_per_app=0, duplicate_names="allow") as running:
        yield running


@pytest.fixture
async def adjust(emulator: Emulator) -> AsyncIterator[AsyncAdjust]:
    """A client of the emulator; at its end no permit, call, task or connection may be left."""
    before = len(asyncio.all_tasks())
    async with patient(emulator) as client:
        yield client
        assert left_over(client) == NOTHING
    async with asyncio.timeout(60):
        while emulator.stats.connections_open or len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0)


def app_of(emulator: Emulator) -> str:
    """Return the first app."""
    return emulator.app_tokens[0]
