"""Checks of arguments, made before any request is sent.

The checks take `object` because callers without a type checker pass anything. Each error names the argument, the value,
and what would be right.
"""

import re
import reprlib
from collections.abc import Iterable
from functools import partial

from adjust_async.errors import ConfigurationError

__all__ = [
    "LARGEST_NUMBER",
    "check_app_tokens",
    "check_bool",
    "check_cursor",
    "check_encodable",
    "check_level_name",
    "check_positive_number",
    "check_seconds",
    "check_token",
    "check_whole_number",
    "shown",
]

_SEGMENT = r"[0-9A-Za-z_-]+"

#: The largest signed 64-bit integer. Not every JSON parser reads a larger one.
LARGEST_NUMBER = 2**63 - 1


_REPR = reprlib.Repr()
_REPR.maxother = 80  # the default of 30 cuts the middle out of a datetime


def shown(value: object) -> str:
    """Return the repr of a value for a message, cut to 80 characters."""
    try:
        text = _REPR.repr(value)
    except ValueError:
        return f"a number of type {type(value).__name__} with thousands of digits"
    if "\n" in text:  # as of a data frame
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def check_token(value: object, argument: str) -> str:
    """Return an app token or tracker token, which becomes part of a URL path.

    Raises:
        ConfigurationError: It is not text, is empty, or holds a character that would change the path.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{argument} is {shown(value)}: pass one token, as text")
    if not re.fullmatch(_SEGMENT, value):
        problem = f"is {shown(value)}" if value else "is empty"
        raise ConfigurationError(f"{argument} {problem}: a token has only letters, digits, '-' and '_'")
    return str.__str__(value)  # a member of a str enumeration formats as its name otherwise


def check_app_tokens(app_tokens: object, argument: str = "app_tokens") -> list[str]:
    """Return one app token or several as a list.

    Raises:
        ConfigurationError: No token is passed, one is passed twice, or an item is not a token.
    """
    __tracebackhide__ = True
    if isinstance(app_tokens, str):
        app_tokens = [app_tokens]
    if not isinstance(app_tokens, Iterable) or isinstance(app_tokens, bytes):
        raise ConfigurationError(f"{argument} is {shown(app_tokens)}: pass one app token as text, or many in a list")
    try:
        given = list(app_tokens)
    except TypeError:
        problem = f"{argument} is {shown(app_tokens)}: pass one app token as text, or many in a list"
        raise ConfigurationError(problem) from None
    tokens = list(map(partial(check_token, argument=argument), given))
    if not tokens:
        raise ConfigurationError(f"{argument} is empty: pass at least one app token")
    seen: set[str] = set()
    for token in tokens:
        if token in seen:
            raise ConfigurationError(f"{argument} has {shown(token)} twice: its figures would be counted twice")
        seen.add(token)
    return tokens


def check_level_name(value: object, argument: str) -> str:
    """Return the name of one level of a tracker.

    Raises:
        ConfigurationError: It is not text, is blank, or is a path of several levels.
    """
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{argument} is {shown(value)}: pass the name of one level, as text")
    if "::" in value:
        raise ConfigurationError(
            f"{argument} is {shown(value)}, which is a path: '::' separates levels. Create the levels one by one, "
            "each with the parent_token of the one above"
        )
    return check_encodable(value, argument)


def check_encodable(value: str, argument: str) -> str:
    """Return a text that can be encoded; a member of a str enumeration is returned as its plain text.

    Raises:
        ConfigurationError: It holds a lone surrogate.
    """
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"{argument} is {shown(value)}, which can't be sent: {error}") from None
    return str.__str__(value)


def check_whole_number(value: object, argument: str, *, least: int = 1, most: int = LARGEST_NUMBER) -> int:
    """Return a whole number.

    Raises:
        ConfigurationError: It is not a whole number, or is outside of `least` to `most`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        bounds = f"of at least {least}" if most == LARGEST_NUMBER else f"from {least} to {most}"
        raise ConfigurationError(f"{argument} is {shown(value)}: pass a whole number {bounds}")
    return int(value)


def check_positive_number(value: object, argument: str, unit: str) -> float | None:
    """Return a number above 0, or `None` for no limit.

    Raises:
        ConfigurationError: It is not such a number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= LARGEST_NUMBER:
        raise ConfigurationError(f"{argument} is {shown(value)}: pass {unit} above 0, or None for no limit")
    return value


def check_seconds(value: object, argument: str, most: float) -> float:
    """Return a number of seconds from 0 to `most`.

    Raises:
        ConfigurationError: It is not such a number.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_NUMBER:
        value = float(value)
    if not isinstance(value, float) or not 0 <= value <= most:
        raise ConfigurationError(f"{argument} is {shown(value)}: pass seconds from 0 to {most:g}")
    return float(value)


def check_bool(value: object, argument: str) -> bool:
    """Return a boolean.

    Raises:
        ConfigurationError: It is not `True` or `False`.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(f"{argument} is {shown(value)}: pass True or False")
    return value


def check_cursor(value: object, argument: str) -> str:
    """Return a cursor.

    Raises:
        ConfigurationError: It is not text, or is empty.
    """
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{argument} is {shown(value)}: pass a cursor of an earlier page, as text")
    return check_encodable(value, argument)
