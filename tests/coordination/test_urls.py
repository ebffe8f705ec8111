"""Coordinators by their URLs, and what is wrong with some."""

from pathlib import Path
from typing import Any

import pandas
import pytest

from adjust_async import ConfigurationError
from adjust_async.coordination import FileCoordinator, RedisCoordinator, coordinator_at


def test_a_file(tmp_path: Path) -> None:
    """A file's URL has its absolute path after three slashes; characters that a URL may not contain are escaped."""
    folder = tmp_path / "a b%20c"
    folder.mkdir()
    for url in (folder / "x.db").as_uri(), f"file://localhost{tmp_path}/a%20b%2520c/x.db":
        assert repr(coordinator_at(url)) == repr(FileCoordinator(folder / "x.db"))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://localhost", "localhost:6379"),
        ("redis://user:s3cret@redis.internal:6380/3", "redis.internal:6380"),
        ("rediss://:s3cret@[::1]:6380?socket_timeout=5", "::1:6380"),
        ("unix:///run/redis.sock?db=1", "/run/redis.sock"),
        ("unix://user:s3cret@/run/redis.sock", "/run/redis.sock"),
    ],
)
def test_redis(url: str, place: str) -> None:
    """Redis URLs work as in redis-py; the password is not shown."""
    assert repr(coordinator_at(url)) == f"RedisCoordinator({place!r}, on_outage='raise', lease=10)"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3cret",
        "/run/adjust.db",
        "memcached://:s3cret@host",
        "file:/run/adjust.db",
        "file://",
        "file:///",
        "file://run/adjust.db",
        "file:///run/adjust.db?s3cret",
        "file:///run/adjust.db#s3cret",
        "redis:s3cret",
        "redis://",
        "redis://:s3cret@",
        "redis://:s3cret@host:port",
        "redis://:s3cret@host:99999999",
        "redis://:s3cret@[host",
        "redis://:s3cret@host?socket_timeout=soon",
        "redis://:s3cret@host?no_such_option=1",
        "redis://:s3cret@host/first",
        "redis://:s3cret@host/0/1",
        "redis://:s3cret@ho st",
        "redis://:s3cret@host\0",
        "redis://:s3cret@\ud800",
        "unix:///run/\ud800.sock",
        "file:///run/\ud800.db",
        "unix://",
    ],
)
def test_invalid_urls(url: str) -> None:
    """A URL that can't be used is refused at once; the message says what would be right and repeats no secret."""
    with pytest.raises(ConfigurationError, match="ADJUST_COORDINATOR") as caught:
        coordinator_at(url, "ADJUST_COORDINATOR")
    assert "s3cret" not in str(caught.value)
    assert any(word in str(caught.value) for word in ("pass ", "can't be used"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (None, "path is None: pass the path of a database file"),
        ("", "path is '': pass"),
        (b"x.db", "path is b'x.db': pass"),
        ("x\0.db", "pass the path of a database file, as text"),
        ("x\ud800.db", "pass the path of a database file, as text"),
        ("redis://:s3cret@host", "path is a URL: pass the path alone, or the URL as AsyncAdjust(coordinator=...)"),
        ("x" * 5000, "which can't be used: File name too long"),
        (__file__ + "/x.db", "which can't be used: Not a directory"),
        ("{folder}", "which is a folder: pass"),
        ("{folder}/no/x.db", "its folder does not exist; create it first"),
    ],
)
def test_invalid_paths(path: Any, message: str, tmp_path: Path) -> None:
    """A path that can't be used is refused at once."""
    given = path.format(folder=tmp_path) if isinstance(path, str) else path
    with pytest.raises(ConfigurationError) as caught:
        FileCoordinator(given)
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_outage": "ignore"}, "on_outage is 'ignore': pass 'raise' or 'local'"),
        ({"on_outage": ["raise"]}, "on_outage is ['raise']: pass 'raise' or 'local'"),
        ({"on_outage": pandas.DataFrame({"a": [1]})}, "on_outage is a DataFrame: pass 'raise' or 'local'"),
        ({"expected_processes": 0}, "expected_processes is 0: pass a whole number of at least 1"),
        ({"lease": 0}, "lease is 0: pass seconds from 1 to 600"),
        ({"url": None}, "url is a value of type NoneType: pass it as text"),
        ({"url": b"redis://:s3cret@host"}, "url is a value of type bytes: pass it as text"),
    ],
)
def test_invalid_options(options: dict[str, Any], message: str) -> None:
    """A wrong option is refused at once."""
    with pytest.raises(ConfigurationError) as caught:
        RedisCoordinator(**{"url": "redis://localhost", **options})
    assert message in str(caught.value)


@pytest.mark.parametrize("value", [None, 5, b"redis://localhost", Path("x.db"), {"url": "redis://localhost"}])
def test_anything_but_text_is_refused(value: Any) -> None:
    """Anything but text is refused as a URL."""
    with pytest.raises(ConfigurationError, match="coordinator is not a coordinator's URL: pass 'file:"):
        coordinator_at(value)
