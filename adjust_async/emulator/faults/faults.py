"""Chooses the fault of each request: at random with a seed, or by a script."""

import math
import random
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, Self, TypedDict, Unpack

from adjust_async.emulator.faults.kinds import (
    ANSWER_FAULTS,
    LIST_DELAYS,
    LIST_FAULTS,
    RECOVERABLE_FAULTS,
    WRITE_FAULTS,
    Fault,
)

_OF_WRITES = LIST_DELAYS | ANSWER_FAULTS


class FaultOptions(TypedDict, total=False):
    """The options of `Faults`, which documents them."""

    retry_after: float
    retry_after_form: Literal["seconds", "date"]
    drip: float
    late: float
    storm: float
    match: str | re.Pattern[str] | None


_DOCUMENTED = frozenset({"rate", "only", "script", "seed", *FaultOptions.__annotations__})


class Faults:
    """Random faults, with the probability `rate` for each request, drawn with `seed` in order of arrival.

    `kinds` are equally probable; by default `RECOVERABLE_FAULTS`. Those in `LIST_FAULTS` are drawn only for GET
    requests, and those in `LIST_DELAYS` and `ANSWER_FAULTS` only for others.

    The options, in seconds except for the last two: `retry_after` (default 1) is the value of `Retry-After`, `drip` (2)
    the duration of a dripping body, `late` (0.3) the delay of late work and lagging lists, and `storm` (0.2) the
    duration of a storm; requests that a storm refuses are not drawn for. `retry_after_form="date"` sends `Retry-After`
    as an HTTP date. `match` limits the faults, including storms, to requests whose `"METHOD /path?query"` contains the
    text or matches the compiled pattern; other requests are neither affected nor drawn for.

    Raises `ValueError` for a rate outside of 0 to 1, an unknown kind (naming the valid ones), no kinds, negative
    seconds, and an unknown `retry_after_form`; `TypeError` for a string instead of a list.
    """

    def __init__(
        self,
        rate: float,
        kinds: Iterable[Fault | str] | None = None,
        *,
        seed: int = 1,
        **options: Unpack[FaultOptions],
    ) -> None:
        if not 0 <= rate <= 1:
            raise ValueError(f"A fault rate is a share of the requests, from 0 to 1, not {rate!r}.")
        self.rate = rate
        self.kinds = RECOVERABLE_FAULTS if kinds is None else _known(kinds)
        if not self.kinds:
            raise ValueError("kinds is empty; leave it out for all recoverable faults, or set faults to None for none.")
        self._seed = seed
        self._options = options
        self._set_options(**options)
        self._of_gets = tuple(kind for kind in self.kinds if kind not in _OF_WRITES)
        self._of_writes = tuple(kind for kind in self.kinds if kind not in LIST_FAULTS)
        self._storm_end = -math.inf
        self._random = random.Random(seed)
        self._steps: Sequence[Fault | None] | None = None
        self._script: Iterator[Fault | None] | None = None

    @classmethod
    def script(cls, faults: Sequence[Fault | str | None], **options: Unpack[FaultOptions]) -> Self:
        """Return faults for each request in order of arrival: a kind, or None for a correct answer.

        After the end of the script every answer is correct. Options and errors are those of the class.
        """
        if isinstance(faults, str):
            raise TypeError(f"A script of faults is a list: [{str(faults)!r}].")
        steps = [None if fault is None else _known([fault])[0] for fault in faults]
        scripted = cls(0, **options)
        scripted._steps, scripted._script = steps, iter(steps)
        return scripted

    @classmethod
    def of_writes(cls, rate: float, *, seed: int = 1, **options: Unpack[FaultOptions]) -> Self:
        """Return faults drawn from `WRITE_FAULTS`, which make it hard to create something exactly once.

        Options and errors are those of the class.
        """
        return cls(rate, WRITE_FAULTS, seed=seed, **options)

    @classmethod
    def of_document(cls, document: object) -> "Faults | None":
        """Read JSON: a rate, `{"rate": 0.2, "only": ["429"]}`, or `{"script": ["500", null]}`.

        `seed` and the options are further keys. None and a rate of 0 mean no faults. Raises `ValueError`.
        """
        if document is None or isinstance(document, (int, float)):
            return cls(document) if document else None
        if not isinstance(document, dict):
            raise ValueError(f"Faults are a rate or an object, not {document!r}.")  # noqa: TRY004 # it is external input
        options = dict(document)
        strangers = options.keys() - _DOCUMENTED
        if strangers:
            raise ValueError(f"{', '.join(sorted(strangers))}: faults have {', '.join(sorted(_DOCUMENTED))}.")
        try:
            if "script" in options:
                return cls.script(options.pop("script"), **options)
            rate, kinds = options.pop("rate", 1), options.pop("only", None)
            return cls(rate, kinds, **options) if rate else None
        except TypeError as error:
            raise ValueError(str(error)) from None

    def from_start(self) -> "Faults":
        """Return the same faults from their start: a script from its first step, random ones from their seed."""
        if self._steps is not None:
            return Faults.script(self._steps, **self._options)
        return Faults(self.rate, self.kinds, seed=self._seed, **self._options)

    @classmethod
    def of(cls, faults: "Faults | float | Sequence[Fault | str | None] | None") -> "Faults | None":
        """Return the faults for `Emulator(faults=...)`: a `Faults`, a rate, a list for a script, or None."""
        if faults is None or isinstance(faults, Faults):
            return faults
        if isinstance(faults, Sequence):
            return cls.script(faults)
        return cls(faults)

    def describe(self) -> dict[str, object]:
        """Return the faults as an object for JSON."""
        if self._script is not None:
            return {"script": True}
        return {"rate": self.rate, "only": list(self.kinds)}

    def draw(self, method: str, target: str) -> Fault | None:
        """Return the fault of a request that has just arrived; `target` is its path with the query."""
        if self.match is not None and not _matches(self.match, f"{method} {target}"):
            return None
        if time.monotonic() < self._storm_end:
            return Fault.TOO_MANY_REQUESTS_STORM
        fault = next(self._script, None) if self._script is not None else self._draw_kind(method)
        if fault is Fault.TOO_MANY_REQUESTS_STORM:
            self._storm_end = time.monotonic() + self.storm
        return fault

    def _set_options(
        self,
        retry_after: float = 1,
        retry_after_form: Literal["seconds", "date"] = "seconds",
        drip: float = 2.0,
        late: float = 0.3,
        storm: float = 0.2,
        match: str | re.Pattern[str] | None = None,
    ) -> None:
        if min(retry_after, drip, late, storm) < 0:
            raise ValueError("retry_after, drip, late and storm are seconds and can not be negative.")
        if retry_after_form not in {"seconds", "date"}:
            raise ValueError(f'retry_after_form is "seconds" or "date", not {retry_after_form!r}.')
        self.retry_after = retry_after
        self.retry_after_form = retry_after_form
        self.drip = drip
        self.late = late
        self.storm = storm
        self.match = match

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
