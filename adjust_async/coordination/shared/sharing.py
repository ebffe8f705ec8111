"""The number of permits that a member gets, as pure functions without clock or store.

The Redis script computes the same, and a test compares the two.
"""

import math
from collections.abc import Iterable
from enum import IntEnum

from attrs import frozen

__all__ = ["Bucket", "Demand", "Rate", "Trial", "permits_for"]


@frozen
class Demand:
    """What a member holds and wants of a host, and since when it has waited without getting anything."""

    held: int
    waiting: int
    since: float


def permits_for(mine: Demand, others: Iterable[Demand], limit: int) -> int:
    """Return how many more permits a member may take now.

    Each member that wants permits has an equal share of the limit. Within its share, a member gives way to members that
    have waited longer for theirs. Beyond it, a member takes what nobody else is owed.
    """
    others = list(others)
    free = limit - mine.held - sum(other.held for other in others)
    if free <= 0 or not mine.waiting:
        return 0
    active = 1 + sum(1 for other in others if other.held + other.waiting)
    share = max(1, limit // active)
    owed = sum(_owed(other, share) for other in others)
    owed_before = sum(_owed(other, share) for other in others if other.since < mine.since)
    within_share = min(share - mine.held, free - owed_before)
    return max(0, min(mine.waiting, free, max(within_share, free - owed)))


def _owed(demand: Demand, share: int) -> int:
    return max(0, min(share, demand.held + demand.waiting) - demand.held)


@frozen
class Rate:
    """Requests a second, and the number that may start at once."""

    per_second: float
    burst: int

    @classmethod
    def of(cls, max_rate: float, burst: int | None) -> "Rate":
        """Return the rate with its default burst, which is one second's worth."""
        return cls(max_rate, burst or max(1, math.ceil(max_rate)))


@frozen
class Bucket:
    """A leaky bucket: each request adds 1, the level falls at the rate, and it never exceeds the burst."""

    level: float = 0.0
    at: float = 0.0

    def room(self, rate: Rate, now: float) -> int:
        """Return how many requests may start now."""
        return max(0, math.floor(rate.burst - self._level(rate, now) + 1e-9))

    def wait(self, rate: Rate, now: float) -> float:
        """Return the seconds until one request may start."""
        return max(0.0, (self._level(rate, now) + 1 - rate.burst) / rate.per_second)

    def add(self, requests: int, rate: Rate, now: float) -> "Bucket":
        """Return the bucket after this many requests have started."""
        return Bucket(self._level(rate, now) + requests, now)

    def _level(self, rate: Rate, now: float) -> float:
        # The clock starts again with the machine; the level must not rise because of it.
        return max(0.0, self.level - max(0.0, now - self.at) * rate.per_second)


class Trial(IntEnum):
    """Whether, after a pause that was cut short, one request must run first, or is running."""

    NONE = 0
    NEEDED = 1
    UNDER_WAY = 2

    def limit(self, limit: int, *, is_alone: bool) -> int:
        """Return the effective limit. Permits from before the trial must come back first, hence `is_alone`."""
        return limit if self == Trial.NONE or (is_alone and self == Trial.UNDER_WAY) else 1

    def after(self, permits: int, *, is_alone: bool) -> "Trial":
        """Return the state after this many permits are granted."""
        if self == Trial.NEEDED and permits:
            return Trial.UNDER_WAY
        return Trial.NONE if self == Trial.UNDER_WAY and is_alone else self
