"""Which tracker a name means, on services that keep names in a form of their own.

A service may store a name in another Unicode form, in one case, trimmed, with single spaces, escaped or cut. Whoever
compares such names sign by sign finds nothing, and creates everything again. So names are compared by one canonical
key, the form that the service keeps is learned from its answers, and what remains doubtful is never created.
"""

import asyncio
import html
import re
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import product
from typing import Literal, NamedTuple
from urllib.parse import quote, quote_plus, unquote

from adjust_async.campaign.models import Tracker

__all__ = ["PORTION", "SEPARATOR", "Match", "NameForms", "Siblings", "canonical", "label_of"]

SEPARATOR = "::"

#: How many of the many entries of a plan, or trackers of a list, are worked on before other tasks get their turn.
PORTION = 200

#: A listed name that begins a planned one may be that one, cut: from this length on; and from the shorter one on where
#: it ends in the middle of a word.
SHORTEST_CUT = 16
SHORTEST_CUT_IN_A_WORD = 12

_ESCAPES = re.compile(r"&(#\w+|\w+);|%[0-9A-Fa-f]{2}|\\(?:u[0-9A-Fa-f]{4}|[\"'\\/])")
_BACKSLASH = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|([\"'\\/]))")


def label_of(tracker: Tracker) -> str:
    """Return the last part of a tracker's name."""
    return tracker.label or tracker.name.rpartition(SEPARATOR)[2]


def canonical(label: str) -> str:
    """Return the key that all forms of a name have in common: escapes, Unicode form, case and spaces are evened out."""
    if _ESCAPES.search(label):
        label = _unescaped(label)
    if label.isascii():
        return " ".join(label.lower().split())
    folded = unicodedata.normalize("NFKC", label).casefold()
    # Folding the case can undo the form.
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def _unescaped(label: str) -> str:
    label = unquote(html.unescape(label), errors="replace")
    label = _BACKSLASH.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], label)
    # Characters beyond the first 65,536 are two escapes, which are no characters by themselves.
    return label.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _lossy(label: str) -> Iterator[str]:
    """Yield the canonical keys of forms in which something of a name is lost, so that others may share them."""
    if not label.isascii():
        bare = "".join(sign for sign in unicodedata.normalize("NFKD", label) if not unicodedata.combining(sign))
        yield canonical(bare)
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


def _form(name: Literal["NFC", "NFD", "NFKC", "NFKD"]) -> Callable[[str], str]:
    return lambda label: unicodedata.normalize(name, label)


_STEPS: tuple[tuple[Callable[[str], str], ...], ...] = (
    (_same, _form("NFC"), _form("NFD"), _form("NFKC"), _form("NFKD")),
    (_same, str.lower, str.upper, str.casefold),
    (_same, str.strip, _single_spaces),
    (_same, html.escape, lambda label: html.escape(label, quote=False), quote, quote_plus),
)

Form = tuple[Callable[[str], str], ...]


class NameForms:
    """The form in which the service keeps names, as far as its answers have shown it."""

    #: Examples that a form has to explain, and attempts to find one.
    MOST_EXAMPLES = 20

    def __init__(self) -> None:
        self._form: Form = ()
        self._longest: int | None = None
        self._examples: list[tuple[str, str]] = []
        self._attempts = 0

    def learn(self, sent: str, kept: str) -> None:
        """Learn from the name that was sent in a create, and the one in its answer."""
        if self.kept(sent) == kept or self._attempts == self.MOST_EXAMPLES:
            return
        self._attempts += 1
        self._examples.append((sent, kept))
        if not self._explain():
            self._examples = [(sent, kept)]
            self._explain()

    def _explain(self) -> bool:
        shortest = min(len(kept) for _, kept in self._examples)
        longest = max(len(kept) for _, kept in self._examples)
        for limit in dict.fromkeys((None, longest, shortest)):
            for form in product(*_STEPS):
                if all(_apply(form, limit, sent) == kept for sent, kept in self._examples):
                    self._form, self._longest = form, limit
                    return True
        return False

    def kept(self, label: str) -> str:
        """Return the form that the service is expected to keep a name in."""
        return _apply(self._form, self._longest, label)

    def key(self, label: str) -> str:
        """Return the canonical key of the form that the service is expected to keep."""
        return canonical(self.kept(label))

    def accepts(self, sent: str, kept: str) -> bool:
        """Whether a name in an answer is surely the one that was sent, in some form."""
        if kept in {sent, self.kept(sent)}:
            return True
        key, found = canonical(sent), canonical(kept)
        if found in {key, self.key(sent), *_lossy(sent)}:
            return True
        return len(_uncut(found)) >= SHORTEST_CUT and key.startswith(_uncut(found))

    def may_be(self, sent: str, kept: str) -> bool:
        """Whether a name may be the one that was sent: surely, or cut to whatever length."""
        found = _uncut(canonical(kept))
        return self.accepts(sent, kept) or (bool(found) and canonical(sent).startswith(found))


def _apply(form: Form, longest: int | None, label: str) -> str:
    for step in form:
        label = step(label)
    if longest is None:
        return label
    # What trims a name trims it after a cut too.
    return label[:longest] if _same in form[2:3] else label[:longest].rstrip()


def _uncut(key: str) -> str:
    """Return a key without the signs that a cut may leave at its end."""
    return key.rstrip(".…\ufffd ") or key


class Match(NamedTuple):
    """What a list says of one name.

    Attributes:
        tracker: The tracker that it means; `None` where there is none, or no certainty.
        twins: All trackers of exactly that name, where there are several.
        note: Why this tracker was taken, where its name differs.
        problem: Why nothing can be said for certain, in words; then nothing may be created.
    """

    tracker: Tracker | None = None
    twins: tuple[Tracker, ...] = ()
    note: str | None = None
    problem: str | None = None


class Siblings:
    """The trackers of one list, to be found by name.

    Args:
        forms: What is known of the service's form of names.
    """

    def __init__(self, forms: NameForms) -> None:
        self._forms = forms
        self._by_label: dict[str, list[Tracker]] = {}
        self._by_key: dict[str, list[str]] = {}
        self._lengths: list[int] | None = None

    @classmethod
    async def of(cls, trackers: Iterable[Tracker], forms: NameForms) -> "Siblings":
        """Index a list of trackers, and let other tasks run meanwhile."""
        siblings = cls(forms)
        for number, tracker in enumerate(trackers, 1):
            siblings.add(tracker)
            if not number % PORTION:
                await asyncio.sleep(0)
        return siblings

    def add(self, tracker: Tracker) -> None:
        """Take one tracker in."""
        label = label_of(tracker)
        if label in self._by_label:
            self._by_label[label].append(tracker)
        else:
            self._by_label[label] = [tracker]
            self._by_key.setdefault(canonical(label), []).append(label)
            self._lengths = None

    def match(self, label: str, others: Container[str] = ()) -> Match:
        """Find the tracker that a name means; a name that `others` holds is never taken for this one."""
        if label in self._by_label:
            return self._taken(label, None)
        kept = self._forms.kept(label)
        if kept in self._by_label and kept not in others:
            return self._taken(kept, f"the service calls it {kept!r}")
        near = [other for other in self._by_key.get(self._forms.key(label), ()) if other not in others]
        if len(near) == 1:
            return self._taken(near[0], f"it is called {near[0]!r} there, which differs in form alone")
        if near:
            names = ", ".join(map(self._shown, near))
            return Match(problem=f"several trackers have nearly this name: {names}. {_WAY_OUT}")
        if doubtful := self._doubtful(label, others):
            return Match(problem=f"{self._shown(doubtful)} may be this one, cut or changed. {_WAY_OUT}")
        return Match()

    def near(self, label: str) -> list[Tracker]:
        """Return the trackers whose names differ from this one in form alone."""
        names = self._by_key.get(canonical(label), ())
        return [tracker for name in names if name != label for tracker in self._by_label[name]]

    def twins(self) -> Iterator[Tracker]:
        """Yield every tracker whose name another one in the list has too."""
        for trackers in self._by_label.values():
            if len(trackers) > 1:
                yield from trackers

    def _taken(self, label: str, note: str | None) -> Match:
        trackers = self._by_label[label]
        living = next((tracker for tracker in trackers if not tracker.archived), trackers[0])
        return Match(living, tuple(trackers) if len(trackers) > 1 else (), note)

    def _doubtful(self, label: str, others: Container[str]) -> str | None:
        for key in (*_lossy(label), *self._cuts(canonical(label))):
            for found in self._by_key.get(key, ()):
                if found not in others:
                    return found
        return None

    def _cuts(self, key: str) -> Iterator[str]:
        """Yield the keys that may be this one, cut. Where a name of its length is listed, it would not have been."""
        if self._lengths is None:
            self._lengths = sorted({len(_uncut(other)) for other in self._by_key})
        if not self._lengths or len(key) <= self._lengths[-1]:
            return
        for length in reversed(self._lengths):
            in_a_word = key[length - 1 : length + 1].isalpha()
            if length >= (SHORTEST_CUT_IN_A_WORD if in_a_word else SHORTEST_CUT):
                for mark in ("", "...", "…", "\ufffd"):
                    yield key[:length] + mark

    def _shown(self, label: str) -> str:
        return f"{label!r} ({self._by_label[label][0].token})"


_WAY_OUT = "So nothing was created. If that is another tracker, let the plan have its exact name too"
