import asyncio
import contextlib
import sqlite3
import sys
from pathlib import Path

import httpx
import pytest

from adjust_async.emulator import Emulator, Faults, Store
from tests.conftest import PassTime
from tests.emulator.requests import SERVE, connect, eventually, items, trackers_path

pytestmark = pytest.mark.anyio

PARTNERS = "/public/v1/partners"


@pytest.fixture(params=[":memory:", "file"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Both kinds of database."""
    return str(tmp_path / "adjust.db") if request.param == "file" else ":memory:"


async def test_a_restart_keeps_the_account(database: str) -> None:
    """After a restart the URL, the token, the account, cursors, faults and statistics are those of before."""
    async with Emulator(database=database, trackers_per_app=60, token="mine") as emulator, connect(emulator) as client:
        created = (await client.post(trackers_path(emulator), json={"name": "Kept"})).json()["data"]["items"]
        after = (await client.get(PARTNERS)).json()["data"]["paging"]["cursors"]["after"]
        emulator.faults = Faults.script(["503", "500"], match="partners")
        assert (await client.get(PARTNERS)).status_code == 503
        store, stats, faults = emulator.store, emulator.stats, emulator.faults
        before = (emulator.url, emulator.token, emulator.app_tokens, store.trackers(), store.partners())
        await emulator.restart(pause=0)
        assert (emulator.url, emulator.token, emulator.app_tokens, store.trackers(), store.partners()) == before
        assert (emulator.store, emulator.stats, emulator.faults) == (store, stats, faults)
        assert (await client.get(PARTNERS)).status_code == 500
        assert (await client.get(PARTNERS, params={"after": after})).status_code == 200
        assert (await items(client, trackers_path(emulator)))[-1:] == created
        await client.post(trackers_path(emulator), json={"name": "New"})
        assert emulator.store.count_trackers(emulator.app_tokens[0]) == 62
        assert emulator.stats.faults == {"503": 1, "500": 1}


@pytest.mark.parametrize("cause", ["latency", "hang", "drip", "idle"])
async def test_connections_are_cut(cause: str) -> None:
    """Whatever a connection is at, it is aborted, and nothing counts as open or in flight any more."""
    async with asyncio.timeout(60), Emulator(trackers_per_app=0) as emulator, connect(emulator) as client:
        client.timeout = httpx.Timeout(3600)
        emulator.latency = 3600 if cause == "latency" else 0
        emulator.faults = Faults(1, [cause], drip=3600) if cause in {"hang", "drip"} else None
        requests = [asyncio.create_task(client.get(PARTNERS)) for _ in range(10)]
        if cause == "idle":
            await asyncio.gather(*requests)
        else:
            await eventually(lambda: emulator.stats.in_flight == 10)
        await emulator.restart(pause=0)
        assert (emulator.stats.in_flight, emulator.stats.connections_open) == (0, 0)
        outcomes = await asyncio.gather(*requests, return_exceptions=True)
        assert [isinstance(outcome, httpx.TransportError) for outcome in outcomes] == [cause != "idle"] * 10
        emulator.faults, emulator.latency = None, 0
        assert (await client.get(PARTNERS)).status_code == 200
        assert (emulator.stats.in_flight, emulator.stats.connections_open) == (0, 1)


async def test_refused_meanwhile(emulator: Emulator, client: httpx.AsyncClient, pass_time: PassTime) -> None:
    """While it is down, connections are refused at once; it is back after the pause, and not before."""
    restart = asyncio.create_task(emulator.restart(pause=600))
    await asyncio.sleep(0.05)
    for seconds in (599, 1):
        with pytest.raises(httpx.ConnectError):
            await client.get(PARTNERS)
        assert emulator.url.endswith(str(client.base_url.port))
        pass_time(seconds)
    await restart
    assert (await client.get(PARTNERS)).status_code == 200


@pytest.mark.slow
async def test_creates_under_restarts(database: str) -> None:
    """After restarts in the middle, answered writes exist, and nothing that was sent once exists twice."""
    async with Emulator(database=database, apps=1, trackers_per_app=0, duplicate_names="allow") as emulator:
        async with connect(emulator) as client:
            path, answered = trackers_path(emulator), set()
            emulator.latency = 0.01

            async def create(numbers: range) -> None:
                for number in numbers:
                    with contextlib.suppress(httpx.TransportError):
                        answer = await client.post(path, json={"name": f"Network {number}"})
                        answered.add(answer.json()["data"]["items"][0]["token"])

            creating = asyncio.gather(*(create(range(start, start + 20)) for start in range(0, 400, 20)))
            for _ in range(3):
                await asyncio.sleep(0.05)
                await emulator.restart(pause=0.02)
            await creating
        tokens = emulator.store.tokens_by_name(emulator.app_tokens[0])
        assert all(len(twins) == 1 for twins in tokens.values())
        assert answered <= {token for twins in tokens.values() for token in twins}
        assert 0 < len(answered) < 400
        await eventually(lambda: emulator.stats.connections_open == 0)
        assert emulator.stats.in_flight == 0


async def test_late_work_is_lost(database: str, pass_time: PassTime) -> None:
    """Pending work for dropped clients is lost with the process."""
    faults = Faults.script(["drop-late"], late=60)
    async with Emulator(database=database, trackers_per_app=0, faults=faults) as emulator, connect(emulator) as client:
        with pytest.raises(httpx.TransportError):
            await client.post(trackers_path(emulator), json={"name": "X"})
        await emulator.restart(pause=0)
        pass_time(60)
        await asyncio.sleep(0.1)
        assert emulator.store.count_trackers() == 0
        assert (await client.post(trackers_path(emulator), json={"name": "X"})).status_code == 200


async def test_lists_have_caught_up(database: str) -> None:
    """Writes that no list showed before a restart are listed after it."""
    faults = Faults.script(["unlisted"], late=600)
    async with Emulator(database=database, trackers_per_app=0, faults=faults) as emulator, connect(emulator) as client:
        path = trackers_path(emulator)
        created = (await client.post(path, json={"name": "X"})).json()["data"]["items"]
        assert await items(client, path) == []
        await emulator.restart(pause=0)
        assert await items(client, path) == created


async def test_leaving_while_it_is_down() -> None:
    """It can be left in the middle of a restart, which then ends without bringing it back."""
    tasks = asyncio.all_tasks()
    async with Emulator(trackers_per_app=0) as emulator:
        port = int(emulator.url.rpartition(":")[2])
        restart = asyncio.create_task(emulator.restart(pause=0.05))
        await asyncio.sleep(0.02)
    await restart
    assert asyncio.all_tasks() == tasks
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)
    async with Emulator(port=port, trackers_per_app=0) as emulator, connect(emulator) as client:
        assert (await client.get(PARTNERS)).status_code == 200


@pytest.mark.parametrize("rounds", [0, 1, 5, 50])
async def test_a_cancelled_restart(rounds: int) -> None:
    """A restart that is cancelled at any moment leaves an emulator that can be restarted or left."""
    tasks = asyncio.all_tasks()
    async with Emulator(trackers_per_app=0) as emulator, connect(emulator) as client:
        restart = asyncio.create_task(emulator.restart(pause=60))
        for _ in range(rounds):
            await asyncio.sleep(0)
        restart.cancel()
        with pytest.raises(asyncio.CancelledError):
            await restart
        await emulator.restart(pause=0)
        assert (await client.get(PARTNERS)).status_code == 200
    assert asyncio.all_tasks() == tasks


async def test_restarts_at_once(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Restarts at once are as one, and it can be restarted again and again."""
    await asyncio.gather(emulator.restart(pause=0.02), emulator.restart(pause=0.05), emulator.restart(pause=0))
    await eventually(lambda: emulator.stats.connections_open == 0)
    for _ in range(2):
        await emulator.restart(pause=0)
        assert (await client.get(PARTNERS)).status_code == 200


async def test_restart_of_a_stopped_emulator(emulator: Emulator) -> None:
    """Only a running emulator can be restarted, and a pause is not negative."""
    with pytest.raises(RuntimeError, match="not running"):
        await Emulator().restart()
    with pytest.raises(ValueError, match="pause"):
        await emulator.restart(pause=-1)


async def test_counting_in_a_file(tmp_path: Path) -> None:
    """The file of an emulator in another process can be read while that runs, after it was killed, and forever."""
    database = tmp_path / "adjust.db"
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        Store(database, read_only=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, str(database), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url, token, app_token = (await process.stdout.readline()).decode().split()
    path, headers = f"/public/v1/apps/{app_token}/trackers", {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, verify=False, trust_env=False) as client:
        response = await client.post(path, json={"name": "X"})
        (created,) = response.json()["data"]["items"]
        for moment in "running", "killed", "killed again":
            with contextlib.closing(Store(database, read_only=True)) as store:
                assert store.tokens_by_name(app_token)["X"] == [created["token"]], moment
                assert store.count_trackers(app_token) == 41
                with pytest.raises(sqlite3.OperationalError, match="readonly"):
                    store.save_setting("token", "other")
            if moment == "running":
                process.kill()
                await process.communicate()
    async with Emulator(database=database):
        pass
    with contextlib.closing(Store(database, read_only=True)) as store:
        assert store.setting("token") == token
