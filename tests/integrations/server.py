"""The example application in another process, as in production: uvicorn, a real port, a signal to stop."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adjust_async.emulator import Emulator

ROOT = Path(__file__).parents[2]


class Server:
    """A running application.

    Attributes:
        url: The URL of the server.
        stdout, stderr: What it printed, complete after `stop`.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.url = ""
        self.stdout = self.stderr = ""
        self._reading: asyncio.Task[None] | None = None

    async def started(self) -> None:
        """Wait until it listens."""
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self.stderr += line.decode()
            if found := re.search(rb"running on (http://\S+)", line):
                self.url = found[1].decode()
                self._reading = asyncio.create_task(self._read())
                return
        raise AssertionError(self.stderr)

    async def _read(self) -> None:
        stdout, stderr = await self._process.communicate()
        self.stdout += stdout.decode()
        self.stderr += stderr.decode()

    def ask_to_stop(self) -> None:
        """Send the signal that a deployment sends, if it has not ended yet."""
        if self._process.returncode is None:
            self._process.terminate()

    async def ended(self) -> None:
        """Wait for an orderly end: uvicorn raises the signal again when it has shut down."""
        assert self._reading is not None
        async with asyncio.timeout(90):
            await self._reading
            assert await self._process.wait() in {0, -signal.SIGTERM}
        assert "Application shutdown complete" in self.stderr

    @property
    def roll_outs(self) -> list[dict[str, Any]]:
        """What the application printed about its roll-outs at its end."""
        return [json.loads(line) for line in self.stdout.splitlines() if '"roll_out"' in line]


@asynccontextmanager
async def serve(emulator: Emulator, loop: str = "asyncio") -> AsyncIterator[Server]:
    """Run the example application against an emulator, and stop it at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error::RuntimeWarning", "-m", "uvicorn", "app:app", "--port", "0"),
        *("--app-dir", str(ROOT / "examples/fastapi_app"), "--loop", loop, "--no-access-log"),
        *("--timeout-graceful-shutdown", "50"),
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "ADJUST_API_TOKEN": emulator.token,
            "ADJUST_API_URL": emulator.url,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    server = Server(process)
    try:
        async with asyncio.timeout(30):
            await server.started()
        yield server
        server.ask_to_stop()
        await server.ended()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
