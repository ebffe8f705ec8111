"""The events of all apps, by the slugs that the service derives from their names, and their metrics."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.facts.dimensions import GENERAL_REVENUE
from adjust_async.emulator.reports.amounts import Amounts
from adjust_async.emulator.reports.cohort_metrics import cohort_events
from adjust_async.emulator.reports.cohort_periods import CohortPeriod, read_period
from adjust_async.emulator.reports.metrics import Metric, count_of, money_of, only_if

SECTION = "events"

# Names whose slugs keep their spaces.
_WITH_SPACES = frozenset({"Level Up", "Add to Cart"})
_EVENTS = "_events"
_REVENUE = "_revenue"
_COHORT = "_events_cohort"


@dataclass(slots=True)
class ReportEvent:
    """An event that one or more apps have by the same name; `tokens` are its tokens by app token."""

    slug: str
    name: str
    tokens: dict[str, list[str]] = field(default_factory=dict)

    def item(self) -> dict[str, Any]:
        """Return the fields of its apps in lists of events."""
        tokens = [token for tokens in self.tokens.values() for token in tokens]
        return {"app_token": list(self.tokens), "tokens": tokens, "is_skad_event": False, "increase_is_negative": False}

    @property
    def condition(self) -> str:
        """The SQL condition that its facts meet."""
        name = self.name.replace("'", "''")
        return f"described_events.kind = '{name}'"

    def metrics(self, periods: Iterable[CohortPeriod], maturity: str, amounts: Amounts) -> Iterator[Metric]:
        """Yield its metrics, including cohort metrics for these periods."""
        condition = self.condition
        events, revenue = count_of(only_if(condition, "events")), money_of(only_if(condition, amounts.revenue))
        yield Metric(f"{self.slug}{_EVENTS}", f"{self.name} (Events)", SECTION, events)
        yield Metric(f"{self.slug}{_REVENUE}", f"{self.name} (Revenue)", SECTION, revenue)
        for period in periods:
            slug, title = f"{self.slug}_{period.slug}{_COHORT}", f"{self.name} ({period.title} Events, Cohort)"
            yield Metric(slug, title, SECTION, cohort_events(condition, period, maturity, amounts), period)


def events_of(apps: Iterable[App]) -> dict[str, ReportEvent]:
    """Return the events by slug; revenue without an event is left out."""
    events: dict[str, ReportEvent] = {}
    for app in apps:
        for event in app.events:
            if event.kind != GENERAL_REVENUE:
                found = events.setdefault(_slug(event.name), ReportEvent(_slug(event.name), event.name))
                found.tokens.setdefault(app.token, []).append(event.token)
    return dict(sorted(events.items()))


def event_metric(events: dict[str, ReportEvent], slug: str, maturity: str, amounts: Amounts) -> Metric | None:
    """Return the metric of an event; None if the slug is unknown."""
    name, _, period_text = slug.removesuffix(_COHORT).rpartition("_")
    period = read_period(period_text) if slug.endswith(_COHORT) else None
    if period is None:
        name = slug.removesuffix(_EVENTS).removesuffix(_REVENUE)
    if name not in events:
        return None
    periods = [] if period is None else [period]
    wanted = slug if period is None else f"{name}_{period.slug}{_COHORT}"
    return next((metric for metric in events[name].metrics(periods, maturity, amounts) if metric.slug == wanted), None)


def _slug(name: str) -> str:
    slug = name.lower()
    return slug if name in _WITH_SPACES else slug.replace(" ", "_")
