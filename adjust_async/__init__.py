"""The asyncio SDK for Adjust: campaign trackers and KPI reports, concurrent, typed and safe to run again."""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from adjust_async._version import __version__
from adjust_async.errors import (
    AdjustError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    CoordinationError,
    DecodeError,
    GoneError,
    LockLostError,
    NotFoundError,
    NotTriedError,
    PaginationError,
    PermissionDeniedError,
    PlanError,
    PoolExhaustedError,
    RateLimitError,
    ServerError,
    WrongTrackerError,
)

if TYPE_CHECKING:
    from adjust_async.campaign.models import Partner, Tracker
    from adjust_async.campaign.pages import CursorPages, Cursors, Page, Paging
    from adjust_async.campaign.provisioning.plan import Plan, TrackerSpec
    from adjust_async.campaign.provisioning.plan_files import load_plan
    from adjust_async.campaign.provisioning.result import ProvisionOutcome, ProvisionResult
    from adjust_async.campaign.walk import Walk
    from adjust_async.client import AsyncAdjust
    from adjust_async.config import Retry
    from adjust_async.kpis.parameters import CohortsQuery, DeliverablesQuery, EventsQuery, SKAdNetworkQuery
    from adjust_async.kpis.report import KpiReport
    from adjust_async.reports.downloads.saved import SavedReport
    from adjust_async.reports.lists import FilterLists
    from adjust_async.reports.lookback import lookback
    from adjust_async.reports.models import App, FilterValue, ReportEvent
    from adjust_async.reports.parameters import CsvQuery, ReportQuery
    from adjust_async.reports.report import PivotReport, Report, ReportPart
    from adjust_async.tables import Column, RecordList, Table
    from adjust_async.transports.pooled import PooledTransport

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AdjustError",
    "App",
    "AsyncAdjust",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedError",
    "CohortsQuery",
    "Column",
    "ConfigurationError",
    "CoordinationError",
    "CsvQuery",
    "CursorPages",
    "Cursors",
    "DecodeError",
    "DeliverablesQuery",
    "EventsQuery",
    "FilterLists",
    "FilterValue",
    "GoneError",
    "KpiReport",
    "LockLostError",
    "NotFoundError",
    "NotTriedError",
    "Page",
    "PaginationError",
    "Paging",
    "Partner",
    "PermissionDeniedError",
    "PivotReport",
    "Plan",
    "PlanError",
    "PoolExhaustedError",
    "PooledTransport",
    "ProvisionOutcome",
    "ProvisionResult",
    "RateLimitError",
    "RecordList",
    "Report",
    "ReportEvent",
    "ReportPart",
    "ReportQuery",
    "Retry",
    "SKAdNetworkQuery",
    "SavedReport",
    "ServerError",
    "Table",
    "Tracker",
    "TrackerSpec",
    "Walk",
    "WrongTrackerError",
    "__version__",
    "load_plan",
    "lookback",
]


#: The module of each name that is imported on first use. Importing them all takes longer than importing httpx, and many
#: programs import this package without opening a client. The block above declares the same names for type checkers.
_MODULES = {
    "App": "reports.models",
    "AsyncAdjust": "client",
    "CohortsQuery": "kpis.parameters",
    "Column": "tables",
    "CsvQuery": "reports.parameters",
    "CursorPages": "campaign.pages",
    "Cursors": "campaign.pages",
    "DeliverablesQuery": "kpis.parameters",
    "EventsQuery": "kpis.parameters",
    "FilterLists": "reports.lists",
    "FilterValue": "reports.models",
    "KpiReport": "kpis.report",
    "Page": "campaign.pages",
    "Paging": "campaign.pages",
    "Partner": "campaign.models",
    "PivotReport": "reports.report",
    "Plan": "campaign.provisioning.plan",
    "PooledTransport": "transports.pooled",
    "ProvisionOutcome": "campaign.provisioning.result",
    "ProvisionResult": "campaign.provisioning.result",
    "RecordList": "tables",
    "Report": "reports.report",
    "ReportEvent": "reports.models",
    "ReportPart": "reports.report",
    "Retry": "config",
    "ReportQuery": "reports.parameters",
    "SKAdNetworkQuery": "kpis.parameters",
    "SavedReport": "reports.downloads.saved",
    "Table": "tables",
    "Tracker": "campaign.models",
    "TrackerSpec": "campaign.provisioning.plan",
    "Walk": "campaign.walk",
    "load_plan": "campaign.provisioning.plan_files",
    "lookback": "reports.lookback",
}


# The application decides where the log goes.
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name == "progress":
        return import_module(f"{__name__}.progress")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
