"""Connecting to a host by whichever of its addresses answers first."""

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, TypeAlias

__all__ = ["connected_socket"]

#: Seconds after which the next address of a host is tried beside the one before.
NEXT_ADDRESS_DELAY = 0.25

_Address: TypeAlias = tuple[int, int, int, str, Any]


async def connected_socket(host: str, port: int) -> socket.socket:
    """Give a socket that is connected to one of the host's addresses.

    They are tried by "happy eyeballs" (RFC 8305), as many networks have addresses of IPv6 that lead nowhere. asyncio
    can do that too, but there a cancellation leaves sockets open.

    Raises:
        OSError: The host is not known, or none of its addresses takes the connection.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    waiting = deque(_by_turns(found))
    attempts: set[asyncio.Task[socket.socket]] = set()
    failures: list[BaseException] = []
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.create_task(_connect(waiting.popleft())))
            patience = NEXT_ADDRESS_DELAY if waiting else None
            ended, attempts = await asyncio.wait(attempts, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            for attempt in ended:
                if (failure := attempt.exception()) is None:
                    attempts |= ended - {attempt}
                    return attempt.result()
                failures.append(failure)
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(_close)
    raise failures[0] if len(failures) == 1 else OSError("; ".join(map(str, failures)) or f"{host} has no address")


def _by_turns(addresses: Sequence[_Address]) -> list[_Address]:
    """Let addresses of IPv6 and IPv4 take turns, and stay in the system's order otherwise."""
    families: dict[int, list[_Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    return [address for turn in zip_longest(*families.values()) for address in turn if address is not None]


async def _connect(address: _Address) -> socket.socket:
    family, kind, protocol, _, target = address
    connecting = socket.socket(family, kind, protocol)
    try:
        connecting.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connecting, target)
    except BaseException:  # a cancellation too must not leave it open
        connecting.close()
        raise
    return connecting


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
