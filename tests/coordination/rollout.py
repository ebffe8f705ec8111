"""Rolls out a plan in a process: `python -m tests.coordination.rollout PLACE LEASE URL TOKEN APP FIRST LAST`.

It prints how many trackers it created, how many it found, and how many entries failed.
"""

import asyncio
import logging
import sys

from adjust_async import AsyncAdjust
from tests.coordination.puppet import coordinator_of

#: Seconds for which a create may still be running: the emulator's latest takes half a second.
GRACE_TIME = 0.8


def plan(first: int, last: int) -> list[str]:
    """Return paths whose upper levels are shared by all parts of the plan."""
    return [f"Network {number % 3}::Campaign {number % 7}::Ad {number}" for number in range(first, last)]


def whole(paths: list[str]) -> set[str]:
    """Return the paths with everything above them."""
    parts = [path.split("::") for path in paths]
    return {"::".join(path[:depth]) for path in parts for depth in range(1, len(path) + 1)}


async def _main(place: str, lease: str, url: str, token: str, app: str, first: str, last: str) -> None:
    logging.getLogger("adjust_async").setLevel(logging.ERROR)
    coordinator = coordinator_of(place, float(lease))
    async with AsyncAdjust(token, api_url=url, coordinator=coordinator, timeout=5, max_attempts=60) as adjust:
        result = await adjust.trackers.provision(app, plan(int(first), int(last)), grace_time=GRACE_TIME)
    counts = result.counts
    print(counts["created"], counts["unchanged"], counts["failed"])  # noqa: T201 - this is how it answers


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
