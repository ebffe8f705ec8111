from collections.abc import Iterator
from datetime import date

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.kpis.results import serving
from tests.emulator.reports.results import ask, rows, total

TODAY = date(2026, 5, 13)  # a Wednesday


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of an emulator with one app."""
    with serving(Emulator(apps=1, trackers_per_app=30, facts_per_day=6, today=TODAY, report_rate=None)) as client:
        yield client


def days(client: httpx.Client, period: str, **parameters: str) -> tuple[str, str]:
    """Ask for the first and the last day of a report."""
    table = rows(client, dimensions="day", date_period=period, attribution_type="all", **parameters)
    return table[0]["day"], table[-1]["day"]


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("2026-04-30:2026-05-02", "2026-04-30", "2026-05-02"),
        ("-10d:-3d", "2026-05-03", "2026-05-10"),
        ("2026-05-01:-0d", "2026-05-01", "2026-05-13"),
        ("-2d:2026-05-13", "2026-05-11", "2026-05-13"),
        ("2026-05-04T00:00:00Z:2026-05-05T23:59:59Z", "2026-05-04", "2026-05-05"),
        ("2026-05-04T00:00:00+00:00:-1d", "2026-05-04", "2026-05-12"),
        ("today", "2026-05-13", "2026-05-13"),
        ("yesterday", "2026-05-12", "2026-05-12"),
        ("this_week", "2026-05-10", "2026-05-13"),
        ("last_week", "2026-05-03", "2026-05-09"),
        ("this_month", "2026-05-01", "2026-05-13"),
        ("this_month_until_yesterday", "2026-05-01", "2026-05-12"),
        ("last_month", "2026-04-01", "2026-04-30"),
    ],
)
def test_date_periods(client: httpx.Client, period: str, first: str, last: str) -> None:
    """A period is two days, days ago, or a word. Weeks begin on Sunday."""
    assert days(client, period) == (first, last)


@pytest.mark.parametrize(
    "period",
    [
        "last_7_days", "2026-05-01", "2026-05-02:2026-05-01", "-3d:-10d", "2026-05-01:2026-05-32", "1:2", "-1d",
        "2026-05-01:2026-05-02:2026-05-03", "2026-05-01T25:00:00Z:2026-05-02T00:00:00Z", "-99999d:-99998w", "+1d:+2d",
        "2026-5-1:2026-5-2", "TODAY",
    ],
)  # fmt: skip
def test_refused_periods(client: httpx.Client, period: str) -> None:
    """Everything else is 400 and named."""
    response = ask(client, date_period=period)
    assert response.status_code == 400
    error = response.json()
    assert error["error_code"] == "validation_error"
    assert error["error_desc_details"][0]["loc"] == ["date_period"]


@pytest.mark.parametrize(
    ("dimension", "iso", "formatted"),
    [
        ("day", "2026-05-09", "2026-05-09"),
        ("week", "2026-05-03 - 2026-05-09", "03 May 2026 - 09 May 2026"),
        ("month", "2026-05", "May 2026"),
        ("quarter", "Q2 2026", "Q2 2026"),
        ("year", "2026", "2026"),
    ],
)
def test_formats(client: httpx.Client, dimension: str, iso: str, formatted: str) -> None:
    """Weeks and months are formatted for people unless ISO is requested."""
    parameters = {"dimensions": dimension, "date_period": "2026-05-09:2026-05-09"}
    assert rows(client, **parameters, format_dates="false")[0][dimension] == iso
    assert rows(client, **parameters)[0][dimension] == rows(client, **parameters, format_dates="true")[0][dimension]
    assert rows(client, **parameters)[0][dimension] == formatted


def test_hours(client: httpx.Client) -> None:
    """Hours are ISO, full and in the time of the report, formatted or not."""
    table = rows(client, dimensions="hour", date_period="2026-05-09:2026-05-09", attribution_type="all")
    hours = [row["hour"] for row in table]
    assert hours == sorted(hours)
    assert all(hour.startswith("2026-05-09T") and hour.endswith(":00:00") for hour in hours)
    shifted = rows(
        client, dimensions="hour", date_period="2026-05-09:2026-05-10", attribution_type="all", utc_offset="+01:00"
    )
    moved = {f"2026-05-09T{int(hour[11:13]) + 1:02}:00:00" for hour in hours if hour[11:13] != "23"}
    assert moved <= {row["hour"] for row in shifted}


@pytest.mark.parametrize(("dimension", "count"), [("week", 14), ("month", 4), ("quarter", 2), ("year", 1), ("day", 92)])
def test_units_over_borders(client: httpx.Client, dimension: str, count: int) -> None:
    """Units hold the facts of their days, however many of them the report cuts off."""
    period = "2026-01-15:2026-04-16"
    table = rows(client, dimensions=dimension, date_period=period)
    assert len(table) == count
    assert total(table, "installs") == total(rows(client, date_period=period), "installs")
    both = rows(client, dimensions=f"{dimension},day", date_period=period, format_dates="false")
    by_unit: dict[str, int] = {}
    for row in both:
        by_unit[row[dimension]] = by_unit.get(row[dimension], 0) + int(row["installs"])
    assert list(by_unit.values()) == [int(row["installs"]) for row in table]


def test_weeks_begin_on_sunday(client: httpx.Client) -> None:
    """A Sunday begins the week that ends with the following Saturday."""
    table = rows(client, dimensions="week,day", date_period="2026-05-02:2026-05-10", format_dates="false")
    assert dict.fromkeys((row["week"], row["day"]) for row in table if row["day"][-2:] in {"02", "03", "09", "10"}) == {
        ("2026-04-26 - 2026-05-02", "2026-05-02"): None,
        ("2026-05-03 - 2026-05-09", "2026-05-03"): None,
        ("2026-05-03 - 2026-05-09", "2026-05-09"): None,
        ("2026-05-10 - 2026-05-16", "2026-05-10"): None,
    }


def test_time_zones(client: httpx.Client) -> None:
    """A time zone has its offset at each hour, with summer time, and an offset wins over it."""
    parameters = {"dimensions": "day", "date_period": "2026-03-01:2026-03-31", "metrics": "sessions"}
    winter, summer = (rows(client, **parameters, utc_offset=offset) for offset in ("+01:00", "+02:00"))
    local = rows(client, **parameters, timezone_id="Europe/Berlin")
    assert local[:28] == winter[:28] != rows(client, **parameters)[:28]
    assert local[29:] == summer[29:] != winter[29:]
    assert rows(client, **parameters, timezone_id="Asia/Tokyo", utc_offset="+01:00") == winter
    for name, value in ("timezone_id", "Mars/Olympus"), ("utc_offset", " 01:00"), ("timezone_id", "../passwd"):
        response = ask(client, **{name: value})
        assert response.status_code == 400
        assert response.json()["error_desc_details"][0]["loc"] == [name]


def test_hours_of_the_day(client: httpx.Client) -> None:
    """Some hours of each day may be chosen, by number or back from the last one."""
    parameters = {"dimensions": "hour", "date_period": "2026-05-01:2026-05-10"}
    late = rows(client, **parameters, hour__between="20:23")
    assert late == rows(client, **parameters, hour__between="-3h:-0h")
    assert {row["hour"][11:13] for row in late} <= {"20", "21", "22", "23"}
    early = rows(client, **parameters, hour__between="0:19")
    assert total(early, "installs") + total(late, "installs") == total(rows(client, **parameters), "installs")
    for text in "23:1", "1", "0:24", "-30h:-1h", "x:y":
        assert ask(client, hour__between=text).status_code == 400


@pytest.mark.parametrize("dimension", ["app", "day", "hour", "week", "quarter", "year"])
@pytest.mark.parametrize("period", ["0001-01-01:1999-12-31", "2030-01-01:9999-12-31"])
def test_far_away(client: httpx.Client, dimension: str, period: str) -> None:
    """Without facts a report is empty, however long it is."""
    assert ask(client, dimensions=dimension, date_period=period, metrics="daus,roas_m36").status_code == 204


def test_first_of_a_month() -> None:
    """On the first day of a month it has no days until yesterday."""
    with serving(Emulator(apps=1, trackers_per_app=30, facts_per_day=6, today=date(2026, 5, 1))) as client:
        assert ask(client, date_period="this_month_until_yesterday").status_code == 204
        assert days(client, "last_month") == ("2026-04-01", "2026-04-30")
