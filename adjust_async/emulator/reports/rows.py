"""Finds the rows of a report piece by piece, which bounds memory and never blocks the event loop for long."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

from adjust_async.emulator.facts.drawing import HOURS_OF_A_DAY
from adjust_async.emulator.facts.store import FIRST_DAY, LAST_DAY, Facts, date_of, day_number
from adjust_async.emulator.reports.calendar import UNITS, TimeUnit
from adjust_async.emulator.reports.dimensions import Dependency, Dimension
from adjust_async.emulator.reports.formulas import Number
from adjust_async.emulator.reports.metrics import Metric
from adjust_async.emulator.reports.question import Question
from adjust_async.emulator.reports.statement import write_statement

ROWS_OF_A_PIECE = 1000
_FIRST_UNIT = day_number(FIRST_DAY.replace(year=FIRST_DAY.year - 1))
"""No unit with facts begins before this day."""
_FACTS_OF_A_SLICE = 20_000
"""The number of facts that are grouped without yielding to other tasks, if a report by hours can be cut there."""


class Row(NamedTuple):
    """A row: the keys of its dimensions, its values, and the data for `attr_dependency`."""

    keys: tuple[Any, ...]
    values: list[Number]
    depended: tuple[Any, ...]


class _Slice(NamedTuple):
    """A span of time that no row crosses: hours since 1970 in UTC, and the number of days of each row."""

    first_hour: int
    end_hour: int
    days: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of a row; `dependencies` are added to dimensions and metrics."""

    dimensions: tuple[Dimension, ...]
    metrics: tuple[Metric, ...]
    dependencies: tuple[Dependency, ...] = ()

    @property
    def unit(self) -> TimeUnit | None:
        """The shortest unit of time among the dimensions; None without one."""
        units = {dimension.unit.slug: dimension.unit for dimension in self.dimensions if dimension.unit is not None}
        return next((units[slug] for slug in UNITS if slug in units), None)


async def find_rows(facts: Facts, question: Question, layout: Layout) -> AsyncGenerator[list[Row], None]:
    """Yield the rows, sorted by time and then by dimensions. Other tasks run between pieces."""
    if not question.apps:
        return
    keys = [question.clock.sql(dimension.sql) for dimension in layout.dimensions]
    depended = [dependency.sql for dependency in layout.dependencies]
    aggregates = list(dict.fromkeys(name for metric in layout.metrics for name in metric.formula.aggregates))
    positions = {aggregate: place for place, aggregate in enumerate(aggregates)}
    evaluate = [metric.formula.bind(positions, question.currency) for metric in layout.metrics]
    places = len(keys), len(keys) + len(depended)
    for slice_ in _slices(facts, question, layout.unit):
        await _complete(facts, question, slice_)
        statement = write_statement(question, keys, [*depended, *aggregates], (slice_.first_hour, slice_.end_hour))
        with closing(facts.cursor(statement.sql, statement.parameters)) as cursor:
            while piece := cursor.fetchmany(ROWS_OF_A_PIECE):
                yield [_row(columns, places, evaluate, slice_.days) for columns in piece]
                await asyncio.sleep(0)


def _row(columns: tuple[Any, ...], places: tuple[int, int], evaluate: Sequence[Any], days: int) -> Row:
    first, second = places
    sums = columns[second:]
    return Row(columns[:first], [function(sums, days) for function in evaluate], columns[first:second])


def _slices(facts: Facts, question: Question, unit: TimeUnit | None) -> Iterator[_Slice]:
    """Cut the time of a query at the ends of its unit, without times that have no facts."""
    first, last = day_number(question.first), day_number(question.last)
    # At an offset a day begins or ends on the day before or after.
    earliest, latest = day_number(FIRST_DAY) - 1, day_number(max(LAST_DAY, question.today)) + 1
    if unit is None:
        # Only existing facts, but for the number of days that was requested.
        hours = question.clock.hours(date_of(max(first, earliest)), date_of(min(last, latest)))
        yield _Slice(*hours, last - first + 1)
        return
    day = max(first, _FIRST_UNIT)
    while day <= min(last, latest):
        end = min(unit.last_day(day), last)
        if end >= earliest:
            hours = question.clock.hours(date_of(day), date_of(min(end, latest)))
            yield from _cut(facts, question, hours, unit, end - day + 1)
        day = end + 1


def _cut(facts: Facts, question: Question, hours: tuple[int, int], unit: TimeUnit, days: int) -> Iterator[_Slice]:
    """Cut a busy day of a report by hours into its hours."""
    busy = facts.facts_per_day * len(question.apps) > _FACTS_OF_A_SLICE
    step = 1 if unit.slug == "hour" and busy else hours[1] - hours[0]
    for hour in range(hours[0], hours[1], step):
        yield _Slice(hour, hour + step, days)


async def _complete(facts: Facts, question: Question, slice_: _Slice) -> None:
    """Generate missing facts."""
    latest = day_number(max(LAST_DAY, question.today))
    first = max(slice_.first_hour // HOURS_OF_A_DAY, day_number(FIRST_DAY))
    last = min((slice_.end_hour - 1) // HOURS_OF_A_DAY, latest)
    for day in range(first, last + 1):
        for app in question.apps:
            if facts.complete(app, day, day):
                await asyncio.sleep(0)
