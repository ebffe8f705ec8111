"""Whether the machine slept: the wall clock goes on meanwhile, and on most systems the monotonic one does not."""

import time

__all__ = ["CLOCK_TOLERANCE", "clock_offset"]

#: Seconds by which the two clocks may drift apart.
CLOCK_TOLERANCE = 1.0


def clock_offset() -> float:
    """Return by how much the wall clock is ahead of the monotonic one, in seconds."""
    return time.time() - time.monotonic()
