"""How far the days of a report are from UTC: by a fixed offset, or by a time zone with its summer time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from adjust_async.emulator.kpis.dates import MINUTES_OF_AN_HOUR, hour_range

_SECONDS_OF_AN_HOUR = 3600
SQL_FUNCTION = "zone_offset"
"""The name under which SQL finds `offset_at`."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of a report: `offset` is in minutes, and does not count where there is a `zone`."""

    offset: int = 0
    zone: str | None = None

    @property
    def tz(self) -> tzinfo:
        """The same for datetimes."""
        return timezone(timedelta(minutes=self.offset)) if self.zone is None else ZoneInfo(self.zone)

    def hours(self, first: date, last: date) -> tuple[int, int]:
        """Return from which hour (UTC, since 1970) up to before which one those days last."""
        if self.zone is None:
            return hour_range(first, last, self.offset)
        return self._first_hour(first), self._first_hour(last + timedelta(days=1))

    def sql(self, expression: str) -> str:
        """Put the offset of each hour into an SQL expression that has the one parameter `:offset`."""
        return (
            expression if self.zone is None else expression.replace(":offset", f"{SQL_FUNCTION}('{self.zone}', hour)")
        )

    def write_hour(self, hour: int) -> str:
        """Write an hour of UTC, since 1970, in the time of the report and with its offset."""
        moment = datetime.fromtimestamp(hour * _SECONDS_OF_AN_HOUR, UTC).astimezone(self.tz)
        return moment.replace(minute=0).isoformat()

    def _first_hour(self, day: date) -> int:
        midnight = datetime.combine(day, time(), self.tz).timestamp()
        return -int(-midnight // _SECONDS_OF_AN_HOUR)


@lru_cache(maxsize=100_000)
def offset_at(zone: str, hour: int) -> int:
    """Return how many minutes a zone is from UTC in an hour of UTC, since 1970."""
    distance = datetime.fromtimestamp(hour * _SECONDS_OF_AN_HOUR, ZoneInfo(zone)).utcoffset()
    return 0 if distance is None else int(distance.total_seconds()) // MINUTES_OF_AN_HOUR
