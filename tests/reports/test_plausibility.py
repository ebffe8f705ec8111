"""Rows that can't be what was asked for: outside of the range, of other apps, without a column, twice, or cut off."""

import logging
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adjust_async import AsyncAdjust, DecodeError, ServerError
from tests.clock import jumping_clock
from tests.script import Script, client

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock

QUERY: Any = {"dimensions": ["day"], "metrics": ["installs"], "date_period": ("2026-01-01", "2026-01-10")}


Rows = Callable[[httpx.Request], list[dict[str, Any]]]


def serving(rows: Rows | list[dict[str, Any]], apps: list[dict[str, Any]] | int = 500) -> Any:
    """Answer reports with these rows, as JSON or CSV, and the list of apps with those, or with a status."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("filters_data"):
            return httpx.Response(apps) if isinstance(apps, int) else httpx.Response(200, json={"apps": apps})
        found = rows(request) if callable(rows) else rows
        if request.url.path.endswith("csv_report"):
            columns = list(found[0]) if found else [*request.url.params["dimensions"].split(","), "installs"]
            lines = [",".join(columns), *(",".join(row[column] for column in columns) for row in found)]
            return httpx.Response(200, text="\n".join(lines) + "\n")
        return httpx.Response(200, json={"rows": found}) if found else httpx.Response(204)

    return answer


def period_of(request: httpx.Request) -> tuple[date, date]:
    """Return the days that a request covers."""
    first, last = map(date.fromisoformat, request.url.params["date_period"].split(":"))
    return first, last


def daily(first: date, last: date) -> list[dict[str, Any]]:
    """Make a row for each day."""
    return [{"day": str(first + timedelta(n)), "installs": "1"} for n in range((last - first).days + 1)]


def lookups(script: Script) -> int:
    """Count the requests for the account's apps."""
    return sum(request.url.path.endswith("filters_data") for request in script.requests)


# Windows.


async def test_windows_that_are_exact_are_joined() -> None:
    """A service that splits the range as requested has each day once."""
    async with client(serving(lambda request: daily(*period_of(request)))) as (adjust, script):
        report = await adjust.reports.fetch(**QUERY, window=3)
    assert [row["day"].day for row in report.rows()] == list(range(1, 11))
    assert report.warnings == []
    assert len(script.requests) == 4


async def test_windows_share_equal_texts() -> None:
    """A text that is repeated in thousands of windows, such as the name of a campaign, is kept once."""

    def long(request: httpx.Request) -> list[dict[str, Any]]:
        return [row | {"installs": "1234567"} for row in daily(*period_of(request))]

    async with client(serving(long)) as (adjust, _):
        report = await adjust.reports.fetch(**QUERY, window=3)
    assert len(report.parts) == 4
    assert len({id(row["installs"]) for part in report.parts for row in part.rows}) == 1


async def test_a_service_that_rounds_the_range_is_found_out() -> None:
    """Days in two windows would count twice: the error names the first of them, and what to do."""

    def rounded(request: httpx.Request) -> list[dict[str, Any]]:
        first, last = period_of(request)
        return daily(first - timedelta(first.weekday()), last + timedelta(6 - last.weekday()))

    async with client(serving(rounded)) as (adjust, _):
        with pytest.raises(DecodeError, match=r"two windows have rows for day '2025-12-29'.*Leave out window="):
            await adjust.reports.fetch(**QUERY, window=3)
        kept = await adjust.reports.fetch(**QUERY)
    assert kept.warnings == [
        "the answer has rows outside of the requested days 2026-01-01 to 2026-01-10: day 2025-12-29 to 2026-01-11"
    ]


async def test_weeks_that_begin_on_monday_are_found_out() -> None:
    """With `window="week"`, an account whose weeks start on Monday would have each of them in two rows."""

    def weekly(request: httpx.Request) -> list[dict[str, Any]]:
        first, last = period_of(request)
        mondays = {first + timedelta(n) for n in range((last - first).days + 1)}
        mondays = {day - timedelta(day.weekday()) for day in mondays}
        return [{"week": f"{day} - {day + timedelta(6)}", "installs": "1"} for day in sorted(mondays)]

    async with client(serving(weekly)) as (adjust, _):
        with pytest.raises(DecodeError, match=r"two windows have rows for week '2025-12-29 - 2026-01-04'"):
            await adjust.reports.fetch(**QUERY | {"dimensions": ["week"]}, window="week")
        report = await adjust.reports.fetch(**QUERY | {"dimensions": ["week"]})
    assert report.warnings == []


async def test_windows_are_compared_as_dates_and_for_each_app() -> None:
    """A day with a time is the same day, and another app may have it too. Failures are kept on request."""

    def rows_of(request: httpx.Request) -> list[dict[str, Any]]:
        if request.url.params["app_token__in"] == "good":
            return daily(*period_of(request))
        return [{"day": "2026-01-01" if "-01:" in request.url.params["date_period"] else "2026-01-01T00:00:00"}]

    async with client(serving(rows_of)) as (adjust, _):
        report = await adjust.reports.fetch(**QUERY, app_tokens=["good", "bad"], window=5, on_failure="keep")
    assert list(report.failures) == ["bad"]
    assert "two windows have rows for day '2026-01-01'" in str(report.failures["bad"])
    assert {row["app_token"] for row in report.rows()} == {"good"}


# Rows that were not asked for.


@pytest.mark.parametrize(
    ("dimension", "inside", "outside"),
    [
        ("day", "2026-01-10", "2026-01-11"),
        ("day", "2026-01-01T00:00:00", "2025-12-31T00:00:00"),
        ("hour", "2026-01-10T23:00:00", "2026-01-11T00:00:00"),
        ("hour", "2026-01-01T00:00:00+02:00", "2025-12-31T23:00:00+02:00"),
        ("week", "2025-12-28 - 2026-01-03", "2026-01-11 - 2026-01-17"),
        ("month", "2026-01", "2026-02"),
    ],
)
@pytest.mark.parametrize("form", ["json", "csv", "file"])
async def test_rows_outside_of_the_range_are_named(
    form: str, dimension: str, inside: str, outside: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Figures of days that were not requested are kept, with a warning that names them."""
    rows = [{dimension: inside, "installs": "1"}, {dimension: outside, "installs": "1"}]
    for given, warned in ((rows[:1], False), (rows, True)):
        caplog.clear()
        async with client(serving(given)) as (adjust, _):
            with caplog.at_level(logging.WARNING, "adjust_async"):
                await ask(adjust, form, tmp_path, **QUERY | {"dimensions": [dimension]})
        wanted = f"outside of the requested days 2026-01-01 to 2026-01-10: {dimension} {outside}"
        assert (wanted in caplog.text) is warned
        assert len(caplog.records) == warned


async def ask(adjust: AsyncAdjust, form: str, folder: Path, **query: Any) -> int:
    """Request a report in one of its forms, and return the number of its rows."""
    if form == "json":
        return len(list((await adjust.reports.fetch(**query)).rows()))
    if form == "csv":
        return len([row async for row in adjust.reports.iter_csv(**query)])
    return (await adjust.reports.download_csv(folder / "x.csv", **query)).rows or 0


@pytest.mark.parametrize("chosen", [{"app_tokens": ["a", "b"]}, {"filters": {"app_token__in": ["a", "b"]}}])
@pytest.mark.parametrize("form", ["json", "csv", "file"])
async def test_rows_of_other_apps_are_refused(form: str, chosen: Any, tmp_path: Path) -> None:
    """Figures of an app that was not requested are never mistaken for those of the others."""
    query = QUERY | {"dimensions": ["app_token"]} | chosen
    if form == "json":
        query["fan_out"] = "none"
    rows = [{"app_token": token, "installs": "1"} for token in ("a", "b", "other")]
    async with client(serving(rows[:2])) as (adjust, _):
        assert await ask(adjust, form, tmp_path, **query) == 2
    async with client(serving(rows), max_attempts=2) as (adjust, script):
        with pytest.raises(DecodeError, match="expected the figures of app 'a', 'b', found those of 'other'"):
            await ask(adjust, form, tmp_path, **query)
        assert len(script.requests) == 1


@pytest.mark.parametrize("form", ["json", "csv", "file"])
async def test_missing_columns_are_named(form: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Requested columns that no row has are named. Cohort metrics may be returned in lower case."""
    query = QUERY | {"metrics": ["installs", "clicks", "retention_rate_D7", "Cost"]}
    rows = [{"day": "2026-01-01", "installs": "1", "retention_rate_d7": "0.5", "cost": "1.5"}]
    async with client(serving(rows)) as (adjust, _):
        with caplog.at_level(logging.WARNING, "adjust_async"):
            assert await ask(adjust, form, tmp_path, **query) == 1
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "the answer has no clicks, which was requested"
    ]


@pytest.mark.parametrize("form", ["json", "csv", "file"])
@pytest.mark.parametrize(
    ("rows", "more", "warned"), [(1000, {}, True), (999, {}, False), (1001, {}, False), (1000, {"limit": 1000}, False)]
)
async def test_a_cap_on_rows_is_suspected(
    form: str, rows: int, more: Any, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A round number of rows without the caller's `limit` may be a cap of the service."""
    given = [{"day": "2026-01-01", "installs": "1"}] * rows
    async with client(serving(given)) as (adjust, _):
        with caplog.at_level(logging.WARNING, "adjust_async"):
            assert await ask(adjust, form, tmp_path, **QUERY, **more) == rows
    assert ("has exactly 1,000 rows" in caplog.text) is warned


# Apps that the account does not have.

APPS = [{"id": "yxs12pfewq", "name": "Racer"}, {"id": "gwzpeepw8uf8", "name": "Puzzle"}]


@pytest.mark.parametrize("fan_out", ["app", "none"])
async def test_an_unknown_app_is_named(fan_out: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An unknown app without rows is named with similar ones. The apps are looked up once."""
    async with client(serving([], APPS)) as (adjust, script):
        with caplog.at_level(logging.WARNING, "adjust_async"):
            query = QUERY | {"app_tokens": ["yxs12pfewp", "gwzpeepw8uf8", "zzz"], "fan_out": fan_out, "window": 5}
            reports = [await adjust.reports.fetch(**query) for _ in range(2)]
        assert lookups(script) == 1
    report, _ = reports
    unknown = "which is not among the account's 2 apps"
    assert list(report.rows()) == []
    assert report.warnings == [
        f"there are no rows of app 'yxs12pfewp', {unknown}: did you mean 'yxs12pfewq' (Racer)?",
        f"there are no rows of app 'zzz', {unknown}",
    ]
    assert caplog.text.count("did you mean 'yxs12pfewq' (Racer)?") == 2


async def test_apps_with_rows_are_not_looked_up() -> None:
    """An app that has rows in any window is one of the account, and costs no request."""

    def rows(request: httpx.Request) -> list[dict[str, Any]]:
        first, last = period_of(request)
        return daily(first, last) if first.day == 1 else []

    async with client(serving(rows, APPS)) as (adjust, script):
        report = await adjust.reports.fetch(**QUERY, app_tokens=["other"], window=5)
        assert lookups(script) == 0
        await adjust.reports.fetch(**QUERY)
        assert lookups(script) == 0
    assert report.warnings == []


async def test_a_stream_names_unknown_apps() -> None:
    """Each app of a stream has its own warning."""
    async with client(serving([], APPS)) as (adjust, script):
        found = {app: report async for app, report in adjust.reports.stream(**QUERY, app_tokens=["nope", "yxs12pfewq"])}
        assert lookups(script) == 1
    assert [len(found[app].warnings) for app in ("nope", "yxs12pfewq")] == [1, 0]


@pytest.mark.parametrize("form", ["csv", "file"])
async def test_a_csv_without_rows_names_unknown_apps(
    form: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the unknown apps of an empty CSV."""
    async with client(serving([], APPS)) as (adjust, _):
        with caplog.at_level(logging.WARNING, "adjust_async"):
            assert await ask(adjust, form, tmp_path, **QUERY, app_tokens=["nope", "yxs12pfewq"]) == 0
    assert [record.getMessage() for record in caplog.records] == [
        "about the CSV report: there are no rows of app 'nope', which is not among the account's 2 apps"
    ]


@pytest.mark.parametrize("apps", [500, []])
async def test_without_the_list_of_apps_none_is_called_unknown(apps: Any) -> None:
    """If the account's apps are unknown, an empty report is just an empty report."""
    async with client(serving([], apps), max_attempts=1) as (adjust, script):
        for _ in range(2):
            report = await adjust.reports.fetch(**QUERY, app_tokens=["nope"])
            assert report.warnings == []
        assert lookups(script) == 1


async def test_a_failed_app_is_not_an_app_without_rows() -> None:
    """Failed apps are not looked up."""

    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(500)

    async with client(answer, max_attempts=1) as (adjust, script):
        with pytest.raises(ServerError):
            await adjust.reports.fetch(**QUERY, app_tokens=["nope"], on_failure="keep")
        assert lookups(script) == 0
