"""The one path of every request: limits, retries, deadlines and closing, by a jumping clock."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from adjust_async import (
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
from tests.clock import jumping_clock
from tests.script import (
    TRACKER,
    Script,
    after,
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


@pytest.fixture(autouse=True)
def _quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield


async def test_closing_during_a_post_says_that_it_may_have_been_done() -> None:
    """A create in flight when the client is closed is in doubt, and its error says so."""
    adjust = AsyncAdjust("secret-token", http_client=httpx.AsyncClient(transport=Script(never)))
    creating = asyncio.create_task(post(adjust))
    await asyncio.sleep(1)
    await adjust.aclose()
    with pytest.raises(ClientClosedError, match="look it up"):
        await creating


async def test_a_request_that_found_no_connection_was_never_sent() -> None:
    """If a transport has no idle connection in time, a POST is retried, and its error says it was never sent."""

    async def busy(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(request.extensions["timeout"]["pool"])
        raise httpx.PoolTimeout("busy", request=request)

    async with client(busy, deadline=None) as (adjust, script):
        with pytest.raises(PoolExhaustedError) as raised:
            await post(adjust)
        assert not raised.value.sent
        assert len(script.requests) == 10


def test_a_second_event_loop_is_refused() -> None:
    """A client belongs to the loop of its first use. In another one it says so, and can still be closed."""
    adjust = AsyncAdjust("secret-token", http_client=httpx.AsyncClient(transport=Script(done())))
    asyncio.run(get(adjust))
    with pytest.raises(ConfigurationError, match="second event loop"):
        asyncio.run(get(adjust))
    asyncio.run(adjust.aclose())
    with pytest.raises(ClientClosedError):
        asyncio.run(get(adjust))


async def test_attempts_are_bounded() -> None:
    """After `max_attempts` the last error is raised unchanged."""
    async with client(status(503), max_attempts=4) as (adjust, script):
        with pytest.raises(ServerError, match="it was 503"):
            await get(adjust)
        assert len(script.requests) == 4


async def test_waits_have_full_jitter_within_doubling_bounds() -> None:
    """Between attempts the call waits a random time of up to 0.25, 0.5, 1, 2 s and so on."""
    async with client(status(503), max_attempts=8) as (adjust, script):
        with pytest.raises(ServerError):
            await get(adjust)
        assert all(wait <= 0.25 * 2**n for n, wait in enumerate(script.waits)), script.waits
        assert len({round(wait, 3) for wait in script.waits}) > 4


@pytest.mark.parametrize("code", [429, 503])
async def test_retry_after_is_honoured(code: int) -> None:
    """The next attempt starts at the time that the service named."""
    async with client(status(code, retry_after="17"), done()) as (adjust, script):
        await get(adjust)
        assert 17 <= script.waits[0] <= 17.3


@pytest.mark.parametrize("asked", ["0", "Sun, 22 Nov 2015 10:00:00 GMT"])
async def test_a_retry_after_that_has_passed_does_not_use_the_attempts_up(asked: str) -> None:
    """A wait of zero gets the same jitter as any other, so that ten attempts are not used up at once."""
    async with client(status(429, retry_after=asked)) as (adjust, script):
        with pytest.raises(RateLimitError):
            await get(adjust)
        assert len(script.requests) == 10
        assert script.times[-1] - script.times[0] > 1


async def test_a_retry_after_beyond_the_deadline_fails_at_once() -> None:
    """A wait beyond the deadline is not started, and the error says how long it would be."""
    async with client(status(429, retry_after="600"), deadline=50) as (adjust, script):
        started = asyncio.get_running_loop().time()
        with pytest.raises(RateLimitError, match="asked to wait 600 s") as raised:
            await get(adjust)
        assert asyncio.get_running_loop().time() == pytest.approx(started)
        assert raised.value.retry_after == 600
        with pytest.raises(RateLimitError, match="an earlier request was answered 429"):
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
    """However many calls there are, exactly the maximum number of requests run at a time."""
    async with client(after(1), max_concurrency=7) as (adjust, script):
        started = asyncio.get_running_loop().time()
        await asyncio.gather(*(get(adjust) for _ in range(70)))
        assert script.max_in_flight == 7
        assert asyncio.get_running_loop().time() - started == pytest.approx(10, abs=0.1)


async def test_rate_and_burst() -> None:
    """With `max_rate` and `burst`, the burst is sent at once and the rest at the rate."""
    async with client(done(), max_rate=10, burst=20) as (adjust, script):
        await asyncio.gather(*(get(adjust) for _ in range(70)))
        times = [time - script.times[0] for time in script.times]
        assert sum(time < 0.05 for time in times) == 20
        assert times[-1] == pytest.approx(5, abs=0.2)


async def test_an_attempt_has_a_timeout_and_the_next_one_its_own() -> None:
    """A hanging attempt ends after `timeout` seconds, and the call continues."""
    async with client(never, done(), timeout=5) as (adjust, script):
        await get(adjust)
        assert 5 <= script.waits[0] < 6


async def test_the_deadline_ends_a_call_in_the_middle_of_an_attempt() -> None:
    """A call takes no longer than `deadline`, and its error has the failure of earlier attempts."""
    async with client(status(503), never, deadline=20, timeout=None) as (adjust, _):
        started = asyncio.get_running_loop().time()
        with pytest.raises(APITimeoutError, match="within deadline=20 s") as raised:
            await get(adjust)
        assert asyncio.get_running_loop().time() - started == pytest.approx(20)
        assert "The previous attempt failed: GET /public/v1/apps/app/trackers answered 503" in str(raised.value)
        assert raised.value.sent


async def test_a_call_that_found_no_permit_was_never_sent() -> None:
    """If the deadline passes before a permit is free, the error says that nothing was sent, and what to do."""
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
async def test_a_cancelled_call_releases_its_permit(moment: float) -> None:
    """A call that is cancelled while it sends or waits releases its permit, and is not retried."""
    async with client(status(503, retry_after="2"), never, max_concurrency=1) as (adjust, script):
        task = asyncio.create_task(get(adjust))
        await asyncio.sleep(moment)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert adjust._session.permits == 0
        script.outcomes = [done()]
        await get(adjust)


async def test_on_retry_and_the_log_report_each_retry(caplog: pytest.LogCaptureFixture) -> None:
    """The hook receives the failure, the attempts, and the length of the wait. The log has the same at DEBUG."""
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
    assert "attempt 2 of 10 failed, the next one starts in 5." in records[3].message
    assert f"GET {path}" in records[3].message


async def test_a_hook_that_fails_ends_the_call() -> None:
    """An exception of `on_retry` is not swallowed."""

    def broken(_: Retry) -> None:
        raise LookupError("my own mistake")

    async with client(status(503), on_retry=broken) as (adjust, _):
        with pytest.raises(LookupError, match="my own mistake"):
            await get(adjust)


async def test_the_request() -> None:
    """A request has the token only in its header, requests JSON, and encodes its query."""
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
    """Complete JSON with another structure would come again, so it is reported at once, with its place."""
    async with client(httpx.Response(200, json={"data": {"items": [{**TRACKER, "archived": "no"}]}})) as (
        adjust,
        script,
    ):
        with pytest.raises(
            DecodeError, match=r"expected true or false, found 'no' \(at \$\.data\.items\[0\]\.archived"
        ):
            await get(adjust)
        assert len(script.requests) == 1
