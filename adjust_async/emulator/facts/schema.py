"""The tables of the figures, created when a database without them is opened."""

TABLES = (
    # One fact is a bundle of activity with the same dimensions, so any breakdown is a partition of the facts, and
    # additive figures add up exactly. `hour` is in hours since 1970 in UTC. `first_tracker_id` is the tracker of the
    # install, if the user was attributed to another one later. `event` is a position in the app's events. `dither` is a
    # number below 10,000 by which shares of a fact are rounded. Money is in minor units of the app's currency.
    """CREATE TABLE IF NOT EXISTS facts (
        app_id INTEGER NOT NULL,
        hour INTEGER NOT NULL,
        number INTEGER NOT NULL,
        tracker_id INTEGER NOT NULL,
        first_tracker_id INTEGER NOT NULL,
        country TEXT NOT NULL,
        os_name TEXT NOT NULL,
        device_type TEXT NOT NULL,
        event INTEGER NOT NULL,
        by_impression INTEGER NOT NULL,
        reattributed INTEGER NOT NULL,
        sandbox INTEGER NOT NULL,
        dither INTEGER NOT NULL,
        impressions INTEGER NOT NULL,
        clicks INTEGER NOT NULL,
        installs INTEGER NOT NULL,
        reattributions INTEGER NOT NULL,
        sessions INTEGER NOT NULL,
        visits INTEGER NOT NULL,
        events INTEGER NOT NULL,
        revenue INTEGER NOT NULL,
        cost INTEGER NOT NULL,
        ad_revenue INTEGER NOT NULL,
        PRIMARY KEY (app_id, hour, number)
    ) WITHOUT ROWID""",
    # The days of an app for which facts have been generated; days are counted since 1970.
    """CREATE TABLE IF NOT EXISTS fact_days (
        app_id INTEGER NOT NULL,
        day INTEGER NOT NULL,
        PRIMARY KEY (app_id, day)
    ) WITHOUT ROWID""",
    # The trackers that have figures, with themselves or their ancestor at each level. `rank` sorts the busiest first.
    """CREATE TABLE IF NOT EXISTS lineages (
        tracker_id INTEGER PRIMARY KEY,
        app_id INTEGER NOT NULL,
        rank INTEGER NOT NULL,
        network_id INTEGER NOT NULL,
        campaign_id INTEGER,
        adgroup_id INTEGER,
        creative_id INTEGER
    )""",
    "CREATE INDEX IF NOT EXISTS lineages_of_app ON lineages (app_id, rank)",
)

DESCRIPTIONS = (
    # The apps as `apps.py` describes them; `worth` is the value of a minor unit of the currency in parts of a euro.
    """CREATE TEMP TABLE IF NOT EXISTS described_apps (
        app_id INTEGER PRIMARY KEY,
        app_token TEXT NOT NULL,
        app_name TEXT NOT NULL,
        currency_code TEXT NOT NULL,
        currency_name TEXT NOT NULL,
        worth INTEGER NOT NULL,
        users INTEGER NOT NULL
    )""",
    # The kind of each event of an app; `place` is a position in the app's events.
    """CREATE TEMP TABLE IF NOT EXISTS described_events (
        app_id INTEGER NOT NULL,
        place INTEGER NOT NULL,
        kind TEXT NOT NULL,
        PRIMARY KEY (app_id, place)
    ) WITHOUT ROWID""",
)
"""Tables for queries over several apps, created for each connection."""
