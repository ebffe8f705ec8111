"""The time zone of a report's days: a fixed offset from UTC, or a zone with summer time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from adjust_async.emulator.kpis.dates import MINUTES_OF_AN_HOUR, hour_range

_SECONDS_OF_AN_HOUR = 3600
SQL_FUNCTION = "zone_offset"
"""The name of `offset_at` in SQL."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of a report; `offset` is in minutes, and ignored if there is a `zone`."""

    offset: int = 0
    zone: str | None = None

    @property
    def tz(self) -> tzinfo:
        """The clock as a `tzinfo`."""
        return timezone(timedelta(minutes=self.offset)) if self.zone is None else ZoneInfo(self.zone)

    def hours(self, first: date, last: date) -> tuple[int, int]:
        """Return the first hour of these days (UTC, since 1970), and the hour after their last one."""
        if self.zone is None:
            return hour_range(first, last, self.offset)
        return self._first_hour(first), self._first_hour(last + timedelta(days=1))

    def sql(self, expression: str) -> str:
        """Return an SQL expression with `:offset` replaced by the offset of each hour, if that varies."""
        return (
            expression if self.zone is None else expression.replace(":offset", f"{SQL_FUNCTION}('{self.zone}', hour)")
        )

    def write_hour(self, hour: int) -> str:
        """Return an hour since 1970 in UTC as text, in the report's time and with its offset."""
        moment = datetime.fromtimestamp(hour * _SECONDS_OF_AN_HOUR, UTC).astimezone(self.tz)
        return moment.replace(minute=0).isoformat()

    def _first_hour(self, day: date) -> int:
        midnight = datetime.combine(day, time(), self.tz).timestamp()
        return -int(-midnight // _SECONDS_OF_AN_HOUR)


@lru_cache(maxsize=100_000)
def offset_at(zone: str, hour: int) -> int:
    """Return the offset of a zone from UTC in minutes, in an hour since 1970 in UTC."""
    distance = datetime.fromtimestamp(hour * _SECONDS_OF_AN_HOUR, ZoneInfo(zone)).utcoffset()
    return 0 if distance is None else int(distance.total_seconds()) // MINUTES_OF_AN_HOUR
