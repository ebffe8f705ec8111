"""The interface of a store in which coordinators meet: a file, or Redis.

Every method is one atomic step. A step may be repeated if it failed and it is unknown whether it was done. Therefore a
member always states what it holds, and never what has changed.
"""

from typing import NamedTuple, Protocol

from adjust_async.coordination.protocol import Holder, Host, JournalEntry

__all__ = ["DONE_FOR", "Exchange", "Granted", "LockState", "Store", "StoreUnavailableError"]

#: Seconds for which a journal keeps trackers that were created.
DONE_FOR = 600.0

#: Seconds after which a waiting member no longer counts unless it asks again. Waiting members ask more often than this.
WAITING_FOR = 0.5


class StoreUnavailableError(Exception):
    """The store can't be reached; the message names it, and says why."""


class Exchange(NamedTuple):
    """What a member holds and wants of a host, and a pause that it reports.

    Attributes:
        held: The number of permits in use.
        waiting: The number of requests that wait for one.
        pause: Seconds; 0 for none.
        was_cut: Whether the service asked for a longer pause, so that one request must run first after it.
    """

    held: int
    waiting: int
    pause: float = 0.0
    was_cut: bool = False


class Granted(NamedTuple):
    """The result of an exchange.

    Attributes:
        permits: The number of permits that were granted.
        pause: The seconds that are left of a pause.
        wait: Seconds until the rate allows another request; 0 if it does now.
        contended: Whether other members wait for permits.
    """

    permits: int
    pause: float
    wait: float
    contended: bool


class LockState(NamedTuple):
    """The result of taking a lock: the fencing number, or else the process that holds it and the seconds left."""

    fencing: int | None
    holder: str = ""
    left: float = 0.0


class Store(Protocol):
    """A place in which members meet. All methods raise `StoreUnavailableError`."""

    #: Seconds between two exchanges of a waiting member: at first, and at most.
    poll: tuple[float, float]

    async def exchange(self, host: Host, exchange: Exchange) -> Granted:
        """Report what this member holds and wants, renew its lease, and take the permits that it may have."""
        ...

    async def take_lock(self, key: str) -> LockState:
        """Take a lock for a lease, or renew it if this member holds it."""
        ...

    async def renew_lock(self, key: str, fencing: int) -> bool:
        """Renew a lock. Return whether this member still holds it."""
        ...

    async def release_lock(self, key: str) -> None:
        """Release a lock if this member still holds it."""
        ...

    async def read_journal(self, key: str) -> list[JournalEntry]:
        """Return the open entries, and those that were settled with a token in the last ten minutes."""
        ...

    async def write_journal(self, key: str, fencing: int, entries: list[JournalEntry]) -> bool:
        """Write open entries durably. Return `False`, and write nothing, if the lock is not held with that number."""
        ...

    async def settle_journal(self, key: str, entries: list[JournalEntry]) -> None:
        """Remove entries, and keep those with a token for ten minutes."""
        ...

    async def holders(self, hosts: list[Host], url: str) -> list[Holder]:
        """Return the holders of permits for these hosts, and of locks of apps at this URL."""
        ...

    async def aclose(self) -> None:
        """Remove this member, and disconnect."""
        ...
