"""The order of the rows, and which of them a report keeps."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.reports.question import Question
from adjust_async.emulator.reports.rows import ROWS_OF_A_PIECE, Layout, Row, find_rows


@dataclass(frozen=True, slots=True)
class _Criterion:
    """Takes the cell of a row by which it is sorted."""

    place: int
    is_metric: bool
    write: Any

    def cell(self, row: Row) -> Any:
        if self.is_metric:
            return row.values[self.place]
        key = row.keys[self.place]
        return key if self.write is None else self.write(key)


async def finished_rows(facts: Facts, question: Question, layout: Layout) -> AsyncGenerator[list[Row], None]:
    """Find the rows that the filters by metric leave, in the order asked for, up to the limit.

    They come piece by piece, and are held together only where they have to be sorted.
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
    # Sorting is stable, so that the criterion that counts most comes last.
    for slug, descending in reversed(question.sort):
        rows.sort(key=_criterion(layout, slug).cell, reverse=descending)
    for start in range(0, len(rows), ROWS_OF_A_PIECE):
        yield rows[start : start + ROWS_OF_A_PIECE]


def _criterion(layout: Layout, slug: str) -> _Criterion:
    """Sort by metrics as numbers, by dates in the order of time, and by other dimensions as texts."""
    for place, dimension in enumerate(layout.dimensions):
        if dimension.slug == slug:
            return _Criterion(place, is_metric=False, write=None if dimension.unit else dimension.write)
    slugs: Sequence[str] = [metric.slug for metric in layout.metrics]
    return _Criterion(slugs.index(slug), is_metric=True, write=None)
