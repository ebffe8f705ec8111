"""Tracebacks of a typo: what IPython and pytest show of them, and which errors they are chained to."""

import traceback
from collections.abc import Callable
from typing import Any

import pytest

from adjust_async import AdjustError, AsyncAdjust, TrackerSpec
from tests.script import client, status

pytestmark = pytest.mark.anyio

REPORT: dict[str, Any] = {"dimensions": ["day"], "metrics": ["instals"], "date_period": "yesterday"}
DAYS: dict[str, Any] = {"start_date": "2026-11-01", "end_date": "2026-11-02"}

#: Frames that IPython may show of the package: where the mistake was noticed, and code that attrs generated.
MOST_SHOWN = 2

CALLS: dict[str, Callable[[Any], Any]] = {
    "argument": lambda adjust: adjust.reports.fetch(**REPORT, app_token=["a"]),
    "filter": lambda adjust: adjust.reports.fetch(**REPORT, filters={"country": "de"}),
    "names": lambda adjust: adjust.reports.fetch(**REPORT | {"dimensions": "day"}),
    "metric": lambda adjust: adjust.reports.fetch(**REPORT),
    "metric of apps": lambda adjust: adjust.reports.fetch(**REPORT, app_tokens=["a", "b", "c"]),
    "metric of a stream": lambda adjust: adjust.reports.stream(**REPORT, app_tokens=["a", "b"]),
    "metric of a pivot": lambda adjust: adjust.reports.pivot(**REPORT, index=["day"]),
    "metric of a CSV": lambda adjust: adjust.reports.iter_csv(**REPORT),
    "metric of a file": lambda adjust: adjust.reports.download_csv("x.csv", **REPORT),
    "metric in Parquet": lambda adjust: adjust.reports.read_parquet(**REPORT),
    "list": lambda adjust: adjust.reports.filters(["x"]),
    "KPI argument": lambda adjust: adjust.kpis.events(["a"], **DAYS, kpi=["x"]),
    "KPIs": lambda adjust: adjust.kpis.deliverables(["a", "b", "c"], **DAYS),
    "KPIs that are kept": lambda adjust: adjust.kpis.cohorts(["a", "b", "c"], **DAYS, on_failure="keep"),
    "stream of KPIs": lambda adjust: adjust.kpis.stream(["a", "b"], **DAYS),
    "app": lambda adjust: adjust.trackers.list("a"),
    "app collected": lambda adjust: adjust.trackers.list("a").collect(),
    "app in a path": lambda adjust: adjust.trackers.list("a/b"),
    "apps": lambda adjust: adjust.trackers.walk(["a", "b"]),
    "create": lambda adjust: adjust.trackers.create("a", "x"),
    "name": lambda adjust: adjust.trackers.create("a", "x::y"),
    "update": lambda adjust: adjust.trackers.update("a", "x", partner_id=5),
    "plan": lambda adjust: adjust.trackers.provision("a", ["x", "a::b::c::d::e"]),
    "provision": lambda adjust: adjust.trackers.provision("a", ["x", "y"], dry_run=True),
    "partner": lambda adjust: adjust.trackers.provision("a", [TrackerSpec("x", partner="y")]),
    "setting": lambda adjust: AsyncAdjust("token", max_rate=-1),
}


@pytest.mark.parametrize("call", CALLS)
async def test_the_traceback_of_a_typo_is_short(call: str) -> None:
    """All frames of the package but the last are hidden, and no other error is chained to this one."""
    async with client(status(400), max_attempts=1) as (adjust, _):
        with pytest.raises(AdjustError) as raised:
            asked = CALLS[call](adjust)
            if hasattr(asked, "__aiter__"):
                _ = [item async for item in asked]
            else:
                await asked
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    ours = [frame for frame in frames if frame.f_code.co_filename != __file__]
    shown = [frame.f_code.co_qualname for frame in ours if not frame.f_locals.get("__tracebackhide__")]
    assert len(shown) <= MOST_SHOWN, shown
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
