"""An event loop whose clock jumps: instead of sleeping, it moves its time forward."""

import asyncio
import selectors
from typing import Any


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
