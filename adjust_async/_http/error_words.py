"""Find the error message in a document of any status, in the documented structures and those that were seen live."""

from collections.abc import Mapping

from adjust_async._json import JSONDecodeError, dumps, loads

__all__ = ["carried_error", "error_words", "is_failure", "message_of", "one_line"]

#: The keys with which the APIs, and gateways in front of them, report an error.
_FAILURE_KEYS = frozenset(
    ("error", "errors", "error_code", "error_desc", "error_desc_details", "error_description", "error_message")
)

#: Words in `status` that report an error.
_FAILED = frozenset(("error", "fail", "failed", "failure"))


def is_failure(key: str, value: object) -> bool:
    """Return whether a key of an object reports an error. Null, empty and false don't."""
    if key in _FAILURE_KEYS:
        return bool(value)
    if key == "status":
        return isinstance(value, str) and value.lower() in _FAILED
    return key == "success" and value is False


def carried_error(document: object) -> str | None:
    """Return the error message in a document whose status was a success; `None` if it reports no error."""
    if not isinstance(document, Mapping):
        return None
    found = {key: value for key, value in document.items() if is_failure(key, value)}
    if not found:
        return None
    code = found.pop("error_code", None)
    message, _ = message_of(found | {key: document[key] for key in ("message", "detail") if key in document})
    return " ".join(filter(None, [message, f"({code})" if message and code else code and str(code)]))


def message_of(document: object) -> tuple[str | None, str | None]:
    """Return the message and the request ID of an error body, in the structures that were documented or seen live.

    The Campaign API documents `{"error": {"message"}}`, the Report Service `{"error_code", "error_desc",
    "error_desc_details"}`, the KPI Service nothing. A body of another shape is shown as it is.
    """
    if not isinstance(document, Mapping):
        return _words(document), None
    inner = document.get("error")
    details = inner if isinstance(inner, Mapping) else {}
    request_id = _text(details.get("request_id")) or _text(document.get("request_id"))
    for source in (details, document):
        for key in ("message", "error_desc", "error_description", "detail"):
            if message := _words(source.get(key)):
                more = _words(source.get("error_desc_details"))
                if more and not more.startswith(message):
                    more = f"{message}: {more}"
                return more or message, request_id
    return _words(inner) or _words(document.get("errors")) or _words(document), request_id


def error_words(body: str) -> str:
    """Return the message in an error body of the Report Service, without the names of parameters in `loc`."""
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
    """Return a value of an error body as text; `None` for null, a boolean and an empty value."""
    if not value or value is True:
        return None
    if isinstance(value, str):
        return one_line(value) or None
    if isinstance(value, list) and (words := [_words(part) for part in value]) and all(words):
        return one_line("; ".join(filter(None, words))) or None
    if isinstance(value, Mapping) and isinstance(value.get("msg"), str):
        # As a live account received it: {"loc": ["index"], "msg": "field required", "type": ...}.
        place = value.get("loc")
        return one_line(": ".join(map(str, [*(place if isinstance(place, list) else []), value["msg"]])))
    return one_line(dumps(value).decode())


def one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:297]}..."


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value or None if isinstance(value, str) else None
