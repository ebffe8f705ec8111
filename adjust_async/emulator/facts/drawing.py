"""Generates the facts of a day, which depend only on the seed, the app and the day."""

import random
from collections.abc import Sequence

from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.facts.dimensions import COUNTRIES, DEVICES

FactRow = tuple[int | str | bool, ...]
"""A row of the table `facts`."""

HOURS_OF_A_DAY = 24
DITHER = 10_000

# The activity in each hour of the day, in UTC, averaged over people of all countries.
_HOUR_PROFILE = (2, 2, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 6, 6, 6, 6, 7, 8, 9, 10, 9, 7, 5, 3)
_HOURS = tuple(hour for hour, weight in enumerate(_HOUR_PROFILE) for _ in range(weight))
_WEEKEND = (5, 6)
_THURSDAY = 3  # 1 January 1970


def draw_day(
    app: App, trackers: Sequence[int], organic: frozenset[int], day: int, facts: int, seed: int
) -> list[FactRow]:
    """Return the facts of an app on a day. `trackers` are ids, the busiest ones first."""
    source = random.Random(f"facts of app {app.id} on {day} by {seed}")
    weekend = (day + _THURSDAY) % 7 in _WEEKEND
    return [_draw_fact(source, app, trackers, organic, day, number, weekend) for number in range(facts)]


def _draw_fact(
    source: random.Random,
    app: App,
    trackers: Sequence[int],
    organic: frozenset[int],
    day: int,
    number: int,
    weekend: bool,
) -> FactRow:
    draw = source.random
    tracker = trackers[int(len(trackers) * draw() ** 3)]
    os_name, device_type = DEVICES[int(len(DEVICES) * draw() ** 2)]
    event = int(len(app.events) * draw())
    chance = draw()
    reattributed, by_impression, sandbox = chance < 0.12, 0.1 < chance < 0.3, chance > 0.94
    users = 1 if sandbox else 1 + int((30 if weekend else 22) * draw() * draw())
    is_paid = tracker not in organic
    clicks = users * (3 + int(12 * draw())) if is_paid else 0
    events = int(users * 2.2 * draw())
    rate = app.currency.rate
    return (
        app.id,
        day * HOURS_OF_A_DAY + _HOURS[int(len(_HOURS) * draw())],
        number,
        tracker,
        trackers[int(len(trackers) * draw() ** 3)] if reattributed else tracker,
        COUNTRIES[int(len(COUNTRIES) * draw() ** 2)],
        os_name,
        device_type,
        event,
        by_impression,
        reattributed,
        sandbox,
        int(DITHER * draw()),
        clicks * (6 + int(30 * draw())),
        clicks,
        0 if reattributed else users,
        users if reattributed else 0,
        users * (2 + int(7 * draw())),
        users * (1 + int(4 * draw())),
        events,
        int(events * app.events[event].kind.price * rate * (0.7 + 0.6 * draw()) / 100),
        int(clicks * rate * 0.12 * draw()),
        int(users * rate * 0.09 * draw()),
    )
