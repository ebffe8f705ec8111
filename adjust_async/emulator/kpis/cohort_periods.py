"""How users behave after their install: the curves behind the cohort KPIs."""

from enum import StrEnum

from adjust_async.emulator.facts.drawing import DITHER

COLUMNS = ("period", "age", "retained", "session_rate", "second_rate", "paying", "cumulative", "earlier")
"""Of the table `periods` in a query over cohorts: `age` in days, the others in parts of `DITHER`.

`retained` and `paying` are shares of the users, `session_rate` and `second_rate` are numbers per user, `cumulative` and
`earlier` which share of the revenue of a whole life came up to the period, and before it.
"""

_LAST_PERIOD = {"day": 30, "week": 12, "month": 6}
_DAYS = {"day": 1, "week": 7, "month": 30}
_LIFETIME_DAYS = 30


class Period(StrEnum):
    """How long a cohort period is; a month has 30 days."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def days(self) -> int:
        """How many days it has."""
        return _DAYS[self]

    @property
    def heading(self) -> str:
        """The heading of a human readable table."""
        return f"{self.value.capitalize()}s after Install"


def period_rows(period: Period) -> list[tuple[int, ...]]:
    """List the periods with the `COLUMNS`, from the one of the install on."""
    return [period_row(period, number) for number in range(_LAST_PERIOD[period] + 1)]


def period_row(period: Period, number: int) -> tuple[int, ...]:
    """Make the `COLUMNS` of one period."""
    days = period.days
    retained = retention(number * days)
    # Within a longer period a user comes again on as many of its days as retention lets expect.
    active_days = sum(retention(number * days + day) for day in range(days))
    return (
        number,
        number * days,
        retained,
        active_days * 2,
        active_days * 2 * 140,
        retained * 6 // 10,
        revenue_share((number + 1) * days),
        revenue_share(number * days),
    )


def retention(age: int) -> int:
    """Return how many of `DITHER` users come again on that day after the install: a power law, as apps have it."""
    return DITHER if age == 0 else int(DITHER * 0.42 / age**0.5)


def revenue_share(days: int) -> int:
    """Return how much of the revenue, in parts of `DITHER`, users bring within so many days of the install."""
    return int(DITHER * days / (days + _LIFETIME_DAYS))
