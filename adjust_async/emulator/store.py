"""The state of the emulated account, in SQLite."""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from adjust_async.emulator import links
from adjust_async.emulator.account import AppRow
from adjust_async.emulator.catalog import Partner
from adjust_async.emulator.schema import APPLICATION_ID
from adjust_async.emulator.tokens import TrackerTokens

IN_MEMORY = ":memory:"

_SELECT_TRACKER = """
    SELECT id, token, name, level, archived, partner_id, cost_data_enabled, links, subtrackers FROM trackers
"""
_SELECT_PARTNER = "SELECT id, display_name, supports_cost_data FROM partners "
_INSERT_TRACKER = """
    INSERT INTO trackers (
        app_id, parent_id, id, token, name, level, archived, partner_id, cost_data_enabled, links, subtrackers
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class TrackerRow(NamedTuple):
    """A tracker as the routes need it; `links` are the bits of `links.py`, `subtrackers` how many it has."""

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
    """A tracker as a test wants to see it; `name` is the whole path, joined by `::`."""

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
    """Reads and writes the account; every write is committed when its method returns.

    A file is opened in WAL mode with `synchronous=NORMAL`: what was committed survives a killed process.
    Raises `ValueError` for a SQLite database that is not the emulator's, `sqlite3.Error` for a file that can
    not be opened.
    """

    def __init__(self, database: str | Path = IN_MEMORY) -> None:
        self._connection = sqlite3.connect(database, isolation_level=None)
        try:
            self.is_new = self._open(database)
        except BaseException:
            self._connection.close()
            raise
        self._tokens: TrackerTokens | None = None
        self._partner_count: int | None = None

    def close(self) -> None:
        """Close the database; one in memory is gone then."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what the block writes, all or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def read(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Run a query that writes nothing."""
        return self._connection.execute(query, parameters)

    # What tests look at.

    def count_trackers(self, app_token: str | None = None) -> int:
        """Count the trackers of all levels, of one app or of all."""
        query = "SELECT count(*) FROM trackers JOIN apps ON apps.id = app_id WHERE ? IS NULL OR apps.token = ?"
        return int(self._one(query, (app_token, app_token))[0])

    def trackers(self, app_token: str | None = None) -> list[Tracker]:
        """Read the trackers of all levels in order of creation, of one app or of all."""
        rows = self._connection.execute(
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

    def apps(self) -> list[AppRow]:
        """Read the apps, in the order of `Emulator.app_tokens`."""
        return [AppRow._make(row) for row in self._connection.execute("SELECT * FROM apps ORDER BY id")]

    def partners(self) -> list[Partner]:
        """Read the partners in the order in which the API lists them."""
        return self.partner_page(0, -1, backwards=False)

    # What the routes need.

    def setting(self, key: str) -> str:
        """Read a setting. Raises `KeyError` where there is none of that name."""
        row = self._connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return str(row[0])

    def save_setting(self, key: str, value: str) -> None:
        """Write a setting over the one of that name."""
        self._connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, value))

    def count_networks(self, app_id: int) -> int:
        """Count the trackers of the first level, as kept with the app."""
        return int(self._one("SELECT networks FROM apps WHERE id = ?", (app_id,))[0])

    def count_partners(self) -> int:
        """Count the partners, which never change."""
        if self._partner_count is None:
            self._partner_count = int(self._one("SELECT count(*) FROM partners", ())[0])
        return self._partner_count

    def has_partner(self, partner_id: int) -> bool:
        """Say whether there is a partner with that id."""
        return self._connection.execute("SELECT 1 FROM partners WHERE id = ?", (partner_id,)).fetchone() is not None

    def find_tracker(self, app_id: int, token: str) -> TrackerRow | None:
        """Find a tracker of the app by its token."""
        return self._tracker("token = ? AND app_id = ?", (token, app_id))

    def find_tracker_by_name(self, app_id: int, name: str) -> TrackerRow | None:
        """Find the app's first tracker whose whole name this is."""
        return self._tracker("app_id = ? AND name = ? ORDER BY id LIMIT 1", (app_id, name))

    def tracker_page(self, app_id: int, parent_id: int, start: int, count: int, *, backwards: bool) -> list[TrackerRow]:
        """Read the children of a tracker, or the networks for parent 0, from after `start` onwards."""
        bound = "id < ? ORDER BY id DESC" if backwards else "id > ? ORDER BY id"
        query = f"{_SELECT_TRACKER} WHERE app_id = ? AND parent_id = ? AND {bound} LIMIT ?"
        rows = self._connection.execute(query, (app_id, parent_id, start, count)).fetchall()
        return [TrackerRow._make(row) for row in rows]

    def partner_page(self, start: int, count: int, *, backwards: bool) -> list[Partner]:
        """Read the partners from after the id `start` onwards."""
        bound = "id < ? ORDER BY id DESC" if backwards else "id > ? ORDER BY id"
        query = f"{_SELECT_PARTNER} WHERE {bound} LIMIT ?"
        rows = self._connection.execute(query, (start, count))
        return [Partner(number, name, bool(supports_cost_data)) for number, name, supports_cost_data in rows]

    def create_tracker(self, app_id: int, label: str, parent: TrackerRow | None) -> TrackerRow:
        """Add a tracker with a fresh token, under `parent` or as a network."""
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
            connection.execute(_INSERT_TRACKER, (app_id, parent_id, *row))
            if parent is None:
                connection.execute("UPDATE apps SET networks = networks + 1 WHERE id = ?", (app_id,))
            else:
                connection.execute("UPDATE trackers SET subtrackers = subtrackers + 1 WHERE id = ?", (parent.id,))
        return row

    def update_tracker(self, row: TrackerRow) -> None:
        """Write the partner and the cost data setting of a tracker."""
        self._connection.execute(
            "UPDATE trackers SET partner_id = ?, cost_data_enabled = ? WHERE id = ?",
            (row.partner_id, row.cost_data_enabled, row.id),
        )

    def _open(self, database: str | Path) -> bool:
        application_id = self._one("PRAGMA application_id", ())[0]
        is_new = self._connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None
        if not is_new and application_id != APPLICATION_ID:
            raise ValueError(f"{database} is a SQLite database of something else; give the emulator a file of its own.")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        return is_new

    def _tracker_tokens(self) -> TrackerTokens:
        if self._tokens is None:
            self._tokens = TrackerTokens(int(self.setting("seed")))
        return self._tokens

    def _tracker(self, condition: str, parameters: Sequence[Any]) -> TrackerRow | None:
        query = f"{_SELECT_TRACKER} WHERE {condition}"
        row = self._connection.execute(query, parameters).fetchone()
        return None if row is None else TrackerRow._make(row)

    def _one(self, query: str, parameters: Sequence[Any]) -> Any:
        return self._connection.execute(query, parameters).fetchone()
