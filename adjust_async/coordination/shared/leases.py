"""A lease as its holder sees it."""

import time

from adjust_async._checks import shown
from adjust_async.errors import ConfigurationError

__all__ = ["Lease", "check_lease"]

SHORTEST_LEASE = 1.0
LONGEST_LEASE = 600.0


class Lease:
    """A lease of some seconds, counted from the moment it was asked for. The store's own count never ends earlier.

    It is valid only if two clocks agree, because each can be wrong: the monotonic clock stands still while the machine
    sleeps, and the wall clock can be set. If they disagree, the store has to be asked.
    """

    __slots__ = ("_asked", "_asked_wall", "seconds")

    #: The share at the end of a lease in which nothing new starts, so that what was checked still gets sent in time.
    MARGIN = 0.2

    #: The number of renewals within the length of a lease.
    RENEWALS = 4

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._asked = self._asked_wall = float("-inf")

    @staticmethod
    def now() -> tuple[float, float]:
        """Return the current time of both clocks, to be passed to `confirm` after asking the store."""
        return time.monotonic(), time.time()

    def confirm(self, asked: tuple[float, float]) -> None:
        """Record that the store granted or renewed the lease when it was asked at that moment."""
        self._asked, self._asked_wall = asked

    def end(self) -> None:
        """Record that the lease was returned."""
        self._asked = self._asked_wall = float("-inf")

    @property
    def valid(self) -> bool:
        """Whether something may be started under the lease now."""
        usable = self.seconds * (1 - self.MARGIN)
        return time.monotonic() - self._asked < usable and 0 <= time.time() - self._asked_wall < usable

    @property
    def due(self) -> float:
        """The seconds until the lease should be renewed."""
        return max(0.0, self._asked + self.seconds / self.RENEWALS - time.monotonic())


def check_lease(value: object) -> float:
    """Return the length of a lease.

    Raises:
        ConfigurationError: It is not a number of seconds from 1 to 600.
    """
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else float("nan")
    if not SHORTEST_LEASE <= number <= LONGEST_LEASE:
        raise ConfigurationError(
            f"lease is {shown(value)}: pass seconds from {SHORTEST_LEASE:g} to {LONGEST_LEASE:g}; a process whose "
            "event loop blocks for longer loses what it holds"
        )
    return float(number)
