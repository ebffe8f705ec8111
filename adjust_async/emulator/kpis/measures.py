"""Measures of a fact, as SQL over a row of the table `facts`.

Shares of a figure are rounded per fact with its dither, and never after summing up. So they stay integers that add up
however facts are grouped.
"""

from adjust_async.emulator.facts.drawing import DITHER


def share(figure: str, percent: int) -> str:
    """Return a percentage of a figure."""
    return f"({figure} * {percent} + dither % 100) / 100"


def portion(figure: str, part: str) -> str:
    """Return a part of a figure, which a column of the cohort periods has in parts of `DITHER`."""
    return f"({figure} * {part} + dither) / {DITHER}"


COHORT_SIZE = "(installs + reattributions)"
REVENUE_EVENTS = "CASE WHEN revenue > 0 THEN events ELSE 0 END"
FIRST_EVENTS = share("events", 40)
PAYING_USERS = f"CASE WHEN revenue > 0 THEN {share(COHORT_SIZE, 30)} ELSE 0 END"

_NULL_FROM = 64
_CONVERSION_VALUES = 72
CONVERSION_VALUE = f"(dither % {_CONVERSION_VALUES})"
"""The conversion value of a fact's SKAdNetwork installs; from 64, they have none."""
HIGHEST_CONVERSION_VALUE = _NULL_FROM - 1
IS_VALID_CONVERSION = f"{CONVERSION_VALUE} < {_NULL_FROM}"
SKAD_INSTALLS = share("installs", 85)
