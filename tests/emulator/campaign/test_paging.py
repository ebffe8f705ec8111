import base64

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.requests import connect, items, pages, trackers_path

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("limit", [1, 7, 50, 119, 120, 121, 1000])
async def test_forwards(version: int, limit: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A walk finds every item once and in order, whatever the limit, and ends with null."""
    walked = [page async for page in pages(client, f"/public/v{version}/partners", limit)]
    ids = [item["id"] for page in walked for item in page["items"]]
    assert ids == [partner.id for partner in emulator.store.partners()]
    assert len(walked) == -(-120 // limit)
    assert all(len(page["items"]) == limit for page in walked[:-1])


@pytest.mark.parametrize("limit", [1, 7, 50, 60])
async def test_backwards(limit: int, client: httpx.AsyncClient) -> None:
    """The way back by `previous` shows the same pages in the opposite order, and ends with null."""
    forwards = [page async for page in pages(client, "/public/v1/partners", limit)]
    backwards = [forwards[-1]]
    while (previous := backwards[-1]["paging"]["previous"]) is not None:
        backwards.append((await client.get(previous)).json()["data"])
    assert [page["items"] for page in reversed(backwards)] == [page["items"] for page in forwards]
    assert backwards[-1]["paging"]["cursors"]["before"] is None


async def test_there_and_back(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """From a page reached backwards, `next` leads to the previous page."""
    first, second, third = [page async for page in pages(client, trackers_path(emulator), 40)][:3]
    back = (await client.get(third["paging"]["previous"])).json()["data"]
    assert back["items"] == second["items"]
    again = (await client.get(back["paging"]["next"])).json()["data"]
    assert again["items"] == third["items"]
    before = {"before": back["paging"]["cursors"]["before"], "limit": 3}
    assert (await client.get(trackers_path(emulator), params=before)).json()["data"]["items"] == first["items"][-3:]


async def test_default_page_size() -> None:
    """Without a limit a page has the emulator's page size, 50 by default."""
    for emulator, expected in (Emulator(), 50), (Emulator(page_size=8), 8):
        async with emulator, connect(emulator) as client:
            data = (await client.get(trackers_path(emulator))).json()["data"]
            assert len(data["items"]) == expected
            assert data["paging"]["page_size"] == str(expected)


async def test_limit_is_capped(client: httpx.AsyncClient) -> None:
    """A limit over 1000 becomes 1000, which page_size shows."""
    data = (await client.get("/public/v1/partners", params={"limit": 5000})).json()["data"]
    assert data["paging"]["page_size"] == "1000"
    assert len(data["items"]) == 120


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5", ""])
async def test_bad_limits(limit: str, client: httpx.AsyncClient) -> None:
    """A limit that is not a positive integer is refused."""
    response = await client.get("/public/v1/partners", params={"limit": limit})
    assert response.status_code == 400
    assert "limit" in response.json()["error"]["message"]


@pytest.mark.parametrize("version", [1, 2])
async def test_creates_during_a_walk(version: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Trackers created during a walk appear at its end. None is skipped or repeated."""
    path = trackers_path(emulator, version=version)
    before = [item["token"] for item in await items(client, path, 1000)]
    tokens: list[str] = []
    created: list[str] = []
    async for page in pages(client, path, 9):
        tokens += [item["token"] for item in page["items"]]
        if len(created) < 5:
            response = await client.post(path, json={"name": f"Walk {len(created)}"})
            created.append(response.json()["data"]["items"][0]["token"])
    assert tokens == before + created


async def test_cursors_are_opaque_and_steady(client: httpx.AsyncClient) -> None:
    """The cursor of a position is always the same text, so that a repeated one is recognised, and works."""
    cursors = [
        (await client.get("/public/v2/partners", params={"limit": 3})).json()["data"]["paging"]["cursor"]
        for _ in range(2)
    ]
    assert cursors[0] == cursors[1]
    answers = [(await client.get("/public/v2/partners", params={"cursor": cursor})).json() for cursor in cursors]
    assert answers[0]["data"]["items"] == answers[1]["data"]["items"]


async def test_made_up_cursors(client: httpx.AsyncClient) -> None:
    """A cursor that the emulator did not make is refused, however similar it is."""
    cursor = (await client.get("/public/v2/partners")).json()["data"]["paging"]["cursor"]
    sealed = bytearray(base64.urlsafe_b64decode(cursor))
    sealed[11] ^= 1
    forged = base64.urlsafe_b64encode(sealed).decode()
    for value in "", "x", "ключ", cursor[:-4], cursor + "AAAA", forged, "%00", "!" * 28:
        response = await client.get("/public/v2/partners", params={"cursor": value})
        assert response.status_code == 400, value
        assert "cursor" in response.json()["error"]["message"]


async def test_cursors_of_other_collections(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A cursor is good for its own collection only."""
    paths = [trackers_path(emulator), trackers_path(emulator, app=1), "/public/v1/partners"]
    crowded = next(tracker for tracker in emulator.store.trackers() if tracker.has_subtrackers)
    paths.append(f"{trackers_path(emulator)}/{crowded.token}/children")
    after = (await client.get(paths[0])).json()["data"]["paging"]["cursors"]["after"]
    answers = [await client.get(path, params={"after": after}) for path in paths]
    assert [answer.status_code for answer in answers] == [200, 400, 400, 400]


async def test_after_with_before(client: httpx.AsyncClient) -> None:
    """Asking for both directions at once is refused."""
    cursors = (await client.get("/public/v1/partners")).json()["data"]["paging"]["cursors"]
    response = await client.get("/public/v1/partners", params={"after": cursors["after"], "before": cursors["after"]})
    assert response.status_code == 400


async def test_urls_name_the_host_that_was_asked() -> None:
    """The next URL is at the host of the request, and never repeats a token from the query."""
    async with Emulator(hosts=["adjust.test"], trackers_per_app=0) as emulator, connect(emulator) as client:
        response = await client.get(
            "/public/v1/partners", params={"user_token": emulator.token}, headers={"Host": "adjust.test:81"}
        )
        following = response.json()["data"]["paging"]["next"]
        assert following.startswith("http://adjust.test:81/public/v1/partners?after=")
        assert emulator.token not in following
