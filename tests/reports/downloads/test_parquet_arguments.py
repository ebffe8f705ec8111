"""Wrong arguments of Parquet reports are refused before anything is sent."""

from pathlib import Path
from typing import Any

import pytest

from adjust_async import (
    ConfigurationError,
)
from tests.reports.downloads.csv_service import files_of
from tests.reports.downloads.parquet_service import QUERY
from tests.script import client, status

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=3, trackers_per_app=40, facts_per_day=15),
    pytest.mark.usefixtures("quick_retries"),
]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"readable_names": True}, "readable_names is not a parameter of this report"),
        ({"exact": True}, "exact is not a parameter of this kind of report"),
        ({"window": 3}, "window is not a parameter of this kind of report"),
        ({"installs__gte": 3}, r"installs__gte is a filter: pass filters=\{'installs__gte': \.\.\.\}"),
        ({"metrics": ["installs", "installs"]}, "metrics has 'installs' twice"),
    ],
    ids=str,
)
@pytest.mark.parametrize("to_file", [False, True])
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    query: Any, message: str, to_file: bool, tmp_path: Path
) -> None:
    """The error names the argument, and nothing was sent or written."""
    async with client(status(500)) as (adjust, script):
        reports = adjust.reports
        with pytest.raises(ConfigurationError, match=message):
            if to_file:
                await reports.download_parquet(tmp_path / "x", **QUERY | query)
            else:
                await reports.read_parquet(**QUERY | query)
        assert script.requests == []
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize(
    ("path", "more", "message"),
    [
        ("", {}, "path is ''"),
        (b"x", {}, "path is b'x'"),
        (Path(__file__).parent, {}, "which is a folder"),
        ("/no/such/folder/x", {}, "there is no folder"),
        ("x", {"on_progress": 5}, "on_progress is 5: pass a plain function"),
    ],
    ids=str,
)
async def test_a_wrong_place_is_refused_before_anything_is_sent(path: Any, more: Any, message: str) -> None:
    """A path that can't be a file is refused before the report is requested."""
    async with client(status(500)) as (adjust, script):
        with pytest.raises(ConfigurationError, match=message):
            await adjust.reports.download_parquet(path, **QUERY, **more)
        assert script.requests == []
