"""The option `--plot FILE`, which also draws a chart of the figures."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from adjust_async import Table
from adjust_async.cli.errors import UsageError
from adjust_async.cli.figures import Figures
from adjust_async.cli.run import Run
from adjust_async.cli.whole_file import check_place, whole_file

__all__ = ["PlotOption", "check_plot", "write_plot"]

PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", show_default=False, help="Also draw a chart: .png or .svg (extra plot)."),
]


def check_plot(path: Path | None) -> None:
    """Check that a chart can be drawn, before anything is requested.

    Raises:
        UsageError: The file has another suffix, or can't be written.
        ModuleNotFoundError: matplotlib is not installed.
    """
    if path is None:
        return
    check_place(path, "--plot")
    if path.suffix.lower() not in {".png", ".svg"}:
        raise UsageError(f"--plot {str(path)!r}: pass a file that ends in .png or .svg")
    if find_spec("matplotlib") is None:
        raise ModuleNotFoundError("matplotlib is not installed", name="matplotlib")


def write_plot(run: Run, path: Path | None, table: Table, *, days: str, currency: str = "", unit: str = "day") -> None:
    """Draw the figures of a table as a chart, and write it to a file atomically.

    Args:
        run: The command.
        path: The file; `None` draws nothing.
        table: The figures.
        days: The requested days, for the title.
        currency: The currency of money; by default that of the rows.
        unit: The unit of cohort periods.
    """
    if path is None:
        return
    figures = Figures.of(table, unit=unit)
    if not figures.rows or not figures.measures:
        run.tell(f"There are no figures to draw: {path} was not written.")
        return
    from adjust_async.cli.charts import draw_chart  # importing it takes half a second

    with whole_file(path) as file:
        draw_chart(figures, file, path.suffix.lower()[1:], currency=currency or figures.currency, days=days)
