"""The public face as type checkers see it. Nothing here runs; mypy and pyright check it in their strict modes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

import httpx

from adjust_async import (
    AdjustError,
    APIConnectionError,
    APIStatusError,
    App,
    AsyncAdjust,
    Column,
    ConfigurationError,
    CursorPages,
    Cursors,
    DecodeError,
    FilterLists,
    FilterValue,
    KpiReport,
    Page,
    PaginationError,
    Paging,
    Partner,
    PivotReport,
    Plan,
    PlanError,
    ProvisionOutcome,
    ProvisionResult,
    RecordList,
    Report,
    ReportEvent,
    ReportPart,
    ReportQuery,
    Retry,
    SavedReport,
    Table,
    Tracker,
    TrackerSpec,
    Walk,
    __version__,
    load_plan,
    lookback,
)
from adjust_async.emulator import Emulator, Faults
from adjust_async.transports import AiohttpTransport, PooledTransport

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


async def client() -> None:
    """A client is an asynchronous context manager of itself."""
    version: str = __version__
    assert version
    http_client = httpx.AsyncClient(transport=PooledTransport(max_connections=20, http2=True))
    adjust = AsyncAdjust(
        "api-token",
        api_url="https://api.adjust.com",
        reports_url="https://automate.adjust.com",
        account_id="1",
        campaign_version="v2",
        max_concurrency=20,
        max_rate=10,
        burst=5,
        timeout=15,
        deadline=None,
        reports_max_rate=10.0,
        reports_burst=20,
        reports_timeout=120.0,
        reports_deadline=None,
        max_attempts=3,
        on_retry=retried,
        http_client=http_client,
    )
    async with adjust as entered:
        assert_type(entered, AsyncAdjust)
    assert_type(adjust.http_client, httpx.AsyncClient)
    await adjust.aclose()
    httpx.AsyncClient(transport=AiohttpTransport(50, trust_env=False))


def retried(retry: Retry) -> None:
    """`on_retry` is called with the error, the number of attempts, and the wait."""
    assert_type(retry.method, str)
    assert_type(retry.path, str)
    assert_type(retry.attempt, int)
    assert_type(retry.wait, float)
    assert_type(retry.error, AdjustError)


async def pages(adjust: AsyncAdjust) -> None:
    """Lists are iterated by item, by page, or collected."""
    listed = adjust.trackers.list("app", page_size=200, after="c", max_items=10, prefetch=2)
    assert_type(listed, CursorPages[Tracker])
    assert_type(await listed, list[Tracker])
    assert_type(await listed.collect(), list[Tracker])
    assert_type(await listed.to_table(), Table)
    assert_type(adjust.trackers.children("app", "tracker"), CursorPages[Tracker])
    assert_type(adjust.partners.list(), CursorPages[Partner])
    paging: Paging = {"page_size": 200, "max_items": 1000}
    assert_type(adjust.partners.list(**paging), CursorPages[Partner])
    async for tracker in listed:
        assert_type(tracker, Tracker)
        assert_type(tracker.token, str)
        assert_type(tracker.level, int | None)
        assert_type(tracker.partner_id, int | None)
        assert_type(tracker.app_token, str | None)
    async for page in listed.pages():
        assert_type(page, Page[Tracker])
        assert_type(page.items, tuple[Tracker, ...])
        assert_type(page.total, int | None)
        assert_type(page.cursors, Cursors)
        assert_type(page.cursors.after, str | None)
        assert_type(page.to_dict(), dict[str, Any])
    async for partner in adjust.partners.list():
        assert_type(partner.id, int)
        assert_type(partner.display_name, str)
        assert_type(partner.to_dict(), dict[str, Any])


async def lists(adjust: AsyncAdjust) -> None:
    """Whatever is listed can be awaited, iterated, and made a table."""
    walk = adjust.trackers.walk(["app"], max_level=2)
    assert_type(walk, Walk)
    assert_type(await walk, list[Tracker])
    async with aclosing(walk) as walked:
        async for tracker in walked:
            assert_type(tracker, Tracker)
        assert_type(await anext(walked), Tracker)
    assert_type(adjust.apps.list(), RecordList[App])
    assert_type(await adjust.apps.list(contains="x"), list[App])
    async for app in adjust.apps.list():
        assert_type(app, App)
    assert_type(adjust.reports.events(), RecordList[ReportEvent])
    assert_type(await adjust.reports.events(), list[ReportEvent])
    async for event in adjust.reports.events():
        assert_type(event, ReportEvent)
    assert_type(adjust.reports.filters(["dimensions"]), FilterLists)
    assert_type(await adjust.reports.filters(["dimensions"]), dict[str, list[FilterValue]])
    table(await adjust.reports.filters(["dimensions"]).to_table())
    listings: list[RecordList[Any]] = [adjust.trackers.list("app"), walk, adjust.partners.list(), adjust.apps.list()]
    for listing in listings:
        table(await listing.to_table())


async def waiting(adjust: AsyncAdjust) -> list[Tracker]:
    """A listing can be used as an awaitable, and `collect` as a coroutine."""
    task = asyncio.create_task(adjust.partners.list().collect())
    assert_type(await task, list[Partner])
    apps, events = await asyncio.gather(adjust.apps.list(), adjust.reports.events())
    assert_type(apps, list[App])
    assert_type(events, list[ReportEvent])
    return await asyncio.wait_for(adjust.trackers.list("app"), 5)


async def trackers(adjust: AsyncAdjust) -> None:
    """Trackers are walked, created, updated and provisioned."""
    assert_type(await adjust.trackers.create("app", "Adroll", parent_token="t"), Tracker)
    assert_type(await adjust.trackers.update("app", "t", partner_id=1, cost_data_enabled=True), Tracker)
    plan = [TrackerSpec("AppLovin", partner="AppLovin"), *TrackerSpec.product(["AppLovin"], ["DE"])]
    result = await adjust.trackers.provision("app", [*plan, "AdColony::DE"], dry_run=True, on_progress=progressed)
    assert_type(result, ProvisionResult)
    assert_type(result.outcomes, tuple[ProvisionOutcome, ...])
    assert_type(result.retry_plan(), Plan)
    assert_type(result.to_table(), Table)
    table(result)
    assert_type(load_plan("plan.csv"), Plan)
    assert_type(Plan(TrackerSpec.product(["AppLovin"])).to_table(), Table)
    for spec in load_plan("plan.csv"):
        assert_type(spec, TrackerSpec)
    await adjust.trackers.provision("app", load_plan(Path("plan.jsonl")), on_outcome=done)


def progressed(done: int, total: int | None, what: str) -> None:
    """`on_progress` is called with the progress of a call."""


def done(outcome: ProvisionOutcome) -> None:
    """`on_outcome` is called with the final outcome of an entry."""
    assert_type(outcome.path, str)
    assert_type(outcome.tracker, Tracker | None)
    assert_type(outcome.error, AdjustError | None)
    assert_type(outcome.notes, tuple[str, ...])


async def reports(adjust: AsyncAdjust) -> None:
    """Each report method has one return type."""
    period = (date(2026, 1, 1), date(2026, 1, 31))
    report = await adjust.reports.fetch(
        dimensions=["day", "app"],
        metrics=("installs", "cost"),
        date_period=period,
        app_tokens=["a", "b"],
        filters={"installs__gte": 10},
        window="month",
        on_failure="keep",
        on_progress=progressed,
        currency="EUR",
    )
    assert_type(report, Report)
    question: ReportQuery = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "today"}
    assert_type(await adjust.with_options(deadline=5).reports.fetch(**question, app_tokens="a"), Report)
    assert_type(report.failures, dict[str, AdjustError])
    assert_type(report.parts, tuple[ReportPart, ...])
    assert_type(report.totals, dict[str, Any])
    assert_type(report.melt_cohorts(), Table)
    table(report)

    async for app_token, part in adjust.reports.stream(
        dimensions=["day"], metrics=["installs"], date_period="-7d:-1d", app_tokens=["a"]
    ):
        assert_type(app_token, str)
        assert_type(part, Report)

    pivot = await adjust.reports.pivot(dimensions=["app"], index=["app"], metrics=["installs"], date_period="today")
    assert_type(pivot, PivotReport)
    assert_type(lookback("2026-01-01", 7), tuple[date, date])


async def files(adjust: AsyncAdjust) -> object:
    """A report of any size is iterated, saved, or read as a table."""
    rows = adjust.reports.iter_csv(dimensions=["day"], metrics=["installs"], date_period="today", exact=True)
    assert_type(rows, AsyncGenerator[dict[str, Any], None])
    saved = await adjust.reports.download_csv(
        "installs.csv", dimensions=["day"], metrics=["installs"], date_period="today", on_progress=progressed
    )
    assert_type(saved, SavedReport)
    assert_type(saved.path, Path)
    assert_type(saved.rows, int)
    assert_type(
        await adjust.reports.download_parquet(
            Path("i.parquet"), dimensions=["day"], metrics=["installs"], date_period="today"
        ),
        SavedReport,
    )
    # pyarrow, whose table this is, has no types.
    return await adjust.reports.read_parquet(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        dimensions=["day"], metrics=["installs"], date_period="today"
    )


async def kpis(adjust: AsyncAdjust) -> AsyncIterator[KpiReport]:
    """The KPI Service has a method for each of its endpoints."""
    report = await adjust.kpis.deliverables(
        ["a", "b"], start_date="2026-01-01", end_date=date(2026, 1, 31), kpis=["installs"], grouping=["day"]
    )
    assert_type(report, KpiReport)
    assert_type(report.pivot("period"), Table)
    table(report)
    yield await adjust.kpis.cohorts("a", start_date="2026-01-01", end_date="2026-01-31", period="week")
    yield await adjust.kpis.events("a", start_date="2026-01-01", end_date="2026-01-31", events=["abc"])
    yield await adjust.kpis.skadnetwork("a", start_date="2026-01-01", end_date="2026-01-31")
    async for app_token, one in adjust.kpis.stream(["a"], start_date="2026-01-01", end_date="2026-01-31"):
        assert_type(app_token, str)
        yield one
    yield KpiReport.from_json(b"{}")
    yield KpiReport.from_csv(Path("kpis.csv"), currency="EUR")


def table(report: Table) -> "tuple[pd.DataFrame, pl.DataFrame]":
    """Every table becomes rows or a frame."""
    assert_type(report.columns, tuple[str, ...])
    assert_type(report.schema, tuple[Column, ...])
    for row in report.rows():
        assert_type(row, dict[str, Any])
    return report.to_pandas(), report.to_polars()


def exact(report: Report) -> list[Decimal]:
    """Metrics of a report are decimals on demand."""
    return [row["cost"] for row in report.rows(exact=True)]


def errors(error: AdjustError) -> str:
    """Every error has attributes with its details."""
    assert_type(error.in_doubt, bool)
    assert_type(error.cursor, str | None)
    assert_type(error.page, int | None)
    match error:
        case PlanError():
            assert_type(error.problems, tuple[tuple[int, str], ...])
        case ConfigurationError():
            value: ValueError = error
            return str(value)
        case APIStatusError():
            assert_type(error.status, int)
            assert_type(error.request_id, str | None)
            assert_type(error.retry_after, float | None)
            assert_type(error.hint, str)
        case APIConnectionError():
            assert_type(error.sent, bool)
            assert_type(error.transient, bool)
        case DecodeError():
            assert_type(error.location, str)
        case PaginationError():
            pass
        case _:
            assert_type(error, AdjustError)
    return error.message


async def emulator() -> None:
    """The emulator has its URL, and fails on demand."""
    async with Emulator(apps=2, faults=0.2) as running:
        assert_type(running, Emulator)
        assert_type(running.url, str)
        assert_type(running.token, str)
        assert_type(running.app_tokens, list[str])
        running.faults = Faults(rate=0.2, kinds=["500"], seed=1)
