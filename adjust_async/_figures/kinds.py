"""What the columns of figures hold: counts, fractions, dates, and moments."""

import re
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from functools import lru_cache
from typing import Literal

from adjust_async.tables import Kind

__all__ = [
    "day_or_text",
    "is_plural",
    "kind_by_name",
    "moment_or_text",
    "number_kind",
    "period_or_text",
    "words_of",
]

#: Words in the names of KPIs that are money, rates or ratios.
_FRACTIONS = frozenset(
    (
        *("arpdau", "arpdaus", "arppu", "arpu", "cost", "cpi", "ctr", "ecpc", "ecpi", "ecpm", "investment", "ltv"),
        *("profit", "rate", "ratio", "rcr", "revenue", "roas", "roi", "rpm", "spend", "value"),
    )
)
#: Words in the names of averages, whatever they are averages of.
_AVERAGES = frozenset(("average", "avg", "mean", "median"))
#: Last words of names that are counts, beside those that end in an s; `time_spent` is in whole seconds.
_COUNTS = frozenset(("paid", "size", "spent"))

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


@lru_cache(maxsize=4096)
def moment_or_text(text: str) -> date | datetime | str:
    """Read an ISO date, or one with a time; return any other text unchanged.

    A time keeps its offset from UTC where it has one: at the end of summer time an hour comes twice, and only the
    offset tells them apart. A time without one is that of the clock on the wall at the `utc_offset` that was asked for.
    """
    try:
        if re.fullmatch(_DATE, text, re.ASCII):
            return date.fromisoformat(text)
        if re.match(f"{_DATE}[T ][0-9]{{2}}:", text, re.ASCII):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    return text


def day_or_text(text: str) -> date | str:
    """Read an ISO date, whose time is dropped where it has one; return any other text unchanged."""
    read = moment_or_text(text)
    return read.date() if isinstance(read, datetime) else read


def period_or_text(value: object) -> int | str | None:
    """Read the period of a cohort, which is a number of days, weeks or months; return any other text unchanged."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    text = str(value)
    return int(text) if re.fullmatch("0|-?[1-9][0-9]{0,8}", text, re.ASCII) else text


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case; at least one, which may be empty."""
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word] or [""]


def is_plural(word: str) -> bool:
    """Return whether a word names something that is counted."""
    return word in _COUNTS or (word.endswith("s") and len(word) > 2)


def kind_by_name(name: str) -> Literal["integer", "number"] | None:
    """Return whether a KPI or metric can have fractions, as far as its name says; `None` where it says nothing."""
    words = words_of(name)
    if "per" in words or words[-1] in _FRACTIONS or _AVERAGES.intersection(words):
        return "number"
    if is_plural(words[-1]) or re.fullmatch("conversion_([0-9]+|null)", "_".join(words)):
        return "integer"
    return "number" if _FRACTIONS.intersection(words) else None


def number_kind(name: str, types: AbstractSet[type]) -> Kind:
    """Return whether a KPI can have fractions: by its name, so that a report has the same schema every week.

    A KPI whose name says nothing may have them. Where there are fractions under the name of a count, the values count.
    """
    return "number" if float in types else kind_by_name(name) or "number"
