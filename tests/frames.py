"""Data frames as plain rows, for tests."""

from typing import Any

import pandas

from adjust_async.tables import Table


def from_pandas(source: Table) -> list[dict[str, Any]]:
    """Return the rows of a pandas frame as plain values."""
    frame = source.to_pandas()
    columns = {name: [None if pandas.isna(cell) else cell for cell in frame[name]] for name in frame.columns}
    for name, kind in source.schema:
        if kind == "date":
            columns[name] = [cell and cell.date() for cell in columns[name]]
    return [{name: cells[number] for name, cells in columns.items()} for number in range(len(frame))]
