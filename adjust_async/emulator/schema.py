"""The tables of the emulator's database."""

APPLICATION_ID = 0x41444A45
"""Marks a SQLite file as the emulator's, so that it never writes into somebody else's."""

TABLES = (
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE apps (
        id INTEGER PRIMARY KEY,
        token TEXT NOT NULL,
        name TEXT NOT NULL,
        networks INTEGER NOT NULL
    )""",
    """CREATE TABLE partners (
        id INTEGER PRIMARY KEY,
        display_name TEXT NOT NULL,
        supports_cost_data INTEGER NOT NULL
    )""",
    # Rows are never deleted, so that an id is a position that stays. parent_id is 0 for a network.
    """CREATE TABLE trackers (
        id INTEGER PRIMARY KEY,
        app_id INTEGER NOT NULL,
        parent_id INTEGER NOT NULL,
        token TEXT NOT NULL,
        name TEXT NOT NULL,
        level INTEGER NOT NULL,
        archived INTEGER NOT NULL,
        partner_id INTEGER,
        cost_data_enabled INTEGER NOT NULL,
        links INTEGER NOT NULL,
        subtrackers INTEGER NOT NULL
    )""",
)

INDEXES = (
    "CREATE INDEX trackers_of_parent ON trackers (app_id, parent_id, id)",
    "CREATE UNIQUE INDEX tracker_by_token ON trackers (token)",
    "CREATE INDEX tracker_by_name ON trackers (app_id, name)",
)
"""Made after the account was written: sorting once is several times faster than inserting in order."""
