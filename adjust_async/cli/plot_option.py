"""`--plot FILE`: a chart beside the figures."""

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
    """Check, before anything is asked for, that a chart can be drawn.

    Raises:
        UsageError: The file is of another kind, or can't be written.
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
    """Draw the figures of a table into a file, whole or not at all.

    Args:
        run: The command.
        path: The file, if a chart is wanted.
        table: The figures.
        days: The days asked for, in words.
        currency: That of money; by default what the rows say.
        unit: What the periods of cohorts count.
    """
    if path is None:
        return
    figures = Figures.of(table, unit=unit)
    if not figures.rows or not figures.measures:
        run.tell(f"There are no figures to draw: {path} was not written.")
        return
    from adjust_async.cli.charts import draw_chart  # which takes half a second

    with whole_file(path) as file:
        draw_chart(figures, file, path.suffix.lower()[1:], currency=currency or figures.currency, days=days)
