"""The cohort metrics, `{base}_{period}`, where a period is a number of days, weeks or months after the install."""

from collections.abc import Callable, Mapping

from adjust_async.emulator.kpis.catalog import title_of
from adjust_async.emulator.kpis.measures import COHORT_SIZE, PAYING_USERS, portion
from adjust_async.emulator.reports.amounts import Amounts
from adjust_async.emulator.reports.cohort_periods import CohortPeriod
from adjust_async.emulator.reports.formulas import Formula, Ratio, total
from adjust_async.emulator.reports.metrics import (
    Metric,
    count_of,
    money_of,
    only_if,
    price_of,
    return_of,
    share_of,
)

SECTION = "Cohort"


class _Parts:
    """The measures of a fact in a cohort; zero if the cohort has not reached the period yet."""

    def __init__(self, period: CohortPeriod, maturity: str, amounts: Amounts) -> None:
        self._condition = period.condition(maturity)
        self._curves = period.curves()
        self._amounts = amounts
        self.size = self._if(COHORT_SIZE)
        self.cost = self._if(amounts.cost)
        self.retained = self._portion(COHORT_SIZE, "retained")
        self.sessions = self._portion(COHORT_SIZE, "session_rate")
        self.seconds = self._portion(COHORT_SIZE, "second_rate")
        self.paying = self._portion(f"({PAYING_USERS})", "paying")
        self.events = self.during("events")
        self.revenue_events = self._if(only_if("revenue > 0", self.during("events")))

    @property
    def revenue(self) -> str:
        """Revenue of purchases."""
        return self._amounts.revenue

    @property
    def ad_revenue(self) -> str:
        """Revenue of ads."""
        return self._amounts.ad_revenue

    def until(self, figure: str) -> str:
        """Return the part of a figure up to the end of the period."""
        return self._portion(figure, "cumulative")

    def during(self, figure: str) -> str:
        """Return the part of a figure within the period."""
        return f"({self.until(figure)}) - ({self._portion(figure, 'earlier')})"

    def all_until(self) -> str:
        """Return revenue of both kinds up to the end of the period."""
        return f"({self.until(self.revenue)}) + ({self.until(self.ad_revenue)})"

    def all_during(self) -> str:
        """Return revenue of both kinds within the period."""
        return f"{self.during(self.revenue)} + {self.during(self.ad_revenue)}"

    def _portion(self, figure: str, curve: str) -> str:
        return self._if(portion(figure, self._curves[curve]))

    def _if(self, figure: str) -> str:
        return only_if(self._condition, figure)


_BASES: Mapping[str, Callable[[_Parts], Formula]] = {
    "retention_rate": lambda parts: share_of(parts.retained, parts.size),
    "retained_users": lambda parts: count_of(parts.retained),
    "cohort_size": lambda parts: count_of(parts.size),
    "sessions": lambda parts: count_of(parts.sessions),
    "sessions_per_user": lambda parts: Ratio((total(parts.sessions), total(parts.retained))),
    "time_spent": lambda parts: count_of(parts.seconds),
    "time_spent_per_user": lambda parts: Ratio((total(parts.seconds), total(parts.retained))),
    "time_spent_per_session": lambda parts: Ratio((total(parts.seconds), total(parts.sessions))),
    "events": lambda parts: count_of(parts.events),
    "events_per_user": lambda parts: Ratio((total(parts.events), total(parts.retained))),
    "revenue_events": lambda parts: count_of(parts.revenue_events),
    "revenue_events_per_user": lambda parts: Ratio((total(parts.revenue_events), total(parts.retained))),
    "revenue": lambda parts: money_of(parts.during(parts.revenue)),
    "revenue_per_user": lambda parts: price_of(parts.during(parts.revenue), parts.retained),
    "revenue_total": lambda parts: money_of(parts.until(parts.revenue)),
    "ad_revenue": lambda parts: money_of(parts.during(parts.ad_revenue)),
    "ad_revenue_total": lambda parts: money_of(parts.until(parts.ad_revenue)),
    "all_revenue": lambda parts: money_of(parts.all_during()),
    "all_revenue_total": lambda parts: money_of(parts.all_until()),
    "lifetime_value": lambda parts: price_of(parts.until(parts.revenue), parts.size),
    "lifetime_value_ad": lambda parts: price_of(parts.until(parts.ad_revenue), parts.size),
    "roas": lambda parts: return_of(parts.until(parts.revenue), parts.cost),
    "roas_iap": lambda parts: return_of(parts.until(parts.revenue), parts.cost),
    "roas_ad": lambda parts: return_of(parts.until(parts.ad_revenue), parts.cost),
    "paying_users": lambda parts: count_of(parts.paying),
    "paying_user_rate": lambda parts: share_of(parts.paying, parts.retained),
    "revenue_per_paying_user": lambda parts: price_of(parts.during(parts.revenue), parts.paying),
}
BASES = tuple(_BASES)
"""The part of a metric's slug before the period."""


def cohort_metric(base: str, period: CohortPeriod, maturity: str, amounts: Amounts) -> Metric | None:
    """Return the metric of a base and a period; None for an unknown base."""
    if base not in _BASES:
        return None
    formula = _BASES[base](_Parts(period, maturity, amounts))
    return Metric(f"{base}_{period.slug}", f"{title_of(base)} ({period.title})", SECTION, formula, period)


def cohort_events(condition: str, period: CohortPeriod, maturity: str, amounts: Amounts) -> Formula:
    """Return a formula that counts events within a period that meet an SQL condition."""
    return count_of(only_if(condition, _Parts(period, maturity, amounts).events))
