"""`adjust-async demo`: the SDK at work on the built-in emulator, over real HTTP."""

import time
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from adjust_async import AsyncAdjust, Tracker
from adjust_async.emulator import Emulator

LATENCY = 0.02
LEVELS = {1: "networks", 2: "campaigns", 3: "adgroups", 4: "creatives"}


async def run(console: Console) -> None:
    """Walk the trackers of several apps, create and update some, ask for figures, and print what happened."""
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
            console.print(await _provision(adjust, emulator.app_tokens[0]))
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


async def _provision(adjust: AsyncAdjust, app_token: str) -> Table:
    """Roll a campaign out as Adjust's introduction to the API tells it: create, find the partner, link, switch on."""
    partners = {partner.display_name: partner async for partner in adjust.partners.list()}
    partner = next(partner for partner in partners.values() if partner.supports_cost_data)
    network = await adjust.trackers.create(app_token, f"{partner.display_name} DE")
    campaign = await adjust.trackers.create(app_token, "Spring", parent_token=network.token)
    linked = await adjust.trackers.update(app_token, network.token, partner_id=partner.id, cost_data_enabled=True)
    table = Table(title=f"Created and updated in {app_token} (one of {len(partners)} partners linked)")
    for name in ("", "token", "name", "level", "partner", "cost data"):
        table.add_column(name)
    for done, tracker in (("created", network), ("created", campaign), ("updated", linked)):
        linked_to = f"{tracker.partner_id} {partner.display_name}" if tracker.partner_id == partner.id else "none"
        row = (tracker.token, tracker.name, str(tracker.level), linked_to, "on" if tracker.cost_data_enabled else "off")
        table.add_row(done, *row)
    return table


async def _figures(adjust: AsyncAdjust, app_tokens: list[str]) -> Table:
    """Ask for the figures of every app, one request each, side by side, and show the merged report."""
    kpis = ("clicks", "installs", "sessions", "daus", "revenue")
    report = await adjust.kpis.deliverables(
        app_tokens, start_date="2026-01-01", end_date="2026-01-31", kpis=kpis, grouping=["apps"]
    )
    table = Table("app", title=f"January 2026, {len(app_tokens)} apps, one report")
    for kpi in kpis:
        table.add_column(kpi, justify="right", no_wrap=True)
    table.add_column("")
    for row in report.rows():
        figures = (f"{row[kpi]:,.2f}" if isinstance(row[kpi], float) else f"{row[kpi]:,}" for kpi in kpis)
        table.add_row(row["app_name"], *figures, row["currency"])
    return table
