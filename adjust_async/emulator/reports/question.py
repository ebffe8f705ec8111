"""The query of a request, checked and with all defaults."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from adjust_async.emulator.account.currencies import Currency
from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.reports import parameters
from adjust_async.emulator.reports.amounts import AD_REVENUE_SOURCES, AD_SPEND_MODES, IAP_REVENUE_MODES, amounts_of
from adjust_async.emulator.reports.cohort_periods import MATURE
from adjust_async.emulator.reports.date_periods import read_date_period
from adjust_async.emulator.reports.dimensions import Dimension, dimensions_of
from adjust_async.emulator.reports.filters import DimensionFilter, MetricFilter, read_filters
from adjust_async.emulator.reports.lists import read_list
from adjust_async.emulator.reports.metric_catalog import MetricCatalog
from adjust_async.emulator.reports.metrics import Metric
from adjust_async.emulator.reports.options import ReportOptions
from adjust_async.emulator.reports.refusals import invalid, missing, unknown, unsupported
from adjust_async.emulator.reports.zones import Clock

APPS_PARAMETER = "app_token__in"

_MOST_METRICS = 500
"""SQLite allows two thousand columns, and a metric needs up to three."""


@dataclass(frozen=True, slots=True)
class Question:
    """The query for a report. Days are in the time of `clock`.

    Empty `attribution_types` and `os_names` mean all. `reattributed` None means all users, and `hours` None all hours.
    """

    apps: tuple[App, ...]
    first: date
    last: date
    clock: Clock
    dimensions: tuple[Dimension, ...]
    metrics: tuple[Metric, ...]
    attribution_types: tuple[str, ...]
    attribution_source: str
    reattributed: bool | None
    sandbox: bool
    os_names: tuple[str, ...]
    hours: tuple[int, int] | None
    currency: Currency
    iso_dates: bool
    readable_names: bool
    with_dependencies: bool
    filters: tuple[DimensionFilter, ...]
    metric_filters: tuple[MetricFilter, ...]
    sort: tuple[tuple[str, bool], ...]
    """Slugs of dimensions and metrics, the most important first, and whether the order is descending."""
    index: tuple[Dimension, ...]
    limit: int | None
    today: date
    warnings: tuple[str, ...]

    @property
    def column_names(self) -> list[str]:
        """The column names of a table: the dimensions, then the metrics."""
        if self.readable_names:
            return [*(dimension.title for dimension in self.dimensions), *(metric.title for metric in self.metrics)]
        return [*(dimension.slug for dimension in self.dimensions), *(metric.slug for metric in self.metrics)]

    @property
    def needed_metrics(self) -> tuple[Metric, ...]:
        """The metrics of the report, followed by those that only filters need."""
        needed = {metric.slug: metric for metric in self.metrics}
        for filter_ in self.metric_filters:
            needed.setdefault(filter_.metric.slug, filter_.metric)
        return tuple(needed.values())


def read_question(query: Mapping[str, str], apps: Mapping[str, App], today: date, options: ReportOptions) -> Question:
    """Read the parameters of a request; empty and unknown ones are ignored.

    Raises a 400 `RefusalError`.
    """
    given = {name: value if name == "utc_offset" else value.strip() for name, value in query.items() if value.strip()}
    absent = [name for name in parameters.REQUIRED if not read_list(given.get(name, ""))]
    if absent:
        raise missing(absent)
    first, last = read_date_period(given["date_period"], today, options.weeks_begin)
    amounts = amounts_of(
        parameters.choice(given, "ad_spend_mode", AD_SPEND_MODES),
        parameters.choice(given, "iap_revenue_mode", tuple(IAP_REVENUE_MODES)),
        parameters.choices_of(given, "ad_revenue_sources", AD_REVENUE_SOURCES),
    )
    maturity = parameters.choice(given, "cohort_maturity", parameters.COHORT_MATURITIES)
    catalog = MetricCatalog(apps.values(), amounts, maturity)
    clock = parameters.clock(given)
    known = dimensions_of(options, clock)
    dimensions = _dimensions("dimensions", given["dimensions"], known)
    index = _dimensions("index dimensions", given.get("index", ""), known)
    metrics = _metrics(given["metrics"], catalog)
    filters, metric_filters = read_filters(given, known, catalog, ignored=[APPS_PARAMETER])
    limit = parameters.whole_number(given, "limit")
    reattributed = parameters.choice(given, "reattributed", parameters.REATTRIBUTED)
    parameters.choice(given, "period_over_period", parameters.PERIODS_OVER_PERIODS)
    parameters.boolean(given, "full_data", default=False)
    return Question(
        apps=tuple(_apps(given, apps)),
        first=first,
        last=last,
        clock=clock,
        dimensions=dimensions,
        metrics=metrics,
        attribution_types=_attribution_types(given),
        attribution_source=parameters.choice(given, "attribution_source", parameters.ATTRIBUTION_SOURCES),
        reattributed=None if reattributed == "all" else reattributed == "true",
        sandbox=parameters.boolean(given, "sandbox", default=False),
        os_names=tuple(name.lower() for name in read_list(given.get("os_names", ""))),
        hours=parameters.hours(given),
        currency=parameters.currency(given),
        iso_dates=not parameters.boolean(given, "format_dates", default=True),
        readable_names=parameters.boolean(given, "readable_names", default=False),
        with_dependencies=parameters.boolean(given, "include_attr_dependency", default=True),
        filters=filters,
        metric_filters=metric_filters,
        sort=_sort(given.get("sort", ""), [*dimensions, *index], metrics, catalog),
        index=index,
        limit=limit if options.row_cap is None else min(options.row_cap, limit or options.row_cap),
        today=today,
        warnings=() if maturity == MATURE else tuple(_warnings(metrics, last, today)),
    )


def _apps(given: Mapping[str, str], apps: Mapping[str, App]) -> Iterable[App]:
    """Return the requested apps; one that the account does not have has no rows."""
    if APPS_PARAMETER not in given:
        return apps.values()
    asked = set(read_list(given[APPS_PARAMETER]))
    return (app for token, app in apps.items() if token in asked)


def _dimensions(what: str, text: str, known: Mapping[str, Dimension]) -> tuple[Dimension, ...]:
    slugs = read_list(text)
    strangers = [slug for slug in slugs if slug not in known]
    if strangers:
        raise unknown(what, strangers)
    return tuple(known[slug] for slug in slugs)


def _metrics(text: str, catalog: MetricCatalog) -> tuple[Metric, ...]:
    found = {slug: catalog.find(slug) for slug in read_list(text)}
    if len(found) > _MOST_METRICS:
        raise invalid("metrics", f"must be up to {_MOST_METRICS} metrics, not {len(found)}")
    strangers = [slug for slug, metric in found.items() if metric is None]
    if strangers:
        raise unsupported(strangers)
    # Two spellings of a slug are the same metric.
    return tuple({metric.slug: metric for metric in found.values() if metric is not None}.values())


def _sort(
    text: str, dimensions: Sequence[Dimension], metrics: Sequence[Metric], catalog: MetricCatalog
) -> tuple[tuple[str, bool], ...]:
    """Read the sort order, which may use only what the report contains."""
    columns = {dimension.slug for dimension in dimensions} | {metric.slug for metric in metrics}
    sort: dict[str, bool] = {}
    strangers = []
    for item in read_list(text):
        name = item.removeprefix("-")
        metric = catalog.find(name)
        slug = name if metric is None else metric.slug
        if slug not in columns:
            strangers.append(item)
        sort.setdefault(slug, item.startswith("-"))
    if strangers:
        raise unknown("sort columns", strangers)
    return tuple(sort.items())


def _warnings(metrics: Sequence[Metric], last: date, today: date) -> Iterable[str]:
    """Return warnings about metrics of cohorts that are not complete yet."""
    for metric in metrics:
        if metric.period is not None and (today - last).days < metric.period.end:
            yield f"{metric.slug} holds immature cohorts; use cohort_maturity=mature to leave them out"


def _attribution_types(given: Mapping[str, str]) -> tuple[str, ...]:
    """Read the newer name of the parameter or the older one. All types are the default, and returned as none."""
    name = "attribution_types" if "attribution_types" in given else "attribution_type"
    asked = parameters.choices_of(given, name, parameters.ATTRIBUTION_TYPES)
    return () if "all" in asked else asked
