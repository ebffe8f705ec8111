"""A report as JSON whose rows are nested below the values of its index."""

from collections.abc import Callable, Mapping
from typing import Any

from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.reports.dimensions import Dimension
from adjust_async.emulator.reports.formulas import Number
from adjust_async.emulator.reports.json_report import (
    RowWriter,
    dependencies_of,
    dimension_writers,
    find_totals,
    numbers_of,
)
from adjust_async.emulator.reports.options import ReportOptions
from adjust_async.emulator.reports.question import Question
from adjust_async.emulator.reports.refusals import missing
from adjust_async.emulator.reports.rows import Layout, Row, find_rows
from adjust_async.emulator.reports.sorting import finished_rows

Totals = Mapping[tuple[str, ...], Mapping[str, Number]]


async def make_pivot(facts: Facts, question: Question, options: ReportOptions) -> dict[str, Any]:
    """Return the document; an empty one for a report without rows. Raises a 400 `RefusalError` without an index."""
    if not question.index:
        raise missing(["index"])
    dependencies = dependencies_of(question) if question.with_dependencies else ()
    further = tuple(dimension for dimension in question.dimensions if dimension not in question.index)
    layout = Layout((*question.index, *further), question.needed_metrics, dependencies)
    rows = [row async for piece in finished_rows(facts, question, layout) for row in piece]
    if not rows:
        return {}
    totals: dict[tuple[str, ...], Mapping[str, Number]] = {}
    for depth in range(1, len(question.index) + 1):
        totals |= await _totals(facts, question, question.index[:depth])
    return {
        "rows": _Hanger(question, layout, totals, options).hang(rows),
        "totals": await find_totals(facts, question),
        "totals_per_dimension": {
            dimension.slug: {
                value: figures for (value,), figures in (await _totals(facts, question, (dimension,))).items()
            }
            for dimension in question.index
        },
        "warnings": list(question.warnings),
        "pagination": None,
    }


class _Hanger:
    """Nests rows below the values of the index, level by level."""

    def __init__(self, question: Question, layout: Layout, totals: Totals, options: ReportOptions) -> None:
        self._writers = dimension_writers(question, question.index)
        self._write_row = _row_writer(question, layout, numbers=options.pivot_numbers)
        self._totals = totals
        self._form = options.pivot_rows

    def hang(self, rows: list[Row], path: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """Nest rows that share the index values of `path`; groups are in the order of their first rows."""
        depth = len(path)
        below: dict[str, list[Row]] = {}
        for row in rows:
            below.setdefault(self._writers[depth](row.keys[depth]), []).append(row)
        hung: list[dict[str, Any]] = []
        for value, found in below.items():
            own = (*path, value)
            inner = [self._write_row(row) for row in found] if len(own) == len(self._writers) else self.hang(found, own)
            if self._form == "row":
                hung += [{value: row} for row in inner]
            elif self._form == "list":
                hung.append({value: inner})
            else:
                rest: dict[str, Any] = {"totals": self._totals[own], "warnings": [], "pagination": None}
                hung.append({value: {self._form: inner, **rest}})
        return hung


def _row_writer(question: Question, layout: Layout, *, numbers: bool) -> Callable[[Row], dict[str, Any]]:
    """Return a function that writes a row with the requested dimensions in their order."""
    places = [layout.dimensions.index(dimension) for dimension in question.dimensions]
    writer = RowWriter(
        question, Layout(question.dimensions, question.needed_metrics, layout.dependencies), numbers=numbers
    )
    return lambda row: writer.write(row._replace(keys=tuple(row.keys[place] for place in places)))


async def _totals(
    facts: Facts, question: Question, dimensions: tuple[Dimension, ...]
) -> dict[tuple[str, ...], Mapping[str, Number]]:
    """Return the figures of all values of the dimensions, computed from all facts, and not as sums over rows."""
    writers = dimension_writers(question, dimensions)
    layout = Layout(dimensions, question.metrics)
    return {
        tuple(write(key) for write, key in zip(writers, row.keys, strict=True)): numbers_of(question, row)
        async for piece in find_rows(facts, question, layout)
        for row in piece
    }
