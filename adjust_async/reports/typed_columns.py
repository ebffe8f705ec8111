"""Convert the Report Service's columns of text into typed Arrow arrays, as a whole if every cell allows it."""

from collections.abc import Sequence
from typing import Any

from adjust_async.reports.cells import dimension_kind, metric_kind, reader
from adjust_async.tables import Column, arrow_array, arrow_type, import_pyarrow

__all__ = ["typed_array"]


def typed_array(name: str, cells: Sequence[Any], *, metric: bool) -> Any:
    """Return a column as an array, with the same values and type as if its cells were read one by one.

    Raises:
        DecodeError: A number is too large.
    """
    array = _cast(name, cells, metric=metric)
    if array is not None:
        return array
    read = list(map(reader(name, metric=metric, exact=False), cells))
    types = set(map(type, read)) - {type(None)}
    kind = metric_kind(name, types) if metric else dimension_kind(name, types)
    return arrow_array(Column(name, kind), read)


def _cast(name: str, cells: Sequence[Any], *, metric: bool) -> Any:
    """Cast a column as a whole; `None` if a cell is not text, or Arrow may read it differently."""
    pyarrow = import_pyarrow()
    if not metric and name == "hour":
        return None
    try:
        texts = pyarrow.array(cells, pyarrow.string())
        if metric:
            return _numbers(name, _without_blanks(texts))
        return _days(_without_blanks(texts)) if name == "day" else texts
    except (pyarrow.ArrowException, UnicodeEncodeError):
        return None


def _without_blanks(texts: Any) -> Any:
    pyarrow = import_pyarrow()
    from pyarrow import compute

    if compute.min(compute.binary_length(texts)).as_py() != 0:
        return texts
    return compute.if_else(compute.equal(texts, ""), pyarrow.scalar(None, pyarrow.string()), texts)


def _numbers(name: str, texts: Any) -> Any:
    from pyarrow import compute

    characters = _characters(texts)
    # Arrow also parses words such as "nan", and hexadecimal digits.
    if characters.translate(None, b"0123456789-."):
        return None
    types: set[type] = set() if texts.null_count == len(texts) else {float} if b"." in characters else {int}
    kind = metric_kind(name, types)
    # Arrow parses "-0" as -0.0, but it is the integer 0.
    if b"-0" in characters and compute.any(compute.match_substring_regex(texts, "^-0+$")).as_py():
        return None
    numbers = texts.cast(arrow_type(kind, at_utc=False))
    if kind == "number" and not compute.all(compute.is_finite(numbers)).as_py() and types:
        return None
    return numbers


def _characters(texts: Any) -> bytes:
    """Return all texts of an array as one, since searching it once is faster than searching each text."""
    chunks = getattr(texts, "chunks", [texts])  # more than two gigabytes are a chunked array
    # An array may be a part of its buffer.
    buffers = [(chunk.buffers()[2] if len(chunk) else None) for chunk in chunks]
    return b"".join(buffer.to_pybytes() for buffer in buffers if buffer is not None)


def _days(texts: Any) -> Any:
    from pyarrow import compute

    # The cast accepts no other form of a day. Python has no year 0.
    if compute.any(compute.starts_with(texts, "0000")).as_py():
        return None
    return texts.cast(arrow_type("date", at_utc=False))
