"""Detect that the machine was suspended: the wall clock goes on meanwhile, but most monotonic clocks stop."""

import time

__all__ = ["CLOCK_TOLERANCE", "clock_offset"]

#: The number of seconds by which the two clocks may drift apart.
CLOCK_TOLERANCE = 1.0


def clock_offset() -> float:
    """Return the seconds by which the wall clock is ahead of the monotonic one."""
    return time.time() - time.monotonic()
