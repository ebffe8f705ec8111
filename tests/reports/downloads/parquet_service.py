"""A Parquet report for tests: its table and its bytes."""

import io
from typing import Any

import pyarrow
from pyarrow import parquet

DATES = ("2026-01-26", "2026-02-04")


QUERY: Any = {"dimensions": ["day", "network"], "metrics": ["installs", "cost", "ctr"], "date_period": DATES}


TABLE = pyarrow.table({"day": ["2026-01-26", "2026-01-27"], "network": ["A", "B"], "installs": [1, 2]})


def parquet_of(table: Any) -> bytes:
    """Write a table as the service would."""
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


WHOLE = parquet_of(TABLE)
