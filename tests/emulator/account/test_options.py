from typing import Any

import pytest

from adjust_async.emulator import EmulatedApp, Emulator
from tests.emulator.requests import connect, items, trackers_path

pytestmark = pytest.mark.anyio


async def test_configured_apps() -> None:
    """Configured apps have their tokens, names and currencies, in their order, and nothing else."""
    apps = [EmulatedApp("yxs12pfewq", "My Game", currency="EUR"), EmulatedApp("gwzpeepw8uf8")]
    async with Emulator(apps=apps) as emulator, connect(emulator) as client:
        assert emulator.app_tokens == ["yxs12pfewq", "gwzpeepw8uf8"]
        assert emulator.store.apps()[0].name == "My Game"
        assert emulator.store.apps()[1].name
        assert emulator.store.count_trackers() == 0
        assert await items(client, "/public/v1/apps/yxs12pfewq/trackers") == []
        document = (await client.get("/kpis/v1/yxs12pfewq,gwzpeepw8uf8", params={"grouping": "apps"})).json()
        assert document["result_set"]["apps"] == []
        found = (await client.get("/dashboard/api/apps")).json()["apps"]
        assert [app["currency"]["iso_code"] for app in found] == ["EUR", "USD"]


async def test_configured_trackers() -> None:
    """Given names make trackers with those above them, each once, of the partner that the network is named after."""
    names = ["AppLovin::DE::Spring", "My Network", "AppLovin::FR", "AppLovin::DE::Spring"]
    emulator = Emulator(apps=[EmulatedApp("yxs12pfewq")], trackers={"yxs12pfewq": names})
    async with emulator, connect(emulator) as client:
        found = {tracker.name: tracker for tracker in emulator.store.trackers()}
        assert set(found) == {"AppLovin", "AppLovin::DE", "AppLovin::DE::Spring", "AppLovin::FR", "My Network"}
        assert found["AppLovin::DE::Spring"].parent_token == found["AppLovin::DE"].token
        assert {name for name, tracker in found.items() if tracker.has_subtrackers} == {"AppLovin", "AppLovin::DE"}
        assert found["My Network"].partner_id is None
        assert found["AppLovin::FR"].partner_id == found["AppLovin"].partner_id is not None
        networks = await items(client, trackers_path(emulator))
        assert [item["name"] for item in networks] == ["AppLovin", "My Network"]
        response = await client.get(trackers_path(emulator))
        assert response.json()["data"]["paging"]["total"] == "2"


async def test_trackers_next_to_generated_ones() -> None:
    """An app with configured trackers has only these. Generated trackers of other apps do not change."""
    async with Emulator(apps=3, trackers_per_app=30) as emulator:
        token, before = emulator.app_tokens[2], emulator.store.trackers(emulator.app_tokens[0])
    async with Emulator(apps=3, trackers_per_app=30, trackers={token: ["A::B"]}) as emulator:
        assert [tracker.name for tracker in emulator.store.trackers(token)] == ["A", "A::B"]
        assert emulator.store.trackers(emulator.app_tokens[0]) == before


async def test_numbers_for_configured_apps() -> None:
    """Trackers and figures are also generated for configured apps if their number is set."""
    apps = [EmulatedApp("yxs12pfewq")]
    async with Emulator(apps=apps, trackers_per_app=40, facts_per_day=3) as emulator, connect(emulator) as client:
        assert emulator.store.count_trackers("yxs12pfewq") == 40
        document = (await client.get("/kpis/v1/yxs12pfewq", params={"kpis": "sessions"})).json()
        assert document["result_set"]["trackers"]


async def test_stable_apps() -> None:
    """An app keeps its token, its name and its trackers, however many apps follow it."""
    accounts = []
    for apps in 1, 2, 7:
        async with Emulator(apps=apps, trackers_per_app=20) as emulator:
            token = emulator.app_tokens[0]
            accounts.append((token, emulator.store.apps()[0], emulator.store.trackers(token)))
    assert accounts[0] == accounts[1] == accounts[2]


async def test_random_tokens() -> None:
    """Every emulator has its own token, which does not depend on the seed, unless one is set."""
    tokens = set()
    for _ in range(5):
        async with Emulator(trackers_per_app=0) as emulator:
            tokens.add(emulator.token)
    assert len(tokens) == 5
    assert all(len(token) >= 20 for token in tokens)
    async with Emulator(trackers_per_app=0, token="mine") as emulator:
        assert emulator.token == "mine"


async def test_reset(emulator: Emulator) -> None:
    """After a reset everything is as at the start, but the token and the port."""
    async with Emulator(trackers_per_app=20, latency=0.001, faults=["500"]) as emulator, connect(emulator) as client:
        before = emulator.store.trackers(), emulator.token, emulator.url
        path = trackers_path(emulator)
        assert (await client.post(path, json={"name": "X"})).status_code == 500
        assert (await client.post(path, json={"name": "X"})).status_code == 200
        emulator.latency, emulator.faults = 0, ["429"]
        emulator.app_states[emulator.app_tokens[0]] = "gone"
        emulator.reset()
        assert (emulator.store.trackers(), emulator.token, emulator.url) == before
        assert (emulator.latency, dict(emulator.app_states)) == (0.001, {})
        assert (emulator.stats.total, len(emulator.requests)) == (0, 0)
        answers = [await client.post(path, json={"name": "X"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [500, 200]
        assert emulator.store.count_trackers() == 101


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"apps": []}, "apps is a number, or a list of EmulatedApp"),
        ({"apps": ["yxs12pfewq"]}, "apps is a number, or a list of EmulatedApp"),
        ({"apps": [EmulatedApp("a"), EmulatedApp("a")]}, "two apps with the token a"),
        ({"trackers": {"a": "AppLovin"}}, "is a list of names"),
        ({"trackers": {"a": ["AppLovin::"]}}, "labels joined by ::"),
        ({"trackers": {"a": ["1::2::3::4::5"]}}, "up to 4 labels"),
        ({"keep_requests": -1}, "keep_requests"),
        ({"concurrency": 0}, "concurrency"),
    ],
)
def test_bad_options(options: dict[str, Any], words: str) -> None:
    """A wrong option is refused with the valid values."""
    with pytest.raises(ValueError, match=words):
        Emulator(**options)


async def test_trackers_of_an_unknown_app() -> None:
    """Trackers of an app that the account does not have are refused on entering, and leave nothing open."""
    with pytest.raises(ValueError, match="trackers names nosuch"):
        await Emulator(trackers={"nosuch": ["A"]}).__aenter__()


@pytest.mark.parametrize(
    ("token", "currency"), [("", "EUR"), ("a/b", "EUR"), ("a,b", "EUR"), ("a b", "EUR"), ("a", "XXX")]
)
def test_bad_apps(token: str, currency: str) -> None:
    """A token that can't be in a path, and an unknown currency, are refused."""
    with pytest.raises(ValueError, match="app"):
        EmulatedApp(token, currency=currency)
