"""Which failure is tried again, and when."""

import asyncio
from collections.abc import Callable
from functools import partial

import anyio
import pytest
from hypothesis import given, strategies as st

from adjust_async._http import retry
from adjust_async._http.retry import may_retry, retrying
from adjust_async.errors import (
    AdjustError,
    APIConnectionError,
    APIStatusError,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    PaginationError,
)
from tests.clock import jumping_clock, now

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


@pytest.fixture
def _no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "jitter", lambda _: 0.0)


def status_error(status: int, retry_after: float | None = None, method: str = "GET") -> APIStatusError:
    """Make the error of a status."""
    return APIStatusError("boom", status=status, method=method, path="/p", retry_after=retry_after)


class Failing:
    """A request that fails with one error after the other, and then succeeds. It records when it was sent."""

    def __init__(self, *outcomes: BaseException) -> None:
        self.outcomes = list(outcomes)
        self.began = now()
        self.times: list[float] = []
        self.told: list[tuple[AdjustError, int, float]] = []

    async def send(self) -> str:
        """Fail with the next error, or return an answer."""
        self.times.append(round(now() - self.began, 6))
        if self.outcomes:
            raise self.outcomes.pop(0)
        return "answer"

    def tell(self, error: AdjustError, attempt: int, wait: float) -> None:
        """Note a retry."""
        self.told.append((error, attempt, wait))

    async def run(self, *, method: str = "GET", max_attempts: int = 10, within: float | None = None) -> str:
        """Send until it is enough."""
        deadline = None if within is None else self.began + within
        may = partial(may_retry, method)
        loop = retrying(may, max_attempts=max_attempts, deadline=lambda: deadline, before_sleep=self.tell)
        answer: str = await loop(self.send)
        return answer


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@given(status=st.integers(100, 999), retry_after=st.none() | st.floats(0, 1e6))
def test_statuses_of_repeatable_requests(method: str, status: int, retry_after: float | None) -> None:
    """Reads and updates are repeated after transient statuses, and no others."""
    assert may_retry(method, status_error(status, retry_after)) == (
        status in {408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 529}
    )


@given(
    status=st.integers(100, 999) | st.sampled_from([425, 429, 503]),
    retry_after=st.none() | st.just(0.0) | st.floats(0, 1e6),
)
def test_statuses_of_a_create(status: int, retry_after: float | None) -> None:
    """A create is repeated only after the statuses that prove that nothing was done, whatever the requested wait."""
    assert may_retry("POST", status_error(status, retry_after)) == (status in {425, 429})


@pytest.mark.parametrize("transient", [True, False])
@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
def test_broken_connections(method: str, sent: bool, transient: bool) -> None:
    """Only a failure that may pass is retried, and a create only if it was never sent."""
    error = APIConnectionError("broke", method=method, path="/p", sent=sent, transient=transient)
    assert may_retry(method, error) == (transient and (method != "POST" or not sent))


@pytest.mark.parametrize("transient", [True, False])
@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
def test_broken_answers(method: str, transient: bool) -> None:
    """A cut answer is requested again, one of another structure is not, and a create never is."""
    error = DecodeError("no JSON", location="$", method=method, path="/p", malformed=True, transient=transient)
    assert may_retry(method, error) == (transient and method != "POST")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "error",
    [
        AdjustError("a"),
        ConfigurationError("a"),
        ClientClosedError("a"),
        PaginationError("a", cursor=None, page=1),
        ValueError("a"),
        TimeoutError(),
        OSError(),
        asyncio.CancelledError(),
        KeyboardInterrupt(),
        GeneratorExit(),
    ],
    ids=repr,
)
def test_all_else_is_not_tried_again(method: str, error: BaseException) -> None:
    """An error outside of the list is never retried, and above all no cancellation."""
    assert not may_retry(method, error)


@pytest.mark.usefixtures("_no_jitter")
async def test_it_is_tried_until_it_succeeds() -> None:
    """The answer of the first successful attempt is returned, and each retry is reported with its error and wait."""
    errors = [status_error(503, 1.0), status_error(429, 2.5)]
    request = Failing(*errors)
    assert await request.run() == "answer"
    assert request.times == [0, 1, 3.5]
    assert request.told == [(errors[0], 1, 1.0), (errors[1], 2, 2.5)]


@pytest.mark.usefixtures("_no_jitter")
@pytest.mark.parametrize("max_attempts", [1, 2, 5])
async def test_attempts_are_counted(max_attempts: int) -> None:
    """The maximum number of attempts is made, the last error is raised unchanged, and no wait follows it."""
    errors = [status_error(503, 1.0) for _ in range(9)]
    request = Failing(*errors)
    with pytest.raises(APIStatusError) as caught:
        await request.run(max_attempts=max_attempts)
    assert caught.value is errors[max_attempts - 1]
    assert request.times == list(range(max_attempts))
    assert len(request.told) == max_attempts - 1
    assert round(now() - request.began, 6) == max_attempts - 1


@pytest.mark.parametrize(
    "error",
    [ValueError("boom"), status_error(404), ClientClosedError("closed"), asyncio.CancelledError()],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_that_is_not_retried_is_raised_at_once(error: BaseException) -> None:
    """An error outside of the list is raised unchanged, after one attempt."""
    request = Failing(error)
    with pytest.raises(type(error)) as caught:
        await request.run()
    assert caught.value is error
    assert request.times == [0]
    assert request.told == []


@pytest.mark.usefixtures("_no_jitter")
@pytest.mark.parametrize(("within", "tried"), [(10.0, 1), (9.0, 1), (10.001, 2), (None, 2)])
async def test_a_wait_that_outlasts_the_deadline_is_not_begun(within: float | None, tried: int) -> None:
    """A wait that ends at the deadline or later fails at once instead."""
    request = Failing(status_error(429, 10.0))
    if tried == 1:
        with pytest.raises(APIStatusError):
            await request.run(within=within)
        assert now() == request.began
        assert request.told == []
    else:
        assert await request.run(within=within) == "answer"
        assert request.times == [0, 10]


@pytest.mark.parametrize("attempt", range(1, 13))
async def test_the_jitter_doubles_up_to_its_bound(attempt: int) -> None:
    """Without `Retry-After` the wait is random, from zero up to a bound that doubles up to 20 s."""
    bound = min(20.0, 0.25 * 2 ** (attempt - 1))
    waits = []
    for _ in range(60):
        request = Failing(*(status_error(503) for _ in range(attempt)))
        await request.run(max_attempts=99)
        waits.append(request.told[-1][2])
    assert all(0 <= wait <= bound for wait in waits)
    assert max(waits) > 0.6 * bound
    assert min(waits) < 0.4 * bound


async def test_a_thousand_attempts_do_not_overflow() -> None:
    """The bound of the wait does not overflow, however many attempts there were."""
    request = Failing(*(status_error(503) for _ in range(1200)))
    assert await request.run(max_attempts=1201) == "answer"
    assert max(wait for _, _, wait in request.told) <= 20


@pytest.mark.usefixtures("_no_jitter")
async def test_an_absurd_wait_does_not_stop_a_call_forever() -> None:
    """Without a deadline, a service that asks for years delays a call only by the longest pause."""
    request = Failing(status_error(429, 1e6))
    await request.run()
    assert request.times[-1] <= 60


async def test_a_cancelled_wait_ends_at_once() -> None:
    """After a cancellation between two attempts there is no further one."""
    request = Failing(status_error(503, 100.0), status_error(503, 100.0))
    with anyio.move_on_after(5) as scope:
        await request.run()
    assert scope.cancelled_caught
    assert request.times == [0]
    assert round(now() - request.began, 6) == 5


@pytest.mark.usefixtures("_no_jitter")
async def test_concurrent_calls_are_independent() -> None:
    """Each call counts its own attempts, however many run concurrently."""
    requests = [Failing(*(status_error(503, 1.0 + number) for _ in range(number % 4))) for number in range(20)]
    assert await asyncio.gather(*(request.run() for request in requests)) == ["answer"] * 20
    for number, request in enumerate(requests):
        assert request.times == [(1.0 + number) * step for step in range(number % 4 + 1)]
        assert [attempt for _, attempt, _ in request.told] == list(range(1, number % 4 + 1))


@pytest.mark.parametrize("make", [lambda: RuntimeError("boom"), lambda: asyncio.CancelledError()])
async def test_a_before_sleep_that_fails_ends_the_call(make: Callable[[], BaseException]) -> None:
    """An exception of `before_sleep` is raised, and nothing is sent again."""
    request = Failing(status_error(503, 1.0))
    error = make()

    def before_sleep(*_: object) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        may = partial(may_retry, "GET")
        await retrying(may, max_attempts=2, deadline=lambda: None, before_sleep=before_sleep)(request.send)
    assert caught.value is error
    assert request.times == [0]


async def test_the_method_decides() -> None:
    """The same failure is retried for a GET, and not for a POST."""
    assert await Failing(status_error(500)).run(method="GET") == "answer"
    with pytest.raises(APIStatusError):
        await Failing(status_error(500, method="POST")).run(method="POST")
