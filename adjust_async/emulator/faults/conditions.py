"""What requests meet now."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from adjust_async.emulator.faults.app_states import AppStates
from adjust_async.emulator.faults.faults import Faults


@dataclass(slots=True)
class Conditions:
    """May be changed between two requests. `latency` is in seconds; without a `fixed_today` it is the real day."""

    latency: float
    faults: Faults | None
    app_states: AppStates
    fixed_today: date | None
    byte_order_mark: bool

    @property
    def today(self) -> date:
        """The day on which the emulator believes to be, in UTC."""
        return self.fixed_today or datetime.now(UTC).date()
