"""Figures prepared for drawing: which columns identify rows, which is the time, and which are measures."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, Self

import attrs

from adjust_async import Table
from adjust_async.cli.terminal import format_cell

__all__ = ["Figures", "Measure", "period_number"]

_TIMES = ("hour", "day", "date", "week", "month", "quarter", "year")
_COHORT = re.compile(r"(?P<base>.+)_(?P<unit>[dwm])(?P<period>[0-9]+)")
_UNITS = {"d": "day", "w": "week", "m": "month"}


class Measure(NamedTuple):
    """A measured column.

    Attributes:
        column: Its name.
        base: The name without the period, which is part of the names of cohort metrics.
        period: The number of days, weeks or months; `None` if it is not a cohort metric.
        unit: `day`, `week` or `month`.
    """

    column: str
    base: str
    period: int | None = None
    unit: str | None = None


@attrs.frozen
class Figures:
    """Rows with the roles of their columns.

    Attributes:
        rows: The rows.
        time: The column of the date or time; `None` without one.
        period: The column of the time since the install; `None` without one.
        keys: The other columns that identify rows, except those in `constants`.
        constants: The columns that have the same value in all rows, with that value.
        measures: The measured columns.
        unit: The unit of periods: `day`, `week` or `month`.
    """

    rows: Sequence[Mapping[str, Any]]
    time: str | None
    period: str | None
    keys: Sequence[str]
    constants: Mapping[str, Any]
    measures: Sequence[Measure]
    unit: str = "day"

    @classmethod
    def of(cls, table: Table, *, unit: str = "day") -> Self:
        """Return the figures of a table. `unit` is the unit of periods if no column has it."""
        rows = list(table.rows())
        kinds = {column.name: column.kind for column in table.schema}
        period = next((name for name in kinds if name == "period"), None)
        measures = [
            _measure(name) for name, kind in kinds.items() if kind in {"integer", "number"} and name not in _PERIODS
        ]
        measured = {measure.column for measure in measures}
        dimensions = [name for name in kinds if name not in {*measured, *_PERIODS}]
        time = next((name for name in _TIMES if name in dimensions), None)
        named = {f"{name.removesuffix('_name')}_token" for name in dimensions if name.endswith("_name")}
        if "app" in dimensions:
            named.add("app_token")
        values = {name: {_hashable(row.get(name)) for row in rows} for name in dimensions}
        constants = {name: rows[0].get(name) for name in dimensions if len(values[name]) == 1 and name != time}
        # Names may be missing, or be the same for two tokens.
        named -= {name for name in named - constants.keys() if name in dimensions and not _tell_apart(rows, name)}
        if "app_token" in dimensions:
            named.add("currency")  # each app has one currency
        keys = [name for name in dimensions if name not in {time, *named, *constants}]
        unit = next((str(row["period_unit"]) for row in rows if row.get("period_unit")), unit)
        return cls(rows, time, period, keys, constants, measures, unit)

    def label(self, row: Mapping[str, Any]) -> str:
        """Return the label of a row, from all keys but time and period."""
        return " · ".join(format_cell(name, row.get(name)) or "none" for name in self.keys)

    def heading(self) -> str:
        """Return the values that all rows have in common, for a title."""
        hidden = {name for name in self.constants if name.endswith("_token") or name == "currency"}
        names = [name for name in self.constants if name not in hidden]
        return ", ".join(text for name in names if (text := format_cell(name, self.constants[name])))

    @property
    def currency(self) -> str:
        """The currency of money if the rows have it, otherwise an empty text."""
        found = {str(row["currency"]) for row in self.rows if row.get("currency")}
        return ", ".join(sorted(found))


_PERIODS = ("period", "period_unit")


def period_number(value: Any) -> int:
    """Return a period as a number: `"7"`, `7` and `"d7"` are 7."""
    digits = re.search("[0-9]+", str(value))
    return int(digits[0]) if digits else 0


def _measure(column: str) -> Measure:
    if found := _COHORT.fullmatch(column):
        return Measure(column, found["base"], int(found["period"]), _UNITS[found["unit"]])
    return Measure(column, column)


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, (list, dict)) else value


def _tell_apart(rows: Iterable[Mapping[str, Any]], token: str) -> bool:
    """Return whether the names that belong to a token column identify as many rows as the tokens do."""
    name = "app" if token == "app_token" else f"{token.removesuffix('_token')}_name"  # noqa: S105 - a column
    pairs = {(row.get(token), row.get(name, row.get(f"{token.removesuffix('_token')}_name"))) for row in rows}
    names = {found for _, found in pairs}
    return len(names) == len(pairs) and None not in names


def moment(value: Any) -> date | datetime | None:
    """Return the date of a row if its text begins with one: reports write weeks and months as text."""
    if isinstance(value, date):
        return value
    found = re.match(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?", str(value))
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3] or 1))
    except ValueError:
        return None
