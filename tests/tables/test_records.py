"""Dictionaries stored by column are read back unchanged."""

import pickle
from typing import Any

from hypothesis import given, strategies as st

from adjust_async.tables import Records

KEYS = st.sampled_from(["day", "app", "installs", "cost"])
CELLS = st.none() | st.text(max_size=3) | st.integers() | st.lists(st.text(max_size=1), max_size=2)
ROWS = st.lists(st.dictionaries(KEYS, CELLS), max_size=6)


@given(ROWS)
def test_rows_are_read_back_unchanged(rows: list[dict[str, Any]]) -> None:
    """Every dictionary keeps its own keys, even if empty or ragged, and after pickling."""
    records = Records.of(rows)
    for found in (records, pickle.loads(pickle.dumps(records))):
        assert list(found) == rows
        assert len(found) == len(rows)
        assert bool(found) == bool(rows)
        assert found == Records.of(rows)


@given(ROWS, ROWS)
def test_records_are_equal_if_their_rows_are(some: list[dict[str, Any]], others: list[dict[str, Any]]) -> None:
    """Equality compares the rows, whatever their layout."""
    assert (Records.of(some) == Records.of(others)) == (some == others)


@given(ROWS, KEYS)
def test_a_key_is_left_out_or_set_for_all(rows: list[dict[str, Any]], key: str) -> None:
    """Removing a key and setting it applies to every row, and the earlier records are unchanged."""
    records = Records.of(rows)
    assert list(records.without(key)) == [{k: v for k, v in row.items() if k != key} for row in rows]
    assert list(records.with_constant(key, "x")) == [{**row, key: "x"} for row in rows]
    assert list(records) == rows
    assert list(records.column(key)) == [row.get(key) for row in rows]


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_runs_are_joined_in_order(runs: list[list[dict[str, Any]]]) -> None:
    """Joined runs hold all of their rows, whatever their layout."""
    joined = Records.joined(list(map(Records.of, runs)))
    rows = [row for run in runs for row in run]
    assert list(joined) == rows
    assert set(joined.keys) == {key for row in rows for key in row}
    assert all(list(joined.column(key)) == [row.get(key) for row in rows] for key in joined.keys)
