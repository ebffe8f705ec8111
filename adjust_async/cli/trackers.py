"""The commands `trackers list`, `tree`, `find`, `create` and `update`."""

from collections.abc import Iterable
from contextlib import aclosing
from typing import Annotated, Any

import typer

from adjust_async import AsyncAdjust, CursorPages, Tracker
from adjust_async.cli.command import command
from adjust_async.cli.errors import Status, tell
from adjust_async.cli.flags import Flag, split_names
from adjust_async.cli.output import Format, FormatOption, Output, OutputOption, sheet_of_records
from adjust_async.cli.paged import PAGING, paged
from adjust_async.cli.progress import progress
from adjust_async.cli.run import Run
from adjust_async.cli.tracker_trees import tree_of_trackers

__all__ = ["AppToken", "register"]

AppToken = Annotated[str, typer.Argument(metavar="APP_TOKEN", help="The app.", show_default=False)]
AppTokens = Annotated[
    list[str],
    typer.Argument(metavar="APP_TOKEN", help="Apps, separated by commas or blanks.", show_default=False),
]

_SHOWN = ("token", "name", "level", "partner_id", "cost_data_enabled", "has_subtrackers", "archived")
_SHOWN_ALONE = (*_SHOWN, "parent_token", "click_url", "impression_url")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    _register_list(app)
    _register_tree(app)
    _register_find(app)
    _register_create(app)
    _register_update(app)


def _register_list(app: typer.Typer) -> None:
    @command(
        app,
        "list",
        flags=[
            Flag("parent", help="List the children of this tracker.", metavar="TOKEN", also=("--parent-token",)),
            *PAGING,
        ],
        examples="""
            adjust-async trackers list yxs12pfewq
            adjust-async trackers list yxs12pfewq --parent abc123 --format csv
        """,
    )
    def list_trackers(
        run: Run,
        app_token: AppToken,
        arguments: dict[str, Any],
        format: FormatOption = None,
        output: OutputOption = None,
    ) -> None:
        """List an app's network trackers, or a tracker's children."""
        parent = arguments.pop("parent", None)

        def pages(adjust: AsyncAdjust) -> CursorPages[Tracker]:
            if parent is None:
                return adjust.trackers.list(app_token, **arguments)
            return adjust.trackers.children(app_token, parent, **arguments)

        paged(run, Output(format, output), pages, Tracker, what="trackers", shown=_SHOWN)


def _register_tree(app: typer.Typer) -> None:
    @command(
        app,
        flags=[
            Flag("max_level", "integer", help="Depth, from 1 (networks) to 4 (creatives, default)."),
            Flag("page_size", "integer", help="Trackers a page; the service's default is 50."),
        ],
        examples="""
            adjust-async trackers tree yxs12pfewq
            adjust-async trackers tree yxs12pfewq,gwzpeepw8uf8 --max-level 2
            adjust-async trackers tree yxs12pfewq --output trackers.csv
        """,
    )
    def tree(
        run: Run,
        app_tokens: AppTokens,
        arguments: dict[str, Any],
        format: FormatOption = None,
        output: OutputOption = None,
    ) -> None:
        """Draw the trackers of apps as a tree."""
        out = Output(format, output)
        tokens = split_names(app_tokens)

        async def work(adjust: AsyncAdjust) -> list[Tracker]:
            found = []
            with progress(run, "Walking the trees") as told:
                async with aclosing(adjust.trackers.walk(tokens, **arguments)) as trackers:
                    async for tracker in trackers:
                        found.append(tracker)
                        told(len(found), None)
            return found

        trackers = run(work)
        if out.format is Format.TABLE:
            out.draw(*tree_of_trackers(tokens, trackers))
        else:
            out.write(sheet_of_records(Tracker, _in_order(tokens, trackers), shown=_SHOWN))


def _in_order(tokens: list[str], trackers: Iterable[Tracker]) -> list[Tracker]:
    return sorted(trackers, key=lambda tracker: (tokens.index(tracker.app_token or ""), tracker.name))


def _register_find(app: typer.Typer) -> None:
    @command(
        app,
        examples="""
            adjust-async trackers find yxs12pfewq AdColony::DE::Spring
            adjust-async trackers find yxs12pfewq AdColony --format json
        """,
    )
    def find(
        run: Run,
        app_token: AppToken,
        path: Annotated[str, typer.Argument(metavar="PATH", help="Its full name.", show_default=False)],
        format: FormatOption = None,
        output: OutputOption = None,
    ) -> None:
        """Find a tracker by its path; status 1 if there is none."""
        out = Output(format, output)
        tracker = run(lambda adjust: adjust.trackers.find(app_token, path))
        if tracker is None:
            tell(f"There is no tracker {path!r} in {app_token}.")
            raise typer.Exit(Status.PARTLY_FAILED)
        out.write_record(tracker, shown=_SHOWN_ALONE)


def _register_create(app: typer.Typer) -> None:
    @command(
        app,
        flags=[Flag("parent", help="Create it below this tracker.", metavar="TOKEN", also=("--parent-token",))],
        examples="""
            adjust-async trackers create yxs12pfewq Adroll
            adjust-async trackers create yxs12pfewq Spring --parent abc123 --format json
        """,
    )
    def create(
        run: Run,
        app_token: AppToken,
        name: Annotated[
            str, typer.Argument(metavar="NAME", help="Its name, without those above it.", show_default=False)
        ],
        arguments: dict[str, Any],
        format: FormatOption = None,
        output: OutputOption = None,
    ) -> None:
        """Create a tracker; Adjust can't delete trackers."""
        out = Output(format, output)
        parent = arguments.get("parent")
        run.last_words = "The tracker may have been created: look it up with `trackers find`."
        tracker = run(lambda adjust: adjust.trackers.create(app_token, name, parent_token=parent))
        out.write_record(tracker, shown=_SHOWN_ALONE)


def _register_update(app: typer.Typer) -> None:
    @command(
        app,
        flags=[
            Flag("partner_id", "integer", help="Link it to this partner; `partners` lists ids."),
            Flag("cost_data_enabled", "bool", help="Whether cost data is collected."),
        ],
        examples="""
            adjust-async trackers update yxs12pfewq abc123 --partner-id 174
            adjust-async trackers update yxs12pfewq abc123 --no-cost-data-enabled
        """,
    )
    def update(
        run: Run,
        app_token: AppToken,
        tracker_token: Annotated[str, typer.Argument(metavar="TRACKER_TOKEN", help="The tracker.", show_default=False)],
        arguments: dict[str, Any],
        format: FormatOption = None,
        output: OutputOption = None,
    ) -> None:
        """Link a tracker to a partner, or switch its cost data on or off."""
        out = Output(format, output)
        run.last_words = "The tracker may have been changed; it is safe to run this again."
        tracker = run(lambda adjust: adjust.trackers.update(app_token, tracker_token, **arguments))
        out.write_record(tracker, shown=_SHOWN_ALONE)
