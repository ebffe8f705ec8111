"""CSV files of the KPI Service for tests: written, and read back."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from adjust_async.kpis.report import KpiReport


def rows_of(text: str | bytes, **app: str) -> list[dict[str, Any]]:
    """Return the rows of a CSV without empty cells."""
    found = KpiReport.from_csv(text, **app).rows()
    return [{key: value for key, value in row.items() if value is not None} for row in found]


def written(columns: Sequence[str], rows: Sequence[Sequence[Any]], **form: Any) -> str:
    """Write a CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, **form)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
