"""Finding one tracker by its name, with patience where a create of that name is in doubt."""

import asyncio

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.provisioning.names import Siblings
from adjust_async.campaign.provisioning.recent import LOOKS, Place
from adjust_async.campaign.requests import TrackerRequests
from adjust_async.errors import AdjustError

__all__ = ["find", "resolve"]


async def find(requests: TrackerRequests, place: Place, label: str, *, grace_time: float) -> Tracker | None:
    """Find a tracker; where a create of that name is under way or in doubt, until it is known what became of it.

    Raises:
        AdjustError: The list could not be fetched, or several trackers may be meant.
    """
    while (create := requests.recent.under_way(place, label)) is not None:
        await create.ended.wait()
    return await _look_up(requests, place, label, grace_time, frozenset())


async def resolve(requests: TrackerRequests, place: Place, label: str, *, grace_time: float) -> Tracker | None:
    """Return the tracker that an earlier create in doubt made after all; `None` where there is no doubt, or it did not.

    Raises:
        AdjustError: The list could not be fetched, or several trackers may be meant.
    """
    if requests.recent.in_doubt(place, label) is None:
        return None
    # Trackers that other creates were answered with are not the one in doubt.
    return await _look_up(requests, place, label, grace_time, requests.recent.created_at(place))


async def _look_up(
    requests: TrackerRequests, place: Place, label: str, grace_time: float, others: frozenset[str]
) -> Tracker | None:
    loop = asyncio.get_running_loop()
    doubt = requests.recent.in_doubt(place, label)
    looks = iter(LOOKS)
    while True:
        listing = await requests.listing(place, grace_time=grace_time)
        rest = (one for one in listing.trackers if one.token not in others)
        siblings = await Siblings.of(rest, requests.recent.forms)
        match = siblings.match(label)
        if match.tracker is not None:
            requests.recent.settle(place, label)
            return match.tracker
        if doubt is None or doubt.since is None or listing.began >= doubt.since + grace_time:
            if match.problem:
                raise AdjustError(f"{label!r} can't be told from others: {match.problem}")
            return None
        due = [doubt.since + part * grace_time for part in looks]
        await asyncio.sleep(next((when for when in due if when > loop.time()), doubt.since + grace_time) - loop.time())
