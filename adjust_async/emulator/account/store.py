"""The state of the emulated account, in SQLite."""

import contextlib
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from adjust_async.emulator.account import links
from adjust_async.emulator.account.account import AppRow
from adjust_async.emulator.account.catalog import Partner
from adjust_async.emulator.account.schema import APPLICATION_ID, DELAY, INSERT_TRACKER, LISTED
from adjust_async.emulator.account.tokens import TrackerTokens

IN_MEMORY = ":memory:"

_SELECT_TRACKER = """
    SELECT id, token, name, level, archived, partner_id, cost_data_enabled, links, subtrackers FROM
"""
_SELECT_PARTNER = "SELECT id, display_name, supports_cost_data FROM partners "


class TrackerRow(NamedTuple):
    """A tracker as the routes use it; `links` are the bits of `links.py`, and `subtrackers` is their number."""

    id: int
    token: str
    name: str
    level: int
    archived: int
    partner_id: int | None
    cost_data_enabled: int
    links: int
    subtrackers: int


class Tracker(NamedTuple):
    """A tracker, for tests; `name` is the full path, joined by `::`."""

    app_token: str
    parent_token: str | None
    token: str
    name: str
    level: int
    archived: bool
    has_subtrackers: bool
    partner_id: int | None
    cost_data_enabled: bool


class Store:
    """Reads and writes the account. Every write is committed when its method returns. Any thread may use it.

    A file is opened in WAL mode with `synchronous=NORMAL`, so committed writes survive a killed process. `read_only`
    opens it for inspection, even while another process runs an emulator on it:

    ```python
    with contextlib.closing(Store("account.sqlite", read_only=True)) as store:
        twins = {name: tokens for name, tokens in store.tokens_by_name(app_token).items() if len(tokens) > 1}
    ```

    Raises `ValueError` for a SQLite database that is not an emulator's, and `sqlite3.Error` for a file that can't be
    opened or, with `read_only`, does not exist.
    """

    def __init__(self, database: str | Path = IN_MEMORY, *, read_only: bool = False) -> None:
        self._database = database
        self._read_only = read_only
        self.lock = threading.RLock()
        """Hold it to read and then write without changes in between."""
        self._tokens: TrackerTokens | None = None
        self._partner_count: int | None = None
        self._lag_end = -math.inf
        self._connect()

    def reopen(self) -> None:
        """Connect again, as another process would: to the file, or to a copy of the database in memory.

        Everything that belonged to the connection is lost, including the lag of lists.
        """
        self._tokens, self._partner_count, self._lag_end = None, None, -math.inf
        with contextlib.closing(self._connection) as old:
            self._connect()
            if self.in_memory:
                old.backup(self._connection)

    @property
    def in_memory(self) -> bool:
        """Whether it is gone when it is closed."""
        return str(self._database) == IN_MEMORY

    @property
    def is_new(self) -> bool:
        """Whether the database is empty."""
        return self._one("SELECT 1 FROM sqlite_schema LIMIT 1", ()) is None

    @property
    def is_seeded(self) -> bool:
        """Whether the database holds an account."""
        return not self.is_new and self._one("SELECT 1 FROM settings WHERE key = 'seed'", ()) is not None

    def image(self) -> bytes:
        """Return all that is in the database, for `load`."""
        with self.lock:
            return self._connection.serialize()

    def load(self, image: bytes) -> None:
        """Put what an image holds into a new database in memory."""
        with self.lock:
            self._connection.deserialize(image)

    def clear(self) -> None:
        """Delete the account except for its API token. The tables stay, for running requests."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM settings WHERE key != 'token'")
            rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name != 'settings'")
            for (table,) in rows.fetchall():
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 # a table of this package
        self._tokens, self._partner_count, self._lag_end = None, None, -math.inf

    def close(self) -> None:
        """Close the database; one in memory is lost."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what the block writes, all or nothing; other threads wait."""
        with self.lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def read(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query that writes nothing, and return its rows."""
        with self.lock:
            return self._connection.execute(query, parameters).fetchall()

    def cursor(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Run such a query whose rows should not all be in memory at once."""
        with self.lock:
            return self._connection.execute(query, parameters)

    def add_function(self, name: str, arguments: int, function: Callable[..., Any]) -> None:
        """Let queries of this connection call a function. Its result must depend only on its arguments."""
        self._connection.create_function(name, arguments, function, deterministic=True)

    def count_trackers(self, app_token: str | None = None) -> int:
        """Return the number of trackers at all levels, of one app or of all."""
        query = "SELECT count(*) FROM trackers JOIN apps ON apps.id = app_id WHERE ? IS NULL OR apps.token = ?"
        return int(self._one(query, (app_token, app_token))[0])

    def trackers(self, app_token: str | None = None) -> list[Tracker]:
        """Return the trackers of all levels in order of creation, of one app or of all."""
        rows = self.read(
            """SELECT apps.token, parent.token, tracker.token, tracker.name, tracker.level, tracker.archived,
                tracker.subtrackers, tracker.partner_id, tracker.cost_data_enabled
            FROM trackers AS tracker JOIN apps ON apps.id = tracker.app_id
            LEFT JOIN trackers AS parent ON parent.id = tracker.parent_id
            WHERE ? IS NULL OR apps.token = ? ORDER BY tracker.id""",
            (app_token, app_token),
        )
        return [
            Tracker(app, parent, token, name, level, bool(archived), subtrackers > 0, partner_id, bool(cost))
            for app, parent, token, name, level, archived, subtrackers, partner_id, cost in rows
        ]

    def tokens_by_name(self, app_token: str) -> dict[str, list[str]]:
        """Return the tokens of all trackers of an app by full name, including those that no list shows yet.

        If a name has several tokens, they are duplicates, in order of creation.
        """
        rows = self.read(
            """SELECT trackers.name, trackers.token FROM trackers JOIN apps ON apps.id = app_id
            WHERE apps.token = ? ORDER BY trackers.id""",
            (app_token,),
        )
        tokens: dict[str, list[str]] = {}
        for name, token in rows:
            tokens.setdefault(name, []).append(token)
        return tokens

    def apps(self) -> list[AppRow]:
        """Return the apps, in the order of `Emulator.app_tokens`."""
        return [
            AppRow._make(row) for row in self.read("SELECT id, token, name, networks, currency FROM apps ORDER BY id")
        ]

    def partners(self) -> list[Partner]:
        """Return the partners in the order in which the API lists them."""
        return self.partner_page(0, -1, backwards=False)

    def setting(self, key: str) -> str:
        """Return a setting. Raises `KeyError` if it does not exist."""
        row = self._one("SELECT value FROM settings WHERE key = ?", (key,))
        if row is None:
            raise KeyError(key)
        return str(row[0])

    def save_setting(self, key: str, value: str) -> None:
        """Write a setting, replacing an earlier value."""
        with self.lock:
            self._connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, value))

    def count_networks(self, app_id: int) -> int:
        """Return the number of trackers at the first level, as stored with the app."""
        return int(self._one("SELECT networks FROM apps WHERE id = ?", (app_id,))[0])

    def count_partners(self) -> int:
        """Return the number of partners, which never changes."""
        if self._partner_count is None:
            self._partner_count = int(self._one("SELECT count(*) FROM partners", ())[0])
        return self._partner_count

    def has_partner(self, partner_id: int) -> bool:
        """Return whether there is a partner with that id."""
        return self._one("SELECT 1 FROM partners WHERE id = ?", (partner_id,)) is not None

    def find_tracker(self, app_id: int, token: str) -> TrackerRow | None:
        """Find a tracker of the app by its token."""
        return self._tracker("token = ? AND app_id = ?", (token, app_id))

    def find_tracker_by_name(self, app_id: int, name: str) -> TrackerRow | None:
        """Find the app's first tracker with that full name."""
        return self._tracker("app_id = ? AND name = ? ORDER BY id LIMIT 1", (app_id, name))

    def find_other_tracker(self, app_id: int, number: int) -> TrackerRow | None:
        """Find the app's latest tracker with another id."""
        return self._tracker("app_id = ? AND id != ? ORDER BY id DESC LIMIT 1", (app_id, number))

    def count_unlisted(self, app_id: int, parent_id: int) -> int:
        """Return the number of a tracker's children, or of networks for parent 0, that lists don't show yet."""
        if not self._lags():
            return 0
        query = "SELECT count(*) FROM lagging WHERE app_id = ? AND parent_id = ? AND is_new"
        return int(self._one(query, (app_id, parent_id))[0])

    def tracker_page(self, app_id: int, parent_id: int, start: int, count: int, *, backwards: bool) -> list[TrackerRow]:
        """Return a tracker's children as lists show them, or the networks for parent 0, starting after `start`."""
        bound = "id < ? ORDER BY id DESC" if backwards else "id > ? ORDER BY id"
        source = "listed" if self._lags() else "trackers"
        query = f"{_SELECT_TRACKER} {source} WHERE app_id = ? AND parent_id = ? AND {bound} LIMIT ?"
        rows = self.read(query, (app_id, parent_id, start, count))
        return [TrackerRow._make(row) for row in rows]

    def partner_page(self, start: int, count: int, *, backwards: bool) -> list[Partner]:
        """Return the partners, starting after the id `start`."""
        bound = "id < ? ORDER BY id DESC" if backwards else "id > ? ORDER BY id"
        query = f"{_SELECT_PARTNER} WHERE {bound} LIMIT ?"
        rows = self.read(query, (start, count))
        return [Partner(number, name, bool(supports_cost_data)) for number, name, supports_cost_data in rows]

    def create_tracker(
        self, app_id: int, label: str, parent: TrackerRow | None, *, list_delay: float = 0.0
    ) -> TrackerRow:
        """Add a tracker with a new token below `parent`, or as a network. Lists show it after `list_delay` seconds."""
        with self.transaction() as connection:
            number = int(self._one("SELECT coalesce(max(id), 0) + 1 FROM trackers", ())[0])
            row = TrackerRow(
                number,
                self._tracker_tokens().token(number),
                label if parent is None else f"{parent.name}::{label}",
                1 if parent is None else parent.level + 1,
                archived=False,
                partner_id=None if parent is None else parent.partner_id,
                cost_data_enabled=False,
                links=links.BOTH,
                subtrackers=0,
            )
            parent_id = 0 if parent is None else parent.id
            connection.execute(INSERT_TRACKER, (app_id, parent_id, *row))
            if parent is None:
                connection.execute("UPDATE apps SET networks = networks + 1 WHERE id = ?", (app_id,))
            else:
                connection.execute("UPDATE trackers SET subtrackers = subtrackers + 1 WHERE id = ?", (parent.id,))
            if list_delay:
                self._delay(number, list_delay, is_new=True)
        return row

    def update_tracker(self, row: TrackerRow, *, list_delay: float = 0.0) -> None:
        """Write a tracker's partner and cost data setting. Lists show them after `list_delay` seconds."""
        with self.transaction() as connection:
            if list_delay:
                self._delay(row.id, list_delay, is_new=False)
            connection.execute(
                "UPDATE trackers SET partner_id = ?, cost_data_enabled = ? WHERE id = ?",
                (row.partner_id, row.cost_data_enabled, row.id),
            )

    def _delay(self, number: int, seconds: float, *, is_new: bool) -> None:
        now = time.monotonic()
        # Expired rows must be deleted first, or they would hide this change for longer.
        self._connection.execute("DELETE FROM lagging WHERE until <= ?", (now,))
        self._connection.execute(DELAY, {"is_new": is_new, "until": now + seconds, "id": number})
        self._lag_end = max(self._lag_end, now + seconds)

    def _lags(self) -> bool:
        """Return whether lists hide anything now."""
        now = time.monotonic()
        if now >= self._lag_end:
            return False
        with self.lock:
            self._connection.execute("DELETE FROM lagging WHERE until <= ?", (now,))
        return True

    def _connect(self) -> None:
        address = f"{Path(self._database).resolve().as_uri()}?mode=ro" if self._read_only else self._database
        self._connection = sqlite3.connect(address, isolation_level=None, uri=self._read_only, check_same_thread=False)
        try:
            self._open()
        except BaseException:
            self._connection.close()
            raise

    def _open(self) -> None:
        application_id = self._one("PRAGMA application_id", ())[0]
        if not self.is_new and application_id != APPLICATION_ID:
            name = self._database
            raise ValueError(f"{name} is a SQLite database of something else; use another file for the emulator.")
        if not self._read_only:
            if not self.is_new and "currency" not in {row[1] for row in self.read("PRAGMA table_info(apps)")}:
                # Files of earlier versions lack the column.
                self._connection.execute("ALTER TABLE apps ADD COLUMN currency TEXT")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA temp_store = MEMORY")
        for statement in LISTED:
            self._connection.execute(statement)

    def _tracker_tokens(self) -> TrackerTokens:
        if self._tokens is None:
            self._tokens = TrackerTokens(int(self.setting("seed")))
        return self._tokens

    def _tracker(self, condition: str, parameters: Sequence[Any]) -> TrackerRow | None:
        query = f"{_SELECT_TRACKER} trackers WHERE {condition}"
        row = self._one(query, parameters)
        return None if row is None else TrackerRow._make(row)

    def _one(self, query: str, parameters: Sequence[Any]) -> Any:
        with self.lock:
            return self._connection.execute(query, parameters).fetchone()
