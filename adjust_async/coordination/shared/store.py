"""What the shared coordinators need of the place where they meet: a file, or Redis.

Every method is one atomic step of the store. A step may be repeated after a failure that leaves open whether it was
done: a member always states what it holds, never what has changed.
"""

from typing import NamedTuple, Protocol

from adjust_async.coordination.protocol import Holder, Host, JournalEntry

__all__ = ["DONE_FOR", "Exchange", "Granted", "LockState", "Store", "StoreUnavailableError"]

#: Seconds for which a journal remembers trackers that were created.
DONE_FOR = 600.0

#: Seconds after which what a member waits for no longer counts, unless it asked again: members that wait ask often.
WAITING_FOR = 0.5


class StoreUnavailableError(Exception):
    """The store can't be reached; the message says which, and why."""


class Exchange(NamedTuple):
    """What a member holds of a host, what it wants, and the pause that it was told of.

    Attributes:
        held: Permits that are out.
        waiting: Requests that wait for one.
        pause: Seconds; 0 for none.
        was_cut: Whether the service had asked for a longer pause, so that one request has to begin alone after it.
    """

    held: int
    waiting: int
    pause: float = 0.0
    was_cut: bool = False


class Granted(NamedTuple):
    """What came of an exchange.

    Attributes:
        permits: How many permits the member was given.
        pause: Seconds that are left of a pause.
        wait: Seconds until the rate allows another request; 0 where it does.
        contended: Whether others wait for permits.
    """

    permits: int
    pause: float
    wait: float
    contended: bool


class LockState(NamedTuple):
    """A lock after it was asked for: the fencing number for the member that has it, or who has it for how long yet."""

    fencing: int | None
    holder: str = ""
    left: float = 0.0


class Store(Protocol):
    """A place where members meet. All methods raise `StoreUnavailableError`."""

    #: Seconds between two questions of a member that waits: at first, and at most.
    poll: tuple[float, float]

    async def exchange(self, host: Host, exchange: Exchange) -> Granted:
        """Say what this member holds and wants, for another lease, and take what it may have."""
        ...

    async def take_lock(self, key: str) -> LockState:
        """Take a lock for a lease, or renew it where this member has it."""
        ...

    async def renew_lock(self, key: str, fencing: int) -> bool:
        """Renew a lock; return whether this member still has it."""
        ...

    async def give_lock(self, key: str) -> None:
        """Give a lock back, if it is still this member's."""
        ...

    async def read_journal(self, key: str) -> list[JournalEntry]:
        """Return the entries that are open, and those that were settled with a token not long ago."""
        ...

    async def write_journal(self, key: str, fencing: int, entries: list[JournalEntry]) -> bool:
        """Write open entries for good; return `False`, and write nothing, where the lock is not held by that number."""
        ...

    async def settle_journal(self, key: str, entries: list[JournalEntry]) -> None:
        """Remove entries, and remember those with a token."""
        ...

    async def holders(self, hosts: list[Host], url: str) -> list[Holder]:
        """Return who holds permits of these hosts, and locks of apps at this URL."""
        ...

    async def aclose(self) -> None:
        """Forget this member, and disconnect."""
        ...
