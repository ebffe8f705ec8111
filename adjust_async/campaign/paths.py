"""Paths of trackers, such as `AppLovin::DE::Spring`: network, campaign, adgroup, creative."""

from collections.abc import Mapping

from adjust_async._checks import check_encodable, shown
from adjust_async.campaign.names import SEPARATOR
from adjust_async.errors import ConfigurationError

__all__ = ["LEVELS", "check_path", "path_of", "problem_of_part", "split_path"]

LEVELS = ("network", "campaign", "adgroup", "creative")


def path_of(levels: Mapping[str, object]) -> str:
    """Join the names of levels, passed by the name of their level.

    Raises:
        ConfigurationError: No level is passed, a name is wrong, or a level above another one is missing.
    """
    depth = max((place for place, level in enumerate(LEVELS, 1) if level in levels), default=0)
    parts = [levels.get(level, "") for level in LEVELS[: max(1, depth)]]
    for part, level in zip(parts, LEVELS, strict=False):
        if problem := problem_of_part(part, level):
            raise ConfigurationError(problem)
    return SEPARATOR.join(map(str, parts))


def problem_of_part(part: object, level: str) -> str | None:
    """Return what is wrong with the name of a level; `None` if it is valid."""
    if not isinstance(part, str):
        return f"the {level} is {shown(part)}: pass a text"
    if not part.strip():
        return f"the {level} is empty: every level needs a name"
    if part != part.strip():
        return f"the {level} {shown(part)} begins or ends with a space: remove the space, services drop it"
    if SEPARATOR in part:
        return f"the {level} {shown(part)} contains '::', which separates levels: use another character"
    if part.startswith(":") or part.endswith(":"):
        return f"the {level} {shown(part)} begins or ends with ':', and '::' separates levels: use another character"
    try:
        check_encodable(part, f"the {level}")
    except ConfigurationError as error:
        return error.message
    return None


def check_path(path: object) -> tuple[str, ...]:
    """Return the names of the levels of a path.

    Raises:
        ConfigurationError: The path is wrong.
    """
    parts, problem = split_path(path)
    if problem:
        raise ConfigurationError(problem)
    return parts


def split_path(path: object) -> tuple[tuple[str, ...], str | None]:
    """Return the names of the levels of a path, and what is wrong with it, or `None`."""
    if not isinstance(path, str):
        return (), f"the path is {shown(path)}: pass a text such as 'AppLovin::DE::Spring'"
    parts = tuple(str.__str__(path).split(SEPARATOR))
    if len(parts) > len(LEVELS):
        return (
            (),
            f"{shown(path)} has {len(parts)} levels: there are only four, network, campaign, adgroup and creative",
        )
    problems = (problem_of_part(part, level) for part, level in zip(parts, LEVELS, strict=False))
    return parts, next((f"{shown(path)}: {problem}" for problem in problems if problem), None)
