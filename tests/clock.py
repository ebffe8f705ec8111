"""An event loop whose clock jumps: where it would sleep, it moves its time ahead instead."""

import asyncio
import selectors
from typing import Any


class _JumpingSelector(selectors.DefaultSelector):
    loop: "JumpingClockLoop"

    def select(self, timeout: float | None = None) -> Any:
        """Look for what is ready; move the clock, rather than wait, where nothing is."""
        # A clock that stands still can keep a callback that waits for its next tick waiting for ever.
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
        """Give the time of the jumping clock, in seconds."""
        return self.now


JUMPING_CLOCK = ("asyncio", {"loop_factory": JumpingClockLoop})
