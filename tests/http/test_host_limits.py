"""The clocks, permits and rates that each of the two hosts has for itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from adjust_async import (
    APIConnectionError,
    APITimeoutError,
    AsyncAdjust,
    PoolExhaustedError,
    RateLimitError,
)
from adjust_async.emulator import Emulator, Faults
from tests.clock import JUMPING_CLOCK
from tests.script import arriving, client, never, now, status

pytestmark = pytest.mark.anyio
jumping = pytest.mark.parametrize("anyio_backend", [pytest.param(JUMPING_CLOCK, id="jumping")])

QUERY: Any = {"dimensions": ["day"], "metrics": ["installs"], "date_period": ("2026-01-26", "2026-02-04")}
KPIS: Any = {"start_date": "2026-01-26", "end_date": "2026-02-04", "kpis": ["installs"]}
REPORT = httpx.Response(200, json={"rows": [], "totals": {}})


async def asked(adjust: AsyncAdjust, ask: str) -> object:
    """Request something from the Report Service."""
    match ask:
        case "fetch":
            return await adjust.reports.fetch(**QUERY)
        case "rows":
            return [row async for row in adjust.reports.iter_csv(**QUERY)]
        case "table":
            return await adjust.reports.read_parquet(**QUERY)
        case _:
            return await adjust.reports.filters(["networks"])


# Clocks.


@jumping
async def test_timeouts_are_those_of_the_host() -> None:
    """An attempt at a report ends after `reports_timeout`, any other one after `timeout`."""
    async with client(never, timeout=7, reports_timeout=70, max_attempts=1) as (adjust, _):
        for ask, timeout, setting in (
            (adjust.reports.fetch(**QUERY), 70, "reports_timeout=70 s"),
            (adjust.reports.filters(["apps"]), 70, "reports_timeout=70 s"),
            (asked(adjust, "rows"), 70, "reports_timeout=70 s"),
            (adjust.kpis.deliverables("app", **KPIS), 7, " timeout=7 s"),
            (adjust.trackers.list("app").collect(), 7, " timeout=7 s"),
        ):
            started = now()
            with pytest.raises(APITimeoutError, match=f"within{setting}|within {setting.strip()}"):
                await ask
            assert now() - started == pytest.approx(timeout)


@jumping
async def test_deadlines_are_those_of_the_host() -> None:
    """A call for a report ends after `reports_deadline`, any other one after `deadline`."""
    async with client(never, timeout=None, reports_timeout=None, deadline=7, reports_deadline=70) as (adjust, _):
        for ask, deadline, setting in (
            (adjust.reports.fetch(**QUERY), 70, "within reports_deadline=70 s"),
            (adjust.apps.list().collect(), 70, "within reports_deadline=70 s"),
            (asked(adjust, "table"), 70, "within reports_deadline=70 s"),
            (adjust.kpis.deliverables("app", **KPIS), 7, "within deadline=7 s"),
        ):
            started = now()
            with pytest.raises(APITimeoutError, match=setting):
                await ask
            assert now() - started == pytest.approx(deadline)


@jumping
async def test_limits_of_reports_do_not_apply_to_others() -> None:
    """`None` removes a limit for its host only."""
    async with client(arriving(5000.0, b'{"rows": [], "totals": {}}'), reports_timeout=None, reports_deadline=None) as (
        adjust,
        script,
    ):
        await adjust.reports.fetch(**QUERY)
        script.outcomes = [never]
        started = now()
        with pytest.raises(APITimeoutError):
            await adjust.trackers.list("app").collect()
        assert now() - started == pytest.approx(120)


# Permits and rates.


@jumping
async def test_each_host_has_permits_of_its_own() -> None:
    """While one host has all its permits in use, requests to the other one continue. `permits` counts both."""
    async with client(never, max_concurrency=3) as (adjust, script):
        hanging = [asyncio.ensure_future(adjust.reports.fetch(**QUERY)) for _ in range(9)]
        await asyncio.sleep(1)
        assert (adjust._session.permits, len(script.requests)) == (3, 3)
        others = [asyncio.ensure_future(adjust.kpis.deliverables("app", **KPIS)) for _ in range(9)]
        await asyncio.sleep(1)
        assert (adjust._session.permits, len(script.requests), adjust._session.calls) == (6, 6, 18)
        for task in (*hanging, *others):
            task.cancel()
        await asyncio.gather(*hanging, *others, return_exceptions=True)


@jumping
async def test_a_pause_of_one_host_does_not_apply_to_the_other() -> None:
    """A 429 of the Report Service pauses only its own requests."""
    async with client(status(429, retry_after="50"), REPORT) as (adjust, script):
        report = asyncio.ensure_future(adjust.reports.fetch(**QUERY))
        await asyncio.sleep(1)
        script.outcomes = [httpx.Response(200, json={"data": {"items": []}})]
        started = now()
        await adjust.partners.list().collect()
        assert now() - started < 1
        script.outcomes = [REPORT]
        await report
        assert now() - started > 48


@jumping
async def test_the_rate_of_reports() -> None:
    """By default the burst of 90 is sent at once, and the rest at 50 per second. Other requests have no rate."""
    async with client(REPORT) as (adjust, script):
        await asyncio.gather(*(adjust.reports.fetch(**QUERY) for _ in range(240)))
        times = [moment - script.times[0] for moment in script.times]
        assert sum(moment < 0.01 for moment in times) == 90
        assert times[-1] == pytest.approx(3, abs=0.1)
        script.times.clear()
        script.outcomes = [httpx.Response(200, json={"data": {"items": []}})]
        await asyncio.gather(*(adjust.partners.list(prefetch=0).collect() for _ in range(240)))
        assert script.times[-1] - script.times[0] < 0.1


@jumping
async def test_settings_of_the_rate() -> None:
    """`reports_max_rate` and `reports_burst` set the rate, `None` removes it, and `max_rate` does not affect it."""
    for settings, seconds in (
        ({"reports_max_rate": 10, "reports_burst": 20}, 10.0),
        ({"reports_max_rate": 10, "reports_burst": None}, 11.0),
        ({"reports_max_rate": None}, 0.0),
        ({"max_rate": 1, "burst": 1}, 0.6),
    ):
        async with client(REPORT, **settings) as (adjust, script):
            await asyncio.gather(*(adjust.reports.fetch(**QUERY) for _ in range(120)))
            assert script.times[-1] - script.times[0] == pytest.approx(seconds, abs=0.1), settings


@jumping
async def test_a_report_without_a_permit_names_the_settings_to_raise() -> None:
    """A report that got no permit in time was never sent, and the error names the settings of reports."""
    async with client(never, max_concurrency=1, reports_deadline=10, reports_timeout=None) as (adjust, script):
        busy, waiting = await asyncio.gather(
            adjust.reports.fetch(**QUERY), adjust.reports.fetch(**QUERY), return_exceptions=True
        )
        assert isinstance(busy, APITimeoutError)
        assert isinstance(waiting, PoolExhaustedError)
        assert "raise max_concurrency, reports_max_rate or reports_deadline" in str(waiting)
        assert not waiting.sent
        assert len(script.requests) == 1


@pytest.fixture
async def strict() -> AsyncIterator[Emulator]:
    """An emulator with the service's own limits, which answers slowly enough for requests to pile up."""
    async with Emulator(apps=3, trackers_per_app=5, facts_per_day=2, latency=0.15) as running:
        yield running


@pytest.mark.slow
async def test_many_fetches_stay_within_the_services_limits(strict: Emulator) -> None:
    """180 concurrent fetches are never refused: at most 50 are in flight, and the bucket never overflows."""
    # More is kept back than by default, for a machine that stands still for a while.
    async with AsyncAdjust(strict.token, api_url=strict.url, reports_burst=60) as adjust:
        started = time.monotonic()
        reports = await asyncio.gather(
            *(adjust.reports.fetch(**QUERY, app_tokens=strict.app_tokens[number % 3]) for number in range(180))
        )
        took = time.monotonic() - started
    assert len({repr(list(report.rows())) for report in reports}) == 3
    seen = strict.stats.reports
    assert not seen.refused
    assert seen.max_in_flight == 50
    assert seen.fullest_bucket <= 100
    assert took > 2.3  # 60 at once, and 50 a second after that
    assert strict.stats.requests == {"GET /reports-service/report": 180}


async def test_every_kind_of_report_shares_the_limits(strict: Emulator) -> None:
    """Streamed rows, tables, lists and retries count too."""
    strict.faults = Faults(0.1, ["500", "502-html", "503", "drop-before", "truncated-body"])
    query: Any = QUERY | {"dimensions": ["hour", "app_token"]}
    async with AsyncAdjust(strict.token, api_url=strict.url, reports_burst=60) as adjust:

        async def rows() -> None:
            with suppress(APIConnectionError):  # an answer may be cut off after rows were yielded
                _ = [row async for row in adjust.reports.iter_csv(**query)]

        await asyncio.gather(
            *(rows() for _ in range(50)),
            *(adjust.reports.fetch(**query, app_tokens=strict.app_tokens) for _ in range(10)),
            *(adjust.reports.read_parquet(**query) for _ in range(15)),
            *(adjust.reports.filters(["apps"]) for _ in range(15)),
            *(adjust.reports.events() for _ in range(15)),
        )
        assert (adjust._session.permits, adjust._session.calls) == (0, 0)
    seen = strict.stats.reports
    assert not seen.refused
    assert seen.max_in_flight <= 50
    assert seen.fullest_bucket <= 100
    assert strict.stats.total > 125
    assert strict.stats.faults.total() > 5


async def test_a_client_that_ignores_the_limits_is_refused_by_the_emulator() -> None:
    """The limits exist: without the client's own, the emulator answers 429."""
    async with (
        Emulator(apps=1, trackers_per_app=5, facts_per_day=2, report_rate=5, report_burst=5) as emulator,
        AsyncAdjust(emulator.token, api_url=emulator.url, reports_max_rate=None, max_attempts=1) as adjust,
    ):
        outcomes = await asyncio.gather(*(adjust.reports.fetch(**QUERY) for _ in range(30)), return_exceptions=True)
        assert (
            sum(isinstance(outcome, RateLimitError) for outcome in outcomes) == emulator.stats.reports.refused.total()
        )
        assert emulator.stats.reports.refused["rate"] >= 20


async def test_other_requests_are_not_held_up_by_reports(strict: Emulator) -> None:
    """While many reports wait, a query to the KPI Service is answered at once."""
    async with AsyncAdjust(strict.token, api_url=strict.url, max_concurrency=2) as adjust:
        reports = asyncio.gather(*(adjust.reports.fetch(**QUERY) for _ in range(12)))
        await asyncio.sleep(0.05)
        await adjust.kpis.deliverables(strict.app_tokens[0], **KPIS)
        assert not reports.done()
        assert strict.stats.max_in_flight == 3
        await reports
