import asyncio
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from adjust_async.emulator import Emulator
from adjust_async.emulator.account.account import Account, TrackerSeed
from tests.emulator.requests import SERVE, connect, items, trackers_path

pytestmark = pytest.mark.anyio


async def test_restart(tmp_path: Path) -> None:
    """A file keeps the account over a restart, tokens, trackers and cursors, whatever the options say then."""
    database = tmp_path / "adjust.db"
    async with Emulator(database=database, seed=4, trackers_per_app=60) as emulator, connect(emulator) as client:
        await client.post(trackers_path(emulator), json={"name": "Kept"})
        await client.patch(f"{trackers_path(emulator)}/{emulator.store.trackers()[0].token}", json={"partner_id": 33})
        cursor = (await client.get("/public/v2/partners")).json()["data"]["paging"]["cursor"]
        before = (emulator.token, emulator.app_tokens, emulator.store.trackers(), emulator.store.partners())
    async with Emulator(database=str(database), seed=5, apps=1) as emulator, connect(emulator) as client:
        assert (emulator.token, emulator.app_tokens, emulator.store.trackers(), emulator.store.partners()) == before
        assert (await client.get("/public/v2/partners", params={"cursor": cursor})).status_code == 200
        created = await client.post(trackers_path(emulator), json={"name": "New"})
        token = created.json()["data"]["items"][0]["token"]
        assert token not in {tracker.token for tracker in before[2]}


async def test_token_of_a_file(tmp_path: Path) -> None:
    """A configured token replaces the file's, and is stored."""
    database = tmp_path / "adjust.db"
    for token, expected in ("first", "first"), (None, "first"), ("second", "second"), (None, "second"):
        emulator = Emulator(database=database, trackers_per_app=0, token=token)
        async with emulator, connect(emulator) as client:
            assert emulator.token == expected
            assert (await client.get("/public/v1/partners")).status_code == 200


async def test_kill(tmp_path: Path) -> None:
    """Answered writes exist after a SIGKILL and a restart."""
    database = tmp_path / "adjust.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, str(database), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url, token, app_token = (await process.stdout.readline()).decode().split()
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, verify=False, trust_env=False) as client:
        created = []
        for number in range(20):
            response = await client.post(f"/public/v1/apps/{app_token}/trackers", json={"name": f"Network {number}"})
            created.append(response.json()["data"]["items"][0])
        process.send_signal(signal.SIGKILL)
        await process.communicate()
    async with Emulator(database=database) as emulator, connect(emulator) as client:
        assert (emulator.token, emulator.app_tokens[0]) == (token, app_token)
        assert (await items(client, trackers_path(emulator), 1000))[-20:] == created
        assert emulator.store.count_trackers(app_token) == 60


async def test_a_start_that_fails_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has the whole account or nothing: after a failure in the middle the next start creates it again."""
    database = tmp_path / "adjust.db"

    def fail(account: Account) -> Iterator[list[TrackerSeed]]:
        yield next(whole(account))
        raise RuntimeError("half-way")

    whole = Account.trackers
    with monkeypatch.context() as patch:
        patch.setattr(Account, "trackers", fail)
        with pytest.raises(RuntimeError, match="half-way"):
            await Emulator(database=database).__aenter__()
    async with Emulator(database=database, apps=2) as emulator:
        assert emulator.store.count_trackers() == 800


async def test_somebody_elses_database(tmp_path: Path) -> None:
    """A SQLite file of another application is refused and left unchanged."""
    database = tmp_path / "other.db"
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE notes (text)")
    connection.close()
    content = database.read_bytes()
    with pytest.raises(ValueError, match=r"other\.db is a SQLite database of something else"):
        await Emulator(database=database).__aenter__()
    assert database.read_bytes() == content


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A file that can't be created is SQLite's error."""
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await Emulator(database=tmp_path / "nowhere" / "adjust.db").__aenter__()
