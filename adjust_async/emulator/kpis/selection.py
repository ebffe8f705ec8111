"""The selection of an app's facts for a query, as SQL."""

from collections.abc import Iterable
from typing import Any

from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.facts.dimensions import REGIONS
from adjust_async.emulator.kpis.catalog import Report
from adjust_async.emulator.kpis.dates import hour_range
from adjust_async.emulator.kpis.query import Query

_LINEAGE = ("network_id", "campaign_id", "adgroup_id", "creative_id")


class Selection:
    """A conjunction of conditions, with their parameters by name."""

    def __init__(self, query: Query, app: App) -> None:
        first_hour, end_hour = hour_range(query.first, query.last, query.offset)
        self.parameters: dict[str, Any] = {
            "app_id": app.id,
            "first_hour": first_hour,
            "end_hour": end_hour,
            "offset": query.offset,
        }
        self._conditions = ["facts.app_id = :app_id", "hour >= :first_hour", "hour < :end_hour"]
        self._conditions.append(f"sandbox = {int(query.sandbox)}")
        self._add_attribution(query)
        self._add_lists(query, app)
        if query.trackers:
            self._add_trackers("trackers_of_path", query.trackers)
        if query.report is Report.EVENTS:
            self._conditions.append("events > 0")
        elif query.report is Report.SKADNETWORK:
            self._conditions.append("os_name = 'ios'")

    @property
    def sql(self) -> str:
        """The condition after WHERE."""
        return " AND ".join(self._conditions)

    def _add_attribution(self, query: Query) -> None:
        if query.attribution_type != "all":
            self._conditions.append(f"by_impression = {int(query.attribution_type == 'impression')}")
        if query.reattributed is not None:
            self._conditions.append(f"reattributed = {int(query.reattributed)}")

    def _add_lists(self, query: Query, app: App) -> None:
        filters = query.filters
        for name, column in ("countries", "country"), ("os_names", "os_name"), ("device_types", "device_type"):
            if name in filters:
                self._conditions.append(f"{column} IN {self._list(name, (item.lower() for item in filters[name]))}")
        if "regions" in filters:
            self._add_regions(filters["regions"])
        if "events" in filters:
            positions = [place for place, event in enumerate(app.events) if event.token in filters["events"]]
            self._conditions.append(f"event IN {self._list('events', positions)}")
        if "partner_ids" in filters:
            partners = self._list("partner_ids", map(int, filters["partner_ids"]))
            self._conditions.append(
                f"lineages.tracker_id IN (SELECT id FROM trackers WHERE app_id = :app_id AND partner_id IN {partners})"  # noqa: S608 # a list of parameters
            )
        if "tracker_filter" in filters:
            self._add_trackers("tracker_filter", filters["tracker_filter"])

    def _add_regions(self, regions: Iterable[str]) -> None:
        """Select the regions with a `+`, a space (an unencoded `+`) or no prefix, except for those with a `-`."""
        excluded = {region[1:].strip().lower() for region in regions if region.startswith("-")}
        included = {region.lstrip("+").strip().lower() for region in regions if not region.startswith("-")}
        chosen = (included or set(REGIONS)) - excluded
        countries = [country for region in sorted(chosen) for country in REGIONS.get(region, ())]
        self._conditions.append(f"country IN {self._list('regions', countries)}")

    def _add_trackers(self, name: str, tokens: Iterable[str]) -> None:
        """Select these trackers, and everything below them."""
        trackers = f"(SELECT id FROM trackers WHERE app_id = :app_id AND token IN {self._list(name, tokens)})"  # noqa: S608 # a list of parameters
        self._conditions.append(f"({' OR '.join(f'{column} IN {trackers}' for column in _LINEAGE)})")

    def _list(self, name: str, values: Iterable[Any]) -> str:
        """Add the values as parameters, and return a list of their names for SQL."""
        parameters = {f"{name}_{number}": value for number, value in enumerate(values)}
        self.parameters |= parameters
        return f"({', '.join(f':{parameter}' for parameter in parameters)})"
