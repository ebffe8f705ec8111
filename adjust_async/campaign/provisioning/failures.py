"""Classify failed creates: whether the name may be taken, and whether a later try may succeed."""

from adjust_async.errors import (
    AdjustError,
    APIConnectionError,
    APIStatusError,
    CoordinationError,
    LockLostError,
    replace,
)

__all__ = ["earlier_doubt", "indistinct", "is_conflict", "is_put_off", "looked_up", "may_be_taken", "with_words"]

#: Statuses that ask to try later.
LATER = frozenset({425, 429})

CONFLICT = 409

#: Statuses that may mean that a tracker has the name already, even if no list shows it yet.
TAKEN = frozenset({400, CONFLICT, 422})


def _status(error: AdjustError) -> int | None:
    return error.status if isinstance(error, APIStatusError) else None


def may_be_taken(error: AdjustError) -> bool:
    """Return whether the service may have refused a name because a tracker has it."""
    return _status(error) in TAKEN


def is_conflict(error: AdjustError) -> bool:
    """Return whether the service certainly refused a name because it is taken, whatever the body of its answer."""
    return _status(error) == CONFLICT


def is_put_off(error: AdjustError) -> bool:
    """Return whether a request certainly did nothing, and may succeed later."""
    if isinstance(error, APIConnectionError):
        return error.transient
    if isinstance(error, CoordinationError):
        return not isinstance(error, LockLostError)
    return _status(error) in LATER


def indistinct(path: str, problem: str) -> AdjustError:
    """Return the error of an entry that may exist under another name."""
    return AdjustError(f"{path!r} can't be distinguished from an existing tracker: {problem}")


def earlier_doubt(path: str) -> AdjustError:
    """Return the error of an entry that another call of the client may have created."""
    message = f"an earlier create of {path!r} ended in doubt"
    return APIConnectionError(message, method="POST", path="trackers", service="api")


def with_words(error: AdjustError, words: str, **changes: bool) -> AdjustError:
    """Return a copy of an error with a longer message."""
    return replace(error, message=f"{error.message.rstrip('.')}. {words}", **changes)


def looked_up(error: AdjustError, path: str) -> AdjustError:
    """Return a copy of an error that is no longer in doubt, because a look-up found nothing."""
    return with_words(error, f"{path!r} was looked up afterwards, and does not exist", looked_up=True)
