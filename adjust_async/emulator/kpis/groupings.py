"""The groupings: their names, and the SQL over `facts` by which they group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adjust_async.emulator.facts.dimensions import REGIONS
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.kpis.catalog import Report

_DAY = "((hour * 60 + :offset) / 1440)"
# 1 January 1970 was a Thursday: three days after the Monday of its week.
_MONDAY = f"(({_DAY} + 3) / 7 * 7 - 3)"
_FIRST_OF_MONTH = f"(CAST(strftime('%s', {_DAY} * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400)"
_REGION = f"""CASE {
    " ".join(
        f"WHEN country IN ({', '.join(repr(country) for country in countries)}) THEN '{region}'"
        for region, countries in REGIONS.items()
    )
} END"""


@dataclass(frozen=True, slots=True)
class Grouping:
    """One level of a result; `key` is the name of its list. Without `sql` it is not a column of facts."""

    key: str
    sql: str | None


def _ancestor(column: str) -> str:
    """Group facts by the tracker at a level; a tracker above that level has its own negative id as key."""
    return f"coalesce({column}, -lineages.tracker_id)"


APPS = Grouping("apps", None)
TRACKERS = Grouping("trackers", "lineages.tracker_id")
HOUR = Grouping("dates", "((hour * 60 + :offset) / 60)")
DAY = Grouping("dates", _DAY)
WEEK = Grouping("dates", _MONDAY)
MONTH = Grouping("dates", _FIRST_OF_MONTH)
REGION = Grouping("regions", _REGION)
EVENTS = Grouping("events", "event")
PERIODS = Grouping("periods", "period")

TRACKER_LEVELS = ("networks", "campaigns", "adgroups", "creatives")

_SINGULAR: dict[str, Grouping] = {
    "app": APPS,
    "tracker": TRACKERS,
    "network": Grouping("networks", _ancestor("network_id")),
    "campaign": Grouping("campaigns", _ancestor("campaign_id")),
    "adgroup": Grouping("adgroups", _ancestor("adgroup_id")),
    "creative": Grouping("creatives", _ancestor("creative_id")),
    "hour": HOUR,
    "day": DAY,
    "week": WEEK,
    "month": MONTH,
    "country": Grouping("countries", "country"),
    "region": REGION,
    "device_type": Grouping("device_types", "device_type"),
    "os_name": Grouping("os_names", "os_name"),
    "partner": Grouping("partners", "coalesce(trackers.partner_id, 0)"),
    "event": EVENTS,
    "event_type": EVENTS,
    "period": PERIODS,
}
_BY_NAME = _SINGULAR | {f"{name}s": grouping for name, grouping in _SINGULAR.items()} | {
    "countries": _SINGULAR["country"]
}  # fmt: skip
del _BY_NAME["countrys"]

_INNERMOST: Mapping[Report, tuple[str, Grouping] | None] = {
    Report.DELIVERABLES: None,
    Report.EVENTS: ("events", EVENTS),
    Report.COHORTS: ("periods", PERIODS),
    Report.SKADNETWORK: None,
}
_REFUSED: Mapping[Report, tuple[Grouping, ...]] = {
    Report.DELIVERABLES: (EVENTS, PERIODS),
    Report.EVENTS: (PERIODS,),
    Report.COHORTS: (),
    Report.SKADNETWORK: (EVENTS, PERIODS),
}


def read_grouping(names: Sequence[str], report: Report, *, several_apps: bool) -> tuple[list[str], list[Grouping]]:
    """Read a grouping, outermost first. Return its names as they are echoed, and the levels of the result.

    The default is apps for several apps, otherwise trackers. Events end with a level of events, and cohorts with one of
    periods. An answer for several apps begins with them unless the grouping names them further in. Raises a 400
    `RefusalError` for an unknown name, one that the report does not have, and one that is repeated.
    """
    echo = list(names) or (["apps"] if several_apps else ["trackers"])
    levels = [_level(name, report) for name in echo]
    innermost = _INNERMOST[report]
    if innermost is not None and innermost[1] not in levels:
        echo.append(innermost[0])
        levels.append(innermost[1])
    if several_apps and APPS not in levels:
        levels.insert(0, APPS)
    keys = [level.key for level in levels]
    for key in keys:
        if keys.count(key) > 1:
            raise RefusalError(400, f"grouping has the level {key} more than once")
    return echo, levels


def _level(name: str, report: Report) -> Grouping:
    grouping = _BY_NAME.get(name.lower())
    if grouping is None:
        raise RefusalError(400, f"Unknown grouping: {name}")
    if grouping in _REFUSED[report]:
        raise RefusalError(400, f"The {report} can't be grouped by {name}")
    return grouping
