"""Which failure may be tried again, and when.

A GET or a PATCH can be sent twice without harm. A POST creates, and Adjust has no idempotency key: it is sent again
only where it surely never arrived, or where the service said that it did nothing and for how long to wait.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from tenacity import (
    AsyncRetrying,
    Future,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from adjust_async._http.limits import LONGEST_PAUSE
from adjust_async.errors import AdjustError, APIConnectionError, APIStatusError, DecodeError

__all__ = ["may_retry", "retrying"]

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
RETRIED_STATUSES_OF_POST = frozenset({429, 503})

#: Full jitter: a random time between nothing and a bound that doubles from 0.25 s up to 20 s.
_full_jitter = wait_random_exponential(multiplier=0.25, max=20)


def may_retry(method: str, error: BaseException) -> bool:
    """Whether sending the request again after this error can help, and can do nothing twice."""
    match error:
        case APIStatusError() if method == "POST":
            return error.status in RETRIED_STATUSES_OF_POST and error.retry_after is not None
        case APIStatusError():
            return error.status in RETRIED_STATUSES
        case APIConnectionError():
            return error.transient and not (method == "POST" and error.sent)
        case DecodeError():
            return error.malformed and method != "POST"
        case _:
            return False


def _error_of(state: RetryCallState) -> AdjustError:
    """Give the error that the last attempt ended with; tenacity asks only after one that `may_retry` took."""
    return cast("AdjustError", cast("Future", state.outcome).exception())


def wait_after(state: RetryCallState) -> float:
    """Seconds until the next attempt: what the service asked for, and full jitter.

    Jitter comes on top of a `Retry-After` too: all that waited for it would go on at the same moment otherwise, and one
    of 0, or a date that a skewed clock has passed already, would use all attempts up at once.
    """
    error = _error_of(state)
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    return min(asked or 0.0, LONGEST_PAUSE) + _full_jitter(state)


def retrying(
    may: Callable[[BaseException], bool],
    *,
    max_attempts: int,
    deadline: Callable[[], float | None],
    before_sleep: Callable[[AdjustError, int, float], None],
) -> AsyncRetrying:
    """Make the loop that one call runs in.

    Args:
        may: Whether to try again after an error.
        max_attempts: Attempts in all.
        deadline: Gives the loop's time at which the call must have ended; `None` for never. A wait that would outlast
            it is not begun, so that a long `Retry-After` fails at once.
        before_sleep: Called with the error, the attempts so far and the seconds to wait.
    """
    loop = asyncio.get_running_loop()
    enough = stop_after_attempt(max_attempts)

    def stop(state: RetryCallState) -> bool:
        end = deadline()
        return enough(state) or (end is not None and loop.time() + state.upcoming_sleep >= end)

    def tell(state: RetryCallState) -> None:
        before_sleep(_error_of(state), state.attempt_number, state.upcoming_sleep)

    return AsyncRetrying(
        sleep=asyncio.sleep,
        retry=retry_if_exception(may),
        wait=wait_after,
        stop=stop,
        before_sleep=tell,
        reraise=True,
    )
