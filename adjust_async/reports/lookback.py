"""`lookback`: the days to request again, because Adjust restates figures."""

from datetime import UTC, date, datetime, timedelta

from adjust_async._checks import check_whole_number
from adjust_async._figures.encoding import check_date
from adjust_async.errors import ConfigurationError

__all__ = ["lookback"]


def lookback(newest: date | str, days: int, *, today: date | str | None = None) -> tuple[date, date]:
    """Return the days to request now, including those whose figures Adjust may have restated.

        adjust.reports.fetch(..., date_period=lookback("2026-11-18", 7))

    Args:
        newest: The newest day that is already stored.
        days: The number of days for which Adjust restates figures. That many stored days, including the newest, are
            requested again; 0 for none.
        today: The last day to request; by default today in UTC. East of Greenwich that is yesterday for some hours of
            the day: pass it if reports have another `utc_offset` or `timezone_id`.

    Returns:
        The first and the last day, both included, as a `date_period`.

    Raises:
        ConfigurationError: An argument is wrong, `newest` is after `today`, or there is nothing left to request.
    """
    stored = check_date(newest, "newest")
    last = datetime.now(UTC).date() if today is None else check_date(today, "today")
    again = check_whole_number(days, "days", least=0)
    if stored > last:
        raise ConfigurationError(
            f"newest is {stored}, which is after {last}: if your days begin before those of UTC, pass today="
        )
    if stored == last and not again:
        raise ConfigurationError(
            f"newest is {stored}, and days=0 requests no day again: there is nothing left to request"
        )
    # Not before the first day that `date` can represent.
    first = stored + timedelta(days=1 - min(again, (stored - date.min).days + 1))
    return first, last
