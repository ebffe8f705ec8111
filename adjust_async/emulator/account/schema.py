"""The tables of the emulator's database, and the statements that write trackers."""

APPLICATION_ID = 0x41444A45
"""Marks a SQLite file as the emulator's, so that the emulator never writes into another database."""

TABLES = (
    "CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS apps (
        id INTEGER PRIMARY KEY,
        token TEXT NOT NULL,
        name TEXT NOT NULL,
        networks INTEGER NOT NULL,
        currency TEXT
    )""",
    """CREATE TABLE IF NOT EXISTS partners (
        id INTEGER PRIMARY KEY,
        display_name TEXT NOT NULL,
        supports_cost_data INTEGER NOT NULL
    )""",
    # Rows are never deleted, so an id is a permanent position. parent_id is 0 for a network.
    """CREATE TABLE IF NOT EXISTS trackers (
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
    "CREATE INDEX IF NOT EXISTS trackers_of_parent ON trackers (app_id, parent_id, id)",
    "CREATE UNIQUE INDEX IF NOT EXISTS tracker_by_token ON trackers (token)",
    "CREATE INDEX IF NOT EXISTS tracker_by_name ON trackers (app_id, name)",
)
"""Created after the account is written: sorting once is several times faster than inserting in order."""

INSERT_TRACKER = """
    INSERT INTO trackers (
        app_id, parent_id, id, token, name, level, archived, partner_id, cost_data_enabled, links, subtrackers
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

LISTED = (
    # What lists don't show yet: the whole tracker if `is_new`, otherwise its values before an update.
    """CREATE TEMP TABLE lagging (
        tracker_id INTEGER PRIMARY KEY,
        app_id INTEGER NOT NULL,
        parent_id INTEGER NOT NULL,
        partner_id INTEGER,
        cost_data_enabled INTEGER NOT NULL,
        is_new INTEGER NOT NULL,
        until REAL NOT NULL
    )""",
    "CREATE INDEX temp.lagging_of_parent ON lagging (app_id, parent_id)",
    """CREATE TEMP VIEW listed AS
    SELECT tracker.id, tracker.app_id, tracker.parent_id, tracker.token, tracker.name, tracker.level,
        tracker.archived, tracker.links,
        CASE WHEN old.tracker_id IS NULL THEN tracker.partner_id ELSE old.partner_id END AS partner_id,
        coalesce(old.cost_data_enabled, tracker.cost_data_enabled) AS cost_data_enabled,
        tracker.subtrackers - (
            SELECT count(*) FROM lagging AS child
            WHERE child.app_id = tracker.app_id AND child.parent_id = tracker.id AND child.is_new
        ) AS subtrackers
    FROM main.trackers AS tracker LEFT JOIN lagging AS old ON old.tracker_id = tracker.id
    WHERE old.is_new IS NOT 1""",
)
"""The trackers as lists show them. The view belongs to the connection and is never in the file, so lists don't lag
after a reconnection."""

DELAY = """
    INSERT INTO lagging
    SELECT id, app_id, parent_id, partner_id, cost_data_enabled, :is_new, :until FROM trackers WHERE id = :id
    ON CONFLICT DO UPDATE SET until = max(until, excluded.until)
"""
"""Hides a new tracker from lists, or a change of one; what lags already keeps its old values."""
