"""The KPI Service."""
