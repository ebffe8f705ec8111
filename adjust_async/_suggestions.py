"""Names that come near one that nobody knows, for errors that ask "did you mean".

difflib alone takes 40 ms for one name among three thousand. Here it compares the few names that share the most pairs of
letters with it, and where others may be waiting, beside the event loop.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import partial
from heapq import nlargest

from adjust_async._concurrency import in_own_thread

__all__ = ["MOST_HINTS", "did_you_mean", "near_names", "near_names_beside"]

#: The maximum number of names in one error that come with a suggestion.
MOST_HINTS = 5

#: Suggestions for one name.
MOST_NEAR = 3

#: Names that difflib compares with each.
CANDIDATES = 20

#: From here on a name is cut before it is compared.
LONGEST_NAME = 200


def did_you_mean(near: Iterable[str]) -> str:
    """Return the question, such as `did you mean sort or index?`; an empty text where nothing is near."""
    names = " or ".join(near)
    return f"did you mean {names}?" if names else ""


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return the names that come near one, the nearest first."""
    return _nearest(name, [(one, _pairs(one)) for one in known])


async def near_names_beside(names: Iterable[str], known: Iterable[str]) -> dict[str, list[str]]:
    """Return what comes near each of the first `MOST_HINTS` names, found in a thread."""
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
    # The share of common pairs, so that a long name is not near for its length alone.
    shared = ((len(pairs & others) / (len(pairs) + len(others)), one) for one, others in known)
    candidates = [one for share, one in nlargest(CANDIDATES, shared) if share]
    # Ties are put in order, as `known` may be a set.
    return get_close_matches(name, sorted(candidates), MOST_NEAR)


def _pairs(name: str) -> frozenset[str]:
    folded = f" {name[:LONGEST_NAME].casefold()} "
    return frozenset(folded[place : place + 2] for place in range(len(folded) - 1))
