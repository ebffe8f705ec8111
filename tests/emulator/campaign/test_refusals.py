from typing import Any

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.requests import assert_refused, trackers_path

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("version", [1, 2])
async def test_unknown_app(version: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """An app that the account does not have is 404 for every method."""
    path = f"/public/v{version}/apps/nosuchapp000/trackers"
    token = emulator.store.trackers()[0].token
    for response in (
        await client.get(path),
        await client.get(f"{path}/{token}/children"),
        await client.post(path, json={"name": "X"}),
        await client.patch(f"{path}/{token}", json={}),
    ):
        assert_refused(response, 404, "App not found", version)


async def test_unknown_tracker(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A tracker that does not exist, or belongs to another app, is 404."""
    path = trackers_path(emulator)
    foreign = emulator.store.trackers(emulator.app_tokens[1])[0].token
    for token in "nosuch", foreign:
        assert_refused(await client.get(f"{path}/{token}/children"), 404, "Tracker not found")
        assert_refused(await client.patch(f"{path}/{token}", json={}), 404, "Tracker not found")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "name can't be blank"),
        ({"name": ""}, "name can't be blank"),
        ({"name": "  "}, "name can't be blank"),
        ({"name": None}, "name can't be blank"),
        ({"name": 5}, "name must be a string"),
        ({"name": ["X"]}, "name must be a string"),
        ({"name": "A::B"}, "name can't contain ::"),
        ({"name": "X", "parent_token": "nosuch"}, "Parent tracker nosuch does not exist"),
        ({"name": "X", "parent_token": 7}, "parent_token must be a string"),
        ({"name": "X", "parent_token": ""}, "parent_token can't be blank"),
        ({"name": "X", "parent_tracker": "No Such Network"}, "Parent tracker No Such Network does not exist"),
    ],
)
async def test_bad_creates(body: Any, text: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A wrong create is 400 with a message that names the mistake, and nothing is created."""
    assert_refused(await client.post(trackers_path(emulator), json=body), 400, text)
    assert emulator.store.count_trackers() == 2000


async def test_parents_of_other_apps(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A parent has to be a tracker of the same app."""
    foreign = emulator.store.trackers(emulator.app_tokens[1])[0].token
    body = {"name": "X", "parent_token": foreign}
    assert_refused(await client.post(trackers_path(emulator), json=body), 400, foreign)


async def test_a_fifth_level(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Below a creative there is nothing."""
    creative = next(tracker for tracker in emulator.store.trackers() if tracker.level == 4)
    body = {"name": "X", "parent_token": creative.token}
    assert_refused(await client.post(trackers_path(emulator), json=body), 400, "level 4")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"partner_id": 999_999}, "Partner 999999 does not exist"),
        ({"partner_id": 10**30}, "partner_id must be an integer"),
        ({"partner_id": "many"}, "partner_id must be an integer"),
        ({"partner_id": True}, "partner_id must be an integer"),
        ({"partner_id": 174.0}, "partner_id must be an integer"),
        ({"partner_id": [174]}, "partner_id must be an integer"),
        ({"cost_data_enabled": "maybe"}, "cost_data_enabled must be true or false"),
        ({"cost_data_enabled": 1}, "cost_data_enabled must be true or false"),
        ({"cost_data_enabled": None}, "cost_data_enabled must be true or false"),
    ],
)
async def test_bad_updates(body: Any, text: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A wrong update is 400 with a message that names the mistake, and nothing changes."""
    before = emulator.store.trackers()
    path = f"{trackers_path(emulator)}/{before[0].token}"
    assert_refused(await client.patch(path, json=body | {"name": "ignored"}), 400, text)
    assert emulator.store.trackers() == before


@pytest.mark.parametrize("content", [b'{"name": "X"', b"name", b"\xff\xfe", b'{"name": "\xff"}'])
async def test_malformed_json(content: bytes, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A body that is not JSON is refused."""
    assert_refused(await client.post(trackers_path(emulator), content=content), 400, "JSON in the request body")


@pytest.mark.parametrize("content", [b"[]", b'"X"', b"5", b"null", b"true"])
async def test_json_that_is_not_an_object(content: bytes, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A JSON document that is not an object is refused."""
    assert_refused(await client.post(trackers_path(emulator), content=content), 400, "must be a JSON object")


async def test_malformed_form(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A form that is not UTF-8 is refused."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await client.post(trackers_path(emulator), content=b"name=\xff", headers=headers)
    assert_refused(response, 400, "form in the request body")


@pytest.mark.parametrize("version", [1, 2])
async def test_wrong_method(version: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A method that a path does not have is 405 in the envelope, with Allow."""
    response = await client.delete(trackers_path(emulator, version=version))
    assert_refused(response, 405, "Method not allowed", version)
    assert response.headers["allow"] == "GET, HEAD, POST"
    assert_refused(await client.post(f"/public/v{version}/partners"), 405, "Method not allowed", version)


@pytest.mark.parametrize("path", ["/", "/public/v1", "/public/v1/apps", "/public/v3/partners", "/public/v1/partners/"])
async def test_unknown_path(path: str, client: httpx.AsyncClient) -> None:
    """A path that no API has is 404 in the envelope."""
    assert_refused(await client.get(path), 404, "Not found")
