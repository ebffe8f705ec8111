"""Arrow schemas that depend only on the query, so that a table has the same columns whatever an answer contains."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adjust_async import ConfigurationError, DecodeError, KpiReport, Report, Table

if TYPE_CHECKING:
    import pyarrow

__all__ = ["cast", "kpi_schema", "report_schema"]


def report_schema(dimensions: Sequence[str], metrics: Sequence[str]) -> "pyarrow.Schema":
    """Return the schema of a report by app: `app_token`, the dimensions, the metrics. Hours are in UTC."""
    names = dict.fromkeys(("app_token", *dimensions))
    return _at_utc(_empty_report(list(names), metrics).to_arrow().schema)


def kpi_schema(kpis: Sequence[str], grouping: Sequence[str]) -> "pyarrow.Schema":
    """Return the schema of a KPI report: the app, the levels of the grouping, the KPIs. Hours are in UTC."""
    parameters = {"kpis": list(kpis), "grouping": list(grouping)}
    empty = KpiReport.from_json(json.dumps({"result_parameters": parameters, "result_set": {"apps": []}}))
    return _at_utc(empty.to_arrow().schema)


def cast(table: Table, schema: "pyarrow.Schema", app_token: str) -> "pyarrow.Table":
    """Return a table with the columns of a schema. Missing columns are filled with nulls, and others are dropped.

    Raises:
        DecodeError: A cell can't be converted to its column's type, such as a fraction in a column of counts.
    """
    import pyarrow

    came = table.to_arrow()
    names = {name.lower(): name for name in came.column_names}
    columns = []
    for field in schema:
        if (name := names.get(field.name.lower())) is None:
            columns.append(pyarrow.nulls(came.num_rows, field.type))
            continue
        try:
            columns.append(_cast_column(came.column(name), field.type))
        except pyarrow.ArrowInvalid as error:
            raise DecodeError(
                f"app {app_token}: {field.name} is {field.type} by its name, and one cell is something else: {error}",
                location="$",
            ) from None
    return pyarrow.Table.from_arrays(columns, schema=schema)


def _cast_column(column: Any, wanted: Any) -> Any:
    import pyarrow.compute

    if pyarrow.types.is_timestamp(wanted) and pyarrow.types.is_timestamp(column.type) and column.type.tz is None:
        return pyarrow.compute.assume_timezone(column, "UTC")
    return column.cast(wanted)


def _empty_report(dimensions: Sequence[str], metrics: Sequence[str]) -> Report:
    if clash := set(dimensions).intersection(metrics):
        raise ConfigurationError(f"{min(clash)!r} is among the dimensions and among the metrics: pass it once")
    return Report.from_json(json.dumps({"rows": [], "totals": dict.fromkeys(metrics, 0)}), dimensions=dimensions)


def _at_utc(schema: "pyarrow.Schema") -> "pyarrow.Schema":
    import pyarrow

    utc = pyarrow.timestamp("us", "UTC")
    return pyarrow.schema(
        [field.with_type(utc) if pyarrow.types.is_timestamp(field.type) else field for field in schema]
    )
