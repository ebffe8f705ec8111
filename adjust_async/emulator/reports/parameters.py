"""Parsers for the parameters of a report. All of them raise a 400 `RefusalError`."""

import re
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adjust_async.emulator.account.currencies import CURRENCIES, Currency
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.kpis.dates import read_utc_offset
from adjust_async.emulator.reports.cohort_periods import MATURE
from adjust_async.emulator.reports.lists import read_list
from adjust_async.emulator.reports.refusals import invalid
from adjust_async.emulator.reports.zones import Clock

REQUIRED = ("dimensions", "metrics", "date_period")

ATTRIBUTION_TYPES = ("click", "impression", "engaged_ad", "all")
ATTRIBUTION_SOURCES = ("dynamic", "first")
REATTRIBUTED = ("all", "true", "false")
COHORT_MATURITIES = ("immature", MATURE)
PERIODS_OVER_PERIODS = ("previous_period", "previous_day", "previous_week", "previous_month", "previous_year")

_BOOLEANS = {"true": True, "false": False}
_LAST_HOUR = 23
_HOUR = re.compile(r"(?:-(?P<back>[0-9]{1,2})h|(?P<hour>[0-9]{1,2}))", re.ASCII)
_DEFAULT_CURRENCY = "USD"


def boolean(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Return a boolean parameter."""
    text = given.get(name)
    if text is None:
        return default
    if text.lower() not in _BOOLEANS:
        raise invalid(name, f"must be true or false, not {text!r}")
    return _BOOLEANS[text.lower()]


def choice(given: Mapping[str, str], name: str, choices: Sequence[str]) -> str:
    """Return one of a few words; the first is the default."""
    return _known(name, given.get(name, choices[0]), choices)


def choices_of(given: Mapping[str, str], name: str, choices: Sequence[str]) -> tuple[str, ...]:
    """Return several of a few words; none by default."""
    return tuple(_known(name, item, choices) for item in read_list(given.get(name, "")))


def whole_number(given: Mapping[str, str], name: str) -> int | None:
    """Return a number of at least 1; None by default."""
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise invalid(name, f"must be a whole number from 1 on, not {text!r}")
    return int(text)


def currency(given: Mapping[str, str]) -> Currency:
    """Return the currency of all money."""
    code = given.get("currency", _DEFAULT_CURRENCY).upper()
    for known in CURRENCIES:
        if known.iso_code == code:
            return known
    raise invalid("currency", f"must be one of {', '.join(known.iso_code for known in CURRENCIES)}, not {code!r}")


def clock(given: Mapping[str, str]) -> Clock:
    """Return the clock of the report; an offset takes precedence over a time zone."""
    zone = given.get("timezone_id")
    if zone is None or "utc_offset" in given:
        try:
            return Clock(read_utc_offset(given.get("utc_offset")))
        except RefusalError as refusal:
            raise invalid("utc_offset", refusal.message) from None
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid("timezone_id", f"must be a time zone like Europe/Berlin, not {zone!r}") from None
    return Clock(zone=zone)


def hours(given: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the first and the last hour of each day to include, as numbers or as `-10h`, back from the last."""
    text = given.get("hour__between")
    if text is None:
        return None
    ends = [_HOUR.fullmatch(end.strip()) for end in re.split(r"[:,]", text)]
    numbers = [_LAST_HOUR - int(end["back"]) if end["back"] else int(end["hour"]) for end in ends if end is not None]
    if len(ends) != 2 or len(numbers) != 2 or not 0 <= numbers[0] <= numbers[1] <= _LAST_HOUR:
        raise invalid("hour__between", f"must be like 8:17 or -10h:-0h, not {text!r}")
    return numbers[0], numbers[1]


def _known(name: str, text: str, choices: Sequence[str]) -> str:
    if text.lower() not in choices:
        raise invalid(name, f"must be one of {', '.join(choices)}, not {text!r}")
    return text.lower()
