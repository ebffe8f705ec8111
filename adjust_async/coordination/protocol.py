"""What the rest of the package knows of coordination: one small protocol, whoever implements it.

A `Coordinator` says with whom a client shares its account. A client joins it once, and takes through its `Member`

- a permit for every request, so that all members together keep to the limits of a host;
- the lock of an app, so that one member at a time creates trackers there from a plan;
- the journal of that app, which outlives a process that is killed between a create and its answer.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from hashlib import blake2b
from typing import Literal, Protocol

from attrs import frozen

__all__ = [
    "LONGEST_PAUSE",
    "Coordinator",
    "Holder",
    "Host",
    "Journal",
    "JournalEntry",
    "Lock",
    "Member",
    "PauseOutlastsDeadlineError",
    "Permit",
]

#: Seconds. A service that asks for more is asked again after this, by one request alone.
LONGEST_PAUSE = 60.0


class PauseOutlastsDeadlineError(Exception):
    """The service asked for a pause that the call has no time for; `seconds` are left of it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:g} s are left of the pause")
        self.seconds = seconds


@frozen
class Host:
    """A service and its limits, as one client knows them.

    Attributes:
        name: What the client calls it, such as `"api"`.
        url: Scheme and host.
        account: Whose limits they are, as `Host.account_of` returns it.
        max_concurrency: Requests at the same time.
        max_rate: Requests a second on average; `None` for no limit.
        burst: Requests that may follow each other at once after a time of rest; one second's worth where `None`.
    """

    name: str
    url: str
    account: str
    max_concurrency: int
    max_rate: float | None = None
    burst: int | None = None

    @property
    def scope(self) -> str:
        """What the limits are shared by: members with the same scope share them, all others don't."""
        return f"{self.name} {self.url} {self.account}"

    @staticmethod
    def account_of(token: str, account_id: str | None = None) -> str:
        """Return a digest that stands for an account wherever the coordinator keeps something.

        It is the same in every process, and the API token can't be told from it.
        """
        text = token if account_id is None else f"{token} {account_id}"
        return blake2b(text.encode(), digest_size=12, person=b"adjust_async").hexdigest()


class Permit(Protocol):
    """The permission to send one request."""

    @property
    def valid(self) -> bool:
        """Whether the permit is still this member's, by the monotonic and by the wall clock.

        A process that was stopped for longer than its lease has lost it: others may hold the permit by now.
        """
        ...


class Lock(Protocol):
    """The lock of an app, while it is held."""

    @property
    def fencing(self) -> int:
        """A number that is higher than that of every earlier holder."""
        ...

    async def ensure(self) -> None:
        """Return while the lock is held. Ask the coordinator only where the clocks leave it open.

        Raises:
            LockLostError: It is somebody else's by now, or may be.
        """
        ...


@frozen
class JournalEntry:
    """A create that is about to be sent, or whose outcome is known.

    Attributes:
        id: What tells it from other creates of the same name.
        parent_token: The tracker above; `None` for a network.
        label: The name that was asked for.
        token: The tracker that was created; `None` as long as nobody knows whether there is one.
    """

    id: str
    parent_token: str | None
    label: str
    token: str | None = None


class Journal(Protocol):
    """The creates of one app whose outcome may be unknown to the next process."""

    async def entries(self) -> list[JournalEntry]:
        """Return the creates that are open, and those that were settled as created within the last ten minutes."""
        ...

    async def write(self, entry: JournalEntry, lock: Lock) -> None:
        """Write an open entry. When this returns, the entry outlives the process.

        Raises:
            LockLostError: The lock's fencing number is stale. Nothing was written, and nothing may be sent.
        """
        ...

    async def settle(self, entry: JournalEntry, token: str | None) -> None:
        """Note that the outcome is known: the token of the tracker, or `None` where there surely is none.

        A tracker is remembered for ten minutes more, for lists that don't show it yet.
        """
        ...


@frozen
class Holder:
    """Who holds what, for people to read.

    Attributes:
        kind: `"permits"` or `"lock"`.
        what: The host of the permits, or the app of the lock.
        process: The process, such as `"1234 on web-1"`.
        mine: Whether it is the member that was asked.
        held: Permits that it holds; 1 for a lock.
        waiting: Requests of it that wait for a permit.
        expires_in: Seconds until the coordinator takes it back, unless the holder renews it; `None` for never.
    """

    kind: Literal["permits", "lock"]
    what: str
    process: str
    mine: bool
    held: int
    waiting: int = 0
    expires_in: float | None = None

    def __str__(self) -> str:
        whose = f"process {self.process}" + (" (this client)" if self.mine else "")
        left = "" if self.expires_in is None else f", for {self.expires_in:.1f} s unless renewed"
        if self.kind == "lock":
            return f"lock of app {self.what}: {whose}{left}"
        return f"permits of {self.what}: {whose} holds {self.held}, {self.waiting} requests wait{left}"


class Member(Protocol):
    """One client's part in a coordinator."""

    @property
    def permits_out(self) -> int:
        """How many permits this member's requests hold, of all hosts."""
        ...

    def permit(self, host: str, *, deadline: float | None = None) -> AbstractAsyncContextManager[Permit]:
        """Hold a permit: wait for one, for the rate, and for the end of a pause.

        Args:
            host: The name of one of the hosts that the member joined with.
            deadline: The loop's time at which the caller gives up; `None` for never.

        Raises:
            PauseOutlastsDeadlineError: (on entering) There is a pause that ends after the deadline.
            CoordinationError: (on entering) The coordinator is out of reach. No permit was taken.
        """
        ...

    async def pause(self, host: str, seconds: float) -> bool:
        """Let no request of any member begin for so long, and return whether no pause was under way.

        A longer pause that is under way stays. After one that was cut to `LONGEST_PAUSE` one request begins alone, and
        the others wait until it has ended. Where the coordinator is out of reach, this member pauses all the same.
        """
        ...

    def pause_left(self, host: str) -> float:
        """Return the seconds until requests may begin again, as far as this member knows; 0 where there is no pause."""
        ...

    def lock(self, app_token: str) -> AbstractAsyncContextManager[Lock]:
        """Hold the lock of an app: wait until nobody else does, and renew it until the block ends.

        Raises:
            CoordinationError: (on entering) The coordinator is out of reach.
        """
        ...

    def journal(self, app_token: str) -> Journal:
        """Return the journal of an app, whose methods raise `CoordinationError` if the coordinator is out of reach."""
        ...

    async def holders(self) -> list[Holder]:
        """Return who holds permits of this member's hosts and locks of its apps, this member included.

        Raises:
            CoordinationError: The coordinator is out of reach.
        """
        ...

    async def aclose(self) -> None:
        """Leave: give back what is held, and end the member's own tasks. It may be called twice."""
        ...


class Coordinator(Protocol):
    """With whom a client shares its account."""

    def join(self, hosts: Sequence[Host]) -> Member:
        """Return a member for a client of these hosts. Nothing is connected before it is used.

        Locks and journals belong to the first host's URL, whoever's token is used: an app is in one account.
        """
        ...
