"""Code shared by `kpis` and `report`: the columns shown in a terminal, and failed apps."""

from collections.abc import Mapping

import typer

from adjust_async import AdjustError, Table
from adjust_async.cli.errors import Status, tell
from adjust_async.cli.output import Sheet, sheet_of
from adjust_async.cli.run import Run

__all__ = ["finish", "readable_sheet"]


def readable_sheet(table: Table) -> Sheet:
    """Return a sheet of figures. In the terminal, names replace tokens if every row has them."""
    columns = list(table.columns)
    unnamed = {name for row in table.rows() for name in columns if name.endswith("_name") and row[name] is None}
    named = {name for name in columns if name.endswith("_name") and name not in unnamed}
    tokens = {f"{name.removesuffix('_name')}_token" for name in named}
    return sheet_of(table, shown=[name for name in columns if name not in tokens])


def finish(run: Run, failures: Mapping[str, AdjustError], asked: int) -> None:
    """Report the apps that failed.

    Raises:
        typer.Exit: An app failed.
    """
    if not failures:
        return
    lines = [f"{app}: {error}" for app, error in failures.items()]
    if len(lines) > 2 and not run.verbose:
        lines = [lines[0], f"{len(lines) - 1} more: {', '.join(list(failures)[1:])}"]
    tell(f"{len(failures)} of {asked} apps failed.", *lines)
    raise typer.Exit(Status.PARTLY_FAILED)
