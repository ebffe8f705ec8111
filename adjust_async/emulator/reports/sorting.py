"""Sorting, filtering and limiting of rows."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.reports.question import Question
from adjust_async.emulator.reports.rows import ROWS_OF_A_PIECE, Layout, Row, find_rows


@dataclass(frozen=True, slots=True)
class _Criterion:
    """Returns the cell of a row that it is sorted by."""

    place: int
    is_metric: bool
    write: Any

    def cell(self, row: Row) -> Any:
        if self.is_metric:
            return row.values[self.place]
        key = row.keys[self.place]
        return key if self.write is None else self.write(key)


async def finished_rows(facts: Facts, question: Question, layout: Layout) -> AsyncGenerator[list[Row], None]:
    """Yield the rows that pass the metric filters, in the requested order, up to the limit.

    They are yielded piece by piece, and are all in memory only if they must be sorted.
    """
    pieces = _sorted_rows(facts, question, layout) if question.sort else _kept_rows(facts, question, layout)
    left = question.limit
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece[:left]
            if left is not None:
                left -= min(left, len(piece))
                if not left:
                    return


async def _kept_rows(facts: Facts, question: Question, layout: Layout) -> AsyncGenerator[list[Row], None]:
    places = {metric.slug: place for place, metric in enumerate(layout.metrics)}
    tests = [(places[filter_.metric.slug], filter_.keeps) for filter_ in question.metric_filters]
    pieces = find_rows(facts, question, layout)
    async with aclosing(pieces):
        async for piece in pieces:
            kept = [row for row in piece if all(keeps(row.values[place]) for place, keeps in tests)]
            if kept:
                yield kept


async def _sorted_rows(facts: Facts, question: Question, layout: Layout) -> AsyncGenerator[list[Row], None]:
    rows = [row async for piece in _kept_rows(facts, question, layout) for row in piece]
    # Sorting is stable, so the most important criterion comes last.
    for slug, descending in reversed(question.sort):
        rows.sort(key=_criterion(layout, slug).cell, reverse=descending)
    for start in range(0, len(rows), ROWS_OF_A_PIECE):
        yield rows[start : start + ROWS_OF_A_PIECE]


def _criterion(layout: Layout, slug: str) -> _Criterion:
    """Return the criterion for a slug: metrics sort as numbers, dates by time, and other dimensions as text."""
    for place, dimension in enumerate(layout.dimensions):
        if dimension.slug == slug:
            return _Criterion(place, is_metric=False, write=None if dimension.unit else dimension.write)
    slugs: Sequence[str] = [metric.slug for metric in layout.metrics]
    return _Criterion(slugs.index(slug), is_metric=True, write=None)
