"""The settings of one provisioning run."""

import random
from typing import NamedTuple

from adjust_async.campaign.provisioning.result import OnOutcome
from adjust_async.progress import OnProgress

__all__ = ["Settings", "wait_before"]

#: Seconds. Waits before another try are random, below a bound that doubles from half a second up to this.
LONGEST_WAIT = 20.0

#: The number of times that a create may be put off, for each attempt of a request after the first.
PUT_OFFS = 10


class Settings(NamedTuple):
    """The checked arguments of `provision`, and what it uses of the client's configuration.

    `patience` is the number of seconds for which a tracker that the service puts off is tried again.
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
        """Return whether to retry a create that was put off `put_off` times, `seconds` after it was first sent."""
        return put_off < PUT_OFFS * (self.max_attempts - 1) and (self.patience is None or seconds < self.patience)


def wait_before(put_off: int) -> float:
    """Return the seconds to wait before retrying a create that was put off `put_off` times."""
    return random.uniform(0, min(LONGEST_WAIT, 0.25 * 2 ** min(put_off, 10)))
