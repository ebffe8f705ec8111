import asyncio
import csv
import io
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

from adjust_async.emulator import Emulator
from tests.emulator.kpis.results import csv_rows, serving
from tests.emulator.reports.results import PATH, Row, ask, columns, document, question, rows
from tests.emulator.requests import connect, eventually

METRICS = "installs,cost,ctr,daus,retention_rate_d1,level up_events"
QUESTIONS: tuple[dict[str, str], ...] = (
    {"dimensions": "day,app,campaign"},
    {"dimensions": "month,country,partner_name", "sort": "-cost,country"},
    {"dimensions": "week,creative,os_name", "installs__gt": "3", "limit": "40"},
    {"dimensions": "hour,region", "format_dates": "false", "utc_offset": "+05:30", "country__in": "Japan,Brazil"},
)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of an emulator with few apps and much variety."""
    emulator = Emulator(
        apps=2, trackers_per_app=60, facts_per_day=15, today=date(2026, 2, 10), seed=3, report_rate=None
    )
    with serving(emulator) as client:
        yield client


def plain_rows(client: httpx.Client, **parameters: str) -> list[Row]:
    """Request the JSON rows without the parts that tables do not have."""
    return rows(client, **parameters, metrics=METRICS, include_attr_dependency="false")


@pytest.mark.parametrize("parameters", QUESTIONS)
def test_csv(client: httpx.Client, parameters: dict[str, str]) -> None:
    """A CSV has the rows of the JSON, text for text and in the same order."""
    response = ask(client, "csv_report", **parameters, metrics=METRICS)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    header, *lines = csv_rows(response.text)
    expected = plain_rows(client, **parameters)
    assert header == list(expected[0])
    assert lines == [list(row.values()) for row in expected]
    assert len(lines) > 20


@pytest.mark.parametrize("parameters", QUESTIONS)
def test_parquet(client: httpx.Client, parameters: dict[str, str]) -> None:
    """A Parquet file has the rows of the JSON, in columns of types."""
    response = ask(client, "parquet_report", **parameters, metrics=METRICS)
    assert response.headers["content-type"] == "application/octet-stream"
    table = parquet.read_table(io.BytesIO(response.content))
    whole = {"installs", "level up_events"}
    names = parameters["dimensions"].split(",")
    for field in table.schema:
        expected = pa.string() if field.name in names else pa.int64() if field.name in whole else pa.float64()
        assert field.type == expected, field.name
    found = plain_rows(client, **parameters)
    assert table.column_names == list(found[0])
    assert table.to_pylist() == [
        {name: text if name in names else int(text) if name in whole else float(text) for name, text in row.items()}
        for row in found
    ]


def test_readable_names(client: httpx.Client) -> None:
    """Columns have titles if names are to be readable, and only in tables."""
    parameters = {
        "dimensions": "day,os_name,partner,partner_name,campaign_id_network",
        "metrics": "installs,ecpi,daus,retention_rate_d7,level up_w2_events_cohort",
        "readable_names": "true",
    }
    header = ask(client, "csv_report", **parameters).text.splitlines()[0]
    assert header == (
        "Day,OS Name,Partner,Partner Name,Campaign ID Network,Installs,eCPI,DAUs,Retention Rate (Day 7),"
        '"Level Up (Week 2 Events, Cohort)"'
    )
    table = parquet.read_table(io.BytesIO(ask(client, "parquet_report", **parameters).content))
    assert table.column_names == next(csv.reader([header]))
    assert "day" in rows(client, **parameters)[0]


def hung(pivot: dict[str, Any], *index: str, form: str = "rows") -> list[dict[str, Any]]:
    """Take the rows from below the values of the index, whose cells they get."""
    if not index:
        return pivot[form]  # type: ignore[no-any-return]
    return [
        {index[0]: value} | row
        for entry in pivot[form]
        for value, inner in entry.items()
        for row in hung(inner, *index[1:], form=form)
    ]


@pytest.mark.parametrize("index", [("country",), ("country", "month"), ("month", "country")])
@pytest.mark.parametrize("repeated", [False, True])
def test_pivot_rows_hang(client: httpx.Client, index: tuple[str, ...], repeated: bool) -> None:
    """Rows hang below the values of the index, level by level, and are those of a report by all the dimensions.

    The index need not be among the dimensions, and its cells are in the rows only if it is.
    """
    further = [name for name in ("country", "month", "os_name") if repeated or name not in index]
    parameters = {"metrics": "installs,daus,ctr", "date_period": "2026-01-01:2026-02-10"}
    pivot = document(client, "pivot_report", **parameters, dimensions=",".join(further), index=",".join(index))
    assert list(pivot) == ["rows", "totals", "totals_per_dimension", "warnings", "pagination"]
    found = hung(pivot, *index)
    names = dict.fromkeys([*index, *further])
    flat = rows(client, **parameters, dimensions=",".join(names))
    key = [*names, "installs", "daus", "ctr"]
    assert sorted(columns(found, *key)) == sorted(columns(flat, *key))
    assert repeated == any("country" in row for row in hung_plainly(pivot, len(index)))


def hung_plainly(pivot: dict[str, Any], depth: int) -> list[dict[str, Any]]:
    """Collect nested rows."""
    entries = [inner for entry in pivot["rows"] for inner in entry.values()]
    return pivot["rows"] if not depth else [row for inner in entries for row in hung_plainly(inner, depth - 1)]


def test_pivot(client: httpx.Client) -> None:
    """Totals of the values of the index, at every level, are those of their facts and not sums over rows."""
    parameters = {"dimensions": "os_name", "metrics": "installs,daus,ctr"}
    pivot = document(client, "pivot_report", **parameters, index="country,month")
    totals = pivot["totals_per_dimension"]
    assert pivot["totals"] == document(client, **parameters)["totals"]
    for entry in pivot["rows"]:
        ((country, inner),) = entry.items()
        assert inner["totals"] == totals["country"][country]
        assert (inner["warnings"], inner["pagination"]) == ([], None)
    assert list(totals) == ["country", "month"]
    for dimension, found in totals.items():
        alone = rows(client, dimensions=dimension, metrics=parameters["metrics"])
        assert found == {
            row[dimension]: {metric: float(row[metric]) for metric in ("installs", "daus", "ctr")} for row in alone
        }
    assert all(isinstance(figures["installs"], int) for figures in totals["country"].values())


@pytest.mark.anyio
async def test_byte_order_mark() -> None:
    """A byte order mark comes first if the emulator is configured to send one."""
    async with Emulator(csv_byte_order_mark=True) as emulator, connect(emulator) as client:
        content = (await client.get(f"{PATH}/csv_report", params=question())).content
    assert content.startswith("\ufeffapp_token,installs\n".encode())
    assert content.count("\ufeff".encode()) == 1


@pytest.mark.anyio
async def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow a Parquet report names what to install, and the other kinds work."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    async with Emulator() as emulator, connect(emulator) as client:
        response = await client.get(f"{PATH}/parquet_report", params=question())
        assert response.status_code == 501
        assert response.json()["error_code"] == "service_error"
        assert "adjust_async[arrow]" in response.json()["error_desc"]
        assert (await client.get(f"{PATH}/csv_report", params=question())).status_code == 200


LARGE: dict[str, Any] = {
    "dimensions": "hour,app,campaign,creative,country,os_name,device_type",
    "metrics": "installs,cost",
    "date_period": "2026-01-01:2026-01-12",
    "attribution_type": "all",
}


@pytest.mark.anyio
@pytest.mark.slow
async def test_large_report() -> None:
    """A large report is sent in pieces, in row groups as Parquet, while other clients are answered."""
    async with (
        Emulator(apps=1, facts_per_day=2500) as emulator,
        connect(emulator) as client,
        connect(emulator) as other,
    ):
        pieces, answered = 0, 0
        async with client.stream("GET", f"{PATH}/csv_report", params=LARGE) as response:
            assert response.headers["transfer-encoding"] == "chunked"
            lines = 0
            async for piece in response.aiter_raw():
                pieces += 1
                lines += piece.count(b"\n")
                if not pieces % 10:
                    answered += (await other.get("/public/v1/partners")).status_code == 200
        assert pieces > 20
        assert answered > 2
        content = (await client.get(f"{PATH}/parquet_report", params=LARGE)).content
    file = parquet.ParquetFile(io.BytesIO(content))
    assert file.metadata.num_rows == lines - 1 > 20_000
    assert file.metadata.num_row_groups > 1


ENDLESS = question(
    dimensions="hour,app,network,campaign,campaign_network,adgroup,adgroup_network,source_network,creative,"
    "creative_network,country,os_name,device_type,week,month,partner,partner_name,channel,app_network,store_id",
    metrics="installs,cost,daus,maus,ctr,click_conversion_rate,revenue,sessions",
    date_period="2025-01-01:2026-11-22",
)


def days_made(emulator: Emulator) -> int:
    """Count the days whose facts some report has needed."""
    return int(emulator.facts.read("SELECT count(*) FROM fact_days")[0][0])


@pytest.mark.anyio
@pytest.mark.parametrize(("kind", "facts_per_day"), [("csv_report", 200), ("parquet_report", 4000)])
async def test_client_that_disconnects(kind: str, facts_per_day: int) -> None:
    """A report ends when its client disconnects, and the emulator continues."""
    async with Emulator(apps=1, facts_per_day=facts_per_day) as emulator, connect(emulator) as client:
        async with client.stream("GET", f"{PATH}/{kind}", params=ENDLESS) as response:
            assert response.status_code == 200
            await anext(response.aiter_raw())
            assert emulator.stats.reports.in_flight == 1
        await eventually(lambda: emulator.stats.reports.in_flight == emulator.stats.in_flight == 0)
        assert days_made(emulator) < 200
        parameters = question(dimensions="year", date_period="2025-01-01:2025-01-02")
        answer = (await client.get(f"{PATH}/report", params=parameters)).json()
        assert columns(answer["rows"], "year") == [("2025",)]


@pytest.mark.anyio
async def test_client_that_does_not_read() -> None:
    """A report waits for its client, and is not generated ahead of what was read."""
    async with Emulator(apps=1, facts_per_day=200) as emulator, connect(emulator) as client:
        async with client.stream("GET", f"{PATH}/csv_report", params=ENDLESS):
            before = -1
            while before != (before := days_made(emulator)):
                await asyncio.sleep(0.2)
            assert before < 400
            assert emulator.stats.reports.in_flight == 1
        await eventually(lambda: emulator.stats.reports.in_flight == 0)
