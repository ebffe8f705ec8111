"""`lookback`: the days to ask for again, because Adjust restates figures."""

from datetime import UTC, date, datetime, timedelta

from adjust_async._checks import check_whole_number
from adjust_async._figures.encoding import check_date
from adjust_async.errors import ConfigurationError

__all__ = ["lookback"]


def lookback(newest: date | str, days: int, *, today: date | str | None = None) -> tuple[date, date]:
    """Return the days to ask for now, so that figures which Adjust restated since the last time are read again.

        adjust.reports.fetch(..., date_period=lookback("2026-11-18", 7))

    Args:
        newest: The newest day that is stored already.
        days: The number of days for which Adjust restates figures: the last so many stored days, including the newest,
            are asked for again; 0 for none.
        today: The last day to ask for; by default today in UTC. East of Greenwich that is yesterday for some hours of
            the day: pass it where reports have another `utc_offset` or `timezone_id`.

    Returns:
        The first and the last day, both included, as a `date_period`.

    Raises:
        ConfigurationError: An argument is wrong, `newest` lies after `today`, or nothing is left to ask for.
    """
    stored = check_date(newest, "newest")
    last = datetime.now(UTC).date() if today is None else check_date(today, "today")
    again = check_whole_number(days, "days", least=0)
    if stored > last:
        raise ConfigurationError(
            f"newest is {stored}, which lies after {last}: where days begin before those of UTC, give today="
        )
    if stored == last and not again:
        raise ConfigurationError(
            f"newest is {stored}, and nothing is read again for days=0: there is nothing to ask for"
        )
    # Not further back than a calendar goes.
    first = stored + timedelta(days=1 - min(again, (stored - date.min).days + 1))
    return first, last
