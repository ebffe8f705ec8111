"""Common operations of analysts on a frame, one by one."""

import json
from datetime import date

import pandas
import pytest

from tests.kpis.answers import report as kpi_report
from tests.reports.answers import report

DAYS = [f"2026-01-{day:02}" for day in range(1, 15)]


@pytest.fixture
def frame() -> pandas.DataFrame:
    """Return the frame of a report of two weeks, with a missing count."""
    rows = [{"day": day, "hour": f"{day}T05:00:00", "app": "ab"[number % 2], "installs": str(number), "cost": "0.5"}
            for number, day in enumerate(DAYS)]  # fmt: skip
    rows[3]["installs"] = ""
    return report(*rows, dimensions=["day", "hour", "app"], metrics=["installs", "cost"]).to_pandas()


def test_types_are_those_of_pandas(frame: pandas.DataFrame) -> None:
    """Days and hours are pandas datetimes, and counts stay integers even if one is missing."""
    assert [str(frame.dtypes[name]) for name in ("day", "hour", "installs", "cost")] == [
        "datetime64[us]", "datetime64[us]", "Int64", "float64"]  # fmt: skip
    assert frame["installs"].isna().sum() == 1
    assert frame["installs"].sum() == sum(range(14)) - 3


@pytest.mark.parametrize("column", ["day", "hour"])
def test_resample(frame: pandas.DataFrame, column: str) -> None:
    """Weeks of days."""
    assert frame.resample("7D", on=column)["installs"].sum().tolist() == [18, 70]


def test_grouper(frame: pandas.DataFrame) -> None:
    """Groups by days and another column."""
    grouped = frame.groupby([pandas.Grouper(key="day", freq="MS"), "app"])["cost"].sum()
    assert grouped.to_dict() == {(pandas.Timestamp("2026-01-01"), app): 3.5 for app in "ab"}


def test_comparison_with_text(frame: pandas.DataFrame) -> None:
    """A day is compared with its ISO text."""
    assert len(frame[frame["day"] >= "2026-01-10"]) == 5
    assert len(frame[frame["day"] == "2026-01-10"]) == 1


def test_comparison_with_a_timestamp(frame: pandas.DataFrame) -> None:
    """A day is compared with a pandas Timestamp."""
    assert len(frame[frame["day"] < pandas.Timestamp("2026-01-03")]) == 2


def test_merge(frame: pandas.DataFrame) -> None:
    """A frame is joined with an analyst's own, by days and by texts."""
    holidays = pandas.DataFrame({"day": pandas.to_datetime(["2026-01-06"]), "name": ["Epiphany"]})
    assert frame.merge(holidays, on="day")["name"].tolist() == ["Epiphany"]
    names = pandas.DataFrame({"app": ["a", "b"], "title": ["A", "B"]})
    assert frame.merge(names, on="app")["title"].tolist() == ["A", "B"] * 7


def test_rolling(frame: pandas.DataFrame) -> None:
    """The mean of a week, weighted by days and not by rows."""
    assert frame.rolling("7D", on="day")["cost"].sum().tolist()[-1] == 3.5
    assert frame.set_index("day")["installs"].rolling("7D").sum().iloc[-1] == 70


def test_to_period(frame: pandas.DataFrame) -> None:
    """Days become weeks and months."""
    assert set(frame["day"].dt.to_period("M").astype(str)) == {"2026-01"}
    assert len(set(frame["day"].dt.to_period("W"))) == 3


def test_to_json(frame: pandas.DataFrame) -> None:
    """A frame is written as JSON, with ISO dates and null for missing values."""
    records = json.loads(frame.to_json(orient="records", date_format="iso"))
    assert records[3]["installs"] is None
    assert records[4]["installs"] == 4
    assert records[0]["day"].startswith("2026-01-01T00:00:00")


def test_query_by_period() -> None:
    """The period of a cohort is a number."""
    periods = [{"period": str(number), "kpi_values": [number / 10]} for number in range(10)]
    kpis = kpi_report({"token": "a", "periods": periods}, "retention_rate").to_pandas()
    melted = report(
        {"day": "2026-01-05", "retention_rate_d10": "0.1", "retention_rate_d2": "0.5"},
        metrics=["retention_rate_d10", "retention_rate_d2"],
    ).melt_cohorts().to_pandas()  # fmt: skip
    assert len(kpis.query("period <= 7")) == 8
    assert melted.query("period <= 7")["value"].tolist() == [0.5]
    assert melted.sort_values("period")["period"].tolist() == [2, 10]


def test_an_hour_with_an_offset_is_at_utc() -> None:
    """A repeated hour stays two."""
    rows = [{"hour": f"2026-10-25T02:00:00+0{offset}:00", "installs": "1"} for offset in (2, 1)]
    hours = report(*rows, dimensions=["hour"], metrics=["installs"]).to_pandas()["hour"]
    assert str(hours.dtype) == "datetime64[us, UTC]"
    assert hours.dt.hour.tolist() == [0, 1]


def test_days_of_a_kpi_report() -> None:
    """Days of the KPI Service are pandas datetimes, too, even if they are outside of the range of nanoseconds."""
    app = {
        "token": "a",
        "dates": [{"date": "1500-01-01", "kpi_values": [1]}, {"date": "2026-01-01", "kpi_values": [2]}],
    }
    days = kpi_report(app, "installs", grouping=["day"]).to_pandas()["date"]
    assert str(days.dtype) == "datetime64[us]"
    assert [day.date() for day in days] == [date(1500, 1, 1), date(2026, 1, 1)]
