"""The command `report`: figures of the Report Service, in the terminal or in files of any size."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import typer

from adjust_async import AsyncAdjust, Report
from adjust_async.cli.command import command
from adjust_async.cli.flags import Flag
from adjust_async.cli.output import Format, FormatOption, Output, OutputOption, Sheet
from adjust_async.cli.plot_option import PlotOption, check_plot, write_plot
from adjust_async.cli.progress import progress
from adjust_async.cli.run import Run
from adjust_async.cli.shown_report import finish, readable_sheet

__all__ = ["register"]

_FLAGS = (
    Flag("dimensions", "names", help="Dimensions to group by: day,app,network.", required=True),
    Flag("metrics", "names", help="Metrics: installs,cost,retention_rate_d7.", required=True),
    Flag("date_period", help="2026-01-01:2026-01-31, -7d:-1d, last_month.", required=True, metavar="PERIOD"),
    Flag("app_tokens", "names", help="Apps, one request for each; default all."),
    Flag("filters", "filters", help="campaign__contains=ios; repeat for more.", called="--filter", also=("--filters",)),
    Flag("currency", help="Currency of money, such as EUR.", metavar="CODE"),
    Flag("sort", "names", help="Columns to sort by; -installs: largest first."),
    Flag("limit", "integer", help="Maximum number of rows."),
    Flag("window", "window", help="Split by day, week, month or number of days."),
    Flag("fan_out", help="none: one request for all apps.", metavar="app|none"),
    Flag("on_failure", help="keep: continue without failed apps; status 1.", metavar="raise|keep"),
    Flag("attr_dependency", further=True),
    Flag("hour__between", further=True, also=("--hour--between",)),
    Flag("utc_offset", further=True),
    Flag("timezone_id", further=True),
    Flag("cohort_maturity", further=True),
    Flag("attribution_type", further=True),
    Flag("attribution_types", "names", further=True),
    Flag("attribution_source", further=True),
    Flag("reattributed", "bool or text", further=True),
    Flag("os_names", "names", further=True),
    Flag("sandbox", "bool", further=True),
    Flag("ad_spend_mode", further=True),
    Flag("ad_revenue_sources", "names", further=True),
    Flag("iap_revenue_mode", further=True),
    Flag("period_over_period", further=True),
    Flag("index", "names", further=True),
    Flag("format_dates", "bool", further=True),
    Flag("include_attr_dependency", "bool", further=True),
    Flag("readable_names", "bool", further=True),
    Flag("parameters", "pairs", further=True),
)

#: The number of rows between two updates of the progress bar.
ROWS_TOLD = 500

#: Arguments that need the whole report in memory.
_IN_MEMORY = frozenset(("attr_dependency", "include_attr_dependency", "index", "on_failure", "window"))


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(
        app,
        flags=_FLAGS,
        examples="""
            adjust-async report --dimensions day,app --metrics installs,cost \\
                --date-period -7d:-1d --plot week.png
            adjust-async report --dimensions day,campaign --metrics installs \\
                --date-period last_month --filter campaign__in=Spring --output spring.csv
        """,
    )
    def report(
        run: Run,
        arguments: dict[str, Any],
        format: FormatOption = None,
        output: OutputOption = None,
        plot: PlotOption = None,
    ) -> None:
        """Get a report; CSV and Parquet may be of any size."""
        out = Output(format, output)
        check_plot(plot)
        if plot is None and _is_one_request(arguments) and out.format in {Format.CSV, Format.JSONL, Format.PARQUET}:
            run(_Streamed(run, out, {name: value for name, value in arguments.items() if name != "fan_out"}))
            return

        async def work(adjust: AsyncAdjust) -> Report:
            apps = None if "window" in arguments else len(arguments.get("app_tokens", ())) or 1
            with progress(run, "Asking for the report", apps) as told:
                found: Report = await adjust.reports.fetch(on_progress=told, **arguments)
            return found

        fetched = run(work)
        out.write(readable_sheet(fetched))
        days = arguments["date_period"].replace(":", " – ")
        write_plot(run, plot, fetched, days=days, currency=arguments.get("currency", ""))
        finish(run, fetched.failures, len(arguments.get("app_tokens", ())))


def _is_one_request(arguments: Mapping[str, Any]) -> bool:
    """Return whether one request gets the report, so that it can be streamed in bounded memory."""
    by_app = "app_tokens" in arguments and arguments.get("fan_out") != "none"
    return not by_app and _IN_MEMORY.isdisjoint(arguments)


class _Streamed:
    """A report that is streamed: into a file as the service sends it, or as rows to stdout."""

    def __init__(self, run: Run, out: Output, arguments: Mapping[str, Any]) -> None:
        self._run = run
        self._out = out
        self._arguments = arguments

    async def __call__(self, adjust: AsyncAdjust) -> None:
        path = self._out.path
        if path is None or self._out.format is Format.JSONL or (path.exists() and not path.is_file()):
            await self._write_rows(adjust)
        else:
            await self._save(adjust, path)

    async def _save(self, adjust: AsyncAdjust, path: Path) -> None:
        reports = adjust.reports
        with progress(self._run, f"Saving {path}", size=True) as told:
            if self._out.format is Format.PARQUET:
                saved = await reports.download_parquet(path, on_progress=told, **self._arguments)
            else:
                saved = await reports.download_csv(path, on_progress=told, **self._arguments)
        self._run.tell(f"{saved.path}: {saved.rows:,} rows, {saved.size:,} bytes.")

    async def _write_rows(self, adjust: AsyncAdjust) -> None:
        with progress(self._run, "Rows", shown=not self._out.streams_to_terminal) as told:
            async with aclosing(adjust.reports.iter_csv(**self._arguments)) as rows:
                # The service may name a column differently than the request did.
                first = await anext(rows, None)

                async def counted() -> AsyncGenerator[Mapping[str, Any], None]:
                    count = 0
                    row = first
                    while row is not None:
                        yield row
                        count += 1
                        if not count % ROWS_TOLD:
                            told(count, None)
                        row = await anext(rows, None)

                columns = first or [*self._arguments["dimensions"], *self._arguments["metrics"]]
                async with aclosing(counted()) as arriving:
                    await self._out.write_stream(Sheet(list(columns), arriving))
