"""Connecting to a host of several addresses, over real sockets."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from adjust_async._http import sockets as _sockets
from adjust_async._http.sockets import _by_turns, connected_socket
from tests.peer import Listener, listening

pytestmark = pytest.mark.anyio

#: Addresses of documentation, which lead nowhere: connecting to them is patched to wait.
NOWHERE = ("192.0.2.1", 443)
NOR_HERE = ("192.0.2.2", 443)
NOR_THERE = ("192.0.2.3", 443)

Connect = Callable[[socket.socket, Any], Awaitable[None]]


class Attempts:
    """Takes part in each attempt to connect, and keeps its socket."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self.sockets: dict[Any, socket.socket] = {}
        self.nowhere: Connect = self._never
        self._answered: dict[Any, asyncio.Event] = {}

    async def connect(self, connecting: socket.socket, address: Any) -> None:
        """Connect, or wait where the address leads nowhere."""
        self.sockets[address] = connecting
        await (self.nowhere if address[0].startswith("192.0.2.") else self._connect)(connecting, address)

    def answer(self, *addresses: tuple[str, int]) -> None:
        """Let addresses that lead nowhere be connected."""
        for address in addresses:
            self._answered[address].set()

    async def _never(self, _: socket.socket, address: Any) -> None:
        self._answered[address] = asyncio.Event()
        await self._answered[address].wait()

    @property
    def open(self) -> list[Any]:
        """The addresses whose sockets are open."""
        return [address for address, connecting in self.sockets.items() if connecting.fileno() != -1]


@pytest.fixture
async def attempts(monkeypatch: pytest.MonkeyPatch) -> Attempts:
    """What is attempted, without much patience for an address."""
    loop = asyncio.get_running_loop()
    made = Attempts(loop.sock_connect)
    monkeypatch.setattr(loop, "sock_connect", made.connect)
    monkeypatch.setattr(_sockets, "NEXT_ADDRESS_DELAY", 0.005)
    return made


@pytest.fixture
async def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Gives every host the addresses that a test names."""

    def to(*addresses: tuple[str, int]) -> None:
        async def find(_host: str, _port: int, **_: object) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for address in addresses]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", find)

    return to


def refused() -> tuple[str, int]:
    """Give an address that nobody listens at."""
    with listening() as listener:
        return listener.address


async def test_the_first_address_is_used(attempts: Attempts, resolve: Callable[..., None]) -> None:
    """Where the first address takes the connection, no other is tried, and the socket is as asyncio wants it."""
    with listening() as listener:
        resolve(listener.address, NOWHERE)
        with await connected_socket("host", 1) as connected:
            assert connected.getpeername() == listener.address
            assert not connected.getblocking()
            assert list(attempts.sockets) == [listener.address]


async def test_after_a_refusal_the_next_address_is_used_at_once(
    attempts: Attempts, resolve: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that refuses costs no time, and its socket is closed."""
    monkeypatch.setattr(_sockets, "NEXT_ADDRESS_DELAY", 60)
    with listening() as listener:
        resolve(refused(), refused(), listener.address)
        async with asyncio.timeout(5):
            with await connected_socket("host", 1) as connected:
                assert connected.getpeername() == listener.address
                assert attempts.open == [listener.address]


async def test_an_address_that_leads_nowhere_does_not_hold_up_the_next(
    attempts: Attempts, resolve: Callable[..., None]
) -> None:
    """After a while the next address is tried beside the first, which is given up when that one answers."""
    with listening() as listener:
        resolve(NOWHERE, listener.address)
        started = asyncio.get_running_loop().time()
        with await connected_socket("host", 1) as connected:
            assert asyncio.get_running_loop().time() - started >= 0.004
            assert connected.getpeername() == listener.address
            await asyncio.sleep(0)
            assert attempts.open == [listener.address]


async def test_a_slow_address_may_win_all_the_same(attempts: Attempts, resolve: Callable[..., None]) -> None:
    """An address goes on being tried while others are, so that the first to answer is the one."""
    resolve(NOWHERE, NOR_HERE, NOR_THERE)
    connecting = asyncio.create_task(connected_socket("host", 1))
    while len(attempts.sockets) < 3:
        await asyncio.sleep(0.001)
    attempts.answer(NOR_HERE)
    with await connecting as connected:
        await asyncio.sleep(0)
        assert attempts.open == [NOR_HERE]
        assert connected is attempts.sockets[NOR_HERE]


async def test_of_two_that_answer_together_one_is_closed(attempts: Attempts, resolve: Callable[..., None]) -> None:
    """Where several connections are there at once, one is given, and the others are closed."""
    resolve(NOWHERE, NOR_HERE, NOR_THERE)
    connecting = asyncio.create_task(connected_socket("host", 1))
    while len(attempts.sockets) < 3:
        await asyncio.sleep(0.001)
    attempts.answer(NOWHERE, NOR_THERE)
    with await connecting as connected:
        await asyncio.sleep(0)
        assert [attempts.sockets[address] for address in attempts.open] == [connected]


async def test_one_failure_is_told_as_it_is(attempts: Attempts, resolve: Callable[..., None]) -> None:
    """The error of a host's only address is the error."""
    resolve(refused())
    with pytest.raises(ConnectionRefusedError) as caught:
        await connected_socket("host", 1)
    assert caught.value.errno == errno.ECONNREFUSED
    assert attempts.open == []


async def test_all_failures_are_told(attempts: Attempts, resolve: Callable[..., None]) -> None:
    """Where no address takes the connection, one error names all that was tried."""

    async def unreachable(*_: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    attempts.nowhere = unreachable
    address = refused()
    resolve(address, NOWHERE)
    with pytest.raises(OSError, match=f"{address[1]}.*; .*unreachable"):
        await connected_socket("host", 1)
    assert attempts.open == []


async def test_a_kind_of_address_that_the_system_lacks_is_a_failure_as_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where no socket can be made for an address, the next one is used."""
    with listening() as listener:

        async def find(*_: object, **__: object) -> list[Any]:
            return [
                (9999, socket.SOCK_STREAM, 0, "", ("x",)),
                (socket.AF_INET, socket.SOCK_STREAM, 0, "", listener.address),
            ]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", find)
        with await connected_socket("host", 1) as connected:
            assert connected.getpeername() == listener.address


async def test_a_host_without_addresses_is_an_error(resolve: Callable[..., None]) -> None:
    """A host that is known, and has no address, is an error that names it."""
    resolve()
    with pytest.raises(OSError, match="host has no address"):
        await connected_socket("host", 1)


async def test_cancellation_closes_all(attempts: Attempts, resolve: Callable[..., None]) -> None:
    """Cancelled while it tries several addresses, it leaves no socket and no task."""
    before = asyncio.all_tasks()
    resolve(NOWHERE, NOR_HERE, NOR_THERE)
    connecting = asyncio.create_task(connected_socket("host", 1))
    while len(attempts.sockets) < 3:
        await asyncio.sleep(0.001)
    assert len(attempts.open) == 3
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert attempts.open == []
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("steps", range(12))
async def test_cancellation_at_whatever_step_closes_all(
    attempts: Attempts, resolve: Callable[..., None], steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it is cancelled, also with a connection made already, it leaves no socket and no task."""
    monkeypatch.setattr(_sockets, "NEXT_ADDRESS_DELAY", 0)
    before = asyncio.all_tasks()
    with listening() as one, listening() as two:
        resolve(NOWHERE, one.address, two.address)
        connecting = asyncio.create_task(connected_socket("host", 1))
        for _ in range(steps):
            await asyncio.sleep(0)
        connecting.cancel()
        with suppress(asyncio.CancelledError):
            (await connecting).close()
        await asyncio.sleep(0)
        assert attempts.open == []
        assert asyncio.all_tasks() == before


async def test_a_cancellation_with_the_answer_closes_all(attempts: Attempts, resolve: Callable[..., None]) -> None:
    """Cancelled in the very round in which connections are made, it gives none, and closes them."""
    resolve(NOWHERE, NOR_HERE, NOR_THERE)
    for rounds in range(6):
        attempts.sockets.clear()
        connecting = asyncio.create_task(connected_socket("host", 1))
        while len(attempts.sockets) < 3:
            await asyncio.sleep(0.001)
        attempts.answer(NOR_HERE, NOR_THERE)
        for _ in range(rounds):
            await asyncio.sleep(0)
        connecting.cancel()
        with suppress(asyncio.CancelledError):
            (await connecting).close()
        await asyncio.sleep(0)
        assert attempts.open == []


async def test_localhost_is_found_by_whichever_family() -> None:
    """A name of several families leads to the one that listens."""
    with listening() as listener:
        with await connected_socket("localhost", listener.address[1]) as connected:
            assert connected.getpeername() == listener.address
        await closed(listener)


async def closed(listener: Listener) -> None:
    """Wait until the only connection of a listener is closed."""
    assert await (await listener.accept()).take() == b""


async def test_families_take_turns() -> None:
    """Addresses of both families alternate, from the family that the system put first, each in the system's order."""

    def addresses(*names: str) -> list[Any]:
        families = {"4": socket.AF_INET, "6": socket.AF_INET6}
        return [(families[name[0]], socket.SOCK_STREAM, 0, "", name) for name in names]

    for given, expected in (
        (["6a", "6b", "6c", "4a", "4b"], ["6a", "4a", "6b", "4b", "6c"]),
        (["4a", "6a", "6b"], ["4a", "6a", "6b"]),
        (["4a", "4b"], ["4a", "4b"]),
        ([], []),
    ):
        assert [address[4] for address in _by_turns(addresses(*given))] == expected
