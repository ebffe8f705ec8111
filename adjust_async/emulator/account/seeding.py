"""Fills a new database with an account."""

import base64
import random
import secrets

from adjust_async.emulator.account.account import Account
from adjust_async.emulator.account.catalog import PARTNERS
from adjust_async.emulator.account.options import AccountOptions
from adjust_async.emulator.account.schema import APPLICATION_ID, INDEXES, TABLES
from adjust_async.emulator.account.store import Store
from adjust_async.emulator.account.tokens import API_TOKEN_LENGTH, random_token

_CURSOR_KEY_BYTES = 16

#: The maximum number of accounts that are kept, and the maximum size in bytes of each.
_KEPT, _LARGEST_KEPT = 8, 2**22

_images: dict[object, bytes] = {}
_INSERT_TRACKER = "INSERT INTO trackers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def seed_store(store: Store, options: AccountOptions) -> None:
    """Write the account in one transaction, so that a database is either empty or complete.

    The API token is random, and does not depend on the seed. Tests often begin with the same account, so an account in
    memory is generated once, and then copied.
    """
    if not store.is_new or not store.in_memory:
        _draw(store, options)
        return
    key = options.identity
    if (image := _images.get(key)) is not None:
        store.load(image)
        store.save_setting("token", _api_token())
        return
    _draw(store, options)
    image = store.image()
    if len(image) <= _LARGEST_KEPT:
        while len(_images) >= _KEPT:
            _images.popitem()
        _images[key] = image


def _api_token() -> str:
    return random_token(secrets.SystemRandom(), API_TOKEN_LENGTH)


def _draw(store: Store, options: AccountOptions) -> None:
    account = Account(options)
    source = random.Random(f"cursors of {options.seed}")
    settings = {
        "seed": str(options.seed),
        "token": _api_token(),
        "cursor_key": base64.b64encode(source.randbytes(_CURSOR_KEY_BYTES)).decode(),
    }
    with store.transaction() as connection:
        for table in TABLES:
            connection.execute(table)
        connection.executemany("INSERT OR IGNORE INTO settings VALUES (?, ?)", settings.items())
        connection.executemany("INSERT INTO partners VALUES (?, ?, ?)", PARTNERS[: options.partners])
        connection.executemany("INSERT INTO apps VALUES (?, ?, ?, ?, ?)", account.apps)
        for trackers in account.trackers():
            connection.executemany(_INSERT_TRACKER, trackers)
        for index in INDEXES:
            connection.execute(index)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
