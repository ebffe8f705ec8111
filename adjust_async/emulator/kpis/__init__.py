"""The KPI Service: deliverables, events, cohorts and SKAdNetwork, as JSON or CSV."""

from adjust_async.emulator.kpis.service import KPIService

__all__ = ["KPIService"]
