"""Explain refused reports by comparing the requested names with those of the account."""

import re
from collections.abc import Iterable, Mapping, Set as AbstractSet

from adjust_async._http.error_words import error_words
from adjust_async._suggestions import MOST_HINTS, did_you_mean, near_names
from adjust_async.errors import BadRequestError, replace
from adjust_async.reports.parameters import column_name
from adjust_async.reports.question import ReportQuestion

__all__ = ["KnownNames"]

#: The lists that together hold every metric of an account. Only with all of them can a metric be called unknown.
_ALL_METRICS = frozenset(("overview_metrics", "cohort_metrics", "event_metrics", "cost_metrics"))

#: Words that show that a refusal is about names.
_SPEAKS_OF_NAMES = re.compile(
    "metric|dimension|unknown|invalid|unsupported|unrecogni[sz]ed|not (found|supported|available|exist|valid)",
    re.IGNORECASE,
)


class KnownNames:
    """The names of metrics and dimensions that `filters` returned. They explain refusals."""

    def __init__(self) -> None:
        self._lists: dict[str, AbstractSet[str]] = {}

    def learn(self, lists: Mapping[str, Iterable[str]]) -> None:
        """Remember the names in some lists of `filters_data`."""
        self._lists |= {name: frozenset(names) for name, names in lists.items()}

    def explain(self, error: BadRequestError, question: ReportQuestion) -> BadRequestError:
        """Return an error that also names the refused names and similar ones; or the same error if none are found."""
        words = error_words(error.body)
        if not _SPEAKS_OF_NAMES.search(words):
            return error  # without such words, a match of `day` or `app` means nothing
        refused: list[tuple[str, str]] = []
        for argument, names in (("metric", question.metrics), ("dimension", question.dimensions)):
            # A dimension such as `currency` is also a parameter, which the service may mean.
            asked = [name for name in names if name not in question.parameters]
            named = [name for name in asked if _names(words, name)]
            # If the service repeats the whole query, no name in it is at fault.
            if named and (len(named) < len(asked) or len(asked) == 1):
                refused += [(argument, name) for name in named]
            elif whole := self._whole(argument):
                refused += [(argument, name) for name in asked if not _is_known(name, whole)]
        if not refused:
            return error
        told = [self._described(*one, number < MOST_HINTS) for number, one in enumerate(refused)]
        message = f"{error.message.rstrip('.')}. Check {'; '.join(told)}"
        if not self._some("metric") and not self._some("dimension"):
            message += (
                ". adjust.reports.filters(['dimensions', 'overview_metrics', 'cohort_metrics', 'event_metrics', "
                "'cost_metrics']) returns the names that exist"
            )
        return replace(error, message=message)

    def _some(self, argument: str) -> AbstractSet[str]:
        """Return the known names, even if some lists are missing."""
        if argument == "dimension":
            return self._lists.get("dimensions", frozenset())
        return frozenset().union(*(names for name, names in self._lists.items() if name.endswith("_metrics")))

    def _whole(self, argument: str) -> AbstractSet[str]:
        """Return all names of an account; none if some lists are missing."""
        if argument == "metric" and not self._lists.keys() >= _ALL_METRICS:
            return frozenset()
        return self._some(argument)

    def _described(self, argument: str, name: str, with_hint: bool) -> str:
        text, known = f"the {argument} {name!r}", self._some(argument)
        if with_hint and not _is_known(name, known) and (hint := did_you_mean(map(repr, near_names(name, known)))):
            text += f" ({hint})"
        return text


def _names(words: str, name: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", words, re.IGNORECASE) is not None


def _is_known(name: str, known: AbstractSet[str]) -> bool:
    return name in known or column_name(name) in known
