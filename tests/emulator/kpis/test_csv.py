from datetime import date

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.kpis.results import csv_rows
from tests.emulator.requests import connect

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "grouping", "header"),
    [
        (".csv", "", "tracker_token,tracker_name,installs"),
        (",{other}.csv", "", "app_token,app_name,installs"),
        (".csv", "apps,day", "app_token,app_name,date,installs"),
        (".csv", "day,country,os_name,device_type", "date,country,os_name,device_type,installs"),
        (".csv", "networks,campaigns,day", "network_token,network_name,campaign_token,campaign_name,date,installs"),
        (".csv", "day,creatives,networks", "date,creative_token,creative_name,network_token,network_name,installs"),
        (".csv", "networks,trackers", "network_token,network_name,tracker_token,tracker_name,installs"),
        (
            "/cohorts.csv",
            "trackers,weeks,events",
            "tracker_token,tracker_name,date,event_token,event_name,period,installs",
        ),
        (".csv", "region,partners", "region,partner,installs"),
    ],
)
async def test_headers(path: str, grouping: str, header: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Columns are in the order of the grouping, with the names of the documentation."""
    app, other = emulator.app_tokens[:2]
    url = f"/kpis/v1/{app}{path.format(other=other)}"
    response = await client.get(url, params={"grouping": grouping, "kpis": "installs"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.text.splitlines()[0] == header


async def test_events(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Events have a token and a name; the general revenue event is 0."""
    app = emulator.app_tokens[0]
    rows = csv_rows((await client.get(f"/kpis/v1/{app}/events.csv", params={"grouping": "events"})).text)
    assert rows[0] == ["event_token", "event_name", "revenue_events", "revenue"]
    assert rows[1][:2] == ["0", "General Revenue Event"]


async def test_accept(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """`Accept: text/csv` and the suffix return the same table. Anything else returns JSON."""
    network = next(t for t in emulator.store.trackers(emulator.app_tokens[0]) if t.name == "Facebook")
    path = f"/kpis/v1/{emulator.app_tokens[0]}/trackers/{network.token}"
    by_header = await client.get(path, headers={"Accept": "text/csv"})
    assert by_header.text == (await client.get(f"{path}.csv")).text
    assert (await client.get(path)).headers["content-type"] == "application/json; charset=utf-8"


async def test_byte_order_mark() -> None:
    """A byte order mark comes first if the emulator is configured to send one."""
    async with Emulator(csv_byte_order_mark=True, today=date(2026, 3, 31)) as emulator, connect(emulator) as client:
        content = (await client.get(f"/kpis/v1/{emulator.app_tokens[0]}.csv")).content
    assert content.startswith("\ufefftracker_token,".encode())


async def test_blank_cells(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A KPI without a value is a blank cell, and none of them is a zero."""
    path = f"/kpis/v1/{emulator.app_tokens[0]}.csv"
    parameters = {"kpis": "clicks,click_conversion_rate", "grouping": "networks"}
    _, *rows = csv_rows((await client.get(path, params=parameters)).text)
    assert {row[2] for row in rows if row[3] == ""} == {"0"}
    assert all(row[2] != "0" for row in rows if row[3] != "")
