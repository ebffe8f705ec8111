"""A caller's own httpx client: which of its settings apply, and which it can't change."""

import gzip
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from adjust_async import (
    AdjustError,
    APIStatusError,
    AsyncAdjust,
    ClientClosedError,
    DecodeError,
    NotFoundError,
)
from adjust_async._http.messages import Body, RequestSpec
from tests.clock import jumping_clock
from tests.script import Outcome, Script, arriving, client, done, get, post, status

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock

TOKEN = "s3cr3t-T0ken"


async def test_settings_of_the_callers_client_that_do_not_apply() -> None:
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
        with pytest.raises(APIStatusError, match=r"evil\.invalid, to which the API token must not be sent"):
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


async def test_a_user_agent_of_the_callers_own() -> None:
    """A `User-Agent` of the caller's client is sent, and one that was removed is not."""
    for headers, sent in ({"User-Agent": "growth/2"}, "growth/2"), ({}, None):
        script = Script(done())
        async with httpx.AsyncClient(transport=script, headers=headers) as http_client:
            if sent is None:
                del http_client.headers["User-Agent"]
            async with AsyncAdjust(TOKEN, http_client=http_client) as adjust:
                await get(adjust)
        assert script.requests[0].headers.get("user-agent") == sent


async def test_http2_logs_no_headers() -> None:
    """The library that httpx uses for HTTP/2 would write the token to its debug log."""
    logger = logging.getLogger("hpack")
    level = logger.level
    try:
        logger.setLevel(logging.DEBUG)
        async with httpx.AsyncClient(http2=True) as http_client, AsyncAdjust(TOKEN, http_client=http_client):
            assert not logging.getLogger("hpack.hpack").isEnabledFor(logging.DEBUG)
    finally:
        logger.setLevel(level)


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


async def test_an_exception_of_a_hook_ends_the_call() -> None:
    """An exception of an event hook is neither swallowed nor retried, and leaves nothing behind."""

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
    """A request that fails while its owner closes the client ends as closed, and a create ends in doubt."""
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


# Hooks on answers.


async def call_with(
    hook: Callable[[httpx.Response], Awaitable[object]],
    *outcomes: Outcome,
    call: Callable[[AsyncAdjust], Awaitable[object]] = get,
) -> tuple[object, Script]:
    """Make a call with an event hook on its answers."""
    async with client(*outcomes, max_attempts=2) as (adjust, script):
        adjust.http_client.event_hooks = {"response": [hook]}
        return await call(adjust), script


async def raise_for_status(response: httpx.Response) -> None:
    """Do what many hooks do."""
    response.raise_for_status()


async def test_a_hook_that_raises_for_the_status() -> None:
    """The status has the same effect as without the hook: retries, followed redirects and errors."""
    found, script = await call_with(
        raise_for_status, status(429, retry_after="7"), httpx.Response(302, headers={"location": "/other"}), done()
    )
    assert found
    assert [request.url.path for request in script.requests][2] == "/other"
    assert script.waits[0] >= 7
    for outcome in (status(404), arriving(b"gone", code=404)):
        with pytest.raises(NotFoundError) as raised:
            await call_with(raise_for_status, outcome)
        assert (raised.value.status, raised.value.attempts, raised.value.__context__) == (404, 1, None)


async def test_a_status_of_another_request() -> None:
    """A hook that calls another service, and receives an error there, does not affect this request's status."""

    async def elsewhere(_: httpx.Response) -> None:
        request = httpx.Request("GET", "https://elsewhere.invalid/")
        httpx.Response(404, request=request).raise_for_status()

    with pytest.raises(AdjustError, match=r"HTTPStatusError: .*elsewhere\.invalid") as raised:
        await call_with(elsewhere, done())
    assert not isinstance(raised.value, APIStatusError)


async def take_raw(response: httpx.Response) -> None:
    """Consume the body."""
    _ = [piece async for piece in response.aiter_raw()]


async def take_lines(response: httpx.Response) -> None:
    """Consume the body, decompressed."""
    _ = [line async for line in response.aiter_lines()]


@pytest.mark.parametrize("hook", [take_raw, take_lines, httpx.Response.aclose])
async def test_a_hook_that_takes_the_body(hook: Callable[[httpx.Response], Awaitable[object]]) -> None:
    """A hook that consumes a body is named. A create is then in doubt, and a status is still reported."""
    with pytest.raises(DecodeError, match=r"an event hook .*await response\.aread\(\)") as raised:
        await call_with(hook, arriving(b"{}"), call=post)
    assert (raised.value.in_doubt, raised.value.attempts) == (True, 1)
    with pytest.raises(NotFoundError):
        await call_with(hook, arriving(b"{}", code=404))


@pytest.mark.parametrize(("coding", "verified"), [(None, True), ("identity", True), ("gzip", False)])
async def test_a_report_that_a_hook_reads(coding: str | None, verified: bool) -> None:
    """With hooks, a streamed report is requested uncompressed: httpx drops all but the first gzip member."""
    sent = gzip.compress(b"abcd") + gzip.compress(b"efgh") if coding == "gzip" else b"abcd"
    headers: dict[str, Any] = {"content_length": str(len(sent))} | (
        {} if coding is None else {"content_encoding": coding}
    )
    seen: list[object] = []

    async def receive(arrived: Body) -> None:
        seen.append((b"".join([piece async for piece in arrived]), arrived.end_verified))

    def ask(adjust: AsyncAdjust) -> Awaitable[object]:
        return adjust._session.request(RequestSpec("GET", "/p", lambda _: None, receive=receive))

    _, script = await call_with(httpx.Response.aread, arriving(sent, **headers), call=ask)
    assert seen == [(b"abcd", verified)]
    assert script.requests[0].headers["accept-encoding"] == "identity"


async def test_a_client_that_is_closed_between_two_steps() -> None:
    """If its owner closes the client during a redirect, the call ends as closed, not with httpx's error."""
    http_client = httpx.AsyncClient()

    async def closing(_: httpx.Request) -> httpx.Response:
        await http_client.aclose()
        return httpx.Response(302, headers={"location": "/other"})

    http_client = httpx.AsyncClient(transport=Script(closing))
    async with AsyncAdjust(TOKEN, http_client=http_client) as adjust:
        with pytest.raises(ClientClosedError, match="http_client was closed during this request") as raised:
            await get(adjust)
    assert raised.value.__context__ is None
