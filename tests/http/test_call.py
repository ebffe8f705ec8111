"""One call: what its errors hold and don't hold, and what the log says."""

import asyncio
import gc
import logging
import sys
import traceback
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import attrs
import httpcore
import httpx
import pytest

from adjust_async import (
    AdjustError,
    APIConnectionError,
    APITimeoutError,
    AsyncAdjust,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    RateLimitError,
    ServerError,
)
from adjust_async._http.messages import RequestSpec
from tests.clock import jumping_clock
from tests.script import Outcome, Script, after, arriving, client, done, get, never, post, status

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock

TOKEN = "s3cr3t-T0ken"


async def rows(adjust: AsyncAdjust) -> object:
    """Receive a body as it arrives."""

    async def receive(body: Any) -> bytes:
        return b"".join([piece async for piece in body])

    return await adjust._session.request(RequestSpec("GET", "/p", lambda _: b"", service="reports", receive=receive))


def over(outcome: Outcome, **settings: Any) -> AsyncAdjust:
    """Open a client over one outcome."""
    return AsyncAdjust(TOKEN, http_client=httpx.AsyncClient(transport=Script(outcome)), **settings)


# Secrets.


def raising(error: httpx.HTTPError) -> Outcome:
    """Fail as httpx's own transport does: with a request that has the token, and a cause below."""

    async def answer(request: httpx.Request) -> httpx.Response:
        error.request = request
        raise error from httpcore.ReadError("below")

    return answer


FAILURES: dict[str, Outcome] = {
    "refused": raising(httpx.ConnectError("refused")),
    "reset": raising(httpx.ReadError("reset")),
    "slow": raising(httpx.ReadTimeout("slow")),
    "illegal": raising(httpx.LocalProtocolError(f"Illegal header value b'Token token={TOKEN}'")),
    "hangs": never,
    "breaks": arriving(b"x", httpx.ReadError("reset")),
    "breaks packed": arriving(b"\x1f\x8b", content_encoding="gzip"),
    "503": status(503),
    "echo": httpx.Response(400, json={"error": {"message": f"bad token {TOKEN}"}}),
    "echoed header": httpx.Response(400, headers={"x-request-id": TOKEN}, json={}),
    "page": httpx.Response(200, text=f"<title>{TOKEN}</title>"),
    "429": status(429, retry_after="9999"),
    "redirect": httpx.Response(302, headers={"location": f"https://{TOKEN}.invalid/{TOKEN}"}),
}


@pytest.mark.parametrize("call", [get, post, rows])
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("settings", [{"max_attempts": 1}, {"max_attempts": 3}, {"deadline": 5, "reports_deadline": 5}])
async def test_no_frame_text_or_chain_has_the_token(
    failure: str, call: Callable[[AsyncAdjust], Any], settings: dict[str, Any]
) -> None:
    """An error has the token in no text and no frame, and no error of another library in its chain."""
    async with over(FAILURES[failure], **settings) as adjust:
        try:
            await call(adjust)
        except AdjustError as raised:
            error = raised
        else:
            assert call is rows  # which takes any body
            return
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None:
        chain.append(link)
        link = link.__cause__ or link.__context__
    assert chain == [error]
    assert TOKEN not in f"{error} {error!r} {vars(error)}" + "".join(traceback.format_exception(error))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "adjust_async" in frame.f_code.co_filename:
            held = frame.f_locals.values()
            assert TOKEN not in repr(frame.f_locals)
            assert not [value for value in held if isinstance(value, (httpx.Request, httpx.Response))]


async def test_a_deadline_hides_the_request_too() -> None:
    """An error of the whole call has no chain either, and has the failure of the previous attempt."""
    async with client(httpx.ReadError("reset"), never, deadline=20, timeout=None) as (adjust, _):
        with pytest.raises(
            APITimeoutError, match=r"The previous attempt failed: GET .*: the connection broke"
        ) as raised:
            await get(adjust)
        assert (raised.value.__cause__, raised.value.__context__) == (None, None)


async def test_a_caught_error_does_not_keep_the_answer() -> None:
    """A stored error has its limited text, and none of the frames that had the answer."""
    body = b'{"data": {"items": 5}, "filling": "' + b"x" * 200_000 + b'"}'
    async with over(httpx.Response(200, content=body), max_attempts=1) as adjust:
        with pytest.raises(DecodeError) as raised:
            await get(adjust)
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    of_package = [frame for frame in frames if "adjust_async" in frame.f_code.co_filename]
    assert not [frame for frame in of_package if frame.f_code.co_filename.endswith(("documents.py", "envelope.py"))]
    assert not [frame for frame in of_package if len(repr(frame.f_locals)) > 100_000]
    assert len(raised.value.body) == 65536


async def test_the_token_as_an_app_token_is_refused() -> None:
    """Passing the API token as an app token is refused before the token becomes part of a URL."""
    async with over(done()) as adjust:
        with pytest.raises(ConfigurationError, match="the API token was passed as an app token") as raised:
            await adjust.trackers.list(TOKEN).collect()
        assert TOKEN not in str(raised.value)


async def test_httpx_itself_logs_no_token(caplog: pytest.LogCaptureFixture) -> None:
    """Neither httpx's own line for each request nor the SDK's has the token."""
    # By name: another test may have set the level of httpx's logger.
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "httpx"):
        async with over(done()) as adjust:
            await get(adjust)
            await post(adjust)
    assert "HTTP Request: GET https://api.adjust.com/public/v1/apps/app/trackers" in caplog.text
    assert TOKEN not in caplog.text


# Closing.


async def test_closing_during_a_create_leaves_it_in_doubt() -> None:
    """The error of a create in flight says so. One that waited for a permit certainly had no effect."""
    adjust = over(never, max_concurrency=1)
    calls = [asyncio.create_task(post(adjust)) for _ in range(2)]
    await asyncio.sleep(1)
    await adjust.aclose()
    outcomes: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ClientClosedError] * 2
    assert [outcome.in_doubt for outcome in outcomes] == [True, False]


async def test_closing_between_two_attempts_leaves_no_doubt() -> None:
    """A deferred create that was waiting for its next attempt when the client was closed certainly had no effect."""
    adjust = over(status(429, retry_after="50"))
    waiting = asyncio.create_task(post(adjust))
    await asyncio.sleep(1)
    await adjust.aclose()
    with pytest.raises(ClientClosedError) as raised:
        await waiting
    assert not raised.value.in_doubt


# Attempts, pauses and the log.


@pytest.mark.parametrize("attempts", [1, 4])
@pytest.mark.parametrize(
    "failure", [status(503), httpx.ReadError("reset"), httpx.Response(200, content=b"{")], ids=repr
)
async def test_an_error_says_how_many_attempts_there_were(failure: Outcome, attempts: int) -> None:
    """The error of a call has the number of attempts, in `attempts`, its text and its `repr`, and the page."""
    async with client(failure, max_attempts=attempts) as (adjust, script):
        with pytest.raises(AdjustError) as raised:
            await get(adjust)
    error = raised.value
    assert error.attempts == attempts == len(script.requests)
    assert error.service == "api"
    for text in (str(error), repr(error)):
        assert f"{attempts} attempt" in text
        assert "GET /public/v1/apps/app/trackers" in text
    assert repr(error).startswith(type(error).__name__)


async def test_a_call_that_was_never_sent_has_no_attempts() -> None:
    """A call whose deadline passes before it gets a permit has no attempts."""
    async with client(never, max_concurrency=1, deadline=10, timeout=None) as (adjust, _):
        _, waiting = await asyncio.gather(get(adjust), post(adjust), return_exceptions=True)
    assert isinstance(waiting, APIConnectionError)
    assert waiting.attempts is None
    assert "attempt" not in str(waiting)


async def test_a_pause_is_bounded_and_one_request_asks_again() -> None:
    """If a service asks for a day, one request is sent after a minute. After its success all continue."""
    async with client(status(429, retry_after="86400"), done(), deadline=None) as (adjust, script):
        first = asyncio.create_task(get(adjust))
        await asyncio.sleep(1)
        script.outcomes = [after(5)]
        started = script.times[0]
        await asyncio.gather(first, *(get(adjust) for _ in range(9)))
        times = [time - started for time in script.times[1:]]
    assert 60 <= times[0] < 61
    assert all(65 <= time < 86 for time in times[1:])
    assert len(times) == 10


async def test_a_pause_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """However many requests are answered 429 at once, one warning says for how long nothing is sent."""

    async def refuse(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1)
        return status(429, retry_after="30")

    with caplog.at_level(logging.DEBUG, "adjust_async"):
        async with client(refuse, max_attempts=1) as (adjust, _):
            outcomes = await asyncio.gather(*(get(adjust) for _ in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {RateLimitError}
    warnings: list[Any] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.getMessage() for record in warnings] == [
        "https://api.adjust.com answered 429: no request to it starts for 30.00 s"
    ]
    (warning,) = warnings
    assert (warning.method, warning.path, warning.status, warning.attempt, round(warning.wait)) == (
        "GET",
        "/public/v1/apps/app/trackers",
        429,
        1,
        30,
    )


def test_the_log_is_silent_by_default() -> None:
    """Without a handler in the application, nothing is written to stderr."""
    handlers = logging.getLogger("adjust_async").handlers
    assert any(isinstance(handler, logging.NullHandler) for handler in handlers)


@pytest.mark.parametrize("code", [408, 425, 429, 499, 500, 502, 503, 504, 520, 523, 527, 529])
async def test_statuses_of_gateways_are_tried_again(code: int) -> None:
    """Transient statuses of gateways are retried for repeatable requests."""
    async with client(status(code), done()) as (adjust, script):
        assert await get(adjust)
        assert len(script.requests) == 2


# Tasks.


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
async def test_eager_tasks(recwarn: pytest.WarningsRecorder) -> None:
    """With eager tasks, walks, creates and a close in the middle leave no coroutine unawaited and no task."""
    asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009 - of 3.12
    try:
        async with client(done()) as (adjust, _):
            assert [tracker async for tracker in adjust.trackers.list("app")]
            await asyncio.gather(*(asyncio.create_task(post(adjust)) for _ in range(5)))
            async with aclosing(adjust.trackers.list("app", page_size=1).pages()) as pages:
                await anext(pages)
        adjust = over(never)
        calls = [asyncio.create_task(call(adjust)) for call in (get, post, get)]
        await asyncio.sleep(1)
        await adjust.aclose()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {ClientClosedError}
    finally:
        asyncio.get_running_loop().set_task_factory(None)
    gc.collect()
    assert not list(recwarn)


@attrs.define
class _Opened:
    adjust: AsyncAdjust


async def test_opened_and_closed_in_different_tasks() -> None:
    """A client may be opened in one task, used in others and closed in another one."""
    opened = _Opened(over(done()))
    await asyncio.create_task(opened.adjust.__aenter__())
    assert await asyncio.gather(*(asyncio.create_task(get(opened.adjust)) for _ in range(3)))
    await asyncio.create_task(opened.adjust.aclose())
    with pytest.raises(ClientClosedError):
        await get(opened.adjust)


async def test_an_error_is_not_altered_after_it_was_raised() -> None:
    """The object that `on_retry` received does not change, whatever happens to the call."""
    told: list[AdjustError] = []
    async with client(status(503), max_attempts=2, on_retry=lambda retry: told.append(retry.error)) as (adjust, _):
        with pytest.raises(ServerError) as raised:
            await get(adjust)
    assert raised.value is not told[0]
    assert (told[0].attempts, told[0].page, raised.value.attempts, raised.value.page) == (None, None, 2, 1)
