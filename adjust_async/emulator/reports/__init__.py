"""The Report Service: one flat table out of all apps, as JSON, CSV or Parquet, and the lists behind its filters."""

from adjust_async.emulator.reports.gate import LeakyBucket, ReportGate
from adjust_async.emulator.reports.service import ReportService

__all__ = ["LeakyBucket", "ReportGate", "ReportService"]
