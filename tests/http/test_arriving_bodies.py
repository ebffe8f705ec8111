"""Bodies that are received as they arrive: clocks, retries, closing and cancellation, by a jumping clock."""

import asyncio
import gzip
from typing import Any

import httpx
import pytest

from adjust_async import (
    AdjustError,
    APIStatusError,
    APITimeoutError,
    AsyncAdjust,
    ClientClosedError,
    DecodeError,
)
from adjust_async._http.messages import ServiceName
from tests.clock import jumping_clock
from tests.script import (
    Outcome,
    Pieces,
    Received,
    Script,
    after,
    arriving,
    client,
    drip,
    get,
    now,
    status,
    take,
)

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


async def test_a_body_is_received_piece_by_piece() -> None:
    """The pieces arrive in order, with the status and the length, and the answer is closed at the end."""
    bodies: list[Pieces] = []
    received = Received()
    async with client(arriving(b"ab", 1.0, b"cd", b"e", bodies=bodies, content_length="5")) as (adjust, _):
        assert await take(adjust, received) == 1
    assert received.attempts == [[b"ab", b"cd", b"e"]]
    assert received.heads == [(200, 5)]
    assert [body.closed for body in bodies] == [1]


async def test_the_length_of_a_packed_body_is_not_known() -> None:
    """The `Content-Length` of a compressed body is not its decompressed length. Without one the length is unknown."""
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
async def test_the_timeout_begins_again_with_each_piece(service: ServiceName, prefix: str) -> None:
    """A body may take much longer than `timeout`, as long as none of its pieces does."""
    received = Received()
    settings: dict[str, Any] = {f"{prefix}timeout": 30, f"{prefix}deadline": None}
    async with client(arriving(*drip(29.0, 50)), **settings) as (adjust, script):
        started = now()
        assert await take(adjust, received, service) == 1
        assert now() - started == pytest.approx(29 * 50)
        assert len(script.requests) == 1


@pytest.mark.parametrize(("service", "prefix"), [("api", ""), ("reports", "reports_")])
async def test_a_missing_piece_ends_the_attempt(service: ServiceName, prefix: str) -> None:
    """After `timeout` seconds without a piece, the attempt ends and another one starts from the beginning."""
    received = Received()
    settings: dict[str, Any] = {f"{prefix}timeout": 30}
    async with client(arriving(b"x", 31.0, b"y"), arriving(b"x", b"y"), **settings) as (adjust, script):
        assert await take(adjust, received, service) == 2
        assert 30 <= script.waits[0] < 31
    assert received.attempts == [[b"x"], [b"x", b"y"]]


@pytest.mark.parametrize("timeout", [300, None])
async def test_an_endless_drip_ends_by_the_deadline(timeout: float | None) -> None:
    """A body that arrives byte by byte forever ends the call after `deadline` seconds, and is not requested again."""
    received = Received()
    bodies: list[Pieces] = []
    endless = arriving(*drip(1.0, 5000), bodies=bodies)
    async with client(endless, reports_timeout=timeout, reports_deadline=900) as (adjust, script):
        started = now()
        with pytest.raises(APITimeoutError, match="no complete answer within reports_deadline=900 s"):
            await take(adjust, received)
        assert now() - started == pytest.approx(900)
        assert len(script.requests) == 1
    assert len(received.attempts[0]) in {899, 900}
    assert bodies[0].closed == 1


async def test_no_clock_runs_while_a_piece_is_worked_on() -> None:
    """Work on the pieces does not count towards `timeout` and `deadline`, however long it takes."""
    received = Received(work=100_000)
    async with client(arriving(*drip(8.0, 10)), reports_timeout=10, reports_deadline=100) as (adjust, script):
        assert await take(adjust, received) == 1
        assert len(script.requests) == 1


async def test_the_deadline_counts_the_waits_for_pieces_together() -> None:
    """The time that the service takes for all pieces counts. The work between them does not."""
    received = Received(work=100_000)
    async with client(arriving(*drip(40.0, 3)), reports_timeout=50, reports_deadline=100) as (adjust, _):
        started = now()
        with pytest.raises(APITimeoutError, match="reports_deadline=100"):
            await take(adjust, received)
        assert now() - started == pytest.approx(2 * 100_000 + 100)
    assert received.attempts == [[b"x", b"x"]]


async def test_work_before_a_drop_leaves_the_next_attempt_its_time() -> None:
    """After long work and a broken connection, the next attempt has the rest of the deadline."""
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
async def test_a_body_that_is_cut_is_received_again(failure: Exception) -> None:
    """The next attempt receives the body from its start, in a new answer. Each answer is closed."""
    received = Received()
    bodies: list[Pieces] = []
    async with client(arriving(b"a", failure, bodies=bodies), arriving(b"a", b"b", bodies=bodies)) as (adjust, script):
        assert await take(adjust, received) == 2
        assert len(script.requests) == 2
    assert received.attempts == [[b"a"], [b"a", b"b"]]
    assert [body.closed for body in bodies] == [1, 1]


@pytest.mark.parametrize("failure", [*BREAKS, 301.0], ids=lambda failure: type(failure).__name__)
async def test_a_body_is_not_requested_again_after_keep(failure: Exception | float) -> None:
    """Once a part of an answer was handed out, a drop ends the call: another attempt would repeat that part."""
    received = Received(keep=True)
    async with client(arriving(b"a", failure, b"b"), arriving(b"a", b"b")) as (adjust, script):
        with pytest.raises(AdjustError):
            await take(adjust, received)
        assert len(script.requests) == 1
    assert received.attempts == [[b"a"]]


async def test_failures_before_something_is_kept_are_retried() -> None:
    """Only failures after `keep` end the call: refusals and breaks before it are retried as usual."""
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
    """The body of an error never reaches the receiver. Whatever its coding, it becomes part of the error."""
    received = Received()
    bodies: list[Pieces] = []
    refusal = arriving(b'{"error_desc"', 2.0, b': "no such thing"}', code=code, bodies=bodies, location="//evil/x")
    async with client(refusal) as (adjust, script):
        with pytest.raises(APIStatusError, match=r"no such thing|must not be sent") as raised:
            await take(adjust, received)
        assert raised.value.status == code
        assert raised.value.body == '{"error_desc": "no such thing"}'
        assert len(script.requests) == 1
    assert received.attempts == []
    assert bodies[0].closed == 1


async def test_a_refusal_that_never_ends_has_a_timeout() -> None:
    """The body of an error must arrive within `timeout`, and the attempt is repeated."""
    received = Received()
    endless = arriving(*drip(1.0, 5000), code=503)
    async with client(endless, arriving(b"a"), reports_timeout=30) as (adjust, script):
        await take(adjust, received)
        assert 30 <= script.waits[0] < 31
    assert received.attempts == [[b"a"]]


async def test_an_exception_of_the_receiver_ends_the_call() -> None:
    """An exception of the receiver is not retried, and is raised unchanged."""
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
    """A cut body is requested again. Any other refusal ends the call."""
    refusal = DecodeError("no CSV", location="line 1", transient=transient)
    received = Received(fail=refusal)
    async with client(arriving(b"<html>"), max_attempts=3) as (adjust, script):
        with pytest.raises(DecodeError, match="no CSV"):
            await take(adjust, received)
        assert len(script.requests) == (3 if transient else 1)


@pytest.mark.parametrize("moment", [5.0, 15.0, 25.0], ids=["waiting", "working", "waiting again"])
async def test_closing_the_client_ends_a_body(moment: float) -> None:
    """A body in flight ends with `ClientClosedError`, whether the service or the receiver is at work."""
    received = Received(work=10)
    bodies: list[Pieces] = []
    script = Script(arriving(*drip(10.0, 5), bodies=bodies))
    adjust = AsyncAdjust("secret-token", http_client=httpx.AsyncClient(transport=script))
    call = asyncio.create_task(take(adjust, received))
    await asyncio.sleep(moment)
    started = now()
    await adjust.aclose()
    with pytest.raises(ClientClosedError, match="GET /reports-service/csv_report was in flight") as raised:
        await call
    assert raised.value.service == "reports"
    assert now() == pytest.approx(started)
    assert (adjust._session.permits, adjust._session.calls, bodies[0].closed) == (0, 0, 1)


@pytest.mark.parametrize("moment", [5.0, 15.0, 25.0], ids=["waiting", "working", "waiting again"])
async def test_a_cancelled_body_releases_everything(moment: float) -> None:
    """A cancellation closes the answer and releases the permit, whether the service or the receiver is at work."""
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
    """With one permit, the next request is sent once the previous body is complete."""
    received = Received(work=50)
    async with client(arriving(*drip(10.0, 5)), max_concurrency=1) as (adjust, script):
        await asyncio.gather(take(adjust, received), take(adjust, received))
        assert script.waits == [pytest.approx(300)]


async def test_an_api_of_one_host_does_not_wait_for_the_other() -> None:
    """The two hosts have their own permits and deadlines, so that a large report delays no other calls."""
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


async def test_without_limits_a_body_may_take_forever() -> None:
    """`reports_timeout=None` and `reports_deadline=None` remove the limits for bodies too."""
    received = Received(work=10_000)
    async with client(arriving(100_000.0, b"x", 100_000.0, b"y"), reports_timeout=None, reports_deadline=None) as (
        adjust,
        _,
    ):
        assert await take(adjust, received) == 1
