"""The Report Service: one flat table over all apps, as JSON, CSV or Parquet, and the lists for its filters."""

from adjust_async.emulator.reports.service import ReportService

__all__ = ["ReportService"]
