"""How a plan is to be made true."""

from typing import NamedTuple

from adjust_async.campaign.provisioning.result import OnOutcome
from adjust_async.progress import OnProgress

__all__ = ["Settings"]


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
