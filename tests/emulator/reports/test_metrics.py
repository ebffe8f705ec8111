from collections.abc import Iterator
from datetime import date

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.kpis.results import app_tokens, get, leaves, serving
from tests.emulator.reports.results import document, rows, total

TODAY = date(2026, 2, 10)
CLICKS = {"attribution_types": "click"}
"""What the KPI Service has by default."""
PERIODS = ("d0", "d1", "d7", "d30", "d120", "w0", "w4", "w52", "m0", "m1", "m36")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of an emulator with few apps and much variety."""
    with serving(
        Emulator(apps=3, trackers_per_app=60, facts_per_day=15, today=TODAY, seed=3, report_rate=None)
    ) as client:
        yield client


@pytest.mark.parametrize("period", PERIODS)
def test_periods(client: httpx.Client, period: str) -> None:
    """Cohort metrics have days, weeks and months. A rate is made of the numbers next to it."""
    bases = ("retention_rate", "retained_users", "cohort_size", "revenue_total", "lifetime_value")
    table = rows(
        client, dimensions="app", date_period="2025-01-01:2025-01-31", currency="USD",
        metrics=",".join(f"{base}_{period}" for base in bases),
    )  # fmt: skip
    for row in table:
        rate, users, size, revenue, value = (float(row[f"{base}_{period}"]) for base in bases)
        # The last month lies after the emulator's today.
        assert (size > 0) == (period != "m36")
        if size:
            assert rate == pytest.approx(users / size, abs=1e-6)
            assert value == pytest.approx(revenue / size, abs=1e-6)
            assert (rate == 1) == (period[1:] == "0")


def test_money_of_cohorts(client: httpx.Client) -> None:
    """The revenue of cohorts grows from period to period, up to all of it, and its return uses their cost."""
    bases = ("revenue_total", "roas", "ad_revenue_total", "roas_ad", "all_revenue_total")
    slugs = [f"{base}_{day}" for base in bases for day in ("d0", "d7", "d120")]
    period = "2025-06-01:2025-06-30"
    totals = document(client, date_period=period, metrics=f"cost,revenue,ad_revenue,{','.join(slugs)}")["totals"]
    for base in bases:
        values = [totals[f"{base}_{day}"] for day in ("d0", "d7", "d120")]
        assert values == sorted(values)
        assert 0 < values[0] < values[2]
    assert totals["revenue_total_d120"] < totals["revenue"]
    assert totals["roas_d7"] == pytest.approx(totals["revenue_total_d7"] / totals["cost"], abs=1e-6)
    assert totals["roas_ad_d7"] == pytest.approx(totals["ad_revenue_total_d7"] / totals["cost"], abs=1e-6)
    both = totals["revenue_total_d7"] + totals["ad_revenue_total_d7"]
    assert totals["all_revenue_total_d7"] == pytest.approx(both, abs=1e-5)


def test_spelling(client: httpx.Client) -> None:
    """A period may be in upper case, and is returned in lower case."""
    row, *_ = rows(client, metrics="retention_rate_D7,installs,retention_rate_d7,level up_D0_events_cohort")
    assert list(row)[2:] == ["retention_rate_d7", "installs", "level up_d0_events_cohort"]


def test_maturity(client: httpx.Client) -> None:
    """Immature cohorts count partially, with a warning. With mature ones, only completed periods count."""
    metrics = "cohort_size_d7,retention_rate_d7,cohort_size_d0"
    parameters = {"dimensions": "day", "metrics": metrics, "date_period": "2026-01-25:2026-02-10"}
    immature = document(client, **parameters)
    sizes = {row["day"]: int(row["cohort_size_d7"]) for row in immature["rows"]}
    assert {day for day, size in sizes.items() if size} == {f"2026-0{day}" for day in (
        "1-25", "1-26", "1-27", "1-28", "1-29", "1-30", "1-31", "2-01", "2-02", "2-03",
    )}  # fmt: skip
    assert [warning.split()[0] for warning in immature["warnings"]] == metrics.split(",")
    assert immature == document(client, **parameters, cohort_maturity="immature")
    mature = document(client, **parameters, cohort_maturity="mature")
    assert mature["warnings"] == []
    for before, after in zip(immature["rows"], mature["rows"], strict=True):
        over = before["day"] <= "2026-02-02"
        assert after["cohort_size_d7"] == (before["cohort_size_d7"] if over else "0")
        assert after["retention_rate_d7"] == (before["retention_rate_d7"] if over else "0.0")
    old = document(client, metrics="cohort_size_d7", date_period="2026-01-01:2026-02-02")
    assert old["warnings"] == []


def events(client: httpx.Client) -> dict[str, list[str]]:
    """List the slugs of the events and the apps that have them."""
    listed = client.get("/reports-service/events").json()
    return {event["id"]: event["app_token"] for event in listed}


def test_events(client: httpx.Client) -> None:
    """Metrics of an event are those that the KPI Service has for its token, over all apps that have it."""
    slugs = events(client)
    assert any(" " in slug for slug in slugs)
    assert any("_" in slug for slug in slugs)
    listed = client.get("/reports-service/events", params={"tokens_mapping": "true"}).json()
    for app in app_tokens(client):
        asked = get(client, f"{app}/events", grouping="events", kpis="events,revenue", start_date="2026-01-01",
                    end_date="2026-01-31")  # fmt: skip
        expected = {path[0]: values for path, values in leaves(asked)}
        metrics = [f"{slug}_{kind}" for slug in slugs for kind in ("events", "revenue")]
        currency = asked["result_set"]["currency"]
        (row,) = rows(client, app_token__in=app, metrics=",".join(metrics), currency=currency, **CLICKS)
        for event in listed:
            tokens = event["app_token_x_event_tokens_mapping"].get(app, [])
            values = expected.get(tokens[0], (0, 0)) if tokens else (0, 0)
            assert int(row[f"{event['id']}_events"]) == values[0]
            assert float(row[f"{event['id']}_revenue"]) == pytest.approx(values[1])


def test_cohorts_of_events(client: httpx.Client) -> None:
    """Events of cohorts are those that the KPI Service counts in that period."""
    app = app_tokens(client)[0]
    listed = client.get("/reports-service/events", params={"app_token__in": app}).json()
    slugs = {event["tokens"][0]: event["id"] for event in listed}
    asked = get(client, f"{app}/cohorts", grouping="events,periods", kpis="events", start_date="2026-01-01",
                end_date="2026-01-31")  # fmt: skip
    expected = {path: values[0] for path, values in leaves(asked)}
    metrics = {
        f"{slug}_d{day}_events_cohort": expected.get((token, str(day)), 0)
        for token, slug in slugs.items()
        for day in (0, 3)
    }
    (row,) = rows(client, app_token__in=app, metrics=",".join(metrics), **CLICKS)
    assert {metric: int(row[metric]) for metric in metrics} == metrics
    assert sum(metrics.values()) > 0


def test_shared_slugs(client: httpx.Client) -> None:
    """An event of several apps has one slug, whose figures add up over them."""
    slug, apps = next((slug, apps) for slug, apps in events(client).items() if len(apps) > 1)
    table = rows(client, metrics=f"{slug}_events")
    assert {row["app_token"] for row in table if row[f"{slug}_events"] != "0"} == set(apps)
    assert total(table, f"{slug}_events") == document(client, metrics=f"{slug}_events")["totals"][f"{slug}_events"]


def test_skadnetwork(client: httpx.Client) -> None:
    """Metrics of SKAdNetwork are the KPI Service's, and only iOS has them."""
    app, metrics = app_tokens(client)[0], ("skad_installs", "valid_conversions", "conversion_null", "skad_revenue")
    asked = get(client, f"{app}/skadnetwork", grouping="apps", kpis=",".join(metrics), start_date="2026-01-01",
                end_date="2026-01-31")  # fmt: skip
    ((_, expected),) = leaves(asked)
    table = rows(client, dimensions="os_name", app_token__in=app, metrics=",".join(metrics), currency="EUR", **CLICKS)
    (ios,) = (row for row in table if row["os_name"] == "ios")
    assert [float(ios[metric]) for metric in metrics] == pytest.approx(list(expected))
    assert {row["skad_installs"] for row in table if row["os_name"] != "ios"} == {"0"}
