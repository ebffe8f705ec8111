"""The asyncio SDK for Adjust: campaign trackers and KPI reports, concurrent, typed and safe to run again."""

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
from adjust_async.kpi_report import KpiReport
from adjust_async.models import Partner, Tracker
from adjust_async.pages import CursorPages, Cursors, Page
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
