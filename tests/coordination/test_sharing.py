"""How permits are shared: the computation, and the Redis script that does the same."""

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from redis import Redis

from adjust_async.coordination import redis_scripts
from adjust_async.coordination.shared.sharing import Bucket, Demand, Rate, permits_for
from benchmarks.redis_server import RedisServer

demands = st.builds(Demand, held=st.integers(0, 60), waiting=st.integers(0, 100), since=st.integers(-9, 0).map(float))


@pytest.mark.parametrize(
    ("mine", "others", "permits"),
    [
        (Demand(0, 5, 0), [], 5),
        (Demand(0, 99, 0), [], 10),
        (Demand(8, 99, 0), [], 2),
        (Demand(0, 0, 0), [], 0),
        # Half of the permits are owed to a second member that waits, and may be taken if it already holds its half.
        (Demand(4, 9, 0), [Demand(0, 9, 1)], 1),
        (Demand(5, 9, 0), [Demand(0, 9, 1)], 0),
        (Demand(0, 9, 0), [Demand(5, 9, 1)], 5),
        # What the other member does not want is free for all.
        (Demand(5, 9, 0), [Demand(0, 2, 1)], 3),
        (Demand(5, 9, 0), [Demand(2, 0, 1)], 3),
        # The member that has waited longer comes first.
        (Demand(0, 9, 1), [Demand(9, 0, 0), Demand(0, 3, 0)], 0),
        (Demand(0, 9, 0), [Demand(9, 0, 0), Demand(0, 3, 1)], 1),
        # A member that lost its lease reports what it holds, so more than the limit may be in use for a moment.
        (Demand(8, 9, 0), [Demand(8, 0, 0)], 0),
    ],
)
def test_permits(mine: Demand, others: list[Demand], permits: int) -> None:
    """Waiting members have a share of the limit each, and what nobody is owed goes to the one that asks."""
    assert permits_for(mine, others, 10) == permits


@given(members=st.lists(demands, min_size=1, max_size=70), limit=st.integers(1, 50))
def test_the_limit_is_kept_and_some_member_continues(members: list[Demand], limit: int) -> None:
    """Nobody gets more than is free or requested; and if permits are free, some member gets one."""
    got = []
    for number, mine in enumerate(members):
        others = members[:number] + members[number + 1 :]
        permits = permits_for(mine, others, limit)
        assert 0 <= permits <= max(0, min(mine.waiting, limit - sum(member.held for member in members)))
        got.append(permits)
    if sum(member.held for member in members) < limit and any(member.waiting for member in members):
        assert any(got)


@given(rate=st.floats(0.1, 200), burst=st.integers(1, 50), steps=st.lists(st.floats(0, 5), max_size=60))
def test_a_bucket_keeps_to_rate_and_burst(rate: float, burst: int, steps: list[float]) -> None:
    """Whenever requests ask, no more begin than the burst, plus what the rate has allowed since."""
    bucket, limits, now, begun = Bucket(), Rate.of(rate, burst), 0.0, 0
    for step in steps:
        now += step
        room = bucket.room(limits, now)
        if not room:
            assert bucket.room(limits, now + bucket.wait(limits, now) + 1e-6) >= 1
        begun += room
        bucket = bucket.add(room, limits, now)
        assert begun <= burst + rate * now + 1e-6 * (1 + begun)


def test_a_clock_that_starts_again_does_not_fill_a_bucket() -> None:
    """A bucket that was filled at a later time has not leaked, and is not fuller either."""
    assert Bucket(3.0, 100.0).room(Rate(1.0, 5), 50.0) == 2


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mine=demands, others=st.lists(demands, max_size=6), limit=st.integers(1, 60))
def test_redis_does_the_same_sums(shared_redis: RedisServer, mine: Demand, others: list[Demand], limit: int) -> None:
    """The script in Redis grants the same as the function."""
    with Redis.from_url(shared_redis.url, decode_responses=True) as redis:
        redis.delete("members", "bucket")
        now = round(time.time() * 1000)
        # Times are whole milliseconds, so a change of the clock between two members makes no difference.
        for number, member in enumerate(others):
            row = ["other", member.held, member.waiting, now + member.since * 1000, now, now + 60_000, 1000, 0, 0]
            redis.hset("members", f"other{number}", json.dumps(row))
        row = ["me", mine.held, 1, now + mine.since * 1000, now, now + 60_000, 1000, 0, 0]
        redis.hset("members", "me", json.dumps(row))
        values = ["me", "me", mine.held, mine.waiting, 0, 60_000, 600_000, limit, 0, 0, 0]
        permits, pause, wait, contended = redis.register_script(redis_scripts.EXCHANGE)(["members", "bucket"], values)
        assert (permits, pause, wait) == (permits_for(mine, others, limit), 0, 0)
        assert contended == any(member.waiting for member in others)
        kept = json.loads(redis.hget("members", "me") or '["me", 0, 0]')
        assert kept[1:3] == [mine.held + permits, mine.waiting - permits]
