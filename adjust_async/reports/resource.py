"""`adjust.reports`: figures of the Report Service, as reports, streams of rows, and files."""

import copy
import os
from collections.abc import AsyncGenerator, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from adjust_async._checks import check_app_tokens, check_bool
from adjust_async._figures.per_app import OnFailure
from adjust_async._figures.windows import Window
from adjust_async._http.session import Session
from adjust_async._signatures import spelled_out
from adjust_async.errors import ConfigurationError
from adjust_async.progress import OnProgress, check_on_progress
from adjust_async.reports.account import Account
from adjust_async.reports.downloads.csv import csv_rows, save_csv
from adjust_async.reports.downloads.parquet import read_parquet, save_parquet
from adjust_async.reports.downloads.saved import SavedReport
from adjust_async.reports.lists import FilterLists, ReportList
from adjust_async.reports.lookups import check_events, check_filters
from adjust_async.reports.models import ReportEvent
from adjust_async.reports.parameters import CsvQuery, Names, ReportQuery
from adjust_async.reports.question import FanOut, check_question
from adjust_async.reports.report import AttrDependency, PivotReport, Report
from adjust_async.reports.request import ask, ask_pivot, stream
from adjust_async.tables import RecordList
from adjust_async.tables.files import file_place

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Reports"]

AppTokens: TypeAlias = str | Iterable[str]


class Reports:
    """Figures of the account's apps. Follows the documentation of the Report Service, which succeeds the KPI Service.

    The methods share these arguments:

    Args:
        dimensions: The columns to group by, such as `["day", "app", "network"]`.
        metrics: The columns of figures, such as `["installs", "cost", "retention_rate_d7"]`.
        date_period: The first and the last day, both included, as a pair of `datetime.date`, ISO texts or moments at
            midnight, such as a `pandas.Timestamp`; or in the service's format: `"2026-11-01:2026-11-21"`, `"-7d:-1d"`,
            a mix, or a word such as `"last_month"`.
        app_tokens: One app token, or several. By default all apps of the account; Adjust may then leave out newer
            trackers.
        filters: Conditions for rows: dimensions with `__in`, `__not_in`, `__contains`, `__exclude`, `__starts_with`,
            `__not_starts_with`, `__ends_with`, `__not_ends_with`, metrics with `__lt`, `__lte`, `__gt`, `__gte`,
            `__eq`, `__ne`. For example `{"campaign__contains": "ios", "installs__gte": 10}`. A text with a comma is
            sent in double quotes, which works but is not documented; `parameters` sends a filter unchanged.
        hour__between: Only these hours, as a pair such as `(8, 17)`, or in the service's format, `"-10h:-0h"`.
        utc_offset, timezone_id: The offset or time zone in which days begin, such as `"+05:30"` or `"Europe/Berlin"`;
            UTC by default.
        currency: The currency of money, such as `"EUR"`.
        cohort_maturity: `"immature"` or `"mature"`.
        attribution_type, attribution_types: `"click"`, `"impression"`, `"all"`; newer accounts accept a list.
        attribution_source: `"dynamic"` (default) or `"first"`.
        reattributed: `True`, `False` or `"all"`.
        os_names: Only figures of these.
        sandbox: Whether to return figures of the sandbox instead of production, the default.
        ad_spend_mode: `"adjust"`, `"network"` or `"mixed"`.
        ad_revenue_sources, iap_revenue_mode, period_over_period, index: As the service documents them.
        sort: Columns to sort by, with a `-` before those in descending order.
        limit: The maximum number of rows.
        format_dates: Whether dates are formatted as in the dashboard. By default they are ISO, and parsed into dates.
        include_attr_dependency: Whether the service sends `attr_dependency`; by default if the argument of that name
            needs it.
        parameters: Parameters that Adjust added later, by name.

    Raises:
        ConfigurationError: An argument is wrong. Nothing was sent.
        BadRequestError: The service refused the query. If possible, the message names the refused metric or dimension,
            and similar names once `filters` has returned them.
        DecodeError: An answer is not what the service documents.
        AdjustError: The request failed. A failure never looks like an empty report, and an empty report never raises.
    """

    def __init__(self, session: Session) -> None:
        self._account = Account(session)

    def over(self, session: Session) -> "Reports":
        """Return a copy for a view of the session, with the same knowledge of the account."""
        view = copy.copy(self)
        view._account = self._account.over(session)  # noqa: SLF001 - of this class
        return view

    @spelled_out
    async def fetch(
        self,
        *,
        app_tokens: AppTokens | None = None,
        fan_out: FanOut | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        attr_dependency: AttrDependency = "drop",
        on_progress: OnProgress | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[ReportQuery],
    ) -> Report:
        """Return a report.

        Args:
            app_tokens, parameters: As described in the class.
            fan_out: `"app"` sends one concurrent request for each app, and joins the rows with a column `app_token`.
                `"none"` sends one request, so figures may span apps. By default `"app"` if `app_tokens` is passed,
                unless there is a `limit`, `sort` or `index`, which would apply to each app separately.
            window: Splits the range into windows that are requested concurrently: `"day"`, `"week"` (from Sunday),
                `"month"`, or a number of days from 1 to 366. By default the range is not split. Allowed only if the
                dimensions make the join exact.
            on_failure: `"raise"`, the default, raises the first failure and cancels the other requests. `"keep"`
                returns the report of the other apps, with `failures`; if every app failed, it raises the error of the
                first app.
            attr_dependency: The service's data on what the dimensions of each row imply. `"drop"`, the default, leaves
                it out, `"columns"` turns it into columns, and `"keep"` keeps it as a dictionary in the column
                `attr_dependency`.
            on_progress: A function that is called in the event loop with the number of finished requests, their total,
                and the app of the last one. It should return quickly; an exception from it ends the call.
            query: The parameters described in the class.

        Returns:
            The `Report`, with its rows in the order of the requested apps, and for each app in the order of the
            windows. The service's totals are in `totals`, or in `parts` if there are several. The report is empty if
            the service has no figures (204).

        Raises:
            AdjustError: As described in the class.
        """
        __tracebackhide__ = True
        question = check_question(
            query,
            app_tokens=app_tokens,
            parameters=parameters,
            fan_out=fan_out,
            window=window,
            on_failure=on_failure,
            attr_dependency=attr_dependency,
        )
        return await ask(self._account, question, check_on_progress(on_progress))

    @spelled_out
    def stream(
        self,
        *,
        app_tokens: AppTokens,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        attr_dependency: AttrDependency = "drop",
        on_progress: OnProgress | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[ReportQuery],
    ) -> AsyncGenerator[tuple[str, Report], None]:
        """Request each app separately, and yield each when it arrives.

        Args:
            app_tokens, parameters: As described in the class.
            window, on_failure, attr_dependency, on_progress: As in `fetch`.
            query: The parameters described in the class.

        Returns:
            An async generator of pairs of an app token and the report of only that app. With `on_failure="keep"`, a
            failed app is yielded too, with a report without rows that has the error in `failures`. If every app failed,
            the first app's error is raised after the last of them.

        Raises:
            AdjustError: As described in the class.
        """
        __tracebackhide__ = True
        question = check_question(
            query,
            app_tokens=app_tokens,
            parameters=parameters,
            fan_out="app",
            window=window,
            on_failure=on_failure,
            attr_dependency=attr_dependency,
        )
        return stream(self._account, question, check_on_progress(on_progress))

    @spelled_out
    async def pivot(
        self,
        *,
        app_tokens: AppTokens | None = None,
        attr_dependency: AttrDependency = "drop",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[ReportQuery],
    ) -> PivotReport:
        """Return a pivot report, which has totals for each value of the dimensions in `index`. `index` is required.

        Args:
            app_tokens, parameters: As described in the class.
            attr_dependency: As in `fetch`.
            query: The parameters described in the class.

        Returns:
            The `PivotReport`, with `totals_per_dimension` and `index_totals`.

        Raises:
            AdjustError: As described in the class.
        """
        __tracebackhide__ = True
        if query.get("index") is None:
            raise ConfigurationError("index is missing: pass the dimensions to compute totals for, as a list")
        question = check_question(query, app_tokens=app_tokens, parameters=parameters, attr_dependency=attr_dependency)
        return await ask_pivot(self._account, question)

    @spelled_out
    def iter_csv(
        self,
        *,
        app_tokens: AppTokens | None = None,
        exact: bool = False,
        on_progress: OnProgress | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[CsvQuery],
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the rows of a CSV report as they arrive, in bounded memory however large the report is.

            async for row in adjust.reports.iter_csv(dimensions=["day"], metrics=["installs"], date_period="-7d:-1d"):
                ...

        Args:
            app_tokens, parameters: As described in the class. One request covers all apps.
            on_progress: A function that is called in the event loop with the number of bytes received, their total
                (`None` if the service does not send it), and `"csv_report"`. An exception from it ends the iteration.
            exact: Whether metrics are `Decimal`, with every digit that the service sent, instead of int and float.
            query: The parameters described in the class, and `readable_names`: the dashboard's names as headers, with
                text in all cells.

        Returns:
            An async generator of rows, each a dictionary from column to cell like those of `Report.rows`. An empty cell
            of a metric or a date is `None`.

        Raises:
            AdjustError: As described in the class; also between rows, if the answer is cut off. A note on the error
                says how many rows were yielded. If only the end of the connection marks the end of the answer, a
                warning is logged instead.
        """
        __tracebackhide__ = True
        check_bool(exact, "exact")
        question = check_question(query, app_tokens=app_tokens, parameters=parameters, takes=CsvQuery)
        return csv_rows(self._account, question, check_on_progress(on_progress), exact=exact)

    @spelled_out
    async def download_csv(
        self,
        path: str | os.PathLike[str],
        *,
        on_progress: OnProgress | None = None,
        app_tokens: AppTokens | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[CsvQuery],
    ) -> SavedReport:
        """Write a CSV report to a file, as the service sends it.

            saved = await adjust.reports.download_csv("installs.csv", dimensions=["day"], metrics=["installs"], ...)

        The file is complete or absent. An existing file is replaced at the end, and keeps its mode. An answer that
        is cut off is requested again.

        Args:
            path: The file.
            on_progress: A function that is called in the event loop with the number of bytes received, their total
                (`None` if the service does not send it), and the file's name. After an answer that was cut off, it
                starts again from 0. It should return quickly.
            app_tokens, parameters, query: As in `iter_csv`, with `readable_names`.

        Returns:
            The path, the size in bytes, the number of rows and the columns.

        Raises:
            ConfigurationError: There can't be a file at `path`. Nothing was sent.
            DecodeError: The answer is not a CSV; or only the end of the connection marked its end, also when it was
                requested again.
            AdjustError: As described in the class; or the file can't be written, with the `OSError` as its cause.
        """
        __tracebackhide__ = True
        place, hook = file_place(path), check_on_progress(on_progress)
        question = check_question(query, app_tokens=app_tokens, parameters=parameters, takes=CsvQuery)
        return await save_csv(self._account, question, place, hook)

    @spelled_out
    async def read_parquet(
        self,
        *,
        app_tokens: AppTokens | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[ReportQuery],
    ) -> "pyarrow.Table":
        """Return a Parquet report as an Arrow table (extra `arrow`). Adjust recommends Parquet for large reports.

        Args:
            app_tokens, parameters: As described in the class. One request covers all apps.
            query: The parameters described in the class.

        Returns:
            The table, with the columns and types of `fetch(...).to_arrow()`.

        Raises:
            ConfigurationError: An argument is wrong, or pyarrow is not installed (extra `arrow`). Nothing was sent.
            AdjustError: As described in the class.
        """
        __tracebackhide__ = True
        question = check_question(query, app_tokens=app_tokens, parameters=parameters)
        return await read_parquet(self._account, question)

    @spelled_out
    async def download_parquet(
        self,
        path: str | os.PathLike[str],
        *,
        on_progress: OnProgress | None = None,
        app_tokens: AppTokens | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[ReportQuery],
    ) -> SavedReport:
        """Write a Parquet report to a file.

        The file is complete or absent, as in `download_csv`. It has the columns and types of `read_parquet`, and all of
        its pages have been checked. Needs the extra `arrow`.

        Args:
            path, on_progress: As in `download_csv`.
            app_tokens, parameters, query: As in `read_parquet`.

        Returns:
            The path, the size in bytes, the number of rows and the columns.

        Raises:
            ConfigurationError: An argument is wrong, there can't be a file at `path`, or pyarrow is not installed.
                Nothing was sent.
            DecodeError: The answer is not Parquet, or is cut off.
            AdjustError: As described in the class; or the file can't be written, with the `OSError` as its cause.
        """
        __tracebackhide__ = True
        place, hook = file_place(path), check_on_progress(on_progress)
        question = check_question(query, app_tokens=app_tokens, parameters=parameters)
        return await save_parquet(self._account, question, place, hook)

    def filters(
        self,
        required_filters: Names,
        *,
        section: str | None = None,
        contains: Mapping[str, str] | None = None,
    ) -> FilterLists:
        """List the names and values that reports can use. Follows the "Filters data endpoint".

        Once this has returned `dimensions` and lists of metrics, without `section` and `contains`, errors about unknown
        names suggest similar ones.

        Args:
            required_filters: The lists, such as `["overview_metrics", "cohort_metrics", "dimensions", "networks"]`.
            section: A section of the dashboard, to return only its values; all by default.
            contains: A text for each list that ids or names must contain: `{"networks": "google"}`.

        Returns:
            The lists. Await them for a dictionary from the name of each list to its values, or use `to_table()`. A list
            or a value that Adjust's documentation does not describe is returned as the service sent it, and a warning
            is logged.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
            AdjustError: (on awaiting) The request failed.
        """
        __tracebackhide__ = True
        return FilterLists(self._account, check_filters(required_filters, section, contains))

    def events(
        self,
        *,
        events__contains: str | None = None,
        app_tokens: AppTokens | None = None,
        tokens_mapping: bool | None = None,
    ) -> RecordList[ReportEvent]:
        """List the events that have metrics. Follows the "Events endpoint".

        Args:
            events__contains: A text that the id or the name of an event must contain.
            app_tokens: The apps whose events to return; by default all.
            tokens_mapping: Whether to return the event tokens of each app; not by default.

        Returns:
            The events. Await them, iterate them with `async for`, or use `to_table()`. `{id}_events` and `{id}_revenue`
            are names of metrics. An event that Adjust's documentation does not describe is returned as the service sent
            it, and a warning is logged.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
            AdjustError: (on iterating or awaiting) The request failed.
        """
        __tracebackhide__ = True
        tokens = None if app_tokens is None else tuple(check_app_tokens(app_tokens))
        spec = check_events(events__contains, tokens, tokens_mapping)
        return ReportList(ReportEvent, partial(self._account.session.request, spec), "the account's events")
