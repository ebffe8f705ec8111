"""The one path of every request: limits, retries, deadlines and closing, by a jumping clock."""

import asyncio
import gzip
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from adjust_async import (
    AdjustError,
    APIStatusError,
    APITimeoutError,
    AsyncAdjust,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    GoneError,
    PoolExhaustedError,
    RateLimitError,
    Retry,
    ServerError,
)
from adjust_async._http.messages import ServiceName
from tests.clock import JUMPING_CLOCK
from tests.script import (
    DONE,
    TRACKER,
    Outcome,
    Pieces,
    Received,
    Script,
    after,
    arriving,
    client,
    done,
    drip,
    never,
    now,
    status,
    take,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Nothing here needs a socket, so that hours may pass at once."""
    return JUMPING_CLOCK


async def get(adjust: AsyncAdjust) -> list[Any]:
    """Send a GET."""
    return await adjust.trackers.list("app", prefetch=0).collect()


async def post(adjust: AsyncAdjust) -> object:
    """Send a POST."""
    return await adjust.trackers.create("app", "Adroll")


async def patch(adjust: AsyncAdjust) -> object:
    """Send a PATCH."""
    return await adjust.trackers.update("app", "abc123", partner_id=3)


@pytest.fixture(autouse=True)
def _quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield


REQUEST = httpx.Request("GET", "http://adjust.invalid")
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
async def test_what_may_pass_is_tried_again(call: Callable[[AsyncAdjust], Any], failure: Outcome) -> None:
    """A GET or a PATCH that failed for a reason that may pass is sent again until it succeeds."""
    async with client(failure, failure, done()) as (adjust, script):
        assert await call(adjust)
        assert len(script.requests) == 3


@pytest.mark.parametrize(
    "failure", [status(400), status(401), status(403), status(404), status(410), status(418), status(501)], ids=repr
)
@pytest.mark.parametrize("call", [get, patch, post])
async def test_what_cannot_pass_is_not_tried_again(call: Callable[[AsyncAdjust], Any], failure: Outcome) -> None:
    """An answer that the same request would get again ends the call at once."""
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
    """A POST that never arrived, or was put off by the service, is sent again."""
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
    """The error of a POST whose outcome is not known says that it may have been done, and what to do."""
    async with client(failure, max_attempts=1) as (adjust, _):
        with pytest.raises(AdjustError, match="may have done it all the same: look it up"):
            await post(adjust)


@pytest.mark.parametrize(
    "failure",
    [*map(status, (400, 401, 403, 404, 422, 425, 429)), status(429, retry_after="1"), httpx.ConnectError("no")],
    ids=repr,
)
async def test_a_post_that_did_nothing_does_not_say_so(failure: Outcome) -> None:
    """The error of a POST that the service itself refused, put off, or that was never sent raises no doubt."""
    async with client(failure, max_attempts=1) as (adjust, _):
        with pytest.raises(AdjustError) as raised:
            await post(adjust)
        assert "look it up" not in str(raised.value)


async def test_closing_during_a_post_says_that_it_may_have_been_done() -> None:
    """A create that was under way when the client was closed is in doubt, and its error says so."""
    adjust = AsyncAdjust("secret-token", http_client=httpx.AsyncClient(transport=Script(never)))
    creating = asyncio.create_task(post(adjust))
    await asyncio.sleep(1)
    await adjust.aclose()
    with pytest.raises(ClientClosedError, match="look it up"):
        await creating


async def test_a_request_that_found_no_connection_was_never_sent() -> None:
    """Where a transport has no connection free in time, a POST is tried again, and its error says it never was sent."""

    async def busy(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(request.extensions["timeout"]["pool"])
        raise httpx.PoolTimeout("busy", request=request)

    async with client(busy, deadline=None) as (adjust, script):
        with pytest.raises(PoolExhaustedError) as raised:
            await post(adjust)
        assert not raised.value.sent
        assert len(script.requests) == 10


def test_a_second_event_loop_is_refused() -> None:
    """A client belongs to the loop that it was first used in; in another one it says so, and can still be closed."""
    adjust = AsyncAdjust("secret-token", http_client=httpx.AsyncClient(transport=Script(done())))
    asyncio.run(get(adjust))
    with pytest.raises(ConfigurationError, match="second event loop"):
        asyncio.run(get(adjust))
    asyncio.run(adjust.aclose())
    with pytest.raises(ClientClosedError):
        asyncio.run(get(adjust))


async def test_attempts_are_bounded() -> None:
    """After `max_attempts` the last error is raised as it is."""
    async with client(status(503), max_attempts=4) as (adjust, script):
        with pytest.raises(ServerError, match="it was 503"):
            await get(adjust)
        assert len(script.requests) == 4


async def test_waits_have_full_jitter_within_doubling_bounds() -> None:
    """Between attempts the call waits a random time below 0.25, 0.5, 1, 2 s and so on."""
    async with client(status(503), max_attempts=8) as (adjust, script):
        with pytest.raises(ServerError):
            await get(adjust)
        assert all(wait <= 0.25 * 2**n for n, wait in enumerate(script.waits)), script.waits
        assert len({round(wait, 3) for wait in script.waits}) > 4


@pytest.mark.parametrize("code", [429, 503])
async def test_retry_after_is_honoured(code: int) -> None:
    """The next attempt begins when the service said."""
    async with client(status(code, retry_after="17"), done()) as (adjust, script):
        await get(adjust)
        assert 17 <= script.waits[0] <= 17.3


@pytest.mark.parametrize("asked", ["0", "Sun, 22 Nov 2015 10:00:00 GMT"])
async def test_a_retry_after_that_has_passed_does_not_use_the_attempts_up(asked: str) -> None:
    """A wait of nothing gets the same jitter as any other, so that ten attempts take longer than an instant."""
    async with client(status(429, retry_after=asked)) as (adjust, script):
        with pytest.raises(RateLimitError):
            await get(adjust)
        assert len(script.requests) == 10
        assert script.times[-1] - script.times[0] > 1


async def test_a_retry_after_beyond_the_deadline_fails_at_once() -> None:
    """A wait that the call has no time for is not begun; the error tells how long it would be."""
    async with client(status(429, retry_after="600"), deadline=50) as (adjust, script):
        started = asyncio.get_running_loop().time()
        with pytest.raises(RateLimitError, match="asked to wait 600 s") as raised:
            await get(adjust)
        assert asyncio.get_running_loop().time() == pytest.approx(started)
        assert raised.value.retry_after == 600
        with pytest.raises(RateLimitError, match="earlier request of this client was answered 429"):
            await get(adjust)
        assert len(script.requests) == 1


async def test_one_429_pauses_everybody() -> None:
    """While one call waits for its `Retry-After`, no other call is sent; afterwards all of them are."""
    async with client(status(429, retry_after="30"), done()) as (adjust, script):
        first = asyncio.create_task(get(adjust))
        await asyncio.sleep(0.1)
        await asyncio.gather(first, *(get(adjust) for _ in range(5)))
        assert len(script.requests) == 7
        assert all(time - script.times[0] >= 30 for time in script.times[1:])


async def test_no_permit_is_held_while_a_retry_waits() -> None:
    """With one permit, a call that waits for its next attempt lets another one through."""
    async with client(status(503, retry_after="50"), done(), max_concurrency=1) as (adjust, _):
        waiting = asyncio.create_task(get(adjust))
        await asyncio.sleep(1)
        started = asyncio.get_running_loop().time()
        await get(adjust)
        assert asyncio.get_running_loop().time() - started < 1
        await waiting


async def test_never_more_than_max_concurrency() -> None:
    """However many calls there are, so many requests run at a time, and no fewer."""
    async with client(after(1), max_concurrency=7) as (adjust, script):
        started = asyncio.get_running_loop().time()
        await asyncio.gather(*(get(adjust) for _ in range(70)))
        assert script.max_in_flight == 7
        assert asyncio.get_running_loop().time() - started == pytest.approx(10, abs=0.1)


async def test_rate_and_burst() -> None:
    """With `max_rate` and `burst`, the burst goes out at once and the rest at the rate."""
    async with client(done(), max_rate=10, burst=20) as (adjust, script):
        await asyncio.gather(*(get(adjust) for _ in range(70)))
        times = [time - script.times[0] for time in script.times]
        assert sum(time < 0.05 for time in times) == 20
        assert times[-1] == pytest.approx(5, abs=0.2)


async def test_an_attempt_has_a_timeout_and_the_next_one_its_own() -> None:
    """A hanging attempt ends after `timeout` seconds, and the call goes on."""
    async with client(never, done(), timeout=5) as (adjust, script):
        await get(adjust)
        assert 5 <= script.waits[0] < 6


async def test_the_deadline_ends_a_call_in_the_middle_of_an_attempt() -> None:
    """A call takes no longer than `deadline`, and its error carries why earlier attempts had failed."""
    async with client(status(503), never, deadline=20, timeout=None) as (adjust, _):
        started = asyncio.get_running_loop().time()
        with pytest.raises(APITimeoutError, match="within deadline=20 s") as raised:
            await get(adjust)
        assert asyncio.get_running_loop().time() - started == pytest.approx(20)
        assert "The attempt before failed: GET /public/v1/apps/app/trackers answered 503" in str(raised.value)
        assert raised.value.sent


async def test_a_call_that_found_no_permit_was_never_sent() -> None:
    """Where the deadline passes before a permit is free, the error says that nothing was sent, and what to do."""
    async with client(never, max_concurrency=1, deadline=10, timeout=None) as (adjust, script):
        busy, waiting = await asyncio.gather(get(adjust), post(adjust), return_exceptions=True)
        assert isinstance(busy, APITimeoutError)
        assert isinstance(waiting, PoolExhaustedError)
        assert "raise max_concurrency, max_rate or deadline" in str(waiting)
        assert not waiting.sent
        assert len(script.requests) == 1


async def test_without_deadline_a_call_waits_as_long_as_it_takes() -> None:
    """`deadline=None` and `timeout=None` set no limit."""
    async with client(status(503, retry_after="3000"), after(5000), deadline=None, timeout=None) as (adjust, _):
        assert await get(adjust)


async def test_closing_ends_every_call_at_once() -> None:
    """Calls that send, wait for a permit, or wait for their next attempt all end when the client is closed."""
    script = Script(status(503, retry_after="50"), never)
    adjust = AsyncAdjust("secret-token", http_client=httpx.AsyncClient(transport=script), max_concurrency=2)
    calls = [asyncio.create_task(call(adjust)) for call in (get, get, patch, post, get)]
    await asyncio.sleep(1)
    started = asyncio.get_running_loop().time()
    await adjust.aclose()
    assert adjust._session.calls == 0
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ClientClosedError] * 5
    assert asyncio.get_running_loop().time() == pytest.approx(started)
    assert adjust._session.permits == 0
    with pytest.raises(ClientClosedError):
        await get(adjust)
    await adjust.aclose()


async def test_the_task_that_closes_may_be_another_one() -> None:
    """A client can be opened in one task and closed in another, as fixtures and lifespans do."""
    adjust = AsyncAdjust("secret-token", http_client=httpx.AsyncClient(transport=Script(done())))
    await asyncio.create_task(adjust.__aenter__())
    assert await asyncio.create_task(get(adjust))
    await asyncio.create_task(adjust.__aexit__(None, None, None))
    with pytest.raises(ClientClosedError):
        await get(adjust)


@pytest.mark.parametrize("moment", [0.0, 0.5, 3.0])
async def test_a_cancelled_call_gives_its_permit_back(moment: float) -> None:
    """A call that is cancelled while it sends or waits leaves no permit out, and is not retried."""
    async with client(status(503, retry_after="2"), never, max_concurrency=1) as (adjust, script):
        task = asyncio.create_task(get(adjust))
        await asyncio.sleep(moment)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert adjust._session.permits == 0
        script.outcomes = [done()]
        await get(adjust)


async def test_on_retry_and_the_log_tell_of_each_retry(caplog: pytest.LogCaptureFixture) -> None:
    """The hook gets what failed, how often, why, and how long the wait is; the log says the same at DEBUG."""
    told: list[Retry] = []
    async with client(status(503, retry_after="4"), status(503, retry_after="5"), done(), on_retry=told.append) as (
        adjust,
        _,
    ):
        await get(adjust)
    assert [(retry.method, retry.path, retry.attempt, int(retry.wait)) for retry in told] == [
        ("GET", "/public/v1/apps/app/trackers", 1, 4),
        ("GET", "/public/v1/apps/app/trackers", 2, 5),
    ]
    assert all(isinstance(retry.error, ServerError) for retry in told)
    records: list[Any] = [record for record in caplog.records if record.name == "adjust_async"]
    assert {record.levelname for record in records} == {"DEBUG"}
    path = "/public/v1/apps/app/trackers"
    assert [(record.method, record.path, record.status, record.attempt) for record in records] == [
        ("GET", path, 503, 1),
        ("GET", path, 503, 1),
        ("GET", path, 503, 2),
        ("GET", path, 503, 2),
        ("GET", path, 200, 3),
    ]
    assert [record.wait and int(record.wait) for record in records] == [None, 4, None, 5, None]
    assert "attempt 2 of 10 failed, the next one begins in 5." in records[3].message
    assert f"GET {path}" in records[3].message


async def test_a_hook_that_fails_ends_the_call() -> None:
    """A mistake in `on_retry` is not swallowed."""

    def broken(_: Retry) -> None:
        raise LookupError("my own mistake")

    async with client(status(503), on_retry=broken) as (adjust, _):
        with pytest.raises(LookupError, match="my own mistake"):
            await get(adjust)


async def test_what_is_sent() -> None:
    """A request has the token in its header alone, asks for JSON, and encodes its query."""
    async with client(done()) as (adjust, script):
        await adjust.trackers.list("app", page_size=7, after="a&b=c d+/%", prefetch=0).collect()
        await post(adjust)
    listing, creation = script.requests
    assert str(listing.url) == "https://api.adjust.com/public/v1/apps/app/trackers?limit=7&after=a%26b%3Dc%20d%2B%2F%25"
    assert listing.url.params["after"] == "a&b=c d+/%"
    assert listing.headers["authorization"] == "Token token=secret-token"
    assert listing.headers["accept"] == "application/json"
    assert creation.content == b'{"name":"Adroll"}'
    assert creation.headers["content-type"] == "application/json"
    assert "secret" not in f"{listing.url}{creation.url}"


async def test_410_is_an_error_of_its_own() -> None:
    """An API that was switched off answers 410, which has a class of its own."""
    async with client(status(410)) as (adjust, _):
        with pytest.raises(GoneError):
            await get(adjust)


async def test_an_answer_of_another_shape_is_not_asked_for_again() -> None:
    """JSON that is whole, but not what the API documents, would come again: it is told at once, with its place."""
    async with client(httpx.Response(200, json={"data": {"items": [{**TRACKER, "archived": "no"}]}})) as (
        adjust,
        script,
    ):
        with pytest.raises(
            DecodeError, match=r"expected true or false, found 'no' \(at \$\.data\.items\[0\]\.archived"
        ):
            await get(adjust)
        assert len(script.requests) == 1


# Bodies that are received as they arrive.


async def test_a_body_is_received_piece_by_piece() -> None:
    """The pieces come in order, with the status and the length, and the answer is closed at the end."""
    bodies: list[Pieces] = []
    received = Received()
    async with client(arriving(b"ab", 1.0, b"cd", b"e", bodies=bodies, content_length="5")) as (adjust, _):
        assert await take(adjust, received) == 1
    assert received.attempts == [[b"ab", b"cd", b"e"]]
    assert received.heads == [(200, 5)]
    assert [body.closed for body in bodies] == [1]


async def test_the_length_of_a_packed_body_is_not_known() -> None:
    """`Content-Length` of a packed body says nothing of the bytes that come out of it; without one nothing is known."""
    packed = gzip.compress(b"day,installs\n")
    received = Received()
    async with client(
        arriving(packed, content_encoding="gzip", content_length=str(len(packed))),
        arriving(b"x"),
        arriving(code=204),
        arriving(b"x", content_length="many"),
    ) as (adjust, _):
        for _ in range(4):
            await take(adjust, received)
    assert received.attempts == [[b"day,installs\n"], [b"x"], [], [b"x"]]
    assert received.heads == [(200, None), (200, None), (204, None), (200, None)]


@pytest.mark.parametrize(("service", "prefix"), [("api", ""), ("reports", "reports_")])
async def test_the_timeout_begins_anew_with_each_piece(service: ServiceName, prefix: str) -> None:
    """A body may take much longer than `timeout`, as long as none of its pieces does."""
    received = Received()
    settings: dict[str, Any] = {f"{prefix}timeout": 30, f"{prefix}deadline": None}
    async with client(arriving(*drip(29.0, 50)), **settings) as (adjust, script):
        started = now()
        assert await take(adjust, received, service) == 1
        assert now() - started == pytest.approx(29 * 50)
        assert len(script.requests) == 1


@pytest.mark.parametrize(("service", "prefix"), [("api", ""), ("reports", "reports_")])
async def test_a_piece_that_does_not_come_ends_the_attempt(service: ServiceName, prefix: str) -> None:
    """After `timeout` seconds without a piece the attempt ends, and another one begins from the beginning."""
    received = Received()
    settings: dict[str, Any] = {f"{prefix}timeout": 30}
    async with client(arriving(b"x", 31.0, b"y"), arriving(b"x", b"y"), **settings) as (adjust, script):
        assert await take(adjust, received, service) == 2
        assert 30 <= script.waits[0] < 31
    assert received.attempts == [[b"x"], [b"x", b"y"]]


@pytest.mark.parametrize("timeout", [300, None])
async def test_an_endless_drip_ends_by_the_deadline(timeout: float | None) -> None:
    """A body that comes byte by byte for ever ends the call after `deadline` seconds, and is not asked for again."""
    received = Received()
    bodies: list[Pieces] = []
    endless = arriving(*drip(1.0, 5000), bodies=bodies)
    async with client(endless, reports_timeout=timeout, reports_deadline=900) as (adjust, script):
        started = now()
        with pytest.raises(APITimeoutError, match="no whole answer within reports_deadline=900 s"):
            await take(adjust, received)
        assert now() - started == pytest.approx(900)
        assert len(script.requests) == 1
    assert len(received.attempts[0]) in {899, 900}
    assert bodies[0].closed == 1


async def test_no_clock_runs_while_a_piece_is_worked_on() -> None:
    """Work on the pieces takes nothing of `timeout` and `deadline`, however long it is."""
    received = Received(work=100_000)
    async with client(arriving(*drip(8.0, 10)), reports_timeout=10, reports_deadline=100) as (adjust, script):
        assert await take(adjust, received) == 1
        assert len(script.requests) == 1


async def test_the_deadline_counts_the_waits_for_pieces_together() -> None:
    """What the service takes over all pieces counts, the work between them does not."""
    received = Received(work=100_000)
    async with client(arriving(*drip(40.0, 3)), reports_timeout=50, reports_deadline=100) as (adjust, _):
        started = now()
        with pytest.raises(APITimeoutError, match="reports_deadline=100"):
            await take(adjust, received)
        assert now() - started == pytest.approx(2 * 100_000 + 100)
    assert received.attempts == [[b"x", b"x"]]


async def test_work_before_a_drop_leaves_the_next_attempt_its_time() -> None:
    """After long work and a connection that breaks, the next attempt has what was left of the deadline."""
    received = Received(work=100_000)
    async with client(
        arriving(b"x", httpx.ReadError("reset")), arriving(50.0, b"y"), reports_timeout=60, reports_deadline=100
    ) as (adjust, _):
        assert await take(adjust, received) == 2
    assert received.attempts == [[b"x"], [b"y"]]


BREAKS: list[Exception] = [
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
    httpx.ReadTimeout("slow"),
    httpx.DecodingError("gzip"),
]


@pytest.mark.parametrize("failure", BREAKS, ids=lambda failure: type(failure).__name__)
async def test_a_body_that_breaks_off_is_received_anew(failure: Exception) -> None:
    """The next attempt gets the body from its beginning, over an answer of its own; each answer is closed."""
    received = Received()
    bodies: list[Pieces] = []
    async with client(arriving(b"a", failure, bodies=bodies), arriving(b"a", b"b", bodies=bodies)) as (adjust, script):
        assert await take(adjust, received) == 2
        assert len(script.requests) == 2
    assert received.attempts == [[b"a"], [b"a", b"b"]]
    assert [body.closed for body in bodies] == [1, 1]


@pytest.mark.parametrize("failure", [*BREAKS, 301.0], ids=lambda failure: type(failure).__name__)
async def test_what_is_kept_is_not_asked_for_again(failure: Exception | float) -> None:
    """Once something of an answer is out of hands, a drop ends the call: another attempt would double it."""
    received = Received(keep=True)
    async with client(arriving(b"a", failure, b"b"), arriving(b"a", b"b")) as (adjust, script):
        with pytest.raises(AdjustError):
            await take(adjust, received)
        assert len(script.requests) == 1
    assert received.attempts == [[b"a"]]


async def test_failures_before_something_is_kept_are_retried() -> None:
    """Only what comes after `keep` ends the call: refusals and breaks before it are tried again as ever."""
    received = Received(keep=True)
    outcomes: list[Outcome] = [
        status(503),
        httpx.ConnectError("no"),
        arriving(httpx.ReadError("reset")),
        arriving(b"a"),
    ]
    async with client(*outcomes) as (adjust, script):
        await take(adjust, received)
        assert len(script.requests) == 4
    assert received.attempts == [[], [b"a"]]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 302])
async def test_a_refusal_is_read_and_not_received(code: int) -> None:
    """The body of an error never reaches the receiver: it is read, whatever it comes in, and tells of the error."""
    received = Received()
    bodies: list[Pieces] = []
    refusal = arriving(b'{"error_desc"', 2.0, b': "no such thing"}', code=code, bodies=bodies, location="//evil/x")
    async with client(refusal) as (adjust, script):
        with pytest.raises(APIStatusError, match=r"no such thing|must not go") as raised:
            await take(adjust, received)
        assert raised.value.status == code
        assert raised.value.body == '{"error_desc": "no such thing"}'
        assert len(script.requests) == 1
    assert received.attempts == []
    assert bodies[0].closed == 1


async def test_a_refusal_that_never_ends_has_a_timeout() -> None:
    """The body of an error is bounded by `timeout` as a whole, and the attempt is made again."""
    received = Received()
    endless = arriving(*drip(1.0, 5000), code=503)
    async with client(endless, arriving(b"a"), reports_timeout=30) as (adjust, script):
        await take(adjust, received)
        assert 30 <= script.waits[0] < 31
    assert received.attempts == [[b"a"]]


async def test_what_the_receiver_raises_ends_the_call() -> None:
    """A mistake of whoever takes the body is not tried again, and comes as it is."""
    received = Received(fail=LookupError("my own mistake"))
    bodies: list[Pieces] = []
    async with client(arriving(b"a", b"b", bodies=bodies)) as (adjust, script):
        with pytest.raises(LookupError, match="my own mistake"):
            await take(adjust, received)
        assert adjust._session.permits == 0
        assert len(script.requests) == 1
    assert bodies[0].closed == 1


@pytest.mark.parametrize("transient", [True, False])
async def test_a_body_that_the_receiver_refuses(transient: bool) -> None:
    """A body that broke off is asked for again; any other refusal ends the call."""
    refusal = DecodeError("no CSV", location="line 1", transient=transient)
    received = Received(fail=refusal)
    async with client(arriving(b"<html>"), max_attempts=3) as (adjust, script):
        with pytest.raises(DecodeError, match="no CSV"):
            await take(adjust, received)
        assert len(script.requests) == (3 if transient else 1)


@pytest.mark.parametrize("moment", [5.0, 15.0, 25.0], ids=["waiting", "working", "waiting again"])
async def test_closing_the_client_ends_a_body(moment: float) -> None:
    """A body under way ends with `ClientClosedError`, whether the service or the receiver is at work."""
    received = Received(work=10)
    bodies: list[Pieces] = []
    script = Script(arriving(*drip(10.0, 5), bodies=bodies))
    adjust = AsyncAdjust("secret-token", http_client=httpx.AsyncClient(transport=script))
    call = asyncio.create_task(take(adjust, received))
    await asyncio.sleep(moment)
    started = now()
    await adjust.aclose()
    with pytest.raises(ClientClosedError, match="GET /reports-service/csv_report was under way"):
        await call
    assert now() == pytest.approx(started)
    assert (adjust._session.permits, adjust._session.calls, bodies[0].closed) == (0, 0, 1)


@pytest.mark.parametrize("moment", [5.0, 15.0, 25.0], ids=["waiting", "working", "waiting again"])
async def test_a_cancelled_body_gives_everything_back(moment: float) -> None:
    """A cancellation closes the answer and gives the permit back, whether the service or the receiver is at work."""
    received = Received(work=10)
    bodies: list[Pieces] = []
    async with client(arriving(*drip(10.0, 5), bodies=bodies), max_concurrency=1) as (adjust, script):
        call = asyncio.create_task(take(adjust, received))
        await asyncio.sleep(moment)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (adjust._session.permits, adjust._session.calls, bodies[0].closed) == (0, 0, 1)
        script.outcomes = [arriving(b"a")]
        assert await take(adjust, received) == 2


async def test_the_permit_is_held_until_the_body_has_ended() -> None:
    """With one permit, the next request goes out when the body before it has come whole."""
    received = Received(work=50)
    async with client(arriving(*drip(10.0, 5)), max_concurrency=1) as (adjust, script):
        await asyncio.gather(take(adjust, received), take(adjust, received))
        assert script.waits == [pytest.approx(300)]


async def test_an_api_of_one_host_does_not_wait_for_the_other() -> None:
    """The two hosts have permits and deadlines of their own, so that a large report holds nobody else up."""
    received = Received()

    async def answer(request: httpx.Request) -> httpx.Response:
        respond = arriving(200.0, b"x") if request.url.host == "automate.adjust.com" else after(1)
        response: httpx.Response = await respond(request)
        return response

    async with client(answer, max_concurrency=1, deadline=10, timeout=5) as (adjust, _):
        report = asyncio.create_task(take(adjust, received))
        await asyncio.sleep(1)
        started = now()
        await get(adjust)
        assert now() - started == pytest.approx(1)
        assert adjust._session.permits == 1
        await report


async def test_without_limits_a_body_may_take_for_ever() -> None:
    """`reports_timeout=None` and `reports_deadline=None` set no limit to a body either."""
    received = Received(work=10_000)
    async with client(arriving(100_000.0, b"x", 100_000.0, b"y"), reports_timeout=None, reports_deadline=None) as (
        adjust,
        _,
    ):
        assert await take(adjust, received) == 1
