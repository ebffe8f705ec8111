"""Apps that fail: raised or kept, streamed or merged."""

import asyncio
from typing import Any

import pytest

from adjust_async import (
    AdjustError,
    APITimeoutError,
    AsyncAdjust,
    ClientClosedError,
    ConfigurationError,
    GoneError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
)
from adjust_async.emulator import Emulator
from tests.kpis.sockets import DATES, ask, cells

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=6, trackers_per_app=60, facts_per_day=25),
    pytest.mark.settings(max_attempts=2),
]


# Failures.


async def test_a_failed_app_is_raised_by_default(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """One refused app fails the report, with that app's error, and cancels the others."""
    emulator.app_states[emulator.app_tokens[2]] = "forbidden"
    with pytest.raises(PermissionDeniedError, match=emulator.app_tokens[2]):
        await adjust.kpis.deliverables(emulator.app_tokens, **DATES)


@pytest.mark.slow
async def test_failures_can_be_kept() -> None:
    """Of 100 apps one is forbidden, one always fails, one exceeds the deadline: 97 are returned, with three errors."""
    async with Emulator(apps=100, trackers_per_app=5, facts_per_day=2) as emulator:
        tokens = emulator.app_tokens
        emulator.app_states[tokens[3]] = "forbidden"
        emulator.app_states[tokens[20]] = "broken"
        emulator.app_states[tokens[57]] = "slow"
        before = len(asyncio.all_tasks())
        async with AsyncAdjust(emulator.token, api_url=emulator.url, max_attempts=2, deadline=10) as adjust:
            report = await adjust.kpis.deliverables(tokens, on_failure="keep", **DATES)
            assert {token: type(error) for token, error in report.failures.items()} == {
                tokens[3]: PermissionDeniedError,
                tokens[20]: ServerError,
                tokens[57]: APITimeoutError,
            }
            assert list(report.failures) == [tokens[3], tokens[20], tokens[57]]
            assert [app["token"] for app in report.result_set["apps"]] == [
                token for token in tokens if token not in report.failures
            ]
            assert "3 failed" in repr(report)
            with pytest.raises(AdjustError):
                await adjust.kpis.deliverables(tokens, **DATES)
            session = adjust._session
            assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)
        async with asyncio.timeout(60):
            while len(asyncio.all_tasks()) > before or emulator.stats.in_flight:
                await asyncio.sleep(0)


async def test_a_failed_window_fails_its_app(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Figures of a part of the range never look like those of the whole range."""
    tokens = emulator.app_tokens[:2]
    emulator.faults = ["500", "500"]
    report = await adjust.kpis.deliverables(
        tokens, grouping=["day"], window=5, on_failure="keep", kpis=["installs"], **DATES
    )
    days: dict[str, int] = {}
    for row in report.rows():
        days[row["app_token"]] = days.get(row["app_token"], 0) + 1
    assert set(days.values()) <= {10}
    assert set(days) | set(report.failures) == set(tokens)
    assert not set(days) & set(report.failures)


async def test_all_apps_failing_always_raises(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """If every app failed, the first app's error is raised, and says that the others failed too."""
    for token in emulator.app_tokens:
        emulator.app_states[token] = "gone"
    with pytest.raises(GoneError, match="Report Service") as raised:
        await adjust.kpis.deliverables(emulator.app_tokens, on_failure="keep", **DATES)
    assert raised.value.path.endswith(emulator.app_tokens[0])
    assert raised.value.__notes__ == ["5 other apps failed too."]
    with pytest.raises(GoneError) as raised:
        await adjust.kpis.deliverables(emulator.app_tokens[0], on_failure="keep", **DATES)
    assert not hasattr(raised.value, "__notes__")
    seen = []
    with pytest.raises(GoneError, match=emulator.app_tokens[0]):
        async for token, report in adjust.kpis.stream(emulator.app_tokens, on_failure="keep", **DATES):
            seen.append((token, len(report.failures)))
    assert sorted(seen) == sorted((token, 1) for token in emulator.app_tokens)


# Streams.


async def test_stream_yields_each_app_as_it_arrives(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Each app is yielded once, with the same report as on its own."""
    seen = {}
    async for token, report in adjust.kpis.stream(emulator.app_tokens, kpis=["installs"], grouping=["day"], **DATES):
        seen[token] = report
    assert set(seen) == set(emulator.app_tokens)
    for token, report in seen.items():
        alone = await adjust.kpis.deliverables(token, kpis=["installs"], grouping=["day"], **DATES)
        assert cells(report.rows()) == cells(alone.rows())


async def test_stream_keeps_failures(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """With `on_failure="keep"` a failed app is yielded with its error and without rows; by default it is raised."""
    failed = emulator.app_tokens[1]
    emulator.app_states[failed] = "gone"
    seen = {
        token: report
        async for token, report in adjust.kpis.stream(
            emulator.app_tokens, endpoint="cohorts", on_failure="keep", **DATES
        )
    }
    assert set(seen) == set(emulator.app_tokens)
    assert isinstance(seen[failed].failures[failed], GoneError)
    assert list(seen[failed].rows()) == []
    with pytest.raises(GoneError):
        async for _ in adjust.kpis.stream(emulator.app_tokens, **DATES):
            pass


async def test_leaving_a_stream_stops_its_requests(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """After a `break` nothing is running."""
    emulator.latency = 0.02
    async for _ in adjust.kpis.stream(emulator.app_tokens, **DATES):
        break
    async with asyncio.timeout(60):
        while adjust._session.calls or emulator.stats.in_flight:
            await asyncio.sleep(0)


async def test_closing_the_client_ends_the_question(emulator: Emulator) -> None:
    """A call that is running when the client is closed ends with `ClientClosedError`, failures kept or not."""
    emulator.latency = 5
    adjust = AsyncAdjust(emulator.token, api_url=emulator.url)
    question = asyncio.create_task(adjust.kpis.deliverables(emulator.app_tokens, on_failure="keep", **DATES))
    while emulator.stats.in_flight < 6:
        await asyncio.sleep(0)
    await adjust.aclose()
    with pytest.raises(ClientClosedError):
        await question


async def test_never_more_than_max_concurrency() -> None:
    """However many apps and windows there are, the emulator sees no more concurrent requests than the client allows."""
    async with Emulator(apps=20, trackers_per_app=5, facts_per_day=2, latency=0.05) as emulator:
        async with AsyncAdjust(emulator.token, api_url=emulator.url, max_concurrency=7) as adjust:
            await adjust.kpis.deliverables(emulator.app_tokens, grouping=["day"], window=2, **DATES)
        assert emulator.stats.total == 100
        assert emulator.stats.max_in_flight == 7


# Refusals.


@pytest.mark.parametrize("token", ["nosuchapp", "h1"])
async def test_an_unknown_app(adjust: AsyncAdjust, token: str) -> None:
    """An app that the account does not have is a `NotFoundError`."""
    with pytest.raises(NotFoundError):
        await adjust.kpis.deliverables(token, **DATES)


@pytest.mark.parametrize(
    ("endpoint", "app_tokens", "query", "message"),
    [
        ("deliverables", [], DATES, "app_tokens is empty"),
        ("deliverables", ["app", "app"], DATES, "app_tokens has 'app' twice"),
        ("deliverables", ["app,app2"], DATES, "app_tokens is 'app,app2'"),
        ("deliverables", "app", {}, "start_date is missing"),
        ("deliverables", "app", {"start_date": "2026-02-01", "end_date": "2026-01-01"}, "is before start_date"),
        (
            "deliverables",
            "app",
            {**DATES, "kpis": "installs"},
            r"kpis is the text 'installs': pass a list, such as \['installs'\]",
        ),
        ("deliverables", "app", {**DATES, "utc_offset": "5"}, r"utc_offset is '5': pass sign, hours and minutes"),
        (
            "deliverables",
            "app",
            {**DATES, "period": "week"},
            "period is not a parameter of deliverables: it is one of cohorts",
        ),
        ("deliverables", "app", {**DATES, "typo": 1}, "typo is not a parameter of deliverables"),
        ("deliverables", "app", {**DATES, "window": "fortnight"}, "window is 'fortnight'"),
        ("deliverables", "app", {**DATES, "window": 7}, "windows are joined, never summed"),
        ("deliverables", "app", {**DATES, "window": 7, "grouping": ["month"]}, "windows are joined, never summed"),
        ("cohorts", "app", {**DATES, "window": "month", "grouping": ["trackers"]}, "windows are joined, never summed"),
        ("deliverables", "app", {**DATES, "on_failure": "ignore"}, "on_failure is 'ignore'"),
        ("deliverables", "app", {**DATES, "tracker_token": "../x"}, r"tracker_token is '\.\./x'"),
        ("deliverables", "app", {**DATES, "parameters": {"kpis": "x"}}, "which is a separate argument"),
        ("stream", "app", {**DATES, "endpoint": "sessions"}, "endpoint is 'sessions'"),
        ("stream", "app", {**DATES, "endpoint": "skadnetwork", "tracker_token": "abc"}, "SKAdNetwork has no figures"),
    ],
)
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    adjust: AsyncAdjust, emulator: Emulator, endpoint: str, app_tokens: Any, query: Any, message: str
) -> None:
    """The error names the argument, its value, and what would be right."""
    with pytest.raises(ConfigurationError, match=message):
        await ask(adjust, endpoint, app_tokens, **query)
    assert emulator.stats.total == 0
