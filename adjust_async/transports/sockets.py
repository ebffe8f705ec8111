"""Sockets: TCP keep-alive, and what the system knows of a connection before the event loop does."""

import select
import socket
from contextlib import suppress
from typing import Any

__all__ = ["has_ended", "is_readable", "keep_alive"]

#: The event of the other end's last byte, even behind bytes that nobody has read yet. Only Linux has it.
_LAST_BYTE: int = getattr(select, "POLLRDHUP", 0)

#: Seconds of silence before the first probe, seconds between probes, and the number of unanswered probes.
IDLE, INTERVAL, PROBES = 60, 60, 5


def keep_alive(connected: Any) -> None:
    """Enable the system's keep-alive probes for a socket, if the platform has them.

    A report can be silent for minutes, longer than many NAT routers remember a connection.
    """
    idle = getattr(socket, "TCP_KEEPIDLE", None) or getattr(socket, "TCP_KEEPALIVE", None)  # the latter on macOS
    wanted = (
        (idle, IDLE),
        (getattr(socket, "TCP_KEEPINTVL", None), INTERVAL),
        (getattr(socket, "TCP_KEEPCNT", None), PROBES),
    )
    with suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in wanted:
            if option is not None:
                connected.setsockopt(socket.IPPROTO_TCP, option, value)


def is_readable(connected: Any) -> bool:
    """Return whether the system has received something, such as the end of the connection."""
    if hasattr(select, "poll"):
        return _polls(connected, select.POLLIN)
    return bool(select.select([connected], [], [], 0)[0])  # on Windows


def has_ended(connected: Any) -> bool:
    """Return whether the other end has closed the connection; on some platforms, only whether it was reset."""
    return hasattr(select, "poll") and _polls(connected, _LAST_BYTE)


def _polls(connected: Any, event: int) -> bool:
    if connected.fileno() < 0:
        return True  # this end has closed it
    poll = select.poll()
    poll.register(connected, event)
    return bool(poll.poll(0))
