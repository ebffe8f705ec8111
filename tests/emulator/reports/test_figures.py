from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings, strategies as st

from adjust_async.emulator import Emulator
from tests.emulator.kpis.results import app_tokens, get, leaves, serving
from tests.emulator.reports.results import PATH, columns, document, question, rows, total
from tests.emulator.requests import connect

SHARED = (
    "impressions", "clicks", "installs", "click_conversion_rate", "ctr", "impression_conversion_rate", "reattributions",
    "reattribution_reinstalls", "reinstalls", "uninstalls", "deattributions", "limit_ad_tracking_installs",
    "limit_ad_tracking_install_rate", "rejected_installs", "rejected_reattributions", "sessions", "events",
    "first_events", "revenue_events", "revenue", "revenue_per_event", "revenue_per_revenue_event", "daus", "waus",
    "maus", "cost", "ecpc", "ecpi", "ad_impressions", "ad_revenue", "all_revenue", "roas", "cohort_revenue",
)  # fmt: skip
"""What both services call the same."""

COHORT_BASES = (
    "retention_rate", "retained_users", "cohort_size", "sessions", "sessions_per_user", "time_spent",
    "time_spent_per_user", "time_spent_per_session", "events", "events_per_user", "revenue_events",
    "revenue_events_per_user", "revenue", "revenue_per_user", "revenue_total", "lifetime_value", "paying_users",
    "paying_user_rate", "revenue_per_paying_user",
)  # fmt: skip

CLICKS = {"attribution_types": "click"}
"""What the KPI Service has by default; in reports all kinds of attribution are it."""

GROUPINGS = {
    "os_name": "os_names", "device_type": "device_types", "country_code": "countries", "region": "regions",
    "hour": "hour", "day": "day", "month": "month",
}  # fmt: skip
"""Dimensions whose values are the elements of a KPI Service's grouping."""

AIRBYTE = (
    "network_cost,network_cost_diff,network_clicks,network_impressions,network_installs,network_installs_diff,"
    "network_ecpc,network_ecpi,network_ecpm,arpdau_ad,arpdau,arpdau_iap,ad_impressions,ad_rpm,ad_revenue,"
    "cohort_ad_revenue,cost,adjust_cost,all_revenue,cohort_all_revenue,daus,maus,waus,base_sessions,ctr,"
    "click_conversion_rate,click_cost,clicks,paid_clicks,deattributions,ecpc,gdpr_forgets,gross_profit,"
    "cohort_gross_profit,impression_conversion_rate,impression_cost,impressions,paid_impressions,install_cost,"
    "installs,paid_installs,installs_per_mile,limit_ad_tracking_installs,limit_ad_tracking_install_rate,"
    "limit_ad_tracking_reattribution_rate,limit_ad_tracking_reattributions,non_organic_installs,organic_installs,"
    "roas_ad,roas,roas_iap,reattributions,return_on_investment,revenue,cohort_revenue,revenue_events,revenue_to_cost,"
    "sessions,events,ecpi_all,ecpi,ecpm"
)
"""The metrics that Airbyte's connector offers."""

RATES = "ctr,daus,waus,maus,roas,ecpi,arpdau,click_conversion_rate"
DIMENSIONS = (
    "hour", "day", "week", "month", "quarter", "year", "os_name", "device_type", "platform", "app", "app_token",
    "store_id", "store_type", "currency", "currency_code", "network", "campaign", "campaign_network",
    "campaign_id_network", "adgroup", "adgroup_network", "adgroup_id_network", "source_network", "source_id_network",
    "creative", "creative_network", "creative_id_network", "country", "country_code", "region", "partner",
    "partner_name", "partner_id", "channel", "app_network",
)  # fmt: skip


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of an emulator with few apps and much variety."""
    emulator = Emulator(
        apps=3, trackers_per_app=60, facts_per_day=15, today=date(2026, 2, 10), seed=3, report_rate=None
    )
    with serving(emulator) as client:
        yield client


def kpi_rows(client: httpx.Client, app: str, dimension: str, **parameters: str) -> dict[str, tuple[Any, ...]]:
    """Request a report's figures from the KPI Service. A rate without a denominator is 0 in reports."""
    asked = get(
        client, app, grouping=GROUPINGS[dimension], kpis=",".join(SHARED), start_date="2026-01-01",
        end_date="2026-01-31", **parameters,
    )  # fmt: skip
    return {path[0]: tuple(value or 0 for value in values) for path, values in leaves(asked)}


@settings(max_examples=30, deadline=None)
@given(
    dimension=st.sampled_from(sorted(GROUPINGS)),
    options=st.fixed_dictionaries({}, optional={
        "attribution_type": st.sampled_from(["click", "impression", "all"]),
        "attribution_source": st.sampled_from(["dynamic", "first"]),
        "reattributed": st.sampled_from(["true", "false", "all"]),
        "sandbox": st.sampled_from(["true", "false"]),
        "utc_offset": st.sampled_from(["+05:30", "-03:00", "+14:00"]),
        "os_names": st.sampled_from(["ios", "android,ios"]),
    }),
    app=st.integers(0, 2),
)  # fmt: skip
def test_same_figures_as_the_kpi_service(
    client: httpx.Client, dimension: str, options: dict[str, str], app: int
) -> None:
    """Both services return the same figures for the same query, whatever its filters."""
    token = app_tokens(client)[app]
    currency = get(client, token, grouping="apps", start_date="2026-01-01", end_date="2026-01-01")["result_set"]
    expected = kpi_rows(client, token, dimension, **options)
    found = rows(
        client, dimensions=dimension, metrics=",".join(SHARED), app_token__in=token, format_dates="false",
        currency=currency["currency"], **{"attribution_type": "click"} | options,
    )  # fmt: skip
    reported = {
        f"{row[dimension]}-01" if dimension == "month" else row[dimension]: [
            # Daily users are averages there, and rounded here.
            round(float(row[kpi])) if kpi in {"daus", "waus", "maus"} else float(row[kpi])
            for kpi in SHARED
        ]
        for row in found
    }
    assert reported.keys() == expected.keys()
    for element, values in expected.items():
        assert reported[element] == pytest.approx(list(values), abs=2e-6), element


@pytest.mark.parametrize(("period", "letter", "last"), [("day", "d", 30), ("week", "w", 5), ("month", "m", 1)])
def test_same_cohorts_as_the_kpi_service(client: httpx.Client, period: str, letter: str, last: int) -> None:
    """Cohort metrics are the KPI Service's for that period, even if some cohorts do not have it yet."""
    token = app_tokens(client)[0]
    asked = get(
        client, f"{token}/cohorts", grouping="periods", period=period, kpis=",".join(COHORT_BASES),
        start_date="2026-01-01", end_date="2026-01-31",
    )  # fmt: skip
    expected = {path[0]: values for path, values in leaves(asked)}
    for number in 0, 1, last:
        slugs = [f"{base}_{letter}{number}" for base in COHORT_BASES]
        (row,) = rows(client, dimensions="app", metrics=",".join(slugs), app_token__in=token, currency="EUR", **CLICKS)
        values = [value or 0 for value in expected[str(number)]]
        assert [float(row[slug]) for slug in slugs] == pytest.approx(values, abs=2e-6)


@pytest.mark.anyio
async def test_same_figures_as_the_facts() -> None:
    """Rows are sums over the facts, and money of several currencies is converted to one."""
    first, last = date(2026, 1, 1), date(2026, 1, 3)
    async with Emulator(apps=3, trackers_per_app=60, today=date(2026, 2, 10)) as emulator, connect(emulator) as client:
        facts = [
            (fact, emulator.facts.apps[token].currency)
            for token in emulator.app_tokens
            for fact in emulator.facts.rows(token, first, last)
            if not fact.by_impression and not fact.sandbox
        ]
        parameters = question(
            dimensions="country_code", metrics="installs,sessions,cost", date_period=f"{first}:{last}", **CLICKS
        )
        answer = (await client.get(f"{PATH}/report", params=parameters)).json()
    for row in answer["rows"]:
        own = [(fact, currency) for fact, currency in facts if fact.country == row["country_code"]]
        assert row["installs"] == str(sum(fact.installs for fact, _ in own))
        assert row["sessions"] == str(sum(fact.sessions for fact, _ in own))
        # A euro is 1.08 US dollars.
        dollars = sum(fact.cost / currency.rate for fact, currency in own) * 1.08
        assert float(row["cost"]) == pytest.approx(dollars, abs=1e-5)
    assert answer["totals"]["installs"] == sum(fact.installs for fact, _ in facts)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_dimensions(client: httpx.Client, dimension: str) -> None:
    """Every dimension partitions the facts, and no two rows have the same value."""
    table = rows(client, dimensions=dimension, metrics="installs,sessions")
    totals = document(client, metrics="installs,sessions")["totals"]
    assert {metric: total(table, metric) for metric in totals} == totals
    values = [row[dimension] for row in table]
    assert all(isinstance(value, str) and value for value in values)
    assert len(set(values)) == len(values)


def test_values(client: httpx.Client) -> None:
    """Dimensions that describe the same thing agree, and a missing one is unknown."""
    table = rows(client, dimensions=",".join(DIMENSIONS), date_period="2026-01-01:2026-01-05")
    for row in table:
        assert row["campaign"] == row["campaign_network"]
        assert (row["campaign"] == "unknown") == (row["campaign_id_network"] == "unknown")
        assert row["campaign_id_network"].isdigit() or row["campaign"] == "unknown"
        assert row["campaign"] != "unknown" or row["adgroup"] == row["creative"] == "unknown"
        assert row["partner"] == row["partner_name"] == row["channel"]
        assert (row["partner"] == "Organic") == (row["partner_id"] == "-300") == (row["app_network"] == "unknown")
        assert (row["country"], row["region"]) != ("Germany", "apac")
        assert len(row["country_code"]) == 2
        assert row["country_code"].islower()
    assert {row["campaign"] == "unknown" for row in table} == {True, False}
    assert {row["creative"] == "unknown" for row in table} == {True, False}
    assert "::" not in "".join(row["campaign"] + row["adgroup"] + row["creative"] for row in table)
    assert {row["store_type"] for row in table} == {"apple", "google", "windows", "unknown"}


def test_order_of_keys(client: httpx.Client) -> None:
    """A row has its dimensions in the requested order, then the metrics. Repeated ones appear once."""
    row, *_ = rows(
        client, dimensions="country,app,country", metrics="sessions,installs,sessions", include_attr_dependency="false"
    )
    assert list(row) == ["country", "app", "sessions", "installs"]
    row, *_ = rows(client, dimensions="day")
    assert list(row) == ["attr_dependency", "day", "installs"]
    assert row["attr_dependency"] == {}


def test_attr_dependency(client: httpx.Client) -> None:
    """The values that dimensions depend on are texts, lists and maps."""
    table = rows(client, dimensions="app,campaign,country", format_dates="false")
    organic = next(row["attr_dependency"] for row in table if row["campaign"] == "unknown")
    assert organic["campaign_id_network"] == "unknown"
    assert organic["app_token"][0] in app_tokens(client)
    assert set(organic["country"]) == {"country_code", "region"}
    table = rows(client, dimensions="partner_name,campaign")
    assert {"campaign_id_network": "unknown", "partner_id": "-300", "partner": "Organic"} in [
        row["attr_dependency"] for row in table
    ]
    assert all(row["attr_dependency"]["partner"] == row["partner_name"] for row in table)


def test_kinds_of_numbers(client: httpx.Client) -> None:
    """Metrics in rows are texts, whole ones without a point and all others with one. In totals they are numbers."""
    answer = document(client, dimensions="day,campaign,os_name", metrics=f"{AIRBYTE},roas_d7,retained_users_w1")
    whole = {metric for metric, value in answer["totals"].items() if isinstance(value, int)}
    assert {"installs", "sessions", "network_installs_diff", "retained_users_w1"} <= whole
    assert not {"cost", "ctr", "arpdau", "roas_d7", "daus", "waus", "maus"} & whole
    for row in answer["rows"]:
        for metric in answer["totals"]:
            assert ("." in row[metric]) != (metric in whole)
            assert "e" not in row[metric]
    assert {row["cost"] for row in answer["rows"] if float(row["cost"]) == 0} == {"0.0"}
    assert {row["ctr"] for row in answer["rows"] if row["impressions"] == "0"} == {"0.0"}
    assert answer["pagination"] is None


def test_metrics_hang_together(client: httpx.Client) -> None:
    """Derived metrics match the metrics that they are derived from."""
    for row in rows(client, dimensions="day,app,partner_name", metrics=AIRBYTE):
        figures = {metric: float(row[metric]) for metric in AIRBYTE.split(",")}
        assert figures["organic_installs"] + figures["non_organic_installs"] == figures["installs"]
        assert figures["paid_installs"] <= figures["non_organic_installs"]
        assert figures["base_sessions"] == figures["sessions"] - figures["installs"] - figures["reattributions"]
        parts = figures["click_cost"] + figures["impression_cost"] + figures["install_cost"]
        assert parts == pytest.approx(figures["cost"], abs=2e-6)
        assert figures["revenue"] + figures["ad_revenue"] == pytest.approx(figures["all_revenue"], abs=2e-6)
        assert figures["all_revenue"] - figures["cost"] == pytest.approx(figures["gross_profit"], abs=2e-6)
        assert figures["network_cost"] - figures["adjust_cost"] == pytest.approx(figures["network_cost_diff"], abs=2e-6)
        if row["partner_name"] == "Organic":
            assert figures["installs"] == figures["organic_installs"]
            assert figures["network_installs"] == 0
        if figures["daus"]:
            assert figures["arpdau"] == pytest.approx(figures["all_revenue"] / figures["daus"], abs=1e-5)


def test_totals_are_not_sums(client: httpx.Client) -> None:
    """Totals of non-additive metrics are those of the whole: users are fewer than the sum, rates lie between."""
    answer = document(client, dimensions="country", metrics=RATES)
    (whole,) = rows(client, dimensions="year", metrics=RATES)
    assert answer["totals"] == {metric: float(whole[metric]) for metric in RATES.split(",")}
    values = {metric: [float(row[metric]) for row in answer["rows"]] for metric in RATES.split(",")}
    for metric in "ctr", "roas", "ecpi", "click_conversion_rate":
        assert min(values[metric]) < answer["totals"][metric] < max(values[metric])
    for metric in "waus", "maus":
        assert max(values[metric]) < answer["totals"][metric] < sum(values[metric])


def test_currencies(client: httpx.Client) -> None:
    """All money is in one currency, US dollars by default, and other figures are not converted."""
    metrics = "cost,ecpi,arpdau,lifetime_value_d3,roas,installs"
    default = rows(client, metrics=metrics)
    assert default == rows(client, metrics=metrics, currency="usd") != []
    yen = rows(client, metrics=metrics, currency="JPY")
    for before, after in zip(default, yen, strict=True):
        for metric in "cost", "ecpi", "arpdau", "lifetime_value_d3":
            assert float(after[metric]) == pytest.approx(float(before[metric]) / 1.08 * 160, rel=1e-3)
        assert (before["roas"], before["installs"]) == (after["roas"], after["installs"])
    codes = {row["app_token"]: row["currency_code"] for row in rows(client, dimensions="app_token,currency_code")}
    assert [codes[token] for token in app_tokens(client)] == ["EUR", "USD", "GBP"]


def test_modes_of_money(client: httpx.Client) -> None:
    """Modes choose which cost and which revenue count, and the sources of ad revenue make up all of it."""

    def ask(**options: str) -> dict[str, float]:
        totals: dict[str, float] = document(
            client, metrics="cost,adjust_cost,network_cost,revenue,ad_revenue", **options
        )["totals"]
        return totals

    plain = ask()
    assert plain["cost"] == plain["adjust_cost"] == ask(ad_spend_mode="adjust")["cost"]
    assert ask(ad_spend_mode="network")["cost"] == plain["network_cost"] < plain["adjust_cost"]
    assert plain["network_cost"] <= ask(ad_spend_mode="mixed")["cost"] < plain["adjust_cost"]
    for percent in 100, 95, 85, 80, 70, 65, 60, 50:
        revenue = ask(iap_revenue_mode=f"GROSS_{percent}")["revenue"]
        assert revenue == pytest.approx(plain["revenue"] * percent / 100, rel=1e-3)
    sources = ("admob", "applovin_max", "ironsource", "unknown")
    parts = [ask(ad_revenue_sources=source)["ad_revenue"] for source in sources]
    assert sum(parts) == pytest.approx(plain["ad_revenue"])
    assert ask(ad_revenue_sources="admob,ironsource")["ad_revenue"] == pytest.approx(parts[0] + parts[2])


def test_attribution_types(client: httpx.Client) -> None:
    """The newer parameter accepts several kinds of attribution, wins over the older one, and defaults to all."""

    def ask(**options: str) -> int:
        return total(rows(client, **options), "installs")

    clicks, impressions = ask(attribution_types="click"), ask(attribution_types="impression")
    assert clicks > impressions > 0
    assert ask() == ask(attribution_types="click,engaged_ad,impression") == clicks + impressions
    assert ask(attribution_types="click,impression", attribution_type="click") == clicks + impressions
    assert ask(attribution_types="all") == ask(attribution_type="all") == clicks + impressions
    assert ask(attribution_types="click,engaged_ad") == clicks
    assert ask(attribution_types="engaged_ad") == 0


def test_both_paths(client: httpx.Client) -> None:
    """The service answers under the path of its own host and under that of the older one."""
    answers = [client.get(f"{root}{PATH}/report", params=question()) for root in ("", "/control-center")]
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers["content-type"] == "application/json; charset=utf-8"


def test_foreign_apps(client: httpx.Client) -> None:
    """Apps that the account does not have simply have no rows; quotes around a token do not matter."""
    own = app_tokens(client)[1]
    assert columns(rows(client, app_token__in=f'nosuchapp,"{own}"'), "app_token") == [(own,)]
    assert rows(client, app_token__in="nosuchapp") == []


def test_order_of_time(client: httpx.Client) -> None:
    """Without a sort, rows are in chronological order."""
    days = [row["day"] for row in rows(client, dimensions="country,day")]
    assert days == sorted(days)
    assert len(set(days)) == 31
    assert days[0] == str(date(2026, 1, 31) - timedelta(days=30))
