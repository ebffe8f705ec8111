"""`KpiReport`: the merged answers of the KPI Service, as a table."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Self

from adjust_async._checks import shown
from adjust_async._figures.kinds import day_or_text, moment_or_text, number_kind, period_or_text
from adjust_async._http.documents import decode_errors
from adjust_async._json import JSONDecodeError, loads_in_slices
from adjust_async.errors import AdjustError, ConfigurationError, DecodeError, MalformedError
from adjust_async.kpis.csv_file import read_csv
from adjust_async.kpis.document import loads_packed, read_answer, read_apps_at
from adjust_async.kpis.result_sets.columns import Level, columns_of
from adjust_async.kpis.result_sets.flattening import flat_columns, rows
from adjust_async.kpis.result_sets.joining import names_by_level
from adjust_async.kpis.result_sets.levels import singular
from adjust_async.tables import Column, ColumnTable, Kind, Table, are_unique, counted, failed, rows_of

__all__ = ["KpiReport"]

#: Groupings whose level is `dates`.
_TIME_GROUPINGS = frozenset({"hour", "day", "week", "month"})
_WITH_TOKENS = frozenset({"tracker", "network", "campaign", "adgroup", "creative", "event"})


class KpiReport(Table):
    """The figures of one or more apps, in the structure of the KPI Service's answer for several apps.

    Figures are never summed: rates and distinct users are not additive, and each app has its own currency. As a
    `Table`, it has one row for each `kpi_values`, and the columns `app_token`, `app_name`, `currency`, then those of
    the levels in their order (`tracker_token`, `tracker_name`, `date`, `country` ...), then one for each KPI. The
    `period` of a cohort is an integer, and `period_unit` next to it is its unit: `day`, `week` or `month`.

    Attributes:
        result_parameters: The query as the service echoes it, with the names of all trackers and events.
        failures: The errors of apps without figures, by app token; empty unless `on_failure="keep"`.
        warnings: Texts about differences from the query: missing KPIs, and figures outside of the requested days.
    """

    def __init__(
        self,
        result_parameters: Mapping[str, Any],
        apps: Sequence[Mapping[str, Any] | Level],
        failures: Mapping[str, AdjustError] | None = None,
        *,
        columns: Sequence[str] = (),
        grouping: Sequence[str] = (),
        period_unit: str | None = None,
    ) -> None:
        self.result_parameters = dict(result_parameters)
        self.failures = dict(failures or {})
        self.warnings: list[str] = []
        self._columns = columns
        echoed = self.result_parameters.get("grouping")
        self._grouping = [str(name) for name in (isinstance(echoed, list) and echoed) or grouping]
        self._period_unit = period_unit
        self._kpis: list[str] = self.result_parameters.get("kpis", [])
        levels = tuple(app for app in apps if isinstance(app, Level))
        if len(levels) < len(apps):
            with decode_errors():
                levels = read_apps_at("$.result_set.apps", apps, len(self._kpis))
        self._apps = levels

    @classmethod
    def from_json(cls, source: str | bytes | Path) -> Self:
        """Return the report in a saved answer of the KPI Service, for one or more apps.

        Args:
            source: The document as text or bytes, or the path of its file.

        Raises:
            ConfigurationError: `source` is something else.
            DecodeError: It is not an answer of the KPI Service. `location` is the place of the first mistake.
            OSError: The file can't be read.
        """
        text = _read(source)
        try:
            document = text.encode() if isinstance(text, str) else text
            with decode_errors():
                try:
                    parameters, apps = read_answer(loads_packed(document))
                except MalformedError:
                    parameters, apps = read_answer(loads_in_slices(document))
        except (JSONDecodeError, UnicodeEncodeError) as error:
            raise DecodeError(f"the document is not JSON: {error}", location="$", malformed=True) from None
        return cls(parameters, apps)

    @classmethod
    def from_csv(
        cls,
        source: str | bytes | Path,
        *,
        app_token: str | None = None,
        app_name: str | None = None,
        currency: str | None = None,
    ) -> Self:
        """Return the report in a saved CSV answer of the KPI Service, with machine or human-readable headers.

        Args:
            source: The CSV as text or bytes, or the path of its file. It may start with a byte order mark. A blank cell
                has no value, which is not 0.
            app_token, app_name, currency: The app, for a CSV without columns for it; unknown by default.

        Raises:
            ConfigurationError: `source` is something else.
            DecodeError: It is not an answer of the KPI Service. `location` is the line of the first mistake.
            OSError: The file can't be read.
        """
        raw = _read(source)
        try:
            text = raw if isinstance(raw, str) else raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DecodeError(f"the document is not encoded in UTF-8: {error}", location="$", malformed=True) from None
        app = {"token": app_token, "name": app_name, "currency": currency}
        with decode_errors():
            document = read_csv(text.removeprefix("\ufeff"), app)
        return cls(
            {"kpis": document.kpis, **document.names},
            document.apps,
            columns=document.columns,
            period_unit=document.period_unit,
        )

    @property
    def result_set(self) -> dict[str, Any]:
        """`{"apps": [{"token", "name", "currency", <level>: [...]}]}`, the apps in the requested order.

        It is built from the columns each time.
        """
        return {"apps": [app for level in self._apps for app in level.elements()]}

    def pivot(self, column: str = "period", *, kpi: str | None = None) -> Table:
        """Turn a level into columns, such as a cohort's periods: one row per cohort, one column per period.

        Args:
            column: The column of the level.
            kpi: The KPI to show; all by default. With one KPI, the new columns are named after the periods; with
                several, `{kpi}_{period}`.

        Returns:
            A table with the other level columns, then a column for each value of `column`, in numerical order if they
            are numbers. A cohort without a period has `None` there.

        Raises:
            ConfigurationError: The column or the KPI does not exist, or two columns would have the same name.
            DecodeError: A cohort has a period twice.
        """
        levels = [name for name in self._levels if name != "period_unit"]
        if column not in levels:
            raise ConfigurationError(f"column is {shown(column)}: pass one of {', '.join(levels)}")
        if kpi is not None and kpi not in self._kpis:
            raise ConfigurationError(f"kpi is {shown(kpi)}: pass one of {', '.join(self._kpis)}")
        kpis = self._kpis if kpi is None else [kpi]
        # The name of an element belongs to its token. As a key, it would split one row into several.
        same = {f"{column.removesuffix('_token')}_name", f"{column.removesuffix('_name')}_token", column}
        if column == "period":
            same.add("period_unit")
        keys = [name for name in self._levels if name not in same]
        cells = dict(zip((*self._levels, *self._kpis), self.cells(), strict=True))
        places: dict[tuple[Any, ...], dict[Any, int]] = {}
        for place, (value, *key) in enumerate(zip(cells[column], *map(cells.__getitem__, keys), strict=True)):
            of_cohort = places.setdefault(tuple(key), {})
            if value in of_cohort:
                raise DecodeError(f"a row has {column} {value!r} twice", location="$.result_set")
            of_cohort[value] = place
        values = dict.fromkeys(cells[column])
        titles = {
            (name, value): _title(value) if len(kpis) == 1 else f"{name}_{_title(value)}"
            for name in kpis
            for value in sorted(values, key=_in_numerical_order)
        }
        if len({*keys, *titles.values()}) < len(keys) + len(titles):
            raise ConfigurationError(f"the columns of {column} would have the names of others: name one kpi")

        kinds: dict[str, Kind] = {item.name: item.kind for item in self.schema}
        schema = [Column(key, kinds[key]) for key in keys]
        schema += [Column(title, kinds[name]) for (name, _), title in titles.items()]
        by_key: list[Sequence[Any]] = list(zip(*places, strict=True)) or [()] * len(keys)
        # A cohort that lacks a period has the index -1, which is that of the added None.
        ends = {name: [*cells[name], None] for name in kpis}
        columns = [[ends[name][of_cohort.get(value, -1)] for of_cohort in places.values()] for name, value in titles]
        identifying = [key for key in keys if key in self.key_columns]
        are_enough = are_unique(cells for key, cells in zip(keys, by_key, strict=True) if key in identifying)
        return ColumnTable(schema, [*by_key, *columns], key_columns=identifying if are_enough else ())

    def __len__(self) -> int:
        return sum(map(_rows_of, self._apps))

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a row together: the levels, by their tokens or names.

        Where a token is missing, its name is among the columns. Empty if two rows share all of them.
        """
        cells = dict(zip((*self._levels, *self._kpis), self.cells(), strict=True))
        tokens = {f"{name.removesuffix('_token')}_name": name for name in self._levels if name.endswith("_token")}
        keys = tuple(
            name for name in self._levels if name != "currency" and (name not in tokens or None in cells[tokens[name]])
        )
        return keys if are_unique(cells[name] for name in keys) else ()

    def _described(self) -> str:
        rows, apps = len(self), sum(level.count for level in self._apps)
        start, end = (self.result_parameters.get(name) for name in ("start_date", "end_date"))
        days = f", {start} to {end}" if start and end else ""
        return f"{counted(rows, 'row')} in {counted(apps, 'app')}{days}{failed(self.failures)}"

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each `kpi_values`, as a dictionary from column to cell. It can be called repeatedly."""
        names = (*self._levels, *self._kpis)
        # Every generator that a row passes takes a twentieth of its time.
        return chain.from_iterable(self._flat_rows(level, names) for level in self._apps)

    def cells(self) -> list[Sequence[Any]]:
        """Return the cells of each column, in the order of `schema`."""
        names = (*self._levels, *self._kpis)
        columns: list[list[Any]] = [[] for _ in names]
        for level in self._apps:
            flat = self._flat(level)
            if flat is None:
                rows = list(self._flat_rows(level, names))
                flat = {name: [row[name] for row in rows] for name in names}
            nothing = (None,) * _rows_of(level)
            for name, cells in zip(names, columns, strict=True):
                cells.extend(flat.get(name, nothing))
        return list(columns)

    def _flat_rows(self, level: Level, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        flat = self._flat(level)
        if flat is None:
            return self._rows_one_by_one(level)
        nothing = (None,) * _rows_of(level)
        return rows_of(names, [flat.get(name, nothing) for name in names])

    def _flat(self, level: Level) -> dict[str, Iterable[Any]] | None:
        flat = flat_columns(level, self._kpis, self._names, self._cell)
        if flat is not None and "period" in flat and "period_unit" in self._levels:
            unit = self._unit_of_periods
            flat["period_unit"] = [None if period is None else unit for period in flat["period"]]
        return flat

    def _rows_one_by_one(self, level: Level) -> Iterator[dict[str, Any]]:
        unit = self._unit_of_periods if "period_unit" in self._levels else None
        for row in rows(level.elements(), self._levels, self._kpis, self._names, self._cell):
            if unit is not None and row["period"] is not None:
                row["period_unit"] = unit
            yield row

    def _values(self) -> object:
        failures = {app: (type(error), str(error)) for app, error in self.failures.items()}
        return self.result_parameters, self.result_set, failures, self.warnings, self._unit_of_periods

    def dates_outside(self, start: date, end: date) -> list[str]:
        """Return the dates outside of `start` to `end`, both included: as the service sent them, sorted."""
        texts = [text for text in self._dates if isinstance(text, str)]
        days = [(text, day_or_text(text)) for text in texts]
        return sorted(text for text, day in days if isinstance(day, date) and not start <= day <= end)

    @cached_property
    def _names(self) -> dict[str, dict[str, Any]]:
        return names_by_level(self.result_parameters)

    @cached_property
    def _dates(self) -> frozenset[Any]:
        """The distinct values of `date`, including those of elements without figures."""
        return frozenset(self._values_under("date"))

    def _values_under(self, key: str) -> Iterator[Any]:
        """Yield the values of a key in any element."""
        for level in self._apps:
            for one in level.walk():
                yield from one.own.get(key, ())

    @cached_property
    def _levels(self) -> list[str]:
        levels = dict.fromkeys((*self._columns, *columns_of(self._apps)))
        if not len(self):
            levels |= dict.fromkeys(self._columns_of_grouping())
        if clash := levels.keys() & set(self._kpis):
            raise DecodeError(f"a KPI has the name of a column: {min(clash)!r}", location="$.result_parameters.kpis")
        names = list(levels)
        if "period" in levels and "period_unit" not in {*levels, *self._kpis}:
            names.insert(names.index("period") + 1, "period_unit")
        return names

    @property
    def _unit_of_periods(self) -> str | None:
        """The unit of periods: as the service echoes it, or as requested. The service's default is days."""
        unit = singular(str(self.result_parameters.get("period") or self._period_unit or "day").strip().lower())
        return unit if unit in {"day", "week", "month"} else None

    def _columns_of_grouping(self) -> Iterator[str]:
        for one in map(singular, self._grouping):
            if one in _TIME_GROUPINGS:
                yield "date"
            elif one in _WITH_TOKENS or one == "event_type":
                yield f"{one.removesuffix('_type')}_token"
                yield f"{one.removesuffix('_type')}_name"
            elif one != "app":
                yield one

    @cached_property
    def schema(self) -> tuple[Column, ...]:
        """The columns with their kinds."""
        types: list[set[type]] = [set() for _ in self._kpis]
        for level in self._apps:
            for one in level.walk():
                for found, values in zip(types, one.figures, strict=True):
                    found.update(map(type, values))
        figures = [Column(name, number_kind(name, found)) for name, found in zip(self._kpis, types, strict=True)]
        return (*(Column(name, self._kind_of(name)) for name in self._levels), *figures)

    def _kind_of(self, column: str) -> Kind:
        if column == "date":
            return self._kind_of_date()
        if column == "period":
            types = {type(self._cell("period", value)) for value in self._values_under("period")}
            return "integer" if types <= {int, type(None)} else "text"
        return "text"

    def _kind_of_date(self) -> Kind:
        types = {type(self._cell("date", value)) for value in self._dates} - {type(None)}
        if types == {datetime} or (not types and "hour" in self._time_groupings):
            return "moment"
        return "date" if types <= {date} else "text"

    @cached_property
    def _time_groupings(self) -> frozenset[str]:
        """The groupings of the level `dates`, as the service echoes them or as requested; empty if neither is known."""
        return _TIME_GROUPINGS & set(map(singular, self._grouping))

    def _cell(self, column: str, value: Any) -> Any:
        """Return a cell of a level: a date or moment, a period as an integer, or text in all other columns."""
        if column == "period":
            return period_or_text(value)
        if not isinstance(value, str):
            return value if value is None else str(value)
        if column != "date":
            return value
        # A day may be followed by a time.
        whole_days = self._time_groupings and "hour" not in self._time_groupings
        return day_or_text(value) if whole_days else moment_or_text(value)


def _rows_of(apps: Level) -> int:
    return sum(level.rows for level in apps.walk())


def _read(source: object) -> str | bytes:
    if isinstance(source, Path):
        return source.read_bytes()
    if isinstance(source, (str, bytes)):
        return source
    raise ConfigurationError(f"source is {shown(source)}: pass text, bytes or a pathlib.Path")


def _title(value: object) -> str:
    return "" if value is None else str(value)


def _in_numerical_order(value: object) -> tuple[bool, int, str]:
    text = _title(value)
    number = re.fullmatch("-?[0-9]{1,9}", text)
    return (number is None, int(text) if number else 0, text)
