"""JSON, by orjson in the event loop and by the standard library beside it."""

import json
import threading
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async._json import JSONDecodeError, loads, loads_beside

numbers = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(values, st.booleans())
def test_both_decode_alike(value: Any, ascii_only: bool) -> None:
    """A document says the same, whichever of the two decodes it, escaped or not."""
    document = json.dumps(value, ensure_ascii=ascii_only).encode(errors="replace")
    assert repr(loads_beside(document)) == repr(loads(document))


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
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b'["\\ud800"]',
        b'["\\uD800"]',
        b"01",
        b"[" * 100_000,
        b'{"a":1} {"b":2}',
    ],
)
def test_both_refuse_alike(document: bytes) -> None:
    """What is no JSON for one is none for the other, and the error is the same."""
    with pytest.raises(JSONDecodeError) as one:
        loads(document)
    with pytest.raises(JSONDecodeError) as other:
        loads_beside(document)
    assert str(other.value) == str(one.value)


def test_a_byte_order_mark_is_skipped() -> None:
    """Both read a document that begins with one."""
    assert loads_beside(b'\xef\xbb\xbf{"a": 1}') == loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_others_run_while_a_document_is_decoded_beside_them() -> None:
    """Another thread gets its turn in the middle of a large document, not only at its end."""
    document = b"[" + b",".join([b'{"day": "2026-11-01", "installs": 1}'] * 300_000) + b"]"
    began, ended = threading.Event(), threading.Event()

    def decode() -> None:
        began.set()
        loads_beside(document)
        ended.set()

    decoding = threading.Thread(target=decode)
    decoding.start()
    began.wait()
    steps = 0
    while not ended.is_set():
        ended.wait(0.001)
        steps += 1
    decoding.join()
    assert steps > 3
