"""Columns in runs: what they hold is what one tuple would."""

import pickle
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async.kpis.result_sets.cells import Runs, plain
from adjust_async.kpis.result_sets.columns import read_level

PARTS: st.SearchStrategy[list[tuple[int, ...]]] = st.lists(
    st.lists(st.integers(0, 9), max_size=4).map(tuple), max_size=5
)


@given(PARTS, PARTS)
def test_runs_are_their_cells(parts: list[tuple[int, ...]], more: list[tuple[int, ...]]) -> None:
    """Length, order and places are those of the joined cells, also of runs of runs."""
    cells, runs = plain([*parts, *more]), Runs([Runs(parts), *more])
    assert tuple(runs) == cells
    assert len(runs) == len(cells)
    assert [runs[place] for place in range(-len(cells), len(cells))] == [*cells, *cells]
    assert runs[1:3] == cells[1:3]
    assert tuple(pickle.loads(pickle.dumps(runs))) == cells
    with pytest.raises(IndexError):
        runs[len(cells)]


def test_the_columns_of_slices_are_never_joined() -> None:
    """However many elements an answer has, no tuple is longer than a slice: the collector stops nobody for long."""
    slices: list[Any] = [
        read_level([{"date": f"2026-01-{day:02}", "kpi_values": [number]} for day in range(1, 29)], 1)
        for number in range(50)
    ]
    dates = read_level([{"token": "a", "dates": slices}], 1).below["dates"][1]
    assert dates.count == 50 * 28
    assert max(len(run) for column in (dates.own["date"], *dates.figures) for run in _runs(column)) == 28
    assert [one["kpi_values"] for one in dates.elements()] == [[number] for number in range(50) for _ in range(28)]


def _runs(column: Any) -> Any:
    assert isinstance(column, Runs)
    return column._runs
