"""How a KPI comes from the sums over its facts."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from adjust_async.emulator.facts.apps import App

Value = int | float | None
"""None where a KPI has no value: a rate of nothing."""

Sums = Sequence[int]
Evaluate = Callable[[Sums, int], Value]
"""Takes the sums of an element and the number of its days."""

_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Formula(ABC):
    """A KPI; `measures` are the SQL expressions over a fact whose sums it needs."""

    measures: tuple[str, ...]

    @abstractmethod
    def bind(self, positions: Mapping[str, int], app: App) -> Evaluate:
        """Make the function that computes it from sums, found at the positions of their measures."""

    def only(self, condition: str) -> Self:
        """Make the same KPI of the facts that meet an SQL condition."""
        measures = tuple(f"CASE WHEN {condition} THEN {measure} ELSE 0 END" for measure in self.measures)
        return replace(self, measures=measures)


class Count(Formula):
    """A number of things; additive."""

    def bind(self, positions: Mapping[str, int], app: App) -> Evaluate:  # noqa: ARG002 # what money needs
        """Take the sum as it is."""
        position = positions[self.measures[0]]
        return lambda sums, _: sums[position]


class Money(Formula):
    """An amount in the currency of the app; additive."""

    def bind(self, positions: Mapping[str, int], app: App) -> Evaluate:
        """Turn minor units, which sum up exactly, into units."""
        position, minor_units = positions[self.measures[0]], app.currency.minor_units
        return lambda sums, _: sums[position] / minor_units


class Ratio(Formula):
    """The first measure by the second."""

    def bind(self, positions: Mapping[str, int], app: App) -> Evaluate:
        """Divide; there is no value where there is nothing to divide by."""
        numerator, denominator = (positions[measure] for measure in self.measures)
        divisor = self._divisor(app)

        def divide(sums: Sums, _days: int) -> Value:
            below = sums[denominator]
            return round(sums[numerator] / below / divisor, _DECIMALS) if below else None

        return divide

    def _divisor(self, app: App) -> int:  # noqa: ARG002 # what money needs
        return 1


class MoneyRatio(Ratio):
    """An amount of money by a number of things."""

    def _divisor(self, app: App) -> int:
        return app.currency.minor_units


@dataclass(frozen=True, slots=True)
class DistinctUsers(Formula):
    """How many different people came within so many days, on average over the days of the element.

    The measure counts visits. Visits fall on the people of the app at random, so that the same people are among
    those of two days, two countries or two trackers: the figure grows with the visits, but never adds up.
    """

    within: int

    def bind(self, positions: Mapping[str, int], app: App) -> Evaluate:
        """Expect how many of the app's users that many visits reach."""
        position, within, users = positions[self.measures[0]], self.within, app.users

        def expect(sums: Sums, days: int) -> Value:
            return round(users * -math.expm1(-sums[position] * within / days / users))

        return expect
