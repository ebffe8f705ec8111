"""`adjust.reports`: the figures of the Report Service, as reports, streams of rows, and files."""

import os
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Unpack, overload

from adjust_async._checks import check_app_tokens, check_bool, check_whole_number, shown
from adjust_async._figures.encoding import iso_date
from adjust_async._figures.windows import Window
from adjust_async._http.session import Session
from adjust_async.errors import ConfigurationError
from adjust_async.reports import lookups as _report_names, question as _report_question
from adjust_async.reports.downloads import csv as _report_rows, parquet as _report_parquet
from adjust_async.reports.downloads.atomic_file import OnProgress, target
from adjust_async.reports.models import FilterValue, ReportEvent
from adjust_async.reports.parameters import Names, ReportQuery, check_report, periods_of
from adjust_async.reports.question import ReportQuestion
from adjust_async.reports.report import AttrDependency, PivotReport, Report
from adjust_async.reports.request import ALL_METRICS

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Reports", "SavedReport", "lookback"]

FanOut = Literal["app", "none"]
OnFailure = Literal["raise", "keep"]
AppTokens = str | Iterable[str]

#: The arguments of the methods that are no parameters of the service.
_OWN = frozenset(
    ("app_tokens", "fan_out", "window", "on_failure", "attr_dependency", "path", "on_progress", "exact", "parameters")
)


class CsvQuery(ReportQuery, total=False):
    """What a CSV report takes."""

    readable_names: bool | None


class SavedReport(NamedTuple):
    """A report that was written to a file.

    Attributes:
        path: The file.
        size: Its size in bytes.
        rows: How many rows it has; `None` for Parquet where pyarrow is not installed.
        columns: Their columns; empty for Parquet where pyarrow is not installed.
    """

    path: Path
    size: int
    rows: int | None
    columns: tuple[str, ...]


def lookback(newest: date | str, days: int, *, today: date | str | None = None) -> tuple[date, date]:
    """Say which days to ask for now, so that what Adjust restated since the last time is read again.

        adjust.reports.fetch(..., date_period=lookback("2026-11-18", 7))

    Args:
        newest: The newest day that is stored already.
        days: For how many days Adjust restates figures: so many of the stored days, the newest among them, are asked
            for again; 0 for none.
        today: The day to ask up to; by default today in UTC, which east of it is yesterday for some hours of the day:
            give it where reports have another `utc_offset` or `timezone_id`.

    Returns:
        The first and the last day, both included, as a `date_period`.

    Raises:
        ConfigurationError: An argument is wrong, `newest` lies after `today`, or nothing is left to ask for.
    """
    newest = date.fromisoformat(iso_date(newest, "newest"))
    last = datetime.now(UTC).date() if today is None else date.fromisoformat(iso_date(today, "today"))
    check_whole_number(days, "days", least=0)
    if newest > last:
        raise ConfigurationError(
            f"newest is {newest}, which lies after {last}: where days begin before those of UTC, give today="
        )
    if newest == last and not days:
        raise ConfigurationError(
            f"newest is {newest}, and nothing is read again for days=0: there is nothing to ask for"
        )
    # Not further back than a calendar goes.
    first = newest + timedelta(days=1 - min(days, (newest - date.min).days + 1))
    return first, last


class Reports:
    """The figures of the account's apps. Follows the Report Service, the successor of the KPI Service.

    What the methods have in common:

    Args:
        dimensions: What to break down by, such as `["day", "app", "network"]`.
        metrics: What to ask for, such as `["installs", "cost", "retention_rate_d7"]`.
        date_period: The first and the last day, both included, as a pair of `datetime.date` or ISO texts; or in the
            service's form: `"2026-11-01:2026-11-21"`, `"-7d:-1d"`, a mix, or a word such as `"last_month"`.
        app_tokens: One app, or many; all of the account by default, where Adjust was seen to leave newer trackers out.
        filters: What to keep, by name: dimensions with `__in`, `__not_in`, `__contains`, `__exclude`, `__starts_with`,
            `__not_starts_with`, `__ends_with`, `__not_ends_with`, metrics with `__lt`, `__lte`, `__gt`, `__gte`,
            `__eq`, `__ne`. For example `{"campaign__contains": "ios", "installs__gte": 10}`.
        hour__between: Only these hours, as a pair such as `(8, 17)`, or in the service's form, `"-10h:-0h"`.
        utc_offset, timezone_id: Where a day begins, such as `"+05:30"`, or `"Europe/Berlin"`; UTC by default.
        currency: What money is given in, such as `"EUR"`.
        cohort_maturity: `"immature"` or `"mature"`.
        attribution_type, attribution_types: `"click"`, `"impression"`, `"all"`; newer accounts take a list.
        attribution_source: `"dynamic"` (default) or `"first"`.
        reattributed: `True`, `False` or `"all"`.
        os_names: Only figures of these.
        sandbox: The sandbox's figures, instead of those of production.
        ad_spend_mode: `"adjust"`, `"network"` or `"mixed"`.
        ad_revenue_sources, iap_revenue_mode, period_over_period, index: As the service documents them.
        sort: Names to sort by, those to sort downwards with a `-` in front.
        limit: Rows at most.
        format_dates: Dates as the dashboard writes them. By default they are ISO, and become dates here.
        include_attr_dependency: Overrides what `attr_dependency` asks the service for.
        parameters: What Adjust added later, by name.

    Raises:
        ConfigurationError: An argument is wrong. Nothing was sent.
        BadRequestError: The service refused something; the message names the metric or dimension that it refused, and
            those that come near it once `filters` was asked for them.
        AdjustError: The figures could not be had. An empty report is never a failure, nor a failure an empty report.
        DecodeError: An answer is not what the service documents.
    """

    lookback = staticmethod(lookback)

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lists: dict[str, set[str]] = {}
        self._known: dict[str, set[str]] = {}

    async def fetch(
        self,
        *,
        app_tokens: AppTokens | None = None,
        fan_out: FanOut | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        attr_dependency: AttrDependency = "drop",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[ReportQuery],
    ) -> Report:
        """Ask for a report.

        Args:
            app_tokens, parameters: As described at the class.
            fan_out: `"app"` asks for each app by itself, side by side, and joins the rows; each then tells its app in
                `app_token`. `"none"` asks once, so that figures may span apps. By default `"app"` where `app_tokens`
                are given, unless there is a `limit`, `sort` or `index`, which would hold for each app by itself.
            window: Splits the range into windows, asked side by side: `"day"`, `"week"` (from Sunday), `"month"`, or a
                number of days. Allowed only where the dimensions make that exact.
            on_failure: `"raise"` cancels the other requests and raises; `"keep"` gives the report of the other apps,
                with `failures`. Where every app failed, the first one's error is raised in any case.
            attr_dependency: What the service says of each row beside its dimensions: `"drop"` leaves it out,
                `"columns"` makes columns of it, `"keep"` gives it as a dictionary in the column `attr_dependency`.
            query: What the class describes.

        Returns:
            The report, its rows in the order of the apps asked for, and of the windows in each. The service's totals
            are in `totals`, or in `parts` where there are several. Empty where the service has nothing (204).
        """
        question = self._question(app_tokens, fan_out, window, on_failure, attr_dependency, parameters, query)
        return await _report_question.joined(self._session, question)

    def stream(
        self,
        *,
        app_tokens: AppTokens,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        attr_dependency: AttrDependency = "drop",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[ReportQuery],
    ) -> AsyncGenerator[tuple[str, Report], None]:
        """Ask for each app by itself, and give each as it arrives.

        Args:
            app_tokens, parameters: As described at the class.
            window, on_failure, attr_dependency: As for `fetch`.
            query: What the class describes.

        Returns:
            An async generator of app tokens, each with the report of that app alone. With `on_failure="keep"` an app
            that failed comes too: with a report that has no rows, and its error in `failures`; where every app failed,
            the first one's error is raised after the last of them.
        """
        question = self._question(app_tokens, "app", window, on_failure, attr_dependency, parameters, query)
        return _report_question.streamed(self._session, question)

    async def pivot(
        self,
        *,
        app_tokens: AppTokens | None = None,
        attr_dependency: AttrDependency = "drop",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[ReportQuery],
    ) -> PivotReport:
        """Ask for a pivot report: a report with totals for each value of the dimensions of `index`, which it needs.

        Args:
            app_tokens, parameters: As described at the class.
            attr_dependency: As for `fetch`.
            query: What the class describes.

        Returns:
            The report, with `totals_per_dimension`.
        """
        if query.get("index") is None:
            raise ConfigurationError("index is missing: give the dimensions that the totals are wanted for, as a list")
        question = self._question(app_tokens, "none", None, "raise", attr_dependency, parameters, query)
        return await _report_question.pivoted(self._session, question)

    @overload
    def csv(
        self,
        *,
        app_tokens: AppTokens | None = None,
        exact: bool = False,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[CsvQuery],
    ) -> AsyncGenerator[dict[str, Any], None]: ...

    @overload
    def csv(
        self,
        *,
        path: str | os.PathLike[str],
        on_progress: OnProgress | None = None,
        app_tokens: AppTokens | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[CsvQuery],
    ) -> Coroutine[Any, Any, SavedReport]: ...

    def csv(
        self,
        *,
        path: str | os.PathLike[str] | None = None,
        on_progress: OnProgress | None = None,
        app_tokens: AppTokens | None = None,
        exact: bool = False,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[CsvQuery],
    ) -> AsyncGenerator[dict[str, Any], None] | Coroutine[Any, Any, SavedReport]:
        """Ask for a report as CSV, in bounded memory however large it is.

            async for row in adjust.reports.csv(dimensions=["day"], metrics=["installs"], date_period="-7d:-1d"): ...
            saved = await adjust.reports.csv(..., path="installs.csv")

        Args:
            path: Write the report to this file, as the service sends it. The file is there whole or not at all; what
                was there before is replaced at the end. An answer that breaks off is asked for again.
            on_progress: With `path`: called with the bytes that have arrived and with how many there are in all, or
                `None` where the service does not say; after an answer that broke off from the beginning. It is called
                in the event loop: return soon.
            app_tokens, parameters: As described at the class. One request asks for all apps.
            exact: Without `path`: give metrics as `Decimal`.
            query: What the class describes, and `readable_names`: the dashboard's names as headers; all cells are
                texts then.

        Returns:
            An async generator of rows, each a dictionary from column to cell as of `Report.rows`; an empty cell of a
            metric is `None`. With `path` a coroutine, which gives a `SavedReport`.

        Raises:
            AdjustError: Also in the middle of the rows, where the answer breaks off: a note on the error tells how many
                were given.
        """
        check_bool(exact, "exact")
        wire = self._wire(query, CsvQuery, app_tokens, parameters)
        if exact and path is not None:
            raise ConfigurationError("exact is given with path: the file has every digit as the service sent it")
        if path is not None:
            return self._save_csv(wire, target(path), _checked(on_progress))
        if on_progress is not None:
            raise ConfigurationError("on_progress is given without path: the rows themselves tell how far it is")
        return _report_rows.csv_rows(self._session, wire, self._known, exact=exact)

    async def _save_csv(self, wire: dict[str, str], place: Path, on_progress: OnProgress | None) -> SavedReport:
        counted = await _report_rows.save_csv(self._session, wire, self._known, place, on_progress)
        return SavedReport(place, *counted)

    @overload
    def parquet(
        self,
        *,
        app_tokens: AppTokens | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[ReportQuery],
    ) -> "Coroutine[Any, Any, pyarrow.Table]": ...

    @overload
    def parquet(
        self,
        *,
        path: str | os.PathLike[str],
        on_progress: OnProgress | None = None,
        app_tokens: AppTokens | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[ReportQuery],
    ) -> Coroutine[Any, Any, SavedReport]: ...

    def parquet(
        self,
        *,
        path: str | os.PathLike[str] | None = None,
        on_progress: OnProgress | None = None,
        app_tokens: AppTokens | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[ReportQuery],
    ) -> "Coroutine[Any, Any, pyarrow.Table] | Coroutine[Any, Any, SavedReport]":
        """Ask for a report as Parquet, which Adjust recommends for large ones.

        Args:
            path, on_progress: As for `csv`.
            app_tokens, parameters: As described at the class. One request asks for all apps.
            query: What the class describes.

        Returns:
            A coroutine, which gives an Arrow table (extra `arrow`) with the service's own types; with `path` it gives a
            `SavedReport`, and needs pyarrow for an empty report alone.
        """
        wire = self._wire(query, ReportQuery, app_tokens, parameters)
        if path is not None:
            return self._save_parquet(wire, target(path), _checked(on_progress))
        if on_progress is not None:
            raise ConfigurationError("on_progress is given without path: give path too, or leave it out")
        return _report_parquet.arrow_table(self._session, wire, self._known)

    async def _save_parquet(self, wire: dict[str, str], place: Path, on_progress: OnProgress | None) -> SavedReport:
        found = await _report_parquet.save_parquet(self._session, wire, self._known, place, on_progress)
        return SavedReport(place, *found)

    async def filters(
        self,
        required_filters: Names,
        *,
        section: str | None = None,
        contains: Mapping[str, str] | None = None,
    ) -> dict[str, list[FilterValue]]:
        """Ask which values there are to ask for. Follows the "Filters data endpoint".

        Once this was asked for `dimensions` and kinds of metrics, errors about unknown names suggest the nearest ones.

        Args:
            required_filters: Which lists, such as `["overview_metrics", "cohort_metrics", "dimensions", "networks"]`.
            section: Only what the dashboard lists there.
            contains: For a list, a text that ids or names must hold: `{"networks": "google"}`.

        Returns:
            The values of each list, by its name.
        """
        values = await _report_names.ask_filters(self._session, required_filters, section, contains)
        if contains is None and section is None:
            self._learn(values)
        return values

    def _learn(self, values: Mapping[str, list[FilterValue]]) -> None:
        """Remember the names of metrics and dimensions."""
        self._lists |= {name: {value.id for value in of_list} for name, of_list in values.items()}
        metrics = {name for name in self._lists if name.endswith("_metrics")}
        whole = "metrics" if metrics >= ALL_METRICS else "some metrics"
        self._known.clear()
        if metrics:
            self._known[whole] = set().union(*(self._lists[name] for name in metrics))
        if "dimensions" in self._lists:
            self._known["dimensions"] = self._lists["dimensions"]

    async def events(
        self,
        *,
        events__contains: str | None = None,
        app_tokens: AppTokens | None = None,
        tokens_mapping: bool | None = None,
    ) -> list[ReportEvent]:
        """List the events that there are metrics of. Follows the "Events endpoint".

        Args:
            events__contains: Only events whose id or name holds this.
            app_tokens: Only events of these apps.
            tokens_mapping: Also tell the event tokens of each app.

        Returns:
            The events; `{id}_events` and `{id}_revenue` are names of metrics.
        """
        tokens = None if app_tokens is None else check_app_tokens(app_tokens)
        return await _report_names.ask_events(self._session, events__contains, tokens, tokens_mapping)

    def _wire(
        self,
        query: Mapping[str, Any],
        takes: type,
        app_tokens: object,
        parameters: object,
    ) -> dict[str, str]:
        tokens = None if app_tokens is None else check_app_tokens(app_tokens)
        return check_report(query, takes.__annotations__, tokens, parameters, own=_OWN)

    def _question(
        self,
        app_tokens: AppTokens | None,
        fan_out: FanOut | None,
        window: Window | None,
        on_failure: OnFailure,
        attr_dependency: AttrDependency,
        parameters: Mapping[str, Any] | None,
        query: Mapping[str, Any],
    ) -> ReportQuestion:
        _one_of(fan_out, "fan_out", ("app", "none", None))
        _one_of(on_failure, "on_failure", ("raise", "keep"))
        _one_of(attr_dependency, "attr_dependency", ("drop", "columns", "keep"))
        tokens = None if app_tokens is None else check_app_tokens(app_tokens)
        wire = check_report(query, ReportQuery.__annotations__, tokens, parameters, own=_OWN)
        wire.setdefault("include_attr_dependency", "false" if attr_dependency == "drop" else "true")
        if fan_out == "app" and tokens is None:
            raise ConfigurationError("fan_out is 'app', and no app_tokens are given: give them")
        several = tokens is not None and len(tokens) > 1
        by_app = fan_out == "app" or (fan_out is None and not (several and _of_the_whole(wire)))
        periods = periods_of(wire, window)
        if "period_over_period" in wire and len(periods) > 1:
            raise ConfigurationError("period_over_period is given with window: each window would be compared by itself")
        if (name := _of_the_whole(wire)) and ((by_app and several) or len(periods) > 1):
            raise ConfigurationError(
                f"{name} is given for a report in parts, and would hold for each of them: ask with fan_out='none' and "
                "without window, or leave it out"
            )
        return ReportQuestion(
            query=wire,
            app_tokens=tokens if by_app and tokens else [],
            periods=periods,
            keep_failures=on_failure == "keep",
            attr_dependency=attr_dependency,
            known=self._known,
        )


def _checked(on_progress: OnProgress | None) -> OnProgress | None:
    hook: object = on_progress
    if hook is not None and (not callable(hook) or iscoroutinefunction(hook)):
        raise ConfigurationError(f"on_progress is {shown(hook)}: give a plain function of the bytes and their number")
    return on_progress


def _of_the_whole(wire: Mapping[str, str]) -> str | None:
    """Give the name of a parameter that makes sense for a report as a whole alone."""
    return next((name for name in ("limit", "sort", "index") if name in wire), None)


def _one_of(value: object, argument: str, choices: tuple[str | None, ...]) -> None:
    if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
        given = " or ".join(repr(choice) for choice in choices if choice is not None)
        raise ConfigurationError(f"{argument} is {shown(value)}: give {given}")
