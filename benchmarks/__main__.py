"""Runs the benchmarks, prints their results, saves them in `results.json`, and writes the README from them."""

import argparse
import contextlib
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import FrameType

from benchmarks import document
from benchmarks.measuring import QUICK, Listing, Measurement, Options, in_this_process, table
from benchmarks.results import BENCHMARKS, Results, Section, circumstances, load, save

#: Seconds after which a benchmark is stopped, so that the others run if it hangs.
LIMIT = 400


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the named benchmarks, or all of them.

    Raises:
        SystemExit: A benchmark failed. The results of the others are kept, and so are its own earlier ones.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--rounds", type=int, default=Options().rounds, help="how often each contender runs")
    parser.add_argument("--latencies", type=_latencies, help="seconds, such as 0,0.05; by default each has its own")
    parser.add_argument("--quick", action="store_true", help="a moment's worth of everything; nothing is kept")
    given = parser.parse_args(arguments)
    if unknown := set(given.names).difference(BENCHMARKS):
        parser.error(f"there is no benchmark {min(unknown)!r}")
    names = given.names or BENCHMARKS
    if given.quick:
        with in_this_process():
            for name in names:
                for one in _found(name, QUICK):
                    print(f"\n{table(one)}", flush=True)
        return
    results = _begin(shlex.join(["python", "-m", "benchmarks", *arguments]), is_whole=set(names) == set(BENCHMARKS))
    failed = []
    for name in names:
        section = _run(name, Options(given.rounds, given.latencies))
        failed += [name] if section.failure else []
        if results is not None:
            # After each benchmark, so that nothing is lost if the next one is stopped.
            results = results.plus(name, section)
            save(results)
    if results is not None:
        document.main()
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _latencies(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split(",")))


def _begin(command: str, *, is_whole: bool) -> Results | None:
    """Return the results to which this run is added; `None` if its figures can't be compared with them."""
    now, before = circumstances(command), None if is_whole else load()
    if now.is_busy:
        print(f"The machine is busy (load {now.load}): figures of a quiet one are better.", file=sys.stderr)
    if before is None:
        return Results(now, {})
    if now.same_as(before.circumstances):
        return before._replace(
            circumstances=before.circumstances._replace(commands=[*before.circumstances.commands, command])
        )
    print(
        f"What follows is shown and not kept: results.json is of commit {before.circumstances.commit}, and this is "
        f"commit {now.commit}, another machine, or other versions. Run all benchmarks, or remove results.json first.",
        file=sys.stderr,
    )
    return None


def _run(name: str, options: Options) -> Section:
    started, found, failure = time.monotonic(), [], None
    try:
        with _limited(LIMIT):
            for one in _found(name, options):
                print(f"\n{table(one)}", flush=True)
                found.append(one)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the others must run nevertheless
        traceback.print_exc()
        failure = (f"{type(error).__name__}: {error}".splitlines() or [""])[0]
    took = time.monotonic() - started
    print(f"\n{name} took {took:.0f} s", flush=True)
    return Section(found, took, failure)


def _found(name: str, options: Options) -> Iterator[Measurement | Listing]:
    found: Iterator[Measurement | Listing] = import_module(f"benchmarks.{name}").measure(options)
    return found


@contextlib.contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """Raise `TimeoutError` in the block after some seconds, if the system has alarms."""

    def over(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"it took more than {seconds} s")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


if __name__ == "__main__":
    main()
