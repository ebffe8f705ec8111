"""Sharing one account's limits between clients of one process, of one machine, or of several machines."""

from adjust_async.coordination.file import FileCoordinator
from adjust_async.coordination.in_process import InProcessCoordinator
from adjust_async.coordination.protocol import (
    Coordinator,
    Holder,
    Host,
    Journal,
    JournalEntry,
    Lock,
    Member,
    PauseOutlastsDeadlineError,
    Permit,
)
from adjust_async.coordination.redis import OnOutage, RedisCoordinator
from adjust_async.coordination.urls import coordinator_at

__all__ = [
    "Coordinator",
    "FileCoordinator",
    "Holder",
    "Host",
    "InProcessCoordinator",
    "Journal",
    "JournalEntry",
    "Lock",
    "Member",
    "OnOutage",
    "PauseOutlastsDeadlineError",
    "Permit",
    "RedisCoordinator",
    "coordinator_at",
]
