"""How a KPI is computed from sums over facts."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from adjust_async.emulator.facts.apps import App

Value = int | float | None
"""None if a KPI has no value: a rate with denominator zero."""

Sums = Sequence[int]
Evaluate = Callable[[Sums, int], Value]
"""Takes the sums of an element, and its number of days."""

_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Formula(ABC):
    """A KPI; `measures` are the SQL expressions over a fact whose sums it needs."""

    measures: tuple[str, ...]

    @abstractmethod
    def bind(self, positions: Mapping[str, int], app: App) -> Evaluate:
        """Return a function that computes it from sums; `positions` are those of its measures."""

    def only(self, condition: str) -> Self:
        """Return the same KPI for the facts that meet an SQL condition."""
        measures = tuple(f"CASE WHEN {condition} THEN {measure} ELSE 0 END" for measure in self.measures)
        return replace(self, measures=measures)


class Count(Formula):
    """A count; additive."""

    def bind(self, positions: Mapping[str, int], app: App) -> Evaluate:  # noqa: ARG002 # only money needs it
        """Return the sum unchanged."""
        position = positions[self.measures[0]]
        return lambda sums, _: sums[position]


class Money(Formula):
    """An amount in the app's currency; additive."""

    def bind(self, positions: Mapping[str, int], app: App) -> Evaluate:
        """Convert minor units, which sum up exactly, into units."""
        position, minor_units = positions[self.measures[0]], app.currency.minor_units
        return lambda sums, _: sums[position] / minor_units


class Ratio(Formula):
    """The first measure divided by the second."""

    def bind(self, positions: Mapping[str, int], app: App) -> Evaluate:
        """Divide; there is no value if the denominator is zero."""
        numerator, denominator = (positions[measure] for measure in self.measures)
        divisor = self._divisor(app)

        def divide(sums: Sums, _days: int) -> Value:
            below = sums[denominator]
            return round(sums[numerator] / below / divisor, _DECIMALS) if below else None

        return divide

    def _divisor(self, app: App) -> int:  # noqa: ARG002 # only money needs it
        return 1


class MoneyRatio(Ratio):
    """An amount of money divided by a count."""

    def _divisor(self, app: App) -> int:
        return app.currency.minor_units


@dataclass(frozen=True, slots=True)
class DistinctUsers(Formula):
    """The number of distinct users within that many days, on average over the days of the element.

    The measure counts visits. Visits are distributed over the app's users at random, so that two days, two countries or
    two trackers share users: the figure grows with the visits, but is not additive.
    """

    within: int

    def bind(self, positions: Mapping[str, int], app: App) -> Evaluate:
        """Return the expected number of distinct users for a number of visits."""
        position, within, users = positions[self.measures[0]], self.within, app.users

        def expect(sums: Sums, days: int) -> Value:
            return round(users * -math.expm1(-sums[position] * within / days / users))

        return expect
