"""`adjust-async emulator`: the emulator as a server of its own."""

import sqlite3
from pathlib import Path
from typing import Annotated

import typer

from adjust_async.emulator import Emulator

__all__ = ["emulator"]


def emulator(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 picks a free one.", min=0, max=65535)] = 8080,
    db: Annotated[
        Path | None, typer.Option(help="SQLite file that keeps the account; without one it is gone at the end.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same account.")] = 1,
    apps: Annotated[int, typer.Option(help="Number of apps.", min=1)] = 5,
    trackers_per_app: Annotated[int, typer.Option(help="Number of trackers in each app.", min=0)] = 400,
    facts_per_day: Annotated[int, typer.Option(help="Number of facts of each app and day, behind KPIs.", min=0)] = 40,
    latency: Annotated[float, typer.Option(help="Seconds before each answer.", min=0)] = 0.0,
    page_size: Annotated[int, typer.Option(help="Items on a page without `limit`.", min=1, max=1000)] = 50,
    fault_rate: Annotated[float, typer.Option(help="Share of the requests that fail.", min=0, max=1)] = 0.0,
    token: Annotated[
        str | None, typer.Option(help="API token to accept; without one the seed or the file has it.")
    ] = None,
) -> None:
    """Serve Adjust's Campaign API, KPI Service and Report Service on 127.0.0.1 until Ctrl-C."""
    try:
        Emulator(
            port=port,
            database=":memory:" if db is None else db,
            seed=seed,
            token=token,
            apps=apps,
            trackers_per_app=trackers_per_app,
            facts_per_day=facts_per_day,
            latency=latency,
            page_size=page_size,
            faults=fault_rate,
        ).run(_announce)
    except (OSError, ValueError, sqlite3.Error) as error:
        typer.echo(f"The emulator could not start: {error}", err=True)
        raise typer.Exit(1) from error


def _announce(emulator: Emulator) -> None:
    typer.echo(f"url: {emulator.url}")
    typer.echo(f"token: {emulator.token}")
    typer.echo(f"app tokens: {' '.join(emulator.app_tokens)}")
