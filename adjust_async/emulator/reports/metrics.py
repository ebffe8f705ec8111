"""The metrics that every report may have, by their slugs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from adjust_async.emulator.facts.drawing import DITHER
from adjust_async.emulator.kpis.catalog import title_of
from adjust_async.emulator.kpis.cohort_periods import revenue_share
from adjust_async.emulator.kpis.measures import FIRST_EVENTS, IS_VALID_CONVERSION, REVENUE_EVENTS, SKAD_INSTALLS, share
from adjust_async.emulator.reports.amounts import ADJUST_COST, HAS_PARTNER, NETWORK_COST, Amounts
from adjust_async.emulator.reports.cohort_periods import CohortPeriod
from adjust_async.emulator.reports.formulas import (
    USERS,
    VISITS,
    Count,
    DistinctUsers,
    Formula,
    Money,
    MoneyPerDailyUser,
    MoneyRatio,
    Percentage,
    Ratio,
    total,
    worth,
)

_COHORT_REVENUE_DAYS = 7
_WITHIN = revenue_share(_COHORT_REVENUE_DAYS)
_MILLE = 1000

_PAID = f"{HAS_PARTNER} AND cost > 0"
_IOS = "os_name = 'ios'"
_LIMITED_INSTALLS = share("installs", 12)
_LIMITED_REATTRIBUTIONS = share("reattributions", 12)
_AD_IMPRESSIONS = "sessions * 3"

_NETWORK_INSTALLS = f"CASE WHEN {HAS_PARTNER} THEN {share('installs', 97)} ELSE 0 END"
_NETWORK_CLICKS = f"CASE WHEN {HAS_PARTNER} THEN {share('clicks', 103)} ELSE 0 END"
_NETWORK_IMPRESSIONS = f"CASE WHEN {HAS_PARTNER} THEN {share('impressions', 101)} ELSE 0 END"

# Each fact has one of three pricing models.
_BY_MODEL = "CASE WHEN dither % 3 = {} THEN {} ELSE 0 END"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric; `section` is the section of its list, and `period` that of a cohort metric."""

    slug: str
    title: str
    section: str
    formula: Formula
    period: CohortPeriod | None = None


def only_if(condition: str, measure: str) -> str:
    """Return a measure that is zero unless an SQL condition holds."""
    return f"CASE WHEN {condition} THEN {measure} ELSE 0 END"


def count_of(measure: str) -> Formula:
    """Return a formula that sums up a count."""
    return Count((total(measure),))


def money_of(amount: str) -> Formula:
    """Return a formula that sums up money."""
    return Money((worth(amount),))


def share_of(numerator: str, denominator: str) -> Formula:
    """Return the ratio of two counts, shown in percent."""
    return Percentage((total(numerator), total(denominator)))


def price_of(amount: str, things: str, times: int = 1) -> Formula:
    """Return an amount of money per item, times `times`."""
    return MoneyRatio((worth(amount), total(things)), times)


def return_of(amount: str, cost: str) -> Formula:
    """Return the ratio of two amounts of money, shown in percent."""
    return Percentage((worth(amount), worth(cost)))


def _per_user(amount: str) -> Formula:
    return MoneyPerDailyUser((worth(amount), VISITS, USERS))


def _users(within: int) -> Formula:
    return DistinctUsers((VISITS, USERS), within)


def _cohort(amount: str) -> str:
    return f"(({amount}) * {_WITHIN} + dither) / {DITHER}"


@lru_cache(16)
def overview_metrics(amounts: Amounts) -> Mapping[str, Metric]:
    """Return the metrics of attribution, users, revenue and cost."""
    sections = {
        "Attribution": _attribution(),
        "Users": _activity(amounts),
        "Revenue": _revenue(amounts),
        "Cost": _cost(amounts),
    }
    return dict(_listed(sections))


@cache
def cost_metrics() -> Mapping[str, Metric]:
    """Return the metrics that networks report."""
    formulas: dict[str, Formula] = {
        "network_cost": money_of(NETWORK_COST),
        "network_cost_diff": money_of(f"({NETWORK_COST}) - {ADJUST_COST}"),
        "network_installs": count_of(_NETWORK_INSTALLS),
        "network_installs_diff": count_of(f"({_NETWORK_INSTALLS}) - installs"),
        "network_clicks": count_of(_NETWORK_CLICKS),
        "network_impressions": count_of(_NETWORK_IMPRESSIONS),
        "network_ecpc": price_of(NETWORK_COST, _NETWORK_CLICKS),
        "network_ecpi": price_of(NETWORK_COST, _NETWORK_INSTALLS),
        "network_ecpm": price_of(NETWORK_COST, _NETWORK_IMPRESSIONS, _MILLE),
    }
    return dict(_listed({"Cost": formulas}))


@cache
def skad_metrics() -> Mapping[str, Metric]:
    """Return the metrics of SKAdNetwork, which exists only on iOS."""
    valid = f"{_IOS} AND {IS_VALID_CONVERSION}"
    formulas: dict[str, Formula] = {
        "skad_installs": count_of(only_if(_IOS, SKAD_INSTALLS)),
        "valid_conversions": count_of(only_if(valid, SKAD_INSTALLS)),
        "conversion_null": count_of(only_if(f"{_IOS} AND NOT {IS_VALID_CONVERSION}", SKAD_INSTALLS)),
        "skad_revenue": money_of(only_if(valid, "revenue")),
    }
    return dict(_listed({"SKAdNetwork": formulas}))


def _attribution() -> dict[str, Formula]:
    return {
        "impressions": count_of("impressions"),
        "clicks": count_of("clicks"),
        "installs": count_of("installs"),
        "click_conversion_rate": share_of("installs", "clicks"),
        "ctr": share_of("clicks", "impressions"),
        "impression_conversion_rate": share_of("installs", "impressions"),
        "installs_per_mile": Ratio((total("installs"), total("impressions")), _MILLE),
        "organic_installs": count_of(only_if(f"NOT ({HAS_PARTNER})", "installs")),
        "non_organic_installs": count_of(only_if(HAS_PARTNER, "installs")),
        "paid_installs": count_of(only_if(_PAID, "installs")),
        "paid_clicks": count_of(only_if(_PAID, "clicks")),
        "paid_impressions": count_of(only_if(_PAID, "impressions")),
        "reattributions": count_of("reattributions"),
        "reattribution_reinstalls": count_of(share("reattributions", 20)),
        "reinstalls": count_of(share("installs", 4)),
        "uninstalls": count_of(share("installs", 21)),
        "deattributions": count_of(share("reattributions", 30)),
        "gdpr_forgets": count_of(share("installs", 2)),
        "limit_ad_tracking_installs": count_of(_LIMITED_INSTALLS),
        "limit_ad_tracking_install_rate": share_of(_LIMITED_INSTALLS, "installs"),
        "limit_ad_tracking_reattributions": count_of(_LIMITED_REATTRIBUTIONS),
        "limit_ad_tracking_reattribution_rate": share_of(_LIMITED_REATTRIBUTIONS, "reattributions"),
        "rejected_installs": count_of(share("installs", 3)),
        "rejected_reattributions": count_of(share("reattributions", 3)),
    }


def _activity(amounts: Amounts) -> dict[str, Formula]:
    return {
        "sessions": count_of("sessions"),
        "base_sessions": count_of("sessions - installs - reattributions"),
        "daus": _users(1),
        "waus": _users(7),
        "maus": _users(30),
        "arpdau": _per_user(amounts.all_revenue),
        "arpdau_ad": _per_user(amounts.ad_revenue),
        "arpdau_iap": _per_user(amounts.revenue),
        "events": count_of("events"),
        "first_events": count_of(FIRST_EVENTS),
        "revenue_events": count_of(REVENUE_EVENTS),
        "revenue_per_event": price_of(amounts.revenue, "events"),
        "revenue_per_revenue_event": price_of(amounts.revenue, REVENUE_EVENTS),
    }


def _revenue(amounts: Amounts) -> dict[str, Formula]:
    return {
        "revenue": money_of(amounts.revenue),
        "cohort_revenue": money_of(_cohort(amounts.revenue)),
        "ad_impressions": count_of(_AD_IMPRESSIONS),
        "ad_revenue": money_of(amounts.ad_revenue),
        "ad_rpm": price_of(amounts.ad_revenue, _AD_IMPRESSIONS, _MILLE),
        "cohort_ad_revenue": money_of(_cohort(amounts.ad_revenue)),
        "all_revenue": money_of(amounts.all_revenue),
        "cohort_all_revenue": money_of(f"{_cohort(amounts.revenue)} + {_cohort(amounts.ad_revenue)}"),
        "gross_profit": money_of(f"{amounts.all_revenue} - {amounts.cost}"),
        "cohort_gross_profit": money_of(f"{_cohort(amounts.revenue)} + {_cohort(amounts.ad_revenue)} - {amounts.cost}"),
    }


def _cost(amounts: Amounts) -> dict[str, Formula]:
    cost = amounts.cost
    return {
        "cost": money_of(cost),
        "adjust_cost": money_of(ADJUST_COST),
        "click_cost": money_of(_BY_MODEL.format(0, cost)),
        "impression_cost": money_of(_BY_MODEL.format(1, cost)),
        "install_cost": money_of(_BY_MODEL.format(2, cost)),
        "ecpc": price_of(cost, "clicks"),
        "ecpi": price_of(cost, "installs"),
        "ecpi_all": price_of(cost, "installs"),
        "ecpm": price_of(cost, "impressions", _MILLE),
        "roas": return_of(amounts.revenue, cost),
        "roas_iap": return_of(amounts.revenue, cost),
        "roas_ad": return_of(amounts.ad_revenue, cost),
        "revenue_to_cost": return_of(amounts.all_revenue, cost),
        "return_on_investment": return_of(f"{amounts.all_revenue} - {cost}", cost),
    }


def _listed(sections: Mapping[str, Mapping[str, Formula]]) -> Iterator[tuple[str, Metric]]:
    for section, formulas in sections.items():
        for slug, formula in formulas.items():
            yield slug, Metric(slug, title_of(slug), section, formula)
