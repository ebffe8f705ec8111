"""Which failure may be tried again, and when.

A GET or a PATCH can be sent twice without harm. A POST creates, and Adjust has no idempotency key: it is sent again
only where it surely did nothing.
"""

import asyncio
import random
from collections.abc import Callable
from typing import cast

from tenacity import AsyncRetrying, Future, RetryCallState, retry_if_exception, stop_after_attempt

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

#: Besides HTTP's own: what nginx (499), Cloudflare (520 to 527) and overloaded gateways (529) answer.
RETRIED_STATUSES = frozenset({408, 425, 429, 499, 500, 502, 503, 504, *range(520, 528), 529})

#: Seconds: the bound of the first wait, and of all.
FIRST_WAIT, LONGEST_WAIT = 0.25, 20.0


def may_retry(method: str, error: BaseException) -> bool:
    """Whether sending the request again after this error can help, and can do nothing twice."""
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
    """Return the error that the last attempt ended with; tenacity asks only after one that `may_retry` took."""
    return cast("AdjustError", cast("Future", state.outcome).exception())


def _asked(error: AdjustError) -> float:
    return error.retry_after or 0.0 if isinstance(error, APIStatusError) else 0.0


def wait_after(state: RetryCallState) -> float:
    """Return the seconds until the next attempt: what the service asked for, and jitter.

    Jitter comes on top of a `Retry-After` too: everything that waited for it would go on at the same moment otherwise,
    and one of 0, or a date that a skewed clock has passed already, would use up all attempts at once.
    """
    return min(_asked(_error_of(state)), LONGEST_PAUSE) + jitter(state.attempt_number)


def retrying(
    may: Callable[[BaseException], bool],
    *,
    max_attempts: int,
    deadline: Callable[[], float | None],
    before_sleep: Callable[[AdjustError, int, float], None],
) -> AsyncRetrying:
    """Return the loop that one call runs in, from its first attempt on.

    tenacity costs about 21 µs a call, next to a request that takes milliseconds: going around it for calls that succeed
    at once is not worth a second path.

    Args:
        may: Whether to try again after an error.
        max_attempts: The maximum number of attempts, the first one included.
        deadline: Returns the loop's time at which the call must have ended; `None` for never. A wait that would outlast
            it is not begun, so that a long `Retry-After` fails at once.
        before_sleep: Called with the error, the attempts so far and the seconds to wait.
    """
    loop = asyncio.get_running_loop()
    enough = stop_after_attempt(max_attempts)

    def stop(state: RetryCallState) -> bool:
        end = deadline()
        if enough(state) or end is None:
            return enough(state)
        # A call that has a deadline trusts the service in how long it would have to wait.
        return loop.time() + max(state.upcoming_sleep, _asked(_error_of(state))) >= end

    def tell(state: RetryCallState) -> None:
        before_sleep(_error_of(state), state.attempt_number, state.upcoming_sleep)

    # A fresh one for each call: it keeps the state of the attempts.
    return AsyncRetrying(
        sleep=asyncio.sleep,
        retry=retry_if_exception(may),
        wait=wait_after,
        stop=stop,
        before_sleep=tell,
        reraise=True,
    )
