"""Find a tracker by its name, and wait while the outcome of a create with that name is unknown."""

import asyncio

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.recent import LOOKS, Place
from adjust_async.campaign.requests import TrackerRequests
from adjust_async.campaign.siblings import Siblings
from adjust_async.errors import AdjustError

__all__ = ["create", "find"]


async def find(requests: TrackerRequests, place: Place, label: str, *, grace_time: float) -> Tracker | None:
    """Return the tracker with a name, or `None`. Wait while a create with that name is in flight or in doubt.

    Raises:
        AdjustError: The list could not be fetched, or it is uncertain which tracker has the name.
    """
    while (create := requests.recent.under_way(place, label)) is not None:
        await create.ended.wait()
    return await _look_up(requests, place, label, grace_time, frozenset())


async def create(requests: TrackerRequests, place: Place, label: str, *, grace_time: float) -> Tracker:
    """Create a tracker and return it. If an earlier create with its name is in doubt, look for that tracker first.

    Raises:
        AdjustError: The service refused, sent no complete answer, or the outcome of the earlier create is unknown.
    """
    recent = requests.recent
    if recent.in_doubt(place, label) is None:
        return await requests.create(place, label)
    while (other := recent.under_way(place, label)) is not None:
        await other.ended.wait()
        if (tracker := recent.created(place, label)) is not None:
            return tracker  # another call has found out meanwhile
    # Other calls that need the tracker wait for this one.
    looking, in_doubt = recent.begin(place, label), True
    try:
        # A tracker that answered another create can't be the one in doubt.
        earlier = await _look_up(requests, place, label, grace_time, recent.created_at(place))
        in_doubt = False
        return earlier or await requests.create(place, label)
    finally:
        # If the lookup was inconclusive, the next create has to look too.
        recent.end(looking, None, in_doubt=in_doubt)


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
                raise AdjustError(f"{label!r} can't be distinguished from others: {match.problem}")
            return None
        due = [doubt.since + part * grace_time for part in looks]
        await asyncio.sleep(next((when for when in due if when > loop.time()), doubt.since + grace_time) - loop.time())
