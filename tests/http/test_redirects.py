"""Redirects: followed within the host, and never with the token to another one."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st

from adjust_async import APIConnectionError, APIStatusError, AsyncAdjust
from adjust_async._http.redirects import redirect_target
from tests.clock import jumping_clock
from tests.script import DONE, client, done, get, patch, post

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock

HERE = "https://api.adjust.com"
CODES = [301, 302, 303, 307, 308]


def moved(location: str, code: int = 302) -> httpx.Response:
    """Answer with a redirect."""
    return httpx.Response(code, headers={"location": location}, html="<title>Moved</title>")


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/v9/trackers?x=1", f"{HERE}/v9/trackers?x=1"),
        (f"{HERE}/other#part", f"{HERE}/other"),
        (f"{HERE}:443/other", f"{HERE}/other"),
        ("HTTPS://API.ADJUST.COM/other", f"{HERE}/other"),
        ("//api.adjust.com/other", f"{HERE}/other"),
        ("trackers/", f"{HERE}/public/v1/apps/app/trackers/"),
    ],
)
async def test_a_get_follows_within_its_host(code: int, location: str, target: str) -> None:
    """A GET follows every redirect to the same scheme, host and port, with the token."""
    async with client(moved(location, code), done()) as (adjust, script):
        assert await get(adjust)
        assert [str(request.url) for request in script.requests] == [f"{HERE}/public/v1/apps/app/trackers", target]
        assert [request.headers["authorization"] for request in script.requests] == ["Token token=secret-token"] * 2


@pytest.mark.parametrize("code", [307, 308])
@pytest.mark.parametrize(("call", "method"), [(post, "POST"), (patch, "PATCH")])
async def test_a_write_follows_a_redirect_that_keeps_the_method(
    code: int, call: Callable[[AsyncAdjust], Any], method: str
) -> None:
    """After 307 and 308 a write is repeated unchanged, with its body."""
    async with client(moved("/elsewhere", code), done()) as (adjust, script):
        await call(adjust)
        first, second = script.requests
        assert (second.method, second.url.path) == (method, "/elsewhere")
        assert second.content == first.content != b""
        assert second.headers["content-type"] == "application/json"


@pytest.mark.parametrize("code", [301, 302, 303])
@pytest.mark.parametrize("call", [post, patch])
async def test_a_write_does_not_become_a_get(code: int, call: Callable[[AsyncAdjust], Any]) -> None:
    """After 301, 302 and 303 a write would become a GET: it is refused, and the message says so."""
    async with client(moved("/elsewhere", code), done()) as (adjust, script):
        with pytest.raises(APIStatusError, match=r"api\.adjust\.com redirected within itself .* into a GET"):
            await call(adjust)
        assert len(script.requests) == 1


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("call", [get, post, patch])
@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://evil.invalid/x?y=1", "https://evil.invalid"),
        ("//evil.invalid", "https://evil.invalid"),
        ("http://api.adjust.com/x", "http://api.adjust.com"),
        (f"{HERE}:8443/x", f"{HERE}:8443"),
        ("https://api.adjust.com.evil.invalid/", "https://api.adjust.com.evil.invalid"),
        ("https://api.adjust.com@evil.invalid/", "https://evil.invalid"),
    ],
)
async def test_the_token_goes_nowhere_else(
    code: int, call: Callable[[AsyncAdjust], Any], location: str, named: str
) -> None:
    """A redirect to another scheme, host or port is refused at once, and the message names both origins."""
    async with client(moved(location, code)) as (adjust, script):
        with pytest.raises(APIStatusError) as raised:
            await call(adjust)
        assert f"{HERE} redirected to {named}, to which the API token must not be sent: check api_url" in str(
            raised.value
        )
        assert raised.value.status == code
        assert len(script.requests) == 1


async def test_a_user_name_is_not_taken_along() -> None:
    """A redirect within the host, but with a user name, is not followed."""
    async with client(moved("https://user:s3cr3t@api.adjust.com/")) as (adjust, script):
        with pytest.raises(APIStatusError, match="redirected within itself") as raised:
            await get(adjust)
        assert "s3cr3t" not in f"{raised.value}{vars(raised.value)}"
        assert len(script.requests) == 1


async def test_a_second_host_in_the_chain_is_refused() -> None:
    """Each step is checked, not only the first one."""
    async with client(moved("/a"), moved("/b"), moved("https://evil.invalid/")) as (adjust, script):
        with pytest.raises(APIStatusError, match=r"evil\.invalid, to which the API token must not be sent"):
            await get(adjust)
        assert len(script.requests) == 3


@pytest.mark.parametrize(("steps", "reached"), [(5, True), (6, False), (50, False)])
async def test_five_steps_are_enough(steps: int, reached: bool) -> None:
    """Five redirects are followed, and not a sixth one."""
    async with client(*(moved(f"/{step}") for step in range(steps)), done()) as (adjust, script):
        if reached:
            assert await get(adjust)
        else:
            with pytest.raises(APIStatusError, match="more than 5 times"):
                await get(adjust)
        assert len(script.requests) == 6


async def test_a_redirect_without_a_place() -> None:
    """A redirect without a target is an error of its status."""
    async with client(httpx.Response(302)) as (adjust, _):
        with pytest.raises(APIStatusError, match="a redirect without a target"):
            await get(adjust)


@pytest.mark.parametrize(
    "location", ["mailto:a@example.com", "http:x", "https://[::1", "https://a:b/", "https://\x01/"]
)
async def test_a_redirect_to_text_that_is_not_a_url(location: str) -> None:
    """A `Location` that can't be parsed breaks the answer, not the call: a create is in doubt."""
    async with client(moved(location), max_attempts=1) as (adjust, script):
        with pytest.raises(APIConnectionError, match="Invalid URL in location header") as raised:
            await post(adjust)
        assert (raised.value.in_doubt, raised.value.attempts, len(script.requests)) == (True, 1, 1)


async def test_the_answers_on_the_way_are_closed() -> None:
    """The answer of a redirect is closed before the next request is sent."""
    closed: list[str] = []

    class Stream(httpx.AsyncByteStream):
        def __init__(self, name: str) -> None:
            self.name = name

        async def __aiter__(self) -> Any:
            yield b"moved"

        async def aclose(self) -> None:
            closed.append(self.name)

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/b":
            step = "/b" if request.url.path == "/a" else "/a"
            return httpx.Response(302, headers={"location": step}, stream=Stream(request.url.path[-3:]))
        assert closed == ["ers", "/a"]
        return httpx.Response(200, json=DONE)

    async with client(answer) as (adjust, _):
        assert await get(adjust)


@given(st.text(alphabet="htps:/@[]?#=&%\\.\t api.djustcomevl", max_size=40), st.sampled_from(CODES))
def test_any_location_stays_on_the_host_or_is_left(location: str, code: int) -> None:
    """Whatever a `Location` contains, the next request has the same scheme, host and port, and no user."""
    url = redirect_target("GET", httpx.URL(f"{HERE}/x"), code, location)
    if url is not None:
        assert (url.scheme, url.host, url.port, url.userinfo, url.fragment) == (
            "https",
            "api.adjust.com",
            None,
            b"",
            "",
        )
