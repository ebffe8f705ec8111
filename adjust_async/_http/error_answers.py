"""Answers that are no success, as errors of the tree."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from adjust_async import errors
from adjust_async._http.documents import decode_error, one_line, optional_text, readable_text
from adjust_async._http.messages import Answer
from adjust_async._http.redirects import FOLLOWED, refusal
from adjust_async._json import JSONDecodeError, dumps, loads
from adjust_async.errors import APIStatusError

__all__ = ["error_words", "raise_for_status", "retry_after"]


_STATUS_ERRORS: Mapping[int, type[APIStatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    410: errors.GoneError,
    429: errors.RateLimitError,
}


def raise_for_status(answer: Answer) -> None:
    """Raise the error of the tree that an answer other than a success stands for.

    The status is looked at before the body: a proxy in front of the service may answer with HTML or nothing at all.
    """
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        raise decode_error(
            answer, "$", "only a part of the answer came, with status 206", malformed=True, transient=True
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
        message, request_id = _message_of(document)
    if not message:
        message = "the body says nothing of the reason" if answer.text.strip() else "the body is empty"
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
    """Whether a document is the error envelope of the Campaign API: `{"error": {"message": ...}}`."""
    details = document.get("error") if isinstance(document, Mapping) else None
    return isinstance(details, Mapping) and isinstance(details.get("message"), str)


def _message_of(document: object) -> tuple[str | None, str | None]:
    """Find message and request id in the shapes of an error body that were documented or seen.

    The Campaign API documents `{"error": {"message"}}`, the Report Service `{"error_code", "error_desc",
    "error_desc_details"}`, the KPI Service nothing. A body of another shape is shown as it is.
    """
    if not isinstance(document, Mapping):
        return _words(document), None
    inner = document.get("error")
    details = inner if isinstance(inner, Mapping) else {}
    request_id = optional_text(details.get("request_id")) or optional_text(document.get("request_id"))
    for source in (details, document):
        for key in ("message", "error_desc", "error_description", "detail"):
            if message := _words(source.get(key)):
                more = _words(source.get("error_desc_details"))
                if more and not more.startswith(message):
                    more = f"{message}: {more}"
                return more or message, request_id
    return _words(inner) or _words(document.get("errors")) or _words(document), request_id


def error_words(body: str) -> str:
    """Return what an error body of the Report Service says in words, without the names of parameters in `loc`."""
    try:
        document = loads(body.encode(errors="replace"))
    except JSONDecodeError:
        return body
    if not isinstance(document, Mapping) or "error_desc" not in document:
        return body
    details = document.get("error_desc_details")
    parts = [document["error_desc"], *(details if isinstance(details, list) else [details])]
    return "\n".join(str(part.get("msg", "")) if isinstance(part, Mapping) else str(part) for part in parts)


def _words(value: object) -> str | None:
    """Return a value of an error body as text; `None` where it says nothing."""
    if not value or value is True:
        return None
    if isinstance(value, str):
        return one_line(value) or None
    if isinstance(value, list) and (words := [_words(part) for part in value]) and all(words):
        return one_line("; ".join(filter(None, words))) or None
    if isinstance(value, Mapping) and isinstance(value.get("msg"), str):
        # What was seen of a live account: {"loc": ["index"], "msg": "field required", "type": ...}.
        place = value.get("loc")
        return one_line(": ".join(map(str, [*(place if isinstance(place, list) else []), value["msg"]])))
    return one_line(dumps(value).decode())


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Read a `Retry-After` header, which is a number of seconds or a date.

    Return seconds from now, at least 0; `None` for a header that is missing or says neither.
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
