"""Join the answers for many apps while they arrive, column by column.

Kept until the last app has arrived, the answers for 500 apps are 28,000 objects, and Python's collector traverses all
objects of the process because of them. Only their columns are kept, as parts of common ones, and no cell is copied.
"""

from collections.abc import Mapping
from typing import Any

from adjust_async.kpis.result_sets.cells import Cells, Runs
from adjust_async.kpis.result_sets.columns import Level
from adjust_async.kpis.result_sets.joining import MergedParameters

__all__ = ["Gathering"]


class Gathering:
    """The figures of apps in their order, as few levels."""

    def __init__(self) -> None:
        self._parameters = MergedParameters()
        #: The KPIs of each level, and the level.
        self._apps: list[tuple[list[str], Level]] = []
        #: The latest apps, and their KPIs.
        self._columns = _Columns(0)
        self._kpis: list[str] = []

    def add(self, parameters: Mapping[str, Any], app: Level) -> None:
        """Add the answer for the next app."""
        self._parameters.add(parameters)
        kpis: list[str] = parameters.get("kpis", [])
        if self._kpis != kpis or not app.is_even() or not self._columns.has_keys_of(app):
            self._close()
            self._kpis, self._columns = kpis, _Columns(len(kpis))
        if app.is_even():
            self._columns.add(app)
        else:
            self._apps.append((kpis, app))

    def _close(self) -> None:
        if self._columns.count:
            self._apps.append((self._kpis, self._columns.level()))
            self._columns = _Columns(0)

    def result(self) -> tuple[dict[str, Any], list[Level]]:
        """Return the merged parameters, and all apps with the same list of KPIs. A missing KPI is null."""
        self._close()
        parameters = self._parameters.result()
        return parameters, [level.with_kpis(kpis, parameters.get("kpis", [])) for kpis, level in self._apps]


class _Columns:
    """The columns of a level and of the levels below it, in parts. All elements have the same keys."""

    def __init__(self, kpis: int) -> None:
        self.count = 0
        self._rows = 0
        self._shapes: tuple[tuple[str, ...], ...] = ()
        self._own: dict[str, list[Cells]] = {}
        self._figures: tuple[list[Cells], ...] = tuple([] for _ in range(kpis))
        self._below: dict[str, tuple[list[Cells], _Columns]] = {}

    def has_keys_of(self, level: Level) -> bool:
        """Return whether the elements of a level have the same keys as those here, or there are none."""
        if not self.count or not level.count:
            return True
        return (
            self._shapes == level.shapes
            and self._own.keys() == level.own.keys()
            and all(inner.has_keys_of(level.below[key][1]) for key, (_, inner) in self._below.items())
        )

    def add(self, level: Level) -> None:
        """Append the elements of a level."""
        if not level.count:
            return
        if not self.count:
            self._shapes = level.shapes
            self._own = {key: [] for key in level.own}
            self._below = {key: ([], _Columns(len(self._figures))) for key in level.below}
        self.count += level.count
        for key, cells in level.own.items():
            self._own[key].append(cells)
        if level.rows:
            self._rows += level.rows
            for parts, values in zip(self._figures, level.figures, strict=True):
                parts.append(values)
        for key, (lengths, below) in level.below.items():
            all_lengths, inner = self._below[key]
            all_lengths.append(lengths)
            inner.add(below)

    def level(self) -> Level:
        """Return the level."""
        return Level(
            self.count,
            self._shapes,
            None,
            {key: Runs(parts) for key, parts in self._own.items()},
            tuple(map(Runs, self._figures)),
            self._rows,
            {key: (Runs(lengths), inner.level()) for key, (lengths, inner) in self._below.items()},
        )
