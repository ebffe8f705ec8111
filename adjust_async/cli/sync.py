"""The command `sync`, which loads figures and lists of the account into a database with dlt."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adjust_async import AdjustError
from adjust_async.cli.command import command
from adjust_async.cli.errors import Status, UsageError, one_line, tell
from adjust_async.cli.flags import Flag
from adjust_async.cli.progress import progress
from adjust_async.cli.run import Run

if TYPE_CHECKING:
    from dlt import Pipeline

    from adjust_async.integrations.dlt import Outcome

__all__ = ["register"]

_FLAGS = (
    Flag("dimensions", "names", help="Dimensions of reports; default day,network."),
    Flag("metrics", "names", help="Metrics of reports, such as installs,cost."),
    Flag("app_tokens", "names", help="Apps; default all."),
    Flag("start_date", help="First day; default 30 days ago.", metavar="DAY"),
    Flag("end_date", help="Last day; default today.", metavar="DAY"),
    Flag("restate_days", "integer", help="Stored days to load again; default 7."),
    Flag("kpis", "names", help="KPI Service figures, in a table of their own."),
    Flag("grouping", "names", further=True),
)

#: The default number of days that a first load goes back.
DAYS = 30


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(
        app,
        flags=_FLAGS,
        examples="""
            adjust-async sync --destination duckdb --start-date 2026-01-01
            adjust-async sync --destination postgres --dataset adjust \\
                --dimensions day,network,country --metrics installs,cost
        """,
    )
    def sync(
        run: Run,
        arguments: dict[str, Any],
        destination: Annotated[
            str, typer.Option(metavar="NAME", help="duckdb, postgres or another of dlt's.", show_default=False)
        ] = "duckdb",
        dataset: Annotated[
            str, typer.Option(metavar="NAME", help="Schema of the tables; default adjust.", show_default=False)
        ] = "adjust",
    ) -> None:
        """Load figures and lists into a database."""
        outcomes = _load(run, arguments, destination, dataset)
        for name, outcome in outcomes.items():
            typer.echo(_line(name, outcome))
        if any(outcome.failed for outcome in outcomes.values()):
            raise typer.Exit(Status.PARTLY_FAILED)


def _load(run: Run, arguments: dict[str, Any], destination: str, dataset: str) -> "dict[str, Outcome]":
    # dlt sends usage data to its makers unless this is set; users can still opt in.
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")
    import dlt

    from adjust_async.integrations.dlt import adjust_source, outcome_of

    token = run.token()
    run.log()
    given = {"start_date": datetime.now(UTC).date() - timedelta(days=DAYS), **arguments}
    given["apps"] = given.pop("app_tokens", None)
    options: dict[str, Any] = dict(run.settings)
    if token is not None:
        options["token"] = token
    source = adjust_source(**given, **options)
    source.kpis.selected = "kpis" in arguments or "grouping" in arguments
    run.last_words = "All completed loads are kept; run sync again to load the rest."
    with _problems_of_dlt(), progress(run, "Loading") as told:
        # DuckDB names the catalog after the file, and it must differ from the schema's name.
        where: Any = dlt.destinations.duckdb(f"{dataset}_warehouse.duckdb") if destination == "duckdb" else destination
        pipeline = dlt.pipeline(
            f"adjust_{destination}_{dataset}", destination=where, dataset_name=dataset, progress=_collector(told)
        )
        _run(pipeline, source)
    return outcome_of(pipeline)


def _run(pipeline: "Pipeline", source: Any) -> None:
    while pipeline.has_pending_data:  # dlt first finishes a run that was interrupted
        pipeline.run()
    pipeline.run(source)


def _collector(told: Any) -> Any:
    from dlt.common.runtime.collector import NullCollector

    class Rows(NullCollector):  # type: ignore[misc,unused-ignore] # untyped where dlt is not installed
        """Reports the number of rows that have arrived."""

        count = 0

        def update(self, name: str, inc: int = 1, *_: Any, **__: Any) -> None:
            if self.step and self.step.startswith("Extract") and name != "Resources":
                self.count += inc
                told(self.count, None)

    return Rows()


@contextmanager
def _problems_of_dlt() -> Iterator[None]:
    """Show the cause of a dlt error: the error of a request, or the destination's message."""
    from dlt.common.exceptions import DltException

    try:
        yield
    except (DltException, ImportError, ValueError) as error:
        below: BaseException = error
        while below.__cause__ is not None and not isinstance(below, AdjustError):
            below = below.__cause__
        if isinstance(below, AdjustError):
            raise below from None
        if type(error).__name__ == "PipelineStepFailed":
            tell(f"Error: {one_line(str(below))}")
            raise typer.Exit(Status.FAILED) from None
        raise UsageError(one_line(str(error))) from None


def _line(name: str, outcome: "Outcome") -> str:
    parts = [f"{outcome.inserted:,} inserted", f"{outcome.restated:,} restated"]
    left = len(outcome.failed) + len(outcome.left)
    return f"{name}: {', '.join(parts)}, {left} app{'' if left == 1 else 's'} left as stored"
