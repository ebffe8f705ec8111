"""A lease, as the one who holds it sees it."""

import time

from adjust_async._checks import shown
from adjust_async.errors import ConfigurationError

__all__ = ["Lease", "check_lease"]

SHORTEST_LEASE = 1.0
LONGEST_LEASE = 600.0


class Lease:
    """What a member was lent for some seconds, counted from when it asked: never later than the lender counts.

    Two clocks are asked, because each can miss something: the monotonic one stands still while the machine sleeps, and
    the wall clock can be set. Where they disagree, the lease counts as not valid, and asking the lender settles it.
    """

    __slots__ = ("_asked", "_asked_wall", "seconds")

    #: The part of a lease at whose end nothing new is begun, so that what was checked has the time to leave.
    MARGIN = 0.2

    #: How often a lease is renewed within its length.
    RENEWALS = 4

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._asked = self._asked_wall = float("-inf")

    @staticmethod
    def now() -> tuple[float, float]:
        """Return the moment, by both clocks, at which the lender is asked."""
        return time.monotonic(), time.time()

    def confirm(self, asked: tuple[float, float]) -> None:
        """Note that the lender has lent, or renewed, when it was asked at that moment."""
        self._asked, self._asked_wall = asked

    def end(self) -> None:
        """Note that the lender has it back."""
        self._asked = self._asked_wall = float("-inf")

    @property
    def valid(self) -> bool:
        """Whether something may be begun under it now."""
        usable = self.seconds * (1 - self.MARGIN)
        return time.monotonic() - self._asked < usable and 0 <= time.time() - self._asked_wall < usable

    @property
    def due(self) -> float:
        """Seconds until it should be renewed."""
        return max(0.0, self._asked + self.seconds / self.RENEWALS - time.monotonic())


def check_lease(value: object) -> float:
    """Return the length of a lease.

    Raises:
        ConfigurationError: It is no number of seconds from 1 to 600.
    """
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else float("nan")
    if not SHORTEST_LEASE <= number <= LONGEST_LEASE:
        raise ConfigurationError(
            f"lease is {shown(value)}: pass seconds from {SHORTEST_LEASE:g} to {LONGEST_LEASE:g}; a process whose "
            "event loop stands still for longer loses what it holds"
        )
    return float(number)
