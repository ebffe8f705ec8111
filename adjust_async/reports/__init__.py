"""The Report Service."""
