"""Fixtures for all test modules.

`@pytest.mark.account(apps=3)` sets the emulator's account, and `@pytest.mark.settings(max_attempts=2)` the client's
options. The mark nearest to the test replaces the others.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec
from itertools import islice
from typing import Any, TypeAlias

import pytest
from hypothesis import settings

from adjust_async import AsyncAdjust
from adjust_async._http import retry
from adjust_async.emulator import Emulator
from adjust_async.emulator.http.gate import LeakyBucket
from tests import script as scripts
from tests.script import Script

# Only `nox -s peers` installs other clients, and runs the tests that need them.
collect_ignore = [] if find_spec("adjustapi") else ["peers"]

pytest_plugins = ["adjust_async.testing.plugin"]

# No deadline: the first example may import pandas, and time must not decide about a test.
settings.register_profile("full", deadline=None)
settings.load_profile("full")
# `--hypothesis-profile quick` is for all Pythons but the one that tries every example.
settings.register_profile("quick", deadline=None, max_examples=20)

#: Opens a client for a script of outcomes; the fixture `client` returns this.
ScriptedClient: TypeAlias = Callable[..., AbstractAsyncContextManager[tuple[AsyncAdjust, Script]]]

#: Lets seconds pass; the fixture `pass_time` returns this.
PassTime: TypeAlias = Callable[[float], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--cases`, for the Pythons that need not see every combination again; one Python alone runs slow tests."""
    parser.addoption("--cases", type=int, help="run at most so many cases of each test that is not slow, spread evenly")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect cases beyond `--cases`, and let each worker begin with its share of the slow tests."""
    most = config.getoption("--cases")
    if most is not None:
        cases: dict[str, list[pytest.Item]] = {}
        for item in items:
            name = item.nodeid if item.get_closest_marker("slow") else item.nodeid.partition("[")[0]
            cases.setdefault(name, []).append(item)
        kept = {item for group in cases.values() for item in group[:: max(1, -(-len(group) // most))]}
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = [item for item in items if item in kept]
    if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
        items[:] = _slow_ones_first(items, int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))


def _slow_ones_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Order tests for xdist, whose workers begin with parts of equal length: nobody waits for slow ones at the end."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    others = iter([item for item in items if not item.get_closest_marker("slow")])
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        ordered += slow[worker::workers]
        ordered += islice(others, max(0, len(items) * (worker + 1) // workers - len(ordered)))
    return [*ordered, *others]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks that configure the fixtures."""
    config.addinivalue_line("markers", "account(**options): the options of the emulator behind `emulator` and `adjust`")
    config.addinivalue_line("markers", "settings(**options): the options of the client `adjust`")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their size: compressed ones contain the time, and every process has to name its tests alike."""
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) else None


def _options(request: pytest.FixtureRequest, mark: str) -> dict[str, Any]:
    nearest = request.node.get_closest_marker(mark)
    return {} if nearest is None else dict(nearest.kwargs)


@pytest.fixture
def anyio_backend() -> str:
    """Run every asynchronous test on asyncio, which the SDK is for."""
    return "asyncio"


@pytest.fixture
async def emulator(request: pytest.FixtureRequest) -> AsyncIterator[Emulator]:
    """A running emulator; `@pytest.mark.account` configures its account."""
    async with Emulator(**_options(request, "account")) as running:
        yield running


@pytest.fixture
async def adjust(request: pytest.FixtureRequest, emulator: Emulator) -> AsyncIterator[AsyncAdjust]:
    """A client of the emulator. At the end, no permit, call, task or connection may be left."""
    before = len(asyncio.all_tasks())
    async with AsyncAdjust(emulator.token, api_url=emulator.url, **_options(request, "settings")) as opened:
        yield opened
        session = opened._session
        assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)
    async with asyncio.timeout(60):
        while emulator.stats.connections_open or len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0)


@pytest.fixture
def client() -> ScriptedClient:
    """Return an asynchronous context manager that opens a client for a script of outcomes."""
    return scripts.client


@pytest.fixture
def script() -> type[Script]:
    """Return a transport that plays outcomes, for clients that a test opens itself."""
    return Script


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> PassTime:
    """Return a function that lets seconds pass at once: what waits for less in this loop ends its wait.

    A window of real time that a test must be quick to use would be missed by a machine that stands still for a while.
    """
    passed, monotonic = 0.0, time.monotonic

    def pass_time(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    def now() -> float:
        return monotonic() + passed

    monkeypatch.setattr(time, "monotonic", now)  # which asyncio's loops ask, too
    monkeypatch.setattr(LeakyBucket.__init__, "__defaults__", (now,))
    return pass_time


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make retries follow each other at once."""
    monkeypatch.setattr(retry, "jitter", lambda _: 0.0)
