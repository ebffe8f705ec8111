"""TCP keep-alive: a report can be silent for minutes, longer than many NAT routers remember a connection."""

import socket
from contextlib import suppress
from typing import Any

__all__ = ["keep_alive"]

#: Seconds of silence before the first probe, seconds between probes, and the number of unanswered probes.
IDLE, INTERVAL, PROBES = 60, 60, 5


def keep_alive(connected: Any) -> None:
    """Enable the system's keep-alive probes for a socket, if the platform has them."""
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
