import httpx
import pytest

from adjust_async.emulator import Emulator, Tracker
from tests.emulator.requests import TRACKER_KEYS, connect, items, trackers_path

pytestmark = pytest.mark.anyio

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def tracker_with(emulator: Emulator, **attributes: object) -> Tracker:
    """Pick a tracker of the first app that has a partner and these attributes."""
    return next(
        tracker
        for tracker in emulator.store.trackers(emulator.app_tokens[0])
        if tracker.partner_id and all(getattr(tracker, key) == value for key, value in attributes.items())
    )


@pytest.mark.parametrize("version", [1, 2])
async def test_create_a_network(version: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A create answers with the one new tracker, without paging, and the tracker is in the list."""
    path = trackers_path(emulator, version=version)
    response = await client.post(path, json={"name": "Früh/Jahr 50% “neu”"})
    data = response.json()["data"]
    assert response.status_code == 200
    assert set(data) == {"api_version", "request_id", "timestamp", "items"}
    assert data["api_version"] == str(version)
    (item,) = data["items"]
    assert set(item) == TRACKER_KEYS
    assert (item["name"], item["label"], item["level"]) == ("Früh/Jahr 50% “neu”", "Früh/Jahr 50% “neu”", 1)
    assert (item["partner_id"], item["cost_data_enabled"], item["has_subtrackers"]) == (None, False, False)
    assert (await items(client, path, 1000))[-1] == item


async def test_create_subtrackers(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A subtracker inherits level and partner from its parent, which has subtrackers from then on."""
    path = trackers_path(emulator)
    parent = tracker_with(emulator, level=1, has_subtrackers=False)
    name, token = parent.name, parent.token
    for level in 2, 3, 4:
        response = await client.post(path, json={"name": f"Level {level}", "parent_token": token})
        (item,) = response.json()["data"]["items"]
        name = f"{name}::Level {level}"
        assert (item["name"], item["label"], item["level"]) == (name, f"Level {level}", level)
        assert (item["partner_id"], item["cost_data_enabled"]) == (parent.partner_id, False)
        token = item["token"]
    stored = {tracker.token: tracker for tracker in emulator.store.trackers(parent.app_token)}
    assert stored[parent.token].has_subtrackers
    assert not stored[token].has_subtrackers
    children = (await client.get(f"{path}/{parent.token}/children")).json()["data"]
    assert children["paging"]["total"] == "1"


@pytest.mark.parametrize("form", ["json", "query", "body"])
async def test_ways_to_send_parameters(form: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """JSON, the query and a form body all create the same."""
    parent = tracker_with(emulator, level=1)
    parameters = {"name": "A & B+C = 50%", "parent_token": parent.token}
    path = trackers_path(emulator)
    if form == "json":
        response = await client.post(path, json=parameters)
    elif form == "query":
        response = await client.post(path, params=parameters)
    else:
        response = await client.post(path, data=parameters)
    assert response.json()["data"]["items"][0]["name"] == f"{parent.name}::A & B+C = 50%"


async def test_parent_tracker_by_name(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The documentation's old `parent_tracker` is the full name of the parent."""
    parent = tracker_with(emulator, level=2)
    response = await client.post(trackers_path(emulator), json={"name": "Old", "parent_tracker": parent.name})
    assert response.json()["data"]["items"][0]["name"] == f"{parent.name}::Old"


async def test_tokens_stay_unique(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Every tracker ever created has a unique token."""
    for number in range(30):
        await client.post(trackers_path(emulator), json={"name": f"Network {number}"})
    tokens = [tracker.token for tracker in emulator.store.trackers()]
    assert len(set(tokens)) == len(tokens) == 2030


async def test_duplicate_names() -> None:
    """A second tracker with the same name and parent is refused, unless duplicates are allowed."""
    async with Emulator(trackers_per_app=3) as emulator, connect(emulator) as client:
        path = trackers_path(emulator)
        parent = emulator.store.trackers()[0].token
        for body in {"name": "Twin"}, {"name": "Twin", "parent_token": parent}:
            assert (await client.post(path, json=body)).status_code == 200
            refused = await client.post(path, json=body)
            assert refused.status_code == 400
            assert refused.json()["error"]["message"].endswith("has already been taken")
        assert (await client.post(trackers_path(emulator, app=1), json={"name": "Twin"})).status_code == 200
        assert emulator.store.count_trackers(emulator.app_tokens[0]) == 5
    async with Emulator(trackers_per_app=3, duplicate_names="allow") as emulator, connect(emulator) as client:
        answers = [await client.post(trackers_path(emulator), json={"name": "Twin"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize("version", [1, 2])
async def test_update(version: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Only the sent fields change, and the answer is the one tracker without paging."""
    tracker = tracker_with(emulator, level=1, cost_data_enabled=False)
    path = f"{trackers_path(emulator, version=version)}/{tracker.token}"
    steps = [
        ({"partner_id": 174}, (174, False)),
        ({"cost_data_enabled": True}, (174, True)),
        ({}, (174, True)),
        ({"partner_id": "33"}, (33, True)),
        ({"partner_id": None, "cost_data_enabled": "false"}, (None, False)),
    ]
    for body, expected in steps:
        response = await client.patch(path, json=body)
        data = response.json()["data"]
        assert response.status_code == 200
        assert set(data) == {"api_version", "request_id", "timestamp", "items"}
        (item,) = data["items"]
        assert (item["partner_id"], item["cost_data_enabled"]) == expected
        stored = next(found for found in emulator.store.trackers() if found.token == tracker.token)
        assert (stored.partner_id, stored.cost_data_enabled) == expected


async def test_update_by_query(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The documentation's example, a PATCH with everything in the query, links AdColony and its macros."""
    tracker = tracker_with(emulator, level=1)
    path = f"{trackers_path(emulator)}/{tracker.token}?partner_id=174&cost_data_enabled=true"
    (item,) = (await client.patch(path)).json()["data"]["items"]
    assert (item["partner_id"], item["cost_data_enabled"]) == (174, True)
    assert "adcolony_click_id=[CLICK_ID]" in item["click_url"]


async def test_update_by_form(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A form body updates too, and an empty partner_id removes the partner."""
    tracker = tracker_with(emulator, level=1)
    path = f"{trackers_path(emulator)}/{tracker.token}"
    response = await client.patch(path, content=b"partner_id=&cost_data_enabled=True", headers=FORM)
    (item,) = response.json()["data"]["items"]
    assert (item["partner_id"], item["cost_data_enabled"]) == (None, True)
