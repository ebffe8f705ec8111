"""Runs the benchmarks, prints what they find, keeps it in `results.json`, and renders the README of it."""

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module

from benchmarks import document
from benchmarks.measuring import QUICK, Listing, Measurement, Options, in_this_process, table
from benchmarks.results import BENCHMARKS, Section, circumstances, load, save


def main(arguments: Sequence[str] | None = None) -> None:
    """Run those that are named, or all."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--rounds", type=int, default=Options().rounds, help="how often each contender runs")
    parser.add_argument("--latencies", type=_latencies, default=Options().latencies, help="seconds, such as 0,0.05")
    parser.add_argument("--quick", action="store_true", help="a moment's worth of everything; nothing is kept")
    given = parser.parse_args(arguments)
    if unknown := set(given.names).difference(BENCHMARKS):
        parser.error(f"there is no benchmark {min(unknown)!r}")
    options = QUICK if given.quick else Options(given.rounds, given.latencies)
    command = shlex.join(["python", "-m", "benchmarks", *arguments])
    for name in given.names or BENCHMARKS:
        with in_this_process() if options.quick else nullcontext():
            found = _run(name, options)
        if not options.quick:
            # After each benchmark, so that a failure of the next one loses nothing.
            save({**load(), name: Section(circumstances(command), found)})
    if not options.quick:
        document.main()


def _latencies(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split(",")))


def _run(name: str, options: Options) -> list[Measurement | Listing]:
    started = time.monotonic()
    found = []
    for one in import_module(f"benchmarks.{name}").measure(options):
        print(f"\n{table(one)}", flush=True)
        found.append(one)
    print(f"\n{name} took {time.monotonic() - started:.0f} s", flush=True)
    return found


if __name__ == "__main__":
    main()
