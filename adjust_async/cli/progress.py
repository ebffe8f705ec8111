"""Progress bars on stderr: amount done, rate, and time left."""

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
    """Takes the amount done, the total (`None` if unknown) and what was done last, as `on_progress` does."""

    def __call__(self, done: int, whole: int | None, what: str = "", /) -> None:
        """Update the bar."""


class _Rate(ProgressColumn):
    """The number of items a second."""

    def render(self, task: Any) -> Text:
        """Show the rate."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.1f}/s")


@contextmanager
def progress(
    run: Run, description: str, total: int | None = None, *, size: bool = False, shown: bool = True
) -> Iterator[Report]:
    """Show a progress bar until the end of the block, if stderr is a terminal and `--quiet` is not set.

    Args:
        run: The command.
        description: The text before the bar.
        total: The total, if it is known at the start.
        size: Whether the amount is bytes.
        shown: `False` shows no bar at all.
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
    """Report each response that arrives, for calls that return only when they are complete."""
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
