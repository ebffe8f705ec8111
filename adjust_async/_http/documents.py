"""Read JSON documents: decode them, look up their parts, and report where they differ from what the API documents.

Nothing here does I/O, so every malformed answer can be tested as plain bytes.
"""

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from adjust_async._checks import shown
from adjust_async._http.error_words import carried_error, one_line
from adjust_async._http.messages import Answer
from adjust_async._json import JSONDecodeError, RepeatedKeyError, loads, loads_in_slices
from adjust_async.errors import DecodeError, MalformedError

__all__ = [
    "LARGE",
    "decode_error",
    "decode_errors",
    "optional_integer",
    "optional_object",
    "optional_text",
    "optional_text_at",
    "parse_json",
    "readable_text",
]


#: The size in bytes from which an answer is decoded in a thread. Smaller ones take a few milliseconds, about as much as
#: the thread costs.
LARGE = 256 * 1024


def parse_json(answer: Answer, *, exact: bool = False, decode_large: Callable[..., Any] = loads_in_slices) -> Any:
    """Decode the body of a successful answer.

    Args:
        answer: The answer.
        exact: Whether a number that a float can't represent exactly becomes a `Decimal`.
        decode_large: The function that decodes a large body; `loads_in_slices` by default.

    Raises:
        DecodeError: The answer is not JSON, such as HTML or a cut answer; a key appears twice; or the answer is an
            error in spite of its status.
    """
    decode = loads if len(answer.body) < LARGE else decode_large
    problem, malformed, broke_off = "", True, False
    try:
        document = decode(answer.body, exact=exact)
    except RepeatedKeyError as error:
        problem, malformed = f"the answer can't be trusted: {error}", False
    except JSONDecodeError as error:
        nature, broke_off = _nature(answer, error)
        problem = f"the answer is not JSON ({nature})"
    else:
        if (words := carried_error(document)) is None:
            return document
        problem, malformed = f"the answer is an error in spite of its status {answer.status}: {words}", False
    raise decode_error(answer, "$", problem, malformed=malformed, transient=broke_off)


def _nature(answer: Answer, error: JSONDecodeError) -> tuple[str, bool]:
    """Return what is wrong with a document that is not JSON, and whether it was cut."""
    text = answer.text.strip()
    if not text:
        return "it is empty", True
    if text.startswith("<"):
        return f"it is HTML or XML: {readable_text(text)}", False
    if not _is_utf8(answer.body):
        return f"it is not encoded in UTF-8; it starts with {text[:60]!r}", False
    if error.pos >= len(error.doc.rstrip()):
        return f"it is cut after {len(answer.body)} bytes", True
    return f"{error}; it starts with {answer.text[:60]!r}", False


def decode_error(
    answer: Answer, location: str, problem: str, *, malformed: bool = False, transient: bool = False
) -> DecodeError:
    """Return the error for an answer that differs from what the API documents."""
    return DecodeError(
        problem,
        location=location,
        **answer.where,
        request_id=answer.headers.get("x-request-id"),
        body=answer.text,
        malformed=malformed,
        transient=transient,
    )


@contextmanager
def decode_errors(answer: Answer | None = None, *, path: str | None = None) -> Iterator[None]:
    """Convert a `MalformedError` from the block into the `DecodeError` of an answer.

    Args:
        answer: The answer; `None` for one that is read while it arrives, and for a saved document.
        path: The path of an answer that is read while it arrives.
    """
    try:
        yield
    except MalformedError as error:
        location = error.location or "$"
        if answer is not None:
            broke_off = error.transient
            raise decode_error(answer, location, error.problem, malformed=broke_off, transient=broke_off) from None
        raise DecodeError(
            error.problem,
            location=location,
            method=None if path is None else "GET",
            path=path,
            service=None if path is None else "reports",
            malformed=error.transient,
            transient=error.transient,
        ) from None


def _is_utf8(body: bytes) -> bool:
    try:
        # If the body was cut within a character, it is UTF-8 all the same.
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return False
    return True


def readable_text(text: str) -> str:
    """Return the title of an HTML page, or otherwise its first words, on one line."""
    import html

    lower = text.lower()
    start = lower.find(">", lower.find("<title")) + 1 if "<title" in lower else 0
    end = lower.find("</title", start) if start else -1
    title = html.unescape(text[start:end]).strip() if end > 0 else ""
    return one_line(title or html.unescape(_without_tags(text)))


def _without_tags(text: str) -> str:
    # In one pass, and not with a regex: a page that was made to be slow would block the event loop for seconds.
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


def optional_text(value: object) -> str | None:
    """Return a text or a number as text; `None` for an empty text and for anything else."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def optional_object(answer: Answer, parent: Mapping[str, Any], key: str, location: str) -> Mapping[str, Any]:
    """Return the object under a key; an empty one if it is null or absent.

    Raises:
        DecodeError: The value is not an object.
    """
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise decode_error(answer, f"{location}.{key}", f"expected an object, found {shown(value)}")
    return value


def optional_text_at(answer: Answer, parent: Mapping[str, Any], key: str, location: str) -> str | None:
    """Return the text under a key; `None` if it is null, empty or absent, which all mean the same in `paging`.

    Raises:
        DecodeError: The value is not text. Read as the end of a listing, it would lose the rest.
    """
    value = parent.get(key)
    text = optional_text(value)
    if text is None and value not in (None, ""):
        raise decode_error(answer, f"{location}.{key}", f"expected text or null, found {shown(value)}")
    return text


def optional_integer(value: object) -> int | None:
    """Return a whole number that may have been sent as text; `None` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value) else None
