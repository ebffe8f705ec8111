"""How parameters of reports go on the wire: one function for each form that a parameter can have.

Each takes what the caller gave and the name of the argument, and raises `ConfigurationError` for what makes no sense.
Names of KPIs, metrics, dimensions, countries and the like are open lists: an account may have more than is documented,
so they are passed on as they are.
"""

import math
import re
from collections.abc import Callable, Container, Iterable, Mapping, Set as AbstractSet
from datetime import date, datetime
from typing import Any

from adjust_async._checks import LARGEST_NUMBER, check_encodable, check_whole_number, shown
from adjust_async.errors import ConfigurationError

__all__ = [
    "boolean",
    "boolean_or_text",
    "days",
    "further_parameters",
    "ids",
    "iso_date",
    "lower_names",
    "names",
    "number",
    "offset",
    "text",
]


def iso_date(value: object, name: str) -> str:
    """Encode a date, or its text."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return date(value.year, value.month, value.day).isoformat()
    if isinstance(value, str):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise ConfigurationError(f"{name} is {shown(value)}: give a datetime.date, or a text such as '2026-11-01'")


def names(value: object, name: str) -> str:
    """Encode a list of names."""
    if isinstance(value, str):
        raise ConfigurationError(f"{name} is the text {shown(value)}: give a list, such as [{shown(value)}]")
    if not isinstance(value, Iterable) or isinstance(value, (bytes, bytearray, Mapping)):
        raise ConfigurationError(f"{name} is {shown(value)}: give a list of texts")
    if isinstance(value, AbstractSet):
        raise ConfigurationError(f"{name} is a set, which has no order: give a list")
    try:
        given = list(value)
    except TypeError:
        raise ConfigurationError(f"{name} is {shown(value)}: give a list of texts") from None
    parts: list[str] = []
    for part in given:
        if not isinstance(part, str) or not part.strip() or "," in part:
            raise ConfigurationError(f"{name} holds {shown(part)}: give each name as a text of its own")
        if part in parts:
            raise ConfigurationError(f"{name} has {shown(part)} twice")
        parts.append(_sendable(part, name))
    if not parts:
        raise ConfigurationError(f"{name} is empty: leave it out for the service's default")
    return ",".join(parts)


def _sendable(value: str, name: str) -> str:
    """Give the text itself, also of a member of an enumeration, which prints as its name."""
    check_encodable(value, name)
    return str.__str__(value)


def lower_names(value: object, name: str) -> str:
    """Encode a list of names that go in lower case."""
    return names(value, name).lower()


def ids(value: object, name: str) -> str:
    """Encode a list of numbers or their texts."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray, Mapping)):
        value = [_id(part, name) if isinstance(part, int) and not isinstance(part, bool) else part for part in value]
    return names(value, name)


def _id(value: int, name: str) -> str:
    check_whole_number(value, name, least=-LARGEST_NUMBER)
    return str(int(value))  # of a member of an enumeration too, which prints as its name


def boolean(value: object, name: str) -> str:
    """Encode a boolean."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} is {shown(value)}: give True or False")
    return "true" if value else "false"


def text(value: object, name: str) -> str:
    """Encode a text."""
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name} is {shown(value)}: give a text")
    return _sendable(value, name)


def boolean_or_text(value: object, name: str) -> str:
    """Encode a boolean, or a word in its place."""
    return boolean(value, name) if isinstance(value, bool) else text(value, name)


def offset(value: object, name: str) -> str:
    """Encode an offset from UTC."""
    if isinstance(value, str) and re.fullmatch(
        r"\+(0[0-9]|1[0-3]):[0-5][0-9]|\+14:00|-(0[0-9]|1[01]):[0-5][0-9]|-12:00|00:00", value
    ):
        return str.__str__(value)
    raise ConfigurationError(f"{name} is {shown(value)}: give sign, hours and minutes, such as '+05:30' or '-08:00'")


def days(value: object, name: str) -> str:
    """Encode a number of days."""
    return number(value, name, least=0)


def number(value: Any, name: str, *, least: int = 1, most: int = LARGEST_NUMBER) -> str:
    """Encode a whole number."""
    check_whole_number(value, name, least=least, most=most)
    return str(int(value))


def further_parameters(further: object, takes: Container[str], known: Callable[[str], str | None]) -> dict[str, str]:
    """Encode the parameters that this package doesn't know; texts, numbers, booleans, or lists of texts.

    Args:
        further: The parameters by name, or `None`.
        takes: The arguments of the call, whose names may not be here.
        known: Says what is wrong with a name that is known to belong elsewhere; `None` for any other name.
    """
    if further is None:
        return {}
    if not isinstance(further, Mapping):
        raise ConfigurationError(f"parameters is {shown(further)}: give a dictionary from name to value")
    wire = {}
    for name, value in further.items():
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name):
            raise ConfigurationError(f"parameters holds {shown(name)}: a name has letters, digits and '_'")
        if name in {"api_token", "token", "user_token"}:
            raise ConfigurationError(f"parameters holds {name!r}: the API token goes into no URL, and is sent anyway")
        if name in takes:
            raise ConfigurationError(f"parameters holds {name!r}, which is an argument of its own: give {name}=")
        if problem := known(name):
            raise ConfigurationError(f"parameters holds {name!r}, {problem}")
        wire[str.__str__(name)] = _further(value, f"parameters[{name!r}]")
    return wire


def _further(value: object, name: str) -> str:
    if isinstance(value, (str, bool)):
        return boolean_or_text(value, name)
    if isinstance(value, int):
        return number(value, name, least=-LARGEST_NUMBER)
    if isinstance(value, float) and math.isfinite(value):
        return str(float(value))
    return names(value, name)
