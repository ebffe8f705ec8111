"""The exceptions of this package, as one tree.

    AdjustError
    ├── ConfigurationError (also a ValueError)   the call was wrong; nothing was sent
    │   └── PlanError                            entries of a plan are wrong; `problems` lists them
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
    ├── DecodeError                              the answer is not what the API documents
    │   └── WrongTrackerError                    the answer to a write is about another tracker
    ├── NotTriedError                            nothing was done for an entry of a plan
    ├── CoordinationError                        the coordinator can't be reached; nothing was sent
    │   └── LockLostError                        another process may now create trackers of that app
    └── PaginationError                          a walk over pages cannot go on

Errors can be pickled and never hold the API token. A raised error is not modified: `replace` returns a copy.

Frames of the SDK are marked with `__tracebackhide__`, so IPython and pytest show the caller's line and the frame that
raised the error without those in between.
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
