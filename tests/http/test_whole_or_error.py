"""Bodies that are packed, joined and cut: all rows or an error, never fewer, however they came and were read."""

import asyncio
import gzip
import io
import os
import random
import zlib
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import httpx
import orjson
import pyarrow
import pytest
import respx
import vcr  # type: ignore[import-untyped]  # it ships no types
from pyarrow import parquet
from pytest_httpx import HTTPXMock

from adjust_async import AsyncAdjust, DecodeError
from adjust_async.errors import APIConnectionError
from adjust_async.transports import AiohttpTransport, PooledTransport
from tests.loopback import RawRequest, serve

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]

ROWS: list[dict[str, Any]] = [{"app": f"App {number}", "installs": number * 7919} for number in range(60)]
QUERY: Any = {"dimensions": ["app"], "metrics": ["installs"], "date_period": "yesterday"}


def _parquet() -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), sink, row_group_size=20)
    return sink.getvalue()


BODIES = {
    "json": orjson.dumps({"rows": [row | {"installs": str(row["installs"])} for row in ROWS]}),
    "csv": b"app,installs\n" + b"".join(b"%s,%d\n" % (row["app"].encode(), row["installs"]) for row in ROWS),
    "parquet": _parquet(),
}

Ask = Callable[[AsyncAdjust, Path], Awaitable[list[dict[str, Any]]]]


async def _fetch(adjust: AsyncAdjust, _: Path) -> list[dict[str, Any]]:
    return list((await adjust.reports.fetch(**QUERY)).rows())


async def _iter_csv(adjust: AsyncAdjust, _: Path) -> list[dict[str, Any]]:
    return [row async for row in adjust.reports.iter_csv(**QUERY)]


async def _download_csv(adjust: AsyncAdjust, folder: Path) -> list[dict[str, Any]]:
    saved = await adjust.reports.download_csv(folder / "x", **QUERY)
    lines = saved.path.read_text(encoding="utf-8").splitlines()[1:]
    return [{"app": app, "installs": int(installs)} for app, installs in (line.split(",") for line in lines)]


async def _read_parquet(adjust: AsyncAdjust, _: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await adjust.reports.read_parquet(**QUERY)).to_pylist()
    return rows


async def _download_parquet(adjust: AsyncAdjust, folder: Path) -> list[dict[str, Any]]:
    saved = await adjust.reports.download_parquet(folder / "x", **QUERY)
    rows: list[dict[str, Any]] = parquet.read_table(saved.path).to_pylist()
    return rows


WAYS: dict[str, tuple[str, Ask]] = {
    "fetch": ("json", _fetch),
    "iter_csv": ("csv", _iter_csv),
    "download_csv": ("csv", _download_csv),
    "read_parquet": ("parquet", _read_parquet),
    "download_parquet": ("parquet", _download_parquet),
}
each_way = pytest.mark.parametrize("way", WAYS)


@attrs.frozen
class Case:
    """A body on the wire: compressed with a coding, in members, and cut after some bytes."""

    body: bytes
    coding: str | None
    is_whole: bool

    @property
    def headers(self) -> dict[str, str]:
        """Return the header of the coding."""
        return {} if self.coding is None else {"content-encoding": self.coding}


def _pack(body: bytes, coding: str | None, members: int, rng: random.Random) -> bytes:
    if coding is None:
        return body
    if coding == "deflate":
        return zlib.compress(body)
    edges = [0, *sorted(rng.sample(range(1, len(body)), members - 1)), len(body)]
    zeros = b"\0" * rng.choice([0, 0, 7])
    packed = b"".join(gzip.compress(body[a:b]) + zeros for a, b in pairwise(edges))
    return gzip.compress(packed) if coding == "gzip, gzip" else packed


def cases(way: str, number: int, *, codings: tuple[str | None, ...]) -> list[Case]:
    """Return random cases, the whole body among them for each coding."""
    rng = random.Random(f"14 {way}")
    body = BODIES[WAYS[way][0]]
    found = []
    for turn in range(number):
        coding = codings[turn % len(codings)]
        packed = _pack(body, coding, rng.randint(1, 5), rng)
        cut = len(packed) if turn < len(codings) else rng.randrange(len(packed))
        # Zeros at the end say nothing.
        is_whole = not packed[cut:].strip(b"\0")
        found.append(Case(packed[:cut], coding, is_whole))
    return found


async def check(case: Case, way: str, adjust: AsyncAdjust, folder: Path) -> None:
    """Request a report: a complete body leads to all rows, any other to all rows or an error, and no shorter file."""
    ask = WAYS[way][1]
    if case.is_whole:
        assert await ask(adjust, folder) == ROWS
        return
    (folder / "x").write_bytes(b"yesterday")
    with pytest.raises((DecodeError, APIConnectionError)):
        assert await ask(adjust, folder) == ROWS
        raise DecodeError("all rows came", location="$")
    if way.startswith("download"):
        assert os.listdir(folder) == ["x"]  # noqa: PTH208


PACKED = ("gzip", "x-gzip", "deflate", "gzip, gzip")


@pytest.mark.parametrize("transport", [PooledTransport, AiohttpTransport])
@pytest.mark.parametrize("framing", ["length", "chunked", "connection"])
@each_way
async def test_on_the_wire(way: str, framing: str, transport: type[httpx.AsyncBaseTransport], tmp_path: Path) -> None:
    """Over sockets, with complete framing and without any, on both transports."""
    current = Case(b"", None, is_whole=False)

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        head = "".join(f"{name}: {value}\r\n" for name, value in current.headers.items())
        if framing == "length":
            head += f"Content-Length: {len(current.body)}\r\n"
        elif framing == "chunked":
            head += "Transfer-Encoding: chunked\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode())
        if framing != "chunked":
            writer.write(current.body)
        else:
            for start in range(0, len(current.body), 300):
                piece = current.body[start : start + 300]
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            writer.write(b"0\r\n\r\n")
        if framing == "connection":
            await writer.drain()
            writer.close()

    async with (
        serve(handler) as server,
        httpx.AsyncClient(transport=transport()) as http_client,
        AsyncAdjust("secret", api_url=server.url, http_client=http_client, max_attempts=2) as adjust,
    ):
        for current in cases(way, 24, codings=PACKED):
            await check(current, way, adjust, tmp_path)
        assert (adjust._session.permits, adjust._session.calls) == (0, 0)


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
@each_way
async def test_in_respx(way: str, using: str, tmp_path: Path) -> None:
    """Through respx, with both of its interfaces."""
    async with AsyncAdjust("secret", max_attempts=2) as adjust:
        for case in cases(way, 24, codings=PACKED):
            with respx.mock(using=using) as router:
                router.route().mock(return_value=httpx.Response(200, headers=case.headers, content=case.body))
                await check(case, way, adjust, tmp_path)


@pytest.mark.httpx_mock(can_send_already_matched_responses=True)
@each_way
async def test_in_pytest_httpx(way: str, httpx_mock: HTTPXMock, tmp_path: Path) -> None:
    """Through pytest-httpx."""
    current = Case(b"", None, is_whole=False)
    httpx_mock.add_callback(lambda _: httpx.Response(200, headers=current.headers, content=current.body))
    async with AsyncAdjust("secret", max_attempts=2) as adjust:
        for current in cases(way, 24, codings=PACKED):
            await check(current, way, adjust, tmp_path)


@each_way
async def test_in_vcrpy(way: str, tmp_path: Path) -> None:
    """Through vcrpy, which has read the answer both when recording and when replaying."""
    (tmp_path / "files").mkdir()
    current = Case(b"", None, is_whole=False)

    async def handler(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        head = "".join(f"{name}: {value}\r\n" for name, value in current.headers.items())
        writer.write(f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(current.body)}\r\n\r\n".encode() + current.body)

    async with serve(handler) as server:
        for number, current in enumerate(cases(way, 16, codings=PACKED)):
            recorder = vcr.VCR(filter_headers=["authorization"], match_on=["method", "path", "query"])
            for mode in ("all", "none"):
                with recorder.use_cassette(str(tmp_path / f"{number}.yaml"), record_mode=mode):
                    async with AsyncAdjust("secret", api_url=server.url, max_attempts=1) as adjust:
                        await check(current, way, adjust, tmp_path / "files")
