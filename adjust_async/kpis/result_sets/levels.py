"""The levels of a result set: their names, and the columns that their elements become."""

from collections.abc import Container
from typing import Any, Final

__all__ = [
    "IDENTIFYING_KEYS",
    "LEVELS",
    "LEVEL_COLUMNS",
    "NO_LEVELS",
    "Element",
    "has_fixed_columns",
    "is_level",
    "level_columns",
    "own_values",
    "singular",
]

Element = dict[str, Any]

#: Every documented level, with the singular of its name.
LEVELS: Final = {
    "apps": "app",
    "trackers": "tracker",
    "networks": "network",
    "campaigns": "campaign",
    "adgroups": "adgroup",
    "creatives": "creative",
    "dates": "date",
    "countries": "country",
    "regions": "region",
    "device_types": "device_type",
    "os_names": "os_name",
    "partners": "partner",
    "events": "event",
    "periods": "period",
}
#: The columns of documented levels. A KPI with the same name would overwrite them.
LEVEL_COLUMNS: Final = frozenset(
    {"currency", *LEVELS.values()} | {f"{one}_{key}" for one in LEVELS.values() for key in ("token", "name")}
)
#: The documented keys that identify an element.
IDENTIFYING_KEYS: Final = frozenset({"token", "name", "currency", *LEVELS.values()})
#: Keys that never hold a level.
NO_LEVELS: Final = frozenset({"kpi_values", *IDENTIFYING_KEYS})


def singular(level: str) -> str:
    """Return the singular name of a level, such as `tracker` for `trackers`."""
    if level in LEVELS:
        return LEVELS[level]
    return f"{level.removesuffix('ies')}y" if level.endswith("ies") else level.removesuffix("s")


def is_level(key: str, value: object) -> bool:
    """Return whether a value is a level: a list of objects, or any list under the name of a documented level."""
    if not isinstance(value, list) or key in NO_LEVELS:
        return False
    return not value or key in LEVELS or any(isinstance(element, dict) for element in value)


def own_values(element: Element) -> dict[str, Any]:
    """Return the values that describe the element itself: all except its figures and the levels below it."""
    return {k: v for k, v in element.items() if k != "kpi_values" and not isinstance(v, (list, dict))}


def level_columns(level: str, element: Element) -> dict[str, str]:
    """Map the keys of an element to its columns.

    A token becomes `{singular}_token`, its name `{singular}_name`, and an app's currency `currency`. An element without
    a token is identified by its own key, such as `country`. Undocumented levels keep every text and number.
    """
    one = singular(level)
    if level == "apps":
        return {"token": "app_token", "name": "app_name", "currency": "currency"}
    if "token" in element:
        return {"token": f"{one}_token", "name": f"{one}_name"}
    if one in element:
        return {one: one}
    return {key: f"{one}_name" if key == "name" else key for key in own_values(element)}


def has_fixed_columns(level: str, keys: Container[str]) -> bool:
    """Return whether the columns of an element depend only on its keys, and not on its values."""
    return level == "apps" or "token" in keys or singular(level) in keys
