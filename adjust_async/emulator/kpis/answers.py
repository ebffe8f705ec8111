"""Computes the figures of a query: one leaf for each combination of elements that has any."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.facts.store import LAST_DAY, Facts, date_of, day_number
from adjust_async.emulator.kpis.catalog import Report
from adjust_async.emulator.kpis.cohort_periods import COLUMNS, period_rows
from adjust_async.emulator.kpis.elements import Element, Elements
from adjust_async.emulator.kpis.formulas import Evaluate, Value
from adjust_async.emulator.kpis.groupings import APPS, DAY, HOUR, MONTH, WEEK, Grouping
from adjust_async.emulator.kpis.query import Query
from adjust_async.emulator.kpis.selection import Selection


class Leaf(NamedTuple):
    """An element of every level, outermost first, and the values of the KPIs."""

    elements: list[Element]
    values: list[Value]


@dataclass(frozen=True, slots=True)
class Answer:
    """The leaves in order, and the entries of `result_parameters` for trackers and events."""

    query: Query
    leaves: list[Leaf]
    trackers: list[dict[str, Any]]
    events: list[dict[str, Any]]


def answer_query(facts: Facts, query: Query) -> Answer:
    """Compute the figures, app by app."""
    leaves: list[Leaf] = []
    trackers: dict[str, dict[str, Any]] = {}
    events = _events_of_columns(query)
    for place, app in enumerate(query.apps):
        elements = Elements(facts, app)
        leaves += _leaves(facts, query, app, elements, place)
        trackers |= elements.trackers
        events |= elements.events
    if len(query.apps) > 1 and query.levels[0] != APPS:
        leaves.sort(key=lambda leaf: [element.key for element in leaf.elements])
    return Answer(query, leaves, list(trackers.values()), list(events.values()))


def _events_of_columns(query: Query) -> dict[str, dict[str, Any]]:
    asked = {column.event_token for column in query.columns}
    return {
        event.token: {"name": event.name, "token": event.token}
        for app in query.apps
        for event in app.events
        if event.token in asked
    }


def _leaves(facts: Facts, query: Query, app: App, elements: Elements, place: int) -> list[Leaf]:
    # A day at an offset begins or ends on the day before or after.
    facts.complete(app, day_number(query.first) - 1, min(day_number(query.last) + 1, _last_day(query)))
    columns = [level for level in query.levels if level is not APPS]
    formulas = [column.formula_for(app) for column in query.columns]
    measures = list(dict.fromkeys(measure for formula in formulas if formula for measure in formula.measures))
    positions = {measure: len(columns) + number for number, measure in enumerate(measures)}
    evaluate: list[Evaluate] = [formula.bind(positions, app) if formula else _no_value for formula in formulas]
    describe = [elements.of(level) for level in columns]
    count_days, app_place = _day_counter(query, columns), query.levels.index(APPS) if APPS in query.levels else None
    leaves = []
    for row in facts.read(*_statement(query, app, columns, measures)):
        path = [element(key) for element, key in zip(describe, row, strict=False)]
        if app_place is not None:
            path.insert(app_place, elements.app(place))
        days = count_days(row)
        leaves.append(Leaf(path, [function(row, days) for function in evaluate]))
    return leaves


def _statement(query: Query, app: App, columns: list[Grouping], measures: list[str]) -> tuple[str, Mapping[str, Any]]:
    selection = Selection(query, app)
    parameters = selection.parameters
    attributed = "first_tracker_id" if query.attribution_source == "first" else "tracker_id"
    prefix, tables, condition = "", f"facts JOIN lineages ON lineages.tracker_id = facts.{attributed}", selection.sql
    keys = [level.sql or "" for level in columns]
    if any("trackers." in key for key in keys):
        tables += " JOIN trackers ON trackers.id = lineages.tracker_id"
    if query.report is Report.COHORTS:
        rows = ", ".join(str(row) for row in period_rows(query.period))
        prefix = f"WITH periods ({', '.join(COLUMNS)}) AS (VALUES {rows}) "
        tables += " JOIN periods"
        # A period counts only for users for whom it has begun.
        condition += f" AND age <= :today - {DAY.sql}"
        parameters["today"] = day_number(query.today)
    # Always grouped, so that an app without facts has no row, instead of one without figures.
    places = ", ".join(str(number + 1) for number in range(len(keys))) or "facts.app_id"
    grouped = f" GROUP BY {places} ORDER BY {places}"
    sums = [f"sum({measure})" for measure in measures] or ["0"]
    statement = f"{prefix}SELECT {', '.join([*keys, *sums])} FROM {tables} WHERE {condition}{grouped}"  # noqa: S608 # of this package's SQL
    return statement, parameters


def _no_value(_sums: object, _days: int) -> Value:
    return None


def _last_day(query: Query) -> int:
    return day_number(max(LAST_DAY, query.today))


def _day_counter(query: Query, columns: list[Grouping]) -> Callable[[tuple[Any, ...]], int]:
    """Return a function that counts the days of an element."""
    first, last = day_number(query.first), day_number(query.last)
    place = next((place for place, level in enumerate(columns) if level.key == "dates"), None)
    if place is None:
        total = last - first + 1
        return lambda _: total
    level = columns[place]
    if level in (HOUR, DAY):
        return lambda _: 1
    length: Callable[[int], int] = {WEEK: lambda _: 7, MONTH: _days_of_month}[level]

    def count(row: tuple[Any, ...]) -> int:
        start: int = row[place]
        return min(last, start + length(start) - 1) - max(first, start) + 1

    return count


def _days_of_month(first: int) -> int:
    return day_number((date_of(first) + timedelta(days=32)).replace(day=1)) - first
