"""Figures that a test adds to the generated ones."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import TypedDict

from adjust_async.emulator.account.store import Store
from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.facts.dimensions import COUNTRIES, DEVICES
from adjust_async.emulator.facts.drawing import HOURS_OF_A_DAY

_NUMBERS = ("impressions", "clicks", "installs", "reattributions", "sessions", "daus", "events")
_MONEY = ("revenue", "cost", "ad_revenue")
_FIRST_NUMBER = 1_000_000
"""Facts with this number and above were added by tests."""
_NOT_DRAWN = -1
_NOON = 12


class Figures(TypedDict, total=False):
    """The figures that can be added: counts, and money in units of the app's currency."""

    impressions: int
    clicks: int
    installs: int
    reattributions: int
    sessions: int
    daus: int
    events: int
    revenue: float
    cost: float
    ad_revenue: float


class FigureWriter:
    """Writes figures as one fact each, at noon UTC of its day."""

    def __init__(self, store: Store, apps: Mapping[str, App]) -> None:
        self._store = store
        self._apps = apps

    def add(
        self,
        app_token: str,
        tracker: str,
        day: int,
        figures: Mapping[str, object],
        *,
        country: str = "us",
        os_name: str = "android",
        device_type: str = "phone",
        event: str = "0",
    ) -> None:
        """Add figures for a tracker, by its full name or token, and for a day, counted since 1970.

        Raises `ValueError` for anything that the account does not have, and for an invalid figure.
        """
        if app_token not in self._apps:
            raise ValueError(f"The account has no app {app_token!r}, but {', '.join(self._apps)}.")
        app = self._apps[app_token]
        _check_one_of("country", country, COUNTRIES)
        _check_one_of("os_name", os_name, [name for name, _ in DEVICES])
        _check_one_of("device_type", device_type, [name for _, name in DEVICES])
        numbers = _whole_numbers(app, figures)
        with self._store.transaction() as connection:
            tracker_id = self._tracker_id(app, tracker)
            connection.execute(
                "INSERT OR IGNORE INTO lineages VALUES (?, ?, ?, ?, ?, ?, ?)",
                (tracker_id, app.id, _NOT_DRAWN, *self._lineage(tracker_id)),
            )
            hour = day * HOURS_OF_A_DAY + _NOON
            ((last,),) = self._store.read(
                "SELECT max(coalesce(max(number), 0), ?) FROM facts WHERE app_id = ? AND hour = ?",
                (_FIRST_NUMBER, app.id, hour),
            )
            connection.execute(
                """INSERT INTO facts (
                    app_id, hour, number, tracker_id, first_tracker_id, country, os_name, device_type, event,
                    by_impression, reattributed, sandbox, dither, impressions, clicks, installs, reattributions,
                    sessions, visits, events, revenue, cost, ad_revenue
                ) VALUES (
                    :app_id, :hour, :number, :tracker_id, :tracker_id, :country, :os_name, :device_type, :event,
                    0, :reattributed, 0, 0, :impressions, :clicks, :installs, :reattributions,
                    :sessions, :daus, :events, :revenue, :cost, :ad_revenue
                )""",
                numbers
                | {
                    "app_id": app.id,
                    "hour": hour,
                    "number": last + 1,
                    "tracker_id": tracker_id,
                    "country": country,
                    "os_name": os_name,
                    "device_type": device_type,
                    "event": _place_of_event(app, event),
                    "reattributed": numbers["reattributions"] > 0 and not numbers["installs"],
                },
            )

    def _tracker_id(self, app: App, tracker: str) -> int:
        row = self._store.find_tracker(app.id, tracker) or self._store.find_tracker_by_name(app.id, tracker)
        if row is None:
            raise ValueError(f"App {app.token} has no tracker with the token or the full name {tracker!r}.")
        return row.id

    def _lineage(self, tracker_id: int) -> list[int | None]:
        parents: dict[int, int] = {}
        number = tracker_id
        while number:
            ((parents[number],),) = self._store.read("SELECT parent_id FROM trackers WHERE id = ?", (number,))
            number = parents[number]
        return lineage_of(tracker_id, parents)


_LEVELS = 4


def lineage_of(tracker: int, parents: Mapping[int, int]) -> list[int | None]:
    """Return the tracker and its ancestors from the network down, and None for the levels below it."""
    lineage: list[int | None] = []
    while tracker:
        lineage.insert(0, tracker)
        tracker = parents[tracker]
    return lineage + [None] * (_LEVELS - len(lineage))


def _whole_numbers(app: App, given: Mapping[str, object]) -> dict[str, int]:
    strangers = given.keys() - {*_NUMBERS, *_MONEY}
    if strangers:
        raise ValueError(f"{', '.join(sorted(strangers))}: the figures are {', '.join((*_NUMBERS, *_MONEY))}.")
    numbers = {}
    for name in (*_NUMBERS, *_MONEY):
        value = given.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
            raise ValueError(f"{name} is a number from 0 on, not {value!r}.")
        minor = value * app.currency.minor_units if name in _MONEY else value
        if abs(minor - round(minor)) > 1e-6 * max(1, minor):
            unit = "minor units of its currency" if name in _MONEY else "things"
            raise ValueError(f"{name} is counted in whole {unit}, not {value!r}.")
        numbers[name] = round(minor)
    return numbers


def _place_of_event(app: App, event: str) -> int:
    for place, known in enumerate(app.events):
        if event in {known.token, known.name}:
            return place
    events = ", ".join(f"{known.token} ({known.name})" for known in app.events)
    raise ValueError(f"App {app.token} has no event {event!r}, but {events}.")


def _check_one_of(name: str, value: str, known: Mapping[str, object] | list[str] | tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(dict.fromkeys(known))}, not {value!r}.")


def read_day(day: object, name: str = "day") -> date:
    """Return a date, a datetime at midnight or an ISO text as a date. Raises `ValueError`."""
    if isinstance(day, str):
        try:
            return date.fromisoformat(day)
        except ValueError:
            pass
    # A pandas.NaT is a datetime too, and has no time.
    elif isinstance(day, date) and (not isinstance(day, datetime) or (day == day and day.time() == time())):
        return date(day.year, day.month, day.day)
    raise ValueError(f"{name} is a date such as 2026-11-01, not {day!r}.")
