"""Match names to trackers, although a service may store names in a form of its own.

A service may store a name in another Unicode form, in upper or lower case, trimmed, with single spaces, escaped or cut.
An exact comparison then finds nothing, and everything would be created again. So names are compared by a canonical key,
and the form that the service stores is learned from its answers. A name that remains doubtful is never created.
"""

import asyncio
import html
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import product
from typing import Literal, NamedTuple
from urllib.parse import quote, quote_plus, unquote

from adjust_async.campaign.models import Tracker

__all__ = ["PORTION", "SEPARATOR", "Match", "NameForms", "Siblings", "canonical", "label_of"]

SEPARATOR = "::"

#: How many entries of a plan, or trackers of a list, to process before yielding to other tasks.
PORTION = 200

#: A listed name that is the start of a planned one may be its cut form if it has at least this length; or the shorter
#: one if it ends within a word; or the longer one if it ends after one or two digits of a number.
SHORTEST_CUT = 16
SHORTEST_CUT_IN_A_WORD = 10
SHORTEST_CUT_IN_A_NUMBER = 24

#: The minimum length if several planned names are cut at the same length, and one of them within a word; or if several
#: listed trackers have the cut name.
SHORTEST_CUT_OF_MANY = 4

#: The separator, and its escaped forms.
_SEPARATORS = re.compile(r"::|(?:%3a|&#0*58;|&#x0*3a;|&colon;|\\u003a){2}", re.IGNORECASE)

_ESCAPES = re.compile(r"&(#\w+|\w+);|%[0-9A-Fa-f]{2}|\\(?:u[0-9A-Fa-f]{4}|[\"'\\/])")
_BACKSLASH = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|([\"'\\/]))")


def label_of(tracker: Tracker) -> str:
    """Return the last part of a tracker's name."""
    # A label that contains the separator is the full name.
    label = tracker.label if tracker.label and not tracker.label.isspace() else tracker.name
    return _SEPARATORS.split(label)[-1]


def canonical(label: str) -> str:
    """Return the key that all forms of a name share: without escapes, Unicode form, case and extra spaces."""
    for _ in range(3):  # it may have been escaped several times
        if not _ESCAPES.search(label):
            break
        label = _unescaped(label)
    if label.isascii():
        return " ".join(label.lower().split())
    folded = unicodedata.normalize("NFKC", label).casefold()
    # Case folding can undo the normalization. Upper case maps both Turkish i's to one letter.
    folded = unicodedata.normalize("NFKC", folded).replace("i\u0307", "i").replace("\u0131", "i")
    return " ".join(folded.split())


def _bare(label: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", label) if not unicodedata.combining(sign))


def _skeleton(key: str) -> str:
    """Return the letters and digits of a key. Each run of other characters becomes one space."""
    if not key.isascii():
        key = _bare(key)
    return _SIGNS.sub(" ", key)


def _letters(key: str) -> str:
    return _skeleton(key).replace(" ", "")


_COUNTED = re.compile(r"(?<!\d)\d\d?$")

_SIGNS = re.compile(r"[\W_]+")

#: Characters that services replace or drop. All others count as letters.
_FRAGILE = frozenset(" &<>'\"%\\/")


def _unescaped(label: str) -> str:
    label = unquote(html.unescape(label), errors="replace")
    label = _BACKSLASH.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], label)
    # A character beyond the first 65,536 becomes two escapes, and neither of them is a character.
    return label.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _lossy(label: str) -> Iterator[str]:
    """Yield the canonical keys of the lossy forms of a name, which other names may share."""
    if not label.isascii():
        bare = _bare(label)
        yield canonical(bare)
        yield canonical("".join(sign for sign in label if unicodedata.category(sign) != "Cf"))
        yield canonical("".join(sign for sign in label if ord(sign) < 0x10000))
        for encoding in ("latin-1", "cp1252"):
            yield canonical(label.encode("utf-8", "replace").decode(encoding, "replace"))
        for errors in ("replace", "ignore"):
            yield canonical(label.encode("ascii", errors).decode("ascii"))
            yield canonical(label.encode("latin-1", errors).decode("latin-1"))
            yield canonical(bare.encode("ascii", errors).decode("ascii"))
    if " " in label:
        yield canonical(label.replace(" ", "+"))
        yield canonical(quote_plus(label))


def _same(label: str) -> str:
    return label


def _single_spaces(label: str) -> str:
    return " ".join(label.split())


def _replacing(sign: str) -> Callable[[str], str]:
    return lambda label: label.replace(" ", sign)


def _form(name: Literal["NFC", "NFD", "NFKC", "NFKD"]) -> Callable[[str], str]:
    return lambda label: unicodedata.normalize(name, label)


_STEPS: tuple[tuple[Callable[[str], str], ...], ...] = (
    (_same, _form("NFC"), _form("NFD"), _form("NFKC"), _form("NFKD")),
    (_same, str.lower, str.upper, str.casefold),
    (_same, str.strip, _single_spaces, *map(_replacing, ("_", "-", "+", ""))),
    (_same, html.escape, lambda label: html.escape(label, quote=False), quote, quote_plus),
)

Form = tuple[Callable[[str], str], ...]


class NameForms:
    """The form in which the service stores names, as far as its answers have revealed it.

    Attributes:
        version: A counter that increases whenever an answer reveals another form.
    """

    #: The maximum number of attempts to find a form that explains all examples so far.
    MOST_EXAMPLES = 20

    #: The maximum number of names to remember one by one because no form explains them.
    MOST_EXCEPTIONS = 1_000

    def __init__(self) -> None:
        self.version = 0
        self._exceptions: dict[str, str] = {}
        self._form: Form = ()
        self._longest: int | None = None
        self._examples: list[tuple[str, str]] = []
        self._attempts = 0

    def learn(self, sent: str, kept: str) -> None:
        """Learn from the name sent in a create and the name in its answer."""
        if self.kept(sent) == kept:
            return
        if self._attempts < self.MOST_EXAMPLES:
            self._attempts += 1
            self._examples.append((sent, kept))
            if not self._explain():
                self._examples = [(sent, kept)]
                self._explain()
        if self.kept(sent) != kept:
            if len(self._exceptions) >= self.MOST_EXCEPTIONS:
                del self._exceptions[next(iter(self._exceptions))]
            self._exceptions[sent] = kept

    def _explain(self) -> bool:
        shortest = min(len(kept) for _, kept in self._examples)
        longest = max(len(kept) for _, kept in self._examples)
        for limit in dict.fromkeys((None, longest, shortest)):
            for form in product(*_STEPS):
                if all(_apply(form, limit, sent) == kept for sent, kept in self._examples):
                    self._form, self._longest = form, limit
                    self.version += 1
                    return True
        return False

    def kept(self, label: str) -> str:
        """Return the form in which the service is expected to store a name."""
        if (kept := self._exceptions.get(label)) is not None:
            return kept
        return _apply(self._form, self._longest, label)

    def key(self, label: str) -> str:
        """Return the canonical key of the form that the service is expected to store."""
        return canonical(self.kept(label))

    def accepts(self, sent: str, kept: str) -> bool:
        """Return whether a name in an answer is certainly the name that was sent, in some form."""
        if kept in {sent, self.kept(sent)}:
            return True
        key, found = canonical(sent), canonical(kept)
        if found in {key, self.key(sent), *_lossy(sent)}:
            return True
        if (letters := _letters(key)) and letters == _letters(found):
            return True
        return len(_uncut(found)) >= SHORTEST_CUT and key.startswith(_uncut(found))

    def may_be(self, sent: str, kept: str) -> bool:
        """Return whether a name may be the name that was sent: certainly, or cut to any length."""
        found = _uncut(canonical(kept))
        return self.accepts(sent, kept) or (bool(found) and canonical(sent).startswith(found))


def _apply(form: Form, longest: int | None, label: str) -> str:
    for step in form:
        label = step(label)
    if longest is None:
        return label
    # Code that trims a name also trims it after cutting it.
    return label[:longest] if _same in form[2:3] else label[:longest].rstrip()


def _in_a_word(key: str, length: int) -> bool:
    return key[length - 1 : length + 1].isalpha()


#: What a service may append to a name that it has cut.
_MARKS = ("...", "…", "\ufffd")


def _uncut(key: str) -> str:
    """Return a key without the characters that a cut may leave at its end."""
    return key.rstrip(".…\ufffd ") or key


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
            list(self._survey(others))
        key = canonical(label)
        for near in (*_lossy(label), *self._cuts(key)):
            for found in self._by_key.get(near, ()):
                if found not in others:
                    return found
        return next((found for found in self._replaced(key) if found not in others), None)

    def _cuts(self, key: str) -> Iterator[str]:
        """Yield the keys that may be a cut form of this one: none if the list has a name of this length or more."""
        if self._lengths is None:
            self._lengths = sorted({len(_uncut(other)) for other in self._by_key})
        if len(key) <= self._lengths[-1]:
            return
        cut = self._cut
        for length in reversed(self._lengths):
            shortest = SHORTEST_CUT_IN_A_WORD if _in_a_word(key, length) else SHORTEST_CUT
            if _COUNTED.search(key[:length]) and key[length].isdigit():
                shortest = SHORTEST_CUT_IN_A_NUMBER
            if length >= shortest or cut - 1 <= length <= cut:
                yield from (key[:length] + mark for mark in ("", *_MARKS))
            else:
                yield from (key[:length] + mark for mark in _MARKS)

    def _replaced(self, key: str) -> Iterator[str]:
        """Yield the names with the same letters, if the service may have changed the characters between them.

        If the service keeps such characters in other names, it has not replaced them here.
        """
        for found in self._by_letters.get(_letters(key), ()):
            missing = set(key) - set(found)
            if not missing & self._signs:
                fragile = bool(missing) and all(sign in _FRAGILE or not sign.isascii() for sign in missing)
                if self._many_replaced or (fragile and _skeleton(key).strip() == _skeleton(found).strip()):
                    yield from self._by_key[found]

    async def survey(self, others: Collection[str]) -> None:
        """Examine all listed and planned names, yielding to other tasks meanwhile."""
        for number, _ in enumerate(self._survey(others), 1):
            if not number % PORTION:
                await asyncio.sleep(0)

    def _survey(self, others: Collection[str]) -> Iterator[None]:
        """Find out from all names together where the service cuts them, and whether it replaces characters."""
        self._by_letters, self._signs = {}, set()
        for key in self._by_key:
            if letters := _letters(key):
                self._by_letters.setdefault(letters, []).append(key)
            self._signs.update(key)
            yield
        longest = max(map(len, self._by_label), default=0)
        begun: dict[str, bool] = {}
        replaced = 0
        for other in others:
            yield
            if other in self._by_label:
                continue
            key = canonical(other)
            replaced += key not in self._by_key and _letters(key) in self._by_letters
            begin = canonical(other[:longest])
            if SHORTEST_CUT_OF_MANY <= longest < len(other) and begin in self._by_key:
                # Planned names never end with a space, so a stored name that does was cut there.
                ends_so = _in_a_word(key, len(begin)) or any(found[-1:].isspace() for found in self._by_key[begin])
                begun[begin] = begun.get(begin, False) or ends_so
        twins = any(len(self._by_label[found]) > 1 for begin in begun for found in self._by_key[begin])
        self._cut = longest if twins or (len(begun) > 1 and any(begun.values())) else 0
        self._many_replaced = replaced > 1
        self._surveyed = True

    def _shown(self, label: str) -> str:
        return f"{label!r} ({self._by_label[label][0].token})"


_WAY_OUT = "So nothing was created. If that is another tracker, add its exact name to the plan"
