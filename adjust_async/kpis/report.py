"""`KpiReport`: the answers of the KPI Service for some apps, merged, and as a table."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from adjust_async._checks import shown
from adjust_async._figures.kinds import day_or_text, moment_or_text, number_kind
from adjust_async._http.documents import decode_errors
from adjust_async._json import JSONDecodeError, loads
from adjust_async.errors import AdjustError, ConfigurationError, DecodeError, MalformedError
from adjust_async.kpis.csv_file import read_csv
from adjust_async.kpis.result_sets.columns import Level, columns_of, read_apps
from adjust_async.kpis.result_sets.flattening import flat_columns, rows
from adjust_async.kpis.result_sets.joining import names_by_level
from adjust_async.kpis.result_sets.levels import LEVEL_COLUMNS, singular
from adjust_async.tables import Column, Kind, RowTable, Table

__all__ = ["KpiReport"]

#: Groupings whose level is `dates`. The echoed grouping counts only in an empty report, where no element has keys.
_TIME_GROUPINGS = frozenset({"hour", "day", "week", "month"})
_WITH_TOKENS = frozenset({"tracker", "network", "campaign", "adgroup", "creative", "event"})


class KpiReport(Table):
    """The figures of one app or many, in the shape of the KPI Service's answer for several apps.

    Never sums figures: rates and distinct users are not additive, and each app has a currency of its own. As a `Table`
    it has one row for each `kpi_values`: `app_token`, `app_name`, `currency`, then the levels in their order
    (`tracker_token`, `tracker_name`, `date`, `country` ...), then a column for each KPI.

    Attributes:
        result_parameters: The question as the service echoes it, with the names of all trackers and events.
        failures: The error of each app that has no figures here, by app token; empty unless `on_failure="keep"`.
        warnings: What is odd about the answers: KPIs that are missing, and figures outside of the range.
    """

    def __init__(
        self,
        result_parameters: Mapping[str, Any],
        apps: Sequence[Mapping[str, Any] | Level],
        failures: Mapping[str, AdjustError] | None = None,
        *,
        columns: Sequence[str] = (),
    ) -> None:
        self.result_parameters = dict(result_parameters)
        self.failures = dict(failures or {})
        self.warnings: list[str] = []
        self._columns = columns
        self._kpis: list[str] = self.result_parameters.get("kpis", [])
        levels = tuple(app for app in apps if isinstance(app, Level))
        if len(levels) < len(apps):
            with decode_errors():
                levels = read_apps_at("$.result_set.apps", apps, len(self._kpis))
        self._apps = levels

    @classmethod
    def from_json(cls, source: str | bytes | Path) -> Self:
        """Read a saved answer of the KPI Service, for one app or for many.

        Args:
            source: The document as text or bytes, or the path of its file.

        Raises:
            ConfigurationError: `source` is something else.
            DecodeError: It is no answer of the KPI Service; the error says where.
            OSError: The file can't be read.
        """
        text = _read(source)
        try:
            document = loads(text.encode() if isinstance(text, str) else text)
        except (JSONDecodeError, UnicodeEncodeError) as error:
            raise DecodeError(f"the document is no JSON: {error}", location="$", malformed=True) from None
        with decode_errors():
            parameters, apps = read_answer(document)
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
        """Read a saved CSV answer of the KPI Service, with machine or human-readable headers.

        Args:
            source: The CSV as text or bytes, or the path of its file. It may begin with a byte order mark. A blank
                cell has no value, which is not 0.
            app_token, app_name, currency: The app, where no column names it.

        Raises:
            DecodeError: It is no answer of the KPI Service; the error says in which line and column.
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
        return cls({"kpis": document.kpis, **document.names}, document.apps, columns=document.columns)

    @property
    def result_set(self) -> dict[str, Any]:
        """`{"apps": [{"token", "name", "currency", <level>: [...]}]}`, the apps in the order asked for.

        It is built anew from the columns each time.
        """
        return {"apps": [app for level in self._apps for app in level.elements()]}

    def pivot(self, column: str = "period", *, kpi: str | None = None) -> Table:
        """Turn a level into columns, such as a cohort's periods: one row a cohort, one column a period.

        Args:
            column: The column of the level.
            kpi: The KPI to show. By default all: with one KPI the new columns have the names of the periods, with
                several they are `{kpi}_{period}`.

        Returns:
            A table with the other level columns, then a column for each value of `column`, in numerical order where
            they are numbers. A cohort that lacks a period has `None` there.

        Raises:
            ConfigurationError: There is no such column or KPI.
            DecodeError: A cohort has a period twice.
        """
        if column not in self._levels:
            raise ConfigurationError(f"column is {shown(column)}: give one of {', '.join(self._levels)}")
        if kpi is not None and kpi not in self._kpis:
            raise ConfigurationError(f"kpi is {shown(kpi)}: give one of {', '.join(self._kpis)}")
        kpis = self._kpis if kpi is None else [kpi]
        # The name of an element goes with its token: as a key it would split what is one row here.
        same = {f"{column.removesuffix('_token')}_name", f"{column.removesuffix('_name')}_token", column}
        keys = [name for name in self._levels if name not in same]
        cells: dict[tuple[Any, ...], dict[Any, dict[str, Any]]] = {}
        values: dict[Any, None] = {}
        for row in self.rows():
            of_cohort = cells.setdefault(tuple(row[key] for key in keys), {})
            if row[column] in of_cohort:
                raise DecodeError(f"a row has {column} {row[column]!r} twice", location="$.result_set")
            of_cohort[row[column]] = row
            values[row[column]] = None
        titles = {
            (name, value): _title(value) if len(kpis) == 1 else f"{name}_{_title(value)}"
            for name in kpis
            for value in sorted(values, key=_in_numerical_order)
        }
        if len({*keys, *titles.values()}) < len(keys) + len(titles):
            raise ConfigurationError(f"the columns of {column} would have the names of others: name one kpi")

        def rows() -> Iterator[dict[str, Any]]:
            for key, of_cohort in cells.items():
                figures = {title: of_cohort.get(value, {}).get(name) for (name, value), title in titles.items()}
                yield dict(zip(keys, key, strict=True)) | figures

        kinds: dict[str, Kind] = {item.name: item.kind for item in self.schema}
        schema = [Column(key, kinds[key]) for key in keys]
        schema += [Column(title, kinds[name]) for (name, _), title in titles.items()]
        return RowTable(schema, rows)

    def __repr__(self) -> str:
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return (
            f"<KpiReport of {sum(level.count for level in self._apps)} apps{failed}: {', '.join(map(str, self._kpis))}>"
        )

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each `kpi_values`, as a dictionary from column to cell. It can be called again."""
        names = (*self._levels, *self._kpis)
        for level in self._apps:
            flat = flat_columns(level, self._kpis, self._names, self._cell)
            if flat is None:
                yield from rows(level.elements(), self._levels, self._kpis, self._names, self._cell)
            elif level_rows := len(flat["app_token"]):
                nothing = (None,) * level_rows
                for cells in zip(*(flat.get(name, nothing) for name in names), strict=True):
                    yield dict(zip(names, cells, strict=True))

    def dates_outside(self, start: date, end: date) -> list[str]:
        """Return the dates of the level `dates` that lie outside of a range, both ends included, as sent and sorted."""
        texts = [text for text in self._dates if isinstance(text, str)]
        days = [(text, day_or_text(text)) for text in texts]
        return sorted(text for text, day in days if isinstance(day, date) and not start <= day <= end)

    @cached_property
    def _names(self) -> dict[str, dict[str, Any]]:
        return names_by_level(self.result_parameters)

    @cached_property
    def _dates(self) -> frozenset[Any]:
        """The distinct values under `date`, of elements without figures too."""
        found: set[Any] = set()
        for level in self._apps:
            for one in level.walk():
                found.update(one.own.get("date", ()))
        return frozenset(found)

    @cached_property
    def _levels(self) -> list[str]:
        levels = dict.fromkeys((*self._columns, *columns_of(self._apps)))
        if not any(one.rows for level in self._apps for one in level.walk()):
            levels |= dict.fromkeys(self._columns_of_grouping())
        if clash := levels.keys() & set(self._kpis):
            raise DecodeError(f"a KPI has the name of a column: {min(clash)!r}", location="$.result_parameters.kpis")
        return list(levels)

    def _columns_of_grouping(self) -> Iterator[str]:
        grouping = self.result_parameters.get("grouping")
        for name in grouping if isinstance(grouping, list) else []:
            one = singular(str(name))
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
        return (*(Column(name, self._kind_of_date() if name == "date" else "text") for name in self._levels), *figures)

    def _kind_of_date(self) -> Kind:
        types = {type(self._cell("date", value)) for value in self._dates} - {type(None)}
        if types == {datetime} or (not types and "hour" in self._time_groupings):
            return "moment"
        return "date" if types <= {date} else "text"

    @cached_property
    def _time_groupings(self) -> frozenset[str]:
        """The groupings of the level `dates`, as the service echoes them; none where it does not."""
        grouping = self.result_parameters.get("grouping")
        names = {singular(str(name)) for name in grouping} if isinstance(grouping, list) else set()
        return _TIME_GROUPINGS & names

    def _cell(self, column: str, value: Any) -> Any:
        """Return a cell of a level: a date, or the text that the service documents for all other columns."""
        if not isinstance(value, str):
            return value if value is None else str(value)
        if column != "date":
            return value
        # A day may be written with a time.
        whole_days = self._time_groupings and "hour" not in self._time_groupings
        return day_or_text(value) if whole_days else moment_or_text(value)


def _read(source: object) -> str | bytes:
    if isinstance(source, Path):
        return source.read_bytes()
    if isinstance(source, (str, bytes)):
        return source
    raise ConfigurationError(f"source is {shown(source)}: give text, bytes or a pathlib.Path")


def open_document(document: Any) -> tuple[dict[str, Any], list[Any], str]:
    """Check the outside of an answer of the KPI Service; return its parameters, its apps, and where these are.

    Raises:
        MalformedError: It is of another shape.
    """
    if not isinstance(document, dict):
        raise MalformedError(f"expected an object, found {shown(document)}", "$")
    parameters, result_set = document.get("result_parameters"), document.get("result_set")
    if not isinstance(result_set, dict):
        raise MalformedError(f"expected an object, found {shown(result_set)}", "$.result_set")
    if not isinstance(parameters, dict):
        raise MalformedError(f"expected an object, found {shown(parameters)}", "$.result_parameters")
    _check_kpis(parameters.get("kpis", []))
    if "token" in result_set or "apps" not in result_set:
        return dict(parameters), [result_set] if result_set else [], "$.result_set"
    if not isinstance(apps := result_set["apps"], list):
        raise MalformedError(f"expected a list of objects, found {shown(apps)}", "$.result_set.apps")
    return dict(parameters), apps, "$.result_set.apps"


def read_answer(document: Any) -> tuple[dict[str, Any], tuple[Level, ...]]:
    """Check all of an answer of the KPI Service; return its parameters, and its apps by column.

    Raises:
        MalformedError: It is of another shape.
    """
    parameters, apps, place = open_document(document)
    return parameters, read_apps_at(place, apps, len(parameters.get("kpis", [])))


def read_apps_at(place: str, apps: Sequence[Any], kpis: int) -> tuple[Level, ...]:
    """Check the apps that stand in a place of an answer, and return them by column.

    Raises:
        MalformedError: The first fault, with its location in the answer.
    """
    try:
        return read_apps(apps, kpis)
    except MalformedError as error:
        if place == "$.result_set":
            # The one app stands where several would be in a list.
            raise MalformedError(error.problem, f"{place}{error.location.removeprefix('[0]')}") from None
        raise error.below(place) from None


def _check_kpis(kpis: object) -> list[str]:
    location = "$.result_parameters.kpis"
    if not isinstance(kpis, list) or not all(isinstance(kpi, str) for kpi in kpis):
        raise MalformedError(f"expected a list of names, found {shown(kpis)}", location)
    if len(set(kpis)) < len(kpis):
        raise MalformedError(f"a KPI is there twice: {shown(kpis)}", location)
    if clash := LEVEL_COLUMNS.intersection(kpis):
        raise MalformedError(f"a KPI has the name of a column: {min(clash)!r}", location)
    return kpis


def _title(value: object) -> str:
    return "" if value is None else str(value)


def _in_numerical_order(value: object) -> tuple[bool, int, str]:
    text = _title(value)
    number = re.fullmatch("-?[0-9]{1,9}", text)
    return (number is None, int(text) if number else 0, text)
