"""A member in another process, which executes commands, and can be killed, suspended, and run with a wrong clock.

Run as a program it is the member: `python -m tests.coordination.puppet URL LEASE ACCOUNT MAX_CONCURRENCY`.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from adjust_async.coordination import (
    Coordinator,
    FileCoordinator,
    Host,
    JournalEntry,
    Lock,
    Member,
    Permit,
    RedisCoordinator,
)
from adjust_async.errors import AdjustError

URL = "https://api.adjust.com"
FOLDER = Path(__file__).parents[2]


def coordinator_of(place: str, lease: float, **options: Any) -> Coordinator:
    """Return a coordinator for a place, with a lease that is short enough for tests."""
    scheme, _, path = place.partition("://")
    return FileCoordinator(path, lease=lease) if scheme == "file" else RedisCoordinator(place, lease=lease, **options)


def host_of(account: str, max_concurrency: int) -> Host:
    """Return the host that all members of a test have."""
    return Host("api", URL, account, max_concurrency)


class Puppet:
    """The process, as the test sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, command: str, *values: Any) -> Any:
        """Execute a command. Return its result: a value, or the name of an error."""
        await self.tell(command, *values)
        return await self.answer()

    async def tell(self, command: str, *values: Any) -> None:
        """Send a command without waiting for its result."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, *values]).encode() + b"\n")
        await self._process.stdin.drain()

    async def answer(self) -> Any:
        """Wait for the result of a command."""
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            line = await self._process.stdout.readline()
        assert line, "the process has ended"
        return json.loads(line)

    def kill(self) -> None:
        """Kill the process, as the kernel does."""
        self._process.kill()

    def stop(self) -> None:
        """Suspend the process."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Resume the process."""
        self._process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def puppet(place: str, lease: float, account: str, max_concurrency: int) -> AsyncIterator[Puppet]:
    """Start a member in another process."""
    arguments = [sys.executable, "-m", __name__, place, str(lease), account, str(max_concurrency)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe, cwd=FOLDER)
    try:
        started = Puppet(process)
        assert await started.answer() == "ready"
        yield started
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        # Its pipes are closed by callbacks of the loop.
        process._transport.close()  # type: ignore[attr-defined]
        await asyncio.sleep(0)


class _Member:
    """The member, in its process."""

    def __init__(self, member: Member, stack: AsyncExitStack) -> None:
        self._member = member
        self._stack = stack
        self._permits: list[Permit] = []
        self._lock: Lock | None = None

    async def hold(self, count: int) -> int:
        """Take permits and keep them."""
        for _ in range(count):
            self._permits.append(await self._stack.enter_async_context(self._member.permit("api")))
        return len(self._permits)

    async def valid(self) -> list[bool]:
        """Return which permits are valid."""
        return [permit.valid for permit in self._permits]

    async def take(self) -> str:
        """Take a permit for a moment. Return that it was granted."""
        async with self._member.permit("api") as permit:
            assert permit.valid
            return "granted"

    async def use(self, workers: int, seconds: float, each: float) -> list[tuple[float, float]]:
        """Send for this many seconds. Return when each request began and ended, by the machine's clock."""
        done: list[tuple[float, float]] = []
        end = time.monotonic() + seconds

        async def work() -> None:
            while time.monotonic() < end:
                async with self._member.permit("api"):
                    begin = time.monotonic()
                    await asyncio.sleep(each)
                    done.append((begin, time.monotonic()))

        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
        return done

    async def lock(self, app_token: str) -> int:
        """Take a lock and keep it."""
        self._lock = await self._stack.enter_async_context(self._member.lock(app_token))
        return self._lock.fencing

    async def ensure(self) -> str:
        """Return whether the lock is held."""
        assert self._lock is not None
        await self._lock.ensure()
        return "held"

    async def write(self, app_token: str, label: str) -> str:
        """Write into a journal with the lock."""
        assert self._lock is not None
        await self._member.journal(app_token).write(JournalEntry(label, None, label), self._lock)
        return "written"

    async def move_clock(self, seconds: float) -> float:
        """Set the wall clock of this process."""
        now = time.time
        time.time = lambda: now() + seconds
        return time.time()


async def _main(place: str, lease: str, account: str, max_concurrency: str) -> None:
    member = coordinator_of(place, float(lease)).join([host_of(account, int(max_concurrency))])
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print('"ready"', flush=True)  # noqa: T201 - this is how it answers
    async with AsyncExitStack() as stack:
        puppeteer = _Member(member, stack)
        async for line in reader:
            command, *values = json.loads(line)
            try:
                answer = await getattr(puppeteer, command)(*values)
            except AdjustError as error:
                answer = type(error).__name__
            print(json.dumps(answer), flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
