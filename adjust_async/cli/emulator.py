"""The command `adjust-async emulator`, which serves the emulator until it is interrupted."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from adjust_async.cli.errors import Status

if TYPE_CHECKING:
    from adjust_async.emulator import Emulator

LOOPBACK = "127.0.0.1"


def emulator(
    host: Annotated[str, typer.Option(help="Address to bind; 0.0.0.0 for a container.")] = LOOPBACK,
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.", min=0, max=65535)] = 8080,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Host name by which others reach it, such as a container's; repeatable."),
    ] = None,
    db: Annotated[
        Path | None, typer.Option(help="SQLite file that keeps the account; without one it is lost at the end.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same account.")] = 1,
    apps: Annotated[
        str,
        typer.Option(
            help='Number of apps, or a JSON file: [{"token", "name", "currency", "trackers": [names]}, ...].',
            metavar="NUMBER|FILE",
        ),
    ] = "5",
    trackers_per_app: Annotated[
        int | None, typer.Option(help="Trackers generated for each app; 400, or 0 for apps of a file.", min=0)
    ] = None,
    facts_per_day: Annotated[
        int | None,
        typer.Option(help="Facts generated for each app and day; 40, or 0 for apps of a file.", min=0),
    ] = None,
    latency: Annotated[float, typer.Option(help="Seconds before each answer.", min=0)] = 0.0,
    page_size: Annotated[int, typer.Option(help="Items on a page without `limit`.", min=1, max=1000)] = 50,
    concurrency: Annotated[
        int | None, typer.Option(help="Concurrent requests the Campaign API allows; Adjust's limit is 50.", min=1)
    ] = None,
    faults: Annotated[
        str,
        typer.Option(
            help='Share of requests that fail, or JSON: {"rate": 0.2, "only": ["429"]}, {"script": ["500", null]}.',
            metavar="RATE|JSON",
        ),
    ] = "0",
    token: Annotated[
        str | None, typer.Option(help="API token to accept; without one the file's, or a random one.")
    ] = None,
) -> None:
    """Serve an emulated Adjust on this machine until Ctrl-C."""
    # Importing the server takes as long as everything else together, and only this command needs it.
    from adjust_async.cli.emulator_options import read_apps, read_json
    from adjust_async.emulator import Emulator, Faults

    try:
        given = read_apps(apps)
        Emulator(
            host=host,
            port=port,
            hosts=allow_host or [],
            database=":memory:" if db is None else db,
            seed=seed,
            token=token,
            apps=given.apps,
            trackers=given.trackers,
            trackers_per_app=trackers_per_app,
            facts_per_day=facts_per_day,
            latency=latency,
            page_size=page_size,
            concurrency=concurrency,
            faults=Faults.of_document(read_json("--faults", faults)),
        ).run(_announce)
    except (OSError, ValueError, sqlite3.Error) as error:
        typer.echo(f"The emulator could not start: {error}", err=True)
        raise typer.Exit(Status.WRONG_USAGE) from error


def _announce(emulator: "Emulator") -> None:
    typer.echo(f"url: {emulator.url}")
    typer.echo(f"token: {emulator.token}")
    typer.echo(f"app tokens: {' '.join(emulator.app_tokens)}")
    typer.echo(f"page: {emulator.url}/_emulator/#{quote(emulator.token, safe='')}")
    if emulator.is_exposed:
        typer.echo("Warning: other machines can reach it, over plain HTTP; use it in test networks only.", err=True)
