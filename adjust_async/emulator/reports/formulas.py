"""How a metric is computed from aggregates of facts. Unlike a KPI, a metric always has a value."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from adjust_async.emulator.account.currencies import EURO_PARTS, Currency

Number = int | float

Evaluate = Callable[[Sequence[int], int], Number]
"""Takes the aggregates of a row, and its number of days."""

VISITS = "sum(visits)"
# All apps have the same number of users.
USERS = "count(DISTINCT facts.app_id) * max(described_apps.users)"

_DECIMALS = 6


def total(measure: str) -> str:
    """Return the sum of a measure over facts."""
    return f"sum({measure})"


def worth(amount: str) -> str:
    """Return the sum of an amount in parts of a euro, so that apps with different currencies can be summed up."""
    return f"sum(({amount}) * described_apps.worth)"


@dataclass(frozen=True, slots=True)
class Formula(ABC):
    """A metric; `aggregates` are the SQL expressions that it needs over the facts of a row."""

    aggregates: tuple[str, ...]

    #: The service's name for this kind of number.
    formatting: ClassVar[str] = "decimal"
    #: Whether it is an integer.
    is_whole: ClassVar[bool] = False

    @abstractmethod
    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:
        """Return a function that computes it from aggregates; `positions` are theirs."""


class Count(Formula):
    """A count."""

    formatting = "integer"
    is_whole = True

    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:  # noqa: ARG002 # what money needs
        """Return the sum unchanged."""
        position = positions[self.aggregates[0]]
        return lambda sums, _: sums[position]


class Money(Formula):
    """An amount of money."""

    formatting = "money"

    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:
        """Convert parts of a euro into units of the currency."""
        position, rate, parts = positions[self.aggregates[0]], currency.rate, EURO_PARTS * currency.minor_units
        return lambda sums, _: round(sums[position] * rate / parts, _DECIMALS)


@dataclass(frozen=True, slots=True)
class Ratio(Formula):
    """The first aggregate times `times`, divided by the second; both are counts, or both are money."""

    times: int = 1

    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:
        """Divide; the result is 0 if the denominator is zero."""
        numerator, denominator = (positions[aggregate] for aggregate in self.aggregates)
        times, divisor = self._scale(currency)

        def divide(sums: Sequence[int], _days: int) -> Number:
            below = sums[denominator]
            return round(sums[numerator] * times / (below * divisor), _DECIMALS) if below else 0.0

        return divide

    def _scale(self, currency: Currency) -> tuple[int, int]:  # noqa: ARG002 # what money needs
        return self.times, 1


class Percentage(Ratio):
    """A ratio that is shown in percent; its value is a share of one."""

    formatting = "percentage"


class MoneyRatio(Ratio):
    """An amount of money divided by a count."""

    formatting = "money"

    def _scale(self, currency: Currency) -> tuple[int, int]:
        return self.times * currency.rate, EURO_PARTS * currency.minor_units


@dataclass(frozen=True, slots=True)
class DistinctUsers(Formula):
    """The number of distinct users within that many days, on average over the days of the row, as a fraction.

    The aggregates are visits and users. Visits are distributed over users at random, as for the KPI Service.
    """

    within: int

    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:  # noqa: ARG002 # what money needs
        """Return the expected number of distinct users for a number of visits."""
        visits, users, within = positions[VISITS], positions[USERS], self.within
        return lambda sums, days: round(_reached(sums[visits] * within, days, sums[users]), _DECIMALS)


class MoneyPerDailyUser(Formula):
    """An amount of money divided by the daily users of all days; the other aggregates are visits and users."""

    formatting = "money"

    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:
        """Divide; the result is 0 without users."""
        amount, visits, users = positions[self.aggregates[0]], positions[VISITS], positions[USERS]
        rate, parts = currency.rate, EURO_PARTS * currency.minor_units

        def divide(sums: Sequence[int], days: int) -> Number:
            daily = _reached(sums[visits], days, sums[users])
            return round(sums[amount] * rate / (parts * daily * days), _DECIMALS) if daily else 0.0

        return divide


def _reached(visits: int, days: int, users: int) -> float:
    """Return the expected number of distinct users on an average day, for the visits of these days."""
    return users * -math.expm1(-visits / days / users)
