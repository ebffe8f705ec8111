"""Members in other processes: killed, suspended for longer than their lease, and with clocks that were moved."""

import asyncio
import time
from collections.abc import Iterable
from uuid import uuid4

import pytest

from adjust_async.coordination import JournalEntry
from adjust_async.coordination.shared import permits
from tests.coordination.puppet import coordinator_of, host_of, puppet

pytestmark = pytest.mark.anyio

LEASE = 1.0


def most_at_a_time(spans: Iterable[tuple[float, float]]) -> int:
    """Return the maximum number of overlapping spans."""
    # A span that ends at a moment makes room for one that begins then.
    changes = sorted((moment, change) for span in spans for moment, change in zip(span, (1, -1), strict=True))
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most


async def test_permits_of_a_killed_process_are_free_after_its_lease(place: str) -> None:
    """The permits of a killed process are free after its lease, and not before."""
    account = uuid4().hex
    member = coordinator_of(place, LEASE).join([host_of(account, 2)])
    async with puppet(place, LEASE, account, 2) as other:
        assert await other.do("hold", 2) == 2
        other.kill()
        began = time.monotonic()
        async with asyncio.timeout(60), member.permit("api"), member.permit("api"):
            # The lease was renewed at most a quarter of it ago, and the load of the machine may add to that.
            assert time.monotonic() - began > LEASE / 2
    await member.aclose()


async def test_the_permits_of_a_living_process_stay_its_own(place: str) -> None:
    """A process that holds permits for longer than a lease keeps them, and nobody else gets them."""
    account = uuid4().hex
    member = coordinator_of(place, LEASE).join([host_of(account, 2)])
    async with puppet(place, LEASE, account, 2) as other:
        assert await other.do("hold", 2) == 2
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2 * LEASE), member.permit("api"):
                pass
        assert await other.do("valid") == [True, True]
    await member.aclose()


@pytest.mark.slow
async def test_killed_and_replaced_processes_never_exceed_the_limit(place: str) -> None:
    """While processes are killed and replaced, there are never more requests than the host allows, and all continue."""
    account, limit, spans = uuid4().hex, 6, list[tuple[float, float]]()
    all_killed = asyncio.Event()

    async def survive() -> None:
        async with puppet(place, LEASE, account, limit) as process:
            while not all_killed.is_set():
                spans.extend(map(tuple, await process.do("use", limit, 0.5, 0.02)))
            after = await process.do("use", limit, 1.5 * LEASE, 0.02)
            assert len(after) > 1
            spans.extend(map(tuple, after))

    async def be_killed() -> None:
        for _ in range(3):
            async with puppet(place, LEASE, account, limit) as process:
                await process.do("use", limit, 0.2, 0.02)
                await process.tell("use", limit, 60, 0.02)
                await asyncio.sleep(0.2)
                process.kill()
        all_killed.set()

    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(survive())
        group.create_task(be_killed())
    assert 1 < most_at_a_time(spans) <= limit


async def test_a_killed_process_leaves_its_lock_and_its_journal(place: str) -> None:
    """The lock of a killed process goes to the next one after its lease, which then reads the journal."""
    app_token, account = uuid4().hex, uuid4().hex
    member = coordinator_of(place, LEASE).join([host_of(account, 1)])
    async with puppet(place, LEASE, account, 1) as other:
        fencing = await other.do("lock", app_token)
        assert await other.do("write", app_token, "Adroll") == "written"
        other.kill()
        began = time.monotonic()
        async with asyncio.timeout(60), member.lock(app_token) as lock:
            assert time.monotonic() - began > LEASE / 2
            assert lock.fencing > fencing
            assert await member.journal(app_token).entries() == [JournalEntry("Adroll", None, "Adroll")]
    await member.aclose()


async def test_a_suspended_process_can_start_nothing(place: str) -> None:
    """A process that was suspended for longer than its lease notices that its lock and its permits are gone."""
    app_token, account = uuid4().hex, uuid4().hex
    member = coordinator_of(place, LEASE).join([host_of(account, 1)])
    async with puppet(place, LEASE, account, 1) as other:
        await other.do("lock", app_token)
        await other.do("hold", 1)
        assert await other.do("ensure") == "held"
        other.stop()
        async with asyncio.timeout(60), member.lock(app_token), member.permit("api"):
            # It answers these before its own task gets to renew anything.
            await other.tell("valid")
            await other.tell("ensure")
            await other.tell("write", app_token, "Adroll")
            other.go_on()
            assert [await other.answer() for _ in range(3)] == [[False], "LockLostError", "LockLostError"]
            assert not await member.journal(app_token).entries()
            await asyncio.sleep(LEASE / 2)
            assert await other.do("valid") == [False], "a permit that was lost once is not valid again"
    await member.aclose()


async def test_a_suspended_process_continues_if_nobody_took_its_lock(place: str) -> None:
    """A lock that expired while its process was suspended, and that nobody else has taken, is renewed."""
    app_token, account = uuid4().hex, uuid4().hex
    async with puppet(place, LEASE, account, 1) as other:
        await other.do("lock", app_token)
        other.stop()
        await asyncio.sleep(1.2 * LEASE)
        other.go_on()
        assert await other.do("ensure") == "held"
        assert await other.do("write", app_token, "Adroll") == "written"
        assert await other.do("take") == "granted"


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
async def test_a_moved_clock_changes_nothing(place: str, seconds: float) -> None:
    """A process whose clock was set takes nobody's permits or lock, loses none, and gets what it asks for."""
    app_token, other_app, account = uuid4().hex, uuid4().hex, uuid4().hex
    member = coordinator_of(place, LEASE).join([host_of(account, 2)])
    async with (
        puppet(place, LEASE, account, 2) as other,
        member.permit("api") as permit,
        member.lock(app_token) as lock,
    ):
        assert await other.do("lock", other_app)
        await other.do("move_clock", seconds)
        assert await other.do("ensure") == "held"
        assert await other.do("write", other_app, "Adroll") == "written"
        assert await other.do("take") == "granted"
        assert await other.do("hold", 1) == 1
        await other.tell("lock", app_token)
        await asyncio.sleep(1.5 * LEASE)
        assert permit.valid
        await lock.ensure()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), member.permit("api"):
                pass
    await member.aclose()


async def test_after_a_pause_that_was_cut_one_request_asks_alone(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the longest pause is over, one request of all members begins, and the others wait until it has ended."""
    monkeypatch.setattr(permits, "LONGEST_PAUSE", 0.2)
    account = uuid4().hex
    members = [coordinator_of(place, LEASE).join([host_of(account, 5)]) for _ in range(2)]
    spans = list[tuple[float, float]]()

    async def request(number: int) -> None:
        async with members[number % 2].permit("api"):
            begin = time.monotonic()
            await asyncio.sleep(0.1)
            if len(spans) == 0:
                await members[number % 2].pause("api", 86_400)
            spans.append((begin, time.monotonic()))

    began = time.monotonic()
    await members[0].pause("api", 86_400)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(request(number))
    begins = [round(begin - began, 3) for begin, _ in sorted(spans)]
    # The first one is asked to wait again, the second one is not, and then all begin.
    assert 0.2 <= begins[0] < begins[1] - 0.28
    assert begins[2] > begins[1] + 0.09
    assert most_at_a_time(sorted(spans)[:2]) == 1
    for member in members:
        await member.aclose()
