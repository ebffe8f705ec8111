"""The commands `apps`, `partners`, `events` and `filters`, which list what an account has."""

from typing import Annotated, Any

import typer

from adjust_async import AsyncAdjust, CursorPages, Partner
from adjust_async.cli.command import command
from adjust_async.cli.flags import Flag, split_names
from adjust_async.cli.output import FormatOption, Output, OutputOption, sheet_of
from adjust_async.cli.paged import PAGING, paged
from adjust_async.cli.run import Run

__all__ = ["register"]

#: The lists that `filters` shows by default: the names of dimensions and metrics.
USUAL_LISTS = ("dimensions", "overview_metrics", "cohort_metrics", "event_metrics", "cost_metrics")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    _register_apps(app)
    _register_partners(app)
    _register_events(app)
    _register_filters(app)


def _register_apps(app: typer.Typer) -> None:
    @command(
        app,
        flags=[Flag("contains", help="Only apps whose token or name contains this.")],
        examples="""
            adjust-async apps
            adjust-async apps --contains puzzle --format json
        """,
    )
    def apps(run: Run, arguments: dict[str, Any], format: FormatOption = None, output: OutputOption = None) -> None:
        """List the apps that the API token has access to."""
        out = Output(format, output)

        async def work(adjust: AsyncAdjust) -> None:
            found = await adjust.apps.list(**arguments).to_table()
            out.write(sheet_of(found, shown=("token", "name")))

        run(work)


def _register_partners(app: typer.Typer) -> None:
    @command(
        app,
        flags=PAGING,
        examples="""
            adjust-async partners
            adjust-async partners --format csv --output partners.csv
        """,
    )
    def partners(run: Run, arguments: dict[str, Any], format: FormatOption = None, output: OutputOption = None) -> None:
        """List the partners that trackers can be linked to."""
        out = Output(format, output)

        def pages(adjust: AsyncAdjust) -> CursorPages[Partner]:
            return adjust.partners.list(**arguments)

        paged(run, out, pages, Partner, what="partners", shown=("id", "display_name", "supports_cost_data"))


def _register_events(app: typer.Typer) -> None:
    @command(
        app,
        flags=[
            Flag("events__contains", help="Only events whose id or name contains this."),
            Flag("app_tokens", "names", help="Only events of these apps."),
            Flag("tokens_mapping", "bool", help="Include the event tokens of each app."),
        ],
        examples="""
            adjust-async events
            adjust-async events --app-tokens yxs12pfewq --format json
        """,
    )
    def events(run: Run, arguments: dict[str, Any], format: FormatOption = None, output: OutputOption = None) -> None:
        """List events; {id}_events and {id}_revenue are metrics."""
        out = Output(format, output)

        async def work(adjust: AsyncAdjust) -> None:
            found = await adjust.reports.events(**arguments).to_table()
            out.write(sheet_of(found, shown=("id", "name", "tokens", "section")))

        run(work)


def _register_filters(app: typer.Typer) -> None:
    @command(
        app,
        flags=[
            Flag("section", help="Only values of this section of the dashboard."),
            Flag("contains", "pairs", help="What ids or names must contain: networks=google."),
        ],
        examples="""
            adjust-async filters
            adjust-async filters networks,countries
            adjust-async filters cohort_metrics --contains cohort_metrics=retention
        """,
    )
    def filters(
        run: Run,
        names: Annotated[
            list[str] | None,
            typer.Argument(metavar="NAME", help="Lists, such as networks; default: metrics and dimensions."),
        ] = None,
        arguments: dict[str, Any] = {},  # noqa: B006 - never changed
        format: FormatOption = None,
        output: OutputOption = None,
    ) -> None:
        """List dimensions, metrics, networks and other filter values."""
        out = Output(format, output)

        async def work(adjust: AsyncAdjust) -> None:
            wanted = split_names(names or []) or USUAL_LISTS
            found = await adjust.reports.filters(wanted, **arguments).to_table()
            out.write(sheet_of(found, shown=("list", "id", "name", "section", "formatting")))

        run(work)
