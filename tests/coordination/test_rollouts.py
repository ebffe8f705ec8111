"""One plan, rolled out by several processes, by one that is killed, and by one that is suspended: each tracker once.

The emulator allows two trackers with the same name, so that every mistake shows.
"""

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from adjust_async import AsyncAdjust, LockLostError
from adjust_async.coordination import InProcessCoordinator, JournalEntry
from adjust_async.emulator import Emulator, Faults
from tests.coordination.puppet import FOLDER, coordinator_of
from tests.coordination.rollout import GRACE_TIME, plan, whole

pytestmark = pytest.mark.anyio

LEASE = 1.0
SIZE = 40


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An account of the test's own, whose locks nobody else holds."""
    async with Emulator(apps=1, trackers_per_app=0, duplicate_names="allow", latency=0.02) as running:
        yield running


@asynccontextmanager
async def rollout(
    place: str, emulator: Emulator, first: int = 0, last: int = SIZE
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start rolling out a part of the plan in another process."""
    arguments = [place, str(LEASE), emulator.url, emulator.token, emulator.app_tokens[0], str(first), str(last)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.coordination.rollout", *arguments, stdout=asyncio.subprocess.PIPE, cwd=FOLDER
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        process._transport.close()  # type: ignore[attr-defined]
        await asyncio.sleep(0)


async def counts_of(process: asyncio.subprocess.Process) -> list[int]:
    """Wait for its end. Return the numbers of trackers that it created and found, and of entries that failed."""
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    assert process.returncode == 0
    return list(map(int, output.split()))


def assert_once(emulator: Emulator, first: int = 0, last: int = SIZE) -> None:
    """Check that every tracker of the plan exists once, and nothing else."""
    there = emulator.store.tokens_by_name(emulator.app_tokens[0])
    assert {name: len(tokens) for name, tokens in there.items()} == dict.fromkeys(whole(plan(first, last)), 1)


async def test_two_processes_roll_out_one_plan(place: str, emulator: Emulator) -> None:
    """Two processes with one plan, at the same time and under faults, create each tracker once, and both say so."""
    emulator.faults = Faults.of_writes(0.2, seed=1, retry_after=0.05, drip=0.1, late=0.3)
    async with rollout(place, emulator) as one, rollout(place, emulator) as other:
        counts = await asyncio.gather(counts_of(one), counts_of(other))
    assert_once(emulator)
    assert [failed for _, _, failed in counts] == [0, 0]
    assert sorted(found for _, found, _ in counts) == [0, SIZE]


@pytest.mark.slow
async def test_a_plan_survives_kills(place: str, emulator: Emulator) -> None:
    """A process that is killed at any moment and run again at once creates nothing twice, however late creates are."""
    source = random.Random(3)
    emulator.faults = Faults(0.3, ["drop-late", "unlisted", "hang", "500-after"], late=0.5, match="POST")
    for _ in range(4):
        async with rollout(place, emulator) as process:
            before = emulator.stats.requests.total()
            async with asyncio.timeout(30):
                while emulator.stats.requests.total() < before + source.randint(1, 30):
                    await asyncio.sleep(0.01)
            process.kill()
    async with rollout(place, emulator) as process:
        created, found, failed = await counts_of(process)
    assert (created + found, failed) == (SIZE, 0)
    assert_once(emulator)


async def test_a_suspended_process_creates_nothing_more(place: str, emulator: Emulator) -> None:
    """A roll-out that was suspended for longer than its lease ends, while another one does all of its work."""
    async with rollout(place, emulator) as one:
        while not emulator.store.tokens_by_name(emulator.app_tokens[0]):
            await asyncio.sleep(0.01)
        one.send_signal(signal.SIGSTOP)
        async with rollout(place, emulator) as other:
            assert (await counts_of(other))[2] == 0
            one.send_signal(signal.SIGCONT)
            assert (await counts_of(one))[2] > 0
    assert_once(emulator)


async def test_a_journal_is_looked_up_first(place: str, emulator: Emulator) -> None:
    """A create that an earlier process left open is waited for, even if its tracker appears late, and then closed."""
    app = emulator.app_tokens[0]
    coordinator = coordinator_of(place, LEASE)
    async with AsyncAdjust(emulator.token, api_url=emulator.url, coordinator=coordinator) as earlier:
        member = earlier._session.member
        async with member.lock(app) as lock:
            for label in ("Late", "Never"):
                await member.journal(app).write(JournalEntry(uuid4().hex, None, label), lock)

    async def commit_late() -> None:
        await asyncio.sleep(GRACE_TIME / 2)
        async with AsyncAdjust(emulator.token, api_url=emulator.url) as dead:
            await dead.trackers.create(app, "Late")

    async with AsyncAdjust(emulator.token, api_url=emulator.url, coordinator=coordinator) as adjust:
        late = asyncio.create_task(commit_late())
        result = await adjust.trackers.provision(app, ["Late", "Never"], grace_time=GRACE_TIME)
        await late
        assert [outcome.status for outcome in result.outcomes] == ["unchanged", "created"]
        emulator.stats.reset()
        again = await adjust.trackers.provision(app, ["Late", "Never"], grace_time=GRACE_TIME)
        assert [outcome.status for outcome in again.outcomes] == ["unchanged", "unchanged"]
        assert emulator.stats.requests.total() == 1
        assert not [entry for entry in await adjust._session.member.journal(app).entries() if entry.token is None]
    assert {len(tokens) for tokens in emulator.store.tokens_by_name(app).values()} == {1}


async def test_a_lost_lock_ends_a_run(tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose lock another process holds sends no more creates, and explains every entry that it left."""
    from adjust_async.coordination.sqlite_store import SqliteStore

    async def gone(*_: object) -> bool:
        return False

    app = emulator.app_tokens[0]
    coordinator = coordinator_of(f"file://{tmp_path}/x.db", LEASE)
    async with AsyncAdjust(emulator.token, api_url=emulator.url, coordinator=coordinator) as adjust:
        monkeypatch.setattr(SqliteStore, "write_journal", gone)
        result = await adjust.trackers.provision(app, ["A", "B::C"], grace_time=0)
        assert result.counts["failed"] == 2
        assert any(isinstance(outcome.error, LockLostError) for outcome in (*result.outcomes, *result.implied))
        assert all("another process creates trackers there now" in str(one.error) for one in result.outcomes)
        assert emulator.stats.requests.total() == 1
        assert not emulator.store.tokens_by_name(app)


async def test_two_clients_of_one_process(emulator: Emulator) -> None:
    """Two clients that share a coordinator in one process roll out one plan as one would."""
    app, coordinator = emulator.app_tokens[0], InProcessCoordinator()
    async with (
        AsyncAdjust(emulator.token, api_url=emulator.url, coordinator=coordinator) as one,
        AsyncAdjust(emulator.token, api_url=emulator.url, coordinator=coordinator) as other,
    ):
        await asyncio.gather(*(client.trackers.provision(app, plan(0, SIZE)) for client in (one, other)))
    assert_once(emulator)


async def test_a_client_that_is_closed_waits_for_no_lock(place: str, emulator: Emulator) -> None:
    """A client that is closed while it waits for a lock raises that, and releases what it had."""
    app, coordinator = emulator.app_tokens[0], coordinator_of(place, LEASE)
    holder = AsyncAdjust(emulator.token, api_url=emulator.url, coordinator=coordinator)
    waiting = AsyncAdjust(emulator.token, api_url=emulator.url, coordinator=coordinator)
    async with holder._session.member.lock(app):
        provisioning = asyncio.create_task(waiting.trackers.provision(app, ["A"]))
        await asyncio.sleep(0.3)
        assert [(one.kind, one.mine) for one in await holder.holders()] == [("lock", True)]
        await waiting.aclose()
        with pytest.raises(Exception, match="the client is closed"):
            await provisioning
    await holder.aclose()
    assert not emulator.store.tokens_by_name(app)
