"""How a plan is to be made true."""

import random
from typing import NamedTuple

from adjust_async.campaign.provisioning.result import OnOutcome
from adjust_async.progress import OnProgress

__all__ = ["Settings", "wait_before"]

#: Seconds that the wait before another try may take at most; it doubles from half a second.
LONGEST_WAIT = 20.0

#: How many times a create may be put off, for each attempt that a request has.
PUT_OFFS = 10


class Settings(NamedTuple):
    """The checked arguments of `provision`, and what it takes from the client's configuration.

    `patience` is for how many seconds a tracker is tried that the service puts off.
    """

    app_token: str
    dry_run: bool
    keep_failures: bool
    on_progress: OnProgress | None
    on_outcome: OnOutcome | None
    grace_time: float
    verify: bool | None
    page_size: int | None
    max_attempts: int
    patience: float | None
    workers: int

    def has_patience(self, put_off: int, seconds: float) -> bool:
        """Whether to try a create again that was put off so many times within so many seconds."""
        return put_off < PUT_OFFS * (self.max_attempts - 1) and (self.patience is None or seconds < self.patience)


def wait_before(put_off: int) -> float:
    """Return how many seconds to wait before a create that was put off so many times is tried again."""
    return random.uniform(0, min(LONGEST_WAIT, 0.25 * 2 ** min(put_off, 10)))
