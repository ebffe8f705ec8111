"""The other end of a connection, on a bare socket: a test writes every byte, and ends it in any way."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager


class Peer:
    """One accepted connection."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected

    async def take(self, most: int = 65536) -> bytes:
        """Receive some bytes; none at the end of the connection."""
        try:
            return await asyncio.get_running_loop().sock_recv(self.socket, most)
        except ConnectionError:
            return b""

    async def request(self) -> bytes:
        """Receive bytes until the head of a request is complete."""
        taken = b""
        while b"\r\n\r\n" not in taken:
            piece = await self.take()
            assert piece, "the connection ended within the head of a request"
            taken += piece
        return taken

    async def send(self, data: bytes) -> None:
        """Write everything."""
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    def fill(self, data: bytes, most: int) -> int:
        """Write as much as possible without waiting. Return the number of bytes."""
        sent = 0
        while sent < most:
            try:
                sent += self.socket.send(data[: most - sent])
            except BlockingIOError:
                break
        return sent

    def finish(self) -> None:
        """Shut down writing, and continue reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection properly."""
        self.socket.close()

    def reset(self) -> None:
        """Reset the connection."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Listener:
    """A free port of this machine."""

    def __init__(self, listening: socket.socket) -> None:
        self.socket = listening
        self.address: tuple[str, int] = listening.getsockname()[:2]
        self.url = f"http://127.0.0.1:{self.address[1]}/"
        self.peers: list[Peer] = []

    async def accept(self) -> Peer:
        """Wait for a connection."""
        connected, _ = await asyncio.get_running_loop().sock_accept(self.socket)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peers.append(Peer(connected))
        return self.peers[-1]


@contextmanager
def listening(backlog: int = 100) -> Iterator[Listener]:
    """Listen; all connections are closed at the end."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(backlog)
        bound.setblocking(False)
        listener = Listener(bound)
        try:
            yield listener
        finally:
            for peer in listener.peers:
                peer.close()
