"""The tables of the figures; made when a database is opened that has none yet."""

TABLES = (
    # One fact is a bundle of activity that has all its dimensions in common, so that any breakdown is a partition
    # of the facts and additive figures add up exactly. `hour` is in hours since 1970 in UTC. `first_tracker_id` is
    # the tracker that brought the install, where the user was attributed to another one since. `event` is a
    # position among the events of the app, `dither` a number below 10,000 by which shares of a fact are rounded.
    # Money is in minor units of the currency of the app.
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
    # Which days of an app have their facts; days are counted since 1970.
    """CREATE TABLE IF NOT EXISTS fact_days (
        app_id INTEGER NOT NULL,
        day INTEGER NOT NULL,
        PRIMARY KEY (app_id, day)
    ) WITHOUT ROWID""",
    # The trackers that have figures, the busiest first by `rank`, with themselves or their ancestor at each level.
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
    # The apps as `apps.py` describes them; `worth` is what a minor unit of the currency is worth in parts of a euro.
    """CREATE TEMP TABLE IF NOT EXISTS described_apps (
        app_id INTEGER PRIMARY KEY,
        app_token TEXT NOT NULL,
        app_name TEXT NOT NULL,
        currency_code TEXT NOT NULL,
        currency_name TEXT NOT NULL,
        worth INTEGER NOT NULL,
        users INTEGER NOT NULL
    )""",
    # The kind of each event of an app; `place` is a position among the events of the app.
    """CREATE TEMP TABLE IF NOT EXISTS described_events (
        app_id INTEGER NOT NULL,
        place INTEGER NOT NULL,
        kind TEXT NOT NULL,
        PRIMARY KEY (app_id, place)
    ) WITHOUT ROWID""",
)
"""Tables for queries over several apps, made anew with each start."""
