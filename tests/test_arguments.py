"""Every argument of every public method, with values that can't be compared, hashed, iterated or sent."""

import asyncio
import enum
import inspect
import math
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from adjust_async import AdjustError, AsyncAdjust, PooledTransport, TrackerSpec
from adjust_async.campaign.pages import Paging
from adjust_async.kpis.parameters import CohortsQuery, DeliverablesQuery, EventsQuery, SKAdNetworkQuery
from adjust_async.reports.parameters import CsvQuery

pytestmark = pytest.mark.anyio


class Word(str, enum.Enum):  # noqa: UP042 - members of a StrEnum print as their values
    """A text that is printed as its name."""

    A = "a"


class Stubborn:
    """Can be neither compared nor hashed, has no truth value, and no representation."""

    __hash__ = None  # type: ignore[assignment]  # what is tested is that nobody needs it

    def __eq__(self, other: object) -> bool:
        """Refuse."""
        raise TypeError

    def __bool__(self) -> bool:
        """Refuse."""
        raise TypeError

    def __repr__(self) -> str:
        """Refuse."""
        raise RuntimeError


class Closed:
    """Looks iterable, but is not."""

    def __iter__(self) -> Iterator[object]:
        """Refuse."""
        raise TypeError


NASTY: dict[str, object] = {
    "NA": pd.NA,
    "NaT": pd.NaT,
    "series": pd.Series([1, 2]),
    "array": pd.array([1, 2], dtype="int64"),
    "numpy array": pd.Series([1, 2]).to_numpy(),
    "numpy number": pd.Series([1]).to_numpy()[0],
    "huge": 10**400,
    "below": -(10**400),
    "NaN": math.nan,
    "infinite": math.inf,
    "decimal": Decimal("NaN"),
    "complex": 1j,
    "word": Word.A,
    "stubborn": Stubborn(),
    "closed": Closed(),
    "object": object(),
    "class": int,
    "function": len,
    "bytes": b"x",
    "set": {1},
    "list": [1],
    "lists": [[]],
    "NAs": [pd.NA],
    "arrays": [pd.Series([1, 2]).to_numpy()],
    "dictionary": {"a": 1},
    "NA key": {pd.NA: 1},
    "half a character": "\ud800",
    "zero byte": "a\0b",
    "two lines": "a\nb",
    "empty": "",
    "long": "x" * 100_000,
    "now": datetime(2026, 11, 1),  # noqa: DTZ001 - a time zone is one of the things that may be missing
    "true": True,
    "zero": 0,
}

REPORT: dict[str, Any] = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "yesterday"}
DAYS: dict[str, Any] = {"app_tokens": ["a"], "start_date": "2026-11-01", "end_date": "2026-11-02"}

#: Each public method: how to find it, what it needs, and its further arguments.
METHODS: dict[str, tuple[Callable[[AsyncAdjust], Callable[..., Any]], dict[str, Any], type | None]] = {
    "fetch": (lambda adjust: adjust.reports.fetch, REPORT, CsvQuery),
    "stream": (lambda adjust: adjust.reports.stream, REPORT | {"app_tokens": ["a"]}, CsvQuery),
    "pivot": (lambda adjust: adjust.reports.pivot, REPORT | {"index": ["day"]}, CsvQuery),
    "iter_csv": (lambda adjust: adjust.reports.iter_csv, REPORT, CsvQuery),
    "download_csv": (lambda adjust: adjust.reports.download_csv, REPORT | {"path": "x.csv"}, CsvQuery),
    "read_parquet": (lambda adjust: adjust.reports.read_parquet, REPORT, CsvQuery),
    "download_parquet": (lambda adjust: adjust.reports.download_parquet, REPORT | {"path": "x.pq"}, CsvQuery),
    "filters": (lambda adjust: adjust.reports.filters, {"required_filters": ["apps"]}, None),
    "events": (lambda adjust: adjust.reports.events, {}, None),
    "deliverables": (lambda adjust: adjust.kpis.deliverables, DAYS, DeliverablesQuery),
    "KPIs of events": (lambda adjust: adjust.kpis.events, DAYS, EventsQuery),
    "cohorts": (lambda adjust: adjust.kpis.cohorts, DAYS, CohortsQuery),
    "skadnetwork": (lambda adjust: adjust.kpis.skadnetwork, DAYS, SKAdNetworkQuery),
    "stream of KPIs": (lambda adjust: adjust.kpis.stream, DAYS, DeliverablesQuery),
    "list": (lambda adjust: adjust.trackers.list, {"app_token": "a"}, Paging),
    "children": (lambda adjust: adjust.trackers.children, {"app_token": "a", "tracker_token": "b"}, Paging),
    "walk": (lambda adjust: adjust.trackers.walk, {"app_tokens": ["a"]}, None),
    "create": (lambda adjust: adjust.trackers.create, {"app_token": "a", "name": "n"}, None),
    "update": (lambda adjust: adjust.trackers.update, {"app_token": "a", "tracker_token": "b", "partner_id": 5}, None),
    "provision": (lambda adjust: adjust.trackers.provision, {"app_token": "a", "plan": ["x"]}, None),
    "partners": (lambda adjust: adjust.partners.list, {}, Paging),
    "client": (lambda _: AsyncAdjust, {"token": "api-token"}, None),
    "transport": (lambda _: PooledTransport, {}, None),
    "spec": (lambda _: TrackerSpec, {"path": "x"}, None),
}


def teapot(_: httpx.Request) -> httpx.Response:
    """Answer in a way that no request accepts."""
    return httpx.Response(418)


async def end(asked: Any) -> None:
    """Await the result, or begin to iterate over it."""
    if hasattr(asked, "__aiter__"):
        async for _ in asked:
            break
    elif inspect.isawaitable(asked):
        await asked
    elif hasattr(asked, "aclose"):
        await asked.aclose()


@pytest.mark.parametrize("method", METHODS)
async def test_no_value_is_a_foreign_error(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any argument is either sent, or refused with an error of the package."""
    monkeypatch.chdir(tmp_path)
    find, needed, more = METHODS[method]
    http = httpx.AsyncClient(transport=httpx.MockTransport(teapot))
    async with AsyncAdjust("api-token", http_client=http, max_attempts=1) as adjust:
        call = find(adjust)
        kinds = inspect.signature(call).parameters.values()
        names = [parameter.name for parameter in kinds if parameter.kind is not parameter.VAR_KEYWORD]
        for name in dict.fromkeys([*names, *(more.__annotations__ if more else ())]):
            for what, value in NASTY.items():
                try:
                    async with asyncio.timeout(60):
                        await end(call(**needed | {name: value}))
                except AdjustError:
                    continue
                except Exception as error:  # noqa: BLE001 - which is the failure
                    pytest.fail(f"{method}({name}={what}): {error!r}")
