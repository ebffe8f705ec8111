"""What a client wrote a moment ago, by a clock that jumps."""

import asyncio
from typing import Any

import pytest

from adjust_async import Tracker
from adjust_async.campaign.recent import Place, RecentWrites
from tests.clock import jumping_clock

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock

GRACE = 5.0
ROOT = Place("app", None)
BELOW = Place("app", "t0")


def tracker(token: str, label: str | None = None, **settings: Any) -> Tracker:
    """Make a tracker."""
    return Tracker(token=token, name=label or token, **settings)


def created(recent: RecentWrites, place: Place, made: Tracker) -> None:
    """Have a create answered."""
    recent.end(recent.begin(place, made.name), made, in_doubt=False)


def listed(recent: RecentWrites, place: Place, *trackers: Tracker, began: float | None = None) -> list[Tracker]:
    """Complete a list that was started now."""
    began = asyncio.get_running_loop().time() if began is None else began
    complete = recent.complete(place, {one.token: one for one in trackers}, began=began, grace_time=GRACE)
    return list(complete.values())


async def test_a_list_is_completed() -> None:
    """Trackers that were created below the same parent are added, once, and only there."""
    recent = RecentWrites()
    created(recent, ROOT, tracker("a"))
    created(recent, Place("app", "a"), tracker("b"))
    created(recent, Place("other", None), tracker("c"))
    assert [one.token for one in listed(recent, ROOT, tracker("x"))] == ["x", "a"]
    assert listed(recent, ROOT, tracker("a", has_subtrackers=True)) == [tracker("a", has_subtrackers=True)]
    assert [one.token for one in listed(recent, Place("app", "a"))] == ["b"]
    assert recent.created(ROOT, "A") == tracker("a")
    assert recent.created(ROOT, "b") is None


async def test_the_last_settings_count() -> None:
    """A list that shows a tracker as it was before its update lags behind, no matter who created the tracker."""
    recent = RecentWrites()
    created(recent, ROOT, tracker("a"))
    for token in ("a", "old"):
        recent.updated("app", tracker(token, partner_id=3, cost_data_enabled=True))
    assert recent.place_of("app", "a") == ROOT
    assert recent.place_of("app", "old") is None
    first, second = listed(recent, ROOT, tracker("a", has_subtrackers=True), tracker("old", level=1))
    assert (first.partner_id, first.cost_data_enabled, first.has_subtrackers) == (3, True, True)
    assert (second.partner_id, second.cost_data_enabled, second.level) == (3, True, 1)
    await asyncio.sleep(GRACE)
    # After the grace time the list is right: another client may have changed the settings since.
    assert listed(recent, ROOT, tracker("old", partner_id=7))[0].partner_id == 7


async def test_a_list_confirms_and_never_disproves() -> None:
    """A tracker is remembered until a list shows it after the grace time, or for a limited time."""
    recent = RecentWrites()
    created(recent, ROOT, tracker("a"))
    created(recent, ROOT, tracker("b"))
    await asyncio.sleep(GRACE)
    assert [one.token for one in listed(recent, ROOT, tracker("a"))] == ["a", "b"]
    assert [one.token for one in listed(recent, ROOT)] == ["b"]
    assert recent.place_of("app", "a") is None
    await asyncio.sleep(700)
    assert listed(recent, ROOT) == []
    assert len(recent) == 0


async def test_a_list_that_was_begun_before_confirms_nothing() -> None:
    """A list that happens to show the tracker within the grace time may be followed by one that lags."""
    recent = RecentWrites()
    created(recent, ROOT, tracker("a"))
    began = asyncio.get_running_loop().time()
    await asyncio.sleep(2 * GRACE)
    assert listed(recent, ROOT, tracker("a"), began=began) == [tracker("a")]
    assert [one.token for one in listed(recent, ROOT)] == ["a"]


async def test_the_memory_is_bounded_in_size() -> None:
    """Of very many writes and doubts, the oldest are dropped completely."""
    recent = RecentWrites(most=100)
    for number in range(1000):
        created(recent, Place("app", f"p{number % 7}"), tracker(f"t{number}"))
        recent.end(recent.begin(ROOT, f"doubt {number}"), None, in_doubt=True)
    assert len(recent) == 200
    assert recent.place_of("app", "t999") is not None
    assert recent.place_of("app", "t899") is None
    assert recent.in_doubt(ROOT, "doubt 999") is not None
    assert recent.in_doubt(ROOT, "doubt 899") is None
    assert sum(map(len, recent._tokens.values())) == len(recent._token_of) == 100
    assert sum(map(len, recent._creates.values())) == 100
    await asyncio.sleep(700)
    recent.end(recent.begin(ROOT, "x"), None, in_doubt=False)
    assert (len(recent), recent._tokens, recent._token_of, recent._creates) == (0, {}, {}, {})


async def test_a_create_under_way_or_in_doubt_is_known_by_its_name() -> None:
    """It is found by any form of its name, only at its place, until it has ended without a doubt."""
    recent = RecentWrites()
    create = recent.begin(BELOW, "Spring")
    assert recent.under_way(BELOW, "SPRING ") is create
    assert recent.in_doubt(BELOW, "Spring") is recent.under_way(ROOT, "Spring") is None
    recent.end(create, None, in_doubt=True)
    assert create.ended.is_set()
    assert recent.under_way(BELOW, "Spring") is None
    assert recent.in_doubt(BELOW, "spring") is create
    second = recent.begin(BELOW, "Spring")
    recent.end(second, tracker("t1", "Spring"), in_doubt=False)
    assert recent.in_doubt(BELOW, "Spring") is create
    recent.settle(BELOW, "Spring")
    assert recent.in_doubt(BELOW, "Spring") is None


async def test_a_doubt_ends_with_a_list_after_the_grace_time() -> None:
    """Only a list that was started after the grace time decides about a create."""
    recent = RecentWrites()
    recent.end(recent.begin(ROOT, "A"), None, in_doubt=True)
    listed(recent, ROOT)
    assert recent.in_doubt(ROOT, "A") is not None
    await asyncio.sleep(GRACE)
    listed(recent, BELOW)
    assert recent.in_doubt(ROOT, "A") is not None
    listed(recent, ROOT)
    assert recent.in_doubt(ROOT, "A") is None
