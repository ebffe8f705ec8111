"""The dimensions: the SQL by which each groups facts, and its values in rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from adjust_async.emulator.kpis.catalog import title_of
from adjust_async.emulator.kpis.groupings import REGION
from adjust_async.emulator.reports.calendar import UNITS, WEEK_FROM_MONDAY, TimeUnit, with_times
from adjust_async.emulator.reports.countries import COUNTRY_NAMES
from adjust_async.emulator.reports.options import ReportOptions
from adjust_async.emulator.reports.zones import Clock

UNKNOWN = "unknown"
ORGANIC = "Organic"
ORGANIC_ID = "-300"

_SEPARATOR = "\x1f"

TABLES = {
    "lineages": "CROSS JOIN lineages ON lineages.tracker_id = facts.{attributed}",
    "described_apps": "CROSS JOIN described_apps ON described_apps.app_id = facts.app_id",
    "described_events": """LEFT JOIN described_events
        ON described_events.app_id = facts.app_id AND described_events.place = facts.event""",
    "trackers": "CROSS JOIN trackers ON trackers.id = lineages.tracker_id",
    "partners": "LEFT JOIN partners ON partners.id = trackers.partner_id",
    "networks": "CROSS JOIN trackers AS networks ON networks.id = lineages.network_id",
    "campaigns": "LEFT JOIN trackers AS campaigns ON campaigns.id = lineages.campaign_id",
    "adgroups": "LEFT JOIN trackers AS adgroups ON adgroups.id = lineages.adgroup_id",
    "creatives": "LEFT JOIN trackers AS creatives ON creatives.id = lineages.creative_id",
}
"""Tables to join to the facts, each after those that it refers to. Facts come first: they have the index by time."""


@dataclass(frozen=True, slots=True, eq=False)
class Dependency:
    """The texts of a row in `attr_dependency`, by name; `shape` may restructure them.

    If the facts of a row differ in these texts, those of one fact are used.
    """

    texts: Mapping[str, str]
    shape: Callable[[dict[str, str]], dict[str, Any]] = dict

    @property
    def sql(self) -> str:
        """The texts joined into one, so that all of them are of the same fact."""
        return f"max({' || char(31) || '.join(self.texts.values())})"

    def write(self, joined: str) -> dict[str, Any]:
        """Split the joined text of a row."""
        return self.shape(dict(zip(self.texts, joined.split(_SEPARATOR), strict=True)))


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension. `sql` groups facts, `text` is compared by filters, and `write` returns the text for rows."""

    slug: str
    title: str
    sql: str
    text: str
    write: Callable[[Any], str]
    dependency: Dependency | None = None
    unit: TimeUnit | None = None
    """The unit of a date; None for other dimensions."""

    def writer(self, *, iso_dates: bool) -> Callable[[Any], str]:
        """Return the function that writes a value."""
        if self.unit is None:
            return self.write
        return self.unit.write if iso_dates else self.unit.write_formatted


def _own(slug: str, sql: str, dependency: Dependency | None = None) -> Dimension:
    """Return a dimension whose values are text in SQL."""
    return Dimension(slug, title_of(slug), sql, sql, str, dependency)


def _cases(column: str, values: Mapping[str, str]) -> str:
    cases = " ".join(f"WHEN '{key}' THEN {value}" for key, value in values.items())
    return f"(CASE {column} {cases} ELSE '{UNKNOWN}' END)"


def _label(level: str, above: str) -> str:
    """Return the last part of a tracker's name, which begins with its parent's name and `::`."""
    return f"coalesce(substr({level}.name, length({above}.name) + 3), '{UNKNOWN}')"


def _network_id(column: str, first: int) -> str:
    """Return the network's own id of a tracker."""
    return f"coalesce(CAST({first} + {column} * 7919 AS TEXT), '{UNKNOWN}')"


_PARTNER = f"coalesce(partners.display_name, '{ORGANIC}')"
_PARTNER_ID = f"coalesce(CAST(trackers.partner_id AS TEXT), '{ORGANIC_ID}')"
_CAMPAIGN = _label("campaigns", "networks")
_ADGROUP = _label("adgroups", "campaigns")
_CREATIVE = _label("creatives", "adgroups")
_CAMPAIGN_ID = _network_id("lineages.campaign_id", 12_000_000_000)
_ADGROUP_ID = _network_id("lineages.adgroup_id", 23_000_000_000)
_CREATIVE_ID = _network_id("lineages.creative_id", 34_000_000_000)
_SOURCE_ID = _network_id("lineages.adgroup_id", 45_000_000_000)

STORES = {"apple": "15000000{}", "google": "com.example.app{}", "windows": "9NBLGGH{}"}
"""The store ids of an app; its number replaces the braces."""

_STORE_OF_SYSTEM = {
    "ios": "apple", "macos": "apple", "apple-tv": "apple", "android": "google", "android-tv": "google",
    "windows": "windows",
}  # fmt: skip
_STORE_TYPE = _cases("os_name", {os_name: f"'{store}'" for os_name, store in _STORE_OF_SYSTEM.items()})
_STORE_ID = _cases(
    "os_name",
    {os_name: f"replace('{STORES[store]}', '{{}}', facts.app_id)" for os_name, store in _STORE_OF_SYSTEM.items()},
)
_PLATFORM = _cases(
    "device_type", {"phone": "'mobile'", "tablet": "'mobile'", "pc": "'pc'", "mac": "'pc'", "tv": "'ctv'"}
)
_APP_NETWORK = f"(CASE WHEN trackers.partner_id IS NULL THEN '{UNKNOWN}' ELSE described_apps.app_name END)"
_COUNTRY = _cases("country", {code: f"'{name}'" for code, name in COUNTRY_NAMES.items()})


_OF_PARTNER = {"partner_id": _PARTNER_ID, "partner": _PARTNER}
_DEPENDS_ON_PARTNER = Dependency(_OF_PARTNER)
_DEPENDS_ON_CAMPAIGN = Dependency({"campaign_id_network": _CAMPAIGN_ID, **_OF_PARTNER})
_DEPENDS_ON_ADGROUP = Dependency({"adgroup_id_network": _ADGROUP_ID, **_OF_PARTNER})
_DEPENDS_ON_CREATIVE = Dependency({"creative_id_network": _CREATIVE_ID, **_OF_PARTNER})
_DEPENDS_ON_CURRENCY = Dependency({"currency_code": "described_apps.currency_code"})
_DEPENDS_ON_APP = Dependency(
    {"app_token": "described_apps.app_token"}, lambda texts: {name: [text] for name, text in texts.items()}
)
_DEPENDS_ON_COUNTRY = Dependency(
    {"country_code": "country", "region": REGION.sql or ""}, lambda texts: {"country": texts}
)


def _of_time(unit: TimeUnit) -> Dimension:
    return Dimension(unit.slug, title_of(unit.slug), unit.sql, unit.text, unit.write, unit=unit)


_TIME = tuple(_of_time(unit) for unit in UNITS.values())
_OTHERS = (
    _own("os_name", "os_name"),
    _own("device_type", "device_type"),
    _own("platform", _PLATFORM),
    _own("app", "described_apps.app_name", _DEPENDS_ON_APP),
    _own("app_token", "described_apps.app_token"),
    _own("store_id", _STORE_ID, _DEPENDS_ON_APP),
    _own("store_type", _STORE_TYPE),
    _own("currency", "described_apps.currency_name", _DEPENDS_ON_CURRENCY),
    _own("currency_code", "described_apps.currency_code"),
    _own("network", "networks.name", _DEPENDS_ON_PARTNER),
    _own("campaign", _CAMPAIGN, _DEPENDS_ON_CAMPAIGN),
    _own("campaign_network", _CAMPAIGN, _DEPENDS_ON_CAMPAIGN),
    _own("campaign_id_network", _CAMPAIGN_ID),
    _own("adgroup", _ADGROUP, _DEPENDS_ON_ADGROUP),
    _own("adgroup_network", _ADGROUP, _DEPENDS_ON_ADGROUP),
    _own("adgroup_id_network", _ADGROUP_ID),
    # Each ad group has one source.
    _own("source_network", _ADGROUP),
    _own("source_id_network", _SOURCE_ID),
    _own("creative", _CREATIVE, _DEPENDS_ON_CREATIVE),
    _own("creative_network", _CREATIVE, _DEPENDS_ON_CREATIVE),
    _own("creative_id_network", _CREATIVE_ID),
    Dimension("country", "Country", "country", _COUNTRY, lambda code: COUNTRY_NAMES[code], _DEPENDS_ON_COUNTRY),
    _own("country_code", "country"),
    _own("region", REGION.sql or ""),
    _own("partner", _PARTNER, _DEPENDS_ON_PARTNER),
    _own("partner_name", _PARTNER, _DEPENDS_ON_PARTNER),
    _own("partner_id", _PARTNER_ID),
    _own("channel", _PARTNER, _DEPENDS_ON_PARTNER),
    _own("app_network", _APP_NETWORK),
)

DIMENSIONS: dict[str, Dimension] = {dimension.slug: dimension for dimension in (*_TIME, *_OTHERS)}


def dimensions_of(options: ReportOptions, clock: Clock) -> Mapping[str, Dimension]:
    """Return the dimensions by slug, with dates in the account's format."""
    units = dict(UNITS)
    if options.weeks_begin == "monday":
        units["week"] = WEEK_FROM_MONDAY
    if options.day_times:
        day = units["day"]
        units["day"] = replace(day, write=with_times(day.write), write_formatted=with_times(day.write_formatted))
    if options.hour_offsets:
        # By the hour in UTC, so that a repeated local hour stays two rows.
        hour = units["hour"]
        units["hour"] = replace(hour, sql="hour", write=clock.write_hour, write_formatted=clock.write_hour)
    return DIMENSIONS | {slug: _of_time(unit) for slug, unit in units.items() if unit is not UNITS[slug]}
