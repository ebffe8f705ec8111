"""The commands of `adjust-async`."""

import asyncio

import typer
from rich.console import Console

from adjust_async.cli import demo as demonstration
from adjust_async.cli.emulator import emulator

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def adjust_async() -> None:
    """Work with Adjust from the shell."""


@app.command()
def demo() -> None:
    """Walk and roll out trackers, and ask for figures, on the built-in emulator; show what happened."""
    asyncio.run(demonstration.run(Console()))


app.command()(emulator)
