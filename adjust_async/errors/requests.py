"""The errors of requests: an error status, a malformed answer, or no answer at all."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from adjust_async.errors.base import AdjustError

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "DecodeError",
    "GoneError",
    "NotFoundError",
    "PaginationError",
    "PermissionDeniedError",
    "PoolExhaustedError",
    "RateLimitError",
    "ServerError",
    "WrongTrackerError",
]

PHRASES = {status.value: status.phrase for status in HTTPStatus}

#: Statuses that prove that nothing was done: Too Early and Too Many Requests.
NOT_DONE = frozenset({425, 429})

#: Statuses with which the service refuses a request. A gateway may send them too, so the body must be the service's.
REFUSED = frozenset({400, 401, 403, 404, 422})


class APIStatusError(AdjustError):
    """The service answered with an error status.

    Attributes:
        message: The service's own message, or what could be read of its answer.
        status: The HTTP status.
        method: The method of the request.
        path: The path of the request, without query.
        body: The text of the answer, cut after 64 KiB.
        retry_after: The wait that the service asked for, in seconds; `None` if it did not ask.
        in_envelope: Whether the body was Adjust's own JSON error envelope; otherwise a gateway in front of the service
            may have written it.
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
        # A `Retry-After` proves nothing: gateways add it to every 5xx, even after the service has done its work.
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
    """403: the user of the API token has no permission for this."""

    _hint = "The API token has the permissions of its dashboard user: ask an administrator of the account for them."


class NotFoundError(APIStatusError):
    """404: the account has no such app or tracker, or the path does not exist."""

    _hint = "Check the app token and the tracker token: does this account own them?"


class GoneError(APIStatusError):
    """410: Adjust has switched this API off for the account."""

    @property
    def hint(self) -> str:
        """What to do next; empty if there is no advice."""
        kpis = (
            "" if self.service == "reports" else ": the KPI Service's successor is the Report Service, adjust.reports"
        )
        return f"Adjust has switched this API off for the account{kpis}."


class RateLimitError(APIStatusError):
    """429: too many requests, after all retries that `max_attempts` and `deadline` allow."""

    @property
    def hint(self) -> str:
        """What to do next; empty if there is no advice."""
        prefix = "reports_" if self.service == "reports" else ""
        return f"Lower max_concurrency or {prefix}max_rate, or raise {prefix}deadline so that the call may wait longer."


class ServerError(APIStatusError):
    """500 and above: the service, or a proxy in front of it, failed."""


class APIConnectionError(AdjustError):
    """No answer was received, or only a part of one.

    Attributes:
        method: The method of the request.
        path: The path of the request, without query.
        sent: `False` if the request certainly never reached the service, so that sending it again is safe.
        transient: `False` if another attempt cannot help, for example because the certificate is not trusted.
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
    """No complete answer within `timeout` (one attempt) or `deadline` (the whole call), both in seconds."""


class PoolExhaustedError(APIConnectionError):
    """No connection became free in time, or the client's own limits delayed the request too long. It was not sent."""


class DecodeError(AdjustError):
    """The answer is not what the API documents.

    Attributes:
        location: The place in the document, such as `$.data.items[3].partner_id`; `$` is the document itself.
        method: The method of the request; `None` for a document that was read from elsewhere.
        path: The path of the request, without query; `None` like `method`.
        body: The text of the answer, cut after 64 KiB; empty if it was read as it arrived, or is too large.
        malformed: Whether the body was cut off, can't be decompressed, or is not JSON although JSON was expected.
        transient: Whether another attempt may help, for example after a body that was cut off.
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
    """The answer to a create or an update is about another tracker, for example because a cache mixed answers up.

    Attributes:
        tracker_token: The tracker in the answer.
    """

    def __init__(self, message: str, *, tracker_token: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.tracker_token = tracker_token

    @property
    def in_doubt(self) -> bool:
        """Whether the write may have taken effect, so that it must be looked up before it is sent again."""
        return not self.looked_up


class PaginationError(AdjustError):
    """A walk over pages cannot go on: a cursor repeated, or the next page is on another host.

    Attributes:
        cursor: The cursor that repeated; `None` if the next page is on another host. It can't be used to resume.
        page: The number of the page that returned it, counted from 1 at the start of the walk.
        method: The method of the request for that page; `None` outside of walks.
        path: The path of that request, without query; `None` outside of walks.
    """

    service = "api"

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
        return iter(())  # the message names page and cursor, and the walk can't be resumed
