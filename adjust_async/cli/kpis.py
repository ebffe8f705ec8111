"""The commands `kpis deliverables`, `events`, `cohorts` and `skadnetwork`: figures of the KPI Service."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from adjust_async import AsyncAdjust, KpiReport
from adjust_async.cli.command import command
from adjust_async.cli.figures import Figures
from adjust_async.cli.flags import Flag, split_names
from adjust_async.cli.heat_map import draw_heat_map
from adjust_async.cli.output import Format, FormatOption, Output, OutputOption
from adjust_async.cli.plot_option import PlotOption, check_plot, write_plot
from adjust_async.cli.progress import progress
from adjust_async.cli.run import Run
from adjust_async.cli.shown_report import finish, readable_sheet
from adjust_async.cli.trackers import AppTokens

__all__ = ["register"]

_FIRST = (
    Flag("start_date", help="The first day, such as 2026-01-01.", required=True, metavar="DATE"),
    Flag("end_date", help="The last day, included.", required=True, metavar="DATE"),
    Flag("kpis", "names", help="Figures, such as installs,revenue."),
    Flag("grouping", "names", help="Levels, outermost first, such as networks,day."),
    Flag("window", "window", help="Split by day, week, month or number of days."),
    Flag("on_failure", help="keep: continue without failed apps; status 1.", metavar="raise|keep"),
)
_FILTERS = tuple(Flag(name, "names", further=True) for name in ("countries", "os_names", "device_types"))
_LAST = (
    Flag("utc_offset", further=True),
    Flag("attribution_type", further=True),
    Flag("sandbox", "bool", further=True),
    Flag("human_readable_kpis", "bool", further=True),
    Flag("parameters", "pairs", further=True),
)
_TRACKERS = (Flag("tracker_token", further=True), Flag("tracker_filter", "names", further=True))
_SOURCE = Flag("attribution_source", further=True)
_REATTRIBUTED = Flag("reattributed", "bool or text", further=True)
_EVENTS = Flag("events", "names", help="Event tokens.")
_REGIONS = Flag("regions", "names", further=True)

_FLAGS: Mapping[str, Sequence[Flag]] = {
    "deliverables": (
        *_TRACKERS,
        _SOURCE,
        _REATTRIBUTED,
        Flag("event_kpis", "names", further=True),
        _REGIONS,
        Flag("cohort_revenue_period", "integer", further=True),
    ),
    "events": (_EVENTS, *_TRACKERS, _SOURCE, Flag("partner_ids", "names", further=True)),
    "cohorts": (
        Flag("period", help="Unit of the cohort age: day, week or month.", metavar="day|week|month"),
        _EVENTS,
        *_TRACKERS,
        _REATTRIBUTED,
        Flag("day_def", further=True),
        Flag("cohort_period_filter", further=True),
        Flag("impression_based", "bool or text", further=True),
    ),
    "skadnetwork": (_SOURCE, _REGIONS),
}

_HELP = {
    "deliverables": "Get clicks, installs, sessions, revenue and other KPIs.",
    "events": "Get the figures of events.",
    "cohorts": "Get cohorts, and draw their retention as a heat map.",
    "skadnetwork": "Get the figures of Apple's SKAdNetwork.",
}

_EXAMPLES = {
    "deliverables": "--kpis installs,revenue --grouping day --plot installs.png",
    "events": "--grouping events,day --format csv",
    "cohorts": "--kpis retention_rate --grouping day",
    "skadnetwork": "--grouping networks --output skan.csv",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for endpoint in _FLAGS:
        _register(app, endpoint)


def _register(app: typer.Typer, endpoint: str) -> None:
    start = f"adjust-async kpis {endpoint} yxs12pfewq"

    @command(
        app,
        endpoint,
        flags=[*_FIRST, *_FLAGS[endpoint], *_FILTERS, *_LAST],
        help=_HELP[endpoint],
        examples=f"\n{start} \\\n    --start-date 2026-01-01 --end-date 2026-01-31 \\\n    {_EXAMPLES[endpoint]}",
    )
    def ask(
        run: Run,
        app_tokens: AppTokens,
        arguments: dict[str, Any],
        format: FormatOption = None,
        output: OutputOption = None,
        plot: PlotOption = None,
    ) -> None:
        out = Output(format, output)
        check_plot(plot)
        tokens = split_names(app_tokens)

        async def work(adjust: AsyncAdjust) -> KpiReport:
            apps = None if "window" in arguments else len(tokens)  # with windows, the first answer has the total
            with progress(run, f"Asking for {endpoint}", apps) as told:
                report: KpiReport = await getattr(adjust.kpis, endpoint)(tokens, on_progress=told, **arguments)
            return report

        report = run(work)
        unit = arguments.get("period", "day")
        if out.format is Format.TABLE and "period" in report.columns:
            out.draw(*draw_heat_map(Figures.of(report, unit=unit), to_file=out.path is not None))
        else:
            out.write(readable_sheet(report))
        days = f"{arguments['start_date']} – {arguments['end_date']}"
        write_plot(run, plot, report, days=days, unit=unit)
        finish(run, report.failures, len(tokens))
