"""Adjust on a loopback port: the Campaign API, v1 and v2, and the KPI Service, over SQLite, with faults on demand.

It shares no code with the client, so that a mistake in one can not hide a mistake in the other. It needs the
extra `emulator`: `pip install 'adjust_async[emulator]'`.
"""

from adjust_async.emulator.app_states import AppState, AppStates
from adjust_async.emulator.facts import Fact, Facts
from adjust_async.emulator.faults import CURSOR_FAULTS, RECOVERABLE_FAULTS, Fault, Faults
from adjust_async.emulator.server import Emulator
from adjust_async.emulator.stats import Stats
from adjust_async.emulator.store import Store, Tracker

__all__ = [
    "CURSOR_FAULTS",
    "RECOVERABLE_FAULTS",
    "AppState",
    "AppStates",
    "Emulator",
    "Fact",
    "Facts",
    "Fault",
    "Faults",
    "Stats",
    "Store",
    "Tracker",
]
