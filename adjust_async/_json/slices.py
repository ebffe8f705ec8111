"""Large documents, decoded slice by slice, so that the decoding thread lets others run in between.

orjson holds the interpreter until it has decoded a document: half a second for 60 MB. A slice takes a millisecond.
A document is cut between two objects of a list. What is open at a cut is opened again for the next slice, so that each
slice is a document of its own, which `loads` decodes by all of its rules. If anything does not fit, the whole document
goes to `loads`, so values and errors are always those of `loads`.
"""

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from adjust_async._json.decoding import JSONDecodeError, RepeatedKeyError, dumps, loads, loads_strictly

__all__ = ["SLICE", "loads_in_slices", "loads_packing"]

#: Bytes. Larger slices are not decoded faster.
SLICE = 64 * 1024

#: How many places within a text are tried in turn. After that, the distance doubles each time, since a text may contain
#: millions of such places.
NEXT_PLACES = 64

_BETWEEN_OBJECTS = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\{")

_NO_MARKS = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_CLOSING = bytes.maketrans(b"[{", b"]}")


def loads_in_slices(document: bytes, *, exact: bool = False, size: int = SLICE) -> Any:
    """Decode a document slice by slice. Values and errors are those of `loads`.

    Args:
        document: The document.
        exact: As for `loads`.
        size: The minimum number of bytes of a slice.

    Raises:
        JSONDecodeError: As `loads` does.
    """
    try:
        return loads_packing(document, _keep, exact=exact, size=size)
    except ValueError:
        return loads(document, exact=exact)


def loads_packing(document: bytes, pack: Callable[[Any, int], None], *, exact: bool = False, size: int = SLICE) -> Any:
    """Decode a document slice by slice, and call a function that packs the values so far.

    Args:
        document: The document.
        pack: Called after each slice with the document so far, which is the same object each time, and with the number
            of open values; 0 at the end. The open values are the document, its last value, the last value of that, and
            so on down to a list. `pack` may replace all other values, and remove all items of that list.
        exact: As for `loads`.
        size: The minimum number of bytes of a slice.

    Raises:
        ValueError: It is not JSON, or can't be decoded in slices.
    """
    whole: Any = None
    opened, opening, start = b"", b"", 0
    while True:
        with _collector_paused():
            piece, after, begin = _slice(document, start, size, opened, opening, exact=exact)
            if opened:
                _append(whole, piece, len(opened))
            else:
                whole = piece
            del piece
            pack(whole, len(after))
        if not after:
            return whole
        opened, opening, start = after, _opening(whole, after), begin


def _keep(_whole: Any, _opened: int) -> None:
    """Pack nothing."""


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python's collector from treating the dictionaries of a slice as old. They are dropped a millisecond later.

    Enough old objects cause full collections, over all objects of the process: eleven in 25 MB of KPIs, each of which
    stopped the event loop for 25 ms; together they took a third of the time (2026-11-25). Delete this once all
    supported versions of Python collect in small steps.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _slice(
    document: bytes, start: int, size: int, opened: bytes, opening: bytes, *, exact: bool
) -> tuple[Any, bytes, int]:
    """Decode the slice that starts at a place.

    Returns:
        The piece, the brackets that are open after it, and the start of the next slice.
    """
    cut = _BETWEEN_OBJECTS.search(document, start + size)
    if opened and cut is not None:
        # Usually the same brackets are open after a slice. If others are, or a text is, this fails.
        with suppress(JSONDecodeError):
            text = opening + document[start : cut.start() + 1] + _closing(opened)
            return loads_strictly(text, exact=exact), opened, cut.end() - 1
    marks, inside, looked, tries = b"", False, start, 0
    while cut is not None:
        end = cut.start() + 1
        found, inside = _brackets(document[looked:end], inside=inside)
        marks += found
        if not inside:
            after = _opened_after(opened, marks)
            return loads(opening + document[start:end] + _closing(after), exact=exact), after, cut.end() - 1
        looked, tries = end, tries + 1
        cut = _BETWEEN_OBJECTS.search(document, end + 2 ** max(tries - NEXT_PLACES, 0))
    return loads(opening + document[start:] if start else document, exact=exact), b"", len(document)


def _closing(opened: bytes) -> bytes:
    return opened[::-1].translate(_CLOSING)


def _brackets(text: bytes, *, inside: bool) -> tuple[bytes, bool]:
    """Return the brackets outside of texts, and whether the end is inside of one, given whether the beginning is."""
    if b"\\" in text:
        text = text.replace(rb"\\", b"").replace(rb"\"", b"")
    marks = text.translate(None, _NO_MARKS)
    if not inside:
        marks = marks.replace(b'""', b"")  # nearly all texts: splitting takes longer
    parts = marks.split(b'"')
    return b"".join(parts[inside::2]), bool(len(parts) % 2) == inside


def _opened_after(opened: bytes, marks: bytes) -> bytes:
    """Return the brackets that are open after a slice.

    Raises:
        ValueError: They don't match, or the last one is not that of a list.
    """
    after = opened + marks
    while len(fewer := after.replace(b"{}", b"").replace(b"[]", b"")) < len(after):
        after = fewer
    if after.strip(b"[{") or not after.endswith(b"["):
        raise ValueError("the brackets don't match")
    return after


def _opening(whole: Any, opened: bytes) -> bytes:
    """Return the start of another document that opens the same values again."""
    parts = []
    for place in range(len(opened)):
        if isinstance(whole, dict):
            key = next(reversed(whole))
            parts.append(b"{%b:" % dumps(key))
            whole = whole[key]
        else:
            parts.append(b"[")
            whole = whole[-1] if place < len(opened) - 1 else None
    return b"".join(parts)


def _append(whole: Any, piece: Any, opened: int) -> None:
    """Append a piece to a document. At each open level, the first value of the piece continues the last one.

    Raises:
        RepeatedKeyError: An object would have a key twice.
    """
    for _ in range(opened - 1):
        if isinstance(whole, dict):
            (key, first), *rest = piece.items()
            inner = whole[key]
            for other, value in rest:
                if other in whole:
                    raise RepeatedKeyError(other)
                whole[other] = value
            whole, piece = inner, first
        else:
            inner = whole[-1]
            whole += piece[1:]
            whole, piece = inner, piece[0]
    whole += piece
