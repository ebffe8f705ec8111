"""What can go wrong, as one tree.

    AdjustError
    ├── ConfigurationError (also a ValueError)   the call was wrong; nothing was sent
    │   └── PlanError                            entries of a plan are wrong, each with its number
    ├── ClientClosedError                        the client was closed before or during the call
    ├── APIStatusError                           the service answered with an error
    │   ├── BadRequestError                      400
    │   ├── AuthenticationError                  401
    │   ├── PermissionDeniedError                403
    │   ├── NotFoundError                        404
    │   ├── GoneError                            410
    │   ├── RateLimitError                       429
    │   └── ServerError                          500 and above
    ├── APIConnectionError                       no answer, or only a part of one
    │   ├── APITimeoutError                      not within `timeout` or `deadline`
    │   └── PoolExhaustedError                   no free connection; the request was never sent
    ├── DecodeError                              an answer that is not what the API documents
    │   └── WrongTrackerError                    the answer to a write is about another tracker
    ├── NotTriedError                            an entry of a plan whose turn never came
    ├── CoordinationError                        what clients share can't be reached; nothing was sent
    │   └── LockLostError                        another process may create trackers of that app now
    └── PaginationError                          a cursor walk that cannot go on

Errors can be pickled and never hold the API token. One that was raised is not altered: `replace` returns another one.

A traceback begins with the frames of the caller's mistake, and ends where it was noticed. IPython and pytest leave out
what lies between, the frames that hold `__tracebackhide__`.
"""

from adjust_async.errors.base import (
    AdjustError,
    ClientClosedError,
    ConfigurationError,
    CoordinationError,
    LockLostError,
    NotTriedError,
    PlanError,
    detached as detached,
    replace as replace,
)
from adjust_async.errors.malformed import MalformedError as MalformedError
from adjust_async.errors.requests import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    DecodeError,
    GoneError,
    NotFoundError,
    PaginationError,
    PermissionDeniedError,
    PoolExhaustedError,
    RateLimitError,
    ServerError,
    WrongTrackerError,
)

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AdjustError",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedError",
    "ConfigurationError",
    "CoordinationError",
    "DecodeError",
    "GoneError",
    "LockLostError",
    "NotFoundError",
    "NotTriedError",
    "PaginationError",
    "PermissionDeniedError",
    "PlanError",
    "PoolExhaustedError",
    "RateLimitError",
    "ServerError",
    "WrongTrackerError",
]
