"""A report as JSON: rows of texts, and totals of numbers."""

from collections.abc import Callable, Sequence
from typing import Any

from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.reports.dimensions import Dependency, Dimension
from adjust_async.emulator.reports.formulas import Number
from adjust_async.emulator.reports.question import Question
from adjust_async.emulator.reports.rows import Layout, Row, find_rows
from adjust_async.emulator.reports.sorting import finished_rows
from adjust_async.emulator.reports.texts import write_number


async def make_document(facts: Facts, question: Question) -> dict[str, Any]:
    """Return the document; an empty one for a report without rows."""
    dependencies = dependencies_of(question) if question.with_dependencies else ()
    layout = Layout(question.dimensions, question.needed_metrics, dependencies)
    rows = [row async for piece in finished_rows(facts, question, layout) for row in piece]
    if not rows:
        return {}
    writer = RowWriter(question, layout)
    return {
        "rows": [writer.write(row) for row in rows],
        "totals": await find_totals(facts, question),
        "warnings": list(question.warnings),
        "pagination": None,
    }


async def find_totals(facts: Facts, question: Question) -> dict[str, Number]:
    """Return the totals of a report that has rows, computed from all its facts, and not as sums over rows."""
    pieces = find_rows(facts, question, Layout((), question.metrics))
    ((row,),) = [piece async for piece in pieces]
    return numbers_of(question, row)


def numbers_of(question: Question, row: Row) -> dict[str, Number]:
    """Return the values of a row by metric."""
    return {metric.slug: value for metric, value in zip(question.metrics, row.values, strict=False)}


def dependencies_of(question: Question) -> tuple[Dependency, ...]:
    """Return what `attr_dependency` needs in addition to the dimensions."""
    found = (dimension.dependency for dimension in question.dimensions)
    return tuple(dict.fromkeys(dependency for dependency in found if dependency is not None))


class RowWriter:
    """Converts rows into JSON objects."""

    def __init__(self, question: Question, layout: Layout, *, numbers: bool = False) -> None:
        self._layout = layout
        self._write_value: Callable[[Number], Number | str] = _as_it_is if numbers else write_number
        self._with_dependencies = question.with_dependencies
        self._slugs = [metric.slug for metric in question.metrics]
        self._dimensions = [
            (dimension.slug, writer)
            for dimension, writer in zip(layout.dimensions, dimension_writers(question, layout.dimensions), strict=True)
        ]

    def write(self, row: Row) -> dict[str, Any]:
        """Return a row as an object: `attr_dependency`, the dimensions in the requested order, then the metrics."""
        written: dict[str, Any] = {"attr_dependency": self._dependency(row)} if self._with_dependencies else {}
        for (slug, write), key in zip(self._dimensions, row.keys, strict=True):
            written[slug] = write(key)
        for slug, value in zip(self._slugs, row.values, strict=False):
            written[slug] = self._write_value(value)
        return written

    def _dependency(self, row: Row) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for dependency, joined in zip(self._layout.dependencies, row.depended, strict=True):
            written |= dependency.write(joined)
        return written


def _as_it_is(value: Number) -> Number:
    return value


def dimension_writers(question: Question, dimensions: Sequence[Dimension]) -> list[Callable[[Any], str]]:
    """Return functions that write the values of dimensions, with a cache for each."""
    return [_remembering(dimension.writer(iso_dates=question.iso_dates)) for dimension in dimensions]


def _remembering(write: Callable[[Any], str]) -> Callable[[Any], str]:
    known: dict[Any, str] = {}

    def written(key: Any) -> str:
        if key not in known:
            known[key] = write(key)
        return known[key]

    return written
