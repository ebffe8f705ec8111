"""python-adjust, whose models refuse an answer with a missing or additional key."""

import asyncio
from datetime import date
from typing import Any

import pytest
from adjustapi.api import AdjustApi

from adjust_async import AsyncAdjust, KpiReport
from adjust_async.emulator import Emulator

pytestmark = pytest.mark.anyio

START, END = date(2026, 1, 5), date(2026, 1, 9)


@pytest.fixture
def peer(emulator: Emulator) -> Any:
    """The client, pointed at the emulator."""
    api = AdjustApi(emulator.token)
    api._base_url = emulator.url
    return api


def cells(report: Any) -> list[dict[str, Any]]:
    """Return the figures of their answer as our rows."""
    parameters = report.result_parameters
    trackers = [{"token": tracker.token, "name": tracker.name} for tracker in parameters.trackers or []]
    events = [{"token": event.token, "name": event.name} for event in parameters.events or []]
    apps = report.result_set.get("apps", [report.result_set])
    return list(KpiReport({"kpis": parameters.kpis, "trackers": trackers, "events": events}, apps).rows())


async def test_it_lists_the_apps(peer: Any, emulator: Emulator) -> None:
    """`list_apps` parses, and finds the apps of the account."""
    apps = await asyncio.to_thread(peer.list_apps)
    assert [app.app_token for app in apps] == emulator.app_tokens


@pytest.mark.parametrize("groups", [["trackers"], ["networks", "day"], ["day", "countries"]], ids=str)
@pytest.mark.parametrize(
    ("theirs", "ours", "kpis"),
    [
        ("fetch_kpi", "deliverables", ["installs", "sessions", "revenue", "click_conversion_rate"]),
        ("fetch_events", "events", ["revenue_events", "revenue"]),
        ("fetch_cohorts", "cohorts", ["retention_rate", "sessions"]),
    ],
)
async def test_it_sees_the_same_figures(
    peer: Any, adjust: AsyncAdjust, emulator: Emulator, theirs: str, ours: str, kpis: list[str], groups: list[str]
) -> None:
    """Deliverables, events and cohorts parse, and have the same figures as `adjust.kpis`, for one app and for three."""
    for tokens in (emulator.app_tokens[:1], emulator.app_tokens):
        service = peer.kpi_service(start_date=START, end_date=END, app_tokens=tokens, kpis=kpis, groups=groups)
        answer = await asyncio.to_thread(getattr(service, theirs))
        report = await getattr(adjust.kpis, ours)(tokens, start_date=START, end_date=END, kpis=kpis, grouping=groups)
        rows = list(report.rows())
        assert rows
        assert cells(answer) == rows


async def test_it_reads_the_csv(peer: Any, adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Its data frame, made from the CSV, has as many rows as our table, and the same sum of installs."""
    tokens = emulator.app_tokens[:1]
    service = peer.kpi_service(start_date=START, end_date=END, app_tokens=tokens, kpis=["installs"], groups=["day"])
    frame = await asyncio.to_thread(service.fetch_kpi, as_df=True)
    report = await adjust.kpis.deliverables(tokens, start_date=START, end_date=END, kpis=["installs"], grouping=["day"])
    rows = list(report.rows())
    assert list(frame["installs"]) == [row["installs"] for row in rows]
    assert list(frame["date"]) == [row["date"].isoformat() for row in rows]
