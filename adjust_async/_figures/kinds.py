"""What the columns of figures hold: counts, fractions, dates, and moments."""

import re
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from functools import lru_cache
from typing import Literal

from adjust_async.tables import Kind

__all__ = ["is_plural", "kind_by_name", "moment_or_text", "number_kind", "words_of"]

#: Words in the names of KPIs that are money, rates or ratios.
_FRACTIONS = frozenset(
    (
        *("arpdau", "arpdaus", "arppu", "arpu", "cost", "cpi", "ctr", "ecpc", "ecpi", "ecpm", "investment", "ltv"),
        *("profit", "rate", "ratio", "rcr", "revenue", "roas", "roi", "rpm", "spend", "value"),
    )
)
#: Last words of names that are counts, beside those that end in an s; `time_spent` is in whole seconds.
_COUNTS = frozenset(("paid", "size", "spent"))

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


@lru_cache(maxsize=4096)
def moment_or_text(text: str) -> date | datetime | str:
    """Read an ISO date, or one with a time; return any other text unchanged.

    The time is that of the clock on the wall: all times of a report are at the `utc_offset` that was asked for, whether
    the service repeats it in each of them or not.
    """
    try:
        if re.fullmatch(_DATE, text, re.ASCII):
            return date.fromisoformat(text)
        if re.match(f"{_DATE}[T ][0-9]{{2}}:", text, re.ASCII):
            return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        pass
    return text


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case; at least one, which may be empty."""
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word] or [""]


def is_plural(word: str) -> bool:
    """Return whether a word names something that is counted."""
    return word in _COUNTS or (word.endswith("s") and len(word) > 2)


def kind_by_name(name: str) -> Literal["integer", "number"] | None:
    """Return whether a KPI or metric can have fractions, as far as its name says; `None` where it says nothing."""
    words = words_of(name)
    if "per" in words or words[-1] in _FRACTIONS:
        return "number"
    if is_plural(words[-1]) or re.fullmatch("conversion_([0-9]+|null)", "_".join(words)):
        return "integer"
    return "number" if _FRACTIONS.intersection(words) else None


def number_kind(name: str, types: AbstractSet[type]) -> Kind:
    """Return whether a column of numbers can have fractions, by its name, and by the types of its values.

    The name counts so that a week without a cent of revenue has the same schema as any other week. Where it says
    nothing, the values decide.
    """
    if float in types:
        return "number"
    return kind_by_name(name) or ("integer" if int in types else "number")
