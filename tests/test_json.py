"""JSON, decoded as a whole and slice by slice."""

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async._json import JSONDecodeError, RepeatedKeyError, dumps, loads, loads_in_slices

numbers = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


sliced = partial(loads_in_slices, size=1)
both = pytest.mark.parametrize("decode", [loads, sliced])


@both
@pytest.mark.parametrize("exact", [False, True])
def test_nan_and_infinities_have_no_value(decode: Callable[..., Any], exact: bool) -> None:
    """`NaN` and infinities are null, and the rest of the document is kept."""
    document = b'{"a": NaN, "b": [Infinity, -Infinity, 1.5], "c": "NaN \\u00e4"}'
    assert decode(document, exact=exact) == {"a": None, "b": [None, None, 1.5], "c": "NaN ä"}


@both
@pytest.mark.parametrize(
    "document",
    [
        b'{"a": 1, "a": 1}',
        b'{"a":1,"b":{"c":[{"d":1,"e":":","d":2}]}}',
        b'{"a" : 1, "b":2, "a"\n:3}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"a":1,"a":"\\u003a"}',
        b'{"a":"\\u003A","b":{"a":1,"a":"x"}}',
        b'{"":1,"":2}',
        b'\xef\xbb\xbf{"a": NaN, "a": 1}',
    ],
)
def test_a_key_that_comes_twice_is_refused(decode: Callable[..., Any], document: bytes) -> None:
    """A document with a repeated key is refused, because it is unknown which value is meant."""
    with pytest.raises(RepeatedKeyError, match="appears twice in one object"):
        decode(document)


@given(st.lists(st.tuples(st.text(max_size=3), values), max_size=4), st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_no_value_is_lost(pairs: list[tuple[str, Any]], ascii_only: bool, space: str) -> None:
    """A document has all of its keys or is refused, whatever its texts and white space are."""
    inside = (f"{json.dumps(key)}{space}:{space}{json.dumps(value, ensure_ascii=ascii_only)}" for key, value in pairs)
    document = f"[{{{','.join(inside)}}}]".encode(errors="replace")
    for decode in (loads, sliced):
        if len(dict(pairs)) == len(pairs):
            assert list(decode(document)[0]) == [key for key, _ in pairs]
        else:
            with pytest.raises(RepeatedKeyError):
                decode(document)


@both
@given(number=st.integers() | st.integers(2**62, 2**70) | st.integers(-(2**70), -(2**62)), exact=st.booleans())
def test_whole_numbers_are_exact(decode: Callable[..., Any], number: int, exact: bool) -> None:
    """Integers of any size keep every digit."""
    document = f'{{"a":{number},"b": [{number}, {number}\n]}}'.encode()
    assert decode(document, exact=exact) == {"a": number, "b": [number, number]}
    assert type(decode(document, exact=exact)["a"]) is int
    assert decode(str(number).encode(), exact=exact) == number


@both
@given(number=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_exact_decimals_keep_every_digit(decode: Callable[..., Any], number: Decimal) -> None:
    """With `exact`, a decoded number has the value of its text, as a float if that has the same value."""
    text = format(number, "f") if number.as_tuple().exponent != 0 else f"{number}.0"
    for document in (f"[{text}]", f'{{"a":"12345678901234567","b":[1,{text}]}}', f'{{"a": [ {text} ]}}'):
        decoded = decode(document.encode(), exact=True)
        while not isinstance(decoded, (int, float, Decimal)):
            decoded = decoded[-1] if isinstance(decoded, list) else list(decoded.values())[-1]
        assert Decimal(str(decoded)) == number
        assert type(decode(f"[{text}]".encode())[0]) in {float, int}


@both
def test_exponents_of_long_numbers(decode: Callable[..., Any]) -> None:
    """An exponent is part of the number."""
    assert decode(b"[12345678901234567e2]", exact=True) == [Decimal("12345678901234567e2")]
    assert decode(b"[1.2345678901234567890E-300, 5]", exact=True) == [Decimal("1.2345678901234567890E-300"), 5]


@both
@pytest.mark.parametrize(
    "pair", [b"\\ud83d\\ude00", b"\\uD83D\\uDE00", b"\\ud0a1", b"\\\\ud83d", b"\\\\\\ud83d\\ude00"]
)
def test_surrogate_pairs_are_characters(decode: Callable[..., Any], pair: bytes) -> None:
    """An emoji is one character."""
    expected = json.loads(b'"%b"' % pair)
    assert decode(b'{"a": ["%b"]}' % pair) == {"a": [expected]}


@given(st.recursive(values | st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=5))
def test_decoded_values_can_be_encoded(value: Any) -> None:
    """Integers beyond 64 bits and decimals are decoded, too."""
    document = json.dumps({"a": value}).encode()
    assert json.loads(dumps(loads(document, exact=True))) == json.loads(document)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b'{"a":',
        b"[1,]",
        b"<html>",
        b"\xff\xfe",
        b'"\xe4"',
        b"nan",
        b"[+Infinity]",
        b"[-NaN]",
        b'["\\ud800"]',
        b'["\\uD800"]',
        b"01",
        b"[" * 100_000,
        b'{"a":1} {"b":2}',
    ],
)
def test_invalid_json_is_refused(document: bytes) -> None:
    """Both refuse it, with the same error."""
    with pytest.raises(JSONDecodeError) as one:
        loads(document)
    with pytest.raises(JSONDecodeError) as other:
        sliced(document)
    assert str(other.value) == str(one.value)


@both
def test_a_byte_order_mark_is_skipped(decode: Callable[..., Any]) -> None:
    """One byte order mark is skipped, and a second one is refused."""
    document = b'{"a": [{}, {}, {}]}'
    assert decode(b"\xef\xbb\xbf" + document) == decode(document)
    with pytest.raises(JSONDecodeError):
        decode(b"\xef\xbb\xbf\xef\xbb\xbf" + document)
