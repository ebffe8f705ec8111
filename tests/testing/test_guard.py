from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.testing.projects import passed, run

HEAD = """
import asyncio
import socket
import httpx
import pytest
from adjust_async import AsyncAdjust

async def partners(**options):
    async with AsyncAdjust("secret-token", **options) as adjust:
        return await adjust.partners.list().collect()
"""


BODIES = (
    "asyncio.run(partners())",
    "asyncio.run(partners(api_url='https://API.adjust.com.'))",
    "httpx.get('https://automate.adjust.com/reports-service/events')",
    "httpx.get('https://dash.adjust.com/', proxy='http://127.0.0.1:9')",
    "socket.create_connection(('api.adjust.com', 443))",
    "asyncio.run(asyncio.open_connection(b'app.adjust.com', 443))",
)


def test_real_hosts(tmp_path: Path) -> None:
    """A test that would reach one of Adjust's hosts fails at once, and the message says what to do."""
    tests = "".join(f"\ndef test_{number}():\n    {body}\n" for number, body in enumerate(BODIES))
    result = run(tmp_path, HEAD + tests)
    assert result.returncode == 1
    assert f"{len(BODIES)} failed" in result.stdout.splitlines()[-1]
    assert result.stdout.count("\nThis test would reach Adjust at ") == len(BODIES)
    assert "Use the fixture `adjust`" in result.stdout
    assert "secret-token" not in result.stdout


def test_over_a_proxy_of_the_environment(tmp_path: Path) -> None:
    """It also fails if a proxy would look the host up."""
    result = run(tmp_path, f"{HEAD}\ndef test_real():\n    asyncio.run(partners())\n", HTTPS_PROXY="http://127.0.0.1:9")
    assert "This test would reach Adjust at api.adjust.com" in result.stdout


@pytest.mark.skipif(find_spec("uvloop") is None, reason="uvloop is not installed")
def test_uvloop(tmp_path: Path) -> None:
    """It also fails in a loop with its own name look-ups."""
    result = run(tmp_path, f"{HEAD}\nimport uvloop\ndef test_real():\n    uvloop.run(partners())\n")
    assert "This test would reach Adjust at api.adjust.com" in result.stdout


def test_a_failure_that_is_swallowed(tmp_path: Path) -> None:
    """A test that catches everything still fails."""
    test = """
def test_real():
    try:
        asyncio.run(partners())
    except BaseException:
        pass
"""
    result = run(tmp_path, HEAD + test)
    assert "1 failed" in result.stdout
    assert "This test would reach Adjust" in result.stdout


def test_in_a_fixture(tmp_path: Path) -> None:
    """A fixture that tries to reach Adjust fails, too."""
    test = """
@pytest.fixture
def report():
    return asyncio.run(partners())

def test_real(report):
    pass
"""
    result = run(tmp_path, HEAD + test)
    assert "1 error" in result.stdout
    assert "This test would reach Adjust" in result.stdout


def test_other_hosts(tmp_path: Path) -> None:
    """Other hosts, names that only look similar, and mocked requests are not affected."""
    test = """
import respx

def test_names():
    for host in "localhost", "127.0.0.1", None:
        socket.getaddrinfo(host, 80)
    with pytest.raises(OSError):
        socket.getaddrinfo("notadjust.com.invalid", 80)

@respx.mock
def test_mocked():
    respx.get("https://api.adjust.com/public/v1/partners").mock(return_value=httpx.Response(200, json={"data": {
        "items": [], "paging": {"next": None}}}))
    assert asyncio.run(partners()) == []
"""
    passed(run(tmp_path, HEAD + test), 2)


def test_real_hosts_that_are_meant(tmp_path: Path) -> None:
    """A mark lets a test through, and the test after it is guarded again."""
    test = """
@pytest.mark.adjust(real_hosts=True)
def test_meant():
    try:
        socket.getaddrinfo("api.adjust.com", 443)
    except OSError:
        pass

def test_not_meant():
    with pytest.raises(pytest.fail.Exception):
        socket.getaddrinfo("api.adjust.com", 443)
"""
    result = run(tmp_path, HEAD + test)
    assert "1 failed, 1 passed" in result.stdout


def test_switched_off(tmp_path: Path) -> None:
    """Outside of tests nothing is guarded, and everything is restored at the end."""
    test = """
import atexit
before = socket.getaddrinfo

def test_guarded():
    assert socket.getaddrinfo is not before
    atexit.register(lambda: print("put back:", socket.getaddrinfo is before))
"""
    assert "put back: True" in run(tmp_path, HEAD + test).stdout
