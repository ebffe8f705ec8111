"""What a failed create says: whether its name is taken, whether to try later, and what is known after a look."""

from adjust_async.errors import (
    AdjustError,
    APIConnectionError,
    APIStatusError,
    CoordinationError,
    LockLostError,
    replace,
)

__all__ = ["earlier_doubt", "is_conflict", "is_put_off", "looked_up", "may_be_taken", "not_told_apart", "with_words"]

#: Statuses that say: not now.
LATER = frozenset({425, 429})

CONFLICT = 409

#: Statuses that may say that the name is taken, by a tracker that no list shows yet.
TAKEN = frozenset({400, CONFLICT, 422})


def _status(error: AdjustError) -> int | None:
    return error.status if isinstance(error, APIStatusError) else None


def may_be_taken(error: AdjustError) -> bool:
    """Whether the service may have refused a name because there is a tracker of that name."""
    return _status(error) in TAKEN


def is_conflict(error: AdjustError) -> bool:
    """Whether the service surely refused a name because it is taken, whatever else the answer looks like."""
    return _status(error) == CONFLICT


def is_put_off(error: AdjustError) -> bool:
    """Whether a request surely did nothing, and may do better later."""
    if isinstance(error, APIConnectionError):
        return error.transient
    if isinstance(error, CoordinationError):
        return not isinstance(error, LockLostError)
    return _status(error) in LATER


def not_told_apart(path: str, problem: str) -> AdjustError:
    """Make the error of an entry that may be there under another name."""
    return AdjustError(f"{path!r} can't be told from what is there: {problem}")


def earlier_doubt(path: str) -> AdjustError:
    """Make the error of an entry that another call of the client may have created."""
    return APIConnectionError(f"an earlier create of {path!r} ended in doubt", method="POST", path="trackers")


def with_words(error: AdjustError, words: str, **changes: bool) -> AdjustError:
    """Return a copy of an error that says more."""
    return replace(error, message=f"{error.message.rstrip('.')}. {words}", **changes)


def looked_up(error: AdjustError, path: str) -> AdjustError:
    """Return a copy of an error that is not in doubt any more, since nothing was found."""
    return with_words(error, f"{path!r} was looked up after that, and is not there", looked_up=True)
