"""Checks of what every coordinator must do, which you can run against your own implementation.

    from adjust_async.coordination.conformance import CHECKS

    @pytest.mark.anyio
    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    async def test_my_coordinator(check):
        await check(lambda: MyCoordinator("place"))

Each check calls its argument to get a coordinator. Each call stands for another process, and all of them use the same
place. Each check makes accounts and apps of its own, so the place can be reused. A check takes a second or less.

The checks do not cover the permits of a killed process, because that needs a process to kill.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import uuid4

from adjust_async.coordination.protocol import (
    Coordinator,
    Host,
    JournalEntry,
    Lock,
    Member,
    PauseOutlastsDeadlineError,
)
from adjust_async.errors import LockLostError

__all__ = ["CHECKS", "Check", "ConformanceError", "Connect"]

Connect: TypeAlias = Callable[[], Coordinator]
"""Returns a coordinator of the place that is checked."""

Check: TypeAlias = Callable[[Connect], Coroutine[Any, Any, None]]
"""Checks one rule. It raises `ConformanceError` if the coordinator violates the rule."""

_URL = "https://api.adjust.com"

#: Seconds until a check gives up. A correct implementation never waits this long.
_PATIENCE = 60.0


class ConformanceError(AssertionError):
    """A coordinator violates the protocol; the message says how."""


def _expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ConformanceError(otherwise)


@asynccontextmanager
async def _members(connect: Connect, *hosts: Host) -> AsyncIterator[list[Member]]:
    """Open two members of the same hosts. At the end, none of their permits and tasks may remain."""
    before = len(asyncio.all_tasks())
    members = [connect().join(hosts) for _ in range(2)]
    try:
        async with asyncio.timeout(_PATIENCE):
            yield members
        out = [member.permits_out for member in members]
        _expect(not any(out), f"{sum(out)} permits were not released")
    finally:
        for member in members:
            await member.aclose()
            await member.aclose()
    left = len(asyncio.all_tasks()) - before
    _expect(left <= 0, f"{left} tasks are still running after aclose")


def _host(
    max_concurrency: int, *, max_rate: float | None = None, burst: int | None = None, account: str | None = None
) -> Host:
    return Host("api", _URL, Host.account_of(account or uuid4().hex), max_concurrency, max_rate, burst)


class _Requests:
    """Requests that hold a permit for a while, and count how many of them run at once."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.most = 0
        self.begun: list[tuple[float, Member]] = []
        self._begins = asyncio.Event()

    async def send(self, member: Member, seconds: float = 0.0) -> None:
        async with member.permit("api") as permit:
            _expect(permit.valid, "a permit that was just granted is not valid")
            self.begun.append((asyncio.get_running_loop().time(), member))
            self._begins.set()
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
            try:
                await asyncio.sleep(seconds)
            finally:
                self.in_flight -= 1

    async def until_begun(self, count: int) -> None:
        """Wait until that many requests have begun."""
        while len(self.begun) < count:
            self._begins.clear()
            await self._begins.wait()

    async def send_many(self, *members: Member, count: int, seconds: float = 0.0) -> None:
        async with asyncio.TaskGroup() as group:
            for member in members:
                for _ in range(count):
                    group.create_task(self.send(member, seconds))


async def _until_waiting() -> None:
    """Let tasks that were just started reach the point where they wait."""
    await asyncio.sleep(0.05)


async def permits_are_shared(connect: Connect) -> None:
    """Grant all members together as many permits as the host allows, and never more."""
    requests = _Requests()
    async with _members(connect, _host(3)) as members:
        await requests.send_many(*members, count=6, seconds=0.02)
    _expect(requests.most == 3, f"{requests.most} requests ran at once, and 3 are allowed")


async def permits_come_back(connect: Connect) -> None:
    """Get permits back after a failure, after a cancelled holder, and after a cancelled waiter."""
    async with _members(connect, _host(2)) as (one, other):
        for member in (one, other):
            with contextlib.suppress(ZeroDivisionError):
                async with member.permit("api"):
                    raise ZeroDivisionError
        requests = _Requests()
        tasks = [asyncio.create_task(requests.send(member, 60)) for member in (one, one, other, one)]
        await requests.until_begun(2)
        await _until_waiting()
        _expect(requests.in_flight == 2, f"{requests.in_flight} requests run, and 2 are allowed")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await requests.send_many(other, count=4)


async def leaving_releases_permits(connect: Connect) -> None:
    """Release the permits of a member as soon as it leaves, without waiting for its lease to end."""
    host = _host(1)
    member, other = connect().join([host]), connect().join([host])
    try:
        async with member.permit("api"):
            pass
        await member.aclose()
        try:
            async with asyncio.timeout(5), other.permit("api"):
                pass
        except TimeoutError:
            raise ConformanceError("the permit of a member that has left is still not free") from None
    finally:
        await member.aclose()
        await other.aclose()


async def members_take_turns(connect: Connect) -> None:
    """Grant a member that arrives later its share while the first one still has requests waiting."""
    requests = _Requests()
    async with _members(connect, _host(4)) as (first, second):
        early = asyncio.create_task(requests.send_many(first, count=60, seconds=0.01))
        await requests.until_begun(20)
        arrived = len(requests.begun)
        await requests.send_many(second, count=20, seconds=0.01)
        served = [member for _, member in requests.begun[arrived:]]
        await early
    _expect(served.count(first) < 50, "a member that arrived later had to wait until the first one was done")


async def rate_is_shared(connect: Connect) -> None:
    """Let all members together start one burst at once, and then as many requests a second as the rate allows."""
    requests = _Requests()
    rate, burst, count = 40.0, 4, 10
    async with _members(connect, _host(50, max_rate=rate, burst=burst)) as members:
        await requests.send_many(*members, count=count)
    times = sorted(time for time, _ in requests.begun)
    for first, begin in enumerate(times):
        for last in range(first + 1, len(times)):
            # Stores may count in milliseconds.
            allowed, started = burst + rate * (times[last] - begin + 0.002), last - first + 1
            _expect(started <= allowed + 1, f"{started} requests started, and {allowed:.1f} are allowed")
    took = times[-1] - times[0]
    _expect(took < _PATIENCE / 2, f"{2 * count} requests took {took:.2f} s at {rate:g} a second")


async def pause_holds_all(connect: Connect) -> None:
    """Start nothing during a pause that one member reported; a shorter pause does not end a longer one."""
    requests = _Requests()
    async with _members(connect, _host(5)) as (one, other):
        await requests.send_many(one, other, count=1)
        requests.begun.clear()
        began = asyncio.get_running_loop().time()
        await one.pause("api", 0.3)
        await other.pause("api", 0.05)
        await requests.send_many(other, one, count=2)
        # A member learns of a pause a moment after it began, and counts from then.
        _expect(one.pause_left("api") < 0.2, "a pause that is over still has time left")
    early = min(time for time, _ in requests.begun) - began
    _expect(early > 0.29, f"a request started {early:.3f} s after a pause of 0.3 s was reported")


async def pause_that_outlasts_the_deadline(connect: Connect) -> None:
    """Refuse a request at once if a pause ends after its deadline, even if another member reported the pause."""
    async with _members(connect, _host(5)) as (one, other):
        loop = asyncio.get_running_loop()
        await one.pause("api", 50)
        for member in (one, other):
            began = loop.time()
            try:
                async with member.permit("api", deadline=began + 30):
                    _expect(False, "a request started during a pause")
            except PauseOutlastsDeadlineError as error:
                _expect(40 < error.seconds <= 50, f"the error says that {error.seconds:g} s of 50 are left")
            _expect(loop.time() - began < 5, "a request waited for a pause that ends after its deadline")


async def longest_pause_is_a_minute(connect: Connect) -> None:
    """Cut a pause to a minute, so that a service that asks for days does not stop everybody."""
    async with _members(connect, _host(5)) as (one, _):
        _expect(await one.pause("api", 1e12), "pause() says that another pause was running")
        _expect(not await one.pause("api", 1), "pause() says that no pause was running")
        _expect(50 < one.pause_left("api") <= 60, f"the pause takes {one.pause_left('api'):g} s")


async def accounts_and_hosts_are_apart(connect: Connect) -> None:
    """Share neither permits nor pauses with another token, another account of the same token, or another host."""
    token = uuid4().hex
    account = Host.account_of(token)
    hosts = [
        Host("api", _URL, account, 1),
        Host("api", _URL, Host.account_of(token, "1"), 1),
        Host("api", _URL, Host.account_of(f"{token}2"), 1),
        Host("api", "https://api.eu.adjust.com", account, 1),
        Host("reports", _URL, account, 1),
    ]
    members = [connect().join([host]) for host in hosts]
    try:
        async with asyncio.timeout(_PATIENCE), contextlib.AsyncExitStack() as stack:
            for host, member in zip(hosts, members, strict=True):
                await stack.enter_async_context(member.permit(host.name))
                await member.pause(host.name, 60)
    except TimeoutError:
        raise ConformanceError("members of different accounts or hosts share a permit or a pause") from None
    finally:
        for member in members:
            await member.aclose()


async def lock_is_held_by_one(connect: Connect) -> None:
    """Let only one member, and only one of its tasks, hold the lock of an app; the fencing number rises."""
    app_token, inside, numbers = uuid4().hex, 0, list[int]()

    async def work(member: Member) -> None:
        nonlocal inside
        async with member.lock(app_token) as lock:
            inside += 1
            _expect(inside == 1, "two tasks hold the lock of one app")
            await lock.ensure()
            numbers.append(lock.fencing)
            await asyncio.sleep(0.02)
            inside -= 1

    async with _members(connect, _host(1)) as (one, other):
        async with asyncio.TaskGroup() as group:
            for member in (one, one, other):
                group.create_task(work(member))
        async with one.lock(app_token), other.lock(uuid4().hex):
            pass  # locks of different apps don't wait for each other
    _expect(numbers == sorted(set(numbers)), f"the fencing numbers {numbers} do not rise")


async def lock_comes_back(connect: Connect) -> None:
    """Get the lock back after a failure, after a cancelled holder, and after a cancelled waiter."""
    app_token = uuid4().hex

    async def hold(member: Member) -> None:
        async with member.lock(app_token):
            await asyncio.sleep(60)

    async with _members(connect, _host(1)) as (one, other):
        with contextlib.suppress(ZeroDivisionError):
            async with one.lock(app_token):
                raise ZeroDivisionError
        tasks = [asyncio.create_task(hold(member)) for member in (one, other, one)]
        await _until_waiting()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        async with other.lock(app_token) as lock:
            await lock.ensure()


async def stale_lock_writes_nothing(connect: Connect) -> None:
    """Write nothing with a released lock, whether another member holds it now or not."""
    app_token = uuid4().hex
    async with _members(connect, _host(1)) as (one, other):
        async with one.lock(app_token) as stale:
            pass
        await _expect_stale(one, app_token, stale)
        async with other.lock(app_token):
            await _expect_stale(one, app_token, stale)
        _expect(not await other.journal(app_token).entries(), "a stale lock wrote into the journal")


async def _expect_stale(member: Member, app_token: str, lock: Lock) -> None:
    for use in (lock.ensure(), member.journal(app_token).write(JournalEntry(uuid4().hex, None, "Adroll"), lock)):
        try:
            await use
        except LockLostError:
            continue
        _expect(False, "a released lock can still be used")


async def journal_outlives_its_lock(connect: Connect) -> None:
    """Let the next holder of the lock read open entries; settled ones are not open."""
    app_token = uuid4().hex
    entries = [JournalEntry(uuid4().hex, parent, label) for parent in (None, "abc123") for label in ("A", "Ü::\n'\"{}")]
    async with _members(connect, _host(1)) as (one, other):
        async with one.lock(app_token) as lock:
            await asyncio.gather(*(one.journal(app_token).write(entry, lock) for entry in entries))
            await one.journal(app_token).write(entries[0], lock)  # a second attempt at the same create
            await one.journal(app_token).settle(entries[1], None)
            await one.journal(app_token).settle(entries[2], "def456")
        async with other.lock(app_token):
            found = await other.journal(app_token).entries()
            still_open = {entry for entry in found if entry.token is None}
            _expect(still_open == {entries[0], entries[3]}, f"{still_open} are open instead of {entries[::3]}")
            created = {(entry.id, entry.token) for entry in found if entry.token is not None}
            _expect(created <= {(entries[2].id, "def456")}, f"{created} are reported as created")
            for entry in still_open:
                await other.journal(app_token).settle(entry, None)
        left = [entry for entry in await one.journal(app_token).entries() if entry.token is None]
        _expect(not left, f"{left} are still open after they were settled")
        _expect(not await one.journal(uuid4().hex).entries(), "another app has entries")


async def holders_are_shown(connect: Connect) -> None:
    """Show every member that holds permits and locks, and mark the one that was asked."""
    app_token = uuid4().hex
    async with _members(connect, _host(2)) as (one, other):
        async with one.permit("api"), one.lock(app_token):
            for member, mine in ((one, True), (other, False)):
                found = [holder for holder in await member.holders() if holder.kind == "permits"]
                _expect([holder.held for holder in found] == [1], f"{found} are shown to hold permits")
                _expect(found[0].mine is mine, f"mine is {found[0].mine}, and should be {mine}")
                _expect(all(map(str, found)), "a holder can't be shown")
                locks = {holder.what: holder.mine for holder in await member.holders() if holder.kind == "lock"}
                _expect(locks.get(app_token) is mine, f"of {app_token} and its holder, the locks are {locks}")
        waited = asyncio.get_running_loop().time() + _PATIENCE / 2
        while any(holder.kind == "permits" for holder in await other.holders()):
            _expect(asyncio.get_running_loop().time() < waited, "a member that holds nothing is still shown")
            await asyncio.sleep(0.01)


CHECKS: tuple[Check, ...] = (
    permits_are_shared,
    permits_come_back,
    leaving_releases_permits,
    members_take_turns,
    rate_is_shared,
    pause_holds_all,
    pause_that_outlasts_the_deadline,
    longest_pause_is_a_minute,
    accounts_and_hosts_are_apart,
    lock_is_held_by_one,
    lock_comes_back,
    stale_lock_writes_nothing,
    journal_outlives_its_lock,
    holders_are_shown,
)
"""All checks."""
