"""Finds metrics by slug."""

from collections.abc import Iterable, Iterator

from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.reports.amounts import Amounts
from adjust_async.emulator.reports.cohort_metrics import BASES, cohort_metric
from adjust_async.emulator.reports.cohort_periods import all_periods, read_period
from adjust_async.emulator.reports.events import event_metric, events_of
from adjust_async.emulator.reports.metrics import Metric, cost_metrics, overview_metrics, skad_metrics


class MetricCatalog:
    """The metrics of an account with these apps, for the amounts and the cohort maturity of a request."""

    def __init__(self, apps: Iterable[App], amounts: Amounts, maturity: str) -> None:
        self._amounts = amounts
        self._maturity = maturity
        self._listed = {**overview_metrics(amounts), **cost_metrics(), **skad_metrics()}
        self.events = events_of(apps)
        """The events by slug."""

    def find(self, slug: str) -> Metric | None:
        """Return a metric; None if the slug is unknown."""
        if slug in self._listed:
            return self._listed[slug]
        base, _, text = slug.rpartition("_")
        period = read_period(text)
        if period is not None:
            return cohort_metric(base, period, self._maturity, self._amounts)
        return event_metric(self.events, slug, self._maturity, self._amounts)

    def of_cohorts(self) -> Iterator[Metric]:
        """Yield every cohort metric."""
        for base in BASES:
            for period in all_periods():
                metric = cohort_metric(base, period, self._maturity, self._amounts)
                if metric is not None:
                    yield metric
