"""KPIs over real sockets for tests: the days, and rows regardless of their order."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from adjust_async import (
    AsyncAdjust,
)

DATES: Any = {"start_date": date(2026, 1, 26), "end_date": date(2026, 2, 4)}


def ask(adjust: AsyncAdjust, method: str, *arguments: Any, **query: Any) -> Any:
    """Call the method of an endpoint."""
    return getattr(adjust.kpis, method)(*arguments, **query)


def cells(rows: Iterator[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return rows regardless of the order of their columns."""
    return [tuple(sorted(row.items())) for row in rows]
