"""What goes over the wire, as pure functions: requests to be sent, and answers to errors, pages and records.

Nothing here does I/O, so that every odd answer can be tested as plain bytes.
"""

import codecs
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar
from urllib.parse import parse_qsl, urljoin, urlsplit

from adjust_async import errors
from adjust_async._checks import shown
from adjust_async._json import JSONDecodeError, dumps, loads, loads_beside
from adjust_async._records import ConversionError, structure_records
from adjust_async.errors import APIStatusError, DecodeError

__all__ = [
    "JSON",
    "LARGE",
    "Answer",
    "Body",
    "RequestSpec",
    "ServiceName",
    "decode_error",
    "envelope",
    "error_words",
    "only_record",
    "optional_integer",
    "optional_object",
    "optional_text",
    "optional_text_at",
    "parse_json",
    "query_of_link",
    "raise_for_status",
    "records",
    "retry_after",
]

T = TypeVar("T")

#: The media type of what most requests send and ask for.
JSON = "application/json"

#: How much of an answer's text an error keeps.
BODY_LIMIT = 64 * 1024

#: Bytes of an answer from which on it is decoded beside the event loop, in a thread. Up to there that takes some
#: milliseconds, and the thread would cost as much.
LARGE = 256 * 1024

REDIRECTS = frozenset({301, 302, 303, 307, 308})


_STATUS_ERRORS: Mapping[int, type[APIStatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    410: errors.GoneError,
    429: errors.RateLimitError,
}


class Answer(NamedTuple):
    """One HTTP answer, read to its end. `headers` is looked into by names in lower case."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, cut to what an error keeps."""
        return self.body[:BODY_LIMIT].decode("utf-8-sig", "replace")


class Body(Protocol):
    """The body of an answer whose status was a success, as it arrives."""

    status: int
    length: int | None

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece. The clocks of the call run only while it waits for the service."""

    async def __anext__(self) -> bytes:
        """Wait for the next piece."""

    def keep(self) -> None:
        """Say that something of this answer is out of the call's hands, so that no further attempt may be made."""


#: The Campaign API and the KPI Service are one service as to host and limits, the Report Service is the other.
ServiceName = Literal["api", "reports"]


class RequestSpec(NamedTuple, Generic[T]):
    """One request, and how its answer is read.

    `path` holds nothing that would have to be encoded: its tokens were checked. `decode` gets an answer whose status
    was a success; where there is `receive`, that gets the body in its place, anew for each attempt.
    """

    method: str
    path: str
    decode: Callable[[Answer], T]
    query: Mapping[str, str] = MappingProxyType({})
    body: Mapping[str, Any] | None = None
    service: ServiceName = "api"
    accept: str = JSON
    receive: Callable[[Body], Awaitable[T]] | None = None


def parse_json(answer: Answer) -> Any:
    """Decode the body.

    Raises:
        DecodeError: It is no JSON: empty, HTML, or broken off in the middle.
    """
    try:
        return loads(answer.body) if len(answer.body) < LARGE else loads_beside(answer.body)
    except JSONDecodeError as error:
        raise decode_error(answer, "$", f"the answer is no JSON ({_nature(answer, error)})", malformed=True) from None


def _nature(answer: Answer, error: JSONDecodeError) -> str:
    text = answer.text.strip()
    if not text:
        return "it is empty"
    if text.startswith("<"):
        return f"it is HTML or XML: {_readable(text)}"
    if not _is_utf8(answer.body):
        return f"it is not encoded in UTF-8; it begins with {text[:60]!r}"
    if error.pos >= len(error.doc.rstrip()):
        return f"it breaks off after {len(answer.body)} bytes"
    return f"{error}; it begins with {answer.text[:60]!r}"


def decode_error(answer: Answer, location: str, problem: str, *, malformed: bool = False) -> DecodeError:
    """Make the error of an answer that is not what the API documents."""
    return DecodeError(
        problem,
        location=location,
        method=answer.method,
        path=answer.path,
        request_id=answer.headers.get("x-request-id"),
        body=answer.text,
        malformed=malformed,
    )


def _is_utf8(body: bytes) -> bool:
    try:
        # Where the body broke off in the middle of a character, it is UTF-8 all the same.
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return False
    return True


def _readable(text: str) -> str:
    """Give the title of an HTML page, or else its first words."""
    import html

    lower = text.lower()
    start = lower.find(">", lower.find("<title")) + 1 if "<title" in lower else 0
    end = lower.find("</title", start) if start else -1
    title = html.unescape(text[start:end]).strip() if end > 0 else ""
    return _cut(title or html.unescape(_without_tags(text)))


def _without_tags(text: str) -> str:
    # In one pass, and not by a pattern: on a page that was made to be slow, patterns take seconds of the event loop.
    first, *pieces = text.split("<")
    words, skipped = [first], ""
    for piece in pieces:
        tag, _, content = piece.partition(">")
        name = (tag.split(maxsplit=1) or [""])[0].lower()
        if skipped:
            if name == f"/{skipped}":
                skipped = ""
        elif name in {"script", "style"}:
            skipped = name
        if not skipped:
            words.append(content)
    return " ".join(words)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:297]}..."


def _message_of(document: object) -> tuple[str | None, str | None]:
    """Find message and request id in the shapes of an error body that were documented or seen.

    The Campaign API documents `{"error": {"message"}}`, the Report Service `{"error_code", "error_desc",
    "error_desc_details"}`, the KPI Service nothing. A body of another shape is told as it is.
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
    """Give what an error body of the Report Service says in words, whole: without the names of parameters in `loc`."""
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
    """Give a value of an error body as text; `None` where it says nothing."""
    if not value or value is True:
        return None
    if isinstance(value, str):
        return _cut(value) or None
    if isinstance(value, list) and (words := [_words(part) for part in value]) and all(words):
        return _cut("; ".join(filter(None, words))) or None
    if isinstance(value, Mapping) and isinstance(value.get("msg"), str):
        # What was seen of a live account: {"loc": ["index"], "msg": "field required", "type": ...}.
        place = value.get("loc")
        return _cut(": ".join(map(str, [*(place if isinstance(place, list) else []), value["msg"]])))
    return _cut(dumps(value).decode())


def raise_for_status(answer: Answer) -> None:
    """Raise the error of the tree that an answer other than a success stands for.

    The status is looked at before the body: a proxy in front of the service may answer with HTML or nothing at all.
    """
    if 200 <= answer.status < 300:
        return
    message, request_id = None, None
    try:
        message, request_id = _message_of(loads(answer.body))
    except JSONDecodeError:
        message = _readable(answer.text)
    if not message:
        message = "the body says nothing of the reason" if answer.text.strip() else "the body is empty"
    if answer.status in REDIRECTS:
        host = _host(answer.headers.get("location", "")) or "another place"
        setting = "reports_url" if answer.path.startswith("/reports-service") else "api_url"
        message = f"redirected to {host}, where the API token must not go: check {setting}"
    cls = _STATUS_ERRORS.get(answer.status)
    if cls is None:
        cls = errors.ServerError if answer.status >= 500 else APIStatusError
    raise cls(
        message,
        status=answer.status,
        method=answer.method,
        path=answer.path,
        request_id=request_id or answer.headers.get("x-request-id"),
        body=answer.text,
        retry_after=retry_after(answer.headers.get("retry-after")),
    )


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Read a `Retry-After` header, which is a number of seconds or a date; give seconds from now, at least 0.

    Gives `None` for a header that is missing or says neither.
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


def envelope(answer: Answer) -> tuple[Mapping[str, Any], list[Any]]:
    """Open the Campaign API's success envelope: give its `data` object and the list of `items` in it.

    Raises:
        DecodeError: The answer has another shape.
    """
    document = parse_json(answer)
    data = document.get("data") if isinstance(document, Mapping) else None
    if not isinstance(data, Mapping):
        raise decode_error(answer, "$.data", "expected an object {'data': {'items': [...]}}")
    items = data.get("items")
    if not isinstance(items, list):
        raise decode_error(answer, "$.data.items", "expected a list of items")
    return data, items


def records(answer: Answer, items: list[Any], cls: type[T], known: Mapping[str, Any]) -> list[T]:
    """Build a record of each of the envelope's items; `known` holds fields that the request tells, not the answer.

    Raises:
        DecodeError: An item does not fit; the error tells which, and where in it.
    """
    try:
        return structure_records(items, cls, known, "$.data.items")
    except ConversionError as error:
        raise decode_error(answer, error.location, error.problem) from None


def only_record(answer: Answer, cls: type[T], known: Mapping[str, Any]) -> T:
    """Build the one record of an answer to a create or an update.

    Raises:
        DecodeError: There is not exactly one item, or it does not fit.
    """
    _, items = envelope(answer)
    if len(items) != 1:
        raise decode_error(answer, "$.data.items", f"expected one item, found {len(items)}")
    return records(answer, items, cls, known)[0]


def optional_text(value: object) -> str | None:
    """Give a text, also of a number; `None` for an empty text and for all else."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def optional_object(answer: Answer, parent: Mapping[str, Any], key: str, location: str) -> Mapping[str, Any]:
    """Give the object under a key; an empty one where it is null or absent.

    Raises:
        DecodeError: Something else is there.
    """
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise decode_error(answer, f"{location}.{key}", f"expected an object, found {shown(value)}")
    return value


def optional_text_at(answer: Answer, parent: Mapping[str, Any], key: str, location: str) -> str | None:
    """Give the text under a key; `None` where it is null, empty or absent, which all mean the same in `paging`.

    Raises:
        DecodeError: Something else is there. Taken for the end of a walk, it would lose the rest.
    """
    value = parent.get(key)
    text = optional_text(value)
    if text is None and value not in (None, ""):
        raise decode_error(answer, f"{location}.{key}", f"expected text or null, found {shown(value)}")
    return text


def optional_integer(value: object) -> int | None:
    """Give a whole number that may have come as text; `None` for all else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value) else None


def query_of_link(link: str | None, api_url: str) -> dict[str, str]:
    """Read the query of a link to the same host and scheme as `api_url`; empty for any other link."""
    if link is None:
        return {}
    try:
        if _origin(urljoin(api_url, link)) != _origin(api_url):
            return {}
        return dict(parse_qsl(urlsplit(link).query))
    except ValueError:
        return {}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
