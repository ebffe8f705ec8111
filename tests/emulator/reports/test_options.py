import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import httpx
import pytest

from adjust_async.emulator import Emulator, ReportOptions
from tests.emulator.kpis.results import serving
from tests.emulator.reports.results import ask, document, rows, total

TODAY = date(2026, 12, 30)
PIVOT = {"dimensions": "os_name", "metrics": "installs,daus", "date_period": "2026-01-01:2026-01-10"}
END_OF_SUMMER_TIME = "2026-10-25:2026-10-25"


@contextmanager
def account(**options: Any) -> Iterator[httpx.Client]:
    """Serve an account whose reports have these forms."""
    emulator = Emulator(
        apps=1, trackers_per_app=40, facts_per_day=60, today=TODAY, report_rate=None, reports=ReportOptions(**options)
    )
    with serving(emulator) as client:
        yield client


@pytest.fixture(scope="module")
def plain() -> Iterator[httpx.Client]:
    """The same account with the documented forms."""
    with account() as client:
        yield client


def test_documented_pivot(plain: httpx.Client) -> None:
    """Metrics of rows are texts, and a value of the index is an object of its own."""
    pivot = document(plain, "pivot_report", **PIVOT, index="country")
    for entry in pivot["rows"]:
        ((_, inner),) = entry.items()
        assert list(inner) == ["rows", "totals", "warnings", "pagination"]
        assert all(isinstance(row["installs"], str) for row in inner["rows"])
    assert "debug" not in pivot


@pytest.mark.parametrize("index", ["country", "country,day"])
@pytest.mark.parametrize("form", ["data", "list", "row"])
def test_pivot_forms(plain: httpx.Client, form: str, index: str) -> None:
    """The forms that some callers saw hold the same rows, as texts or as numbers."""

    def flat(entries: list[dict[str, Any]], form: str, depth: int, numbers: bool) -> list[tuple[Any, ...]]:
        found = []
        for entry in entries:
            for value, inner in entry.items():
                held = [inner] if form == "row" else inner if form == "list" else inner[form]
                if depth > 1:
                    found += [(value, *row) for row in flat(held, form, depth - 1, numbers)]
                else:
                    assert all(isinstance(row["installs"], int if numbers else str) for row in held)
                    found += [(value, row["os_name"], float(row["installs"]), float(row["daus"])) for row in held]
        return found

    depth = index.count(",") + 1
    expected = document(plain, "pivot_report", **PIVOT, index=index)
    with account(pivot_rows=form, pivot_numbers=True) as client:
        seen = document(client, "pivot_report", **PIVOT, index=index)
    assert flat(seen["rows"], form, depth, True) == flat(expected["rows"], "rows", depth, False)
    assert seen["totals_per_dimension"] == expected["totals_per_dimension"]


def test_days_with_a_time(plain: httpx.Client) -> None:
    """A day is written with midnight, formatted or not, and is the same day."""
    days = [row["day"] for row in rows(plain, dimensions="day")]
    with account(day_times=True) as client:
        for form in "true", "false":
            assert [row["day"] for row in rows(client, dimensions="day", format_dates=form)] == [
                f"{day}T00:00:00" for day in days
            ]
        assert document(client, dimensions="week")["rows"] == document(plain, dimensions="week")["rows"]


@pytest.mark.parametrize(
    ("parameters", "offset"),
    [({}, "+00:00"), ({"utc_offset": "-03:00"}, "-03:00"), ({"timezone_id": "Europe/Berlin"}, "+01:00")],
)
def test_hours_with_an_offset(plain: httpx.Client, parameters: dict[str, str], offset: str) -> None:
    """An hour is written with the offset that holds in it."""
    question = {"dimensions": "hour", "date_period": "2026-02-01:2026-02-03"} | parameters
    with account(hour_offsets=True) as client:
        assert rows(client, **question) == [row | {"hour": f"{row['hour']}{offset}"} for row in rows(plain, **question)]


def test_a_repeated_hour(plain: httpx.Client) -> None:
    """At the end of summer time a day has 25 hours. One of them appears twice, with different offsets."""
    question = {"dimensions": "hour", "date_period": END_OF_SUMMER_TIME, "timezone_id": "Europe/Berlin"}
    with account(hour_offsets=True) as client:
        found = {row["hour"]: int(row["installs"]) for row in rows(client, **question)}
        days = rows(client, **question | {"dimensions": "day"})
    utc = {row["hour"]: int(row["installs"]) for row in rows(
        plain, dimensions="hour", date_period="2026-10-24:2026-10-25", utc_offset="+00:00"
    )}  # fmt: skip
    assert found.get("2026-10-25T02:00:00+02:00") == utc.get("2026-10-25T00:00:00")
    assert found.get("2026-10-25T02:00:00+01:00") == utc.get("2026-10-25T01:00:00")
    assert found.get("2026-10-25T00:00:00+02:00") == utc.get("2026-10-24T22:00:00")
    assert {hour[10:] for hour in found} <= {
        *(f"T{hour:02}:00:00+02:00" for hour in range(3)), *(f"T{hour:02}:00:00+01:00" for hour in range(2, 24)),
    }  # fmt: skip
    assert [(row["day"], int(row["installs"])) for row in days] == [("2026-10-25", sum(found.values()))]
    assert sum(found.values()) == sum(count for hour, count in utc.items() if "2026-10-24T22" <= hour < "2026-10-25T23")


def test_weeks_from_monday(plain: httpx.Client) -> None:
    """Weeks begin on Monday, in rows, in words and in the windows of a report."""
    question = {"dimensions": "week", "format_dates": "false", "date_period": "2026-05-01:2026-05-12"}
    with account(weeks_begin="monday") as client:
        found = rows(client, **question)
        assert [row["week"] for row in found] == [
            "2026-04-27 - 2026-05-03", "2026-05-04 - 2026-05-10", "2026-05-11 - 2026-05-17",
        ]  # fmt: skip
        assert total(found, "installs") == total(rows(plain, **question), "installs")
        weeks = [rows(client, dimensions="day", date_period=word) for word in ("this_week", "last_week")]
        assert [(week[0]["day"], week[-1]["day"]) for week in weeks] == [
            ("2026-12-28", "2026-12-30"), ("2026-12-21", "2026-12-27"),
        ]  # fmt: skip


def test_row_cap(plain: httpx.Client) -> None:
    """No report has more rows than the cap, whatever its limit, and the totals are those of all."""
    question = {"dimensions": "day,country", "metrics": "installs"}
    whole = document(plain, **question)
    with account(row_cap=50) as client:
        capped = document(client, **question)
        assert capped["rows"] == document(client, **question, limit="1000")["rows"] == whole["rows"][:50]
        assert capped["totals"] == whole["totals"]
        assert len(document(client, **question, limit="7")["rows"]) == 7
        table = list(csv.DictReader(io.StringIO(ask(client, "csv_report", **question).text)))
        assert len(table) == 50


def test_debug() -> None:
    """Some accounts receive the requests that were made for a report."""
    with account(debug=True) as client:
        for kind in "report", "pivot_report":
            debug = document(client, kind, index="country")["debug"]
            assert list(debug) == ["service_urls", "cached_at"]
            (asked,) = debug["service_urls"]
            assert list(asked) == ["method", "url", "params", "data", "status_code", "duration"]
        assert ask(client, date_period="2020-01-01:2020-01-01").status_code == 204


def test_averages(plain: httpx.Client) -> None:
    """Daily, weekly and monthly users are averages with fractions, in texts and as numbers."""
    answer = document(plain, dimensions="country", metrics="daus,waus,maus")
    assert all("." in row[metric] for row in answer["rows"] for metric in ("daus", "waus", "maus"))
    assert any(float(row["daus"]) % 1 for row in answer["rows"])
    assert all(isinstance(value, float) for value in answer["totals"].values())


def test_further_systems(plain: httpx.Client) -> None:
    """Television sets are systems like others, in both services."""
    systems = {"apple-tv", "roku-os", "smart-cast", "tizen", "android-tv", "fire-tv"}
    found = {row["os_name"] for row in rows(plain, dimensions="os_name", date_period="2026-01-01:2026-03-31")}
    assert systems <= found
    (row,) = rows(plain, dimensions="os_name", date_period="2026-01-01:2026-03-31", os_names="roku-os")
    assert row["os_name"] == "roku-os"


@pytest.mark.parametrize(
    "options", [{"pivot_rows": "tree"}, {"weeks_begin": "saturday"}, {"row_cap": 0}], ids=lambda options: str(options)
)
def test_bad_options(options: dict[str, Any]) -> None:
    """An unknown form is refused by name."""
    with pytest.raises(ValueError, match=next(iter(options))):
        ReportOptions(**options)
