"""The Report Service: one flat table out of all apps, as JSON, CSV or Parquet, and the lists behind its filters."""

from adjust_async.emulator.reports.service import ReportService

__all__ = ["ReportService"]
