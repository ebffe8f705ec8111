"""Match planned names to the trackers of a list.

A name that remains doubtful is never created.
"""

import asyncio
import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from typing import NamedTuple

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.names import (
    CUT_MARKS,
    SHORTEST_CUT,
    NameForms,
    canonical,
    label_of,
    letters_of,
    lossy_forms,
    skeleton_of,
    uncut,
)

__all__ = ["PORTION", "Match", "PlannedNames", "Siblings"]

#: How many entries of a plan, or trackers of a list, to process before yielding to other tasks.
PORTION = 200

#: The minimum length of a cut form that ends within a word, and of one that ends after one or two digits of a number.
SHORTEST_CUT_IN_A_WORD = 10
SHORTEST_CUT_IN_A_NUMBER = 24

#: The minimum length if several planned names are cut at the same length, and one of them within a word; or if several
#: listed trackers have the cut name.
SHORTEST_CUT_OF_MANY = 4

_COUNTED = re.compile(r"(?<!\d)\d\d?$")

#: Characters that services replace or drop. All others count as letters.
_FRAGILE = frozenset(" &<>'\"%\\/")

_WAY_OUT = "So nothing was created. If that is another tracker, add its exact name to the plan"


class Match(NamedTuple):
    """The result of looking up a name in a list.

    Attributes:
        tracker: The tracker with this name; `None` if it does not exist, or if that is uncertain.
        twins: All trackers with exactly this name, if there are several.
        note: Why this tracker was chosen, if its name differs.
        problem: Why the result is uncertain. Nothing may be created then.
    """

    tracker: Tracker | None = None
    twins: tuple[Tracker, ...] = ()
    note: str | None = None
    problem: str | None = None


class PlannedNames:
    """The planned names below one tracker, indexed for any number of lists of what exists there.

    Attributes:
        by_letters: The names by their letters and digits.
    """

    def __init__(self) -> None:
        self.by_letters: dict[str, list[str]] = {}
        self._labels: list[str] = []
        self._cut: tuple[int, dict[str, list[str]]] = 0, {}

    @classmethod
    async def of(cls, labels: Iterable[str]) -> "PlannedNames":
        """Index the names, yielding to other tasks meanwhile."""
        planned = cls()
        for number, label in enumerate(labels, 1):
            planned._labels.append(label)
            planned.by_letters.setdefault(letters_of(canonical(label)), []).append(label)
            if not number % PORTION:
                await asyncio.sleep(0)
        return planned

    def cut_to(self, length: int) -> Generator[None, None, Mapping[str, list[str]]]:
        """Return the keys of all longer names by the key of their start, yielding after each name."""
        if self._cut[0] != length:
            cut: dict[str, list[str]] = {}
            for label in self._labels:
                if len(label) > length:
                    cut.setdefault(canonical(label[:length]), []).append(canonical(label))
                yield
            self._cut = length, cut
        return self._cut[1]


def _in_a_word(key: str, length: int) -> bool:
    return key[length - 1 : length + 1].isalpha()


class Siblings:
    """The trackers of one list, indexed by name.

    Args:
        forms: The known form of the service's names.
    """

    def __init__(self, forms: NameForms) -> None:
        self._forms = forms
        self._by_label: dict[str, list[Tracker]] = {}
        self._by_key: dict[str, list[str]] = {}
        self._lengths: list[int] | None = None
        self._by_letters: dict[str, list[str]] = {}
        self._signs: set[str] = set()
        self._cut = 0
        self._many_replaced = False
        self._surveyed = False

    @classmethod
    async def of(cls, trackers: Iterable[Tracker], forms: NameForms) -> "Siblings":
        """Index a list of trackers, yielding to other tasks meanwhile."""
        siblings = cls(forms)
        for number, tracker in enumerate(trackers, 1):
            siblings.add(tracker)
            if not number % PORTION:
                await asyncio.sleep(0)
        return siblings

    def add(self, tracker: Tracker) -> None:
        """Add one tracker."""
        label = label_of(tracker)
        if label in self._by_label:
            self._by_label[label].append(tracker)
        else:
            self._by_label[label] = [tracker]
            self._by_key.setdefault(canonical(label), []).append(label)
            self._lengths = None
        self._surveyed = False

    def match(self, label: str, others: Collection[str] = ()) -> Match:
        """Find the tracker with a name. A tracker named as in `others` never counts as a changed form of it."""
        if label in self._by_label:
            return self._taken(label, None)
        kept = self._forms.kept(label)
        if kept in self._by_label and kept not in others:
            return self._taken(kept, f"the service calls it {kept!r}")
        near = [other for other in self._by_key.get(self._forms.key(label), ()) if other not in others]
        if len(near) == 1:
            return self._taken(near[0], f"the service calls it {near[0]!r}, which differs only in form")
        if near:
            names = ", ".join(map(self._shown, near))
            return Match(problem=f"several trackers have nearly this name: {names}. {_WAY_OUT}")
        if doubtful := self._doubtful(label, others):
            return Match(problem=f"{self._shown(doubtful)} may be this one in a cut or changed form. {_WAY_OUT}")
        return Match()

    def near(self, label: str) -> list[Tracker]:
        """Return the trackers whose names differ from this one only in form."""
        names = self._by_key.get(canonical(label), ())
        return [tracker for name in names if name != label for tracker in self._by_label[name]]

    def twins(self) -> Iterator[Tracker]:
        """Yield every tracker that shares its name with another one in the list."""
        for trackers in self._by_label.values():
            if len(trackers) > 1:
                yield from trackers

    def _taken(self, label: str, note: str | None) -> Match:
        trackers = self._by_label[label]
        living = next((tracker for tracker in trackers if not tracker.archived), trackers[0])
        return Match(living, tuple(trackers) if len(trackers) > 1 else (), note)

    def _doubtful(self, label: str, others: Collection[str]) -> str | None:
        if not self._by_label:
            return None
        if not self._surveyed:
            list(self._survey(PlannedNames()))
        key = canonical(label)
        for near in (*lossy_forms(label), *self._cuts(key)):
            for found in self._by_key.get(near, ()):
                if found not in others:
                    return found
        return next((found for found in self._replaced(key) if found not in others), None)

    def _cuts(self, key: str) -> Iterator[str]:
        """Yield the keys that may be a cut form of this one: none if the list has a name of this length or more."""
        if self._lengths is None:
            self._lengths = sorted({len(uncut(other)) for other in self._by_key})
        if len(key) <= self._lengths[-1]:
            return
        cut = self._cut
        for length in reversed(self._lengths):
            shortest = SHORTEST_CUT_IN_A_WORD if _in_a_word(key, length) else SHORTEST_CUT
            if _COUNTED.search(key[:length]) and key[length].isdigit():
                shortest = SHORTEST_CUT_IN_A_NUMBER
            if length >= shortest or cut - 1 <= length <= cut:
                yield from (key[:length] + mark for mark in ("", *CUT_MARKS))
            else:
                yield from (key[:length] + mark for mark in CUT_MARKS)

    def _replaced(self, key: str) -> Iterator[str]:
        """Yield the names with the same letters, if the service may have changed the characters between them.

        If the service keeps such characters in other names, it has not replaced them here.
        """
        for found in self._by_letters.get(letters_of(key), ()):
            missing = set(key) - set(found)
            if not missing & self._signs:
                fragile = bool(missing) and all(sign in _FRAGILE or not sign.isascii() for sign in missing)
                if self._many_replaced or (fragile and skeleton_of(key).strip() == skeleton_of(found).strip()):
                    yield from self._by_key[found]

    async def survey(self, planned: PlannedNames) -> None:
        """Examine all listed and planned names, yielding to other tasks meanwhile."""
        for number, _ in enumerate(self._survey(planned), 1):
            if not number % PORTION:
                await asyncio.sleep(0)

    def _survey(self, planned: PlannedNames) -> Iterator[None]:
        """Find out from all names together where the service cuts them, and whether it replaces characters."""
        self._by_letters, self._signs = {}, set()
        replaced = 0
        for key in self._by_key:
            self._signs.update(key)
            if letters := letters_of(key):
                if letters not in self._by_letters:
                    replaced += sum(self._is_missing(other) for other in planned.by_letters.get(letters, ()))
                self._by_letters.setdefault(letters, []).append(key)
            yield
        longest = max(map(len, self._by_label), default=0)
        begun: dict[str, bool] = {}
        cut: Mapping[str, list[str]] = {}
        if longest >= SHORTEST_CUT_OF_MANY:
            cut = yield from planned.cut_to(longest)
        for begin in self._by_key:
            for key in cut.get(begin, ()):
                # Planned names never end with a space, so a stored name that does was cut there.
                ends_so = _in_a_word(key, len(begin)) or any(found[-1:].isspace() for found in self._by_key[begin])
                begun[begin] = begun.get(begin, False) or ends_so
            yield
        twins = any(len(self._by_label[found]) > 1 for begin in begun for found in self._by_key[begin])
        self._cut = longest if twins or (len(begun) > 1 and any(begun.values())) else 0
        self._many_replaced = replaced > 1
        self._surveyed = True

    def _is_missing(self, label: str) -> bool:
        return label not in self._by_label and canonical(label) not in self._by_key

    def _shown(self, label: str) -> str:
        return f"{label!r} ({self._by_label[label][0].token})"
