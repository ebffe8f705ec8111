import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from adjust_async.emulator import Emulator, Faults
from tests.conftest import PassTime
from tests.emulator.requests import connect, eventually, items, trackers_path

pytestmark = pytest.mark.anyio

DROPPED = (httpx.NetworkError, httpx.RemoteProtocolError)


def tokens_of(emulator: Emulator, name: str) -> list[str]:
    """Get the tokens of all trackers of that name in the first app, listed or not."""
    return emulator.store.tokens_by_name(emulator.app_tokens[0]).get(name, [])


async def listed(emulator: Emulator, client: httpx.AsyncClient) -> set[str]:
    """List the names of the first app's networks."""
    return {item["name"] for item in await items(client, trackers_path(emulator), 1000)}


async def create(client: httpx.AsyncClient, path: str, name: str, **body: Any) -> dict[str, Any]:
    """Create a tracker and get the answer's item."""
    response = await client.post(path, json={"name": name, **body})
    assert response.status_code == 200, response.text
    (item,) = response.json()["data"]["items"]
    return dict(item)


@pytest.mark.parametrize("version", [1, 2])
async def test_500_after(version: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The tracker is created and listed, and the answer is 500 in the envelope on a connection that stays."""
    emulator.faults = ["500-after"]
    path = trackers_path(emulator, version=version)
    response = await client.post(path, json={"name": "X"})
    assert response.status_code == 500
    assert response.json()["error"]["api_version"] == str(version)
    assert "X" in await listed(emulator, client)
    assert emulator.stats.faults == {"500-after": 1}
    assert emulator.stats.connections_opened == 1


async def test_drop_late(emulator: Emulator, client: httpx.AsyncClient, pass_time: PassTime) -> None:
    """The connection closes at once, a list right after does not show the tracker, and a later one does."""
    emulator.faults = Faults.script(["drop-late"], late=60)
    with pytest.raises(DROPPED):
        await client.post(trackers_path(emulator), json={"name": "X"})
    assert "X" not in await listed(emulator, client)
    assert not tokens_of(emulator, "X")
    assert emulator.stats.in_flight == 0
    pass_time(60)
    await eventually(lambda: len(tokens_of(emulator, "X")) == 1)
    assert "X" in await listed(emulator, client)
    assert emulator.stats.faults == {"drop-late": 1}


async def test_drop_late_update(emulator: Emulator, client: httpx.AsyncClient, pass_time: PassTime) -> None:
    """An update takes effect late, like a create, with the content of its body."""
    tracker = emulator.store.trackers()[0]
    emulator.faults = Faults.script(["drop-late"], late=60)
    with pytest.raises(DROPPED):
        await client.patch(f"{trackers_path(emulator)}/{tracker.token}", json={"partner_id": 174})
    assert emulator.store.trackers()[0] == tracker
    pass_time(60)
    await eventually(lambda: emulator.store.trackers()[0] == tracker._replace(partner_id=174))


@pytest.mark.parametrize(("duplicate_names", "trackers"), [("allow", 2), ("refuse", 1)])
async def test_repeating_a_late_create(duplicate_names: Any, trackers: int, pass_time: PassTime) -> None:
    """A client that repeats a create at once has two trackers, if duplicates are allowed."""
    faults = Faults.script(["drop-late"], late=60)
    async with Emulator(trackers_per_app=0, faults=faults, duplicate_names=duplicate_names) as emulator:
        async with connect(emulator) as client:
            with pytest.raises(DROPPED):
                await client.post(trackers_path(emulator), json={"name": "X"})
            await create(client, trackers_path(emulator), "X")
            pass_time(60)
            await eventually(lambda: len(tokens_of(emulator, "X")) == trackers)
            await asyncio.sleep(0.1)
        assert len(tokens_of(emulator, "X")) == trackers


async def test_late_work_at_the_end(tmp_path: Path) -> None:
    """Exiting the emulator finishes pending work at once, and leaves no task behind."""
    tasks = asyncio.all_tasks()
    emulator = Emulator(database=tmp_path / "adjust.db", trackers_per_app=0)
    async with asyncio.timeout(60), emulator:
        emulator.faults = Faults(1, ["drop-late"], late=3600)
        async with connect(emulator) as client:
            path = trackers_path(emulator)
            sent = [client.post(path, json={"name": f"X{number}"}) for number in range(20)]
            outcomes = await asyncio.gather(*sent, return_exceptions=True)
        assert all(isinstance(outcome, DROPPED) for outcome in outcomes)
        assert emulator.store.count_trackers() == 0
    assert asyncio.all_tasks() == tasks
    async with emulator:
        assert emulator.store.count_trackers() == 20


async def test_drop_late_without_a_body(emulator: Emulator) -> None:
    """Nothing is done for a client that disconnects before it has sent its complete body."""
    emulator.faults = Faults.script(["drop-late"], late=0)
    _, writer = await asyncio.open_connection("127.0.0.1", int(emulator.url.rpartition(":")[2]))
    head = f"POST {trackers_path(emulator)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {emulator.token}\r\n"
    writer.write(f'{head}Content-Length: 100\r\n\r\n{{"name": "X"}}'.encode())
    await eventually(lambda: emulator.stats.in_flight == 1)
    writer.close()
    await writer.wait_closed()
    await eventually(lambda: emulator.stats.in_flight == 0)
    await asyncio.sleep(0.02)
    assert emulator.store.count_trackers() == 2000


async def test_unlisted_create(emulator: Emulator, client: httpx.AsyncClient, pass_time: PassTime) -> None:
    """An unlisted tracker is answered normally and missing in lists and totals, until it appears at its position."""
    path = trackers_path(emulator)
    before = await items(client, path, 1000)
    emulator.faults = Faults.script(["unlisted"], late=60)
    hidden = await create(client, path, "Hidden")
    shown = await create(client, path, "Shown")
    assert await items(client, path, 1000) == [*before, shown]
    assert (await client.get(path)).json()["data"]["paging"]["total"] == str(len(before) + 1)
    assert tokens_of(emulator, "Hidden") == [hidden["token"]]
    pass_time(60)
    assert await items(client, path, 1000) == [*before, hidden, shown]
    assert (await client.get(path)).json()["data"]["paging"]["total"] == str(len(before) + 2)
    assert emulator.stats.faults == {"unlisted": 1}


async def test_unlisted_parent(emulator: Emulator, client: httpx.AsyncClient, pass_time: PassTime) -> None:
    """An unlisted tracker can be a parent at once, of listed and unlisted children."""
    path = trackers_path(emulator)
    emulator.faults = Faults.script(["unlisted", "unlisted", "unlisted"], late=60)
    parent = await create(client, path, "Parent")
    children = [await create(client, path, f"Child {number}", parent_token=parent["token"]) for number in range(3)]
    assert [child["name"] for child in children] == [f"Parent::Child {number}" for number in range(3)]
    page = (await client.get(f"{path}/{parent['token']}/children")).json()["data"]
    assert (page["items"], page["paging"]["total"]) == (children[2:], "1")
    pass_time(60)
    assert await items(client, f"{path}/{parent['token']}/children") == children


async def test_the_parent_of_an_unlisted_tracker(
    emulator: Emulator, client: httpx.AsyncClient, pass_time: PassTime
) -> None:
    """Lists show a parent as without subtrackers, as long as they do not show its only one."""
    path = trackers_path(emulator)
    parent = await create(client, path, "Parent")
    emulator.faults = Faults.script(["unlisted"], late=60)
    await create(client, path, "Only child", parent_token=parent["token"])
    assert (await items(client, path, 1000))[-1] == parent
    pass_time(60)
    assert (await items(client, path, 1000))[-1] == parent | {"has_subtrackers": True}


async def test_unlisted_update(emulator: Emulator, client: httpx.AsyncClient, pass_time: PassTime) -> None:
    """After an unlisted update, lists show the tracker's old values for a while."""
    path = trackers_path(emulator)
    tracker = await create(client, path, "X")
    emulator.faults = Faults.script(["unlisted"] * 2, late=60, match="PATCH")
    for partner_id in 174, None:
        body = {"partner_id": partner_id, "cost_data_enabled": True}
        (updated,) = (await client.patch(f"{path}/{tracker['token']}", json=body)).json()["data"]["items"]
        assert (updated["partner_id"], updated["cost_data_enabled"]) == (partner_id, True)
        assert (await items(client, path, 1000))[-1] == tracker
        pass_time(60)
        assert (await items(client, path, 1000))[-1] == updated
        tracker = updated
    assert emulator.stats.faults == {"unlisted": 2}


async def test_unlisted_without_a_write(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If nothing is written, an unlisted fault does nothing and is not counted."""
    path = trackers_path(emulator)
    emulator.faults = ["unlisted"] * 4
    assert (await client.get(path)).status_code == 200
    assert (await client.post(path, json={"name": ""})).status_code == 400
    assert (await client.patch(f"{path}/{emulator.store.trackers()[0].token}", json={})).status_code == 200
    assert (await client.post("/nowhere", json={})).status_code == 404
    assert not emulator.stats.faults


@pytest.mark.parametrize(("duplicate_names", "status"), [("refuse", 400), ("allow", 200)])
async def test_duplicates_of_an_unlisted_tracker(duplicate_names: Any, status: int) -> None:
    """An unlisted name is taken too, and is created twice if duplicates are allowed."""
    faults = Faults.script(["unlisted", "unlisted"], late=600)
    async with Emulator(trackers_per_app=3, faults=faults, duplicate_names=duplicate_names) as emulator:
        async with connect(emulator) as client:
            path = trackers_path(emulator)
            await create(client, path, "X")
            assert (await client.post(path, json={"name": "X"})).status_code == status
            assert "X" not in await listed(emulator, client)
        assert len(tokens_of(emulator, "X")) == 1 + (status == 200)


async def test_storm(emulator: Emulator, client: httpx.AsyncClient, pass_time: PassTime) -> None:
    """A storm answers 429 to all requests for a while, does nothing, and counts each; then all is well."""
    emulator.faults = Faults.script([None, "429-storm"], storm=60)
    path = trackers_path(emulator)
    assert (await client.get(path)).status_code == 200
    sent = [client.post(path, json={"name": f"X{number}"}) for number in range(10)]
    answers = await asyncio.gather(*sent, client.get(path))
    assert [answer.status_code for answer in answers] == [429] * 11
    assert emulator.stats.faults == {"429-storm": 11}
    assert emulator.store.count_trackers() == 2000
    pass_time(60)
    assert (await client.post(path, json={"name": "X"})).status_code == 200


@pytest.mark.parametrize("duplicate_names", ["allow", "refuse"])
async def test_careless_clients_make_duplicates(duplicate_names: Any) -> None:
    """A client that repeats each create until it is answered makes duplicates, unless they are refused."""
    faults = Faults.of_writes(0.5, seed=3, retry_after=0, drip=0.01, late=0.01, storm=0.01)
    emulator = Emulator(apps=1, trackers_per_app=0, faults=faults, duplicate_names=duplicate_names)
    async with emulator, connect(emulator) as client:
        path = trackers_path(emulator)

        async def insist(name: str) -> None:
            while True:
                try:
                    response = await client.post(path, json={"name": name})
                    if response.json() and response.status_code in {200, 400}:
                        return
                except (httpx.TransportError, ValueError):
                    pass

        await asyncio.gather(*(insist(f"Network {number}") for number in range(120)))
        await asyncio.sleep(0.05)
        tokens = emulator.store.tokens_by_name(emulator.app_tokens[0])
        assert len(tokens) == 120
        assert (emulator.store.count_trackers() > 120) == (duplicate_names == "allow")
        assert sum(map(len, tokens.values())) == emulator.store.count_trackers()
        assert {"500-after", "drop-late", "unlisted", "429-storm"} <= set(emulator.stats.faults)
