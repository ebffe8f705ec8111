"""Schemas that depend only on the query."""

import json

import pyarrow
import pytest

from adjust_async import ConfigurationError, DecodeError, Report
from adjust_async.integrations.schemas import cast, kpi_schema, report_schema

UTC = pyarrow.timestamp("us", "UTC")


def report(rows: list[dict[str, str]], dimensions: list[str]) -> Report:
    """Return a report of some rows."""
    return Report.from_json(json.dumps({"rows": rows}), dimensions=dimensions)


def test_types_follow_from_names() -> None:
    """Days, hours, counts, money and ids have their types before there is an answer."""
    assert report_schema(["day", "hour", "network"], ["installs", "cost", "daus"]) == pyarrow.schema(
        {
            "app_token": pyarrow.string(),
            "day": pyarrow.date32(),
            "hour": UTC,
            "network": pyarrow.string(),
            "installs": pyarrow.int64(),
            "cost": pyarrow.float64(),
            "daus": pyarrow.float64(),
        }
    )
    assert kpi_schema(["installs", "revenue"], ["day", "trackers"]).names == [
        *("app_token", "app_name", "currency", "date", "tracker_token", "tracker_name", "installs", "revenue")
    ]


def test_a_report_is_brought_under_the_columns_of_its_question() -> None:
    """Missing columns are null, others left out, names match in any case, and hours without an offset are in UTC."""
    rows = [{"app_token": "app", "hour": "2026-01-01T05:00:00", "INSTALLS": "3", "other": "4"}]
    schema = report_schema(["hour"], ["installs", "cost"])
    table = cast(report(rows, ["app_token", "hour"]), schema, "app")
    assert table.schema == schema
    [row] = table.to_pylist()
    assert row["hour"].isoformat() == "2026-01-01T05:00:00+00:00"
    assert (row["installs"], row["cost"]) == (3, None)


@pytest.mark.parametrize("cell", ["1.5", "many"])
def test_a_cell_of_another_type_is_an_error(cell: str) -> None:
    """A count with a fraction is neither rounded nor dropped; the error names app and column."""
    rows = [{"app_token": "app", "day": "2026-01-01", "installs": cell}]
    with pytest.raises(DecodeError, match="app: installs is int64"):
        cast(report(rows, ["app_token", "day"]), report_schema(["day"], ["installs"]), "app")


def test_a_name_in_two_places_is_refused() -> None:
    """A dimension can't be a metric too."""
    with pytest.raises(ConfigurationError, match="'day'"):
        report_schema(["day"], ["day"])
