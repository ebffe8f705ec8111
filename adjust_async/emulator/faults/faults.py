"""Which request meets which fault: at random by a seed, or request by request by a script."""

import math
import random
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Literal, Self


class Fault(StrEnum):
    """What can go wrong with a request; scripts and `kinds` take the values in place of the members."""

    TOO_MANY_REQUESTS = "429"
    """429 without `Retry-After`; nothing was done."""
    TOO_MANY_REQUESTS_RETRY_AFTER = "429-retry-after"
    """429 with `Retry-After`; nothing was done."""
    TOO_MANY_REQUESTS_STORM = "429-storm"
    """429 for this request and all that arrive within `Faults.storm` seconds; nothing was done. It is counted for
    each request that it refuses."""
    SERVER_ERROR = "500"
    """500 in Adjust's error envelope; nothing was done."""
    SERVER_ERROR_AFTER = "500-after"
    """The work is done and committed, and 500 is answered."""
    HTML_BAD_GATEWAY = "502-html"
    """502 with a page of HTML, as a proxy in front sends it; nothing was done."""
    UNAVAILABLE = "503"
    """503 without `Retry-After`; nothing was done."""
    UNAVAILABLE_RETRY_AFTER = "503-retry-after"
    """503 with `Retry-After`; nothing was done."""
    DROP_BEFORE = "drop-before"
    """The connection is closed before the work is done: no tracker is created."""
    DROP_AFTER = "drop-after"
    """The connection is closed after the work was done and committed: the tracker exists, its answer is
    lost."""
    DROP_LATE = "drop-late"
    """The connection is closed at once; the work is done `Faults.late` seconds after, although nobody waits for
    it: a list right after the drop does not show the tracker yet."""
    TRUNCATED_BODY = "truncated-body"
    """The work is done; half of the bytes that `Content-Length` announces arrive, then the connection
    closes."""
    TRUNCATED_JSON = "truncated-json"
    """The work is done; `Content-Length` is right, and the JSON ends half-way."""
    DRIP = "drip"
    """The work is done; the body comes a few bytes at a time over `Faults.drip` seconds."""
    REPEATED_CURSOR = "repeated-cursor"
    """The page's next cursor leads to the same page again. Nothing but a loop check ends such a walk."""
    EMPTY_PAGE = "empty-page"
    """An extra page without items, whose next cursor leads on to the items that would have come."""
    UNLISTED = "unlisted"
    """The work is done and answered as ever, and lists show it only `Faults.late` seconds after; by its token a
    tracker can be used at once."""
    HANG = "hang"
    """Nothing is done and nothing answered until the client goes away."""


CURSOR_FAULTS = frozenset({Fault.REPEATED_CURSOR, Fault.EMPTY_PAGE})
"""Faults of a list page; on any other request they do nothing and are not counted."""

LIST_DELAYS = frozenset({Fault.UNLISTED})
"""Faults of a request that writes; on one that writes nothing they do nothing and are not counted, though a script
goes on by a step; its `match="POST"` spares the others."""

RECOVERABLE_FAULTS = (
    Fault.TOO_MANY_REQUESTS,
    Fault.TOO_MANY_REQUESTS_RETRY_AFTER,
    Fault.SERVER_ERROR,
    Fault.HTML_BAD_GATEWAY,
    Fault.UNAVAILABLE,
    Fault.UNAVAILABLE_RETRY_AFTER,
    Fault.DROP_BEFORE,
    Fault.DROP_AFTER,
    Fault.TRUNCATED_BODY,
    Fault.TRUNCATED_JSON,
    Fault.DRIP,
    Fault.EMPTY_PAGE,
)
"""Faults that a careful client overcomes by itself; what a bare rate such as `faults=0.2` draws from."""

WRITE_FAULTS = (
    *RECOVERABLE_FAULTS,
    Fault.SERVER_ERROR_AFTER,
    Fault.DROP_LATE,
    Fault.UNLISTED,
    Fault.TOO_MANY_REQUESTS_STORM,
)
"""All that stands between a client and exactly one tracker of each name; what `Faults.of_writes` draws from."""


class Faults:
    """Faults at random, with a probability of `rate` for each request, drawn by `seed` in order of arrival.

    `kinds` are drawn with equal probability, by default `RECOVERABLE_FAULTS`; those of `CURSOR_FAULTS` are drawn
    for GET requests only, those of `LIST_DELAYS` for all others only. `retry_after` is in seconds (default 1) and is
    sent as such, or as an HTTP date with `retry_after_form="date"`. `drip` is how many seconds a dripping body takes
    (default 2), `late` how many late work and lagging lists are behind (default 0.3), `storm` how many a storm lasts
    (default 0.2); what a storm refuses is not drawn for. `match` limits the faults, storms among them, to requests
    whose `"METHOD /path?query"` contains the text or is found by the compiled pattern; other requests are neither
    touched nor counted in the draw.

    Raises `ValueError` for a rate outside 0 to 1, for an unknown kind (naming the valid ones), for no kinds, for
    negative seconds, and for an unknown `retry_after_form`; `TypeError` for a bare text in the place of a list.
    """

    def __init__(
        self,
        rate: float,
        kinds: Iterable[Fault | str] | None = None,
        *,
        seed: int = 1,
        retry_after: float = 1,
        retry_after_form: Literal["seconds", "date"] = "seconds",
        drip: float = 2.0,
        late: float = 0.3,
        storm: float = 0.2,
        match: str | re.Pattern[str] | None = None,
    ) -> None:
        if not 0 <= rate <= 1:
            raise ValueError(f"A fault rate is a share of the requests, from 0 to 1, not {rate!r}.")
        if min(retry_after, drip, late, storm) < 0:
            raise ValueError("retry_after, drip, late and storm are seconds and can not be negative.")
        if retry_after_form not in {"seconds", "date"}:
            raise ValueError(f'retry_after_form is "seconds" or "date", not {retry_after_form!r}.')
        self.rate = rate
        self.kinds = RECOVERABLE_FAULTS if kinds is None else _known(kinds)
        if not self.kinds:
            raise ValueError("kinds is empty; leave it out for all recoverable faults, or set faults to None for none.")
        self.retry_after = retry_after
        self.retry_after_form = retry_after_form
        self.drip = drip
        self.late = late
        self.storm = storm
        self.match = match
        self._of_gets = tuple(kind for kind in self.kinds if kind not in LIST_DELAYS)
        self._of_writes = tuple(kind for kind in self.kinds if kind not in CURSOR_FAULTS)
        self._storm_end = -math.inf
        self._random = random.Random(seed)
        self._script: Iterator[Fault | None] | None = None

    @classmethod
    def script(
        cls,
        faults: Sequence[Fault | str | None],
        *,
        retry_after: float = 1,
        retry_after_form: Literal["seconds", "date"] = "seconds",
        drip: float = 2.0,
        late: float = 0.3,
        storm: float = 0.2,
        match: str | re.Pattern[str] | None = None,
    ) -> Self:
        """Say request by request what happens, in order of arrival: a kind, or None for a healthy answer.

        After the end of the script every answer is healthy. The options and errors are those of the class.
        """
        if isinstance(faults, str):
            raise TypeError(f"A script of faults is a list: [{str(faults)!r}].")
        steps = [None if fault is None else _known([fault])[0] for fault in faults]
        scripted = cls(
            0,
            retry_after=retry_after,
            retry_after_form=retry_after_form,
            drip=drip,
            late=late,
            storm=storm,
            match=match,
        )
        scripted._script = iter(steps)
        return scripted

    @classmethod
    def of_writes(
        cls,
        rate: float,
        *,
        seed: int = 1,
        retry_after: float = 1,
        drip: float = 2.0,
        late: float = 0.3,
        storm: float = 0.2,
        match: str | re.Pattern[str] | None = None,
    ) -> Self:
        """Draw from `WRITE_FAULTS`, all that makes it hard to create something exactly once.

        The options and errors are those of the class.
        """
        return cls(
            rate, WRITE_FAULTS, seed=seed, retry_after=retry_after, drip=drip, late=late, storm=storm, match=match
        )

    @classmethod
    def of(cls, faults: "Faults | float | Sequence[Fault | str | None] | None") -> "Faults | None":
        """Take what `Emulator(faults=...)` takes: ready `Faults`, a rate, a list for a script, or None."""
        if faults is None or isinstance(faults, Faults):
            return faults
        if isinstance(faults, Sequence):
            return cls.script(faults)
        return cls(faults)

    def draw(self, method: str, target: str) -> Fault | None:
        """Say what happens to the request that has just arrived, `target` being its path with the query."""
        if self.match is not None and not _matches(self.match, f"{method} {target}"):
            return None
        if time.monotonic() < self._storm_end:
            return Fault.TOO_MANY_REQUESTS_STORM
        fault = next(self._script, None) if self._script is not None else self._draw_kind(method)
        if fault is Fault.TOO_MANY_REQUESTS_STORM:
            self._storm_end = time.monotonic() + self.storm
        return fault

    def _draw_kind(self, method: str) -> Fault | None:
        if self._random.random() >= self.rate:
            return None
        kinds = self._of_gets if method == "GET" else self._of_writes
        return self._random.choice(kinds) if kinds else None


def _known(kinds: Iterable[Fault | str]) -> tuple[Fault, ...]:
    if isinstance(kinds, str):
        raise TypeError(f"kinds is a list of faults: [{str(kinds)!r}].")
    try:
        return tuple(Fault(kind) for kind in kinds)
    except ValueError as error:
        raise ValueError(f"{error}; the faults are {', '.join(Fault)}.") from None


def _matches(match: str | re.Pattern[str], request_line: str) -> bool:
    if isinstance(match, str):
        return match in request_line
    return match.search(request_line) is not None
