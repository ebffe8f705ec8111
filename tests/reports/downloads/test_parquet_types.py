"""The types of Parquet reports, with and without pyarrow."""

import io
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow
import pytest
from pyarrow import parquet

from adjust_async import (
    ConfigurationError,
    DecodeError,
)
from tests.reports.downloads.csv_service import files_of
from tests.reports.downloads.parquet_service import QUERY, WHOLE
from tests.script import client

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=3, trackers_per_app=40, facts_per_day=15),
    pytest.mark.usefixtures("quick_retries"),
]


# Types.


MORNING = datetime(2026, 1, 26, 5)  # noqa: DTZ001 - of the clock on the wall


WEEKS: list[dict[str, Any]] = [
    {"day": ["2026-01-26"], "hour": ["2026-01-26T05:00:00"], "installs": [1], "daus": [2], "cost": [3]},
    {"day": ["2026-01-26T00:00:00"], "hour": [None], "installs": [1.0], "daus": [2.5], "cost": [0.5]},
    {"day": [date(2026, 1, 26)], "hour": [MORNING], "installs": ["1"], "daus": ["2.5"], "cost": [""]},
    {"cost": [float("nan")], "installs": [float("nan")], "daus": [None], "hour": [None], "day": [None]},
]


@pytest.mark.parametrize("week", WEEKS, ids=range(len(WEEKS)))
@pytest.mark.parametrize("row_groups", [1, 2])
async def test_each_week_has_the_same_schema(week: dict[str, Any], row_groups: int, tmp_path: Path) -> None:
    """However the service types its columns, table and file have the schema that the JSON of the question has."""
    query = QUERY | {"dimensions": ["day", "hour"], "metrics": ["installs", "daus", "cost"]}
    table = pyarrow.table({name: cells * row_groups for name, cells in week.items()})
    sink = io.BytesIO()
    parquet.write_table(table, sink, row_group_size=1)
    async with client(httpx.Response(200, content=sink.getvalue())) as (adjust, _):
        read = await adjust.reports.read_parquet(**query)
        saved = await adjust.reports.download_parquet(tmp_path / "x.parquet", **query)
    row = {"day": "2026-01-26", "hour": "2026-01-26T05:00:00", "installs": "1", "daus": "2", "cost": "0"}
    async with client(httpx.Response(200, json={"rows": [row]})) as (adjust, _):
        expected = (await adjust.reports.fetch(**query)).to_arrow().schema
    assert read.schema.equals(expected)
    assert parquet.read_table(saved.path).equals(read)
    assert saved.rows == read.num_rows == row_groups
    (first, *_) = read.to_pylist()
    assert first["day"] in {date(2026, 1, 26), None}
    assert first["installs"] in {1, None}
    assert first["cost"] in {3.0, 0.5, None}


async def test_values_decide_if_no_name_could(tmp_path: Path) -> None:
    """A count with a fraction in any batch is a number, an hour with an offset a moment at UTC, a word makes text."""
    query = QUERY | {"dimensions": ["hour", "network"], "metrics": ["installs", "clicks"]}
    table = pyarrow.table(
        {
            "hour": ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", None],
            "network": [1, 2, None],
            "installs": [1.0, 2.0, 0.5],
            "clicks": ["1", "", "unknown"],
            "unasked": [True, False, None],
        }
    )
    sink = io.BytesIO()
    parquet.write_table(table, sink, row_group_size=1)
    async with client(httpx.Response(200, content=sink.getvalue())) as (adjust, _):
        read = await adjust.reports.read_parquet(**query)
        saved = await adjust.reports.download_parquet(tmp_path / "x.parquet", **query)
    assert parquet.read_table(saved.path).equals(read)
    assert read.schema == pyarrow.schema(
        [
            ("hour", pyarrow.timestamp("us", "UTC")),
            ("network", pyarrow.string()),
            ("installs", pyarrow.float64()),
            ("clicks", pyarrow.string()),
            ("unasked", pyarrow.bool_()),
        ]
    )
    assert read.column("hour").to_pylist()[:2] == [datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 1)]
    assert read.column("network").to_pylist() == ["1", "2", None]
    assert read.column("installs").to_pylist() == [1.0, 2.0, 0.5]
    assert read.column("clicks").to_pylist() == ["1", None, "unknown"]


async def test_a_broken_page_is_found(tmp_path: Path) -> None:
    """Every page is read before the file is published: one that is broken in the middle replaces nothing."""
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table({"installs": list(range(5000))}), sink, compression="gzip", use_dictionary=False)
    body = bytearray(sink.getvalue())
    body[len(body) // 3 : len(body) // 3 + 40] = b"x" * 40
    place = tmp_path / "x.parquet"
    place.write_bytes(b"yesterday")
    async with client(httpx.Response(200, content=bytes(body)), max_attempts=1) as (adjust, _):
        with pytest.raises(DecodeError, match="not readable as Parquet"):
            await adjust.reports.download_parquet(place, **QUERY)
    assert files_of(tmp_path) == {"x.parquet": b"yesterday"}


@pytest.fixture
def _no_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pyarrow be missing."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)


# Without pyarrow.


@pytest.mark.usefixtures("_no_pyarrow")
async def test_a_table_needs_pyarrow() -> None:
    """Without pyarrow the error names what to install, before anything is sent."""
    async with client(httpx.Response(200, content=WHOLE)) as (adjust, script):
        with pytest.raises(ConfigurationError, match=r"pyarrow is not installed: pip install 'adjust_async\[arrow\]'"):
            await adjust.reports.read_parquet(**QUERY)
        assert not script.requests


@pytest.mark.usefixtures("_no_pyarrow")
@pytest.mark.parametrize("answer", [httpx.Response(200, content=WHOLE), httpx.Response(204)])
async def test_a_file_needs_pyarrow(answer: httpx.Response, tmp_path: Path) -> None:
    """Whether the report turns out to be empty or not, the error comes before anything is sent or written."""
    async with client(answer) as (adjust, script):
        with pytest.raises(ConfigurationError, match=r"pyarrow is not installed: pip install 'adjust_async\[arrow\]'"):
            await adjust.reports.download_parquet(tmp_path / "x.parquet", **QUERY)
        assert not script.requests
    assert files_of(tmp_path) == {}
