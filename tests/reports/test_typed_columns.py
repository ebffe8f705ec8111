"""Columns cast as a whole: the very values and types that the cells have one by one."""

from typing import Any

import pyarrow
import pytest
from hypothesis import example, given, strategies as st

from adjust_async.errors import DecodeError
from adjust_async.reports.cells import dimension_kind, metric_kind, reader
from adjust_async.reports.typed_columns import typed_array
from adjust_async.tables import Column, arrow_array

NUMBERS = st.integers(-(2**70), 2**70).map(str) | st.floats().map(str) | st.from_regex(r"\A-?[0-9]*\.?[0-9]*\Z")
ODD = st.sampled_from(
    ["", "nan", "inf", "-inf", "0x1F", "+1", " 1", "1 ", "1_0", "1e5", "1e-400", "9" * 400, "-", ".", "1.", ".5", "--1",
     "1-2", "1.2.3", "007", "-0", "٧", "unknown", "9223372036854775808", "9007199254740993", "true"]
)  # fmt: skip
DAYS = st.dates().map(str) | st.sampled_from(
    ["", "0000-01-01", "2026-02-30", "2026-1-1", "2026-01-01T00:00:00", "2026-01-01\n", "unknown"]
)


def one_by_one(name: str, cells: list[Any], *, metric: bool) -> Any:
    """Make the array of cells that were read one by one."""
    read = [reader(name, metric=metric, exact=False)(cell) for cell in cells]
    types = {type(cell) for cell in read} - {type(None)}
    kind = metric_kind(name, types) if metric else dimension_kind(name, types)
    return arrow_array(Column(name, kind), read)


def check(name: str, cells: list[Any], *, metric: bool) -> None:
    """Check that both ways have the same result."""
    try:
        expected = one_by_one(name, cells, metric=metric)
    except DecodeError:
        with pytest.raises(DecodeError):
            typed_array(name, cells, metric=metric)
        return
    got = typed_array(name, cells, metric=metric)
    assert got.type == expected.type
    assert repr(got.to_pylist()) == repr(expected.to_pylist())


@given(
    st.sampled_from(["installs", "cost", "x_new"]), st.lists(NUMBERS | st.none(), max_size=4), st.lists(ODD, max_size=1)
)
@example("installs", ["1", "9223372036854775808"], [])
@example("installs", ["9007199254740993", "0.5"], [])
@example("cost", ["9007199254740993"], [])
@example("cost", ["-0", "0.5"], [])
@example("cost", ["1." + "0" * 400, "9" * 400 + ".0"], [])
def test_metrics_follow_their_texts(name: str, cells: list[Any], odd: list[str]) -> None:
    """Counts, fractions, blanks and words, whatever Arrow's own cast would make of them."""
    check(name, [*cells, *odd], metric=True)


@given(st.sampled_from(["installs", "cost"]), st.lists(st.none() | st.integers(0, 9) | st.floats(0, 9) | st.just("5")))
def test_numbers_among_texts_are_read_too(name: str, cells: list[Any]) -> None:
    """A metric that was sent as a number is read too."""
    check(name, cells, metric=True)


@given(st.sampled_from(["day", "hour", "app"]), st.lists(DAYS | st.none() | st.just(5), max_size=4))
def test_dimensions_equal_those_read_one_by_one(name: str, cells: list[Any]) -> None:
    """Days and hours become dates if all of them are. IDs stay text."""
    check(name, cells, metric=False)


def test_an_empty_column_has_a_type() -> None:
    """Without a cell the name decides."""
    types = [typed_array(name, [], metric=metric).type for name, metric in
             [("day", False), ("app", False), ("installs", True), ("cost", True)]]  # fmt: skip
    assert types == [pyarrow.date32(), pyarrow.string(), pyarrow.int64(), pyarrow.float64()]
