from datetime import date
from pathlib import Path

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.kpis.results import Leaf, leaves
from tests.emulator.requests import connect

pytestmark = pytest.mark.anyio

RANGE = {"start_date": "2026-01-01", "end_date": "2026-01-31"}


async def ask(client: httpx.AsyncClient, path: str, **parameters: str) -> list[Leaf]:
    """Ask for the leaves of January."""
    response = await client.get(f"/kpis/v1/{path}", params=RANGE | parameters)
    assert response.status_code == 200, response.text
    return leaves(response.json())


async def test_partners(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A filter by partner ids keeps the figures that grouping shows for those partners."""
    path = f"{emulator.app_tokens[0]}/events"
    grouped = await ask(client, path, grouping="partners,events")
    names = list(dict.fromkeys(path[0] for path, _ in grouped if path[0] != "unknown"))[:2]
    ids = [str(partner.id) for partner in emulator.store.partners() if partner.display_name in names]
    filtered = await ask(client, path, grouping="partners,events", partner_ids=",".join(ids))
    assert filtered == [leaf for leaf in grouped if leaf[0][0] in names] != []


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ("emea", ["emea"]),
        ("+emea,apac", ["apac", "emea"]),
        (" emea", ["emea"]),
        ("-emea", ["americas", "apac"]),
        ("+apac,+emea,-apac", ["emea"]),
        ("atlantis", []),
    ],
)
async def test_regions(regions: str, expected: list[str], emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Regions are included, or excluded with a minus."""
    rows = await ask(client, emulator.app_tokens[0], grouping="region", regions=regions)
    assert [path[0] for path, _ in rows] == expected


async def test_filters_together(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Several filters all hold, whatever the case of their values."""
    app = emulator.app_tokens[0]
    grouped = await ask(client, app, grouping="countries,os_names,device_types")
    filtered = await ask(
        client,
        app,
        grouping="countries,os_names,device_types",
        countries="DE,us",
        os_names="ios",
        device_types="phone,tablet",
    )
    assert filtered == [
        leaf
        for leaf in grouped
        if leaf[0][0] in {"de", "us"} and leaf[0][1] == "ios" and leaf[0][2] in {"phone", "tablet"}
    ]
    assert len(filtered) > 2


async def test_attribution_source(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The first source has other figures for a tracker than the dynamic one, and the same for the app."""
    app = emulator.app_tokens[0]
    answers = [
        await ask(client, app, grouping=grouping, kpis="sessions,revenue", attribution_source=source)
        for grouping in ("apps", "trackers")
        for source in ("dynamic", "first")
    ]
    assert answers[0] == answers[1]
    assert answers[2] != answers[3]


async def test_cohort_revenue_period(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The longer the period, the more revenue it has, and never more than all."""
    rows = [
        await ask(client, emulator.app_tokens[0], grouping="apps", kpis="cohort_revenue,revenue", **period)
        for period in ({"cohort_revenue_period": "1"}, {}, {"cohort_revenue_period": "90"})
    ]
    within = [row[0][1] for row in rows]
    assert 0 < within[0][0] < within[1][0] < within[2][0] < within[2][1]


async def test_conversion_values(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """SKAdNetwork installs have one of 64 conversion values or none."""
    values = ",".join(f"conversion_{value}" for value in range(64))
    kpis = f"skad_installs,valid_conversions,conversion_null,{values}"
    ((_, (installs, valid, null, *conversions)),) = await ask(
        client, f"{emulator.app_tokens[0]}/skadnetwork", grouping="apps", kpis=kpis
    )
    assert installs == valid + null > valid == sum(conversions) > 0


async def test_kept_facts(tmp_path: Path) -> None:
    """A database file keeps its facts, and how many there are on a day, over restarts."""
    answers = []
    for facts_per_day in 12, 30:
        async with (
            Emulator(database=tmp_path / "adjust.db", facts_per_day=facts_per_day, today=date(2026, 1, 31)) as emulator,
            connect(emulator) as client,
        ):
            answers.append(await ask(client, emulator.app_tokens[0], grouping="trackers,day"))
            days = emulator.facts.rows(emulator.app_tokens[0], date(2026, 2, 3), date(2026, 2, 4))
            assert len(days) == 24
    assert answers[0] == answers[1] != []


async def test_today(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Without dates the range ends today, which may be set and set free again."""
    path = f"/kpis/v1/{emulator.app_tokens[0]}"
    for today in date(2026, 5, 31), date(2025, 3, 1):
        emulator.today = today
        assert (await client.get(path)).json()["result_parameters"]["end_date"] == str(today)
    emulator.today = None
    assert emulator.today > date(2025, 3, 1)
