"""An httpx client of the caller's: what of it is in force, and what it can't change."""

from typing import Any

import httpx
import pytest

from adjust_async import (
    APIStatusError,
    AsyncAdjust,
    ClientClosedError,
)
from tests.clock import JUMPING_CLOCK
from tests.script import Script, done, status

pytestmark = pytest.mark.anyio

TOKEN = "s3cr3t-T0ken"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Let the time of every test here jump."""
    return JUMPING_CLOCK


async def get(adjust: AsyncAdjust) -> object:
    """Send a GET."""
    return await adjust.trackers.list("app", prefetch=0).collect()


async def post(adjust: AsyncAdjust) -> object:
    """Send a POST."""
    return await adjust.trackers.create("app", "Adroll")


async def test_what_the_callers_client_says_does_not_count() -> None:
    """Authentication, timeouts, redirects and base URL of the caller's client are not used, and its headers are."""
    script = Script(httpx.Response(302, headers={"location": "https://evil.invalid/"}), done())
    async with (
        httpx.AsyncClient(
            transport=script,
            auth=("user", "password"),
            headers={"X-Team": "growth", "Accept": "text/html", "Accept-Encoding": "br", "Authorization": "Basic x"},
            timeout=0.001,
            follow_redirects=True,
            base_url="https://elsewhere.invalid/base/",
        ) as http_client,
        AsyncAdjust(TOKEN, http_client=http_client, timeout=8) as adjust,
    ):
        with pytest.raises(APIStatusError, match=r"evil\.invalid, where the API token must not go"):
            await get(adjust)
        assert await get(adjust)
    for request in script.requests:
        assert request.url.host == "api.adjust.com"
        assert request.headers["authorization"] == f"Token token={TOKEN}"
        assert request.headers["x-team"] == "growth"
        assert request.headers["accept"] == "application/json"
        assert request.headers["accept-encoding"] == "gzip, deflate"
        assert request.headers["user-agent"].startswith("adjust_async/")
        assert request.extensions["timeout"] == {"connect": 4.0, "read": 8.0, "write": 8.0, "pool": 4.0}


async def test_event_hooks_see_every_attempt() -> None:
    """Event hooks of the caller's client are called for each attempt, and may be asynchronous."""
    seen: list[str] = []

    async def on_request(request: httpx.Request) -> None:
        seen.append(f"{request.method} {request.headers['authorization']}")

    async def on_response(response: httpx.Response) -> None:
        seen.append(str(response.status_code))

    hooks: Any = {"request": [on_request], "response": [on_response]}
    async with (
        httpx.AsyncClient(transport=Script(status(503), done()), event_hooks=hooks) as http_client,
        AsyncAdjust(TOKEN, http_client=http_client) as adjust,
    ):
        await get(adjust)
    assert seen == [f"GET Token token={TOKEN}", "503", f"GET Token token={TOKEN}", "200"]


async def test_what_a_hook_raises_ends_the_call() -> None:
    """A mistake in an event hook is not swallowed or tried again, and leaves nothing behind."""

    async def broken(_: object) -> None:
        raise LookupError("my own mistake")

    script = Script(done())
    async with (
        httpx.AsyncClient(transport=script, event_hooks={"response": [broken]}) as http_client,
        AsyncAdjust(TOKEN, http_client=http_client) as adjust,
    ):
        with pytest.raises(LookupError, match="my own mistake"):
            await get(adjust)
        assert (adjust._session.permits, adjust._session.calls, len(script.requests)) == (0, 0, 1)


async def test_the_clients_of_the_sdk_keep_no_cookies() -> None:
    """A cookie that a gateway sets is not sent back by the SDK's own client."""
    async with AsyncAdjust(TOKEN) as adjust:
        response = httpx.Response(
            200, headers={"set-cookie": "a=b"}, request=httpx.Request("GET", "https://adjust.com")
        )
        adjust.http_client.cookies.extract_cookies(response)
        assert not adjust.http_client.cookies


async def test_a_client_that_its_owner_closes_in_the_middle() -> None:
    """A request that fails as its owner closes the client ends as closed, and a create in doubt."""
    http_client = httpx.AsyncClient()

    async def closing(request: httpx.Request) -> httpx.Response:
        await http_client.aclose()
        raise httpx.ReadError("closed", request=request)

    http_client = httpx.AsyncClient(transport=Script(closing))
    async with AsyncAdjust(TOKEN, http_client=http_client) as adjust:
        with pytest.raises(ClientClosedError, match="http_client was closed during this request") as raised:
            await post(adjust)
    assert raised.value.in_doubt
    assert raised.value.__context__ is None
