"""Flat tables with typed cells, as dictionaries, Arrow, pandas or polars, and their columns."""

from adjust_async.tables.arrow import arrow_array, arrow_type, has_offset, import_pyarrow, plain_cells
from adjust_async.tables.column import Column, Kind
from adjust_async.tables.listing import Listing, RecordList
from adjust_async.tables.record_table import RecordColumns, RecordTable
from adjust_async.tables.records import Records, Texts
from adjust_async.tables.table import ColumnTable, Table, are_unique, counted, failed, rows_of

__all__ = [
    "Column",
    "ColumnTable",
    "Kind",
    "Listing",
    "RecordColumns",
    "RecordList",
    "RecordTable",
    "Records",
    "Table",
    "Texts",
    "are_unique",
    "arrow_array",
    "arrow_type",
    "counted",
    "failed",
    "has_offset",
    "import_pyarrow",
    "plain_cells",
    "rows_of",
]
