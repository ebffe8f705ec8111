"""API tokens: where they are found, and how they are kept out of everything that is shown."""

import html
import json
import logging
import os
import re
import stat
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn, final
from urllib.parse import quote

from adjust_async.errors import ConfigurationError

__all__ = ["APIToken"]

logger = logging.getLogger("adjust_async")

#: `user_token: abc` as Adjust's own clients write it: YAML, INI or JSON, with or without quotes.
_ADJUSTRC_LINE = r"""^(?:[ \t]*|[^#\n]*[{,][ \t]*)["']?user_token["']?[ \t]*[:=][ \t]*["']?([^"'\s,#}]+)"""


#: No real API token is shorter. A shorter text, such as a test's `token`, is not redacted from documents, where it may
#: be a key.
SHORTEST_TOKEN = 8

#: No real API token is longer. Searching for the parts of a longer text would be slow.
LONGEST_TOKEN = 128

#: Parts of a token at the end of an excerpt are redacted if they have at least this many characters.
SHORTEST_PART = 4


@final
class APIToken:
    """An API token that is revealed only to the request that needs it.

    The constructor never fails, so that no frame of a traceback holds the text that was passed: `check` raises instead.
    """

    __slots__ = ("_cut", "_forms", "_problem", "_value")

    def __init__(self, value: object, source: str = "token") -> None:
        self._value = str.__str__(value) if isinstance(value, str) else ""
        self._problem = _token_problem(value, source)
        self._forms = () if self._problem else _written_forms(self._value)
        self._cut = _cut_forms(self._value) if self._forms and SHORTEST_TOKEN <= len(self) <= LONGEST_TOKEN else None

    def check(self) -> "APIToken":
        """Return the token itself.

        Raises:
            ConfigurationError: The token is missing, or can't be sent in a header.
        """
        if self._problem is not None:
            raise ConfigurationError(self._problem)
        return self

    def reveal(self) -> str:
        """Return the text of the token."""
        return self._value

    def redact(self, text: str) -> str:
        """Return a text from elsewhere with the token replaced by `***`."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text if self._cut is None else self._cut.sub("***", text)

    def is_in(self, path: str) -> bool:
        """Return whether a segment of a path is the token."""
        return len(self) >= SHORTEST_TOKEN and self._value in path.split("/")

    def without_echo(self, body: bytes, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]] | None:
        """Return an answer's body and headers without the token; `None` if they do not contain it."""
        if len(self) < SHORTEST_TOKEN:
            return None
        clean = body
        for form in self._forms:
            clean = clean.replace(form.encode(), b"***")
        clean_headers = {name.lower(): self.redact(value) for name, value in headers.items()}
        if clean == body and all(clean_headers[name.lower()] == value for name, value in headers.items()):
            return None
        return clean, clean_headers

    def __len__(self) -> int:
        return len(self._value)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "APIToken('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API token can't be pickled: make a new AsyncAdjust in the other process")

    @classmethod
    def find(cls) -> "APIToken":
        """Look for a token: first in ADJUST_API_TOKEN, then as user_token in ~/.adjustrc."""
        if value := os.environ.get("ADJUST_API_TOKEN"):
            return cls(value, "ADJUST_API_TOKEN")
        try:
            path = Path.home() / ".adjustrc"
            text, mode = path.read_text(encoding="utf-8-sig"), path.stat().st_mode
        except (OSError, RuntimeError, UnicodeDecodeError):
            return cls(None)
        match = re.search(_ADJUSTRC_LINE, text, re.MULTILINE)
        if match is None:
            return cls(None)
        if os.name == "posix" and mode & (stat.S_IWGRP | stat.S_IWOTH):
            token = cls(None)
            token._problem = "others may write ~/.adjustrc, and so choose the token: run chmod 600 ~/.adjustrc"
            return token
        if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH):
            logger.warning("others may read ~/.adjustrc, which has an API token: run chmod 600 ~/.adjustrc")
        return cls(match[1], "user_token in ~/.adjustrc")


def _token_problem(value: object, source: str) -> str | None:
    if value is None:
        return "no API token: pass AsyncAdjust(token), set ADJUST_API_TOKEN, or put user_token into ~/.adjustrc"
    if not isinstance(value, str) or not value:
        kind = "empty" if isinstance(value, str) else f"a value of type {type(value).__name__}"
        return (
            f"{source} is {kind}: pass the API token as text, set ADJUST_API_TOKEN, or put user_token into ~/.adjustrc"
        )
    if not value.isascii() or not value.isprintable() or " " in value:
        return f"{source} has a character that no API token has, such as a space or a line break: was it copied whole?"
    return None


def _written_forms(token: str) -> tuple[str, ...]:
    """Return the ways in which documents, pages and URLs write a token, the longest first."""
    if not token:
        return ()
    in_json = json.dumps(token)[1:-1]
    forms = {token, in_json, in_json.replace("/", "\\/"), quote(token), quote(token, safe=""), html.escape(token)}
    shown_forms = {repr(form)[1:-1] for form in forms}
    return tuple(sorted(forms | shown_forms | set(_in_base64(token)), key=len, reverse=True))


def _cut_forms(token: str) -> re.Pattern[str]:
    """Return a pattern for the part of a token that remains when an excerpt was cut in the middle of it."""
    lengths = range(len(token) - 1, SHORTEST_PART - 1, -1)
    heads = "|".join(re.escape(token[:length]) for length in lengths)
    tails = "|".join(re.escape(token[-length:]) for length in lengths)
    return re.compile(rf"(?:{heads})(?=['\"]|\.\.\.|$)|(?<=\.\.\.)(?:{tails})")


def _in_base64(token: str) -> Iterator[str]:
    """Yield the base64 encodings of the token, at every offset within the encoded text."""
    for before in range(3):
        bits = (before + len(token)) * 8
        form = b64encode(bytes(before) + token.encode())[(0, 2, 3)[before] : bits // 6].decode()
        if len(token) >= SHORTEST_TOKEN:
            yield form
            yield form.replace("+", "-").replace("/", "_")
