from datetime import date, datetime
from typing import Any

import httpx
import pandas
import pytest

from adjust_async.emulator import EmulatedApp, Emulator
from tests.emulator.requests import connect, trackers_path

pytestmark = pytest.mark.anyio

APP = "yxs12pfewq"
DAY = "2026-11-01"
KPIS = "installs,clicks,sessions,daus,cost,revenue"


def account(**options: Any) -> Emulator:
    """Make an emulator with one app, whose two trackers have no figures."""
    return Emulator(apps=[EmulatedApp(APP, "My Game", "EUR")], trackers={APP: ["AppLovin::DE", "AdColony"]}, **options)


async def kpis(client: httpx.AsyncClient, **parameters: str) -> dict[str, list[Any]]:
    """Ask the KPI Service for the values of each network."""
    question = {"start_date": DAY, "end_date": DAY, "kpis": KPIS, "grouping": "networks"} | parameters
    response = await client.get(f"/kpis/v1/{APP}", params=question)
    assert response.status_code == 200, response.text
    return {network["name"]: network["kpi_values"] for network in response.json()["result_set"]["networks"]}


async def report(client: httpx.AsyncClient, **parameters: str) -> dict[str, list[float]]:
    """Ask the Report Service for the same."""
    question = {"dimensions": "network", "metrics": KPIS, "date_period": f"{DAY}:{DAY}", "currency": "EUR"} | parameters
    response = await client.get("/reports-service/report", params=question)
    if response.status_code == 204:
        return {}
    assert response.status_code == 200, response.text
    return {row["network"]: [float(row[name]) for name in KPIS.split(",")] for row in response.json()["rows"]}


async def test_both_services_report_them() -> None:
    """Figures that were put in are reported by both services, those of a tracker under its network, and summed up."""
    async with account() as emulator, connect(emulator) as client:
        assert await kpis(client) == await report(client) == {}
        emulator.add_figures(APP, tracker="AppLovin::DE", day=DAY, installs=10, clicks=30, daus=7, cost=1.5)
        emulator.add_figures(APP, tracker="AppLovin", day=date(2026, 11, 1), installs=2, sessions=3)
        emulator.add_figures(APP, tracker="AdColony", day=DAY, revenue=2.99, events=1)
        expected = {"AppLovin": [12, 30, 3, 7, 1.5, 0], "AdColony": [0, 0, 0, 0, 0, 2.99]}
        assert await kpis(client) == await report(client) == expected


async def test_trackers_of_the_test() -> None:
    """A tracker that was created meanwhile can have figures, named by its token or its name."""
    async with account() as emulator, connect(emulator) as client:
        made = (await client.post(trackers_path(emulator), json={"name": "Mine"})).json()["data"]["items"][0]
        emulator.add_figures(APP, tracker=made["token"], day=DAY, installs=1)
        emulator.add_figures(APP, tracker="Mine", day=DAY, installs=2)
        assert (await kpis(client))["Mine"][0] == (await report(client))["Mine"][0] == 3


async def test_next_to_drawn_figures() -> None:
    """Added figures appear next to the drawn ones, and do not change how others are drawn."""
    async with Emulator(apps=1, trackers_per_app=50) as emulator:
        app, day = emulator.app_tokens[0], date(2026, 2, 2)
        drawn = emulator.facts.rows(app, day, day)
    async with Emulator(apps=1, trackers_per_app=50) as emulator:
        name = emulator.store.trackers()[-1].name
        emulator.add_figures(app, tracker=name, day=day, installs=5)
        assert [fact for fact in emulator.facts.rows(app, day, day) if fact in drawn] == drawn
        assert len(emulator.facts.rows(app, day, day)) == len(drawn) + 1


async def test_dimensions() -> None:
    """Country, system, device and event are the specified ones."""
    async with account() as emulator, connect(emulator) as client:
        event = emulator.facts.apps[APP].events[1]
        emulator.add_figures(
            APP, tracker="AdColony", day=DAY, installs=4, country="de", os_name="ios", device_type="tablet"
        )
        emulator.add_figures(APP, tracker="AdColony", day=DAY, installs=1, reattributions=2)
        emulator.add_figures(APP, tracker="AdColony", day=DAY, events=6, event=event.name)
        assert (await kpis(client, countries="de", os_names="ios", device_types="tablet"))["AdColony"][0] == 4
        assert (await report(client, country_code__in="de"))["AdColony"][0] == 4
        found = (await client.get(f"/kpis/v1/{APP}/events", params={"start_date": DAY, "end_date": DAY})).json()
        assert [element["token"] for element in found["result_set"]["trackers"][0]["events"]] == [event.token]


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"app_token": "nosuch"}, "no app 'nosuch'"),
        ({"tracker": "Nobody"}, "no tracker with the token or the full name 'Nobody'"),
        ({"day": "yesterday"}, "day is a date"),
        ({"day": "2019-01-01"}, "day is from 2025-01-01"),
        ({"installs": -1}, "installs is a number from 0 on"),
        ({"installs": 1.5}, "installs is counted in whole things"),
        ({"installs": True}, "installs is a number"),
        ({"installs": "1"}, "installs is a number"),
        ({"installs": float("nan")}, "installs is a number"),
        ({"cost": 0.001}, "cost is counted in whole minor units"),
        ({"downloads": 1}, "downloads: the figures are impressions"),
        ({"country": "DE"}, "country is one of"),
        ({"event": "nosuch"}, "no event 'nosuch'"),
    ],
)
async def test_bad_figures(figures: dict[str, Any], words: str) -> None:
    """Unknown names and wrong figures are refused with the existing names, and nothing is added."""
    async with account() as emulator, connect(emulator) as client:
        with pytest.raises(ValueError, match=words):
            emulator.add_figures(**({"app_token": APP, "tracker": "AdColony", "day": DAY} | figures))
        assert await kpis(client) == {}


async def test_they_stay_in_a_file(tmp_path: Any) -> None:
    """A file keeps the figures, and a reset forgets them."""
    for _ in range(2):
        async with account(database=tmp_path / "adjust.db") as emulator, connect(emulator) as client:
            if not await kpis(client):
                emulator.add_figures(APP, tracker="AdColony", day=DAY, installs=4)
            assert (await kpis(client))["AdColony"][0] == 4
    async with account(database=tmp_path / "adjust.db") as emulator, connect(emulator) as client:
        emulator.reset()
        assert await kpis(client) == {}


@pytest.mark.parametrize(
    "day",
    [DAY, date(2026, 11, 1), datetime(2026, 11, 1), pandas.Timestamp(DAY), pandas.Timestamp(DAY, tz="UTC")],  # noqa: DTZ001
)
async def test_forms_of_a_day(day: Any) -> None:
    """A date, its text and a datetime at midnight are the same day, also as the day that the emulator has."""
    async with account(today=day) as emulator, connect(emulator) as client:
        assert emulator.today == date(2026, 11, 1)
        emulator.today = day
        emulator.add_figures(APP, tracker="AdColony", day=day, installs=4)
        assert (await report(client, date_period="today"))["AdColony"][0] == 4
        assert len(emulator.facts.rows(APP, day, day)) == 1


@pytest.mark.parametrize("day", ["1.11.2026", 20261101, pandas.NaT, pandas.Timestamp("2026-11-01 01:00")])
async def test_anything_but_a_day_is_refused(day: Any) -> None:
    """Anything else is refused as an option, rather than by the first report."""
    with pytest.raises(ValueError, match="today is a date such as 2026-11-01"):
        account(today=day)
    async with account() as emulator:
        with pytest.raises(ValueError, match="day is a date such as 2026-11-01"):
            emulator.add_figures(APP, tracker="AdColony", day=day, installs=4)
