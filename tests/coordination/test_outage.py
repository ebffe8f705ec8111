"""Redis down: from the start, in between, and back again."""

import asyncio
import logging
import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from adjust_async import CoordinationError, LockLostError
from adjust_async.coordination import JournalEntry, Member, RedisCoordinator
from benchmarks.redis_server import RedisServer
from tests.conftest import PassTime
from tests.coordination.puppet import host_of

pytestmark = pytest.mark.anyio


async def most_at_a_time(*members: Member) -> int:
    """Ask for more permits than there are, and count the maximum in use."""
    running = most = 0

    async def request(member: Member) -> None:
        nonlocal running, most
        async with member.permit("api"):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.02)
            running -= 1

    async with asyncio.TaskGroup() as group:
        for member in members:
            for _ in range(12):
                group.create_task(request(member))
    return most


async def until_shared(*members: Member) -> None:
    """Wait until no member keeps to its own share any more."""
    async with asyncio.timeout(60):
        while await most_at_a_time(*members) != 8:
            await asyncio.sleep(0.1)


async def test_it_raises_and_continues(redis_server: RedisServer) -> None:
    """While Redis is down everything says so and nothing is lost; when it is back, everything continues."""
    coordinator = RedisCoordinator(redis_server.url)
    member = coordinator.join([host_of(uuid4().hex, 8)])
    assert await most_at_a_time(member) == 8
    async with member.permit("api") as permit:
        redis_server.stop()
        message = rf"Redis at 127.0.0.1:{redis_server.port}, can't be reached: .*Connect call failed.*Nothing was sent"
        with pytest.raises(CoordinationError, match=message):
            async with member.permit("api"):
                pass
        assert await member.pause("api", 1), "this member pauses all the same"
        assert member.pause_left("api") > 0
        await asyncio.sleep(0.01)
        with pytest.raises(CoordinationError, match="nothing is created in app app1"):
            async with member.lock("app1"):
                pass
        with pytest.raises(CoordinationError, match="nothing is created in app app1"):
            await member.journal("app1").entries()
        with pytest.raises(CoordinationError, match="can't be reached"):
            await member.holders()
        assert permit.valid, "what was granted stays until its lease has run out"
        assert member.permits_out == 1
        redis_server.start()
    async with asyncio.timeout(60):
        assert await most_at_a_time(member) == 8
    await member.aclose()


async def test_one_share_each(redis_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """While Redis is down each client keeps to its share, and logs it once; then they share again."""
    account = uuid4().hex
    coordinator = RedisCoordinator(redis_server.url, on_outage="local", expected_processes=4)
    members = [coordinator.join([host_of(account, 8)]) for _ in range(2)]
    assert await most_at_a_time(*members) == 8
    redis_server.stop()
    with caplog.at_level(logging.WARNING, "adjust_async"):
        assert await most_at_a_time(*members) == 4
        assert await most_at_a_time(members[0]) == 2
        await members[0].pause("api", 0.05)
        said = [record.message for record in caplog.records]
        assert len(said) == 2
        assert all("keeps to its own share of 2 requests at once" in message for message in said)
        with pytest.raises(CoordinationError):
            async with members[0].lock("app1"):
                pass
        redis_server.start()
        await until_shared(*members)
    assert sum("shares the limits" in record.message for record in caplog.records) == 2
    for member in members:
        await member.aclose()


async def test_a_lock_without_redis_begins_nothing(redis_server: RedisServer, pass_time: PassTime) -> None:
    """A lock whose lease expired while Redis was down can't be used; if Redis is back in time it can."""
    member = RedisCoordinator(redis_server.url, lease=60).join([host_of(uuid4().hex, 1)])
    journal, entry = member.journal("app1"), JournalEntry(uuid4().hex, None, "Adroll")
    async with member.lock("app1") as lock:
        await journal.write(entry, lock)
        redis_server.stop()
        await lock.ensure()
        with pytest.raises(CoordinationError, match="Nothing was sent"):
            await journal.write(JournalEntry(uuid4().hex, None, "AdColony"), lock)
        with pytest.raises(CoordinationError) as settling:
            await journal.settle(entry, "abc123")
        assert "Nothing was sent" not in str(settling.value)
        pass_time(60)
        with pytest.raises(LockLostError, match="the lock of app app1 expired, and the coordinator"):
            await lock.ensure()
        redis_server.start()
        await lock.ensure()
        assert await journal.entries() == [entry]
    await member.aclose()


async def test_a_redis_that_forgot_everything(redis_server: RedisServer, tmp_path: Path, pass_time: PassTime) -> None:
    """If Redis comes back empty, a lock is lost, and its next number is still higher."""
    member = RedisCoordinator(redis_server.url, lease=60).join([host_of(uuid4().hex, 1)])
    async with member.lock("app1") as lost:
        redis_server.stop()
        shutil.rmtree(tmp_path / "appendonlydir")
        redis_server.start()
        with pytest.raises(LockLostError, match="is stale"):
            await member.journal("app1").write(JournalEntry(uuid4().hex, None, "Adroll"), lost)
        pass_time(60)
        with pytest.raises(LockLostError, match="another process may hold it by now"):
            await lost.ensure()
    async with member.lock("app1") as lock:
        assert lock.fencing > lost.fencing
    await member.aclose()


async def test_scripts_are_loaded_again(shared_redis: RedisServer) -> None:
    """A server that has lost the scripts gets them again."""
    from redis.asyncio import Redis

    member = RedisCoordinator(shared_redis.url).join([host_of(uuid4().hex, 1)])
    async with Redis.from_url(shared_redis.url) as redis:
        for _ in range(2):
            async with member.permit("api"):
                await redis.script_flush()
    await member.aclose()


async def test_a_service_that_is_not_redis() -> None:
    """Whatever answers at the address, the error is the SDK's own."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        member = RedisCoordinator(f"redis://:s3cret@127.0.0.1:{port}").join([host_of("account", 1)])
        with pytest.raises(CoordinationError, match=f"Redis at 127.0.0.1:{port}, can't be reached") as caught:
            async with member.permit("api"):
                pass
        assert "s3cret" not in str(caught.value)
        await member.aclose()
