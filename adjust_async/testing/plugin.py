"""What pytest loads: the fixtures, the mark, and the guard."""

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
    "adjust(grace_time=..., real_hosts=False, **options): grace_time is that of the client `adjust`, the options are "
    "those of adjust_async.emulator.Emulator behind `adjust_emulator`; real_hosts=True lets the test reach Adjust"
)
_NOT_OF_THE_EMULATOR = frozenset({"grace_time", "real_hosts"})
_guard = Guard()


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line("markers", _MARK)


def pytest_unconfigure() -> None:
    """Take the guard away."""
    _guard.uninstall()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Guard the test, its setup and its teardown."""
    _guard.install()
    with _guard.watching(allowed=_options(item).get("real_hosts", False)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Fail a test that reached for Adjust's real hosts, also where it has swallowed the failure."""
    result = yield
    _guard.check()
    return result


@pytest.fixture
def adjust_emulator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Emulator]":
    """Run an emulator of Adjust in a thread of its own, fresh for each test.

    `@pytest.mark.adjust` sets its options; those of a mark that is nearer to the test win. `AsyncAdjust()` without
    arguments is its client too, as `ADJUST_API_TOKEN`, `ADJUST_API_URL` and `ADJUST_REPORTS_URL` are set for the test.
    """
    from adjust_async.emulator import Emulator, Faults

    options = {name: value for name, value in _options(request.node).items() if name not in _NOT_OF_THE_EMULATOR}
    if isinstance(options.get("faults"), Faults):
        # A mark of a class or a module is shared by its tests.
        options["faults"] = options["faults"].afresh()
    with Emulator(**options) as emulator:
        monkeypatch.setenv("ADJUST_API_TOKEN", emulator.token)
        monkeypatch.setenv("ADJUST_API_URL", emulator.url)
        monkeypatch.setenv("ADJUST_REPORTS_URL", emulator.url)
        yield emulator


@pytest.fixture
def adjust(request: pytest.FixtureRequest, adjust_emulator: "Emulator") -> "Iterator[AsyncAdjust]":
    """Open a client of `adjust_emulator`, and close it after the test; its event loop is that of its first call.

    It makes a connection for each request, so that no loop has to be alive for it to be closed. A blocking test calls
    `asyncio.run` with it once.
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
    """Merge the marks, the one nearest to the test last."""
    options: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("adjust"))):
        if mark.args:
            raise pytest.UsageError(f"{node.nodeid}: @pytest.mark.adjust takes keyword arguments only.")
        options |= mark.kwargs
    return options
