"""The asyncio SDK for Adjust: campaign trackers and KPI reports, concurrent, typed and safe to run again."""

from typing import TYPE_CHECKING, Any

from adjust_async._transport import PooledTransport
from adjust_async._version import __version__
from adjust_async.client import AsyncAdjust
from adjust_async.config import Retry
from adjust_async.errors import (
    AdjustError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    GoneError,
    NotFoundError,
    PaginationError,
    PermissionDeniedError,
    PoolExhaustedError,
    RateLimitError,
    ServerError,
)
from adjust_async.models import Partner, Tracker
from adjust_async.pages import CursorPages, Cursors, Page

if TYPE_CHECKING:
    from adjust_async.kpi_report import KpiReport
    from adjust_async.tables import Column, Table

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AdjustError",
    "AsyncAdjust",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedError",
    "Column",
    "ConfigurationError",
    "CursorPages",
    "Cursors",
    "DecodeError",
    "GoneError",
    "KpiReport",
    "NotFoundError",
    "Page",
    "PaginationError",
    "Partner",
    "PermissionDeniedError",
    "PoolExhaustedError",
    "PooledTransport",
    "RateLimitError",
    "Retry",
    "ServerError",
    "Table",
    "Tracker",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import what reports are made of when it is asked for: it would be a tenth of the time of every import."""
    if name == "KpiReport":
        from adjust_async.kpi_report import KpiReport

        return KpiReport
    if name in {"Column", "Table"}:
        from adjust_async import tables

        return getattr(tables, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
