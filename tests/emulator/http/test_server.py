import asyncio
import gc
import logging
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adjust_async.emulator import Emulator, Faults
from benchmarks.redis_server import free_port
from tests.emulator.requests import connect, eventually, trackers_path

pytestmark = pytest.mark.anyio

PARTNERS = "/public/v1/partners"


def port_of(emulator: Emulator) -> int:
    """Take the port out of the emulator's URL."""
    return int(emulator.url.rpartition(":")[2])


async def test_bound_address(emulator: Emulator) -> None:
    """The URL names 127.0.0.1 without a slash at the end, and no other address of the machine answers."""
    assert emulator.url == f"http://127.0.0.1:{port_of(emulator)}"
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.2", port_of(emulator))


async def test_chosen_port() -> None:
    """A requested port is used, even right after another emulator released it."""
    port = free_port()
    for _ in range(2):
        async with Emulator(port=port, trackers_per_app=0) as chosen, connect(chosen) as client:
            assert chosen.url == f"http://127.0.0.1:{port}"
            assert (await client.get(PARTNERS)).status_code == 200


async def test_port_in_use(emulator: Emulator) -> None:
    """A port in use is an OSError that says so and what to do."""
    with pytest.raises(OSError, match=r"is in use; .* pass port=0"):
        await Emulator(port=port_of(emulator)).__aenter__()


async def test_no_delay(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers do not wait for delayed acknowledgements, which would be 40 ms each."""
    sockets: list[Any] = []
    real = HttpToolsProtocol.connection_made

    def made(self: HttpToolsProtocol, transport: Any) -> None:
        sockets.append(transport.get_extra_info("socket"))
        real(self, transport)

    monkeypatch.setattr(HttpToolsProtocol, "connection_made", made)
    await client.get(PARTNERS)
    assert [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0 for one in sockets] == [True]


@pytest.mark.parametrize("cause", ["latency", "hang", "drip", "idle"])
async def test_exit_with_requests_in_flight(cause: str) -> None:
    """Leaving is quick whatever is in flight, and leaves no task and no connection behind."""
    tasks = asyncio.all_tasks()
    emulator = Emulator(trackers_per_app=0, faults=Faults(1, [cause], drip=3600) if cause in {"hang", "drip"} else None)
    emulator.latency = 3600 if cause == "latency" else 0
    async with asyncio.timeout(60), emulator:
        client = connect(emulator)
        client.timeout = httpx.Timeout(3600)
        requests = [asyncio.create_task(client.get(PARTNERS)) for _ in range(10)]
        if cause == "idle":
            await asyncio.gather(*requests)
        else:
            await eventually(lambda: emulator.stats.in_flight == 10)
    assert (emulator.stats.in_flight, emulator.stats.connections_open) == (0, 0)
    outcomes = await asyncio.gather(*requests, return_exceptions=True)
    failed = [isinstance(outcome, httpx.TransportError) for outcome in outcomes]
    assert failed == [cause != "idle"] * 10
    await client.aclose()
    assert asyncio.all_tasks() == tasks
    gc.collect()


async def test_enter_and_exit_in_different_tasks() -> None:
    """It may be entered in one task and left in another, as fixtures do."""
    emulator = Emulator(trackers_per_app=0)
    await asyncio.create_task(emulator.__aenter__())
    async with connect(emulator) as client:
        assert (await client.get(PARTNERS)).status_code == 200
    await asyncio.create_task(emulator.__aexit__(None, None, None))


async def test_exit_under_cancellation() -> None:
    """A cancelled block still closes everything before the cancellation continues."""
    tasks = asyncio.all_tasks()
    emulator = Emulator(trackers_per_app=0)
    ports = []

    async def run() -> None:
        async with emulator:
            ports.append(port_of(emulator))
            await asyncio.sleep(60)

    running = asyncio.create_task(run())
    await eventually(lambda: bool(ports))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == tasks
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", ports[0])


async def test_cancelled_again_while_it_exits() -> None:
    """Cancelling the exit itself does not leave the server running."""
    tasks = asyncio.all_tasks()
    emulator = await Emulator(trackers_per_app=0).__aenter__()
    leaving = asyncio.create_task(emulator.__aexit__(None, None, None))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert asyncio.all_tasks() == tasks


async def test_cancelled_while_it_starts() -> None:
    """Cancelling the start leaves nothing behind."""
    tasks = asyncio.all_tasks()
    emulator = Emulator(trackers_per_app=0)
    entering = asyncio.create_task(emulator.__aenter__())
    await asyncio.sleep(0)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert asyncio.all_tasks() == tasks
    with pytest.raises(RuntimeError, match="not running"):
        _ = emulator.url


async def test_enter_again() -> None:
    """It may be entered again after it was left, with a fresh account, but not twice at once."""
    emulator = Emulator(trackers_per_app=0)
    for _ in range(2):
        async with emulator, connect(emulator) as client:
            assert (await client.post(trackers_path(emulator), json={"name": "X"})).status_code == 200
            assert emulator.store.count_trackers() == 1
            with pytest.raises(RuntimeError, match="running already"):
                await emulator.__aenter__()


async def test_all_addresses() -> None:
    """Bound to all addresses it has a URL on loopback, and answers under the address that it was reached by."""
    async with Emulator(host="0.0.0.0", trackers_per_app=0) as emulator, connect(emulator) as client:
        assert emulator.url == f"http://127.0.0.1:{port_of(emulator)}"
        for host in "127.0.0.1", "127.0.0.2":
            assert (await client.get(f"http://{host}:{port_of(emulator)}{PARTNERS}")).status_code == 200


def test_not_running() -> None:
    """Attributes of a running emulator raise a clear error while it does not run."""
    emulator = Emulator()
    for attribute in "url", "token", "app_tokens", "store":
        with pytest.raises(RuntimeError, match="not running"):
            getattr(emulator, attribute)
    assert (emulator.latency, emulator.faults, emulator.stats.total) == (0, None, 0)


async def test_the_process_keeps_its_signals_and_logging() -> None:
    """It touches neither signal handlers nor uvicorn's loggers."""
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
    handler = logging.NullHandler()
    access = logging.getLogger("uvicorn.access")
    access.addHandler(handler)

    def state() -> list[Any]:
        loggers = [logging.getLogger(name) for name in names]
        signals = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        return [*signals, *[(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]]

    before = state()
    async with Emulator(trackers_per_app=0):
        assert state() == before
    assert state() == before
    access.removeHandler(handler)


async def test_no_complaints_in_the_log(
    emulator: Emulator, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Faults and clients that go are business as usual: nothing of it is logged as a warning or an error."""
    caplog.set_level(logging.WARNING)
    for fault in "drop-before", "drop-after", "truncated-body", "hang":
        emulator.faults = [fault]
        with pytest.raises(httpx.TransportError):
            await client.get(PARTNERS, timeout=0.05)
    await eventually(lambda: emulator.stats.in_flight == 0)
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]


async def test_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged of a start, a request, a restart and an end, at whatever level."""
    caplog.set_level(logging.DEBUG)
    async with Emulator(trackers_per_app=0) as emulator, connect(emulator) as client:
        await client.get(PARTNERS)
        await emulator.restart(0)
    assert not [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore", "asyncio"))]


@pytest.mark.parametrize(
    "options",
    [
        {"port": -1},
        {"port": 70_000},
        {"apps": 0},
        {"trackers_per_app": -1},
        {"partners": 0},
        {"partners": 10_000},
        {"page_size": 0},
        {"page_size": 1001},
        {"latency": -1},
        {"token": ""},
        {"token": "two words"},
        {"duplicate_names": "maybe"},
        {"taken": 404},
        {"names": "upper"},
        {"list_lag": -1},
        {"faults": 2},
        {"faults": ["nonsense"]},
    ],
)
def test_bad_options(options: dict[str, Any]) -> None:
    """An option that makes no sense is a ValueError that names it."""
    with pytest.raises(ValueError, match="|".join([*options, "Fault", "fault rate"])):
        Emulator(**options)


async def test_bad_latency_while_it_runs(emulator: Emulator) -> None:
    """A negative latency is refused and the old one stays."""
    emulator.latency = 0.01
    with pytest.raises(ValueError, match="latency"):
        emulator.latency = -1
    assert emulator.latency == 0.01


async def test_start_fails_without_a_trace(tmp_path: Path) -> None:
    """A file that is not an emulator's database is refused and left unchanged, and the port is not bound."""
    text = tmp_path / "notes.txt"
    text.write_text("no database, " * 100)
    tasks = asyncio.all_tasks()
    with pytest.raises(Exception, match="not a database"):
        await Emulator(database=text).__aenter__()
    assert text.read_text() == "no database, " * 100
    assert asyncio.all_tasks() == tasks
