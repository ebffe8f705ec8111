"""Rows of a CSV report as they arrive."""

import asyncio
import csv
import gzip
import io
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from adjust_async import (
    AsyncAdjust,
    SavedReport,
)
from adjust_async.emulator import Emulator
from tests.reports.downloads.csv_service import DATES, HEADER, QUERY, jumping, line, row, rows_of, whole
from tests.script import arriving, client, now

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=3, trackers_per_app=40, facts_per_day=15),
    pytest.mark.usefixtures("quick_retries"),
]


# Rows.


@pytest.mark.parametrize(
    "dimensions",
    [["day"], ["hour", "network"], ["week", "country"], ["month", "app", "app_token"], ["campaign", "partner_id"]],
    ids=",".join,
)
@pytest.mark.parametrize("exact", [False, True])
async def test_rows_are_those_of_the_json(adjust: AsyncAdjust, dimensions: list[str], exact: bool) -> None:
    """For one question, the rows of the CSV equal those of the JSON, and so do the types of their cells."""
    query: Any = {
        "dimensions": dimensions,
        "metrics": ["installs", "cost", "ctr", "retention_rate_D1", "network_installs_diff"],
        "date_period": DATES,
    }
    report = await adjust.reports.fetch(**query, fan_out="none")
    rows = [found async for found in adjust.reports.iter_csv(**query, exact=exact)]
    assert rows == list(report.rows(exact=exact))
    assert rows
    for of_csv, of_json in zip(rows, report.rows(exact=exact), strict=True):
        assert [(key, type(cell)) for key, cell in of_csv.items()] == [
            (key, type(cell)) for key, cell in of_json.items()
        ]


async def test_filters_and_apps_are_those_of_the_json(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Apps, filters, sort and limit go out as for JSON, in one request."""
    query: Any = {
        "dimensions": ["app_token", "day"],
        "metrics": ["installs"],
        "date_period": DATES,
        "app_tokens": emulator.app_tokens[:2],
        "filters": {"installs__gte": 3},
        "sort": ["-installs"],
        "limit": 7,
    }
    report = await adjust.reports.fetch(**query)
    emulator.stats.reset()
    rows = [found async for found in adjust.reports.iter_csv(**query)]
    assert emulator.stats.requests == {"GET /reports-service/csv_report": 1}
    assert rows == list(report.rows())
    assert len(rows) == 7


async def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path) -> None:
    """A mark before the header belongs to no column, for rows as for files."""
    query: Any = {"dimensions": ["day"], "metrics": ["installs"], "date_period": DATES}
    async with (
        Emulator(apps=1, trackers_per_app=5, facts_per_day=2, csv_byte_order_mark=True) as emulator,
        AsyncAdjust(emulator.token, api_url=emulator.url) as adjust,
    ):
        rows = [found async for found in adjust.reports.iter_csv(**query)]
        assert {tuple(found) for found in rows} == {("day", "installs")}
        saved = await adjust.reports.download_csv(tmp_path / "x.csv", **query)
        assert saved.columns == ("day", "installs")
        assert saved.rows == len(rows)
        assert saved.path.read_bytes().startswith(b"\xef\xbb\xbfday,")


async def test_readable_names_are_headers_of_texts(adjust: AsyncAdjust, tmp_path: Path) -> None:
    """With `readable_names` the service names the columns, and every cell is a text."""
    query: Any = {"dimensions": ["day"], "metrics": ["installs"], "date_period": DATES, "readable_names": True}
    rows = [found async for found in adjust.reports.iter_csv(**query)]
    assert {tuple(found) for found in rows} == {("Day", "Installs")}
    assert all(type(cell) is str for found in rows for cell in found.values())
    saved = await adjust.reports.download_csv(tmp_path / "x.csv", **query)
    assert saved.columns == ("Day", "Installs")


@jumping
async def test_an_empty_report_has_no_rows() -> None:
    """204 is an empty report, and so is a header without rows."""
    async with client(httpx.Response(204), httpx.Response(200, content=HEADER)) as (adjust, script):
        assert await rows_of(adjust) == []
        assert await rows_of(adjust) == []
        assert len(script.requests) == 2


@jumping
async def test_cells_are_typed_as_those_of_a_report() -> None:
    """Numbers by their text, dates as dates, ids as text; an empty metric is nothing, an empty dimension stays."""
    text = (
        "hour,day,campaign_id_network,installs,cost,retention_rate_d7\n"
        '2026-01-01T05:00:00,2026-01-01,0123,64,0.0,\n2026-01-01T06:00:00,,"a ""b"", c\nd",-1,1e3,unknown\n'
    )
    query = {
        "dimensions": ["hour", "day", "campaign_id_network"],
        "metrics": ["installs", "cost", "retention_rate_D7"],
    }
    async with client(httpx.Response(200, content=text)) as (adjust, script):
        first, second = await rows_of(adjust, **query)
        exact, _ = await rows_of(adjust, **query, exact=True)
        assert script.requests[0].headers["accept"] == "text/csv"
    assert first == {
        "hour": datetime(2026, 1, 1, 5),  # noqa: DTZ001 - reports have the time of the clock on the wall
        "day": date(2026, 1, 1),
        "campaign_id_network": "0123",
        "installs": 64,
        "cost": 0.0,
        "retention_rate_d7": None,
    }
    assert [type(first[name]) for name in ("installs", "cost")] == [int, float]
    assert [second[name] for name in ("day", "campaign_id_network", "installs", "cost", "retention_rate_d7")] == [
        None,
        'a "b", c\nd',
        -1,
        1000.0,
        "unknown",
    ]
    assert [exact[name] for name in ("installs", "cost", "retention_rate_d7")] == [Decimal(64), Decimal("0.0"), None]


TEXTS = st.text('ab,;"\n\r\té€😀 0', max_size=6)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(st.tuples(TEXTS, TEXTS, st.integers(-99, 99)), max_size=8),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
    packed=st.booleans(),
)
def test_pieces_may_end_anywhere(
    cells: list[tuple[str, str, int]], sizes: list[int], end: str, mark: bool, packed: bool, tmp_path: Path
) -> None:
    """However a body is cut, even within a quoted line break or a character, rows and count are those of the whole."""
    text = io.StringIO()
    # Only with its own end of line the writer puts a carriage return in quotes.
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL)
    writer.writerow(["app", "network", "installs"])
    writer.writerows(cells)
    body = text.getvalue().encode("utf-8-sig" if mark else "utf-8")
    sent = gzip.compress(body, mtime=0) if packed else body
    pieces, start, number = [], 0, 0
    while start < len(sent):
        size = sizes[number % len(sizes)]
        pieces.append(sent[start : start + size])
        start, number = start + size, number + 1
    headers: Any = {"content_encoding": "gzip"} if packed else {}
    query: Any = {"dimensions": ["app", "network"], "metrics": ["installs"], "date_period": "today"}

    async def ask() -> tuple[list[dict[str, Any]], SavedReport]:
        async with client(arriving(*pieces, **headers), max_attempts=1) as (adjust, script):
            rows = [found async for found in adjust.reports.iter_csv(**query)]
            saved = await adjust.reports.download_csv(tmp_path / "x.csv", **query)
            assert len(script.requests) == 2
            return rows, saved

    rows, saved = asyncio.run(ask())
    assert [tuple(found.values()) for found in rows] == cells
    assert saved.rows == len(cells)
    assert saved.columns == ("app", "network", "installs")
    assert saved.path.read_bytes() == body


@jumping
async def test_a_row_is_yielded_as_soon_as_it_arrives() -> None:
    """Rows don't wait for the end of the report."""
    slow = arriving(HEADER + line(0), 100.0, line(1), 100.0, line(2))
    async with client(slow, reports_timeout=150) as (adjust, _):
        started = now()
        times = [round(now() - started) async for _ in adjust.reports.iter_csv(**QUERY)]
    assert times == [0, 100, 200]


@jumping
async def test_nothing_is_sent_before_the_rows_are_walked() -> None:
    """The call returns a generator, and its first step sends the request."""
    async with client(httpx.Response(200, content=whole(1))) as (adjust, script):
        rows = adjust.reports.iter_csv(**QUERY)
        await asyncio.sleep(1)
        assert not script.requests
        assert [found async for found in rows] == [row(0)]
