"""Flat tables with typed cells, as dictionaries, Arrow, pandas or polars, and the columns that they are made of."""

from adjust_async.tables.records import Records
from adjust_async.tables.table import (
    Column,
    Kind,
    RowTable,
    Table,
    arrow_type,
    has_offset,
    import_pyarrow,
    plain_cells,
)

__all__ = [
    "Column",
    "Kind",
    "Records",
    "RowTable",
    "Table",
    "arrow_type",
    "has_offset",
    "import_pyarrow",
    "plain_cells",
]
