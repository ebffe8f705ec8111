"""The module that pytest loads: the fixtures, the mark, and the guard."""

import asyncio
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from adjust_async.testing.guard import Guard

if TYPE_CHECKING:  # pytest loads this module in every project that has the package installed
    from adjust_async import AsyncAdjust
    from adjust_async.emulator import Emulator

__all__ = ["adjust", "adjust_emulator"]

_MARK = (
    "adjust(grace_time=..., real_hosts=False, **options): grace_time is passed to the client `adjust`, and the options "
    "to adjust_async.emulator.Emulator for `adjust_emulator`; real_hosts=True lets the test reach Adjust"
)
_NOT_OF_THE_EMULATOR = frozenset({"grace_time", "real_hosts"})
_guard = Guard()


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line("markers", _MARK)


def pytest_unconfigure() -> None:
    """Remove the guard."""
    _guard.uninstall()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Guard the test, its setup and its teardown."""
    _guard.install()
    with _guard.watching(allowed=_options(item).get("real_hosts", False)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Fail a test that tried to reach Adjust's real hosts, even if it caught the first failure."""
    result = yield
    _guard.check()
    return result


@pytest.fixture
def adjust_emulator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Emulator]":
    """Run a fresh emulator of Adjust in a thread for each test.

    `@pytest.mark.adjust` sets its options; the mark nearest to the test wins. `ADJUST_API_TOKEN`, `ADJUST_API_URL` and
    `ADJUST_REPORTS_URL` are set for the test, so that `AsyncAdjust()` without arguments is connected to it too.
    """
    from adjust_async.emulator import Emulator, Faults

    options = {name: value for name, value in _options(request.node).items() if name not in _NOT_OF_THE_EMULATOR}
    if isinstance(options.get("faults"), Faults):
        # Tests of a class or a module share the mark's object.
        options["faults"] = options["faults"].from_start()
    with Emulator(**options) as emulator:
        monkeypatch.setenv("ADJUST_API_TOKEN", emulator.token)
        monkeypatch.setenv("ADJUST_API_URL", emulator.url)
        monkeypatch.setenv("ADJUST_REPORTS_URL", emulator.url)
        yield emulator


@pytest.fixture
def adjust(request: pytest.FixtureRequest, adjust_emulator: "Emulator") -> "Iterator[AsyncAdjust]":
    """Open a client for `adjust_emulator`, and close it after the test. It belongs to the event loop of its first call.

    It opens a connection for each request, so that it can be closed without a running event loop. A blocking test can
    call `asyncio.run` with it once.
    """
    import httpx

    from adjust_async import AsyncAdjust, PooledTransport

    options = {name: value for name, value in _options(request.node).items() if name == "grace_time"}
    http_client = httpx.AsyncClient(transport=PooledTransport(trust_env=False), headers={"Connection": "close"})
    client = AsyncAdjust(
        adjust_emulator.token,
        api_url=adjust_emulator.url,
        reports_url=adjust_emulator.url,
        http_client=http_client,
        **options,
    )
    yield client
    asyncio.run(_close(client, http_client))


async def _close(client: "AsyncAdjust", http_client: Any) -> None:
    await client.aclose()
    await http_client.aclose()


def _options(node: pytest.Item) -> dict[str, Any]:
    """Merge the marks; the one nearest to the test wins."""
    options: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("adjust"))):
        if mark.args:
            raise pytest.UsageError(f"{node.nodeid}: @pytest.mark.adjust takes keyword arguments only.")
        options |= mark.kwargs
    return options
