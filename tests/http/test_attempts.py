"""Which failures are tried again, and which leave a create in doubt."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from adjust_async import (
    AdjustError,
    APIStatusError,
    AsyncAdjust,
)
from tests.clock import jumping_clock
from tests.script import (
    DONE,
    Outcome,
    client,
    done,
    get,
    never,
    patch,
    post,
    status,
)

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


TRANSIENT: list[Outcome] = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.ReadTimeout("slow"),
    httpx.WriteError("reset"),
    httpx.RemoteProtocolError("Server disconnected"),
    httpx.PoolTimeout("busy"),
    status(429),
    status(500),
    status(502),
    status(503),
    status(504),
    httpx.Response(502, html="<html><title>Bad gateway</title></html>"),
    httpx.Response(200, content=b'{"data": {"items": [{"na'),
]


@pytest.mark.parametrize("call", [get, patch])
@pytest.mark.parametrize("failure", TRANSIENT, ids=repr)
async def test_transient_failures_are_retried(call: Callable[[AsyncAdjust], Any], failure: Outcome) -> None:
    """A GET or a PATCH that failed for a transient reason is sent again until it succeeds."""
    async with client(failure, failure, done()) as (adjust, script):
        assert await call(adjust)
        assert len(script.requests) == 3


@pytest.mark.parametrize(
    "failure", [status(400), status(401), status(403), status(404), status(410), status(418), status(501)], ids=repr
)
@pytest.mark.parametrize("call", [get, patch, post])
async def test_lasting_failures_are_not_retried(call: Callable[[AsyncAdjust], Any], failure: Outcome) -> None:
    """An answer that would be repeated ends the call at once."""
    async with client(failure) as (adjust, script):
        with pytest.raises(APIStatusError):
            await call(adjust)
        assert len(script.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.PoolTimeout("busy"),
        status(425),
        status(429),
        status(429, retry_after="2"),
    ],
    ids=repr,
)
async def test_a_post_that_did_nothing_is_sent_again(failure: Outcome) -> None:
    """A POST that never arrived, or that the service deferred, is sent again."""
    async with client(failure, done()) as (adjust, script):
        await post(adjust)
        assert len(script.requests) == 2


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectTimeout("a transport may say so after it sent"),
        httpx.ReadError("reset"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("Server disconnected"),
        httpx.WriteError("reset"),
        pytest.param(never, id="never"),
        status(408),
        status(500),
        status(502),
        status(503),
        status(504),
        status(503, retry_after="2"),
        status(529),
        httpx.Response(200, content=b'{"data": {"items": [{"na'),
        httpx.Response(200, json={"data": {"items": []}}),
        httpx.Response(206, json=DONE),
        httpx.Response(302, headers={"location": "/login"}),
    ],
    ids=repr,
)
async def test_a_post_that_may_have_done_something_is_never_sent_again(failure: Outcome) -> None:
    """A POST whose outcome is in doubt is sent once, so that nothing is created twice."""
    async with client(failure, done()) as (adjust, script):
        with pytest.raises(AdjustError):
            await post(adjust)
        assert len(script.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadError("reset"),
        pytest.param(never, id="never"),
        status(500),
        status(502),
        status(503),
        status(504),
        status(408),
        status(409),
        status(410),
        status(503, retry_after="2"),
        httpx.Response(302, headers={"location": "https://elsewhere.invalid/"}),
        httpx.Response(400, text="Bad Request"),
        httpx.Response(401, json={"message": "Unauthorized"}),
        httpx.Response(403, html="<title>403 Forbidden</title>"),
        httpx.Response(404, json={"error": "no route"}),
        httpx.Response(422),
        httpx.Response(200, content=b'{"data": {"items": [{"na'),
        httpx.Response(206, json=DONE),
    ],
    ids=repr,
)
async def test_a_post_in_doubt_says_so(failure: Outcome) -> None:
    """The error of a POST with an unknown outcome says that it may have succeeded, and what to do."""
    async with client(failure, max_attempts=1) as (adjust, _):
        with pytest.raises(AdjustError, match="may have done it all the same: look it up"):
            await post(adjust)


@pytest.mark.parametrize(
    "failure",
    [*map(status, (400, 401, 403, 404, 422, 425, 429)), status(429, retry_after="1"), httpx.ConnectError("no")],
    ids=repr,
)
async def test_a_post_that_did_nothing_does_not_say_so(failure: Outcome) -> None:
    """The error of a POST that was refused, deferred or never sent is not in doubt."""
    async with client(failure, max_attempts=1) as (adjust, _):
        with pytest.raises(AdjustError) as raised:
            await post(adjust)
        assert "look it up" not in str(raised.value)
