"""The current conditions for requests."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from adjust_async.emulator.faults.app_states import AppState, AppStates
from adjust_async.emulator.faults.faults import Faults


@dataclass(slots=True)
class Conditions:
    """May be changed between requests. `latency` is in seconds; without a `fixed_today` the day is the real one."""

    latency: float
    faults: Faults | None
    app_states: AppStates
    fixed_today: date | None
    byte_order_mark: bool
    _at_first: tuple[float, Faults | None, dict[str, AppState], date | None] = field(init=False)

    def __post_init__(self) -> None:
        self._at_first = (self.latency, self.faults, dict(self.app_states), self.fixed_today)

    @property
    def today(self) -> date:
        """The emulator's current day, in UTC."""
        return self.fixed_today or datetime.now(UTC).date()

    def reset(self) -> None:
        """Restore the initial conditions; faults start over."""
        self.latency, faults, app_states, self.fixed_today = self._at_first
        self.faults = None if faults is None else faults.from_start()
        self.app_states.clear()
        self.app_states.update(app_states)
