"""How a metric comes from what is counted in the facts; unlike a KPI, a metric is never without a value."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adjust_async.emulator.account.currencies import EURO_PARTS, Currency

Number = int | float

Evaluate = Callable[[Sequence[int], int], Number]
"""Takes the aggregates of a row and the number of its days."""

VISITS = "sum(visits)"
# Every app has as many users as the others.
USERS = "count(DISTINCT facts.app_id) * max(described_apps.users)"

_DECIMALS = 6


def total(measure: str) -> str:
    """Sum up what is counted in a fact."""
    return f"sum({measure})"


def worth(amount: str) -> str:
    """Sum up an amount of minor units in parts of a euro, so that the currencies of several apps come together."""
    return f"sum(({amount}) * described_apps.worth)"


@dataclass(frozen=True, slots=True)
class Formula(ABC):
    """A metric; `aggregates` are the SQL expressions over the facts of a row that it needs."""

    aggregates: tuple[str, ...]

    @property
    def formatting(self) -> str:
        """What the service calls this kind of number."""
        return "decimal"

    @property
    def is_whole(self) -> bool:
        """Whether it is a number of things, without a point."""
        return False

    @property
    def is_money(self) -> bool:
        """Whether it is in the currency of the report."""
        return False

    @abstractmethod
    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:
        """Make the function that computes it from aggregates, found at their positions."""


class Count(Formula):
    """A number of things."""

    @property
    def formatting(self) -> str:
        """What the service calls it."""
        return "integer"

    @property
    def is_whole(self) -> bool:
        """Things have no halves."""
        return True

    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:  # noqa: ARG002 # what money needs
        """Take the sum as it is."""
        position = positions[self.aggregates[0]]
        return lambda sums, _: sums[position]


class Money(Formula):
    """An amount of money."""

    @property
    def formatting(self) -> str:
        """What the service calls it."""
        return "money"

    @property
    def is_money(self) -> bool:
        """It is nothing else."""
        return True

    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:
        """Turn parts of a euro into units of the currency."""
        position, rate, parts = positions[self.aggregates[0]], currency.rate, EURO_PARTS * currency.minor_units
        return lambda sums, _: round(sums[position] * rate / parts, _DECIMALS)


@dataclass(frozen=True, slots=True)
class Ratio(Formula):
    """The first aggregate, `times` as much, by the second; both are numbers of things or both are money."""

    times: int = 1

    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:
        """Divide; it is 0 where there is nothing to divide by."""
        numerator, denominator = (positions[aggregate] for aggregate in self.aggregates)
        times, divisor = self._scale(currency)

        def divide(sums: Sequence[int], _days: int) -> Number:
            below = sums[denominator]
            return round(sums[numerator] * times / (below * divisor), _DECIMALS) if below else 0.0

        return divide

    def _scale(self, currency: Currency) -> tuple[int, int]:  # noqa: ARG002 # what money needs
        return self.times, 1


class Percentage(Ratio):
    """A ratio that people read in percent; its value is the share."""

    @property
    def formatting(self) -> str:
        """What the service calls it."""
        return "percentage"


class MoneyRatio(Ratio):
    """An amount of money by a number of things."""

    @property
    def formatting(self) -> str:
        """What the service calls it."""
        return "money"

    @property
    def is_money(self) -> bool:
        """What is divided stays money."""
        return True

    def _scale(self, currency: Currency) -> tuple[int, int]:
        return self.times * currency.rate, EURO_PARTS * currency.minor_units


@dataclass(frozen=True, slots=True)
class DistinctUsers(Formula):
    """How many different people came within so many days, on average over the days of the row: it has fractions.

    The aggregates are visits and users. Visits fall on the users at random, as they do for the KPI Service.
    """

    within: int

    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:  # noqa: ARG002 # what money needs
        """Expect how many of the users that many visits reach."""
        visits, users, within = positions[VISITS], positions[USERS], self.within
        return lambda sums, days: round(_reached(sums[visits] * within, days, sums[users]), _DECIMALS)


class MoneyPerDailyUser(Formula):
    """An amount of money by the daily users of all days; the other aggregates are visits and users."""

    @property
    def formatting(self) -> str:
        """What the service calls it."""
        return "money"

    @property
    def is_money(self) -> bool:
        """What is divided stays money."""
        return True

    def bind(self, positions: Mapping[str, int], currency: Currency) -> Evaluate:
        """Divide; it is 0 where nobody came."""
        amount, visits, users = positions[self.aggregates[0]], positions[VISITS], positions[USERS]
        rate, parts = currency.rate, EURO_PARTS * currency.minor_units

        def divide(sums: Sequence[int], days: int) -> Number:
            daily = _reached(sums[visits], days, sums[users])
            return round(sums[amount] * rate / (parts * daily * days), _DECIMALS) if daily else 0.0

        return divide


def _reached(visits: int, days: int, users: int) -> float:
    """Expect how many of the users so many visits over those days reach, on an average day."""
    return users * -math.expm1(-visits / days / users)
