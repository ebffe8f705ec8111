from typing import Any

import httpx
import pytest

from adjust_async.emulator import Emulator, Faults
from tests.emulator.requests import connect, items, pages, trackers_path

pytestmark = pytest.mark.anyio


def names(found: list[dict[str, Any]]) -> list[str]:
    """Take the names of items."""
    return [item["name"] for item in found]


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_503_after(form: Any, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The tracker is created and listed, and the answer is 503 with Retry-After."""
    emulator.faults = Faults.script(["503-after"], retry_after=7, retry_after_form=form)
    path = trackers_path(emulator)
    response = await client.post(path, json={"name": "X"})
    assert response.status_code == 503
    assert (response.headers["retry-after"] == "7") == (form == "seconds")
    assert "X" in names(await items(client, path, 1000))
    assert emulator.stats.faults == {"503-after": 1}


async def test_wrong_tracker(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A create and an update are done, and their answers hold another tracker of the same app."""
    path = trackers_path(emulator)
    emulator.faults = Faults(1, ["wrong-tracker"])
    (answered,) = (await client.post(path, json={"name": "X"})).json()["data"]["items"]
    (made,) = emulator.store.tokens_by_name(emulator.app_tokens[0])["X"]
    assert answered["token"] in {tracker.token for tracker in emulator.store.trackers(emulator.app_tokens[0])} - {made}
    body = {"cost_data_enabled": True}
    (updated,) = (await client.patch(f"{path}/{made}", json=body)).json()["data"]["items"]
    assert updated["token"] != made
    assert emulator.store.trackers(emulator.app_tokens[0])[-1].cost_data_enabled
    assert emulator.stats.faults == {"wrong-tracker": 2}


async def test_wrong_tracker_without_another() -> None:
    """The answer is right if the app has no other tracker, and if nothing was written."""
    faults = Faults(1, ["wrong-tracker"])
    async with Emulator(apps=1, trackers_per_app=0, faults=faults) as emulator, connect(emulator) as client:
        path = trackers_path(emulator)
        assert names((await client.post(path, json={"name": "X"})).json()["data"]["items"]) == ["X"]
        assert (await client.post(path, json={"name": ""})).status_code == 400
        assert names(await items(client, path)) == ["X"]
        assert not emulator.stats.faults


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("fault", "expected"), [("moved-list", "abdef"), ("repeated-item", "abbcdef")])
async def test_moving_lists(fault: str, expected: str, version: int) -> None:
    """An item is missing or repeated if a list changes between its pages. The total does not change."""
    async with Emulator(apps=1, trackers_per_app=0) as emulator, connect(emulator) as client:
        path = trackers_path(emulator, version=version)
        for name in "abcdef":
            await client.post(path, json={"name": name})
        emulator.faults = [fault]
        found = [page async for page in pages(client, path, 2)]
        assert "".join(item["name"] for page in found for item in page["items"]) == expected
        assert version == 2 or {page["paging"]["total"] for page in found} == {"6"}
        assert emulator.stats.faults == {fault: 1}
        assert "".join(names(await items(client, path, 2))) == "abcdef"


@pytest.mark.parametrize("fault", ["moved-list", "repeated-item"])
async def test_lists_that_can_not_move(fault: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A list of one page, and a page that is read backwards, are unchanged and not counted."""
    whole = await items(client, "/public/v1/partners", 1000)
    last = (await client.get("/public/v1/partners", params={"limit": 100})).json()["data"]["paging"]["next"]
    before = (await client.get(last)).json()["data"]["paging"]["cursors"]["before"]
    emulator.faults = Faults(1, [fault])
    assert await items(client, "/public/v1/partners", 1000) == whole
    assert (await client.get("/public/v1/partners", params={"before": before, "limit": 10})).status_code == 200
    assert not emulator.stats.faults


async def test_stale_subtrackers(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Lists say of no tracker that it has subtrackers, though they list them."""
    path = trackers_path(emulator)
    healthy = await items(client, path, 1000)
    emulator.faults = ["stale-has-subtrackers"]
    stale = await items(client, path, 1000)
    assert stale == [item | {"has_subtrackers": False} for item in healthy]
    assert stale != healthy
    assert emulator.stats.faults == {"stale-has-subtrackers": 1}
