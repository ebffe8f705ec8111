"""A question as SQL over the facts of all its apps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from adjust_async.emulator.facts.store import day_number
from adjust_async.emulator.reports.dimensions import TABLES
from adjust_async.emulator.reports.question import Question

_ATTRIBUTED = {"dynamic": "tracker_id", "first": "first_tracker_id"}


@dataclass(frozen=True, slots=True)
class Statement:
    """A query for rows, whose columns are the keys that group them, and aggregates."""

    sql: str
    parameters: dict[str, Any]


def write_statement(
    question: Question, keys: Sequence[str], aggregates: Sequence[str], hours: tuple[int, int]
) -> Statement:
    """Return the query over the facts from the first of these hours (UTC, since 1970) up to, but excluding, the second.

    Rows are sorted by their keys. Without keys there is one row, or none if there are no facts.
    """
    conditions, parameters = _conditions(question)
    parameters |= {
        "first_hour": hours[0],
        "end_hour": hours[1],
        "offset": question.clock.offset,
        "today": day_number(question.today),
    }
    columns = [*keys, *aggregates] or ["1"]
    where = question.clock.sql(" AND ".join(conditions))
    tables = _tables(question, [*columns, where])
    # Always grouped, so that no facts result in no row, instead of one without figures.
    places = ", ".join(str(number + 1) for number in range(len(keys))) or "NULL"
    grouped = f" GROUP BY {places} ORDER BY {places}"
    sql = f"SELECT {', '.join(columns)} FROM {tables} WHERE {where}{grouped}"  # noqa: S608 # of this package's SQL
    return Statement(sql, parameters)


def _conditions(question: Question) -> tuple[list[str], dict[str, Any]]:
    parameters: dict[str, Any] = {}
    apps = ", ".join(str(app.id) for app in question.apps)
    conditions = [
        f"facts.app_id IN ({apps})",
        "hour >= :first_hour",
        "hour < :end_hour",
        f"sandbox = {int(question.sandbox)}",
    ]
    if question.attribution_types:
        kinds = ", ".join(str(int(kind == "impression")) for kind in question.attribution_types if kind != "engaged_ad")
        conditions.append(f"by_impression IN ({kinds})")
    if question.reattributed is not None:
        conditions.append(f"reattributed = {int(question.reattributed)}")
    if question.os_names:
        parameters |= {f"os_name_{number}": name for number, name in enumerate(question.os_names)}
        conditions.append(f"os_name IN ({', '.join(f':{name}' for name in parameters)})")
    if question.hours is not None:
        conditions.append("(hour * 60 + :offset) / 60 % 24 BETWEEN {} AND {}".format(*question.hours))
    for number, filter_ in enumerate(question.filters):
        condition, values = filter_.condition(f"filter_{number}")
        conditions.append(condition)
        parameters |= values
    return conditions, parameters


def _tables(question: Question, expressions: Iterable[str]) -> str:
    """Return the joined tables: the facts, those that the expressions need, and those that these need in turn."""
    text = " ".join(expressions)
    joins = []
    for table, join in reversed(TABLES.items()):
        if f"{table}." in text:
            joins.append(join)
            text += join
    joins.append("facts")
    return " ".join(reversed(joins)).format(attributed=_ATTRIBUTED[question.attribution_source])
