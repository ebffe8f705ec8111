"""The errors of requests: of answers that tell of one, of answers that are no such thing, and of none."""

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

#: Statuses which say by themselves that nothing was done: Too Early and Too Many Requests.
NOT_DONE = frozenset({425, 429})

#: Statuses with which the service refuses a request. A gateway may use them too, so the body has to be the service's.
REFUSED = frozenset({400, 401, 403, 404, 422})


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
