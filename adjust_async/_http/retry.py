"""Which failures are retried, and when.

A GET or a PATCH can be sent twice without harm. A POST creates something, and Adjust has no idempotency key, so it is
sent again only if it certainly had no effect.
"""

import asyncio
import random
from collections.abc import Callable
from typing import cast

from tenacity import AsyncRetrying, Future, RetryCallState, stop_after_attempt

from adjust_async.coordination.protocol import LONGEST_PAUSE
from adjust_async.errors import (
    AdjustError,
    APIConnectionError,
    APIStatusError,
    CoordinationError,
    DecodeError,
    LockLostError,
)
from adjust_async.errors.requests import NOT_DONE

__all__ = ["jitter", "may_retry", "retrying"]

#: Including those of nginx (499), Cloudflare (520 to 527) and overloaded gateways (529).
RETRIED_STATUSES = frozenset({408, 425, 429, 499, 500, 502, 503, 504, *range(520, 528), 529})

#: Seconds: the upper bound of the first wait, and of every wait.
FIRST_WAIT, LONGEST_WAIT = 0.25, 20.0


def may_retry(method: str, error: BaseException) -> bool:
    """Return whether sending the request again after this error can help and can't have an effect twice."""
    match error:
        case APIStatusError():
            return error.status in (NOT_DONE if method == "POST" else RETRIED_STATUSES)
        case APIConnectionError():
            return error.transient and not (method == "POST" and error.sent)
        case DecodeError():
            return error.transient and method != "POST"
        case CoordinationError():
            return not isinstance(error, LockLostError)
        case _:
            return False


def jitter(failed: int) -> float:
    """Return a random number of seconds below a bound that doubles with each failed attempt ("full jitter")."""
    return random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(failed - 1, 10)))


def _error_of(state: RetryCallState) -> AdjustError:
    """Return the error of the last attempt. tenacity asks only after an error that `may_retry` accepted."""
    return cast("AdjustError", cast("Future", state.outcome).exception())


def _asked(error: AdjustError) -> float:
    return error.retry_after or 0.0 if isinstance(error, APIStatusError) else 0.0


def wait_after(state: RetryCallState) -> float:
    """Return the seconds until the next attempt: what the service asked for, plus jitter.

    A `Retry-After` needs jitter too: without it, all calls that waited would continue at the same moment. If it is 0,
    or a date in the past according to a wrong clock, all attempts would be used up at once.
    """
    return min(_asked(_error_of(state)), LONGEST_PAUSE) + jitter(state.attempt_number)


def retrying(
    may: Callable[[BaseException], bool],
    *,
    max_attempts: int,
    deadline: Callable[[], float | None],
    before_sleep: Callable[[AdjustError, int, float], None],
) -> AsyncRetrying:
    """Return the retry loop of one call.

    tenacity costs about 21 µs per call, and a request takes milliseconds. Saving that is not worth a second path for
    calls that succeed at once.

    Args:
        may: Returns whether to try again after an error.
        max_attempts: The maximum number of attempts, including the first.
        deadline: Returns the loop's time by which the call must have ended; `None` for never. A wait that would outlast
            it is not started, so a call fails at once after a long `Retry-After`.
        before_sleep: Called with the error, the attempts so far and the seconds to wait.
    """
    loop = asyncio.get_running_loop()
    enough = stop_after_attempt(max_attempts)

    # tenacity inspects this function for each call, and sees at once that a coroutine function is one.
    async def retry(state: RetryCallState) -> bool:
        error = cast("Future", state.outcome).exception()
        return error is not None and may(error)

    def stop(state: RetryCallState) -> bool:
        end = deadline()
        if enough(state) or end is None:
            return enough(state)
        # The uncapped time counts here: a service that asks for more than the deadline would refuse again.
        return loop.time() + max(state.upcoming_sleep, _asked(_error_of(state))) >= end

    def report(state: RetryCallState) -> None:
        before_sleep(_error_of(state), state.attempt_number, state.upcoming_sleep)

    # A new one for each call, since it keeps the state of the attempts.
    return AsyncRetrying(
        sleep=asyncio.sleep,
        retry=retry,
        wait=wait_after,
        stop=stop,
        before_sleep=report,
        reraise=True,
    )
