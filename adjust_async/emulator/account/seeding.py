"""Fills a new database with an account."""

import base64
import random

from adjust_async.emulator.account.account import Account
from adjust_async.emulator.account.catalog import PARTNERS
from adjust_async.emulator.account.schema import APPLICATION_ID, INDEXES, TABLES
from adjust_async.emulator.account.store import Store
from adjust_async.emulator.account.tokens import API_TOKEN_LENGTH, random_token

_CURSOR_KEY_BYTES = 16
_INSERT_TRACKER = "INSERT INTO trackers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def seed_store(store: Store, *, seed: int, apps: int, trackers_per_app: int, partners: int) -> None:
    """Write the account in one transaction: a database is either empty or has all of it."""
    account = Account(seed, apps, trackers_per_app, PARTNERS[:partners])
    # A source of its own, so that the tokens stay the same however many apps the account has.
    source = random.Random(f"secrets of {seed}")
    settings = {
        "seed": str(seed),
        "token": random_token(source, API_TOKEN_LENGTH),
        "cursor_key": base64.b64encode(source.randbytes(_CURSOR_KEY_BYTES)).decode(),
    }
    with store.transaction() as connection:
        for table in TABLES:
            connection.execute(table)
        connection.executemany("INSERT INTO settings VALUES (?, ?)", settings.items())
        connection.executemany("INSERT INTO partners VALUES (?, ?, ?)", PARTNERS[:partners])
        connection.executemany("INSERT INTO apps VALUES (?, ?, ?, ?)", account.apps)
        for trackers in account.trackers():
            connection.executemany(_INSERT_TRACKER, trackers)
        for index in INDEXES:
            connection.execute(index)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
