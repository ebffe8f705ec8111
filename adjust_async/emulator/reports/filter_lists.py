"""The lists of `filters_data`: the valid names and values of an account."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from adjust_async.emulator.account.currencies import CURRENCIES
from adjust_async.emulator.facts.dimensions import DEVICES
from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.kpis.catalog import title_of
from adjust_async.emulator.kpis.dates import MINUTES_OF_AN_HOUR, write_utc_offset
from adjust_async.emulator.reports.amounts import AD_REVENUE_SOURCES, AD_SPEND_MODES, IAP_REVENUE_MODES, amounts_of
from adjust_async.emulator.reports.cohort_metrics import BASES
from adjust_async.emulator.reports.cohort_periods import all_periods
from adjust_async.emulator.reports.countries import COUNTRY_NAMES
from adjust_async.emulator.reports.dimensions import DIMENSIONS, ORGANIC, ORGANIC_ID, STORES
from adjust_async.emulator.reports.events import ReportEvent
from adjust_async.emulator.reports.metric_catalog import MetricCatalog
from adjust_async.emulator.reports.metrics import Metric, cost_metrics, overview_metrics, skad_metrics
from adjust_async.emulator.reports.parameters import (
    ATTRIBUTION_SOURCES,
    ATTRIBUTION_TYPES,
    COHORT_MATURITIES,
    PERIODS_OVER_PERIODS,
)

Item = dict[str, Any]

_AMOUNTS = amounts_of(AD_SPEND_MODES[0], next(iter(IAP_REVENUE_MODES)), ())
_ATTRIBUTION_STATUSES = ("installs", "reattributions")
_SKAD_TIME_ADJUSTMENTS = ("none", "24h", "48h")
_FURTHEST_WEST, _FURTHEST_EAST = -12, 14


def item(id: str, name: str, short_name: str = "", section: str = "", formatting: str = "") -> Item:
    """Return an item of a list."""
    return {"id": id, "name": name, "short_name": short_name, "section": section, "formatting": formatting}


class FilterLists:
    """Makes the lists by name."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._catalog = MetricCatalog(facts.apps.values(), _AMOUNTS, COHORT_MATURITIES[0])
        self._makers: Mapping[str, Callable[[], Iterable[Item]]] = {
            "apps": self._apps,
            "apps_network": self._apps_network,
            "networks": self._networks,
            "partners": self._partners,
            "overview_metrics": lambda: _metrics(overview_metrics(_AMOUNTS).values()),
            "cohort_metrics": lambda: _metrics(self._catalog.of_cohorts()),
            "event_metrics": self._event_metrics,
            "cohort_metric_names": lambda: _named(BASES),
            "etl_metrics": lambda: _metrics(overview_metrics(_AMOUNTS).values()),
            "cost_metrics": lambda: _metrics(cost_metrics().values()),
            "skad_metrics": lambda: _metrics(skad_metrics().values()),
            "dimensions": _dimensions,
            "index": _dimensions,
            "countries": lambda: (item(code, name) for code, name in COUNTRY_NAMES.items()),
            "currencies": lambda: (
                item(currency.iso_code, currency.name, currency.symbol, formatting="money") for currency in CURRENCIES
            ),
            "os_names": lambda: _named(dict.fromkeys(os_name for os_name, _ in DEVICES)),
            "full_cohort_periods": lambda: (item(period.slug, period.title) for period in all_periods()),
            "cohort_maturity": lambda: _named(COHORT_MATURITIES),
            "attribution_type": lambda: _named(ATTRIBUTION_TYPES),
            "attribution_types": lambda: _named(ATTRIBUTION_TYPES),
            "attribution_source": lambda: _named(ATTRIBUTION_SOURCES),
            "attribution_status": lambda: _named(_ATTRIBUTION_STATUSES),
            "attributes": _attributes,
            "store_type": lambda: _named(STORES),
            "skad_time_adjustment": lambda: _named(_SKAD_TIME_ADJUSTMENTS),
            "ad_spend_mode": lambda: _named(AD_SPEND_MODES),
            "iap_revenue_mode": lambda: _named(name.upper() for name in IAP_REVENUE_MODES),
            "ad_revenue_sources": lambda: _named(AD_REVENUE_SOURCES),
            "utc_offset": _offsets,
            "period_over_period": lambda: _named(PERIODS_OVER_PERIODS),
        }

    @property
    def names(self) -> Iterable[str]:
        """The names of all lists."""
        return self._makers.keys()

    def make(self, name: str) -> list[Item]:
        """Return a list."""
        return list(self._makers[name]())

    def events(self) -> Iterable[ReportEvent]:
        """Return the events of the account."""
        return self._catalog.events.values()

    def _apps(self) -> Iterator[Item]:
        for app in self._facts.apps.values():
            yield item(app.token, app.name) | {
                "default_store_app_id": STORES["google"].format(app.id),
                "currency": app.currency.iso_code,
                "platforms": ["android", "ios"],
            }

    def _apps_network(self) -> Iterator[Item]:
        for app in self._facts.apps.values():
            yield item(app.token, app.name) | {"store_ids": [store.format(app.id) for store in STORES.values()]}

    def _networks(self) -> Iterator[Item]:
        rows = self._facts.read("SELECT DISTINCT name FROM trackers WHERE parent_id = 0 ORDER BY name")
        return (item(name, name) for (name,) in rows)

    def _partners(self) -> Iterator[Item]:
        yield item(ORGANIC_ID, ORGANIC)
        for number, name in self._facts.read("SELECT id, display_name FROM partners ORDER BY id"):
            yield item(str(number), name)

    def _event_metrics(self) -> Iterator[Item]:
        periods = list(all_periods())
        for event in self._catalog.events.values():
            for found in _metrics(event.metrics(periods, COHORT_MATURITIES[0], _AMOUNTS)):
                yield found | event.item()


def _metrics(metrics: Iterable[Metric]) -> Iterator[Item]:
    for metric in metrics:
        yield item(metric.slug, metric.title, section=metric.section, formatting=metric.formula.formatting)


def _dimensions() -> Iterator[Item]:
    for dimension in DIMENSIONS.values():
        section = "" if dimension.unit is None else "Date"
        yield item(dimension.slug, dimension.title, section=section, formatting="date" if section else "text")


def _attributes() -> Iterator[Item]:
    return (found for found in _dimensions() if found["section"] == "")


def _named(ids: Iterable[str]) -> Iterator[Item]:
    return (item(name, title_of(name.lower())) for name in ids)


def _offsets() -> Iterator[Item]:
    for hours in range(_FURTHEST_WEST, _FURTHEST_EAST + 1):
        offset = write_utc_offset(hours * MINUTES_OF_AN_HOUR)
        yield item(offset, f"UTC {offset}")
