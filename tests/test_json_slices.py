"""Large documents, decoded slice by slice, with the values and errors of a document decoded as a whole."""

import gc
import json
import threading
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from adjust_async._json import JSONDecodeError, loads, loads_in_slices, loads_packing

#: What looks like the end of an object, of a text, or of neither.
WORDS = st.sampled_from(
    ["},{", '"', "\\", '\\"', '"},{"', "}", "{", "[", "]", "]},{", "😀", "\u20ac", " , ", "\n", "a", ":", '":']
)
TEXTS = st.lists(WORDS, max_size=4).map("".join)
NUMBERS = (
    st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e300, 0.1, -0.0])
)
CELLS = st.none() | st.booleans() | NUMBERS | TEXTS
OBJECTS: st.SearchStrategy[Any] = st.recursive(
    st.dictionaries(TEXTS, CELLS, max_size=3),
    lambda inner: st.dictionaries(TEXTS, CELLS | inner | st.lists(inner | CELLS, max_size=4), max_size=4),
    max_leaves=12,
)
DOCUMENTS = OBJECTS | st.lists(OBJECTS | st.lists(OBJECTS, max_size=3), max_size=4)

#: White space between the parts of a document.
SPACES = st.sampled_from(["", " ", "\t", "\n\n", " \r\n "])


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """Write a document, with white space anywhere, its texts escaped or not."""
    return _write(
        draw(DOCUMENTS), draw(st.lists(SPACES, min_size=1, max_size=3)), ascii_only=draw(st.booleans())
    ).encode()


def _write(value: Any, spaces: list[str], *, ascii_only: bool) -> str:
    def between(parts: list[str]) -> str:
        return "".join(part + spaces[(len(part) + number) % len(spaces)] for number, part in enumerate(parts))

    def text(inner: Any) -> str:
        return _write(inner, spaces, ascii_only=ascii_only)

    if isinstance(value, dict):
        return between(["{", *_apart([between([text(key), ":", text(inner)]) for key, inner in value.items()]), "}"])
    if isinstance(value, list):
        return between(["[", *_apart(list(map(text, value))), "]"])
    return json.dumps(value, ensure_ascii=ascii_only)


def _apart(parts: list[str]) -> list[str]:
    return [piece for part in parts for piece in (",", part)][1:]


@given(written(), st.integers(0, 60), st.booleans())
@example(b'[{"a":1},{"a":2}]', 0, False)
@example(b'{"rows":[{"a":"},{"},{"a":"\\\\"} , {"a":"\\""},{}]}', 0, False)
def test_slices_make_the_same_document(document: bytes, size: int, exact: bool) -> None:
    """Wherever it is cut, the values, their types and the order of the keys are those of a document decoded whole."""
    assert repr(loads_in_slices(document, exact=exact, size=size)) == repr(loads(document, exact=exact))


@given(written(), st.integers(0, 30), st.data())
def test_errors_are_those_of_the_whole(document: bytes, size: int, data: st.DataObject) -> None:
    """A document that was cut, or contains something else, is refused with the same message, or accepted by both."""
    place = data.draw(st.integers(0, len(document)))
    odd = data.draw(
        st.sampled_from([b"", b"}", b"{", b"]", b",", b'"', b"\\", b"NaN", b"1e999", b"\xff", b"},{", b'"a":1,'])
    )
    rest = data.draw(st.sampled_from([b"", document[place:]]))
    broken = document[:place] + odd + rest
    assert _outcome(loads_in_slices, broken, size=size) == _outcome(loads, broken)


def _outcome(decode: Any, document: bytes, **options: Any) -> str:
    try:
        return repr(decode(document, **options))
    except JSONDecodeError as error:
        return f"{type(error)}: {error}"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.lists(OBJECTS, max_size=4)), max_size=4), st.integers(0, 20))
def test_a_key_that_comes_twice_is_refused_across_slices(pairs: list[tuple[str, list[Any]]], size: int) -> None:
    """A key is found again however many slices lie between."""
    document = f"{{{','.join(f'{json.dumps(key)}:{json.dumps(value)}' for key, value in pairs)}}}".encode()
    assert _outcome(loads_in_slices, document, size=size) == _outcome(loads, document)


@pytest.mark.parametrize("depth", [10, 100, 260, 505, 900])
def test_any_depth_is_decoded_or_refused(depth: int) -> None:
    """A document that is nested deep is decoded alike, or refused alike."""
    document = b'{"a":[{"b":1},' * depth + b'{"b":2},{"b":3}' + b'],"c":[{},{}]}' * depth
    assert _outcome(loads_in_slices, document, size=20) == _outcome(loads, document)


@pytest.mark.parametrize("name", ["plain", '"},{"', "😀 },{"])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_slices_stay_small(name: str, separators: tuple[str, str]) -> None:
    """What looks like a cut inside of texts does not make the slices larger, so that others get their turn."""
    rows = [{"day": "2026-11-01", "campaign": name, "installs": str(number)} for number in range(2_000)]
    document = json.dumps({"rows": rows, "totals": {}}, separators=separators).encode()
    taken = []

    def pack(whole: Any, opened: int) -> None:
        assert not gc.isenabled()
        taken.append(len(whole["rows"]))
        if opened:
            whole["rows"].clear()

    loads_packing(document, pack, size=1_000)
    assert gc.isenabled()
    assert max(taken) < 60
    assert sum(taken) == len(rows)


def test_the_collector_is_left_as_it_was() -> None:
    """An invalid slice leaves the collector on. If the application has switched it off, it stays off."""
    with pytest.raises(ValueError, match="unexpected"):
        loads_packing(b"[{},{},x]", lambda whole, opened: None, size=1)
    assert gc.isenabled()
    gc.disable()
    try:
        assert loads_packing(b"[{},{},{}]", lambda whole, opened: None, size=1) == [{}, {}, {}]
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_large_text_takes_proportional_time() -> None:
    """A text that is full of places to cut takes time in proportion to its length."""
    document = json.dumps([{"a": "},{" * 200_000}, {"a": 1}]).encode()
    assert loads_in_slices(document, size=10) == loads(document)


def test_other_threads_run_while_a_document_is_decoded() -> None:
    """Another thread gets its turn in the middle of a large document, not only at its end."""
    document = b"[" + b",".join([b'{"day": "2026-11-01", "installs": 1}'] * 300_000) + b"]"
    began, ended = threading.Event(), threading.Event()

    def decode() -> None:
        began.set()
        loads_in_slices(document)
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
