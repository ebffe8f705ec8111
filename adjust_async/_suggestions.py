"""Suggestions for unknown names, for errors that ask "did you mean".

difflib takes 40 ms to compare one name with three thousand. So it compares only the few names that share the most pairs
of letters, and runs in a thread if other tasks may be waiting.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import partial
from heapq import nlargest

from adjust_async._concurrency import in_own_thread

__all__ = ["MOST_HINTS", "did_you_mean", "near_names", "near_names_in_thread"]

#: The maximum number of names in one error that get a suggestion.
MOST_HINTS = 5

#: The maximum number of suggestions for one name.
MOST_NEAR = 3

#: The number of names that difflib compares with one.
CANDIDATES = 20

#: Longer names are cut to this many characters before they are compared.
LONGEST_NAME = 200


def did_you_mean(near: Iterable[str]) -> str:
    """Return a question such as `did you mean sort or index?`; an empty text if nothing is near."""
    names = " or ".join(near)
    return f"did you mean {names}?" if names else ""


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that are near a name, the nearest first."""
    return _nearest(name, [(one, _pairs(one)) for one in known])


async def near_names_in_thread(names: Iterable[str], known: Iterable[str]) -> dict[str, list[str]]:
    """Return the suggestions for each of the first `MOST_HINTS` names, computed in a thread."""
    first, among = list(dict.fromkeys(names))[:MOST_HINTS], list(known)
    if not first or not among:
        return {}
    return await in_own_thread(partial(_all_nearest, first, among))


def _all_nearest(names: Sequence[str], known: Sequence[str]) -> dict[str, list[str]]:
    with_pairs = [(one, _pairs(one)) for one in known]
    return {name: _nearest(name, with_pairs) for name in names}


def _nearest(name: str, known: Sequence[tuple[str, frozenset[str]]]) -> list[str]:
    name = name[:LONGEST_NAME]
    pairs = _pairs(name)
    # A share of common pairs, so that a name is not near merely because it is long.
    shared = ((len(pairs & others) / (len(pairs) + len(others)), one) for one, others in known)
    candidates = [one for share, one in nlargest(CANDIDATES, shared) if share]
    # `known` may be a set, so ties are sorted.
    return get_close_matches(name, sorted(candidates), MOST_NEAR)


def _pairs(name: str) -> frozenset[str]:
    folded = f" {name[:LONGEST_NAME].casefold()} "
    return frozenset(folded[place : place + 2] for place in range(len(folded) - 1))
