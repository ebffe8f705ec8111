"""An app as reports use it: its currency, its events, and its number of users."""

import random
from dataclasses import dataclass

from adjust_async.emulator.account.account import AppRow
from adjust_async.emulator.account.currencies import CURRENCIES, Currency
from adjust_async.emulator.account.tokens import random_token
from adjust_async.emulator.facts.dimensions import EVENT_KINDS, GENERAL_REVENUE, EventKind

_EVENT_TOKEN_LENGTH = 6
_EVENTS_OF_AN_APP = 5
_USERS_PER_FACT = 100
"""With this, about a fifth of an app's users are active on a day, and nearly all within a month."""
_EVERYBODY = 10**9
"""The users of an app that has only added figures: so many that no two visits are by the same person."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event of an app."""

    token: str
    kind: EventKind

    @property
    def name(self) -> str:
        """The name of the event."""
        return self.kind.name


@dataclass(frozen=True, slots=True)
class App:
    """An app. Facts refer to an event by its position in `events`. `users` is the number of its users."""

    id: int
    token: str
    name: str
    currency: Currency
    events: tuple[Event, ...]
    users: int


def describe_app(row: AppRow, seed: int, facts_per_day: int) -> App:
    """Return an app of the account with its currency and its events, which depend only on the seed."""
    source = random.Random(f"events of app {row.id} by {seed}")
    kinds = source.sample(EVENT_KINDS, _EVENTS_OF_AN_APP)
    events = (
        Event("0", GENERAL_REVENUE),
        *(Event(random_token(source, _EVENT_TOKEN_LENGTH), kind) for kind in kinds),
    )
    by_code = {currency.iso_code: currency for currency in CURRENCIES}
    currency = CURRENCIES[(row.id - 1) % len(CURRENCIES)] if row.currency is None else by_code[row.currency]
    return App(row.id, row.token, row.name, currency, events, facts_per_day * _USERS_PER_FACT or _EVERYBODY)
