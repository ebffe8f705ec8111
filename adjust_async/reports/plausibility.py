"""Check that rows are within the requested days and apps, and that nothing seems to be missing."""

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from adjust_async._figures.kinds import moment_or_text
from adjust_async._figures.windows import Period
from adjust_async.errors import MalformedError
from adjust_async.reports.cells import reader
from adjust_async.reports.document import ReportPart
from adjust_async.reports.parameters import column_name
from adjust_async.reports.question import ReportQuestion

__all__ = ["RecordChecks", "check_windows", "warnings_of"]

#: Numbers of rows at which reports of some accounts are cut off silently.
_CAPS: Final = frozenset((1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000))


def warnings_of(part: ReportPart, question: ReportQuestion, window: Period | str) -> list[str]:
    """Return warnings about unexpected rows of an answer.

    Args:
        part: The answer.
        question: The query.
        window: The requested days.
    """
    warnings = []
    if missing := _missing_from(part, question):
        warnings.append(_missing_columns(missing))
    if isinstance(window, Period):
        for dimension in _DATED.keys() & set(question.dimensions):
            values = {value for value in part.records.column(dimension) if isinstance(value, str)}
            if odd := _outside_of(dimension, values, window):
                warnings.append(odd)
    if cap := _row_cap(len(part.records), question):
        warnings.append(cap)
    return warnings


def _missing_from(part: ReportPart, question: ReportQuestion) -> list[str]:
    if not part.records:
        return []
    asked = {column_name(name).lower(): name for name in question.columns}
    if part.app_token is not None:
        asked.pop("app_token", None)
    for key in part.records.keys:
        asked.pop(key.lower(), None)
    return list(asked.values())


def _missing_columns(columns: Iterable[str]) -> str:
    """Return the warning for requested columns that the answer does not have."""
    return f"the answer has no {', '.join(columns)}, which was requested"


def _outside_of(dimension: str, values: Iterable[str], period: Period) -> str | None:
    """Return the warning for values of a date dimension that are out of range; `None` if there are none."""
    span = _DATED[dimension]
    outside = []
    for value in values:
        days = span(value)
        if days is not None and (days.end < period.start or days.start > period.end):
            outside.append(value)
    if not outside:
        return None
    outside.sort()
    named = outside[0] if len(outside) == 1 else f"{outside[0]} to {outside[-1]}"
    return f"the answer has rows outside of the requested days {period.start} to {period.end}: {dimension} {named}"


def _row_cap(rows: int, question: ReportQuestion) -> str | None:
    """Return the warning for an answer that may be cut off; `None` for any other number of rows."""
    if rows not in _CAPS or "limit" in question.parameters:
        return None
    return (
        f"the answer has exactly {rows:,} rows, where reports of some accounts are cut off: request fewer days or apps "
        "at a time, or pass limit= with the number of rows"
    )


class RecordChecks:
    """Checks of the records of a CSV report as they arrive."""

    def __init__(self, question: ReportQuestion) -> None:
        self._question = question
        self._columns: tuple[str, ...] = ()
        self._values: dict[str, set[str]] = {}
        self._rows = 0

    def look_at(self, columns: tuple[str, ...], records: Sequence[Sequence[str]]) -> None:
        """Check records of rows, which have a cell for each column.

        Raises:
            MalformedError: A record belongs to an app that was not requested.
        """
        if not self._columns and columns:
            self._columns = columns
            dated = _DATED.keys() & set(columns) if isinstance(self._question.date_period, Period) else ()
            self._values = {column: set() for column in dated}
        if self._question.apps and "app_token" in columns:
            place = columns.index("app_token")
            for number, record in enumerate(records, self._rows + 1):
                if record[place] and record[place] not in self._question.apps:
                    expected = ", ".join(map(repr, self._question.apps))
                    problem = f"expected the figures of app {expected}, found those of {record[place]!r}"
                    raise MalformedError(problem, f"line {number + 1}")
        for column, values in self._values.items():
            place = columns.index(column)
            values.update([record[place] for record in records])
        self._rows += len(records)

    def warnings(self) -> list[str]:
        """Return warnings about unexpected records."""
        warnings = []
        missing = {column_name(name).lower(): name for name in self._question.columns}
        for column in self._columns:
            missing.pop(column.lower(), None)
        if self._columns and missing and not self._question.has_readable_names:
            warnings.append(_missing_columns(missing.values()))
        period = self._question.date_period
        if isinstance(period, Period):
            odd = (_outside_of(column, values, period) for column, values in self._values.items())
            warnings += [warning for warning in odd if warning]
        if cap := _row_cap(self._rows, self._question):
            warnings.append(cap)
        return warnings


def check_windows(parts: Sequence[ReportPart], question: ReportQuestion) -> None:
    """Check that no row of one window is also in another window.

    Raises:
        MalformedError: The service does not split the range where the windows do.
    """
    readers = [(name, reader(name, metric=False, exact=False)) for name in question.dimensions]
    if any(_differ(parts, name, read) for name, read in readers if name in _DATED):
        return
    seen: set[tuple[str, ...]] = set()
    for part in parts:
        columns = [map(str, map(read, part.records.column(name))) for name, read in readers]
        keys = set(zip(*columns, strict=True))
        if twice := seen & keys:
            cells = zip(question.dimensions, min(twice), strict=True)
            raise MalformedError(
                f"two windows have rows for {', '.join(f'{name} {cell!r}' for name, cell in cells)}, which would count "
                "twice: the service's days or weeks begin elsewhere. Leave out window=, or pass window='day' with the "
                "dimension 'day'",
                "$.rows",
            )
        seen |= keys


def _differ(parts: Sequence[ReportPart], name: str, read: Callable[[Any], Any]) -> bool:
    """Return whether no two parts have the same value of a dimension, and so no row in common."""
    seen: set[Any] = set()
    for part in parts:
        values = set(map(str, map(read, part.records.column(name))))
        if seen & values:
            return False
        seen |= values
    return True


def _day(text: str) -> Period | None:
    found = moment_or_text(text)
    if isinstance(found, str):
        return None
    day = found.date() if isinstance(found, datetime) else found
    return Period(day, day)


def _week(text: str) -> Period | None:
    bounds = [_day(bound) for bound in text.split(" - ")]
    first, last = bounds if len(bounds) == 2 else (None, None)
    return None if first is None or last is None else Period(first.start, last.end)


def _month(text: str) -> Period | None:
    match = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text)
    if match is None or match[1] == "0000":
        return None
    first = date(int(match[1]), int(match[2]), 1)
    return Period(first, first + timedelta(days=monthrange(first.year, first.month)[1] - 1))


#: The dimensions that are dates, with a function that returns the days of a value.
_DATED: Final[Mapping[str, Callable[[str], Period | None]]] = {
    "day": _day,
    "hour": _day,
    "week": _week,
    "month": _month,
}
