"""Clients that share an account, through the public face."""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import httpx
import pandas
import polars
import pytest
from redis import Redis

from adjust_async import AsyncAdjust, ConfigurationError, CoordinationError, RateLimitError
from adjust_async.coordination import FileCoordinator, InProcessCoordinator, RedisCoordinator
from adjust_async.emulator import Emulator
from benchmarks.redis_server import RedisServer
from tests.coordination.conftest import Connect
from tests.script import client, done, never, status

pytestmark = pytest.mark.anyio

APP = "yxs12pfewq"


async def walked(adjust: AsyncAdjust, times: int) -> None:
    """List the trackers of an app this many times concurrently."""
    async with asyncio.TaskGroup() as group:
        for _ in range(times):
            group.create_task(adjust.trackers.list(APP, prefetch=0).collect())


async def test_clients_share_their_limits(connect: Connect) -> None:
    """Two clients of one account together run as many requests as one of them."""
    running = most = 0

    async def slow(_: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return done()

    async with (
        client(slow, max_concurrency=4, coordinator=connect()) as (one, _),
        client(slow, max_concurrency=4, coordinator=connect()) as (other, _),
    ):
        await asyncio.gather(walked(one, 12), walked(other, 12))
    assert most == 4


async def test_clients_of_other_tokens_don_t(connect: Connect) -> None:
    """A client with another token has its own limits."""
    async with (
        client(never, max_concurrency=1, coordinator=connect()) as (one, script),
        AsyncAdjust("another-token", max_concurrency=1, coordinator=connect()) as other,
    ):
        waiting = asyncio.create_task(walked_once(one))
        while not script.requests:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(60), other._session.member.permit("api") as permit:
            assert permit.valid
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_a_429_pauses_every_client(connect: Connect) -> None:
    """All clients wait for the time that the service asked one of them to wait."""
    async with (
        client(status(429, retry_after="1"), done(), coordinator=connect()) as (one, refused),
        client(done(), coordinator=connect()) as (other, answered),
    ):
        telling = asyncio.create_task(walked(one, 1))
        while not one._session.member.pause_left("api"):
            await asyncio.sleep(0.01)
        await walked(other, 1)
        await telling
        assert answered.times[0] - refused.times[0] > 0.9


async def test_a_pause_of_others_that_outlasts_the_deadline(connect: Connect) -> None:
    """A call without the time for another client's pause says so, and that nothing was sent."""
    async with (
        client(status(429, retry_after="30"), coordinator=connect(), max_attempts=1) as (one, _),
        client(done(), coordinator=connect(), deadline=5) as (other, sent),
    ):
        with pytest.raises(RateLimitError):
            await walked_once(one)
        with pytest.raises(
            RateLimitError, match="an earlier request was answered 429, and the pause after it outlasts"
        ):
            await walked_once(other)
        assert not sent.requests


async def walked_once(adjust: AsyncAdjust) -> None:
    """List the trackers of an app."""
    await adjust.trackers.list(APP, prefetch=0).collect()


async def test_holders(connect: Connect) -> None:
    """`holders` shows the requests of every client that shares the account."""
    async with (
        client(never, max_concurrency=1, coordinator=connect()) as (one, script),
        client(done(), max_concurrency=1, coordinator=connect()) as (other, _),
    ):
        waiting = asyncio.create_task(walked_once(one))
        while not script.requests:
            await asyncio.sleep(0.01)
        (holder,) = await other.holders()
        assert (holder.kind, holder.what, holder.mine, holder.held) == ("permits", "https://api.adjust.com", False, 1)
        assert "permits of https://api.adjust.com" in str(holder)
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_a_cancelled_call_releases_its_permit(connect: Connect) -> None:
    """After a call is cancelled, its permit is free for everybody."""
    async with (
        client(never, done(), max_concurrency=1, coordinator=connect()) as (one, script),
        client(done(), max_concurrency=1, coordinator=connect()) as (other, _),
    ):
        waiting = asyncio.create_task(walked_once(one))
        while not script.requests:
            await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])
        async with asyncio.timeout(60):
            await walked_once(other)


async def test_redis_that_can_not_be_reached(redis_server: RedisServer) -> None:
    """While Redis is down, calls are retried as after other failures, and then say what is wrong."""
    async with client(done(), coordinator=RedisCoordinator(redis_server.url), max_attempts=2) as (adjust, script):
        redis_server.stop()
        with pytest.raises(CoordinationError, match=r"Redis at .* can't be reached"):
            await walked_once(adjust)
        assert not script.requests
    async with client(done(), coordinator=RedisCoordinator(redis_server.url), max_attempts=9) as (adjust, script):
        waiting = asyncio.create_task(walked_once(adjust))
        await asyncio.sleep(0.1)
        redis_server.start()
        async with asyncio.timeout(60):
            await waiting


async def test_the_token_is_nowhere(shared_redis: RedisServer, emulator: Emulator) -> None:
    """Neither keys nor values in Redis have the token."""
    with Redis.from_url(shared_redis.url) as redis:
        async with AsyncAdjust(
            emulator.token, api_url=emulator.url, coordinator=RedisCoordinator(shared_redis.url)
        ) as adjust:
            await adjust.trackers.provision(emulator.app_tokens[0], ["A::B"])
            async with adjust._session.member.permit("api"):
                keys = list(redis.scan_iter())
                assert len(keys) > 2
                assert not any(emulator.token.encode() in text for key in keys for text in (key, redis.dump(key)))


async def test_the_coordinator_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ADJUST_COORDINATOR` applies to clients that are not passed a coordinator."""
    url = (tmp_path / "x.db").as_uri()
    monkeypatch.setenv("ADJUST_COORDINATOR", url)
    async with client(done()) as (adjust, _):
        await walked_once(adjust)
    assert (tmp_path / "x.db").exists()
    async with client(done(), coordinator=InProcessCoordinator()) as (adjust, _):
        await walked_once(adjust)
    monkeypatch.setenv("ADJUST_COORDINATOR", "memcached://:s3cret@host")
    with pytest.raises(ConfigurationError, match="ADJUST_COORDINATOR is not a coordinator's URL") as caught:
        AsyncAdjust("secret-token")
    assert "s3cret" not in str(caught.value)


class _LateMember:
    """Joins asynchronously, which no coordinator may."""

    async def join(self, hosts: Any) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    "given",
    [
        *(5, "redis", b"redis://localhost", bytearray(b"x"), InProcessCoordinator, FileCoordinator, ["x"]),
        # Others have a method of the same name.
        *(pandas.DataFrame({"a": [1]}), pandas.Index([1]), polars.DataFrame({"a": [1]}), os.path),
        *(threading.Thread(), asyncio.Queue()),
        *(_LateMember(), Redis(), httpx.AsyncClient(), Path("x.db")),
    ],
    ids=lambda given: type(given).__name__,
)
def test_anything_but_a_coordinator_is_refused(given: Any) -> None:
    """Anything else is refused at once, a data frame and a thread included, although they can be joined too."""
    with pytest.raises(ConfigurationError, match=r"^coordinator is .+: "):  # on one line
        AsyncAdjust("secret-token", coordinator=given)
