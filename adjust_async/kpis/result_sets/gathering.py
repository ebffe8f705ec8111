"""Join the answers for many apps while they arrive, column by column.

Kept until the last app has arrived, the answers for 500 apps are 28,000 objects, and Python's collector traverses all
objects of the process because of them. Joining all answers at the end would also stop the event loop.
"""

from collections.abc import Mapping
from typing import Any

from adjust_async.kpis.result_sets.columns import Level
from adjust_async.kpis.result_sets.joining import MergedParameters

__all__ = ["Gathering"]

#: Rows. A larger app keeps its own columns: copying them would stop the event loop for milliseconds.
LARGE_APP = 16 * 1024

#: Rows. Longer columns are not extended: making tuples of them would stop the event loop as well.
LARGE = 64 * 1024


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
        if not app.is_even() or sum(one.rows for one in app.walk()) > LARGE_APP:
            self._close()
            self._apps.append((kpis, app))
            return
        if not self._columns.has_keys_of(app) or self._kpis != kpis or self._columns.total_rows > LARGE:
            self._close()
            self._kpis, self._columns = kpis, _Columns(len(kpis))
        self._columns.add(app)

    def _close(self) -> None:
        if self._columns.count:
            self._apps.append((self._kpis, self._columns.level()))
            self._columns = _Columns(len(self._kpis))

    def result(self) -> tuple[dict[str, Any], list[Level]]:
        """Return the merged parameters, and all apps with the same list of KPIs. A missing KPI is null."""
        self._close()
        parameters = self._parameters.result()
        return parameters, [level.with_kpis(kpis, parameters.get("kpis", [])) for kpis, level in self._apps]


class _Columns:
    """The elements of a level and of the levels below it, in lists that grow. All elements have the same keys."""

    def __init__(self, kpis: int) -> None:
        self.count = 0
        self.total_rows = 0
        self._rows = 0
        self._shapes: tuple[tuple[str, ...], ...] = ()
        self._own: dict[str, list[Any]] = {}
        self._figures: tuple[list[Any], ...] = tuple([] for _ in range(kpis))
        self._below: dict[str, tuple[list[int | None], _Columns]] = {}

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
        self._rows += level.rows
        for key, cells in level.own.items():
            self._own[key] += cells
        for column, values in zip(self._figures, level.figures, strict=True):
            column += values
        self.total_rows = self._rows
        for key, (lengths, below) in level.below.items():
            all_lengths, inner = self._below[key]
            all_lengths += lengths
            inner.add(below)
            self.total_rows += inner.total_rows

    def level(self) -> Level:
        """Return the level. Its columns are tuples, which the collector traverses only once."""
        return Level(
            self.count,
            self._shapes,
            None,
            {key: tuple(cells) for key, cells in self._own.items()},
            tuple(map(tuple, self._figures)),
            self._rows,
            {key: (tuple(lengths), inner.level()) for key, (lengths, inner) in self._below.items()},
        )
