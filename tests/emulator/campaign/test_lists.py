import re

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.requests import TRACKER_KEYS, items, trackers_path

pytestmark = pytest.mark.anyio


async def test_version_1_envelope(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A page of v1 has the documentation's keys, its numbers in paging as strings."""
    response = await client.get(trackers_path(emulator), params={"limit": 1})
    document = response.json()
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert set(document) == {"data"}
    data = document["data"]
    assert set(data) == {"api_version", "request_id", "timestamp", "paging", "items"}
    assert data["api_version"] == "1"
    assert re.fullmatch(r"[\w-]{20}", data["request_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", data["timestamp"])
    paging = data["paging"]
    assert set(paging) == {"page_size", "collection_size", "total", "next", "previous", "cursors"}
    assert (paging["page_size"], paging["collection_size"]) == ("1", "1")
    networks = [tracker for tracker in emulator.store.trackers(emulator.app_tokens[0]) if tracker.level == 1]
    assert paging["total"] == str(len(networks))
    assert set(paging["cursors"]) == {"after", "before"}
    assert paging["next"] == f"{emulator.url}{trackers_path(emulator)}?after={paging['cursors']['after']}&limit=1"
    assert paging["previous"] is None
    assert paging["cursors"]["before"] is None


async def test_version_2_envelope(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A page of v2 has paging and items, and in paging the next URL and its cursor."""
    path = trackers_path(emulator, version=2)
    document = (await client.get(path, params={"limit": 2})).json()
    assert set(document) == {"data"}
    assert set(document["data"]) == {"paging", "items"}
    paging = document["data"]["paging"]
    assert set(paging) == {"next", "cursor"}
    assert paging["next"] == f"{emulator.url}{path}?cursor={paging['cursor']}&limit=2"


async def test_request_ids_differ(client: httpx.AsyncClient) -> None:
    """Every request has an id of its own."""
    answers = [await client.get("/public/v1/partners") for _ in range(5)]
    assert len({answer.json()["data"]["request_id"] for answer in answers}) == 5


async def test_tracker_keys_and_types(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A tracker has the documented keys and types; only click_url and impression_url may be missing."""
    found = await items(client, trackers_path(emulator), 1000)
    for item in found:
        assert set(item) <= TRACKER_KEYS
        assert TRACKER_KEYS - set(item) <= {"click_url", "impression_url"}
        assert item["level"] == 1
        assert item["name"] == item["label"]
        assert item["url"] == f"https://app.adjust.com/{item['token']}"
        assert re.fullmatch(r"[a-z0-9]{6}", item["token"])
        assert {type(item[key]) for key in ("archived", "has_subtrackers", "cost_data_enabled")} == {bool}
        assert item["partner_id"] is None or type(item["partner_id"]) is int
    assert any("click_url" not in item for item in found)
    assert any("click_url" in item and "impression_url" not in item for item in found)
    assert any("campaign={campaign_name}&idfa={idfa}" in item.get("click_url", "") for item in found)


async def test_children_extend_the_name(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Children are one level down, named after their parent, and their label is the last part."""
    parent = next(tracker for tracker in emulator.store.trackers() if tracker.level == 2 and tracker.has_subtrackers)
    found = await items(client, f"/public/v1/apps/{parent.app_token}/trackers/{parent.token}/children")
    assert found
    for item in found:
        assert item["level"] == 3
        assert item["name"] == f"{parent.name}::{item['label']}"


@pytest.mark.parametrize("version", [1, 2])
async def test_children_of_a_leaf(version: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A tracker without subtrackers has one empty page with nothing after it."""
    leaf = next(tracker for tracker in emulator.store.trackers() if not tracker.has_subtrackers)
    response = await client.get(f"/public/v{version}/apps/{leaf.app_token}/trackers/{leaf.token}/children")
    data = response.json()["data"]
    assert data["items"] == []
    assert data["paging"]["next"] is None


async def test_whole_tree(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Walking the tree by has_subtrackers finds every tracker of the store once, with the same content."""
    app_token = emulator.app_tokens[1]
    path = trackers_path(emulator, app=1)
    found = await items(client, path, 1000)
    for item in found:
        if item["has_subtrackers"]:
            found += await items(client, f"{path}/{item['token']}/children", 1000)
    stored = {tracker.token: tracker for tracker in emulator.store.trackers(app_token)}
    assert len(found) == len(stored) == emulator.store.count_trackers(app_token)
    for item in found:
        tracker = stored[item["token"]]
        for key in ("name", "level", "archived", "has_subtrackers", "partner_id", "cost_data_enabled"):
            assert item[key] == getattr(tracker, key)


async def test_partners(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Partners have the documented keys, AdColony and Adroll their documented ids."""
    found = await items(client, "/public/v1/partners")
    assert len(found) == 120
    assert all(set(item) == {"id", "display_name", "supports_cost_data"} for item in found)
    ids = {item["display_name"]: item["id"] for item in found}
    assert (ids["AdColony"], ids["Adroll"]) == (174, 33)
    assert {item["supports_cost_data"] for item in found} == {True, False}
    assert [item["id"] for item in found] == [partner.id for partner in emulator.store.partners()]
