"""An emulator of Adjust: the Campaign API, the KPI Service and the Report Service on a loopback port, with faults.

It keeps its account in SQLite. It shares no code with the client, so that a bug in one can't hide a bug in the other.
It needs the extra `emulator`: `pip install 'adjust_async[emulator]'`.
"""

import adjust_async.emulator._extra  # noqa: F401 # first, because it names the extra if a package is missing
from adjust_async.emulator.account.options import EmulatedApp
from adjust_async.emulator.account.store import Store, Tracker
from adjust_async.emulator.facts import Fact, Facts
from adjust_async.emulator.faults.app_states import AppState, AppStates
from adjust_async.emulator.faults.faults import Faults
from adjust_async.emulator.faults.kinds import (
    ANSWER_FAULTS,
    CURSOR_FAULTS,
    LIST_DELAYS,
    LIST_FAULTS,
    RECOVERABLE_FAULTS,
    WRITE_FAULTS,
    Fault,
)
from adjust_async.emulator.http.received import ReceivedRequest, ReceivedRequests
from adjust_async.emulator.http.stats import HostStats, Stats
from adjust_async.emulator.reports.options import ReportOptions
from adjust_async.emulator.server import Emulator

__all__ = [
    "ANSWER_FAULTS",
    "CURSOR_FAULTS",
    "LIST_DELAYS",
    "LIST_FAULTS",
    "RECOVERABLE_FAULTS",
    "WRITE_FAULTS",
    "AppState",
    "AppStates",
    "EmulatedApp",
    "Emulator",
    "Fact",
    "Facts",
    "Fault",
    "Faults",
    "HostStats",
    "ReceivedRequest",
    "ReceivedRequests",
    "ReportOptions",
    "Stats",
    "Store",
    "Tracker",
]
