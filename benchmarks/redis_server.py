"""A Redis on a free port of this machine, for tests and benchmarks."""

import random
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

#: The program's names in Debian. Both servers speak the same protocol.
PROGRAMS = ("redis-server", "valkey-server")


def free_port() -> int:
    """Return a free port to which a server can come back: no system takes one below 32768 for outgoing connections."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 200):
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


class RedisServer:
    """A server that keeps its data in a folder, so that it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            raise FileNotFoundError(f"neither of {', '.join(PROGRAMS)} is installed")
        self._program = program
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        options += ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
        self._process = subprocess.Popen([self._program, *options], stdout=subprocess.DEVNULL)
        give_up = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{self._program} did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False
