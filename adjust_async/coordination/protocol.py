"""The protocol of coordination, which is all that other packages use.

A `Coordinator` connects clients that share one account. Each client joins it once as a `Member`, and gets from it

- a permit for every request, so that all members together keep to the limits of a host;
- the lock of an app, so that only one member at a time creates trackers there from a plan;
- the journal of that app, which survives a process that is killed between a create and its answer.
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

#: Seconds. After a longer `Retry-After`, the pause still ends here, and one request tries the service first.
LONGEST_PAUSE = 60.0


class PauseOutlastsDeadlineError(Exception):
    """The service asked for a pause that ends after the call's deadline; `seconds` are left of the pause."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:g} s are left of the pause")
        self.seconds = seconds


@frozen
class Host:
    """A service and its limits, as configured in one client.

    Attributes:
        name: The client's name for it, such as `"api"`.
        url: Scheme and host.
        account: A digest of the account that the limits belong to, from `Host.account_of`.
        max_concurrency: The maximum number of concurrent requests.
        max_rate: Requests a second on average; `None` for no limit.
        burst: Requests that may start at once after an idle time; `None` for one second's worth.
    """

    name: str
    url: str
    account: str
    max_concurrency: int
    max_rate: float | None = None
    burst: int | None = None

    @property
    def scope(self) -> str:
        """The key of the limits: members with the same scope share them."""
        return f"{self.name} {self.url} {self.account}"

    @staticmethod
    def account_of(token: str, account_id: str | None = None) -> str:
        """Return a digest that identifies an account in everything that a coordinator stores.

        It is the same in every process, and does not reveal the API token.
        """
        text = token if account_id is None else f"{token} {account_id}"
        return blake2b(text.encode(), digest_size=12, person=b"adjust_async").hexdigest()


class Permit(Protocol):
    """The permission to send one request."""

    @property
    def valid(self) -> bool:
        """Whether this member still holds the permit, by both the monotonic and the wall clock.

        A process that was suspended for longer than its lease has lost the permit, and others may hold it now.
        """
        ...


class Lock(Protocol):
    """The lock of an app, while it is held."""

    @property
    def fencing(self) -> int:
        """A number that is higher than that of every earlier holder."""
        ...

    async def ensure(self) -> None:
        """Return if the lock is still held. The coordinator is asked only if the clocks don't settle it.

        Raises:
            LockLostError: Another member holds the lock by now, or may hold it.
        """
        ...


@frozen
class JournalEntry:
    """A create that is about to be sent, or whose outcome is known.

    Attributes:
        id: Distinguishes it from other creates of the same name.
        parent_token: The parent tracker; `None` for a network.
        label: The requested name.
        token: The tracker that was created; `None` while it is unknown whether one was.
    """

    id: str
    parent_token: str | None
    label: str
    token: str | None = None


class Journal(Protocol):
    """The creates of one app whose outcome the next process may have to look up."""

    async def entries(self) -> list[JournalEntry]:
        """Return the open creates, and those that were settled with a token within the last ten minutes."""
        ...

    async def write(self, entry: JournalEntry, lock: Lock) -> None:
        """Write an open entry. Once this returns, the entry survives the process.

        Raises:
            LockLostError: The lock's fencing number is stale. Nothing was written, and nothing must be sent.
        """
        ...

    async def settle(self, entry: JournalEntry, token: str | None) -> None:
        """Record the outcome: the token of the tracker, or `None` if certainly none was created.

        A token is kept for ten more minutes, because lists may not show the tracker yet.
        """
        ...


@frozen
class Holder:
    """A process that holds permits or a lock, as shown to people.

    Attributes:
        kind: `"permits"` or `"lock"`.
        what: The host of the permits, or the app of the lock.
        process: The process, such as `"1234 on web-1"`.
        mine: Whether it is the member that was asked.
        held: The number of permits that it holds; 1 for a lock.
        waiting: The number of its requests that wait for a permit.
        expires_in: Seconds until the lease ends, unless the holder renews it; `None` if it has no lease.
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
    """One client's membership in a coordinator."""

    @property
    def permits_out(self) -> int:
        """The number of permits that this member's requests hold, for all hosts."""
        ...

    def permit(self, host: str, *, deadline: float | None = None) -> AbstractAsyncContextManager[Permit]:
        """Hold a permit: wait for a free one, for the rate, and for the end of a pause.

        Args:
            host: The name of one of the hosts that the member joined with.
            deadline: The time of the event loop's clock at which the caller gives up; `None` for never.

        Raises:
            PauseOutlastsDeadlineError: (on entering) A pause ends after the deadline.
            CoordinationError: (on entering) The coordinator can't be reached. No permit was taken.
        """
        ...

    async def pause(self, host: str, seconds: float) -> bool:
        """Keep all members from starting requests for some seconds. Return whether no pause was running.

        A running pause that is longer stays. After a pause that was cut to `LONGEST_PAUSE`, one request starts, and the
        others wait until it has ended. If the coordinator can't be reached, this member pauses nevertheless.
        """
        ...

    def pause_left(self, host: str) -> float:
        """Return the seconds until requests may start again, as far as this member knows; 0 without a pause."""
        ...

    def lock(self, app_token: str) -> AbstractAsyncContextManager[Lock]:
        """Hold the lock of an app: wait until nobody else holds it, and renew it until the block ends.

        Raises:
            CoordinationError: (on entering) The coordinator can't be reached.
        """
        ...

    def journal(self, app_token: str) -> Journal:
        """Return the journal of an app. Its methods raise `CoordinationError` if the coordinator can't be reached."""
        ...

    async def holders(self) -> list[Holder]:
        """Return all holders of permits for this member's hosts and of locks of apps at its URL, this member included.

        Raises:
            CoordinationError: The coordinator can't be reached.
        """
        ...

    async def aclose(self) -> None:
        """Leave: release everything that is held, and end the member's own tasks. It may be called twice."""
        ...


class Coordinator(Protocol):
    """A place where the clients of one account share its limits."""

    def join(self, hosts: Sequence[Host]) -> Member:
        """Return a member for a client of these hosts. Nothing connects before the first use.

        Locks and journals belong to the first host's URL, whichever token is used, as each app is in one account.
        """
        ...
