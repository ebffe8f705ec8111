"""Progress of long calls: the hook that `on_progress` takes, and a progress bar to pass to it.

    with adjust_async.progress.bar() as on_progress:
        report = await adjust.reports.fetch(..., on_progress=on_progress)

The bar needs the extra `progress`.
"""

import time
import weakref
from collections.abc import Callable
from inspect import iscoroutinefunction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from adjust_async._checks import shown
from adjust_async.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["Bar", "OnProgress", "bar", "check_on_progress"]

OnProgress: TypeAlias = Callable[[int, int | None, str], object]
"""Called in the event loop with the amount done, the total (`None` if unknown), and what was done last."""

#: Seconds between two updates of the bar.
UPDATE_INTERVAL = 0.1


def check_on_progress(hook: OnProgress | None) -> OnProgress | None:
    """Return the hook if it is a plain function or `None`.

    Raises:
        ConfigurationError: It is something else, such as a coroutine function.
    """
    given: object = hook
    is_async = any(map(iscoroutinefunction, (given, getattr(given, "__call__", None))))  # noqa: B004
    if given is not None and (not callable(given) or is_async):
        raise ConfigurationError(f"on_progress is {shown(given)}: pass a plain function of done, total and what")
    return hook


class Bar:
    """A progress bar to pass as `on_progress`; `bar` makes one.

    As a context manager it stops at the end of the block. Otherwise it stops when everything is done, or when it is
    garbage-collected.
    """

    def __init__(self, make: "Callable[[], Progress]", description: str | None) -> None:
        self._make = make
        self._description = description
        self._progress: Progress | None = None
        self._task: Any = None
        self._end: weakref.finalize[..., Any] | None = None
        self._drawn = 0.0

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Update the bar, at most ten times a second."""
        ended = total is not None and done >= total
        if self._progress is None:
            self._progress = self._make()
            self._task = self._progress.add_task(self._description or what, total=total)
            self._end = weakref.finalize(self, self._progress.stop)
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total, description=self._description or what)
        if ended or time.monotonic() - self._drawn > UPDATE_INTERVAL:
            self._drawn = time.monotonic()
            self._progress.refresh()
        if ended:
            self.stop()

    def stop(self) -> None:
        """Stop the bar and leave its last state on the screen. The next call starts another one."""
        if self._end is not None:
            self._end()
        self._progress = self._end = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def bar(description: str | None = None, *, console: "Console | None" = None) -> Bar:
    """Return a progress bar for `on_progress=`, in a terminal or a notebook (extra `progress`).

    Args:
        description: The text before the bar. Default: what was done last.
        console: The `rich.console.Console` to draw on. Default: stderr, or the notebook's cell.

    Returns:
        A callable that takes `done`, `total` and `what`; it is also a context manager.

    Raises:
        ConfigurationError: rich is not installed.
    """
    try:
        import rich.progress as of_rich
        from rich.console import Console
    except ImportError:
        raise ConfigurationError("rich is not installed: pip install 'adjust_async[progress]'") from None

    def make() -> "Progress":
        columns = (
            of_rich.TextColumn("{task.description}", markup=False),
            of_rich.BarColumn(),
            of_rich.MofNCompleteColumn(),
            of_rich.TimeElapsedColumn(),
        )
        # rich's own refresh thread would outlive a bar that nobody stops.
        return of_rich.Progress(*columns, console=console or Console(stderr=True), auto_refresh=False)

    return Bar(make, description)
