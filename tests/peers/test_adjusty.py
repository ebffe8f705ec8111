"""adjusty, which puts the token into the URL and returns the JSON unchanged."""

import asyncio
import json
from typing import Any

import pytest
import requests
from adjusty import adjust_api

from adjust_async import AsyncAdjust, KpiReport
from adjust_async.emulator import Emulator

pytestmark = pytest.mark.anyio


@pytest.fixture
def peer(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client. Its address is hard-coded, so its requests are forwarded to the emulator."""
    get = requests.get

    def redirected(url: str, **arguments: Any) -> requests.Response:
        return get(url.replace("https://api.adjust.com", emulator.url), timeout=30, **arguments)

    monkeypatch.setattr(adjust_api.requests, "get", redirected)
    return adjust_api.Adjust(user_token=emulator.token)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(
    ("theirs", "ours", "kpis"),
    [
        ("fetch_deliverables", "deliverables", ["clicks", "sessions", "installs"]),
        ("fetch_events", "events", ["revenue_events", "revenue"]),
        ("fetch_cohorts", "cohorts", ["retention_rate", "sessions"]),
    ],
)
async def test_it_sees_the_same_figures(
    peer: Any, adjust: AsyncAdjust, emulator: Emulator, theirs: str, ours: str, kpis: list[str], several: bool
) -> None:
    """Its three calls return what `adjust.kpis` does, with the parameters of its README, for one app and for three."""
    tokens = emulator.app_tokens if several else emulator.app_tokens[:1]
    # Its own test for a list is never true, so several apps are passed as the text that it would have made of them.
    peer.app_token = ",".join(tokens)
    further = {"utc_offset": "+05:30"} | ({"period": "week"} if ours == "cohorts" else {})
    dates = {"start_date": "2026-01-05", "end_date": "2026-01-09"}
    peer.set_params(**dates, countries=["us", "de"], kpis=kpis, group=["network"], kwargs=further)
    answer = await asyncio.to_thread(getattr(peer, theirs))
    report = await getattr(adjust.kpis, ours)(
        tokens, **dates, **further, countries=["us", "de"], kpis=kpis, grouping=["network"]
    )
    rows = list(report.rows())
    assert rows
    assert list(KpiReport.from_json(json.dumps(answer)).rows()) == rows
