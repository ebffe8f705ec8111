"""`Report`: the answers of the Report Service, and the flat table of their rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from adjust_async._checks import shown
from adjust_async._figures.encoding import check_names
from adjust_async._http.documents import decode_errors
from adjust_async._json import JSONDecodeError
from adjust_async.errors import AdjustError, ConfigurationError, DecodeError
from adjust_async.reports.cells import dimension_kind, metric_kind, reader
from adjust_async.reports.document import ReportPart, any_hangs, open_pivot, read_report
from adjust_async.reports.melting import melted
from adjust_async.reports.parameters import column_name
from adjust_async.reports.typed_columns import typed_array
from adjust_async.tables import Column, Records, Table, are_unique, counted, failed, import_pyarrow, rows_of

if TYPE_CHECKING:
    import pyarrow

__all__ = ["AttrDependency", "PivotReport", "Report", "ReportPart", "check_attr_dependency"]

#: The treatment of `attr_dependency`: values that the dimensions of a row imply, such as a partner's ID.
AttrDependency = Literal["drop", "columns", "keep"]
ATTR_DEPENDENCIES: tuple[AttrDependency, ...] = ("drop", "columns", "keep")

_ATTR_DEPENDENCY = "attr_dependency"

#: The documented dimensions, for saved answers whose query is unknown.
DIMENSIONS = frozenset(
    (
        *("hour", "day", "week", "month", "quarter", "year", "os_name", "device_type", "platform", "app", "app_token"),
        *("store_id", "store_type", "currency", "currency_code", "network", "campaign", "campaign_network"),
        *("campaign_id_network", "adgroup", "adgroup_network", "adgroup_id_network", "source_network"),
        *("source_id_network", "creative", "creative_network", "creative_id_network", "country", "country_code"),
        *("region", "partner", "partner_name", "partner_id", "channel", "app_network"),
    )
)


def check_attr_dependency(value: object) -> AttrDependency:
    """Return a checked treatment of `attr_dependency`.

    Raises:
        ConfigurationError: It is something else.
    """
    for known in ATTR_DEPENDENCIES:
        if isinstance(value, str) and value == known:
            return known
    raise ConfigurationError(f"attr_dependency is {shown(value)}: pass 'drop', 'columns' or 'keep'")


class Report(Table):
    """A report of the Report Service, as returned by `adjust.reports`.

    It is a `Table` with one row for each row of the service. Metrics are numbers according to their text (`"64"` is 64,
    `"0.0"` is 0.0), days and hours are dates and moments, IDs are text, and words such as `unknown` are kept. If each
    app was requested separately, the column `app_token` has the app of each row.

    Attributes:
        parts: The service's answers in the requested order: by app, and for each app by window.
        failures: The errors of apps without rows, by app token; empty unless `on_failure="keep"`.
    """

    def __init__(
        self,
        parts: Sequence[ReportPart],
        dimensions: Sequence[str],
        metrics: Sequence[str],
        *,
        failures: Mapping[str, AdjustError] | None = None,
        attr_dependency: AttrDependency = "drop",
    ) -> None:
        self.parts = tuple(parts)
        self.failures = dict(failures or {})
        of_one_app = any(part.app_token is not None for part in self.parts) and "app_token" not in dimensions
        self._dimensions = ["app_token", *dimensions] if of_one_app else list(dimensions)
        self._metrics = list(metrics)
        self._attr_dependency = attr_dependency

    @classmethod
    def from_json(
        cls,
        source: str | bytes | Path,
        *,
        dimensions: Iterable[str] | None = None,
        index: Iterable[str] | None = None,
        attr_dependency: AttrDependency = "drop",
    ) -> Self:
        """Return the report in a saved answer of the Report Service.

        Args:
            source: The document of `/report` or `/pivot_report`: text, bytes, or the `Path` of a file.
            dimensions: The requested dimensions; by default the columns that are not among the totals, or in an answer
                without totals, those that Adjust documents as dimensions.
            index: For a pivot report, the requested index; by default `dimensions`.
            attr_dependency: As for `Reports.fetch`, `"drop"` by default.

        Raises:
            ConfigurationError: An argument is wrong, or the rows are nested and need `index`.
            DecodeError: It is not an answer of the Report Service.
            OSError: The file can't be read.
        """
        dependency = check_attr_dependency(attr_dependency)
        asked = None if dimensions is None else check_names(dimensions, "dimensions")
        levels = check_names(index, "index") if index is not None else asked or ()
        try:
            document = read_report(_read(source), exact=True)
        except JSONDecodeError as error:
            raise DecodeError(f"the document is not JSON: {error}", location="$", malformed=True) from None
        with decode_errors():
            part = open_pivot(document, levels, None)
        if any_hangs(part.records):
            raise ConfigurationError("the rows are nested below the values of an index: name its dimensions in index=")
        if asked is not None and index is not None:
            asked = tuple(dict.fromkeys((*levels, *asked)))
        keys = [key for key in part.records.keys if key != _ATTR_DEPENDENCY]
        if asked is None:
            # Some accounts have no totals. The documented dimensions are then the dimensions.
            known = [key for key in keys if (key not in part.totals if part.totals else key in DIMENSIONS)]
        else:
            known = list(asked)
        metrics = [key for key in dict.fromkeys((*keys, *part.totals)) if key not in known]
        return cls([part], known, metrics, attr_dependency=dependency)

    @property
    def totals(self) -> dict[str, Any]:
        """The service's own totals by metric; empty if the service sent none.

        Raises:
            ConfigurationError: Apps failed, or the report does not have exactly one part. Totals are not additive.
        """
        if len(self.parts) == 1 and not self.failures:
            return dict(self.parts[0].totals)
        if self.failures:
            raise ConfigurationError(
                f"there are no totals: {len(self.failures)} of the apps failed. See report.failures, "
                "and use the totals of each of report.parts"
            )
        raise ConfigurationError(
            f"the report has {len(self.parts)} parts, and totals are not additive: use the totals of each "
            "of report.parts, or request it with fan_out='none' and without window"
        )

    @cached_property
    def warnings(self) -> list[Any]:
        """The warnings about all parts, without duplicates: the service's own, and the SDK's about unexpected rows."""
        warnings: list[Any] = []
        for part in self.parts:
            for warning in part.warnings:
                if warning not in warnings:
                    warnings.append(warning)
        return warnings

    def rows(self, *, exact: bool = False) -> Iterator[dict[str, Any]]:
        """Yield each row as a dictionary from column to cell. It can be called repeatedly.

        Args:
            exact: Whether metrics are `Decimal`, with every digit that the service sent, instead of int and float.
        """
        readers = self._readers(exact=exact)
        names = [name for name, _ in readers]
        if not names:
            return ({} for _ in range(len(self)))
        columns = ([map(read, records.column(name)) for name, read in readers] for records in self._records)
        return chain.from_iterable(rows_of(names, cells) for cells in columns)

    def __len__(self) -> int:
        return sum(len(part.records) for part in self.parts)

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a row together: the dimensions; empty if two rows share all of them."""
        names = tuple(column for column, is_metric in self._asked.items() if not is_metric)
        columns = (self._read_column(name, reader(name, metric=False, exact=False)) for name in names)
        return names if are_unique(columns) else ()

    def cells(self, *, exact: bool = False) -> list[Sequence[Any]]:
        """Return the cells of each column, in the order of `schema`.

        Args:
            exact: Whether metrics are `Decimal`, as for `rows`.
        """
        return [self._read_column(name, read) for name, read in self._readers(exact=exact)]

    def _read_column(self, name: str, read: Callable[[Any], Any]) -> list[Any]:
        return [cell for records in self._records for cell in map(read, records.column(name))]

    def to_arrow(self) -> "pyarrow.Table":
        """Return an Arrow table with columns of int64, double, date32, timestamp or string, even without rows.

        Moments are `timestamp[us, UTC]` if any of them has an offset from UTC. Those without one then count as UTC.

        Raises:
            ConfigurationError: pyarrow is not installed (extra `arrow`).
            DecodeError: A number is too large for its column.
        """
        pyarrow = import_pyarrow()
        names = dict.fromkeys((*self._asked, *self._keys))
        arrays = []
        for name in names:
            cells = list(chain.from_iterable(records.column(name) for records in self._records))
            arrays.append(typed_array(name, cells, metric=name in self._metric_columns))
        return pyarrow.table(arrays, names=list(names))

    def _values(self) -> object:
        failures = {app: (type(error), str(error)) for app, error in self.failures.items()}
        return self.parts, failures, self._attr_dependency

    def melt_cohorts(self, *, exact: bool = False) -> Table:
        """Turn cohort metrics into rows: `retention_rate_d7` becomes `metric="retention_rate"`, `period=7`.

        Args:
            exact: Whether values are `Decimal`, as for `rows`.

        Returns:
            A table with the report's dimensions, then `metric`, `period` (an integer), `period_unit` (`day`, `week` or
            `month`) and `value`: one row for each row and cohort metric of the report. Other metrics are left out,
            because they would be repeated for each period.

        Raises:
            ConfigurationError: The report has no cohort metric, or a dimension with the name of a new column.
        """
        return melted(self, self._metric_columns, exact=exact)

    @cached_property
    def schema(self) -> tuple[Column, ...]:
        """The columns with their kinds."""
        readers = self._readers(exact=False)
        types: dict[str, set[type]] = {name: set() for name, _ in readers}
        for records in self._records:
            for name, read in readers:
                types[name].update(map(type, map(read, records.column(name))))
        return tuple(
            Column(name, (metric_kind if name in self._metric_columns else dimension_kind)(name, found - {type(None)}))
            for name, found in types.items()
        )

    def _described(self) -> str:
        rows = counted(sum(len(part.records) for part in self.parts), "row")
        periods = list(dict.fromkeys(part.date_period for part in self.parts if part.date_period))
        days = f", {periods[0].partition(':')[0]} to {periods[-1].rpartition(':')[2]}" if periods else ""
        if len(periods) == 1 and ":" not in periods[0]:
            days = f", {periods[0]}"
        return f"{rows}{days}{failed(self.failures)}"

    @cached_property
    def _asked(self) -> dict[str, bool]:
        """The requested columns, by their names in the answer. The values are whether they are metrics."""
        came = {key.lower(): key for key in self._keys}
        asked = {}
        for given, is_metric in ((self._dimensions, False), (self._metrics, True)):
            for name in given:
                column = name if name in self._keys else came.get(name.lower(), column_name(name))
                asked[column] = is_metric
        return asked

    @cached_property
    def _keys(self) -> dict[str, None]:
        """All keys of all rows, in the order of their first appearance."""
        return dict.fromkeys(key for records in self._records for key in records.keys)

    @cached_property
    def _metric_columns(self) -> frozenset[str]:
        # A column that was not requested, such as the figures of an earlier period, is a metric if the totals have it.
        totals = {key for part in self.parts for key in part.totals}
        return frozenset(key for key in (*self._asked, *self._keys) if self._asked.get(key, key in totals))

    def _readers(self, *, exact: bool) -> list[tuple[str, Callable[[Any], Any]]]:
        """Return the columns in order, each with a function that reads its cells."""
        columns = dict.fromkeys((*self._asked, *self._keys))
        return [(name, reader(name, metric=name in self._metric_columns, exact=exact)) for name in columns]

    @cached_property
    def _records(self) -> list[Records]:
        """The rows of each part, with its app if it is for one app, and with `attr_dependency` as requested."""
        found = []
        for part in self.parts:
            records = part.records
            if self._attr_dependency == "drop":
                records = records.without(_ATTR_DEPENDENCY)
            elif self._attr_dependency == "columns" and _ATTR_DEPENDENCY in records.keys:
                records = Records.of(list(map(self._with_implied, records)))
            if part.app_token is not None:
                records = records.with_constant("app_token", part.app_token)
            found.append(records)
        return found

    def _with_implied(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with columns instead of its `attr_dependency`."""
        plain = dict(row)
        implied = plain.pop(_ATTR_DEPENDENCY, None)
        if implied is not None:
            for key, value in (implied if isinstance(implied, Mapping) else {"": implied}).items():
                plain[self._column_of_implied(key, row)] = value
        return plain

    def _column_of_implied(self, key: str, row: Mapping[str, Any]) -> str:
        """Return the column for a key of `attr_dependency`: the key itself, unless another column has that name."""
        if not key:
            return _ATTR_DEPENDENCY
        column = key
        while column in row or column.lower() in self._lower_asked:
            column = f"{_ATTR_DEPENDENCY}_{column}"
        return column

    @cached_property
    def _lower_asked(self) -> frozenset[str]:
        return frozenset(name.lower() for name in (*self._dimensions, *self._metrics))


class PivotReport(Report):
    """A report of `adjust.reports.pivot`: a `Report` with the service's totals for each value of its index."""

    @property
    def totals_per_dimension(self) -> Any:
        """The service's own totals for each value of the index's dimensions, as it sent them.

        `None` if the report is empty, or the service sent none.
        """
        return self.parts[0].extra.get("totals_per_dimension")

    @property
    def index_totals(self) -> tuple[dict[str, Any], ...]:
        """The service's own totals below each value of the index: dictionaries of its dimensions and the metrics."""
        return tuple(self.parts[0].index_totals)


def _read(source: object) -> bytes:
    if isinstance(source, Path):
        return source.read_bytes()
    if isinstance(source, str):
        return source.encode(errors="surrogatepass")  # the result is then not JSON
    if isinstance(source, bytes):
        return source
    raise ConfigurationError(f"source is {shown(source)}: pass text, bytes or a pathlib.Path")
