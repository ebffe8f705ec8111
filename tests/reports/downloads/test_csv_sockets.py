"""CSV reports over real sockets that break, and refusals by the emulator."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from adjust_async import (
    APIConnectionError,
    AsyncAdjust,
    BadRequestError,
    PermissionDeniedError,
)
from adjust_async.emulator import Emulator, Faults
from tests.loopback import RawRequest, serve
from tests.reports.downloads.csv_service import (
    DATES,
    HEADER,
    QUERY,
    chunked,
    files_of,
    line,
    row,
    rows_of,
    whole,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=3, trackers_per_app=40, facts_per_day=15),
    pytest.mark.usefixtures("quick_retries"),
]


def cut_after(*pieces: bytes, last: bytes = b"") -> Any:
    """Close the connection after these pieces of the first answer, and send a complete report afterwards."""
    seen = []

    async def handler(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        if len(seen) == 1:
            writer.write(chunked(*pieces, last=last))
            await writer.drain()
            writer.close()
        else:
            writer.write(chunked(whole(3)))

    return handler


@pytest.mark.parametrize(
    "handler",
    [cut_after(), cut_after(HEADER), cut_after(HEADER, b"2026-01"), cut_after(HEADER, last=b"ff\r\n2026")],
    ids=["nothing", "header", "half a row", "half a chunk"],
)
async def test_a_connection_that_drops_before_the_first_row(handler: Any) -> None:
    """A connection that breaks before a row was there is not noticed."""
    async with serve(handler) as server, AsyncAdjust("secret", api_url=server.url) as adjust:
        assert await rows_of(adjust) == [row(0), row(1), row(2)]
        assert len(server.requests) == 2


async def test_a_connection_that_drops_after_rows() -> None:
    """A connection that breaks after two rows raises after them, and no row is repeated."""
    handler = cut_after(HEADER, line(0) + line(1))
    async with serve(handler) as server, AsyncAdjust("secret", api_url=server.url) as adjust:
        seen = []
        with pytest.raises(APIConnectionError) as raised:
            async for found in adjust.reports.iter_csv(**QUERY):
                seen.append(found)
        assert seen == [row(0), row(1)]
        assert raised.value.__notes__[0].startswith("2 rows came before this")
        assert len(server.requests) == 1


@pytest.mark.parametrize("fault", ["429-retry-after", "500", "502-html", "503", "drop-before", "drop-after", "drip"])
async def test_the_emulators_faults_are_overcome(
    adjust: AsyncAdjust, emulator: Emulator, fault: str, tmp_path: Path
) -> None:
    """No recoverable fault before the first row changes rows or file."""
    query: Any = {"dimensions": ["day", "network"], "metrics": ["installs"], "date_period": DATES}
    rows = [found async for found in adjust.reports.iter_csv(**query)]
    saved = await adjust.reports.download_csv(tmp_path / "x.csv", **query)
    content = saved.path.read_bytes()
    emulator.faults = Faults.script([fault], retry_after=0, drip=0.05)
    assert [found async for found in adjust.reports.iter_csv(**query)] == rows
    emulator.faults = Faults.script([fault], retry_after=0, drip=0.05)
    assert await adjust.reports.download_csv(tmp_path / "x.csv", **query) == saved
    assert saved.path.read_bytes() == content
    assert emulator.stats.faults[fault] == 2


async def test_a_refusal_of_rows_explains(adjust: AsyncAdjust, emulator: Emulator, tmp_path: Path) -> None:
    """A 400 names what was refused, and suggests similar names once the names were fetched."""
    query: Any = {"dimensions": ["day"], "metrics": ["installs", "instals"], "date_period": DATES}
    with pytest.raises(BadRequestError, match="Check the metric 'instals'"):
        _ = [found async for found in adjust.reports.iter_csv(**query)]
    await adjust.reports.filters(["overview_metrics"])
    emulator.stats.reset()
    with pytest.raises(BadRequestError, match=r"'instals' \(did you mean 'installs'") as raised:
        _ = [found async for found in adjust.reports.iter_csv(**query)]
    assert "error_desc" in raised.value.body
    with pytest.raises(BadRequestError, match=r"'instals' \(did you mean 'installs'"):
        await adjust.reports.download_csv(tmp_path / "x.csv", **query)
    assert emulator.stats.total == 2
    assert not files_of(tmp_path)


async def test_other_refusals_of_rows(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A refusal for another reason is raised as its class, before any row."""
    emulator.app_states[emulator.app_tokens[0]] = "forbidden"
    with pytest.raises(PermissionDeniedError, match="may not see app"):
        await rows_of(adjust, app_tokens=emulator.app_tokens)
