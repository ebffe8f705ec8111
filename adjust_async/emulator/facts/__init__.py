"""The figures behind the reports: what happened in each app, drawn by seed and kept in SQLite."""

from adjust_async.emulator.facts.store import Fact, Facts

__all__ = ["Fact", "Facts"]
