"""Convert error answers into errors of this package."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from adjust_async import errors
from adjust_async._http.documents import decode_error, readable_text
from adjust_async._http.error_words import message_of
from adjust_async._http.messages import Answer
from adjust_async._http.redirects import FOLLOWED, refusal
from adjust_async._json import JSONDecodeError, loads
from adjust_async.errors import APIStatusError

__all__ = ["raise_for_status", "retry_after"]


_STATUS_ERRORS: Mapping[int, type[APIStatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    410: errors.GoneError,
    429: errors.RateLimitError,
}


def raise_for_status(answer: Answer) -> None:
    """Raise this package's error for an unsuccessful answer.

    The status decides, not the body: a proxy in front of the service may answer with HTML, or with nothing at all.
    """
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        raise decode_error(
            answer, "$", "only a part of the answer arrived, with status 206", malformed=True, transient=True
        )
    if 200 <= answer.status < 300:
        return
    document: Any = None
    message, request_id = None, None
    try:
        document = loads(answer.body)
    except JSONDecodeError:
        message = readable_text(answer.text)
    else:
        message, request_id = message_of(document)
    if not message:
        message = "the body has no error message" if answer.text.strip() else "the body is empty"
    if answer.status in FOLLOWED:
        message = refusal(answer)
    cls = _STATUS_ERRORS.get(answer.status)
    if cls is None:
        cls = errors.ServerError if answer.status >= 500 else APIStatusError
    raise cls(
        message,
        status=answer.status,
        **answer.where,
        request_id=request_id or answer.headers.get("x-request-id"),
        body=answer.text,
        retry_after=retry_after(answer.headers.get("retry-after")),
        in_envelope=_is_envelope(document),
    )


def _is_envelope(document: object) -> bool:
    """Return whether a document is the error envelope of the Campaign API: `{"error": {"message": ...}}`."""
    details = document.get("error") if isinstance(document, Mapping) else None
    return isinstance(details, Mapping) and isinstance(details.get("message"), str)


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Return the seconds that a `Retry-After` header asks to wait, at least 0. It has a number of seconds or a date.

    `None` if the header is missing or unreadable.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
            if date.tzinfo is None:
                date = date.replace(tzinfo=UTC)
            seconds = (date - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
