"""JSON by orjson, and large documents by the standard library, which lets other threads run meanwhile."""

import json
import math
import time
from collections.abc import Callable
from json import JSONDecodeError
from typing import Any

import orjson

__all__ = ["JSONDecodeError", "dumps", "loads", "loads_beside"]

#: About a millisecond's work.
OBJECTS_BETWEEN_PAUSES = 1000

#: Seconds.
PAUSE = 0.001

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def loads(document: bytes) -> Any:
    """Decode a document, which may begin with a byte order mark.

    Raises:
        JSONDecodeError: It is no JSON, or not in UTF-8.
    """
    return orjson.loads(document.removeprefix(_BYTE_ORDER_MARK))


def loads_beside(document: bytes) -> Any:
    """Decode a document in a thread, where orjson would stop all others until it is done.

    The standard library's decoder calls back for each object, and there others can be let go first. It takes longer.
    What it takes for JSON and orjson does not, orjson gets to refuse.

    Raises:
        JSONDecodeError: It is no JSON, or not in UTF-8.
    """
    if b"\\ud" not in document and b"\\uD" not in document:  # the halves of surrogate pairs, which orjson checks
        try:
            text = document.removeprefix(_BYTE_ORDER_MARK).decode()
            return json.loads(text, object_hook=_giving_way(), parse_float=_finite, parse_constant=_finite)
        except (ValueError, RecursionError):
            pass
    return loads(document)


def _giving_way() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Make a hook that pauses now and then.

    Without that each step of another thread, such as each read of a socket, would wait for the five milliseconds that
    the interpreter leaves to a thread which does not pause.
    """
    met = 0

    def hook(document: dict[str, Any]) -> dict[str, Any]:
        nonlocal met
        met += 1
        if met % OBJECTS_BETWEEN_PAUSES == 0:
            time.sleep(PAUSE)
        return document

    return hook


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value) or math.isnan(value):
        raise ValueError(f"{number} is no JSON")
    return value


def dumps(value: object) -> bytes:
    """Encode a value of a type that JSON has."""
    return orjson.dumps(value)
