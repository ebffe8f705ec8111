"""Random results, merged from apps and windows: every form of them agrees with a naive reference, which is here.

The service is a few lines too: it answers for the app and the days that it is asked for.
"""

import asyncio
from collections.abc import Callable
from datetime import date, datetime, time as hours, timedelta
from typing import Any

import httpx
from hypothesis import given, settings, strategies as st

from adjust_async import AsyncAdjust
from adjust_async.tables import Table
from tests.reports.answers import exports

Row = dict[str, Any]

START = date(2026, 1, 3)
DAYS = 6
APPS = st.lists(st.sampled_from(["abc1", "abc2", "abc3"]), min_size=1, max_size=3, unique=True)
WINDOWS = st.none() | st.integers(1, 4) | st.sampled_from(["day", "month"])
NAMES = st.sampled_from(["Organic", "é,\"'\n", "😀 },{", "unknown", "1"])


def ask(answer: Callable[[str, date, date], Any], call: Callable[[AsyncAdjust], Any]) -> Any:
    """Ask a service that answers for an app, a first and a last day."""

    def serve(request: httpx.Request) -> httpx.Response:
        query, path = request.url.params, request.url.path
        if "filters_data" in path:
            return httpx.Response(500)
        first, _, last = query.get("date_period", "").partition(":")
        app = query.get("app_token__in") or path.rpartition("/")[2]
        days = map(date.fromisoformat, (first or query["start_date"], last or query["end_date"]))
        return httpx.Response(200, json=answer(app, *days))

    async def asked() -> Any:
        http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
        async with http, AsyncAdjust("secret", http_client=http, max_attempts=1) as adjust:
            return await call(adjust)

    return asyncio.run(asked())


def check(table: Table, expected: list[Row], kinds: dict[str, str]) -> None:
    """Compare all forms of a table with the rows that are expected, cell by cell and type by type."""
    rows = list(table.rows())
    assert rows == expected
    assert [list(map(type, row.values())) for row in rows] == [list(map(type, row.values())) for row in expected]
    assert dict(table.schema) == kinds
    outside: dict[str, Callable[[Any], Any]] = {"text": str, "number": float}
    plain = [
        {
            name: cell if cell is None else outside.get(kinds[name], lambda same: same)(cell)
            for name, cell in row.items()
        }
        for row in expected
    ]
    for found in exports(table):
        assert found == plain
    if expected:
        arrow = {"text": "string", "integer": "int64", "number": "double", "date": "date32[day]",
                 "moment": "timestamp[us]"}  # fmt: skip
        assert {field.name: str(field.type) for field in table.to_arrow().schema} == {
            name: arrow[kind] for name, kind in kinds.items()
        }


# The Report Service.

COUNTS = st.integers(0, 2**53).map(str) | st.sampled_from(["", None])
AMOUNTS = st.floats(0, 1e12).map(str) | st.integers(0, 9).map(str) | st.sampled_from(["", None, "NaN"])
ODD_AMOUNTS = AMOUNTS | st.just("unknown")


def number(text: str | None) -> Any:
    """Read a metric."""
    if text in {None, "", "NaN"}:
        return None
    assert text is not None
    if text.isdigit():
        return int(text)
    return text if text == "unknown" else float(text)


@st.composite
def report_rows(draw: st.DrawFn, amounts: st.SearchStrategy[Any]) -> list[Row]:
    """Make the rows of an account: any of its apps on any of the days, with some cells missing."""
    rows = []
    places = st.tuples(APPS.map(lambda apps: apps[0]), st.integers(0, DAYS - 1), NAMES, st.integers(0, 23))
    for app, day, network, hour in draw(st.lists(places, max_size=12, unique=True)):
        row = {"app": app, "at": START + timedelta(day), "network": network, "hour": hour}
        row |= {"installs": draw(COUNTS), "cost": draw(amounts)}
        if draw(st.integers(0, 5)) == 0:
            del row["cost"]
        rows.append(row)
    return rows


@settings(deadline=None, max_examples=60)
@given(report_rows(AMOUNTS) | report_rows(ODD_AMOUNTS), APPS, WINDOWS, st.sampled_from(["day", "hour"]))
def test_reports(rows: list[Row], apps: list[str], window: Any, time: str) -> None:
    """A report has the rows of each app in the order asked for, and its figures as numbers."""

    def written(row: Row) -> Row:
        when = f"{row['at']}T{row['hour']:02}:00:00" if time == "hour" else str(row["at"])
        figures: Row = {name: row[name] for name in ("installs", "cost") if name in row}
        return {time: when, "network": row["network"], **figures}

    def answer(app: str, first: date, last: date) -> Any:
        return {"rows": [written(row) for row in rows if row["app"] == app and first <= row["at"] <= last]}

    seen: dict[tuple[Any, ...], Row] = {(row["app"], row["at"], row["network"], row["hour"]): row for row in rows}
    if time == "day":  # one row a day and network, as the service has
        seen = {(row["app"], row["at"], row["network"]): row for row in rows}
    rows = list(seen.values())
    length = {None: DAYS, "day": 1, "month": DAYS}.get(window, window)
    report = ask(answer, lambda adjust: adjust.reports.fetch(
        dimensions=[time, "network"], metrics=["installs", "cost"], app_tokens=apps, window=window, fan_out="app",
        date_period=(START, START + timedelta(DAYS - 1))))  # fmt: skip
    expected = [
        {
            "app_token": app,
            time: datetime.combine(row["at"], hours(row["hour"])) if time == "hour" else row["at"],
            "network": row["network"],
            "installs": number(row["installs"]),
            "cost": number(row.get("cost")),
        }
        for app in apps
        for start in range(0, DAYS, length)
        for row in rows
        if row["app"] == app and start <= (row["at"] - START).days < start + length
    ]  # fmt: skip
    words = any(row["cost"] == "unknown" for row in expected)
    check(report, expected, {"app_token": "text", time: "moment" if time == "hour" else "date", "network": "text",
                             "installs": "integer", "cost": "text" if words else "number"})  # fmt: skip


# The KPI Service.

FIGURES = st.integers(0, 2**53) | st.none()
MONEY = st.floats(0, 1e12) | st.integers(0, 9) | st.none()


@st.composite
def kpi_facts(draw: st.DrawFn) -> dict[tuple[str, str, int], tuple[Any, Any]]:
    """Make the figures of an account: by app, tracker and day the installs and the revenue."""
    places = st.tuples(APPS.map(lambda apps: apps[0]), st.sampled_from(["t1", "t2", "t3"]), st.integers(0, DAYS - 1))
    return draw(st.dictionaries(places, st.tuples(FIGURES, MONEY), max_size=14))


@settings(deadline=None, max_examples=60)
@given(kpi_facts(), APPS, WINDOWS, NAMES, st.booleans())
def test_kpis(
    facts: dict[tuple[str, str, int], tuple[Any, Any]], apps: list[str], window: Any, name: str, swapped: bool
) -> None:
    """A report has the trackers of each app as they first appear in a window, each with its days in order."""

    def answer(app: str, first: date, last: date) -> Any:
        # From one window to the next the service may change the order of KPIs, and leave the levels out.
        other = swapped and first.day % 2 == 1
        trackers: dict[str, list[Row]] = {}
        for (of_app, tracker, day), (installs, revenue) in facts.items():
            if of_app == app and first <= START + timedelta(day) <= last:
                values = [revenue, installs] if other else [installs, revenue]
                trackers.setdefault(tracker, []).append({"date": str(START + timedelta(day)), "kpi_values": values})
        levels = [{"token": token, "dates": dates} for token, dates in trackers.items()]
        names = [{"token": token, "name": name} for token in ("t1", "t2")]
        kpis = ["revenue", "installs"] if other else ["installs", "revenue"]
        return {
            "result_parameters": {"kpis": kpis, "trackers": names, "grouping": ["trackers", "day"]},
            "result_set": {"token": app, "name": f"App {app}", "currency": "EUR", "trackers": levels},
        }

    length = {None: DAYS, "day": 1, "month": DAYS}.get(window, window)
    last = START + timedelta(DAYS - 1)
    report = ask(answer, lambda adjust: adjust.kpis.deliverables(
        apps, start_date=START, end_date=last, kpis=["installs", "revenue"], grouping=["trackers", "day"],
        window=window))  # fmt: skip
    columns = list(report.columns)[-2:]
    expected = []
    for app in apps:
        trackers: dict[str, list[int]] = {}
        for start in range(0, DAYS, length):
            for of_app, tracker, day in facts:
                if of_app == app and start <= day < start + length:
                    trackers.setdefault(tracker, []).append(day)
        for tracker, days in trackers.items():
            for day in days:
                figures = dict(zip(("installs", "revenue"), facts[app, tracker, day], strict=True))
                expected.append({
                    "app_token": app, "app_name": f"App {app}", "currency": "EUR", "tracker_token": tracker,
                    "tracker_name": name if tracker != "t3" else None, "date": START + timedelta(day),
                    **{kpi: figures[kpi] for kpi in columns}})  # fmt: skip
    texts = dict.fromkeys(("app_token", "app_name", "currency", "tracker_token", "tracker_name"), "text")
    check(
        report,
        expected,
        {**texts, "date": "date", **{kpi: {"installs": "integer", "revenue": "number"}[kpi] for kpi in columns}},
    )
    assert sorted(columns) == ["installs", "revenue"]
