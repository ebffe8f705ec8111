"""All commands of `adjust-async`."""

import asyncio
import inspect
from typing import Annotated, Any

import typer

from adjust_async import __version__
from adjust_async.cli import doctor, kpis, lists, provision, report, sync, trackers
from adjust_async.cli.client_options import CLIENT_FLAGS
from adjust_async.cli.command import Root, group
from adjust_async.cli.emulator import emulator
from adjust_async.cli.flags import arguments, parameters

__all__ = ["app"]

EXAMPLES = """\
  adjust-async apps
  adjust-async trackers tree yxs12pfewq
  adjust-async report --dimensions day --metrics installs --date-period -7d:-1d
  adjust-async COMMAND --help

The API token comes from ADJUST_API_TOKEN, user_token in ~/.adjustrc, or a prompt.
Options may also be set as ADJUST_API_URL etc., or in ~/.adjustrc."""

app = typer.Typer(cls=Root, rich_markup_mode=None, no_args_is_help=True, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"adjust-async {__version__}")
        raise typer.Exit


def _root(ctx: typer.Context, **values: Any) -> None:
    """Work with Adjust from the shell."""
    ctx.obj = arguments(CLIENT_FLAGS, values)


_VERSION = inspect.Parameter(
    "version",
    inspect.Parameter.KEYWORD_ONLY,
    annotation=Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ],
    default=False,
)
_CONTEXT = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
_root.__signature__ = inspect.Signature([_CONTEXT, *parameters(CLIENT_FLAGS), _VERSION])  # type: ignore[attr-defined]
_root.__annotations__ = {}
app.callback(epilog=EXAMPLES)(_root)

lists.register(app)
_trackers = group(app, "trackers", "List, draw, find, create and roll out trackers.")
trackers.register(_trackers)
provision.register(_trackers)
kpis.register(group(app, "kpis", "Ask the KPI Service for figures."))
report.register(app)
sync.register(app)
doctor.register(app)
app.command()(emulator)


@app.command()
def demo() -> None:
    """Show the SDK at work on the built-in emulator."""
    from rich.console import Console

    from adjust_async.cli import demo as demonstration

    asyncio.run(demonstration.run(Console()))
