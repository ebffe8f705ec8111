"""Parameters of reports: checked and typed when they are passed, and encoded as query text when they are sent.

Every `check_*` function takes the caller's value and the name of the argument, and returns a typed value or raises
`ConfigurationError`. `encode_query` turns typed values into text, in one place. Names of KPIs, metrics, dimensions and
countries are open lists: an account may have more than is documented, so unknown names are passed on unchanged.
"""

import math
import re
from collections.abc import Callable, Container, Iterable, Mapping, Set as AbstractSet
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeAlias

import attrs

from adjust_async._checks import LARGEST_NUMBER, check_bool, check_encodable, check_whole_number, shown
from adjust_async._figures.windows import Period
from adjust_async.errors import ConfigurationError

__all__ = [
    "Hours",
    "Texts",
    "Value",
    "check_bool_or_text",
    "check_date",
    "check_days",
    "check_further",
    "check_ids",
    "check_lower_names",
    "check_names",
    "check_offset",
    "check_text",
    "check_texts",
    "encode_query",
    "encode_value",
]


@attrs.frozen
class Hours:
    """A range of hours of the day, both ends included."""

    first: int
    last: int


@attrs.frozen
class Texts:
    """Texts to filter by, which may contain commas."""

    texts: tuple[str, ...]


#: A checked parameter, before it is encoded.
Value: TypeAlias = str | bool | int | float | Decimal | date | Period | Hours | Texts | tuple[str, ...]


def encode_query(values: Mapping[str, Value]) -> dict[str, str]:
    """Encode all parameters of a request."""
    return {name: encode_value(value) for name, value in values.items()}


def encode_value(value: Value) -> str:
    """Encode one parameter."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case tuple():
            return ",".join(value)
        case date():
            return value.isoformat()
        case Period():
            return f"{value.start.isoformat()}:{value.end.isoformat()}"
        case Texts():
            return ",".join(map(_quoted, value.texts))
        case Hours():
            return f"{value.first}:{value.last}"
        case _:
            return str(value)


def _quoted(text: str) -> str:
    # Undocumented, but seen in other clients' requests: a value with a comma is put in double quotes.
    return '"{}"'.format(text.replace('"', '""')) if "," in text else text


def check_date(value: object, name: str) -> date:
    """Return a date from a `datetime.date`, an ISO text, or a midnight of datetime, pandas or numpy."""
    if isinstance(value, date) and (not isinstance(value, datetime) or _is_midnight(value)):
        return date(value.year, value.month, value.day)
    text = _text_of_numpy(value) or value
    if isinstance(text, str):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    # Only a datetime that is equal to itself is a moment: pandas.NaT is not.
    is_moment = isinstance(value, datetime) and value == value
    when = ", which is not midnight" if is_moment or (text is not value and re.search("T[0-9]", str(text))) else ""
    raise ConfigurationError(f"{name} is {shown(value)}{when}: pass a datetime.date, or a text such as '2026-11-01'")


def _text_of_numpy(value: object) -> str | None:
    """Return the text of a `numpy.datetime64`, without its time if that is midnight; `None` for other values."""
    if f"{type(value).__module__}.{type(value).__name__}" != "numpy.datetime64":
        return None
    # The text ends with the unit, so a month is not mistaken for its first day.
    return re.sub(r"T00(:00)*(\.0+)?$", "", str(value))


def _is_midnight(value: datetime) -> bool:
    # pandas.NaT is a datetime that is not equal to itself, and a Timestamp may also have nanoseconds.
    return value == value and value.time() == time() and not getattr(value, "nanosecond", 0)


def check_names(value: object, name: str) -> tuple[str, ...]:
    """Return the names of a list, in its order."""
    __tracebackhide__ = True
    return _check_list(value, name, commas=False)


def check_texts(value: object, name: str) -> Texts:
    """Return the texts to filter by, from one text or a list."""
    return Texts(_check_list([value] if isinstance(value, str) else value, name, commas=True))


def _check_list(value: object, name: str, *, commas: bool) -> tuple[str, ...]:
    if isinstance(value, str):
        raise ConfigurationError(f"{name} is the text {shown(value)}: pass a list, such as [{shown(value)}]")
    if not isinstance(value, Iterable) or isinstance(value, (bytes, bytearray, Mapping)):
        raise ConfigurationError(f"{name} is {shown(value)}: pass a list of texts")
    if isinstance(value, AbstractSet):
        raise ConfigurationError(f"{name} is a set, which has no order: pass a list")
    try:
        given = list(value)
    except TypeError:
        raise ConfigurationError(f"{name} is {shown(value)}: pass a list of texts") from None
    names: list[str] = []
    for part in given:
        if not isinstance(part, str) or not part.strip() or ("," in part and not commas):
            raise ConfigurationError(f"{name} holds {shown(part)}: pass each name as a separate text")
        if part in names:
            raise ConfigurationError(f"{name} has {shown(part)} twice")
        names.append(check_encodable(part, name))
    if not names:
        raise ConfigurationError(f"{name} is empty: leave it out for the service's default")
    return tuple(names)


def check_lower_names(value: object, name: str) -> tuple[str, ...]:
    """Return the names of a list in lower case, as the service writes them."""
    return tuple(part.lower() for part in check_names(value, name))


def check_ids(value: object, name: str) -> tuple[str, ...]:
    """Return the ids of a list as texts. They may be numbers."""
    __tracebackhide__ = True
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray, Mapping)):
        try:
            given = list(value)
        except TypeError:
            return check_names(value, name)  # it raises the right error
        value = [
            _check_id(part, name) if isinstance(part, int) and not isinstance(part, bool) else part for part in given
        ]
    return check_names(value, name)


def _check_id(value: int, name: str) -> str:
    return str(check_whole_number(value, name, least=-LARGEST_NUMBER))


def check_text(value: object, name: str) -> str:
    """Return a text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name} is {shown(value)}: pass a text")
    return check_encodable(value, name)


def check_bool_or_text(value: object, name: str) -> bool | str:
    """Return a boolean, or a word such as `all`."""
    return check_bool(value, name) if isinstance(value, bool) else check_text(value, name)


def check_offset(value: object, name: str) -> str:
    """Return an offset from UTC such as `+05:30`."""
    if isinstance(value, str) and re.fullmatch(
        r"\+(0[0-9]|1[0-3]):[0-5][0-9]|\+14:00|-(0[0-9]|1[01]):[0-5][0-9]|-12:00|00:00", value
    ):
        return str.__str__(value)
    raise ConfigurationError(f"{name} is {shown(value)}: pass sign, hours and minutes, such as '+05:30' or '-08:00'")


def check_days(value: object, name: str) -> int:
    """Return a number of days, which may be 0."""
    return check_whole_number(value, name, least=0)


def check_further(further: object, takes: Container[str], misplaced: Callable[[str], str | None]) -> dict[str, Value]:
    """Check parameters that this package does not know: texts, numbers, booleans, or lists of texts.

    Args:
        further: The parameters by name, or `None`.
        takes: The arguments of the call, which must not be among the parameters.
        misplaced: Returns what is wrong with a name that belongs elsewhere; `None` for other names.
    """
    __tracebackhide__ = True
    if further is None:
        return {}
    if not isinstance(further, Mapping):
        raise ConfigurationError(f"parameters is {shown(further)}: pass a dictionary from name to value")
    values = {}
    for name, value in further.items():
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name):
            raise ConfigurationError(f"parameters holds {shown(name)}: a name has letters, digits, '_', '.' and '-'")
        if name in {"api_token", "token", "user_token"}:
            raise ConfigurationError(f"parameters holds {name!r}: the API token is sent in a header, never in a URL")
        if name in takes:
            raise ConfigurationError(f"parameters holds {name!r}, which is a separate argument: pass {name}=")
        if problem := misplaced(name):
            raise ConfigurationError(f"parameters holds {name!r}, {problem}")
        values[str.__str__(name)] = _check_further_value(value, f"parameters[{name!r}]")
    return values


def _check_further_value(value: object, name: str) -> Value:
    __tracebackhide__ = True
    if isinstance(value, (str, bool)):
        return check_bool_or_text(value, name)
    if isinstance(value, int):
        return check_whole_number(value, name, least=-LARGEST_NUMBER)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return check_names(value, name)
