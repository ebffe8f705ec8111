"""The query of a request, checked and with all defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.http.parameters import boolean
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.kpis.catalog import Report
from adjust_async.emulator.kpis.cohort_periods import Period
from adjust_async.emulator.kpis.columns import KpiColumn, read_columns
from adjust_async.emulator.kpis.dates import read_dates, read_utc_offset, write_utc_offset
from adjust_async.emulator.kpis.groupings import Grouping, read_grouping

_EVERYWHERE = frozenset(Report)
_NOT_SKADNETWORK = _EVERYWHERE - {Report.SKADNETWORK}
_REPORTS_OF_PARAMETER: Mapping[str, frozenset[Report]] = {
    "tracker_filter": _NOT_SKADNETWORK,
    "attribution_source": _EVERYWHERE - {Report.COHORTS},
    "reattributed": frozenset({Report.DELIVERABLES, Report.COHORTS}),
    "event_kpis": frozenset({Report.DELIVERABLES}),
    "regions": frozenset({Report.DELIVERABLES, Report.SKADNETWORK}),
    "cohort_revenue_period": frozenset({Report.DELIVERABLES}),
    "events": frozenset({Report.EVENTS, Report.COHORTS}),
    "partner_ids": frozenset({Report.EVENTS}),
    "period": frozenset({Report.COHORTS}),
    "day_def": frozenset({Report.COHORTS}),
    "cohort_period_filter": frozenset({Report.COHORTS}),
    "impression_based": frozenset({Report.COHORTS}),
}
"""The parameters that not all reports have."""

_LISTS = ("countries", "os_names", "device_types", "regions", "partner_ids", "events", "tracker_filter")
_ECHOED_LISTS = ("countries", "os_names", "device_types", "regions", "partner_ids", "tracker_filter")
_ECHOED_TEXTS = ("reattributed", "cohort_revenue_period", "cohort_period_filter", "impression_based")


@dataclass(frozen=True, slots=True)
class Query:
    """A query over `apps`. `trackers` are the tokens of the path, or empty for all. Days are at `offset` minutes.

    `filters` has the lists of the request that are not empty. `reattributed` None means all users.
    """

    report: Report
    apps: tuple[App, ...]
    trackers: tuple[str, ...]
    first: date
    last: date
    offset: int
    columns: tuple[KpiColumn, ...]
    levels: tuple[Grouping, ...]
    filters: Mapping[str, Sequence[str]]
    attribution_type: str
    attribution_source: str
    reattributed: bool | None
    sandbox: bool
    human_readable: bool
    period: Period
    today: date
    echo: Mapping[str, Any]
    """The entries of `result_parameters` about the request."""


def read_query(
    parameters: Mapping[str, str], report: Report, apps: Sequence[App], trackers: Sequence[str], today: date
) -> Query:
    """Read the parameters of a request. Raises a 400 `RefusalError`.

    Empty parameters and those of other reports are ignored: clients set them once and request all reports with them.
    """
    given = {
        name: value.strip() if name != "utc_offset" else value
        for name, value in parameters.items()
        if value and report in _REPORTS_OF_PARAMETER.get(name, _EVERYWHERE)
    }
    first, last = read_dates(given.get("start_date"), given.get("end_date"), today)
    offset = read_utc_offset(given.get("utc_offset"))
    grouping, levels = read_grouping(_split(given.get("grouping", "")), report, several_apps=len(apps) > 1)
    human_readable = boolean("human_readable_kpis", given.get("human_readable_kpis", False))
    columns = read_columns(
        report,
        apps,
        _split(given.get("kpis", "")),
        _split(given.get("event_kpis", "")),
        _whole_number("cohort_revenue_period", given.get("cohort_revenue_period", "7")),
    )
    sandbox = boolean("sandbox", given.get("sandbox", False))
    reattributed = _choice("reattributed", given, ("all", "true", "false"))
    attribution_type = _choice("attribution_type", given, ("click", "impression", "all"))
    attribution_source = _choice("attribution_source", given, ("dynamic", "first"))
    period = Period(_choice("period", given, tuple(Period)))
    filters = {name: items for name in _LISTS if (items := _split(given.get(name, "")))}
    for partner_id in filters.get("partner_ids", ()):
        _whole_number("partner_ids", partner_id)
    echo: dict[str, Any] = {
        "kpis": [column.title if human_readable else column.name for column in columns],
        "start_date": first.isoformat(),
        "end_date": last.isoformat(),
        "sandbox": sandbox,
        **{name: filters[name] for name in _ECHOED_LISTS if name in filters},
        "grouping": grouping,
        "attribution_type": attribution_type,
        "utc_offset": write_utc_offset(offset),
        "attribution_source": attribution_source,
        **{name: given[name] for name in _ECHOED_TEXTS if name in given},
    }
    if "human_readable_kpis" in given:
        echo["human_readable_kpis"] = human_readable
    if report is Report.COHORTS:
        echo |= {"period": period.value, "day_def": given.get("day_def", "24h")}
    return Query(
        report=report,
        apps=tuple(apps),
        trackers=tuple(trackers),
        first=first,
        last=last,
        offset=offset,
        columns=tuple(columns),
        levels=tuple(levels),
        filters=filters,
        attribution_type=attribution_type,
        attribution_source=attribution_source,
        reattributed=None if reattributed == "all" else reattributed == "true",
        sandbox=sandbox,
        human_readable=human_readable,
        period=period,
        today=today,
        echo=echo,
    )


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def _choice(name: str, given: Mapping[str, str], choices: Sequence[str]) -> str:
    """Return a parameter that is one of a few words; the first is the default."""
    value = given.get(name, choices[0]).lower()
    if value not in choices:
        raise RefusalError(400, f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value


def _whole_number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RefusalError(400, f"{name} must be a whole number, not {text!r}")
    return int(text)
