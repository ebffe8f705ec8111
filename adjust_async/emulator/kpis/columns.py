"""The KPI columns of an answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.facts.drawing import DITHER
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.kpis.catalog import COHORT_REVENUE, DEFAULT_KPIS, EVENT_KPIS, KPIS, Report, title_of
from adjust_async.emulator.kpis.cohort_periods import revenue_share
from adjust_async.emulator.kpis.formulas import Formula, Money

_ALL_EVENTS = "all_events"
_DEFAULT_EVENT_KPI = "events"


@dataclass(frozen=True, slots=True)
class KpiColumn:
    """A requested KPI. With an `event_token` it is for one event, and has no value in apps without the event."""

    name: str
    title: str
    formula: Formula
    event_token: str | None = None

    def formula_for(self, app: App) -> Formula | None:
        """Return the formula over an app's facts; None if the app does not have the event."""
        if self.event_token is None:
            return self.formula
        for position, event in enumerate(app.events):
            if event.token == self.event_token:
                return self.formula.only(f"event = {position}")
        return None


def read_columns(
    report: Report, apps: Sequence[App], kpis: Sequence[str], event_kpis: Sequence[str], cohort_revenue_period: int
) -> list[KpiColumn]:
    """Read `kpis` and `event_kpis`. Raises a 400 `RefusalError` that names the unknown one."""
    known = dict(KPIS[report])
    if report is Report.DELIVERABLES:
        # The share of a user's revenue within that many days.
        within = revenue_share(cohort_revenue_period)
        known[COHORT_REVENUE] = Money((f"(revenue * {within} + dither) / {DITHER}",))
    columns = []
    for kpi in kpis or DEFAULT_KPIS[report]:
        if kpi not in known:
            raise RefusalError(400, f"Unknown KPI: {kpi}")
        columns.append(KpiColumn(kpi, title_of(kpi), known[kpi]))
    names = {event.token: event.name for app in apps for event in app.events}
    for event_kpi in event_kpis:
        for token, kpi in _event_kpi(event_kpi, list(names)):
            column = KpiColumn(f"{token}_{kpi}", f"{names[token]} ({title_of(kpi)})", EVENT_KPIS[kpi], token)
            if column not in columns:
                columns.append(column)
    return columns


def _event_kpi(text: str, tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Parse `{event_token}_{kpi}`, `all_events`, or `all_events|{kpi}`."""
    if text.partition("|")[0] == _ALL_EVENTS:
        kpi = text.partition("|")[2] or _DEFAULT_EVENT_KPI
        pairs = [(token, kpi) for token in tokens]
    else:
        token, _, kpi = text.partition("_")
        pairs = [(token, kpi)]
    for token, kpi in pairs:
        if token not in tokens or kpi not in EVENT_KPIS:
            raise RefusalError(400, f"Unknown event KPI: {text}")
    return pairs
