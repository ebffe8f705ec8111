"""Stores the facts, and generates those of a day on their first use."""

import random
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from adjust_async.emulator.account.store import Store
from adjust_async.emulator.facts.apps import App, describe_app
from adjust_async.emulator.facts.drawing import HOURS_OF_A_DAY, draw_day
from adjust_async.emulator.facts.figures import FigureWriter, lineage_of, read_day
from adjust_async.emulator.facts.schema import DESCRIPTIONS, TABLES

EPOCH = date(1970, 1, 1)
FIRST_DAY = date(2025, 1, 1)
LAST_DAY = date(2026, 12, 31)
"""All days in this range have figures, and later ones up to the emulator's current day."""

_BUSY_TRACKERS = 150
_ORGANIC = "Organic"
_INSERT_FACT = f"INSERT INTO facts VALUES ({', '.join('?' * 23)})"  # noqa: S608 # only question marks


class Fact(NamedTuple):
    """A fact, for tests; `hour` is in hours since 1970 in UTC, and money is in minor units."""

    hour: int
    tracker_token: str
    first_tracker_token: str
    country: str
    os_name: str
    device_type: str
    event_token: str
    by_impression: bool
    reattributed: bool
    sandbox: bool
    impressions: int
    clicks: int
    installs: int
    reattributions: int
    sessions: int
    visits: int
    events: int
    revenue: int
    cost: int
    ad_revenue: int


class Facts:
    """The figures of all apps, in the account's database.

    Figures are generated only for trackers of the initial account, so that a seed always means the same. `add` adds
    figures for any tracker.
    """

    def __init__(self, store: Store, facts_per_day: int) -> None:
        self._store = store
        with store.transaction() as connection:
            for table in TABLES:
                connection.execute(table)
        self._seed = int(store.setting("seed"))
        self.facts_per_day = int(self._kept_setting("facts_per_day", facts_per_day))
        """The number of facts of each app and day."""
        self._last_tracker = int(self._kept_setting("trackers_with_facts", store.count_trackers()))
        rows = store.apps()
        self.apps = {row.token: describe_app(row, self._seed, self.facts_per_day) for row in rows}
        """The apps by token."""
        self._describe_apps()
        self._made: dict[int, set[int]] = {}

    def make(self, start: date, end: date, app_tokens: Iterable[str] | None = None) -> None:
        """Generate the facts of these days (UTC, both included) before the first request needs them."""
        for app_token in self.apps if app_tokens is None else app_tokens:
            self.complete(self.apps[app_token], day_number(start), day_number(end))

    def add(
        self,
        app_token: str,
        tracker: str,
        day: date | str,
        figures: Mapping[str, object],
        *,
        today: date,
        **place: str,
    ) -> None:
        """Add figures for a tracker and a day to those that exist.

        `place` are the other arguments of `Emulator.add_figures`. Raises `ValueError` for anything that the account
        does not have, and for a day outside of the range of reports.
        """
        day = read_day(day)
        if not FIRST_DAY <= day <= max(LAST_DAY, today):
            raise ValueError(f"day is from {FIRST_DAY} to {max(LAST_DAY, today)}, not {day}.")
        FigureWriter(self._store, self.apps).add(app_token, tracker, day_number(day), figures, **place)

    def rows(self, app_token: str, start: date, end: date) -> list[Fact]:
        """Return the facts of an app on these days (UTC, both included), for tests that sum them up themselves."""
        app, start, end = self.apps[app_token], read_day(start, "start"), read_day(end, "end")
        self.make(start, end, [app_token])
        rows = self.read(
            """SELECT hour, tracker.token, first_tracker.token, country, os_name, device_type, event, by_impression,
                reattributed, sandbox, impressions, clicks, installs, reattributions, sessions, visits, events, revenue,
                cost, ad_revenue
            FROM facts JOIN trackers AS tracker ON tracker.id = facts.tracker_id
            JOIN trackers AS first_tracker ON first_tracker.id = facts.first_tracker_id
            WHERE facts.app_id = ? AND hour >= ? AND hour < ? ORDER BY hour, number""",
            (app.id, day_number(start) * HOURS_OF_A_DAY, (day_number(end) + 1) * HOURS_OF_A_DAY),
        )
        facts = (Fact._make(row) for row in rows)
        return [
            fact._replace(
                event_token=app.events[int(fact.event_token)].token,
                by_impression=bool(fact.by_impression),
                reattributed=bool(fact.reattributed),
                sandbox=bool(fact.sandbox),
            )
            for fact in facts
        ]

    def read(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query over facts that `complete` has generated."""
        return self._store.read(query, parameters)

    def cursor(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Run such a query whose rows should not all be in memory at once."""
        return self._store.cursor(query, parameters)

    def add_function(self, name: str, arguments: int, function: Callable[..., Any]) -> None:
        """Let queries call a function. Its result must depend only on its arguments."""
        self._store.add_function(name, arguments, function)

    def complete(self, app: App, first_day: int, last_day: int) -> bool:
        """Generate the missing facts of these days, counted since 1970. Return whether any were missing."""
        with self._store.lock:
            made = self._made_days(app)
            first_day = max(first_day, day_number(FIRST_DAY))
            missing = [day for day in range(first_day, last_day + 1) if day not in made]
            if missing:
                self._make_days(app, missing)
                made.update(missing)
            return bool(missing)

    def _make_days(self, app: App, days: Sequence[int]) -> None:
        trackers, organic = self._busy_trackers(app) if self.facts_per_day else ([], frozenset())
        with self._store.transaction() as connection:
            for day in days if trackers else ():
                rows = draw_day(app, trackers, organic, day, self.facts_per_day, self._seed)
                # SQLite inserts fastest in the order of the primary key.
                connection.executemany(_INSERT_FACT, sorted(rows))
            connection.executemany("INSERT INTO fact_days VALUES (?, ?)", ((app.id, day) for day in days))

    def _describe_apps(self) -> None:
        apps, events = [], []
        for app in self.apps.values():
            currency = app.currency
            apps.append((app.id, app.token, app.name, currency.iso_code, currency.name, currency.worth, app.users))
            events += [(app.id, place, event.name) for place, event in enumerate(app.events)]
        with self._store.transaction() as connection:
            for table in DESCRIPTIONS:
                connection.execute(table)
            connection.executemany("INSERT OR REPLACE INTO described_apps VALUES (?, ?, ?, ?, ?, ?, ?)", apps)
            connection.executemany("INSERT OR REPLACE INTO described_events VALUES (?, ?, ?)", events)

    def _made_days(self, app: App) -> set[int]:
        if app.id not in self._made:
            days = self.read("SELECT day FROM fact_days WHERE app_id = ?", (app.id,))
            self._made[app.id] = {day for (day,) in days}
        return self._made[app.id]

    def _busy_trackers(self, app: App) -> tuple[list[int], frozenset[int]]:
        lineages = "SELECT tracker_id, network_id FROM lineages WHERE app_id = ? AND rank >= 0 ORDER BY rank"
        rows = self.read(lineages, (app.id,))
        if not rows:
            self._choose_trackers(app)
            rows = self.read(lineages, (app.id,))
        networks = self.read(
            "SELECT id FROM trackers WHERE app_id = ? AND parent_id = 0 AND name = ?", (app.id, _ORGANIC)
        )
        organic = {network_id for (network_id,) in networks}
        return [row[0] for row in rows], frozenset(tracker for tracker, network in rows if network in organic)

    def _choose_trackers(self, app: App) -> None:
        """Choose the trackers that have figures: Organic first, then any, of all levels."""
        rows = self.read(
            "SELECT id, parent_id, name FROM trackers WHERE app_id = ? AND id <= ? ORDER BY id",
            (app.id, self._last_tracker),
        )
        parents = {tracker: parent for tracker, parent, _ in rows}
        organic = [tracker for tracker, _, name in rows if name == _ORGANIC]
        others = [tracker for tracker, _, name in rows if name != _ORGANIC]
        source = random.Random(f"trackers of app {app.id} by {self._seed}")
        chosen = organic + source.sample(others, min(len(others), _BUSY_TRACKERS))
        with self._store.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO lineages VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((tracker, app.id, rank, *lineage_of(tracker, parents)) for rank, tracker in enumerate(chosen)),
            )

    def _kept_setting(self, key: str, value: int) -> str:
        """Return a stored setting; if it is missing, store this value."""
        try:
            return self._store.setting(key)
        except KeyError:
            self._store.save_setting(key, str(value))
            return str(value)


def day_number(day: date) -> int:
    """Return the number of days since 1970."""
    return (day - EPOCH).days


def date_of(number: int) -> date:
    """Return the date of a day number."""
    return EPOCH + timedelta(days=number)
