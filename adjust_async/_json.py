"""JSON by orjson, which is imported when the first client is made or the first document is read.

Its import takes a fifth of the time that httpx's does, and a package that is only imported should not take it.
"""

from json import JSONDecodeError
from typing import Any

__all__ = ["JSONDecodeError", "dumps", "loads"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def loads(document: bytes) -> Any:
    """Decode a document, which may begin with a byte order mark.

    Raises:
        JSONDecodeError: It is no JSON, or not in UTF-8.
    """
    import orjson

    return orjson.loads(document.removeprefix(_BYTE_ORDER_MARK))


def dumps(value: object) -> bytes:
    """Encode a value of what JSON knows."""
    import orjson

    return orjson.dumps(value)
