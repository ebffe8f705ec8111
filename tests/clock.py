"""An event loop whose clock jumps: instead of sleeping, it moves its time forward."""

import asyncio
import selectors
import sys
from typing import Any

import pytest


class _JumpingSelector(selectors.DefaultSelector):
    loop: "JumpingClockLoop"

    def select(self, timeout: float | None = None) -> Any:
        """Select ready events. If there are none, move the clock instead of waiting."""
        # With a clock that stands still, a callback that waits for the next tick would wait forever.
        self.loop.now += 1e-9
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout > 0:
            self.loop.now += timeout
        return ready


class JumpingClockLoop(asyncio.SelectorEventLoop):
    """A loop for tests of waits without sockets: hours pass at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Return the time of the jumping clock, in seconds."""
        return self.now


JUMPING_CLOCK = ("asyncio", {"loop_factory": JumpingClockLoop})


@pytest.fixture
def jumping_clock() -> tuple[str, dict[str, Any]]:
    """Let hours pass at once in a module without sockets that says `anyio_backend = jumping_clock`."""
    return JUMPING_CLOCK


class EagerLoop(JumpingClockLoop):
    """A loop whose tasks run immediately, until they first wait."""

    def __init__(self) -> None:
        super().__init__()
        if sys.version_info >= (3, 12):
            self.set_task_factory(asyncio.eager_task_factory)


#: Both kinds of tasks that Python has, by their names.
EAGER_AND_LAZY = {"lazy": JUMPING_CLOCK}
if sys.version_info >= (3, 12):
    EAGER_AND_LAZY["eager"] = ("asyncio", {"loop_factory": EagerLoop})


def now() -> float:
    """Return the time of the jumping clock, without the nanoseconds of its ticks."""
    return round(asyncio.get_running_loop().time(), 6)


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(30):
        await asyncio.sleep(0)
