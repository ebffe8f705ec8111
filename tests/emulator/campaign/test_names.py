from typing import Any

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.conftest import PassTime
from tests.emulator.requests import connect, items, trackers_path

pytestmark = pytest.mark.anyio

DECOMPOSED, COMPOSED = "Cafe\u0301", "Caf\u00e9"


async def create(client: httpx.AsyncClient, emulator: Emulator, name: str, **body: Any) -> httpx.Response:
    """Create a tracker in the first app."""
    return await client.post(trackers_path(emulator), json={"name": name, **body})


@pytest.mark.parametrize(
    ("form", "given", "kept"),
    [
        ("given", f" {DECOMPOSED} ", f" {DECOMPOSED} "),
        ("nfc", DECOMPOSED, COMPOSED),
        ("lower", "AppLovin", "applovin"),
        ("trimmed", "  AppLovin\t", "AppLovin"),
        (lambda name: name[:3], "AppLovin", "App"),
    ],
)
async def test_kept_names(form: Any, given: str, kept: str) -> None:
    """A new tracker is answered, listed and extended under the name that the service keeps, which is taken then."""
    async with Emulator(apps=1, trackers_per_app=0, names=form) as emulator, connect(emulator) as client:
        (made,) = (await create(client, emulator, given)).json()["data"]["items"]
        assert (made["name"], made["label"]) == (kept, kept)
        assert await items(client, trackers_path(emulator)) == [made]
        (child,) = (await create(client, emulator, given, parent_token=made["token"])).json()["data"]["items"]
        assert child["name"] == f"{kept}::{kept}"
        assert (await create(client, emulator, kept)).status_code == 400


async def test_a_name_that_is_kept_as_nothing() -> None:
    """A name that the service would store as nothing is refused like a blank one."""
    emulator = Emulator(apps=1, trackers_per_app=0, names=lambda name: name.strip("x"))
    async with emulator, connect(emulator) as client:
        assert (await create(client, emulator, "xx")).status_code == 400
        assert emulator.store.count_trackers() == 0


@pytest.mark.parametrize("taken", [400, 409, 422])
async def test_taken(taken: Any) -> None:
    """A name that is taken is refused with the status that was chosen, in the envelope."""
    async with Emulator(apps=1, trackers_per_app=0, taken=taken) as emulator, connect(emulator) as client:
        await create(client, emulator, "X")
        response = await create(client, emulator, "X")
        assert response.status_code == taken
        assert "has already been taken" in response.json()["error"]["message"]
        assert emulator.store.count_trackers() == 1


async def test_taken_is_answered_with_the_existing_tracker() -> None:
    """With taken=200 the second create answers with the tracker of the first."""
    async with Emulator(apps=1, trackers_per_app=0, taken=200) as emulator, connect(emulator) as client:
        first = (await create(client, emulator, "X")).json()["data"]["items"]
        assert (await create(client, emulator, "X")).json()["data"]["items"] == first
        assert emulator.store.count_trackers() == 1


async def test_lists_that_lag(pass_time: PassTime) -> None:
    """With a lag, lists are behind every create and every update, as if all of them were unlisted."""
    async with Emulator(apps=1, trackers_per_app=0, list_lag=60) as emulator, connect(emulator) as client:
        path = trackers_path(emulator)
        (made,) = (await create(client, emulator, "X")).json()["data"]["items"]
        assert await items(client, path) == []
        pass_time(60)
        assert await items(client, path) == [made]
        await client.patch(f"{path}/{made['token']}", json={"cost_data_enabled": True})
        assert await items(client, path) == [made]
        pass_time(60)
        assert await items(client, path) == [made | {"cost_data_enabled": True}]
        assert not emulator.stats.faults
