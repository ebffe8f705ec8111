"""Timing contenders side by side: each run in a process of its own, and what the contenders find compared."""

import gc
import hashlib
import json
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple


class Run(NamedTuple):
    """One run.

    Attributes:
        wall: Seconds that it took.
        cpu: Seconds of CPU that its process took.
        memory: Bytes that the peak of its process's memory grew by.
        server: Seconds of CPU that the server's process took meanwhile; `None` if that is unknown.
        stop: The longest time, in seconds, for which its event loop served nothing else; `None` if nobody watched.
    """

    wall: float
    cpu: float
    memory: int
    server: float | None = None
    stop: float | None = None


class Watched(NamedTuple):
    """What `work` returns where it watched its event loop: what it found, and the longest stop in seconds."""

    found: Any
    stop: float


class Contender(NamedTuple):
    """One way to do a job.

    Attributes:
        name: What the tables call it.
        work: A function of a module's top level. Its result, or what a `summary` makes of it, is compared, and so
            is small and can be pickled. What it needs it imports itself: the processes of others are then without it.
        share: How much of the work it is given: all of it, or one part in so many where all would take too long.
        needs: The module without which it can't take part.
    """

    name: str
    work: Callable[..., Any]
    share: int = 1
    needs: str = "adjust_async"


class Measurement(NamedTuple):
    """What one benchmark found at one setting: the source of tables and charts.

    Attributes:
        benchmark: Its name, as `python -m benchmarks NAME` takes it.
        title: What was done.
        unit: What CPU time is given a piece of, such as `page`.
        requests: How many of those a contender with all of the work does.
        latency: Seconds that the server waits before each answer; `None` without a server.
        ideal: Seconds that all of the work takes at best; `None` where nothing sets a limit.
        runs: Of each contender, its share and its runs.
    """

    benchmark: str
    title: str
    unit: str
    requests: int
    latency: float | None
    ideal: float | None
    runs: Mapping[str, tuple[int, Sequence[Run]]]


class Listing(NamedTuple):
    """What one benchmark found without a race: a table of its own, with numbers formatted to be shown."""

    benchmark: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


#: Seconds of the ideal from which on there is one round: there is little but latency in it.
LONG = 5.0


class Options(NamedTuple):
    """How thoroughly to measure.

    Attributes:
        rounds: How often each contender runs.
        latencies: Seconds; `None` for those that a benchmark has of its own.
        quick: Whether a moment's worth of work is enough.
    """

    rounds: int = 3
    latencies: Sequence[float] | None = None
    quick: bool = False

    def latencies_or(self, own: Sequence[float]) -> Sequence[float]:
        """Return the latencies asked for, or those of the benchmark."""
        return own if self.latencies is None else self.latencies

    def rounds_of(self, ideal: float) -> int:
        """Return the rounds of a job that takes so many seconds at best."""
        return 1 if ideal > LONG else self.rounds


#: A moment's worth of everything.
QUICK = Options(rounds=1, latencies=(0.005,), quick=True)


def side_by_side(
    contenders: Sequence[Contender],
    arguments: Callable[[Contender], tuple[Any, ...]],
    *,
    rounds: int,
    expected: Callable[[Contender], Any],
    warm_up: tuple[Any, ...] | None = None,
    summary: Callable[[Any], Any] | None = None,
    server: int | None = None,
) -> dict[str, tuple[int, list[Run]]]:
    """Let every contender whose package is there do the work, round by round in turn.

    Args:
        contenders: Who takes part.
        arguments: Returns what a contender's `work` is called with.
        rounds: How often.
        expected: Returns what a contender must find.
        warm_up: What `work` is called with once before its clock starts, so that no import is measured.
        summary: Makes what can be compared of what `work` gave, after its clock has stopped; such as `digest`.
        server: The process whose CPU time is measured too.

    Raises:
        SystemExit: A contender found something else.
    """
    there = [contender for contender in contenders if _there(contender)]
    runs: dict[str, tuple[int, list[Run]]] = {contender.name: (contender.share, []) for contender in there}
    for _ in range(rounds):
        for contender in there:
            found, run = alone(contender.work, *arguments(contender), warm_up=warm_up, summary=summary, server=server)
            if found != (right := expected(contender)):
                raise SystemExit(f"{contender.name} found {found!r}, where {right!r} is right")
            runs[contender.name][1].append(run)
    return runs


def _there(contender: Contender) -> bool:
    there = find_spec(contender.needs) is not None
    if not there:
        print(f"{contender.name} takes no part: the module {contender.needs} is not installed", file=sys.stderr)
    return there


def digest(rows: Iterable[tuple[Any, ...]]) -> str:
    """Return the number of rows and a hash over all of their cells, whatever order they came in."""
    lines = sorted(map(repr, rows))
    return f"{len(lines)} rows, {hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:16]}"


#: Whether contenders run in this process, where nothing is measured in earnest.
_together = False


@contextmanager
def in_this_process() -> Iterator[None]:
    """Save the time of starting processes, where it is enough that every contender finds what is right."""
    global _together
    _together = True
    try:
        yield
    finally:
        _together = False


def alone(
    work: Callable[..., Any],
    *arguments: Any,
    warm_up: tuple[Any, ...] | None = None,
    summary: Callable[[Any], Any] | None = None,
    server: int | None = None,
) -> tuple[Any, Run]:
    """Call `work(*arguments)` in a new process; return its result, or the `summary` of it, and its `Run`."""
    if _together:
        return _measured(work, arguments, warm_up, summary, server)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_send, args=(theirs, work, arguments, warm_up, summary, server))
    process.start()
    theirs.close()
    try:
        found, run = ours.recv()
    except EOFError:
        raise SystemExit(f"{work.__module__}.{work.__qualname__} failed") from None
    except BaseException:
        process.kill()
        raise
    finally:
        process.join()
    return found, run


def _send(result: Connection, *arguments: Any) -> None:
    result.send(_measured(*arguments))


def _measured(
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
    warm_up: tuple[Any, ...] | None,
    summary: Callable[[Any], Any] | None,
    server: int | None,
) -> tuple[Any, Run]:
    if warm_up is not None:
        work(*warm_up)
    gc.collect()
    memory, busy = _forget_peak(), _cpu_of(server)
    wall, cpu = time.perf_counter(), time.process_time()
    found = work(*arguments)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    served = None if busy is None else round((_cpu_of(server) or busy) - busy, 6)
    grown, stop = _peak() - memory, None
    if isinstance(found, Watched):
        found, stop = found
    run = Run(round(wall, 6), round(cpu, 6), grown, served, None if stop is None else round(stop, 6))
    return (found if summary is None else summary(found)), run


def _cpu_of(process: int | None) -> float | None:
    """Return the seconds of CPU that a process took so far, to the hundredth, where the system tells."""
    if process is None or sys.platform != "linux":
        return None
    # Its name stands in brackets and may hold spaces; user and system time are the 14th and 15th field.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak() -> int:
    """Return the most memory that this process had, in bytes; 0 where the system does not tell."""
    return _status("VmHWM:")


def _forget_peak() -> int:
    """Let the peak begin anew, where the system can; return the memory of this moment."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS:")


def _status(key: str) -> int:
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/status").read_text().partition(key)[2].split()[0]) * 1024


#: What tables show of each contender, by name, with its column's heading.
COLUMNS = {
    "wall": "Wall time, s",
    "ratio": "Times the ideal",
    "cpu": "CPU per {unit}, ms",
    "rate": "{Unit}s per second",
    "memory": "Memory, MB",
    "server": "Server busy, %",
    "stop": "Longest stop of the loop, ms",
}


def figures(measurement: Measurement, contender: str) -> dict[str, list[float]]:
    """Return what a contender's runs come to, by the names of `COLUMNS`: without those that make no sense here."""
    share, runs = measurement.runs[contender]
    pieces = measurement.requests / share
    found = {
        "wall": [run.wall for run in runs],
        "cpu": [run.cpu / pieces * 1000 for run in runs],
        "memory": [run.memory / 1e6 for run in runs],
    }
    if measurement.ideal:
        found["ratio"] = [run.wall * share / measurement.ideal for run in runs]
    if pieces > 1:
        found["rate"] = [pieces / run.wall for run in runs]
    served = [run.server / run.wall * 100 for run in runs if run.server is not None]
    if served:
        found["server"] = served
    stops = [run.stop * 1000 for run in runs if run.stop is not None]
    if stops:
        found["stop"] = stops
    return found


def listed(measurement: Measurement) -> Listing:
    """Make a table of a measurement: a row for each contender."""
    of_contenders = {name: figures(measurement, name) for name in measurement.runs}
    unit = measurement.unit
    columns = [column for column in COLUMNS if any(column in found for found in of_contenders.values())]
    headings = [COLUMNS[column].format(unit=unit, Unit=unit.capitalize()) for column in columns]
    rows = [
        [named(measurement, name), *(spread(found[column]) if column in found else "" for column in columns)]
        for name, found in of_contenders.items()
    ]
    latency = "" if measurement.latency is None else f", {measurement.latency * 1000:g} ms of latency"
    ideal = f", {amount(measurement.ideal)} s at best" if measurement.ideal else ""
    return Listing(measurement.benchmark, f"{measurement.title}{latency}{ideal}", ["", *headings], rows)


def named(measurement: Measurement, contender: str) -> str:
    """Name a contender, with the share of the work that it was given."""
    share, _ = measurement.runs[contender]
    return contender if share == 1 else f"{contender} (1/{share} of it)"


def table(found: Measurement | Listing) -> str:
    """Show what was found as text."""
    listing = found if isinstance(found, Listing) else listed(found)
    lines = [listing.columns, *listing.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))])
        for first, *cells in lines
    ]
    return "\n".join([listing.title, *text, *([listing.note] if listing.note else [])])


def spread(values: Sequence[float]) -> str:
    """Show the median, with the lowest and highest in brackets if there are several."""
    median = amount(statistics.median(values))
    return median if len(values) == 1 else f"{median} ({amount(min(values))}–{amount(max(values))})"


def amount(value: float) -> str:
    """Show a number with three digits that count, or all of its whole ones; four decimals at most."""
    if value == 0:
        return "0"
    decimals = 4 if abs(value) < 1e-2 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def as_json(found: Sequence[Measurement | Listing]) -> str:
    """Return what was found as a document that `from_json` reads, with a line for each table."""
    return "[\n" + ",\n".join(json.dumps(one._asdict(), ensure_ascii=False) for one in found) + "\n]"


def from_json(document: str) -> list[Measurement | Listing]:
    """Read what `as_json` gave."""
    return [_read(fields) for fields in json.loads(document)]


def _read(fields: dict[str, Any]) -> Measurement | Listing:
    if "columns" in fields:
        return Listing(**fields)
    runs = {name: (share, [Run(*run) for run in runs]) for name, (share, runs) in fields["runs"].items()}
    return Measurement(**{**fields, "runs": runs})
