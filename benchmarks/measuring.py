"""Timing contenders side by side, and a table of what came out."""

import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple, Self


class Figure(NamedTuple):
    """One run: seconds of wall time and of this process's CPU."""

    wall: float
    cpu: float


class Stopwatch:
    """Measures what runs within `with`."""

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.figure = Figure(time.perf_counter() - self._wall, time.process_time() - self._cpu)


def report(title: str, figures: Mapping[str, Sequence[Figure]], *, requests: int, ideal: float, unit: str) -> None:
    """Print median, lowest and highest of each contender, wall time also as a ratio to the ideal, CPU a request."""
    rounds = max(map(len, figures.values()))
    packages = ", ".join(f"{name} {version(name)}" for name in ("httpx", "aiohttp"))
    print(f"{title}: ideal {ideal:.2f} s")
    print(f"Python {platform.python_version()}, {packages}; median (lowest-highest) of {rounds} rounds")
    print(f"{'':32} {'wall s':>22} {'ratio':>7} {'CPU ms a ' + unit:>22}")
    for name, runs in figures.items():
        walls, cpus = [run.wall for run in runs], [run.cpu / requests * 1000 for run in runs]
        ratio = f"{statistics.median(walls) / ideal:7.2f}" if ideal else f"{'-':>7}"
        print(f"{name:32} {_spread(walls):>22} {ratio} {_spread(cpus):>22}")


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
