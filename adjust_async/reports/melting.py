"""Melt cohort metrics: one row for each period instead of one column."""

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, Protocol

from adjust_async.errors import ConfigurationError
from adjust_async.reports.cells import cohort_metric
from adjust_async.tables import Column, Kind, Table, counted

__all__ = ["melted"]

_ADDED = ("metric", "period", "period_unit")


class _Source(Protocol):
    """The report that is melted."""

    @property
    def schema(self) -> tuple[Column, ...]: ...

    @property
    def key_columns(self) -> tuple[str, ...]: ...

    def rows(self, *, exact: bool = False) -> Iterator[dict[str, Any]]: ...

    def cells(self, *, exact: bool = False) -> list[Sequence[Any]]: ...

    def __len__(self) -> int: ...


def melted(report: _Source, metrics: Container[str], *, exact: bool) -> Table:
    """Return a table with one row for each pair of a row and a cohort metric of a report.

    Raises:
        ConfigurationError: There is no cohort metric, or a dimension has the name of a new column.
    """
    kinds = {column.name: column.kind for column in report.schema}
    cohorts = {column: apart for column in kinds if column in metrics and (apart := cohort_metric(column))}
    if not cohorts:
        raise ConfigurationError("the report has no cohort metric, such as 'retention_rate_d7'")
    keys = [column for column in report.schema if column.name not in metrics]
    if clash := {*_ADDED, "value"}.intersection(column.name for column in keys):
        raise ConfigurationError(f"the report has a dimension {min(clash)!r}, which is a column of this table")
    of_values = {kinds[column] for column in cohorts}
    kind: Kind = "text" if "text" in of_values else "number" if "number" in of_values else "integer"
    return MeltedReport(report, keys, cohorts, kind, exact=exact)


class MeltedReport(Table):
    """The melted rows. They are computed from the report's rows each time, and never stored."""

    def __init__(
        self,
        report: _Source,
        keys: Sequence[Column],
        cohorts: Mapping[str, tuple[str, int, str]],
        kind: Kind,
        *,
        exact: bool,
    ) -> None:
        self._report = report
        self._keys = tuple(keys)
        self._cohorts = dict(cohorts)
        self._kind: Kind = kind
        self._exact = exact

    @property
    def schema(self) -> tuple[Column, ...]:
        """The columns with their kinds."""
        added = Column("metric", "text"), Column("period", "integer"), Column("period_unit", "text")
        return (*self._keys, *added, Column("value", self._kind))

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a row together: the dimensions, the metric and its period."""
        keys = self._report.key_columns
        # The service may write one period in two ways, such as d7 and d07.
        are_distinct = len(set(self._cohorts.values())) == len(self._cohorts)
        return (*keys, *_ADDED) if are_distinct and (keys or len(self._report) < 2) else ()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dictionary from column to cell. It can be called repeatedly."""
        names = [column.name for column in self._keys]
        cohorts = [(column, *apart) for column, apart in self._cohorts.items()]
        for row in self._report.rows(exact=self._exact):
            common = {name: row[name] for name in names}
            for column, metric, period, unit in cohorts:
                yield {**common, "metric": metric, "period": period, "period_unit": unit, "value": row[column]}

    def cells(self) -> list[Sequence[Any]]:
        """Return the cells of each column, in the order of `schema`."""
        names = [column.name for column in self._report.schema]
        of_report = dict(zip(names, self._report.cells(exact=self._exact), strict=True))
        times, rows = len(self._cohorts), len(self._report)
        keys = [list(chain.from_iterable(map(repeat, of_report[key.name], repeat(times)))) for key in self._keys]
        apart = [list(part) * rows for part in zip(*self._cohorts.values(), strict=True)]
        values = chain.from_iterable(zip(*map(of_report.__getitem__, self._cohorts), strict=True))
        return [*keys, *apart, list(values)]

    def __len__(self) -> int:
        return len(self._report) * len(self._cohorts)

    def _described(self) -> str:
        return counted(len(self), "row")
