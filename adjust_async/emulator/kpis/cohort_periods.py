"""The behaviour of users after their install: the curves behind the cohort KPIs."""

from enum import StrEnum

from adjust_async.emulator.facts.drawing import DITHER

COLUMNS = ("period", "age", "retained", "session_rate", "second_rate", "paying", "cumulative", "earlier")
"""The columns of the table `periods` in a query over cohorts: `age` in days, the others in parts of `DITHER`.

`retained` and `paying` are shares of the users. `session_rate` and `second_rate` are numbers per user. `cumulative` and
`earlier` are the shares of lifetime revenue up to the end and up to the start of the period.
"""

_LAST_PERIOD = {"day": 30, "week": 12, "month": 6}
_DAYS = {"day": 1, "week": 7, "month": 30}
_LIFETIME_DAYS = 30


class Period(StrEnum):
    """The length of a cohort period; a month has 30 days."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def days(self) -> int:
        """The number of days."""
        return _DAYS[self]

    @property
    def heading(self) -> str:
        """The heading in a human-readable table."""
        return f"{self.value.capitalize()}s after Install"


def period_rows(period: Period) -> list[tuple[int, ...]]:
    """Return the rows of all periods with the `COLUMNS`, starting with that of the install."""
    return [period_row(period, number) for number in range(_LAST_PERIOD[period] + 1)]


def period_row(period: Period, number: int) -> tuple[int, ...]:
    """Return the `COLUMNS` of one period."""
    days = period.days
    retained = retention(number * days)
    # In a longer period, a user is active on as many of its days as the retention curve predicts.
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
    """Return how many of `DITHER` users are active on that day after the install: a power law, as in real apps."""
    return DITHER if age == 0 else int(DITHER * 0.42 / age**0.5)


def revenue_share(days: int) -> int:
    """Return the share of lifetime revenue, in parts of `DITHER`, within that many days of the install."""
    return int(DITHER * days / (days + _LIFETIME_DAYS))
