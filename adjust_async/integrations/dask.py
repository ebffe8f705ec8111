"""Reports as Dask data frames, with one partition for each app and window. Needs the extra `dask`.

    frame = read_report(["day"], ["installs"], ("2025-01-01", "2025-12-31"), ["yxs12pfewq"], window="month")
    frame.to_parquet("installs")

The workers make the requests. Each finds the API token in its own environment, so no token travels with the tasks.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

from adjust_async import AdjustError, AsyncAdjust, ConfigurationError, KpiReport, Report
from adjust_async._checks import check_app_tokens, shown
from adjust_async._figures.encoding import check_date
from adjust_async._figures.windows import Period, Window, check_window, split
from adjust_async.integrations._extra import needs_extra
from adjust_async.integrations.blocking import Opener
from adjust_async.integrations.names import names_of
from adjust_async.integrations.schemas import cast, kpi_schema, report_schema

with needs_extra("dask"):
    import dask.dataframe
    import pandas

if TYPE_CHECKING:
    import pyarrow

__all__ = ["read_kpis", "read_report"]


@attrs.frozen
class _ReportQuestion:
    """A query to the Report Service. It is sent to the workers, and holds no secret."""

    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]

    def ask(
        self, adjust: AsyncAdjust, app_tokens: Sequence[str], days: Period, window: Window | None = None
    ) -> AsyncGenerator[tuple[str, Report], None]:
        return adjust.reports.stream(
            app_tokens=app_tokens,
            dimensions=self.dimensions,
            metrics=self.metrics,
            date_period=(days.start, days.end),
            window=window,
        )

    def schema(self) -> "pyarrow.Schema":
        return report_schema(self.dimensions, self.metrics)


@attrs.frozen
class _KpiQuestion:
    """A query to the KPI Service. It is sent to the workers, and holds no secret."""

    kpis: tuple[str, ...]
    grouping: tuple[str, ...]

    def ask(
        self, adjust: AsyncAdjust, app_tokens: Sequence[str], days: Period, window: Window | None = None
    ) -> AsyncGenerator[tuple[str, KpiReport], None]:
        return adjust.kpis.stream(
            app_tokens,
            kpis=self.kpis,
            grouping=self.grouping,
            start_date=days.start,
            end_date=days.end,
            window=window,
        )

    def schema(self) -> "pyarrow.Schema":
        return kpi_schema(self.kpis, self.grouping)


def read_report(
    dimensions: Iterable[str],
    metrics: Iterable[str],
    date_period: tuple[date | str, date | str],
    app_tokens: str | Iterable[str],
    window: Window | None = None,
    **client: Any,
) -> "dask.dataframe.DataFrame":
    """Return a report as a Dask data frame. Nothing is requested until it is computed.

    Args:
        dimensions: The dimensions, as for `Reports.fetch`.
        metrics: The metrics.
        date_period: The first and the last day, both included.
        app_tokens: One app token, or several.
        window: Splits the days into partitions: `"day"`, `"week"` (from Sunday), `"month"`, or a number of days. By
            default each app is one partition. Allowed only if the dimensions keep the windows apart.
        client: Options of `AsyncAdjust` for the workers' clients, except for the token, which each worker reads from
            `ADJUST_API_TOKEN` or `~/.adjustrc`. `coordinator` must be a URL that all workers can reach. Without it and
            `ADJUST_COORDINATOR`, each worker process has limits of its own.

    Returns:
        A data frame with `app_token`, the dimensions and the metrics, in Arrow types. Its partitions are in the order
        of the apps, and for each app in the order of the windows. If a request fails, computing raises its
        `AdjustError`, with a note that names the app and the days.

    Raises:
        ConfigurationError: An argument is wrong.
        TypeError: `AsyncAdjust` has no such option.
    """
    __tracebackhide__ = True
    question = _ReportQuestion(names_of(dimensions, "dimensions"), names_of(metrics, "metrics"))
    # Weeks of the Report Service begin on Sunday, those of the KPI Service on Monday.
    return _frame("adjust-report", question, date_period, app_tokens, window, client, last_weekday=5)


def read_kpis(
    kpis: Iterable[str],
    grouping: Iterable[str],
    date_period: tuple[date | str, date | str],
    app_tokens: str | Iterable[str],
    window: Window | None = None,
    **client: Any,
) -> "dask.dataframe.DataFrame":
    """Return deliverables of the KPI Service as a Dask data frame. Nothing is requested until it is computed.

    Args:
        kpis: The KPIs, as for `KPIs.deliverables`.
        grouping: The levels to group by, outermost first.
        date_period, app_tokens, client: As in `read_report`.
        window: As in `read_report`; a week begins on Monday.

    Returns:
        A data frame like that of `read_report`, with the columns of `KpiReport`.

    Raises:
        ConfigurationError: An argument is wrong.
        TypeError: `AsyncAdjust` has no such option.
    """
    __tracebackhide__ = True
    question = _KpiQuestion(names_of(kpis, "kpis"), names_of(grouping, "grouping"))
    return _frame("adjust-kpis", question, date_period, app_tokens, window, client, last_weekday=6)


def _frame(
    name: str,
    question: _ReportQuestion | _KpiQuestion,
    date_period: Any,
    app_tokens: str | Iterable[str],
    window: Window | None,
    client: dict[str, Any],
    *,
    last_weekday: int,
) -> "dask.dataframe.DataFrame":
    __tracebackhide__ = True
    _refuse_secrets(client)
    if not isinstance(date_period, (tuple, list)) or len(date_period) != 2:
        raise ConfigurationError(f"date_period is {shown(date_period)}: pass the first and the last day as a pair")
    days = Period(*(check_date(day, "date_period") for day in date_period))
    apps = check_app_tokens(app_tokens)
    # The client of the check sends nothing, so any token will do.
    Opener({**client, "token": "unused"}).check(lambda adjust: question.ask(adjust, apps, days, window))
    windows = [days] if window is None else split(days, check_window(window), last_weekday=last_weekday)
    meta = _to_pandas(question.schema().empty_table())
    places = [(app, period) for app in apps for period in windows]
    return dask.dataframe.from_map(_read, places, question=question, client=client, meta=meta, label=name)


def _read(place: tuple[str, Period], question: _ReportQuestion | _KpiQuestion, client: dict[str, Any]) -> Any:
    """Fetch one partition with this worker's client."""
    app_token, days = place
    ask: Callable[[AsyncAdjust], AsyncGenerator[tuple[str, Any], None]]
    try:
        with Opener(client).share() as opened:
            ask = lambda adjust: question.ask(adjust, [app_token], days)  # noqa: E731 # typed for two questions
            [(_, report)] = opened.iterate(lambda: ask(opened.adjust))
            return _to_pandas(cast(report, question.schema(), app_token))
    except AdjustError as error:
        error.add_note(f"This was the partition of app {app_token} from {days.start} to {days.end}.")
        raise


def _to_pandas(table: "pyarrow.Table") -> pandas.DataFrame:
    return table.to_pandas(types_mapper=pandas.ArrowDtype)


def _refuse_secrets(client: dict[str, Any]) -> None:
    if "token" in client:
        raise ConfigurationError("token would travel with every task: set ADJUST_API_TOKEN on the workers instead")
    coordinator = client.get("coordinator")
    if coordinator is None:
        return
    if not isinstance(coordinator, str):
        raise ConfigurationError("coordinator is not a URL: pass one that every worker can reach")
    if urlsplit(coordinator).password:
        raise ConfigurationError(
            "coordinator has a password, which would travel with every task: "
            "set ADJUST_COORDINATOR on the workers instead"
        )
