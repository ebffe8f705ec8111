"""Failures of reports: raised or kept, never an empty report, and errors that go into pickles."""

import asyncio
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from adjust_async import (
    AdjustError,
    APIConnectionError,
    APITimeoutError,
    AsyncAdjust,
    ClientClosedError,
    DecodeError,
    GoneError,
    PermissionDeniedError,
    ServerError,
)
from adjust_async.emulator import Emulator, Faults
from tests.clock import JUMPING_CLOCK
from tests.reports.sockets import QUERY
from tests.script import arriving, client, status

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=5, trackers_per_app=50, facts_per_day=20),
    pytest.mark.settings(max_attempts=2),
    pytest.mark.usefixtures("quick_retries"),
]


jumping = pytest.mark.parametrize("anyio_backend", [pytest.param(JUMPING_CLOCK, id="jumping")])


# Failures.


@pytest.mark.slow
async def test_failures_can_be_kept() -> None:
    """Among 100 apps one is forbidden, one keeps failing, one hangs: 97 arrive, with three errors of their classes."""
    async with Emulator(
        apps=100, trackers_per_app=5, facts_per_day=2, report_rate=None, report_concurrency=50
    ) as emulator:
        tokens = emulator.app_tokens
        emulator.app_states[tokens[3]] = "forbidden"
        emulator.app_states[tokens[20]] = "broken"
        emulator.app_states[tokens[57]] = "slow"
        before = len(asyncio.all_tasks())
        async with AsyncAdjust(
            emulator.token, api_url=emulator.url, max_attempts=2, reports_deadline=10, reports_max_rate=None
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
        async with asyncio.timeout(60):
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
    async with asyncio.timeout(60):
        while emulator.stats.in_flight:
            await asyncio.sleep(0)


async def test_a_failed_window_fails_its_app(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Figures of a part of the range are never mistaken for those of the whole range."""
    tokens = emulator.app_tokens
    emulator.faults = Faults.script(["500", "500"], match=f"{tokens[1]}")
    report = await adjust.reports.fetch(**QUERY, app_tokens=tokens, window=10, on_failure="keep")
    assert list(report.failures) == [tokens[1]]
    emulator.faults = Faults.script(["500", "500"], match="date_period=2026-01-31")
    with pytest.raises(ServerError) as raised:
        await adjust.reports.fetch(**QUERY, app_tokens=tokens[0], window=5, on_failure="keep")
    assert not hasattr(raised.value, "__notes__")


async def test_all_apps_failing_always_raises(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """If every app failed, the first app's error is raised, and says that the others failed too."""
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


async def test_stream_yields_each_app_as_it_arrives(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Each app arrives once, with the same report as when requested alone. A failure is raised, unless it is kept."""
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
    """After a `break` nothing is left in flight, in the client and in the service."""
    emulator.latency = 0.02
    async for _ in adjust.reports.stream(**QUERY, app_tokens=emulator.app_tokens, window="day"):
        break
    async with asyncio.timeout(60):
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
    async with asyncio.timeout(60):
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
    """No transient fault changes the report or the pivot."""
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
    """Through faults of all kinds at once, 50 complete parts arrive, each once."""
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
async def test_an_invalid_answer_is_never_an_empty_report(ask: str, answer: str) -> None:
    """It is retried, also a 504. If it keeps failing, the result is an error, and not a report without rows."""
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
    """A page with a success status is an error at once: another attempt would receive the same page."""
    async with client(httpx.Response(200, text=text), max_attempts=3) as (adjust, script):
        with pytest.raises(DecodeError):
            await ask_once(adjust, ask)
        assert len(script.requests) == 1


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
    """Whatever the request, the error of each status names it and the path, and can be pickled."""
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
