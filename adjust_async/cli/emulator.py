"""`adjust-async emulator`: Adjust on a port of its own, until it is interrupted."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

if TYPE_CHECKING:
    from adjust_async.emulator import Emulator

LOOPBACK = "127.0.0.1"


def emulator(
    host: Annotated[str, typer.Option(help="Address to bind; 0.0.0.0 for a container.")] = LOOPBACK,
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.", min=0, max=65535)] = 8080,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Name under which other machines reach it, such as a container's; may be repeated."),
    ] = None,
    db: Annotated[
        Path | None, typer.Option(help="SQLite file that keeps the account; without one it is gone at the end.")
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
        int | None, typer.Option(help="Number of trackers drawn for each app; 400, or none for apps of a file.", min=0)
    ] = None,
    facts_per_day: Annotated[
        int | None,
        typer.Option(help="Number of figures drawn for each app and day; 40, or none for apps of a file.", min=0),
    ] = None,
    latency: Annotated[float, typer.Option(help="Seconds before each answer.", min=0)] = 0.0,
    page_size: Annotated[int, typer.Option(help="Items on a page without `limit`.", min=1, max=1000)] = 50,
    concurrency: Annotated[
        int | None, typer.Option(help="Requests at once that the Campaign API takes; Adjust's limit is 50.", min=1)
    ] = None,
    faults: Annotated[
        str,
        typer.Option(
            help='Share of the requests that fail, or JSON: {"rate": 0.2, "only": ["429"]}, {"script": ["500", null]}.',
            metavar="RATE|JSON",
        ),
    ] = "0",
    token: Annotated[
        str | None, typer.Option(help="API token to accept; without one the file's, or a random one.")
    ] = None,
) -> None:
    """Serve Adjust on this machine, to try things out, until Ctrl-C."""
    # The server takes as long to import as everything else together, and no other command needs it.
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
        raise typer.Exit(1) from error


def _announce(emulator: "Emulator") -> None:
    typer.echo(f"url: {emulator.url}")
    typer.echo(f"token: {emulator.token}")
    typer.echo(f"app tokens: {' '.join(emulator.app_tokens)}")
    typer.echo(f"page: {emulator.url}/_emulator/#{quote(emulator.token, safe='')}")
    if emulator.is_exposed:
        typer.echo("Warning: other machines can reach it, over plain HTTP; use it in test networks only.", err=True)
