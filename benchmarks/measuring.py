"""Times contenders: each run is in its own process, and the results of all contenders are compared."""

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
        wall: Its duration in seconds.
        cpu: Seconds of CPU time of its process.
        memory: The growth of its process's peak memory in bytes.
        server: Seconds of CPU time of the server's process meanwhile; `None` if that is unknown.
        stop: The longest time, in seconds, for which its event loop served nothing else; `None` if nobody watched.
    """

    wall: float
    cpu: float
    memory: int
    server: float | None = None
    stop: float | None = None


class Watched(NamedTuple):
    """The result of a `work` that watched its event loop: its own result, and the longest stop in seconds."""

    found: Any
    stop: float


class Contender(NamedTuple):
    """One way to do a job.

    Attributes:
        name: What the tables call it.
        work: A function at the top level of a module. Its result, or the `summary` of it, is compared, so it must be
            small and picklable. It imports what it needs itself, so that other processes don't.
        share: 1 for all of the work; n for one n-th of it, if all would take too long.
        needs: The module that it needs to take part.
    """

    name: str
    work: Callable[..., Any]
    share: int = 1
    needs: str = "adjust_async"


class Measurement(NamedTuple):
    """The results of one benchmark at one setting: the source of tables and charts.

    Attributes:
        benchmark: Its name, as in `python -m benchmarks NAME`.
        title: What was done.
        unit: The unit of work for CPU time, such as `page`.
        requests: The number of units for a contender with all of the work.
        latency: Seconds that the server waits before each answer; `None` without a server.
        ideal: Seconds that all of the work takes at best; `None` if nothing limits it.
        runs: For each contender, its share and its runs.
    """

    benchmark: str
    title: str
    unit: str
    requests: int
    latency: float | None
    ideal: float | None
    runs: Mapping[str, tuple[int, Sequence[Run]]]


class Listing(NamedTuple):
    """The results of a benchmark without a race: a table of its own, with formatted numbers."""

    benchmark: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


#: From this ideal on, in seconds, one round is enough, because nearly all of the time is latency.
LONG = 5.0


class Options(NamedTuple):
    """How thoroughly to measure.

    Attributes:
        rounds: The number of runs of each contender.
        latencies: Seconds; `None` for the benchmark's own.
        quick: Whether to do only a moment's work.
    """

    rounds: int = 3
    latencies: Sequence[float] | None = None
    quick: bool = False

    def latencies_or(self, own: Sequence[float]) -> Sequence[float]:
        """Return the requested latencies, or else the benchmark's own."""
        return own if self.latencies is None else self.latencies

    def rounds_of(self, ideal: float) -> int:
        """Return the number of rounds for a job that takes `ideal` seconds at best."""
        return 1 if ideal > LONG else self.rounds


#: A moment of everything.
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
    """Let every contender whose package is installed do the work, one after the other in each round.

    Args:
        contenders: The contenders.
        arguments: Returns the arguments for a contender's `work`.
        rounds: The number of runs of each contender.
        expected: Returns the result that a contender must have.
        warm_up: The arguments for a call before the clock starts, so that no import is measured.
        summary: Returns what is compared of a result, such as `digest`. It is called after the clock has stopped.
        server: A process whose CPU time is measured too.

    Raises:
        SystemExit: A contender had another result.
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
    """Return the number of rows and a hash of all their cells, regardless of their order."""
    lines = sorted(map(repr, rows))
    return f"{len(lines)} rows, {hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:16]}"


#: Whether contenders run in this process, so that their times mean nothing.
_together = False


@contextmanager
def in_this_process() -> Iterator[None]:
    """Start no processes in the block, for tests that only need right results."""
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
    """Call `work(*arguments)` in a new process. Return its result, or the `summary` of it, and its `Run`."""
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
    """Return the CPU time of a process so far, in seconds with two decimals; `None` if the system does not show it."""
    if process is None or sys.platform != "linux":
        return None
    # The name in brackets may contain spaces; user and system time are fields 14 and 15.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak() -> int:
    """Return the peak memory of this process in bytes; 0 if the system does not show it."""
    return _status("VmHWM:")


def _forget_peak() -> int:
    """Reset the peak, if the system supports it. Return the current memory in bytes."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS:")


def _status(key: str) -> int:
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/status").read_text().partition(key)[2].split()[0]) * 1024


#: The columns of tables, with their headings.
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
    """Return the figures of a contender by the names of `COLUMNS`, without those that make no sense here."""
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
    """Return a measurement as a table, with a row for each contender."""
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
    """Return the name of a contender, with its share of the work."""
    share, _ = measurement.runs[contender]
    return contender if share == 1 else f"{contender} (1/{share} of it)"


def table(found: Measurement | Listing) -> str:
    """Return results as text."""
    listing = found if isinstance(found, Listing) else listed(found)
    lines = [listing.columns, *listing.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))])
        for first, *cells in lines
    ]
    return "\n".join([listing.title, *text, *([listing.note] if listing.note else [])])


def spread(values: Sequence[float]) -> str:
    """Return the median as text, with the lowest and highest in brackets if there are several."""
    median = amount(statistics.median(values))
    return median if len(values) == 1 else f"{median} ({amount(min(values))}–{amount(max(values))})"


def amount(value: float) -> str:
    """Return a number as text: three significant digits or all of its integer digits, and at most four decimals."""
    if value == 0:
        return "0"
    decimals = 4 if abs(value) < 1e-2 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def as_json(found: Sequence[Measurement | Listing]) -> str:
    """Return results as a document that `from_json` reads, with a line for each table."""
    return "[\n" + ",\n".join(json.dumps(one._asdict(), ensure_ascii=False) for one in found) + "\n]"


def from_json(document: str) -> list[Measurement | Listing]:
    """Read a document of `as_json`."""
    return [_read(fields) for fields in json.loads(document)]


def _read(fields: dict[str, Any]) -> Measurement | Listing:
    if "columns" in fields:
        return Listing(**fields)
    runs = {name: (share, [Run(*run) for run in runs]) for name, (share, runs) in fields["runs"].items()}
    return Measurement(**{**fields, "runs": runs})
