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

import copy
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

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

Error = TypeVar("Error", bound="AdjustError")

IN_DOUBT = "The service may have done it all the same: look it up before you send it again."

PHRASES = {status.value: status.phrase for status in HTTPStatus}

#: Statuses which say by themselves that nothing was done: Too Early and Too Many Requests.
NOT_DONE = frozenset({425, 429})

#: Statuses with which the service refuses a request. A gateway may use them too, so the body has to be the service's.
REFUSED = frozenset({400, 401, 403, 404, 422})


class AdjustError(Exception):
    """The base of every error that this package raises.

    Attributes:
        message: What went wrong. `str(error)` adds where, and what to do next.
        service: `"api"` for the Campaign API and the KPI Service, `"reports"` for the Report Service; else `None`.
        attempts: How many times the request was sent; `None` where none was.
        request_id: The service's id of the request, for Adjust's support; `None` where it sent none.
        cursor: Where a walk over pages stopped; `None` outside of walks and on the first page. Pass it to the same call
            as `after=` (backwards as `before=`, with Campaign API v2 as `cursor=`) to go on from there.
        page: The number of that page, counted from 1 where the walk began.
        result: What `provision` had done when this error ended it, a `ProvisionResult`; `None` otherwise.
        looked_up: Whether `provision` has seen since that nothing was done by the create that failed.
    """

    service: str | None = None
    attempts: int | None = None
    cursor: str | None = None
    page: int | None = None
    request_id: str | None = None
    result: Any = None
    looked_up: bool = False
    _hint: ClassVar[str] = ""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def in_doubt(self) -> bool:
        """Whether a create that ended with this error may have been done all the same, so that it must be looked up."""
        return getattr(self, "method", None) == "POST" and not self.looked_up and self._may_have_been_done()

    @property
    def hint(self) -> str:
        """What to do about it; empty where there is nothing to advise."""
        return self._hint

    def __str__(self) -> str:
        # The class of an error of a request, as a line of a log has often nothing but this text.
        is_of_request = getattr(self, "method", None) is not None
        return self._whole_text([type(self).__name__] if is_of_request else [])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._whole_text([])!r})"

    def _whole_text(self, first_details: list[str]) -> str:
        text, details = self._text(), "; ".join([*first_details, *self._details()])
        if self.in_doubt:
            text = f"{text.rstrip('.')}. {IN_DOUBT}"
        return " ".join(filter(None, [text, self.hint, details and f"({details})"]))

    def _text(self) -> str:
        return self.message

    def _may_have_been_done(self) -> bool:
        return False

    def _details(self) -> Iterator[str]:
        if self.attempts:
            yield f"{self.attempts} attempt{'s' if self.attempts > 1 else ''}"
        if self.request_id:
            yield f"request id {self.request_id}"
        if self.page is not None and (self.attempts or self.page > 1):  # else no page was asked for
            yield f"page {self.page} of the walk" + (f"; resume with cursor {self.cursor!r}" if self.cursor else "")

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception's own reduction loses keyword-only attributes. They come last, as a result may hold the error.
        return _rebuild, (type(self), self.args), self.__dict__


def replace(error: Error, **changes: Any) -> Error:
    """Return a copy of an error with some attributes changed, such as `message`; the error itself stays as it is.

    The copy has the notes and the cause of the error, and no traceback: its traceback begins where it is raised.
    """
    copied = copy.copy(error)
    vars(copied).update(changes)
    copied.args = (copied.message,)
    if notes := getattr(error, "__notes__", None):
        copied.__notes__ = list(notes)
    copied.__cause__ = error.__cause__
    return copied


#: Characters of a message and of a body that a short copy keeps.
MESSAGE_LIMIT, BODY_LIMIT = 400, 200


def detached(error: Error, *, short: bool = False) -> Error:
    """Return a copy of an error to be kept: without traceback and cause, whose frames hold requests and answers.

    Args:
        error: The error.
        short: Whether to keep only the beginning of long texts.
    """
    copied = copy.copy(error)
    for name, limit in (("message", MESSAGE_LIMIT), ("body", BODY_LIMIT)) if short else ():
        text = getattr(error, name, "")
        if len(text) > limit:
            vars(copied)[name] = f"{text[:limit]}..."
    copied.args = (copied.message,)
    return copied


def _rebuild(cls: type[AdjustError], args: tuple[Any, ...]) -> AdjustError:
    return cls.__new__(cls, *args)


class ConfigurationError(AdjustError, ValueError):
    """An argument or a setting is wrong. Nothing was sent."""


class PlanError(ConfigurationError):
    """Entries of a plan are wrong. Nothing was sent.

    Attributes:
        problems: What is wrong, each with the number of its entry or line, counted from 1.
    """

    def __init__(self, message: str, *, problems: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class ClientClosedError(AdjustError):
    """The client was closed: before the call, or by another task during it.

    Attributes:
        method, path: The request that was under way; `None` where there was none.
        sent: Whether it may have reached the service.
    """

    method: str | None = None
    path: str | None = None
    sent: bool = False

    def _text(self) -> str:
        is_named = self.path is None or self.path in self.message
        return self.message if is_named else f"{self.method} {self.path}: {self.message}"

    def _may_have_been_done(self) -> bool:
        return self.sent


class NotTriedError(AdjustError):
    """Nothing was sent for an entry of a plan: what it hangs below failed, or the end came before its turn."""


class CoordinationError(AdjustError):
    """The coordinator that clients share their limits by is out of reach. Nothing was sent."""


class LockLostError(CoordinationError):
    """The lock of an app ran out, so that another process may create trackers there now. Nothing was sent."""


class APIStatusError(AdjustError):
    """The service answered with an error status.

    Attributes:
        message: The service's own words, or what could be read of its answer.
        status: The HTTP status.
        method, path: The request; the path is without query.
        body: The text of the answer, cut after 64 KiB.
        retry_after: For how many seconds the service asked to wait; `None` where it did not.
        in_envelope: Whether the body was Adjust's own JSON error envelope, rather than what a gateway in front of the
            service may have written.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        method: str,
        path: str,
        service: str | None = None,
        request_id: str | None = None,
        body: str = "",
        retry_after: float | None = None,
        in_envelope: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.method = method
        self.path = path
        self.service = service
        self.request_id = request_id
        self.body = body
        self.retry_after = retry_after
        self.in_envelope = in_envelope

    def _may_have_been_done(self) -> bool:
        # A `Retry-After` proves nothing: gateways add it to every 5xx, also after the service has done its work.
        return self.status not in NOT_DONE and not (self.in_envelope and self.status in REFUSED)

    def _text(self) -> str:
        phrase = f"{self.status} {PHRASES.get(self.status, '')}".rstrip()
        message = self.message.rstrip(".")
        says_more = message.lower() not in {phrase.lower(), phrase.partition(" ")[2].lower()}
        text = f"{self.method} {self.path} answered {phrase}{f': {message}' if says_more else ''}."
        if self.retry_after is not None:
            text += f" The service asked to wait {self.retry_after:g} s."
        return text


class BadRequestError(APIStatusError):
    """400: the service refused a parameter."""


class AuthenticationError(APIStatusError):
    """401: the API token is missing or wrong."""

    _hint = "Check the API token: in Adjust's dashboard, Account settings > My profile > API token."


class PermissionDeniedError(APIStatusError):
    """403: the user of the API token may not see or do this."""

    _hint = "The API token has the permissions of its dashboard user: ask an administrator of the account for them."


class NotFoundError(APIStatusError):
    """404: no such app or tracker in this account, or no such path."""

    _hint = "Check the app token and the tracker token: does this account own them?"


class GoneError(APIStatusError):
    """410: Adjust has switched this API off for the account."""

    @property
    def hint(self) -> str:
        """What to do about it; empty where there is nothing to advise."""
        kpis = (
            "" if self.service == "reports" else ": the KPI Service's successor is the Report Service, adjust.reports"
        )
        return f"Adjust has switched this API off for the account{kpis}."


class RateLimitError(APIStatusError):
    """429: too many requests, also after the retries that `max_attempts` and `deadline` allow."""

    @property
    def hint(self) -> str:
        """What to do about it; empty where there is nothing to advise."""
        prefix = "reports_" if self.service == "reports" else ""
        return f"Lower max_concurrency or {prefix}max_rate, or raise {prefix}deadline so that the call may wait longer."


class ServerError(APIStatusError):
    """500 and above: the service, or a proxy in front of it, failed."""


class APIConnectionError(AdjustError):
    """No answer came, or only a part of one.

    Attributes:
        method, path: The request; the path is without query.
        sent: `False` where the request surely never reached the service, so that sending it again cannot do
            anything twice.
        transient: `False` where trying again cannot help, such as for a certificate that is not trusted.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str,
        path: str,
        service: str | None = None,
        sent: bool = True,
        transient: bool = True,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.path = path
        self.service = service
        self.sent = sent
        self.transient = transient

    def _text(self) -> str:
        return f"{self.method} {self.path}: {self.message.rstrip('.')}."

    def _may_have_been_done(self) -> bool:
        return self.sent


class APITimeoutError(APIConnectionError):
    """The answer was not there within `timeout` (one attempt) or `deadline` (the whole call), both in seconds."""


class PoolExhaustedError(APIConnectionError):
    """No connection became free in time, or the client's own limits did not allow the request. It was never sent."""


class DecodeError(AdjustError):
    """An answer came that is not what the API documents.

    Attributes:
        location: Where in the document, such as `$.data.items[3].partner_id`; `$` is the document.
        method, path: The request; the path is without query. `None` for a document that was read from elsewhere.
        body: The text of the answer, cut after 64 KiB.
        malformed: Whether the body was not of its format at all, such as HTML in place of JSON.
        transient: Whether asking again may help, as after a body that broke off.
    """

    def __init__(
        self,
        message: str,
        *,
        location: str,
        method: str | None = None,
        path: str | None = None,
        service: str | None = None,
        request_id: str | None = None,
        body: str = "",
        malformed: bool = False,
        transient: bool = False,
    ) -> None:
        super().__init__(message)
        self.location = location
        self.method = method
        self.path = path
        self.service = service
        self.request_id = request_id
        self.body = body
        self.malformed = malformed
        self.transient = transient

    def _text(self) -> str:
        text = f"{self.message.rstrip('.')} (at {self.location})."
        return f"{self.method} {self.path}: {text}" if self.method else text

    def _may_have_been_done(self) -> bool:
        return True


class WrongTrackerError(DecodeError):
    """The answer to a create or an update is about another tracker, as from a cache that mixed answers up.

    Attributes:
        tracker_token: The tracker that the answer is about.
    """

    def __init__(self, message: str, *, tracker_token: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.tracker_token = tracker_token

    @property
    def in_doubt(self) -> bool:
        """Whether the write may have been done all the same: it must be looked up."""
        return not self.looked_up


class PaginationError(AdjustError):
    """A walk over pages cannot go on: a cursor came a second time, or the next page lies on another host.

    Attributes:
        cursor: The cursor that came a second time; `None` for a next page elsewhere. There is nothing to resume with.
        page: The number of the page that gave it, counted from 1 where the walk began.
        method, path: The request for that page; the path is without query. `None` outside of a walk.
    """

    def __init__(
        self, message: str, *, cursor: str | None, page: int, method: str | None = None, path: str | None = None
    ) -> None:
        super().__init__(message)
        self.cursor = cursor
        self.page = page
        self.method = method
        self.path = path

    def _text(self) -> str:
        return f"{self.method} {self.path}: {self.message}" if self.method else self.message

    def _details(self) -> Iterator[str]:
        return iter(())  # the message names page and cursor, and there is nothing to resume with


class MalformedError(Exception):
    """A document, or a part of one, that is not what its API documents; internal, callers get a `DecodeError`.

    Attributes:
        problem: What is wrong.
        location: Where in the document, or below the part that was looked at.
        transient: Whether the document may have broken off, so that another attempt may get a whole one.
    """

    def __init__(self, problem: str, location: str = "", *, transient: bool = False) -> None:
        super().__init__(f"{problem} (at {location})" if location else problem)
        self.problem = problem
        self.location = location
        self.transient = transient

    def below(self, step: str) -> "MalformedError":
        """Return a new error for the same fault, with its location as seen from one step further out."""
        return MalformedError(self.problem, f"{step}{self.location}", transient=self.transient)
