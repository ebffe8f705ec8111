"""The kinds of columns of figures: counts, fractions, dates, and times."""

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
#: Words in the names of averages of any figure.
_AVERAGES = frozenset(("average", "avg", "mean", "median"))
#: Last words in the names of counts, in addition to those that end in an s; `time_spent` is in whole seconds.
_COUNTS = frozenset(("paid", "size", "spent"))

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


@lru_cache(maxsize=4096)
def moment_or_text(text: str) -> date | datetime | str:
    """Parse an ISO date, or one with a time; return any other text unchanged.

    A time keeps its offset from UTC if it has one: at the end of summer time an hour is repeated, and only the offset
    distinguishes the two. A time without offset is local time at the requested `utc_offset`.
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
    """Parse an ISO date, and drop its time if it has one; return any other text unchanged."""
    read = moment_or_text(text)
    return read.date() if isinstance(read, datetime) else read


def period_or_text(value: object) -> int | str | None:
    """Parse the period of a cohort, a number of days, weeks or months; return any other text unchanged."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    text = str(value)
    return int(text) if re.fullmatch("0|-?[1-9][0-9]{0,8}", text, re.ASCII) else text


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case: at least one, which may be empty."""
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word] or [""]


def is_plural(word: str) -> bool:
    """Return whether a word is the name of a count."""
    return word in _COUNTS or (word.endswith("s") and len(word) > 2)


def kind_by_name(name: str) -> Literal["integer", "number"] | None:
    """Return the kind of a KPI or metric that its name implies; `None` if it implies none."""
    words = words_of(name)
    if "per" in words or words[-1] in _FRACTIONS or _AVERAGES.intersection(words):
        return "number"
    if is_plural(words[-1]) or re.fullmatch("conversion_([0-9]+|null)", "_".join(words)):
        return "integer"
    return "number" if _FRACTIONS.intersection(words) else None


def number_kind(name: str, types: AbstractSet[type]) -> Kind:
    """Return the kind of a KPI. It depends on the name, so that a report has the same schema every week.

    A KPI is a number if its name implies nothing, or if any of its values is a float.
    """
    return "number" if float in types else kind_by_name(name) or "number"
