"""The file in which processes of one machine meet."""

import asyncio
import contextlib
import sqlite3
import stat
from pathlib import Path
from uuid import uuid4

import pytest

from adjust_async import CoordinationError
from adjust_async.coordination import FileCoordinator, Host, JournalEntry, sqlite_file, sqlite_store
from adjust_async.coordination.conformance import permits_are_shared
from adjust_async.coordination.shared.store import Granted, StoreUnavailableError
from tests.coordination.puppet import URL, host_of

pytestmark = pytest.mark.anyio


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder."""
    return list(folder.iterdir())


async def test_a_locked_file_does_not_stop_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process has the file locked, SQLite never waits, and the permit is granted after that."""
    path, opened = tmp_path / "x.db", list[sqlite3.Connection]()

    def connect(path: Path) -> sqlite3.Connection:
        opened.append(sqlite_file.connect(path))
        return opened[-1]

    monkeypatch.setattr(sqlite_store, "connect", connect)
    member = FileCoordinator(path).join([host_of("account", 1)])
    async with member.permit("api"):
        pass
    assert [db.execute("PRAGMA busy_timeout").fetchone() for db in opened] == [(0,)] * 2
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(member.permit("api").__aenter__())
    await asyncio.sleep(0.3)
    assert not waiting.done()
    other.execute("ROLLBACK")
    other.close()
    async with asyncio.timeout(60):
        await waiting
    await member.aclose()


async def test_a_file_that_stays_locked_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was suspended in the middle of a step is reported, instead of being waited for endlessly."""
    monkeypatch.setattr(sqlite_store, "BUSY_FOR", 0.1)
    path = tmp_path / "x.db"
    member = FileCoordinator(path).join([host_of("account", 1)])
    async with member.permit("api"):
        pass
    await asyncio.sleep(0.1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CoordinationError, match=r"x.db was locked for 0.1 s: is one of its processes suspended\?"):
        async with member.permit("api"):
            pass
    other.close()
    await member.aclose()


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_a_file_that_is_not_a_database(tmp_path: Path, content: bytes) -> None:
    """A file with other contents is not touched."""
    path = tmp_path / "x.db"
    path.write_bytes(content)
    member = FileCoordinator(path).join([host_of("account", 1)])
    with pytest.raises(CoordinationError, match=r"x.db can't be used: .*Nothing was sent"):
        async with member.permit("api"):
            pass
    await member.aclose()
    assert path.read_bytes() == content


async def test_a_file_of_another_release(tmp_path: Path) -> None:
    """A file that another release has written in another format is not used."""
    path = tmp_path / "x.db"
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    member = FileCoordinator(path).join([host_of("account", 1)])
    with pytest.raises(CoordinationError, match="it has version 99, and this release of adjust_async has 1"):
        await member.holders()
    await member.aclose()


async def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    """Other users can't read who works on what; neither the token nor the account is in any of the files."""
    token = "t0ken-of-the-account"
    member = FileCoordinator(tmp_path / "x.db").join([Host("api", URL, Host.account_of(token, "4711"), 5, 10.0)])
    async with member.permit("api"), member.lock("app1") as lock:
        await member.journal("app1").write(JournalEntry(uuid4().hex, None, "Adroll"), lock)
        await member.pause("api", 0.01)
        files = files_in(tmp_path)
        assert len(files) == 3
        for file in files:
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            content = file.read_bytes()
            assert not any(secret in content for secret in (token.encode(), b"4711"))
    await member.aclose()
    assert [file.name for file in files_in(tmp_path)] == ["x.db"]


async def test_rows_of_an_earlier_start_of_the_machine(tmp_path: Path) -> None:
    """After a restart of the machine, whose clock starts again, nobody waits for processes that ended with it."""
    path = tmp_path / "x.db"
    coordinator, host = FileCoordinator(path), host_of("account", 1)
    member = coordinator.join([host])
    async with member.permit("api"), member.lock("app1"):
        other = sqlite3.connect(path, isolation_level=None)
        for table in ("members", "locks"):
            other.execute(f"UPDATE {table} SET member = 'dead', seen = seen + 1e9, expires = expires + 1e9")
        other.execute("INSERT INTO hosts VALUES(?, 5, 1e12, 1e12, 1)", (host.scope,))
        other.close()
        after = coordinator.join([host])
        async with asyncio.timeout(60), after.permit("api"), after.lock("app1") as lock:
            assert lock.fencing == 2
        await after.aclose()
    await member.aclose()


async def test_the_lowest_limit_counts(tmp_path: Path) -> None:
    """If members have different limits, all keep to the lowest of those present."""
    coordinator, account = FileCoordinator(tmp_path / "x.db"), uuid4().hex
    careful, bold = (coordinator.join([host_of(account, limit)]) for limit in (2, 50))
    async with careful.permit("api"), bold.permit("api"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), bold.permit("api"):
                pass
    await careful.aclose()
    async with bold.permit("api"), bold.permit("api"), bold.permit("api"):
        pass
    await bold.aclose()


async def test_the_log_of_the_file_is_tidied_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many permits are taken, the file and its log stay small."""
    monkeypatch.setattr(sqlite_store, "STEPS_PER_CHECKPOINT", 50)
    member = FileCoordinator(tmp_path / "x.db").join([host_of("account", 1)])
    for _ in range(3000):
        async with member.permit("api"):
            pass
    # Without checkpoints it would be 12 MB and more.
    assert sum(file.stat().st_size for file in files_in(tmp_path)) < 6_000_000
    await member.aclose()


async def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Members that are first at the same moment agree on one file."""
    coordinator = FileCoordinator(tmp_path / "x.db")
    members = [coordinator.join([host_of("account", 1)]) for _ in range(12)]
    assert await asyncio.gather(*(member.holders() for member in members)) == [[]] * 12
    await asyncio.gather(*(member.aclose() for member in members))
    await permits_are_shared(lambda: coordinator)


async def test_a_request_that_is_cancelled_while_the_file_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If both happen at the same moment, it counts as ended once, and the next request gets its permit."""
    member = FileCoordinator(tmp_path / "x.db").join([host_of("account", 1)])

    async def use() -> None:
        async with asyncio.timeout(60), member.permit("api"):
            pass

    async def fail(*_: object) -> Granted:
        cancelled.cancel()
        raise StoreUnavailableError("the file failed")

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_store.SqliteStore, "exchange", fail)
        failed, cancelled = asyncio.create_task(use()), asyncio.create_task(use())
        await asyncio.wait([failed, cancelled])
    assert isinstance(failed.exception(), CoordinationError)
    assert cancelled.cancelled()
    await use()
    assert member.permits_out == 0
    await member.aclose()


async def test_a_damaged_row(tmp_path: Path) -> None:
    """An error that no store documents reaches every request that waits for a permit, and all later ones."""
    path, host = tmp_path / "x.db", host_of("account", 2)
    member = FileCoordinator(path).join([host])
    async with member.permit("api"):
        pass
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        values = (host.scope, "damaged", "1 on here", "many", 0, 0.0, 0.0, 1e12, 2, None, None)
        other.execute(f"INSERT INTO members VALUES({','.join('?' * len(values))})", values)

    async def use() -> None:
        async with asyncio.timeout(60), member.permit("api"):
            pass

    for error in await asyncio.gather(use(), use(), return_exceptions=True):
        assert isinstance(error, CoordinationError)
        assert "TypeError" in str(error)
        assert "Nothing was sent" in str(error)
    with pytest.raises(CoordinationError):
        await use()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("DELETE FROM members WHERE member = 'damaged'")
    await use()
    assert member.permits_out == 0
    await member.aclose()


async def test_a_step_that_fails_unforeseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that no store documents reaches the create that waits for its entry, and the next create is written."""
    member = FileCoordinator(tmp_path / "x.db").join([host_of("account", 1)])
    async with member.lock("app1") as lock:
        journal = member.journal("app1")
        with monkeypatch.context() as patch:
            patch.setattr("adjust_async.coordination.sqlite_store.json.dumps", lambda _: 1 / 0)
            with pytest.raises(CoordinationError, match="ZeroDivisionError: division by zero"):
                async with asyncio.timeout(60):
                    await journal.write(JournalEntry(uuid4().hex, None, "Adroll"), lock)
        await journal.write(JournalEntry("open", None, "Adroll"), lock)
        assert [entry.id for entry in await journal.entries()] == ["open"]
    await member.aclose()
