"""Progress of long work, on stderr: what is done, how fast, and how long it will take."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import httpx
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from adjust_async import AsyncAdjust
from adjust_async.cli.run import Run

__all__ = ["Report", "count_answers", "progress"]


class Report(Protocol):
    """Told how much is done, and of how much; `None` where that is not known. It can be passed as `on_progress`."""

    def __call__(self, done: int, whole: int | None, what: str = "", /) -> None:
        """Show it."""


class _Rate(ProgressColumn):
    """How many are done a second."""

    def render(self, task: Any) -> Text:
        """Show the rate."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.1f}/s")


@contextmanager
def progress(
    run: Run, description: str, total: int | None = None, *, size: bool = False, shown: bool = True
) -> Iterator[Report]:
    """Show a bar until the end of the block, where stderr is a terminal and `--quiet` was not given.

    Args:
        run: The command.
        description: What is done.
        total: How much there is to do; may be told later.
        size: Whether bytes are counted.
        shown: Whether a bar is wanted at all.
    """
    if run.quiet or not shown or not run.err.is_terminal:
        yield lambda _, __, ___="": None
        return
    counts: tuple[ProgressColumn, ...] = (MofNCompleteColumn(), _Rate())
    if size:
        counts = (DownloadColumn(), TransferSpeedColumn())
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), *counts)
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=run.err, transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield lambda done, whole, _="": bar.update(task, completed=done, total=total if whole is None else whole)


@contextmanager
def count_answers(adjust: AsyncAdjust, told: Report, total: int | None) -> Iterator[None]:
    """Tell of each answer that arrives, for calls that return only when all are there."""
    done = 0

    async def count(response: httpx.Response) -> None:
        nonlocal done
        done += response.is_success
        told(done, total)

    hooks = adjust.http_client.event_hooks["response"]
    hooks.append(count)
    try:
        yield
    finally:
        hooks.remove(count)
