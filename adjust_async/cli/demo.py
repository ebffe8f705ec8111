"""The command `adjust-async demo`: the SDK working with the built-in emulator over real HTTP."""

import logging
import time
from collections import Counter

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from adjust_async import AsyncAdjust, Tracker, TrackerSpec
from adjust_async.emulator import Emulator, Faults

LATENCY = 0.02
LEVELS = {1: "networks", 2: "campaigns", 3: "adgroups", 4: "creatives"}

REGIONS = ("DE", "FR", "US", "BR", "JP")
SEASONS = ("Spring", "Summer", "Autumn", "Winter")
FORMATS = ("Banner", "Video", "Playable")


async def run(console: Console) -> None:
    """Walk the trackers of several apps, roll out a plan, request figures, and print the results."""
    # The injected faults cause retries, whose log lines would disturb the progress bar.
    logging.getLogger("adjust_async").addHandler(logging.NullHandler())
    async with Emulator(latency=LATENCY) as emulator:
        console.print(f"Adjust, emulated at {emulator.url} with {LATENCY * 1000:.0f} ms of latency.\n")
        async with AsyncAdjust(emulator.token, api_url=emulator.url) as adjust:
            started = time.perf_counter()
            trackers = await _walk(console, adjust, emulator)
            seconds = time.perf_counter() - started
            console.print(_count_table(trackers))
            console.print(_sample_table(trackers))
            stats = emulator.stats
            console.print(
                f"{len(trackers):,} trackers of {len(emulator.app_tokens)} apps in {seconds:.2f} s: "
                f"{stats.total} requests, at most {stats.max_in_flight} at a time, "
                f"over {stats.connections_opened} connections.\n"
            )
            await _provision(console, adjust, emulator)
            console.print(await _report(adjust, emulator.app_tokens))
            console.print(await _figures(adjust, emulator.app_tokens))
        console.print("Requests by route:")
        for route, count in sorted(stats.requests.items()):
            console.print(f"  {count:5} {route}", highlight=False)
        console.print(f"  {stats.total:5} in all", highlight=False)


async def _walk(console: Console, adjust: AsyncAdjust, emulator: Emulator) -> list[Tracker]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Walking the trees", total=emulator.store.count_trackers())
        trackers = []
        async for tracker in adjust.trackers.walk(emulator.app_tokens):
            trackers.append(tracker)
            progress.advance(task)
    return trackers


def _by_app(trackers: list[Tracker]) -> dict[str, list[Tracker]]:
    apps: dict[str, list[Tracker]] = {}
    for tracker in trackers:
        apps.setdefault(tracker.app_token or "", []).append(tracker)
    return dict(sorted(apps.items()))


def _count_table(trackers: list[Tracker]) -> Table:
    table = Table("app", title="Trackers by app and level")
    for name in (*LEVELS.values(), "with a partner"):
        table.add_column(name, justify="right", no_wrap=True)
    for app_token, of_app in _by_app(trackers).items():
        levels = Counter(tracker.level for tracker in of_app)
        linked = sum(tracker.partner_id is not None for tracker in of_app)
        table.add_row(app_token, *(str(levels[level]) for level in LEVELS), str(linked))
    return table


def _sample_table(trackers: list[Tracker]) -> Table:
    table = Table(title="One creative of each app")
    for name in ("app", "token"):
        table.add_column(name, no_wrap=True)
    table.add_column("name", overflow="ellipsis", no_wrap=True, max_width=48)
    for app_token, of_app in _by_app(trackers).items():
        tracker = max(of_app, key=lambda tracker: (tracker.level or 0, tracker.name))
        table.add_row(app_token, tracker.token, tracker.name)
    return table


class _Rate(ProgressColumn):
    """The number of items a second."""

    def render(self, task: Task) -> Text:
        """Show the rate."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} a second")


async def _provision(console: Console, adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Roll out a plan, as in Adjust's introduction to the API, over a network that drops answers."""
    app_token = emulator.app_tokens[0]
    networks = ("AppLovin", "AdColony")
    plan = [TrackerSpec(network, partner=network, cost_data_enabled=True) for network in networks]
    plan += TrackerSpec.product(networks, REGIONS, SEASONS, FORMATS)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    emulator.faults = Faults(rate=0.05, kinds=["500", "500-after", "drop-before", "drop-after"], seed=3)
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Rolling out", total=len(plan))
        result = await adjust.trackers.provision(
            app_token, plan, on_progress=lambda done, _, __: progress.update(task, completed=done), grace_time=0.5
        )
    console.print(f"One request in twenty failed, {emulator.stats.faults.total()} in all; each tracker exists once:")
    emulator.faults = None
    again = await adjust.trackers.provision(app_token, plan, dry_run=True)
    table = Table("", title=f"{len(plan)} entries, {len(result.implied)} trackers above them")
    for status in result.counts:
        table.add_column(status, justify="right")
    table.add_row("first run", *map(str, result.counts.values()))
    table.add_row("second run", *map(str, again.counts.values()))
    console.print(table)


async def _report(adjust: AsyncAdjust, app_tokens: list[str]) -> Table:
    """Fetch a report with one request for each app, concurrently, and show cohort metrics."""
    report = await adjust.reports.fetch(
        dimensions=["app"],
        metrics=["installs", "cost", "retention_rate_d1", "retention_rate_d7"],
        date_period=("2026-01-01", "2026-01-31"),
        app_tokens=app_tokens,
        cohort_maturity="mature",
    )
    table = Table("app", title="Report Service: January 2026, retention of mature cohorts")
    for name in report.columns[2:]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in report.rows():
        table.add_row(
            row["app"],
            f"{row['installs']:,}",
            f"{row['cost']:,.2f}",
            f"{row['retention_rate_d1']:.1%}",
            f"{row['retention_rate_d7']:.1%}",
        )
    return table


async def _figures(adjust: AsyncAdjust, app_tokens: list[str]) -> Table:
    """Fetch the figures of every app concurrently, with one request each, and show the merged report."""
    kpis = ("clicks", "installs", "sessions", "daus", "revenue")
    report = await adjust.kpis.deliverables(
        app_tokens, start_date="2026-01-01", end_date="2026-01-31", kpis=kpis, grouping=["apps"]
    )
    table = Table("app", title=f"KPI Service: January 2026, {len(app_tokens)} apps, one report")
    for kpi in kpis:
        table.add_column(kpi, justify="right", no_wrap=True)
    table.add_column("")
    for row in report.rows():
        figures = (f"{row[kpi]:,.2f}" if isinstance(row[kpi], float) else f"{row[kpi]:,}" for kpi in kpis)
        table.add_row(row["app_name"], *figures, row["currency"])
    return table
