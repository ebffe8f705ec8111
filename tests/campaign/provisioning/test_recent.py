"""What a client created a moment ago, for lists that do not show it yet."""

from adjust_async import Tracker
from adjust_async.campaign.provisioning.recent import RecentTrackers


def tracker(token: str, **settings: object) -> Tracker:
    """Make a tracker."""
    return Tracker(token=token, name=token, **settings)  # type: ignore[arg-type] # whatever a test says


def test_a_list_is_completed() -> None:
    """What was created below the same parent is added, once, and not said to have nothing below it."""
    recent = RecentTrackers()
    recent.created(None, tracker("a", has_subtrackers=False))
    recent.created("a", tracker("b"))
    assert [(found.token, found.has_subtrackers) for found in recent.complete(None, [tracker("x")])] == [
        ("x", None),
        ("a", None),
    ]
    shown = tracker("a", has_subtrackers=True)
    assert recent.complete(None, [shown]) == [shown]
    assert [found.token for found in recent.complete("a", [])] == ["b"]


def test_the_last_settings_count() -> None:
    """A list that shows a tracker as it was before its update is behind."""
    recent = RecentTrackers()
    recent.created(None, tracker("a"))
    recent.updated(tracker("a", partner_id=3, cost_data_enabled=True))
    recent.updated(tracker("unknown", partner_id=4))
    (found,) = recent.complete(None, [tracker("a", has_subtrackers=True)])
    assert (found.partner_id, found.cost_data_enabled, found.has_subtrackers) == (3, True, True)


def test_what_is_long_ago_is_forgotten() -> None:
    """After the time that lists have to catch up, they are believed."""
    recent = RecentTrackers()
    recent.created(None, tracker("a"))
    recent.forget(60)
    assert len(recent.complete(None, [])) == 1
    recent.forget(-1)
    assert recent.complete(None, []) == []
