"""Decode JSON with orjson, and unusual documents with the standard library.

orjson ignores a repeated key, makes a float of an integer beyond 64 bits, and refuses `NaN`. A document that may
contain one of these is decoded by the standard library, whose hooks see every key and every number.
"""

import json
import math
import re
from decimal import Decimal
from json import JSONDecodeError
from typing import Any

import orjson

__all__ = ["JSONDecodeError", "RepeatedKeyError", "dumps", "loads", "loads_strictly"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

#: A float preserves every number of at most this many digits.
SURE_DIGITS = 15

#: Whole numbers of at most this many digits fit into 64 bits.
SHORT = 18

#: Digits and points become a zero, anything else a space: a run of zeros is a number, or a part of a text.
_DIGITS = bytes(ord("0") if chr(byte) in "0123456789." else ord(" ") for byte in range(256))

#: The characters that may precede the digits of a number.
_BEFORE_NUMBERS = frozenset(b":,[- \t\r\n")

#: A number that is not whole. A few digits of an exponent are enough to see that it is unusual.
_FRACTION = re.compile(rb"[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?")

#: An escaped surrogate: a pair, or (group 1) one without its other half.
_SURROGATE = re.compile(rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]|([89a-fA-F]))")


class RepeatedKeyError(JSONDecodeError):
    """An object has the same key twice, so its value is ambiguous."""

    def __init__(self, key: str) -> None:
        ValueError.__init__(self, f"the key {key[:60]!r} appears twice in one object")


def loads(document: bytes, *, exact: bool = False) -> Any:
    """Decode a document, which may start with a byte order mark.

    `NaN` and infinities become `None`. Whole numbers of any size are exact.

    Args:
        document: The document.
        exact: Whether a number that a float can't represent exactly becomes a `Decimal`.

    Raises:
        JSONDecodeError: It is not JSON or not in UTF-8, is nested too deeply, or an object has a key twice.
    """
    document = document.removeprefix(_BYTE_ORDER_MARK)
    try:
        return loads_strictly(document, exact=exact)
    except RepeatedKeyError:
        raise
    except JSONDecodeError as error:
        refusal = error
    try:
        return _decode(document, exact=exact)
    except RepeatedKeyError:
        raise
    except ValueError:
        raise refusal from None


def loads_strictly(document: bytes, *, exact: bool) -> Any:
    """Decode a document as `loads` does, but without a byte order mark, `NaN` and infinities.

    Raises:
        JSONDecodeError: It is not such a document, or an object has a key twice.
    """
    value = orjson.loads(document)
    if _keeps_all(document, value, exact=exact):
        return value
    return _decode(document, exact=exact)


def _keeps_all(document: bytes, value: Any, *, exact: bool) -> bool:
    """Return whether no key and no digit was lost. `False` too if counting can't decide it."""
    try:
        encoded = orjson.dumps(value)
    except orjson.JSONEncodeError:  # it is nested deeper than orjson encodes
        return False
    return encoded == document or (_keeps_all_keys(document, encoded) and _keeps_all_digits(document, exact=exact))


def _keeps_all_keys(document: bytes, encoded: bytes) -> bool:
    """Return whether no key was lost. `False` too if counting can't decide it.

    Each key has a colon, and the colons in texts are the same before and after. Counting adds half to the time of
    decoding. Walking through the objects would double it, and the standard library takes four times as long.
    """
    if b"\\" in document and b"\\u003" in document:  # a colon may be escaped
        return False
    return document.count(b":") == encoded.count(b":")


def _keeps_all_digits(document: bytes, *, exact: bool) -> bool:
    """Return whether all numbers keep their digits as orjson decodes them. `False` too if a text looks like one."""
    digits = document.translate(_DIGITS) + b" "
    # Without `exact`, floats may lose digits: they rarely have so many that they look like a long whole number.
    many = b"0" * ((SURE_DIGITS if exact else SHORT) + 1)
    end = 0
    while (start := digits.find(many, end)) >= 0:
        end = digits.index(b" ", start)
        if start and document[start - 1] not in _BEFORE_NUMBERS:
            continue  # it is a part of a text
        number = document[start:end]
        if b"." not in number:
            if (len(number) > SHORT and int(number) >= 2**63) or (exact and document[end : end + 1] in {b"e", b"E"}):
                return False
        elif exact and not _float_keeps(document[start : end + 5]):
            return False
    return True


def _float_keeps(number: bytes) -> bool:
    """Return whether a float has all digits of the number at the start of the bytes."""
    match = _FRACTION.match(number)
    return match is None or type(_number(match[0].decode())) is float


def _decode(document: bytes, *, exact: bool) -> Any:
    """Decode with the standard library.

    Raises:
        ValueError: It is not JSON, is not in UTF-8, or is nested too deeply.
    """
    # The standard library decodes half of a pair as a character, which then can't be encoded.
    lone = b"\\u" in document and any(match[1] for match in _SURROGATE.finditer(document.replace(b"\\\\", b"")))
    if lone:
        raise ValueError("half of a surrogate pair")

    def make(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            keys = [key for key, _ in pairs]
            raise RepeatedKeyError(next(key for key in made if keys.count(key) > 1))
        return made

    number = _number if exact else _float
    try:
        return json.loads(document.decode(), object_pairs_hook=make, parse_float=number, parse_constant=_nothing)
    except RecursionError:
        raise JSONDecodeError("it is nested too deeply", "[", 0) from None


def _number(text: str) -> float | Decimal | None:
    """Return a float if it has all digits of the number, and a `Decimal` otherwise."""
    value = float(text)
    if len(text) <= SURE_DIGITS and math.isfinite(value):
        return value
    exact = Decimal(text)
    return value if math.isfinite(value) and exact == Decimal(str(value)) else exact


def _float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _nothing(_: str) -> None:
    """Return the value of `NaN` and of infinities: `None`, since no figure can be calculated with them."""


def dumps(value: object) -> bytes:
    """Encode a value of a JSON type, or of a type that `loads` returns."""
    try:
        return orjson.dumps(value, default=float)
    except orjson.JSONEncodeError:  # a whole number beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=float).encode(errors="replace")
