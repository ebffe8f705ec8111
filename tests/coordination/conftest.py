"""The places in which the tests' members meet."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from adjust_async.coordination import Coordinator, FileCoordinator, InProcessCoordinator, RedisCoordinator
from benchmarks.redis_server import RedisServer

#: Makes a coordinator for the same place again, as another process would.
Connect = Callable[..., Coordinator]


@pytest.fixture(scope="session")
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that runs to the end; without one the test is skipped."""
    yield from _started(tmp_path_factory.mktemp("redis"))


@pytest.fixture
def shared_redis(running_redis: RedisServer) -> RedisServer:
    """A Redis that is not stopped, and empty: a pause from an earlier test would hold up the next one."""
    with Redis.from_url(running_redis.url) as redis:
        redis.flushall()
    return running_redis


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, which it may stop."""
    yield from _started(tmp_path)


def _started(folder: Path) -> Iterator[RedisServer]:
    try:
        server = RedisServer(folder)
    except (OSError, RuntimeError) as error:
        pytest.skip(f"Redis can't be started here: {error}")
    yield server
    server.stop()


@pytest.fixture(params=["file", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a place where processes meet."""
    if request.param == "file":
        return f"file://{tmp_path}/coordination.db"
    url: str = request.getfixturevalue("shared_redis").url
    return url


@pytest.fixture(params=["in_process", "file", "redis"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Connect:
    """Makes coordinators of each kind for one place."""
    if request.param == "in_process":
        coordinator = InProcessCoordinator()
        return lambda: coordinator
    if request.param == "file":
        return lambda: FileCoordinator(tmp_path / "coordination.db")
    url = request.getfixturevalue("shared_redis").url
    return lambda: RedisCoordinator(url)
