"""A dlt source for Adjust, for loading it into DuckDB, Postgres and other databases. Needs the extra `dlt`.

    pipeline = dlt.pipeline("adjust", destination="duckdb", dataset_name="adjust")
    pipeline.run(adjust_source(metrics=["installs", "cost"], start_date="2026-01-01"))

A load requests the days whose figures Adjust may have restated again, and replaces them app by app and day by day.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import attrs

from adjust_async import AdjustError, AsyncAdjust, ConfigurationError, GoneError, RecordList
from adjust_async._checks import check_app_tokens, check_whole_number, shown
from adjust_async._figures.encoding import check_date
from adjust_async.integrations._extra import needs_extra
from adjust_async.integrations.blocking import Client, Opener
from adjust_async.integrations.days import RESTATE_DAYS, Days, Loaded, restated_for
from adjust_async.integrations.names import names_of
from adjust_async.integrations.schemas import cast, kpi_schema, report_schema

with needs_extra("dlt"):
    import dlt
    import pyarrow
    from dlt.extract import DltResource, DltSource

if TYPE_CHECKING:
    from dlt import Pipeline

    from adjust_async import KpiReport, Report

__all__ = ["Outcome", "adjust_source", "outcome_of"]

logger = logging.getLogger("adjust_async")

DIMENSIONS = ("day", "network")
METRICS = ("installs", "clicks", "sessions", "cost", "revenue")
#: The KPIs that the service returns if none are named.
KPIS = (
    *("clicks", "installs", "click_conversion_rate", "reattributions", "sessions", "revenue_events", "revenue"),
    *("daus", "waus", "maus"),
)
GROUPING = ("day",)

#: The number of days in one request: a backfill of years is split.
WINDOW = 31

#: The column that marks rows as deletions of all earlier rows of an app and day.
REMOVED = "_removed"


@attrs.define
class Outcome:
    """The result of one load for one table.

    Attributes:
        inserted: The number of rows of days that were not stored before; of a table without days, all rows.
        restated: The number of rows of days that were stored before, and have been replaced.
        failed: The error of each app that failed. Its earlier rows are kept, and the next load requests it again.
        left: Apps with earlier rows that the account no longer has, with the newest of their days. Their rows are
            kept.
    """

    inserted: int = 0
    restated: int = 0
    failed: dict[str, str] = attrs.field(factory=dict)
    left: dict[str, str] = attrs.field(factory=dict)


def adjust_source(
    apps: str | Iterable[str] | None = None,
    dimensions: Iterable[str] = DIMENSIONS,
    metrics: Iterable[str] = METRICS,
    *,
    start_date: date | str,
    end_date: date | str | None = None,
    restate_days: int | None = None,
    kpis: Iterable[str] = KPIS,
    grouping: Iterable[str] = GROUPING,
    **client: Any,
) -> DltSource:
    """Return a dlt source with the resources `reports`, `kpis`, `trackers`, `partners`, `apps` and `events`.

    `kpis` is loaded only if it is selected (`with_resources`), because Adjust has switched the KPI Service off for many
    accounts. A load of `reports` or `kpis` replaces whole days of each app, so loading twice has the same result as
    loading once. An app that fails keeps its rows, and the next load requests the same days. An app that the account
    no longer has keeps its rows too. `outcome_of` returns both.

    Args:
        apps: The app tokens; by default all apps of the account at the time of each load.
        dimensions: The dimensions of `reports`, including `day`; by default `day` and `network`.
        metrics: The metrics of `reports`; by default installs, clicks, sessions, cost and revenue. A metric
            that is new since the last load is loaded for all days.
        start_date: The first day to load.
        end_date: The last day to load; by default today in UTC at the time of each load.
        restate_days: The number of days for which Adjust restates figures, by default 7. That many stored days are
            requested again. A metric of a cohort of day N, such as `retention_rate_d30`, adds N days.
        kpis: The KPIs of `kpis`; by default those that the service returns if none are named.
        grouping: The levels of `kpis`, including `day`; by default only `day`.
        client: Options of `AsyncAdjust`, such as `token` and `api_url`. Their defaults are those of `AsyncAdjust`.

    Raises:
        ConfigurationError: An argument is wrong. Nothing was sent.
        TypeError: `AsyncAdjust` has no such option.
    """
    __tracebackhide__ = True
    opener = Opener(client)
    del client  # it may hold the token, which no frame of a traceback must have
    tokens = None if apps is None else check_app_tokens(apps, "apps")
    start = check_date(start_date, "start_date")
    end = None if end_date is None else check_date(end_date, "end_date")
    again = check_whole_number(RESTATE_DAYS if restate_days is None else restate_days, "restate_days", least=0)
    levels, figures = names_of(dimensions, "dimensions"), names_of(metrics, "metrics")
    of_reports = _Figures("reports", "day", start, end, again, levels, figures)
    levels, figures = names_of(grouping, "grouping"), names_of(kpis, "kpis")
    of_kpis = _Figures("kpis", "date", start, end, again, levels, figures)
    if start > of_reports.days.last:
        named = "today in UTC" if end is None else f"end_date, {end}"
        raise ConfigurationError(f"start_date is {start}, which is after {named}: pass an earlier day")
    any_app = ["app"] if tokens is None else tokens
    opener.check(lambda adjust: [each.ask(adjust, any_app, start, start) for each in (of_reports, of_kpis)])
    for name, each in (("dimensions", of_reports), ("grouping", of_kpis)):
        if "day" not in each.days.breakdown:
            raise ConfigurationError(f"{name} has no 'day': a load replaces whole days, so add it")

    def resources() -> list[DltResource]:
        return [
            of_reports.resource(opener, tokens),
            of_kpis.resource(opener, tokens),
            _trackers(opener, tokens),
            _whole("partners", opener, lambda client: client.partners.list()),
            _whole("apps", opener, lambda client: client.apps.list()),
            _whole("events", opener, lambda client: client.reports.events()),
        ]

    source = dlt.source(resources, name="adjust", max_table_nesting=0)()
    source.kpis.selected = False
    return source


def outcome_of(pipeline: "Pipeline") -> dict[str, Outcome]:
    """Return the result of a pipeline's last `run` for each table; empty if it only finished an earlier load.

    Raises:
        ConfigurationError: It is not a pipeline.
    """
    if not isinstance(pipeline, dlt.Pipeline):
        raise ConfigurationError(f"pipeline is {shown(pipeline)}: pass the pipeline that dlt.pipeline returned")
    trace = pipeline.last_trace
    steps = [step.step_info for step in trace.steps if step.step == "extract"] if trace else []
    outcomes: dict[str, Outcome] = {}
    for info in steps:
        for runs in getattr(info, "metrics", {}).values():
            for metrics in runs:
                for name, of_resource in metrics["resource_metrics"].items():
                    if "inserted" in of_resource.custom_metrics:
                        outcomes[name] = Outcome(**of_resource.custom_metrics)
    return outcomes


class _Figures:
    """A table of figures by day, `reports` or `kpis`."""

    def __init__(
        self,
        name: str,
        day: str,
        start: date,
        end: date | None,
        restate_days: int,
        breakdown: Sequence[str],
        figures: Sequence[str],
    ) -> None:
        self.name = name
        self.days = Days(start, end, restated_for(figures, restate_days), breakdown, figures)
        self._day = day

    def ask(
        self, adjust: AsyncAdjust, apps: Sequence[str], first: date, last: date
    ) -> "AsyncGenerator[tuple[str, Report | KpiReport], None]":
        """Request some days of some apps."""
        if self.name == "kpis":
            return adjust.kpis.stream(
                apps,
                start_date=first,
                end_date=last,
                kpis=self.days.figures,
                grouping=self.days.breakdown,
                window=WINDOW,
                on_failure="keep",
            )
        return adjust.reports.stream(
            app_tokens=apps,
            dimensions=self.days.breakdown,
            metrics=self.days.figures,
            date_period=(first, last),
            window=WINDOW,
            on_failure="keep",
        )

    def resource(self, opener: Opener, apps: Sequence[str] | None) -> DltResource:
        """Return the dlt resource."""
        # A merge by the key of a row would keep rows that the service no longer has. Every key includes app and day, so
        # a marked row with both removes everything that is stored for them.
        return dlt.resource(
            lambda: self._load(opener, apps),
            name=self.name,
            write_disposition={"disposition": "merge", "strategy": "delete-insert"},
            merge_key=["app_token", self._day],
            columns={REMOVED: {"data_type": "bool", "hard_delete": True, "nullable": True}},
        )

    def _load(self, opener: Opener, apps: Sequence[str] | None) -> Iterator[pyarrow.Table]:
        stored: dict[str, Loaded] = dlt.current.resource_state().setdefault("apps", {})
        with _outcome(self.name) as outcome, opener.open() as client:
            tokens = _apps_of(client) if apps is None else apps
            if apps is None:
                outcome.left = {token: stored[token]["newest"] for token in stored if token not in tokens}
            yield from self._load_apps(client, tokens, stored, outcome)

    def _load_apps(
        self, client: Client, tokens: Sequence[str], stored: dict[str, Loaded], outcome: Outcome
    ) -> Iterator[pyarrow.Table]:
        schema = self._schema()
        errors: list[AdjustError] = []
        groups: dict[tuple[date, date], list[str]] = {}
        for token in dict.fromkeys(tokens):
            if period := self.days.to_ask(stored.get(token)):
                groups.setdefault(period, []).append(token)
        for (first, last), members in groups.items():
            for token, answer in self._answers(client, members, first, last):
                try:
                    table = answer if isinstance(answer, AdjustError) else cast(answer, schema, token)
                except AdjustError as error:
                    table = error
                if isinstance(table, AdjustError):
                    errors.append(table)
                    outcome.failed[token] = str(table)
                    continue
                self._count(table, stored.get(token), outcome)
                yield self._replacing(table, token, first, last)
                stored[token] = self.days.after(stored.get(token), last)
        # The KPI Service is switched off for whole accounts. Their other tables are loaded nevertheless.
        if errors and len(errors) == sum(map(len, groups.values())) and not isinstance(errors[0], GoneError):
            raise errors[0]

    def _schema(self) -> pyarrow.Schema:
        if self.name == "kpis":
            return kpi_schema(self.days.figures, self.days.breakdown)
        return report_schema(self.days.breakdown, self.days.figures)

    def _answers(
        self, client: Client, apps: Sequence[str], first: date, last: date
    ) -> "Iterator[tuple[str, Report | KpiReport | AdjustError]]":
        """Yield each app with its report or its error."""
        came = set()
        try:
            for token, report in client.iterate(lambda: self.ask(client.adjust, apps, first, last)):
                came.add(token)
                yield token, report.failures.get(token, report)
        except AdjustError:
            if came != set(apps):
                raise
            # All of them failed, and each error has been yielded.

    def _count(self, table: pyarrow.Table, loaded: Loaded | None, outcome: Outcome) -> None:
        restated = 0
        if loaded is not None:
            begin, newest = date.fromisoformat(loaded["start"]), date.fromisoformat(loaded["newest"])
            restated = sum(begin <= day <= newest for day in table.column(self._day).to_pylist())
        outcome.restated += restated
        outcome.inserted += table.num_rows - restated

    def _replacing(self, table: pyarrow.Table, app_token: str, first: date, last: date) -> pyarrow.Table:
        """Return the rows, with marked rows that delete the earlier ones of an app and some days."""
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return _replacing(table, {"app_token": [app_token] * len(days), self._day: days})


def _replacing(table: pyarrow.Table, keys: Mapping[str, Sequence[Any]]) -> pyarrow.Table:
    """Return marked rows that delete earlier ones, followed by the rows that replace them."""
    rows = table.append_column(REMOVED, pyarrow.nulls(table.num_rows, pyarrow.bool_()))
    count = len(next(iter(keys.values())))
    marks = [
        pyarrow.array(keys[field.name], field.type) if field.name in keys else pyarrow.nulls(count, field.type)
        for field in table.schema
    ]
    marks.append(pyarrow.array([True] * count))
    # dlt assumes that the columns of a merge key are never null, and warns if the Arrow schema says otherwise.
    schema = pyarrow.schema([field.with_nullable(field.name not in keys) for field in rows.schema])
    return pyarrow.concat_tables([pyarrow.Table.from_arrays(marks, schema=schema), rows.cast(schema)])


@contextmanager
def _outcome(table: str) -> Iterator[Outcome]:
    """Store the outcome of a table in dlt's metrics, and log the apps that were left unchanged."""
    metrics = dlt.current.resource_metrics()
    outcome = Outcome()
    try:
        yield outcome
    finally:
        metrics.update(attrs.asdict(outcome))
    for app_token, error in outcome.failed.items():
        logger.warning("%s keeps the earlier rows of app %s, which failed: %s", table, app_token, error)
    for app_token in outcome.left:
        logger.warning("%s keeps the earlier rows of app %s, which the account no longer has", table, app_token)


def _apps_of(client: Client) -> list[str]:
    return [app.token for app in client.call(lambda: client.adjust.apps.list().collect())]


def _trackers(opener: Opener, apps: Sequence[str] | None) -> DltResource:
    """Return the resource of the trackers, each with the token of its parent."""

    def load() -> Iterator[pyarrow.Table]:
        with _outcome("trackers") as outcome, opener.open() as client:
            tokens = list(dict.fromkeys(_apps_of(client) if apps is None else apps))
            errors = []
            for token in tokens:
                try:
                    found = client.call(client.adjust.trackers.walk(token).to_table)
                except AdjustError as error:
                    errors.append(error)
                    outcome.failed[token] = str(error)
                    continue
                outcome.inserted += len(found)
                yield _replacing(found.to_arrow(), {"app_token": [token]})
            if errors and len(errors) == len(tokens):
                raise errors[0]

    return dlt.resource(
        load,
        name="trackers",
        write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        merge_key="app_token",
        columns={REMOVED: {"data_type": "bool", "hard_delete": True, "nullable": True}},
    )


def _whole(name: str, opener: Opener, listing: Callable[[AsyncAdjust], RecordList[Any]]) -> DltResource:
    """Return the resource of a list that each load replaces."""

    def load() -> Iterator[pyarrow.Table]:
        with _outcome(name) as outcome, opener.open() as client:
            found = client.call(listing(client.adjust).to_table)
            outcome.inserted = len(found)
            yield found.to_arrow()

    return dlt.resource(load, name=name, write_disposition="replace")
