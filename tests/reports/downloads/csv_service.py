"""A CSV report for tests: its rows, its bytes, and what a client leaves behind."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adjust_async import (
    AsyncAdjust,
)
from tests.clock import JUMPING_CLOCK

jumping = pytest.mark.parametrize("anyio_backend", [pytest.param(JUMPING_CLOCK, id="jumping")])


QUERY: Any = {"dimensions": ["day", "app"], "metrics": ["installs", "cost"], "date_period": "-7d:-1d"}


DATES = ("2026-01-26", "2026-02-04")


HEADER = b"day,app,installs,cost\n"


def line(number: int) -> bytes:
    """Return a row of the report."""
    return b"2026-01-%02d,App %d,%d,%d.5\n" % (number % 28 + 1, number, number, number)


def row(number: int) -> dict[str, Any]:
    """Return that row as read by the SDK."""
    return {"day": date(2026, 1, number % 28 + 1), "app": f"App {number}", "installs": number, "cost": number + 0.5}


def whole(rows: int) -> bytes:
    """Return a report."""
    return HEADER + b"".join(map(line, range(rows)))


async def rows_of(adjust: AsyncAdjust, **query: Any) -> list[dict[str, Any]]:
    """Ask for all rows."""
    return [found async for found in adjust.reports.iter_csv(**QUERY | query)]


def chunked(*pieces: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    """Compose an answer in chunks; `last` ends it."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + last


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the names in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def client_gone(writer: asyncio.StreamWriter) -> None:
    """Wait until the client has closed the connection; then close this end."""
    reader: asyncio.StreamReader = getattr(writer, "_reader")  # noqa: B009 - which has no public name
    await reader.read()
    writer.close()


async def gone(adjust: AsyncAdjust) -> None:
    """Wait until nothing is in flight: what a `break` leaves behind ends a moment later."""
    session = adjust._session
    async with asyncio.timeout(60):
        while session.permits or session.calls or session._tasks:
            await asyncio.sleep(0)
