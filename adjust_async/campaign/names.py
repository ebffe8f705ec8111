"""Names of trackers, and the forms in which a service may store them.

A service may store a name in another Unicode form, in upper or lower case, trimmed, with single spaces, escaped or cut.
An exact comparison then finds nothing, and everything would be created again. So names are compared by a canonical key,
and the form that the service stores is learned from its answers.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import product
from typing import Literal
from urllib.parse import quote, quote_plus, unquote

from adjust_async.campaign.models import Tracker

__all__ = [
    "CUT_MARKS",
    "SEPARATOR",
    "SHORTEST_CUT",
    "NameForms",
    "canonical",
    "label_of",
    "letters_of",
    "lossy_forms",
    "skeleton_of",
    "uncut",
]

SEPARATOR = "::"

#: A stored name that is the start of another one may be its cut form if it has at least this length.
SHORTEST_CUT = 16

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


def skeleton_of(key: str) -> str:
    """Return the letters and digits of a key. Each run of other characters becomes one space."""
    if not key.isascii():
        key = _bare(key)
    return _SIGNS.sub(" ", key)


def letters_of(key: str) -> str:
    """Return the letters and digits of a key without anything between them."""
    return skeleton_of(key).replace(" ", "")


_SIGNS = re.compile(r"[\W_]+")


def _unescaped(label: str) -> str:
    label = unquote(html.unescape(label), errors="replace")
    label = _BACKSLASH.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], label)
    # A character beyond the first 65,536 becomes two escapes, and neither of them is a character.
    return label.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def lossy_forms(label: str) -> Iterator[str]:
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
        if found in {key, self.key(sent), *lossy_forms(sent)}:
            return True
        if (letters := letters_of(key)) and letters == letters_of(found):
            return True
        return len(uncut(found)) >= SHORTEST_CUT and key.startswith(uncut(found))

    def may_be(self, sent: str, kept: str) -> bool:
        """Return whether a name may be the name that was sent: certainly, or cut to any length."""
        found = uncut(canonical(kept))
        return self.accepts(sent, kept) or (bool(found) and canonical(sent).startswith(found))


def _apply(form: Form, longest: int | None, label: str) -> str:
    for step in form:
        label = step(label)
    if longest is None:
        return label
    # Code that trims a name also trims it after cutting it.
    return label[:longest] if _same in form[2:3] else label[:longest].rstrip()


#: What a service may append to a name that it has cut.
CUT_MARKS = ("...", "…", "\ufffd")


def uncut(key: str) -> str:
    """Return a key without the characters that a cut may leave at its end."""
    return key.rstrip(".…\ufffd ") or key
