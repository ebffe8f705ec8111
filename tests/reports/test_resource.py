"""The figures of the Report Service, over real sockets against the emulator."""

import asyncio
import inspect
import pickle
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from adjust_async import (
    AdjustError,
    APIConnectionError,
    APITimeoutError,
    AsyncAdjust,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    GoneError,
    PermissionDeniedError,
    ServerError,
    lookback,
)
from adjust_async.emulator import Emulator, Faults
from adjust_async.reports.resource import Reports
from tests.clock import JUMPING_CLOCK
from tests.script import arriving, client, status

pytestmark = pytest.mark.anyio
jumping = pytest.mark.parametrize("anyio_backend", [pytest.param(JUMPING_CLOCK, id="jumping")])

FIRST, LAST = "2026-01-26", "2026-02-04"
DATES = (date(2026, 1, 26), date(2026, 2, 4))
KPI_DATES: Any = {"start_date": DATES[0], "end_date": DATES[1]}
QUERY: Any = {"dimensions": ["day"], "metrics": ["installs", "clicks"], "date_period": DATES}
COUNTED = ["installs", "clicks", "sessions"]


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait between attempts but what the service asks for: sockets need a real clock."""
    monkeypatch.setattr("adjust_async._http.retry.jitter", lambda _: 0.0)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An account of five apps with figures."""
    async with Emulator(apps=5, trackers_per_app=50, facts_per_day=20) as running:
        yield running


@pytest.fixture
async def adjust(emulator: Emulator) -> AsyncIterator[AsyncAdjust]:
    """A client of the emulator; at its end no permit, call or task may be left."""
    async with AsyncAdjust(emulator.token, api_url=emulator.url, max_attempts=2) as made:
        yield made
        session = made._session
        assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)


async def own(emulator: Emulator, path: str = "report", **params: str) -> Any:
    """Ask the emulator with plain httpx."""
    headers = {"Authorization": f"Bearer {emulator.token}"}
    async with httpx.AsyncClient(base_url=emulator.url, headers=headers, timeout=30) as plain:
        response = await plain.get(f"/reports-service/{path}", params={"format_dates": "false", **params})
        assert response.status_code == 200, response.text
        return response.json()


def counted(rows: Any, *columns: str) -> Counter[tuple[str, ...]]:
    """Give some cells of rows, as texts, without regard to the order of the rows."""
    return Counter(tuple(str(row[column]) for column in columns) for row in rows)


def cells(rows: Any) -> Counter[tuple[Any, ...]]:
    """Give rows without regard to their order and that of their columns."""
    return Counter(tuple(sorted((name, repr(cell)) for name, cell in row.items())) for row in rows)


# The same figures by both services.

PAIRS = [
    (["day"], ["date"], ["day"]),
    (["hour"], ["date"], ["hour"]),
    (["networks"], ["network_name"], ["network"]),
    (["networks", "day"], ["network_name", "date"], ["network", "day"]),
    (["os_names", "device_types"], ["os_name", "device_type"], ["os_name", "device_type"]),
    (["countries", "day"], ["country", "date"], ["country_code", "day"]),
]


@pytest.mark.parametrize(("grouping", "of_kpis", "dimensions"), PAIRS, ids=[",".join(pair[2]) for pair in PAIRS])
@pytest.mark.parametrize("window", [None, 3])
async def test_both_services_give_the_same_figures(
    adjust: AsyncAdjust,
    emulator: Emulator,
    grouping: list[str],
    of_kpis: list[str],
    dimensions: list[str],
    window: int | None,
) -> None:
    """For the same apps and days, the Report Service has the installs, clicks and sessions of the KPI Service."""
    split: Any = {"window": window if {"day", "hour"} & set(dimensions) else None}
    tokens = emulator.app_tokens
    kpis = await adjust.kpis.deliverables(tokens, kpis=COUNTED, grouping=grouping, **KPI_DATES, **split)
    report = await adjust.reports.fetch(
        app_tokens=tokens,
        dimensions=dimensions,
        metrics=COUNTED,
        date_period=DATES,
        attribution_types=["click"],  # which the KPI Service counts by default
        **split,
    )
    of_reports = counted(report.rows(), "app_token", *dimensions, *COUNTED)
    assert of_reports == counted(kpis.rows(), "app_token", *of_kpis, *COUNTED)
    assert len(of_reports) > 10


@pytest.mark.parametrize("utc_offset", ["+05:30", "-08:00"])
async def test_both_services_begin_the_day_alike(adjust: AsyncAdjust, emulator: Emulator, utc_offset: str) -> None:
    """An offset moves the days of both in the same way."""
    tokens = emulator.app_tokens[:2]
    kpis = await adjust.kpis.deliverables(tokens, kpis=COUNTED, grouping=["day"], utc_offset=utc_offset, **KPI_DATES)
    report = await adjust.reports.fetch(
        app_tokens=tokens,
        dimensions=["day"],
        metrics=COUNTED,
        date_period=DATES,
        utc_offset=utc_offset,
        attribution_types=["click"],
    )
    assert counted(report.rows(), "app_token", "day", *COUNTED) == counted(kpis.rows(), "app_token", "date", *COUNTED)


# The same figures in parts.

SHAPES = [
    (["day"], ["installs", "cost", "daus", "retention_rate_d1"]),
    (["network", "country"], ["installs", "revenue", "ecpi"]),
    (["hour", "os_name"], ["sessions", "ctr"]),
    (["month", "campaign", "partner_id"], ["clicks", "network_cost", "roas_d7"]),
]


@pytest.mark.parametrize(("dimensions", "metrics"), SHAPES, ids=[",".join(shape[0]) for shape in SHAPES])
async def test_apps_by_themselves_are_the_rows_of_all(
    adjust: AsyncAdjust, emulator: Emulator, dimensions: list[str], metrics: list[str]
) -> None:
    """What is joined from one request an app equals the rows of one request with `app_token` as a dimension."""
    query: Any = {"metrics": metrics, "date_period": DATES, "app_tokens": emulator.app_tokens}
    whole = await adjust.reports.fetch(**query, fan_out="none", dimensions=["app_token", *dimensions])
    emulator.stats.reset()
    split = await adjust.reports.fetch(**query, dimensions=dimensions)
    assert emulator.stats.requests == {"GET /reports-service/report": 5}
    assert split.columns == whole.columns == ("app_token", *dimensions, *metrics)
    assert split.schema == whole.schema
    assert cells(split.rows()) == cells(whole.rows())
    named = await adjust.reports.fetch(**query, dimensions=[*dimensions, "app_token"])
    assert cells(named.rows()) == cells(whole.rows())
    order = list(dict.fromkeys(row["app_token"] for row in split.rows()))
    assert order == emulator.app_tokens


@pytest.mark.parametrize(
    ("window", "requests"), [("day", 10), ("week", 2), ("month", 2), (3, 4), (10, 1), (366, 1)], ids=str
)
@pytest.mark.parametrize("dimensions", [["day"], ["network", "day"], ["day", "country", "app"], ["hour"]], ids=",".join)
async def test_windows_join_to_the_whole(
    adjust: AsyncAdjust, emulator: Emulator, window: Any, requests: int, dimensions: list[str]
) -> None:
    """A range split into windows gives the same rows as the range asked for at once, rates and users included."""
    query: Any = {
        "dimensions": dimensions,
        "metrics": ["installs", "daus", "ctr", "retention_rate_d1"],
        "date_period": DATES,
        "app_tokens": emulator.app_tokens[:2],
    }
    whole = await adjust.reports.fetch(**query)
    emulator.stats.reset()
    split = await adjust.reports.fetch(**query, window=window)
    assert emulator.stats.total == 2 * requests
    assert cells(split.rows()) == cells(whole.rows())
    assert split.schema == whole.schema
    if dimensions[0] in {"day", "hour"}:
        assert list(split.rows()) == list(whole.rows())


@pytest.mark.parametrize("unit", ["week", "month"])
async def test_windows_of_a_unit_join_by_that_unit(adjust: AsyncAdjust, emulator: Emulator, unit: Any) -> None:
    """By weeks, windows of weeks are exact, also the broken ones at both ends; by months, those of months."""
    query: Any = {"dimensions": [unit], "metrics": ["installs", "waus", "maus"], "date_period": ("2026-01-07", LAST)}
    whole = await adjust.reports.fetch(**query, app_tokens=emulator.app_tokens)
    split = await adjust.reports.fetch(**query, app_tokens=emulator.app_tokens, window=unit)
    assert list(split.rows()) == list(whole.rows())
    assert len(split.parts) == 5 * (5 if unit == "week" else 2)


async def test_totals_are_the_services_own(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Each part has the totals that the service gives to that question, which need not be the sum of its rows."""
    metrics = ["installs", "daus", "ctr", "cost"]
    query: Any = {"dimensions": ["day"], "metrics": metrics, "date_period": DATES}
    tokens = emulator.app_tokens[:3]
    split = await adjust.reports.fetch(**query, app_tokens=tokens, window=5)
    assert len(split.parts) == 6
    params = {"dimensions": "day", "metrics": ",".join(metrics)}
    for part in split.parts:
        document = await own(emulator, **params, date_period=part.date_period or "", app_token__in=part.app_token or "")
        assert part.totals == document["totals"]
        assert part.totals["daus"] != sum(float(row["daus"]) for row in part.rows)
        assert [dict(row) for row in part.rows] == [
            {key: cell for key, cell in row.items() if key != "attr_dependency"} for row in document["rows"]
        ]
    with pytest.raises(ConfigurationError, match="totals don't add up"):
        _ = split.totals
    whole = await adjust.reports.fetch(**query, app_tokens=tokens, fan_out="none")
    document = await own(emulator, **params, date_period=f"{FIRST}:{LAST}", app_token__in=",".join(tokens))
    assert whole.totals == document["totals"]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    apps=st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True),
    dimensions=st.lists(
        st.sampled_from(["network", "country", "os_name", "partner_id", "campaign", "app", "device_type"]),
        max_size=2,
        unique=True,
    ),
    metrics=st.lists(
        st.sampled_from(["installs", "cost", "daus", "ctr", "roas_d3", "events", "network_installs_diff"]),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    window=st.sampled_from([None, "day", "week", "month", 2, 7]),
    utc_offset=st.sampled_from([None, "+05:30", "-11:00"]),
)
def test_any_split_is_the_whole(
    apps: list[int], dimensions: list[str], metrics: list[str], window: Any, utc_offset: str | None
) -> None:
    """However a question is split, rows, CSV and schema are those of one request for all."""

    async def ask() -> None:
        async with (
            Emulator(apps=3, trackers_per_app=20, facts_per_day=8) as emulator,
            AsyncAdjust(emulator.token, api_url=emulator.url) as adjust,
        ):
            tokens = [emulator.app_tokens[number] for number in apps]
            query: Any = {"metrics": metrics, "date_period": DATES, "app_tokens": tokens, "utc_offset": utc_offset}
            by_day = [*dimensions, "day"]
            split = await adjust.reports.fetch(**query, dimensions=by_day, window=window)
            whole = await adjust.reports.fetch(**query, dimensions=["app_token", *by_day], fan_out="none")
            assert cells(split.rows()) == cells(whole.rows())
            assert split.schema == whole.schema
            rows = [row async for row in adjust.reports.iter_csv(**query, dimensions=["app_token", *by_day])]
            assert rows == list(whole.rows())

    asyncio.run(ask())


async def test_an_empty_report_has_the_schema_of_a_full_one(adjust: AsyncAdjust) -> None:
    """For the metrics that the service lists, a report without rows has the columns and kinds of one with rows."""
    lists = await adjust.reports.filters(
        ["overview_metrics", "cost_metrics", "skad_metrics", "cohort_metrics", "event_metrics"]
    )
    metrics = [value.id for name in ("overview_metrics", "cost_metrics", "skad_metrics") for value in lists[name]]
    metrics += [value.id for value in lists["cohort_metrics"] if value.id.endswith(("_d0", "_w3", "_m36"))]
    metrics += [value.id for value in lists["event_metrics"] if not value.id.endswith("cohort")]
    metrics += [value.id for value in lists["event_metrics"] if value.id.endswith("_d2_events_cohort")]
    assert len(metrics) > 150
    query: Any = {"dimensions": ["day", "network"], "metrics": metrics, "date_period": (FIRST, "2026-01-28")}
    full = await adjust.reports.fetch(**query)
    empty = await adjust.reports.fetch(**query, filters={"country_code__in": ["zz"]})
    assert list(full.rows())
    assert list(empty.rows()) == []
    assert empty.totals == {}
    assert empty.schema == full.schema
    assert empty.to_arrow().schema == full.to_arrow().schema


# Failures.


@pytest.mark.slow
async def test_failures_can_be_kept() -> None:
    """Of 200 apps one is forbidden, one broken for ever, one hanging: 197 come, with three errors of their classes."""
    async with Emulator(
        apps=200, trackers_per_app=5, facts_per_day=2, report_rate=None, report_concurrency=50
    ) as emulator:
        tokens = emulator.app_tokens
        emulator.app_states[tokens[3]] = "forbidden"
        emulator.app_states[tokens[20]] = "broken"
        emulator.app_states[tokens[57]] = "slow"
        before = len(asyncio.all_tasks())
        async with AsyncAdjust(
            emulator.token, api_url=emulator.url, max_attempts=2, reports_deadline=2, reports_max_rate=None
        ) as adjust:
            report = await adjust.reports.fetch(**QUERY, app_tokens=tokens, on_failure="keep")
            assert {token: type(error) for token, error in report.failures.items()} == {
                tokens[3]: PermissionDeniedError,
                tokens[20]: ServerError,
                tokens[57]: APITimeoutError,
            }
            assert list(report.failures) == [tokens[3], tokens[20], tokens[57]]
            assert list(dict.fromkeys(row["app_token"] for row in report.rows())) == [
                token for token in tokens if token not in report.failures
            ]
            assert "3 failed" in repr(report)
            assert emulator.stats.reports.max_in_flight <= 50
            for error in report.failures.values():
                copy = pickle.loads(pickle.dumps(error))
                assert (type(copy), str(copy)) == (type(error), str(error))
            with pytest.raises((PermissionDeniedError, ServerError)):
                await adjust.reports.fetch(**QUERY, app_tokens=tokens)
            session = adjust._session
            assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > before or emulator.stats.in_flight:
                await asyncio.sleep(0)


async def test_a_failed_app_is_raised_by_default(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """One app that is refused fails the report with its own error, and cancels the others."""
    tokens = emulator.app_tokens
    emulator.app_states[tokens[0]] = "slow"
    emulator.app_states[tokens[2]] = "forbidden"
    with pytest.raises(PermissionDeniedError, match=tokens[2]):
        await adjust.reports.fetch(**QUERY, app_tokens=tokens)
    session = adjust._session
    assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)
    async with asyncio.timeout(5):
        while emulator.stats.in_flight:
            await asyncio.sleep(0)


async def test_a_failed_window_fails_its_app(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Figures of a part of the range never pass for those of all of it."""
    tokens = emulator.app_tokens
    emulator.faults = Faults.script(["500", "500"], match=f"{tokens[1]}")
    report = await adjust.reports.fetch(**QUERY, app_tokens=tokens, window=10, on_failure="keep")
    assert list(report.failures) == [tokens[1]]
    emulator.faults = Faults.script(["500", "500"], match="date_period=2026-01-31")
    with pytest.raises(ServerError) as raised:
        await adjust.reports.fetch(**QUERY, app_tokens=tokens[0], window=5, on_failure="keep")
    assert not hasattr(raised.value, "__notes__")


async def test_all_apps_failing_always_raises(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Where nothing came there is no report: the first app's error is raised, and says that the others failed too."""
    for number, token in enumerate(emulator.app_tokens):
        emulator.app_states[token] = "forbidden" if number else "gone"
    with pytest.raises(GoneError) as raised:
        await adjust.reports.fetch(**QUERY, app_tokens=emulator.app_tokens, on_failure="keep")
    assert raised.value.__notes__ == ["4 other apps failed too."]
    seen = []
    with pytest.raises(GoneError):
        async for token, report in adjust.reports.stream(**QUERY, app_tokens=emulator.app_tokens, on_failure="keep"):
            seen.append((token, len(report.failures), len(list(report.rows()))))
    assert sorted(seen) == sorted((token, 1, 0) for token in emulator.app_tokens)


async def test_stream_gives_each_app_as_it_arrives(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Each app comes once, with the report that it has by itself; a failure is raised, unless it is kept."""
    tokens = emulator.app_tokens
    seen = {token: report async for token, report in adjust.reports.stream(**QUERY, app_tokens=tokens, window=4)}
    assert set(seen) == set(tokens)
    for token, report in seen.items():
        alone = await adjust.reports.fetch(**QUERY, app_tokens=token)
        assert list(report.rows()) == list(alone.rows())
    emulator.app_states[tokens[1]] = "broken"
    with pytest.raises(ServerError):
        _ = [token async for token, _ in adjust.reports.stream(**QUERY, app_tokens=tokens)]
    kept = {
        token: report async for token, report in adjust.reports.stream(**QUERY, app_tokens=tokens, on_failure="keep")
    }
    assert {token for token, report in kept.items() if report.failures} == {tokens[1]}


async def test_leaving_a_stream_stops_its_requests(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """After a `break` nothing is left under way, here and there."""
    emulator.latency = 0.02
    async for _ in adjust.reports.stream(**QUERY, app_tokens=emulator.app_tokens, window="day"):
        break
    async with asyncio.timeout(5):
        while adjust._session.calls or adjust._session._tasks or emulator.stats.in_flight:
            await asyncio.sleep(0)


@pytest.mark.parametrize("how", ["cancel", "close"])
async def test_ending_a_question_in_its_middle(emulator: Emulator, how: str) -> None:
    """A question that is cancelled, or whose client is closed, leaves no permit, call, task or connection."""
    emulator.latency = 5
    before = asyncio.all_tasks()
    adjust = AsyncAdjust(emulator.token, api_url=emulator.url)
    question = asyncio.create_task(
        adjust.reports.fetch(**QUERY, app_tokens=emulator.app_tokens, window=5, on_failure="keep")
    )
    while emulator.stats.in_flight < 10:
        await asyncio.sleep(0)
    if how == "cancel":
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
    else:
        await adjust.aclose()
        with pytest.raises(ClientClosedError):
            await question
    session = adjust._session
    assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)
    await adjust.aclose()
    async with asyncio.timeout(5):
        while emulator.stats.in_flight or emulator.stats.connections_open:
            await asyncio.sleep(0)
        while [task for task in asyncio.all_tasks() - before if "uvicorn" not in repr(task)]:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    "fault",
    [
        *("429", "429-retry-after", "500", "502-html", "503", "503-retry-after", "drop-before", "drop-after"),
        *("truncated-body", "truncated-json", "drip", "500-after"),
    ],
)
async def test_faults_of_the_service_are_overcome(adjust: AsyncAdjust, emulator: Emulator, fault: str) -> None:
    """Each fault that may pass leaves the report and the pivot as they are without it."""
    query: Any = QUERY | {"app_tokens": emulator.app_tokens[0]}
    report = await adjust.reports.fetch(**query)
    pivot = await adjust.reports.pivot(**query, index=["day"])
    emulator.faults = Faults.script([fault], retry_after=0.01, drip=0.05)
    assert list((await adjust.reports.fetch(**query)).rows()) == list(report.rows())
    emulator.faults = Faults.script([fault], retry_after=0.01, drip=0.05)
    again = await adjust.reports.pivot(**query, index=["day"])
    assert (list(again.rows()), again.totals_per_dimension) == (list(pivot.rows()), pivot.totals_per_dimension)
    assert emulator.stats.faults[fault] == 2


async def test_a_service_that_fails_at_a_third_of_all(emulator: Emulator) -> None:
    """Through faults of all kinds at once, 50 parts come, each once and whole."""
    tokens = emulator.app_tokens
    async with AsyncAdjust(emulator.token, api_url=emulator.url) as adjust:
        whole = await adjust.reports.fetch(**QUERY, app_tokens=tokens)
        emulator.faults = Faults(0.35, retry_after=0.01, drip=0.05)
        split = await adjust.reports.fetch(**QUERY, app_tokens=tokens, window="day")
        assert list(split.rows()) == list(whole.rows())
        assert (adjust._session.permits, adjust._session.calls) == (0, 0)
    assert emulator.stats.faults.total() > 10
    assert not emulator.stats.reports.refused


NO_REPORTS: dict[str, Any] = {
    "504": status(504),
    "503": status(503),
    "empty": httpx.Response(200),
    "half": httpx.Response(200, content=b'{"rows": [{"day": "2026-01-01", "inst'),
    "reset": httpx.ReadError("reset"),
    "broken body": arriving(b'{"rows": [', httpx.ReadError("reset")),
}


async def ask_once(adjust: AsyncAdjust, ask: str) -> list[Any]:
    """Ask for a report in one of three ways."""
    if ask == "stream":
        return [report async for _, report in adjust.reports.stream(**QUERY, app_tokens="app")]
    if ask == "pivot":
        return [await adjust.reports.pivot(**QUERY, index=["day"])]
    return [await adjust.reports.fetch(**QUERY)]


@jumping
@pytest.mark.parametrize("answer", NO_REPORTS)
@pytest.mark.parametrize("ask", ["fetch", "pivot", "stream"])
async def test_what_is_no_report_is_never_an_empty_one(ask: str, answer: str) -> None:
    """It is tried again, also a 504; what goes on like that is an error, and no report without rows."""
    good = httpx.Response(200, json={"rows": [{"day": "2026-01-01", "installs": "3"}], "totals": {"installs": 3}})

    async with client(NO_REPORTS[answer], NO_REPORTS[answer], good, max_attempts=3) as (adjust, script):
        (report,) = await ask_once(adjust, ask)
        assert [row["installs"] for row in report.rows()] == [3]
        assert len(script.requests) == 3
        script.outcomes = [NO_REPORTS[answer]]
        with pytest.raises((ServerError, DecodeError, APIConnectionError)) as raised:
            await ask_once(adjust, ask)
        assert len(script.requests) == 6
        copy = pickle.loads(pickle.dumps(raised.value))
        assert (type(copy), str(copy)) == (type(raised.value), str(raised.value))


@jumping
@pytest.mark.parametrize("text", ["<html><title>Sign in</title></html>", "Internal error"])
@pytest.mark.parametrize("ask", ["fetch", "pivot", "stream"])
async def test_a_page_is_never_a_report(ask: str, text: str) -> None:
    """A page with a good status is an error at once: asking again would bring the same page."""
    async with client(httpx.Response(200, text=text), max_attempts=3) as (adjust, script):
        with pytest.raises(DecodeError):
            await ask_once(adjust, ask)
        assert len(script.requests) == 1


# Pivots.


async def test_totals_of_a_pivot_are_the_services_own(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A pivot has the rows of the report, and the service's totals for each value of its index."""
    tokens = emulator.app_tokens[:2]
    query: Any = {"dimensions": ["app_token", "day"], "metrics": ["installs", "daus"], "date_period": DATES}
    pivot = await adjust.reports.pivot(**query, app_tokens=tokens, index=["app_token"])
    report = await adjust.reports.fetch(**query, app_tokens=tokens, fan_out="none")
    assert cells(pivot.rows()) == cells(report.rows())
    assert pivot.totals == report.totals
    assert [total["app_token"] for total in pivot.index_totals] == list(pivot.totals_per_dimension["app_token"])
    document = await own(
        emulator,
        "pivot_report",
        dimensions="app_token,day",
        metrics="installs,daus",
        date_period=f"{FIRST}:{LAST}",
        app_token__in=",".join(tokens),
        index="app_token",
    )
    assert pivot.totals_per_dimension == document["totals_per_dimension"]
    assert set(pivot.totals_per_dimension["app_token"]) == set(tokens)
    assert emulator.stats.requests["GET /reports-service/pivot_report"] == 2


# Arguments.

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("fetch", {"limit": 5, "fan_out": "app", "app_tokens": ["a", "b"]}, "limit is given for a report in parts"),
    ("fetch", {"sort": ["day"], "window": "day"}, "sort is given for a report in parts"),
    ("fetch", {"limit": 3, "window": 2, "app_tokens": "a"}, "limit is given for a report in parts"),
    ("fetch", {"index": ["day"], "window": 2}, "index is given for a report in parts"),
    ("stream", {"sort": ["day"], "app_tokens": ["a", "b"]}, "sort is given for a report in parts"),
    ("stream", {"limit": 5, "app_tokens": ["a", "b"]}, "limit is given for a report in parts"),
    ("fetch", {"window": "week", "dimensions": ["app"]}, "windows are joined, never summed"),
    ("fetch", {"window": "week", "dimensions": ["month"]}, "windows are joined, never summed"),
    ("fetch", {"window": 7, "dimensions": ["week"]}, "windows are joined, never summed"),
    ("fetch", {"window": "month", "dimensions": ["week", "quarter", "year"]}, "windows are joined, never summed"),
    ("fetch", {"window": "day", "date_period": "-10d:-1d"}, "date_period is '-10d:-1d': give two dates"),
    ("fetch", {"window": "day", "date_period": "last_month"}, "date_period is 'last_month': give two dates"),
    ("fetch", {"window": "day", "date_period": "2026-01-01:-1d"}, "give two dates"),
    ("fetch", {"window": "fortnight"}, "window is 'fortnight'"),
    ("fetch", {"window": 0}, "window is 0"),
    ("fetch", {"window": True}, "window is True"),
    ("fetch", {"window": 367}, "window is 367"),
    ("fetch", {"app_tokens": "a", "filters": {"app_token__in": ["b"]}}, "filters holds 'app_token__in'"),
    ("fetch", {"fan_out": "app"}, "fan_out is 'app', and no app_tokens are given"),
    ("fetch", {"fan_out": "app", "filters": {"app_token__in": ["b"]}}, "no app_tokens are given"),
    ("fetch", {"fan_out": "day"}, "fan_out is 'day': give 'app' or 'none'"),
    ("fetch", {"fan_out": ["app"]}, "fan_out is"),
    ("fetch", {"on_failure": "ignore"}, "on_failure is 'ignore': give 'raise' or 'keep'"),
    ("fetch", {"on_failure": None}, "on_failure is None"),
    ("fetch", {"attr_dependency": "all"}, "attr_dependency is 'all'"),
    ("pivot", {}, "index is missing"),
    ("pivot", {"index": None}, "index is missing"),
    ("pivot", {"index": []}, "index is empty"),
    ("pivot", {"index": "day"}, "index is the text 'day'"),
    ("pivot", {"index": ["day"], "window": "day"}, "window is no parameter of a report"),
    ("fetch", {"app_tokens": []}, "app_tokens is empty"),
    ("fetch", {"app_tokens": ["a", "a"]}, "app_tokens has 'a' twice"),
    ("fetch", {"app_tokens": "a,b"}, "app_tokens is 'a,b'"),
    ("fetch", {"app_tokens": [3]}, "app_tokens is 3"),
    ("stream", {"app_tokens": []}, "app_tokens is empty"),
    ("fetch", {"dimensions": None}, "dimensions is missing"),
    ("fetch", {"metrics": []}, "metrics is empty"),
    ("fetch", {"metrics": "installs"}, r"give a list, such as \['installs'\]"),
    ("fetch", {"metrics": {"installs"}}, "metrics is a set"),
    ("fetch", {"metrics": ["installs,clicks"]}, "give each name as a text of its own"),
    ("fetch", {"metrics": ["a_d7", "a_D7"]}, "metrics has 'a_D7', which is in metrics already"),
    ("fetch", {"metrics": ["day"]}, "metrics has 'day', which is in dimensions already"),
    ("fetch", {"date_period": None}, "date_period is missing"),
    ("fetch", {"date_period": "last_7_days"}, "which the service refuses"),
    ("fetch", {"date_period": "2026-02-30:2026-03-01"}, "date_period is '2026-02-30'"),
    ("fetch", {"date_period": "2026-02-02:2026-02-01"}, "before it begins"),
    ("fetch", {"date_period": (date(2026, 2, 2), "2026-02-01")}, "before it begins"),
    ("fetch", {"date_period": (date(2026, 2, 2),)}, "give the first and the last day as a pair"),
    ("fetch", {"date_period": datetime(2026, 1, 1, tzinfo=UTC)}, "date_period is"),
    ("fetch", {"date_period": (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-02")}, r"date_period\[0\] is"),
    ("fetch", {"filters": ["a"]}, "filters is"),
    ("fetch", {"filters": {"campaign": "x"}}, "filters holds 'campaign'"),
    ("fetch", {"filters": {"campaign__like": "x"}}, "filters holds 'campaign__like'"),
    ("fetch", {"filters": {"__in": "x"}}, "filters holds '__in'"),
    ("fetch", {"filters": {3: "x"}}, "filters holds 3"),
    ("fetch", {"filters": {"installs__gte": "10"}}, r"filters\['installs__gte'\] is '10': give a number"),
    ("fetch", {"filters": {"installs__gte": True}}, "give a number"),
    ("fetch", {"filters": {"installs__gte": float("nan")}}, "give a number"),
    ("fetch", {"filters": {"campaign__contains": ["a", "b"]}}, "give a text"),
    ("fetch", {"filters": {"campaign__in": []}}, "is empty"),
    ("fetch", {"campaign__contains": "x"}, r"is a filter: give filters=\{'campaign__contains'"),
    ("fetch", {"readable_names": True}, "readable_names is no parameter of this report"),
    ("fetch", {"typo": 1}, r"what Adjust added later goes into parameters=\{'typo'"),
    ("fetch", {"parameters": {"metrics": "x"}}, "which is an argument of its own"),
    ("fetch", {"parameters": {"user_token": "x"}}, "the API token goes into no URL"),
    ("fetch", {"parameters": {"a b": "x"}}, "a name has letters"),
    ("fetch", {"parameters": ["x"]}, "parameters is"),
    ("fetch", {"hour__between": (8,)}, "hour__between is"),
    ("fetch", {"hour__between": (8, 24)}, r"hour__between\[1\] is 24"),
    ("fetch", {"utc_offset": "5"}, "utc_offset is '5'"),
    ("fetch", {"utc_offset": "+05:30", "timezone_id": "Europe/Berlin"}, "are both given"),
    ("fetch", {"limit": 0}, "limit is 0"),
    ("fetch", {"limit": "5"}, "limit is '5'"),
    ("fetch", {"sort": ["-"]}, "sort is"),
    ("fetch", {"sandbox": "yes"}, "sandbox is 'yes'"),
]


@pytest.mark.parametrize(("ask", "query", "message"), WRONG, ids=[f"{ask} {query}" for ask, query, _ in WRONG])
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    ask: str, query: dict[str, Any], message: str
) -> None:
    """The error names the argument, its value, and what would be right."""
    seen: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(500)

    async with AsyncAdjust(
        "secret", http_client=httpx.AsyncClient(transport=httpx.MockTransport(refuse)), max_attempts=1
    ) as adjust:
        arguments = QUERY | query
        with pytest.raises(ConfigurationError, match=message) as raised:
            if ask == "stream":
                _ = [found async for found in adjust.reports.stream(**arguments)]
            else:
                await getattr(adjust.reports, ask)(**arguments)
    assert not seen
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


@pytest.mark.parametrize(
    "method", ["fetch", "stream", "pivot", "iter_csv", "download_csv", "read_parquet", "download_parquet"]
)
def test_each_parameter_is_described(method: str) -> None:
    """The class describes what the methods have in common, and each method its own arguments."""
    described = (inspect.getdoc(Reports) or "") + (inspect.getdoc(getattr(Reports, method)) or "")
    for name in inspect.signature(getattr(Reports, method)).parameters:
        assert name == "self" or name in described


# Looking back.


@pytest.mark.parametrize(
    ("newest", "days", "today", "first"),
    [
        ("2026-11-18", 7, "2026-11-21", "2026-11-12"),
        (date(2026, 11, 18), 1, date(2026, 11, 21), "2026-11-18"),
        ("2026-11-18", 0, "2026-11-21", "2026-11-19"),
        ("2026-11-21", 3, "2026-11-21", "2026-11-19"),
        ("2026-11-21", 1, "2026-11-21", "2026-11-21"),
        ("2026-03-01", 2, "2026-03-02", "2026-02-28"),
        ("0001-01-03", 30, "0001-01-04", "0001-01-01"),
    ],
)
def test_lookback(newest: Any, days: int, today: Any, first: str) -> None:
    """Of the stored days, the newest ones are asked for again; then comes what is not stored, up to today."""
    period = lookback(newest, days, today=today)
    assert period == (date.fromisoformat(first), date.fromisoformat(str(today)))


def test_lookback_ends_today() -> None:
    """By default it ends with today, in UTC."""
    before = datetime.now(UTC).date()
    first, last = lookback(before - timedelta(days=2), 1)
    assert before <= last <= datetime.now(UTC).date()
    assert first == before - timedelta(days=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("2026-11-22", 1, "2026-11-21"), "newest is 2026-11-22, which lies after 2026-11-21"),
        (("2026-11-21", 0, "2026-11-21"), "there is nothing to ask for"),
        (("yesterday", 1, "2026-11-21"), "newest is 'yesterday'"),
        (("2026-11-18", -1, "2026-11-21"), "days is -1"),
        (("2026-11-18", 1.5, "2026-11-21"), "days is 1.5"),
        (("2026-11-18", True, "2026-11-21"), "days is True"),
        (("2026-11-18", 1, "today"), "today is 'today'"),
        ((datetime(2026, 11, 18, tzinfo=UTC), 1, "2026-11-21"), "newest is"),
    ],
    ids=str,
)
def test_wrong_lookbacks(arguments: Any, message: str) -> None:
    """What makes no range is refused."""
    newest, days, today = arguments
    with pytest.raises(ConfigurationError, match=message):
        lookback(newest, days, today=today)


async def test_restated_figures_are_read_again(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """The range of `lookback` is one that reports take, windows too."""
    period = lookback("2026-02-01", 3, today=LAST)
    report = await adjust.reports.fetch(**QUERY | {"date_period": period}, app_tokens=emulator.app_tokens[0], window=2)
    assert [row["day"] for row in report.rows()] == [date(2026, 1, 30) + timedelta(days=number) for number in range(6)]


# What is raised.

RAISED: dict[str, Callable[[AsyncAdjust, Path], Any]] = {
    "fetch": lambda adjust, _: adjust.reports.fetch(**QUERY),
    "pivot": lambda adjust, _: adjust.reports.pivot(**QUERY, index=["day"]),
    "csv": lambda adjust, folder: adjust.reports.download_csv(folder / "x.csv", **QUERY),
    "parquet": lambda adjust, _: adjust.reports.read_parquet(**QUERY),
    "filters": lambda adjust, _: adjust.reports.filters(["apps"]),
    "events": lambda adjust, _: adjust.reports.events(),
    "apps": lambda adjust, _: adjust.apps.list(),
}


@pytest.mark.parametrize("ask", RAISED)
@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 429, 500, 503, 504])
async def test_errors_go_into_pickles(ask: str, code: int, tmp_path: Path) -> None:
    """Whatever is asked, the error of each status tells it and the path, and survives a pickle."""
    async with client(status(code), max_attempts=1) as (adjust, script):
        with pytest.raises(AdjustError) as raised:
            await RAISED[ask](adjust, tmp_path)
        assert len(script.requests) == 1
    error: Any = raised.value
    assert (error.status, error.method) == (code, "GET")
    assert error.path.startswith("/reports-service/")
    assert f"it was {code}" in str(error)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 - of the test's own folder
