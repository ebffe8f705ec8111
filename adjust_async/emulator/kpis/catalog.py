"""The KPIs of each report by name, and their titles."""

import re
from collections.abc import Mapping
from enum import StrEnum

from adjust_async.emulator.kpis.formulas import Count, DistinctUsers, Formula, Money, MoneyRatio, Ratio
from adjust_async.emulator.kpis.measures import (
    COHORT_SIZE,
    CONVERSION_VALUE,
    FIRST_EVENTS,
    HIGHEST_CONVERSION_VALUE,
    IS_VALID_CONVERSION,
    PAYING_USERS,
    REVENUE_EVENTS,
    SKAD_INSTALLS,
    portion,
    share,
)


class Report(StrEnum):
    """The four reports of the service; the values are the last part of their paths."""

    DELIVERABLES = "deliverables"
    EVENTS = "events"
    COHORTS = "cohorts"
    SKADNETWORK = "skadnetwork"


def _count(measure: str) -> Formula:
    return Count((measure,))


def _money(measure: str) -> Formula:
    return Money((measure,))


def _valid(measure: str) -> str:
    return f"CASE WHEN {IS_VALID_CONVERSION} THEN {measure} ELSE 0 END"


EVENT_KPIS: Mapping[str, Formula] = {
    "events": _count("events"),
    "first_events": _count(FIRST_EVENTS),
    "revenue_events": _count(REVENUE_EVENTS),
    "revenue": _money("revenue"),
    "revenue_per_event": MoneyRatio(("revenue", "events")),
    "revenue_per_revenue_event": MoneyRatio(("revenue", REVENUE_EVENTS)),
}

_DELIVERABLES: Mapping[str, Formula] = {
    "impressions": _count("impressions"),
    "clicks": _count("clicks"),
    "installs": _count("installs"),
    "click_conversion_rate": Ratio(("installs", "clicks")),
    "ctr": Ratio(("clicks", "impressions")),
    "impression_conversion_rate": Ratio(("installs", "impressions")),
    "reattributions": _count("reattributions"),
    "reattribution_reinstalls": _count(share("reattributions", 20)),
    "reinstalls": _count(share("installs", 4)),
    "uninstalls": _count(share("installs", 21)),
    "deattributions": _count(share("reattributions", 30)),
    "limit_ad_tracking_installs": _count(share("installs", 12)),
    "limit_ad_tracking_install_rate": Ratio((share("installs", 12), "installs")),
    "rejected_installs": _count(share("installs", 3)),
    "rejected_reattributions": _count(share("reattributions", 3)),
    "sessions": _count("sessions"),
    **EVENT_KPIS,
    "daus": DistinctUsers(("visits",), 1),
    "waus": DistinctUsers(("visits",), 7),
    "maus": DistinctUsers(("visits",), 30),
    "cost": _money("cost"),
    "ecpc": MoneyRatio(("cost", "clicks")),
    "ecpi": MoneyRatio(("cost", "installs")),
    "ad_impressions": _count("sessions * 3"),
    "ad_revenue": _money("ad_revenue"),
    "all_revenue": _money("(revenue + ad_revenue)"),
    "roas": Ratio(("revenue", "cost")),
}

_COHORT_REVENUE = portion("revenue", "cumulative")
_COHORT_EVENTS = f"{portion('events', 'cumulative')} - {portion('events', 'earlier')}"
_PERIOD_REVENUE = f"{_COHORT_REVENUE} - {portion('revenue', 'earlier')}"
_PERIOD_REVENUE_EVENTS = f"CASE WHEN revenue > 0 THEN {_COHORT_EVENTS} ELSE 0 END"
_RETAINED = portion(COHORT_SIZE, "retained")
_SESSIONS = portion(COHORT_SIZE, "session_rate")
_SECONDS = portion(COHORT_SIZE, "second_rate")
_PAYING = portion(f"({PAYING_USERS})", "paying")

_COHORTS: Mapping[str, Formula] = {
    "retention_rate": Ratio((_RETAINED, COHORT_SIZE)),
    "retained_users": _count(_RETAINED),
    "cohort_size": _count(COHORT_SIZE),
    "installs": _count("installs"),
    "reattributions": _count("reattributions"),
    "sessions": _count(_SESSIONS),
    "sessions_per_user": Ratio((_SESSIONS, _RETAINED)),
    "time_spent": _count(_SECONDS),
    "time_spent_per_user": Ratio((_SECONDS, _RETAINED)),
    "time_spent_per_session": Ratio((_SECONDS, _SESSIONS)),
    "events": _count(_COHORT_EVENTS),
    "events_per_user": Ratio((_COHORT_EVENTS, _RETAINED)),
    "revenue_events": _count(_PERIOD_REVENUE_EVENTS),
    "revenue_events_per_user": Ratio((_PERIOD_REVENUE_EVENTS, _RETAINED)),
    "revenue": _money(_PERIOD_REVENUE),
    "revenue_per_user": MoneyRatio((_PERIOD_REVENUE, _RETAINED)),
    "revenue_total": _money(_COHORT_REVENUE),
    "lifetime_value": MoneyRatio((_COHORT_REVENUE, COHORT_SIZE)),
    "paying_users": _count(_PAYING),
    "paying_user_rate": Ratio((_PAYING, _RETAINED)),
    "revenue_per_paying_user": MoneyRatio((_PERIOD_REVENUE, _PAYING)),
}

_SKADNETWORK: Mapping[str, Formula] = {
    "impressions": _count("impressions"),
    "clicks": _count("clicks"),
    "skad_installs": _count(SKAD_INSTALLS),
    "valid_conversions": _count(_valid(SKAD_INSTALLS)),
    "conversion_null": _count(f"CASE WHEN {IS_VALID_CONVERSION} THEN 0 ELSE {SKAD_INSTALLS} END"),
    **{
        f"conversion_{value}": _count(f"CASE WHEN {CONVERSION_VALUE} = {value} THEN {SKAD_INSTALLS} ELSE 0 END")
        for value in range(HIGHEST_CONVERSION_VALUE + 1)
    },
    "click_conversion_rate": Ratio((SKAD_INSTALLS, "clicks")),
    "impression_conversion_rate": Ratio((SKAD_INSTALLS, "impressions")),
    "skad_revenue": _money(_valid("revenue")),
}

KPIS: Mapping[Report, Mapping[str, Formula]] = {
    Report.DELIVERABLES: _DELIVERABLES,
    Report.EVENTS: EVENT_KPIS,
    Report.COHORTS: _COHORTS,
    Report.SKADNETWORK: _SKADNETWORK,
}

DEFAULT_KPIS: Mapping[Report, tuple[str, ...]] = {
    Report.DELIVERABLES: (
        "clicks", "installs", "click_conversion_rate", "reattributions", "sessions", "revenue_events", "revenue",
        "daus", "waus", "maus",
    ),
    Report.EVENTS: ("revenue_events", "revenue"),
    Report.COHORTS: ("retention_rate",),
    Report.SKADNETWORK: ("skad_installs", "valid_conversions", "impression_conversion_rate"),
}  # fmt: skip

COHORT_REVENUE = "cohort_revenue"
"""A deliverable that depends on the parameter `cohort_revenue_period`."""

_ABBREVIATIONS = {"Daus": "DAUs", "Waus": "WAUs", "Maus": "MAUs", "Ctr": "CTR", "Ecpc": "eCPC", "Ecpi": "eCPI"}
_ABBREVIATIONS |= {"Roas": "ROAS", "Skad": "SKAdNetwork", "Ecpm": "eCPM", "Arpdau": "ARPDAU", "Rpm": "RPM"}
_ABBREVIATIONS |= {"Iap": "IAP", "Gdpr": "GDPR", "Id": "ID", "Os": "OS", "Ios": "iOS", "Macos": "macOS"}


def title_of(kpi: str) -> str:
    """Return a readable title of a KPI: `lifetime_value` is "Lifetime Value"."""
    words = kpi.replace("_", " ").title()
    return re.sub(r"[A-Z][a-z]+", lambda word: _ABBREVIATIONS.get(word[0], word[0]), words)
