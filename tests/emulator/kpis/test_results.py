from datetime import date

import httpx
import pytest

from adjust_async.emulator import Emulator, Faults
from tests.emulator.kpis.results import leaves, level_keys
from tests.emulator.requests import connect, eventually

pytestmark = pytest.mark.anyio

DEFAULT_KPIS = [
    "clicks", "installs", "click_conversion_rate", "reattributions", "sessions", "revenue_events", "revenue", "daus",
    "waus", "maus",
]  # fmt: skip


@pytest.fixture
def path(emulator: Emulator) -> str:
    """The path of the first app; the emulator stays on a day of 2026."""
    emulator.today = date(2026, 3, 31)
    return f"/kpis/v1/{emulator.app_tokens[0]}"


async def test_one_app(path: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """By default an app's last 30 days are grouped by trackers, whose names are in the parameters."""
    document = (await client.get(path)).json()
    parameters, result = document["result_parameters"], document["result_set"]
    assert parameters["kpis"] == DEFAULT_KPIS
    assert (parameters["start_date"], parameters["end_date"]) == ("2026-03-02", "2026-03-31")
    assert (parameters["grouping"], parameters["utc_offset"]) == (["trackers"], "00:00")
    assert list(result) == ["token", "name", "currency", "trackers"]
    assert (result["token"], result["name"], result["currency"]) == (emulator.app_tokens[0], "Puzzle Harbor", "EUR")
    trackers = {tracker.token: tracker for tracker in emulator.store.trackers(emulator.app_tokens[0])}
    assert parameters["trackers"] == [
        {"token": token, "name": trackers[token].name, "has_subtrackers": trackers[token].has_subtrackers}
        for (token,), _ in leaves(document)
    ]
    types = {tuple(type(value) for value in values if value is not None) for _, values in leaves(document)}
    assert types <= {
        (int, int, float, int, int, int, float, int, int, int),
        (int, int, int, int, int, float, int, int, int),
    }


async def test_several_apps(path: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Several apps have token, name and currency, each with its own KPI values."""
    document = (await client.get(f"{path},{emulator.app_tokens[3]}")).json()
    assert document["result_parameters"]["grouping"] == ["apps"]
    assert "trackers" not in document["result_parameters"]
    assert [list(app) for app in document["result_set"]["apps"]] == [["token", "name", "currency", "kpi_values"]] * 2
    assert [app["currency"] for app in document["result_set"]["apps"]] == ["EUR", "JPY"]


@pytest.mark.parametrize(
    ("grouping", "keys"),
    [
        ("network", ["networks"]),
        ("day, networks, campaigns, country", ["dates", "networks", "campaigns", "countries"]),
        ("os_name,device_type,partner", ["os_names", "device_types", "partners"]),
        ("regions,weeks", ["regions", "dates"]),
        ("app,tracker", ["apps", "trackers"]),
    ],
)
async def test_levels(grouping: str, keys: list[str], path: str, client: httpx.AsyncClient) -> None:
    """Levels nest in the requested order, with plural names, and the grouping is echoed unchanged."""
    document = (await client.get(path, params={"grouping": grouping})).json()
    assert level_keys(document) == keys
    assert document["result_parameters"]["grouping"] == [name.strip() for name in grouping.split(",")]


@pytest.mark.parametrize(
    ("report", "grouping", "echo", "keys"),
    [
        ("events", "", ["trackers", "events"], ["trackers", "events"]),
        ("events", "event_types,day", ["event_types", "day"], ["events", "dates"]),
        ("events", "weeks", ["weeks", "events"], ["dates", "events"]),
        ("cohorts", "network", ["network", "periods"], ["networks", "periods"]),
        ("cohorts", "events,periods,day", ["events", "periods", "day"], ["events", "periods", "dates"]),
    ],
)
async def test_innermost_levels(
    report: str, grouping: str, echo: list[str], keys: list[str], path: str, client: httpx.AsyncClient
) -> None:
    """Events end with the events and cohorts with the periods, unless they are grouped otherwise."""
    document = (await client.get(f"{path}/{report}", params={"grouping": grouping})).json()
    assert document["result_parameters"]["grouping"] == echo
    assert level_keys(document) == keys


@pytest.mark.parametrize(
    ("grouping", "dates"),
    [
        ("hour", ["2026-03-01T00:00:00", "2026-03-31T23:00:00"]),
        ("day", ["2026-03-01", "2026-03-31"]),
        ("week", ["2026-02-23", "2026-03-30"]),
        ("month", ["2026-03-01", "2026-03-01"]),
    ],
)
async def test_dates(grouping: str, dates: list[str], path: str, client: httpx.AsyncClient) -> None:
    """Hours have a time; weeks are named by their Monday and months by their first day."""
    parameters = {"grouping": grouping, "start_date": "2026-03-01", "kpis": "installs", "attribution_type": "all"}
    found = [path[0] for path, _ in leaves((await client.get(path, params=parameters)).json())]
    assert found == sorted(found)
    assert dates[0] <= found[0] <= found[-1] <= dates[1]
    assert {len(date) for date in found} == {len(dates[0])}


async def test_ragged_levels(path: str, client: httpx.AsyncClient) -> None:
    """Two trackers have different dates, as elements without figures are left out."""
    result = (await client.get(path, params={"grouping": "trackers,day"})).json()["result_set"]
    assert len({tuple(date["date"] for date in tracker["dates"]) for tracker in result["trackers"]}) > 10


async def test_every_day_has_figures(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Every day of 2025 and 2026 has figures, none before."""
    parameters = {"start_date": "2024-12-01", "end_date": "2027-01-31", "grouping": "day", "kpis": "sessions"}
    document = (await client.get(f"/kpis/v1/{emulator.app_tokens[1]}", params=parameters)).json()
    dates = [path[0] for path, _ in leaves(document)]
    assert (dates[0], dates[-1], len(dates)) == ("2025-01-01", "2026-12-31", 730)


async def test_deterministic() -> None:
    """The same seed leads to the same answers, whatever was requested before. Another seed leads to others."""
    answers = []
    for seed, before in (5, "2026-03-10"), (5, "2026-02-01"), (6, "2026-03-10"):
        async with Emulator(seed=seed, today=date(2026, 3, 31)) as emulator, connect(emulator) as client:
            path = f"/kpis/v1/{emulator.app_tokens[2]}"
            await client.get(path, params={"start_date": before, "end_date": "2026-03-12"})
            answers.append((await client.get(path, params={"grouping": "trackers,day"})).json())
    assert answers[0] == answers[1] != answers[2]


async def test_tracker_in_the_path(path: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A tracker in the path means it and everything below it, as a filter does."""
    whole = {path[0]: values for path, values in leaves((await client.get(path)).json())}
    network = next(tracker for tracker in emulator.store.trackers(emulator.app_tokens[0]) if tracker.name == "Facebook")
    below = {
        tracker.token
        for tracker in emulator.store.trackers(emulator.app_tokens[0])
        if f"{tracker.name}::".startswith("Facebook::")
    }
    for report in "", "/events", "/cohorts":
        by_path = (await client.get(f"{path}/trackers/{network.token}{report}")).json()
        by_filter = (await client.get(f"{path}{report}", params={"tracker_filter": network.token})).json()
        assert leaves(by_path) == leaves(by_filter) != []
        assert {leaf[0][0] for leaf in leaves(by_path)} == below & set(whole) or report


async def test_sandbox(path: str, client: httpx.AsyncClient) -> None:
    """Sandbox figures are other and smaller ones."""
    ((_, live),) = leaves((await client.get(path, params={"grouping": "apps"})).json())
    ((_, sandbox),) = leaves((await client.get(path, params={"grouping": "apps", "sandbox": "true"})).json())
    assert 0 < sandbox[1] < live[1] / 10


async def test_utc_offset(path: str, client: httpx.AsyncClient) -> None:
    """An offset moves hours to other days, and is echoed with its sign."""
    parameters = {"grouping": "day", "kpis": "sessions"}
    utc = (await client.get(path, params=parameters)).json()
    india = (await client.get(path, params={**parameters, "utc_offset": "+05:30"})).json()
    assert india["result_parameters"]["utc_offset"] == "+05:30"
    assert [path for path, _ in leaves(utc)] == [path for path, _ in leaves(india)]
    assert leaves(utc) != leaves(india)


async def test_event_kpis(path: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """KPIs of events follow the others, are named in the parameters, and equal those of the events report."""
    events = leaves((await client.get(f"{path}/events", params={"grouping": "events", "kpis": "events"})).json())
    document = (
        await client.get(path, params={"grouping": "apps", "kpis": "clicks", "event_kpis": "all_events"})
    ).json()
    tokens = [event.token for event in emulator.facts.apps[emulator.app_tokens[0]].events]
    assert document["result_parameters"]["kpis"] == ["clicks", *(f"{token}_events" for token in tokens)]
    assert [event["token"] for event in document["result_parameters"]["events"]] == tokens
    assert leaves(document)[0][1][1:] == tuple(dict(events)[token,][0] for token in tokens)
    asked = {"grouping": "apps", "kpis": "clicks", "event_kpis": "all_events|revenue,0_first_events"}
    kpis = (await client.get(path, params=asked)).json()["result_parameters"]["kpis"]
    assert kpis == ["clicks", *(f"{token}_revenue" for token in tokens), "0_first_events"]


async def test_event_of_another_app(path: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The KPI of an event that only one of two apps has is null for the other."""
    event = emulator.facts.apps[emulator.app_tokens[1]].events[1].token
    asked = {"kpis": "clicks", "event_kpis": f"{event}_events"}
    document = (await client.get(f"{path},{emulator.app_tokens[1]}", params=asked)).json()
    (_, without), (_, having) = leaves(document)
    assert without[1] is None
    assert having[1] > 0


async def test_human_readable_kpis(path: str, client: httpx.AsyncClient) -> None:
    """KPIs and the headings of a CSV have readable names."""
    parameters = {"kpis": "sessions,daus", "human_readable_kpis": "true", "grouping": "apps"}
    assert (await client.get(path, params=parameters)).json()["result_parameters"]["kpis"] == ["Sessions", "DAUs"]
    table = (await client.get(f"{path}/cohorts.csv", params={**parameters, "kpis": "sessions"})).text
    assert table.splitlines()[0] == "App Token,App Name,Days after Install,Sessions"


async def test_new_trackers(path: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A tracker that is created has no figures and changes none."""
    parameters = {"kpis": "clicks", "grouping": "day"}
    created = await client.post(f"/public/v1/apps/{emulator.app_tokens[0]}/trackers", json={"name": "New"})
    token = created.json()["data"]["items"][0]["token"]
    assert leaves((await client.get(path, params={**parameters, "tracker_filter": token})).json()) == []
    async with Emulator(today=date(2026, 3, 31)) as other, connect(other) as untouched:
        fresh = (await untouched.get(path, params=parameters)).json()
    assert (await client.get(path, params=parameters)).json() == fresh


async def test_facts(path: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The facts that a test may read are those that the answers add up."""
    day = date(2026, 3, 5)
    rows = [fact for fact in emulator.facts.rows(emulator.app_tokens[0], day, day) if not fact.sandbox]
    expected = (sum(fact.clicks for fact in rows), sum(fact.revenue for fact in rows) / 100)
    asked = {"start_date": str(day), "end_date": str(day), "attribution_type": "all", "kpis": "clicks,revenue"}
    assert leaves((await client.get(path, params={**asked, "grouping": "apps"})).json())[0][1] == expected


async def test_stats_and_faults(path: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Requests are counted by route, and faults work in the shapes of this service."""
    emulator.faults = Faults.script([None, None, "429", "503", "500", "truncated-json"], match="/kpis/")
    answers = [await client.get(url) for url in (f"{path}/events", f"{path}.csv", *[f"{path}/cohorts"] * 4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 503, 500, 200]
    assert answers[2].json() == {"error": {"message": "Too many requests"}}
    assert answers[3].text.startswith("<html>")
    assert answers[4].text == "Internal server error"
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answers[5].json()
    assert emulator.stats.requests == {
        "GET /kpis/v1/{app_tokens}/events": 1,
        "GET /kpis/v1/{app_tokens}.csv": 1,
        "GET /kpis/v1/{app_tokens}/cohorts": 4,
    }


async def test_drops(path: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A dropped connection leaves nothing in flight."""
    emulator.faults = ["drop-before", "drop-after"]
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            await client.get(path)
    await eventually(lambda: emulator.stats.in_flight == 0)
