"""Levels: the names of their elements."""

import pytest

from adjust_async.kpis.result_sets.levels import singular
from tests.kpis.answers import LEVELS


@pytest.mark.parametrize(("level", "one"), [("apps", "app"), *((level, one) for level, (one, _) in LEVELS.items())])
def test_each_level_has_a_singular(level: str, one: str) -> None:
    """The singular of a level names one element."""
    assert singular(level) == one


@pytest.mark.parametrize(
    ("level", "one"),
    [
        ("networks", "network"),
        ("adgroups", "adgroup"),
        ("creatives", "creative"),
        ("partners", "partner"),
        ("country", "country"),
        ("os_name", "os_name"),
        ("event_types", "event_type"),
        ("", ""),
    ],
)
def test_a_singular_stays_and_a_plural_loses_its_ending(level: str, one: str) -> None:
    """Levels named in the singular keep their name."""
    assert singular(level) == one
