"""The command `trackers provision`: reads a plan from a file, shows its changes, and makes them."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer

from adjust_async import AdjustError, AsyncAdjust, ProvisionOutcome, ProvisionResult, TrackerSpec, load_plan
from adjust_async.cli.command import command
from adjust_async.cli.errors import Status, UsageError, tell
from adjust_async.cli.flags import Flag
from adjust_async.cli.output import Format, FormatOption, Output, OutputOption, Sheet
from adjust_async.cli.plan_files import check_plan_place, write_plan
from adjust_async.cli.progress import count_answers, progress
from adjust_async.cli.run import Run
from adjust_async.cli.terminal import draw
from adjust_async.cli.tracker_trees import tree_of_difference
from adjust_async.cli.trackers import AppToken

__all__ = ["register"]

_COLUMNS = ("path", "status", "tracker_token", "partner_id", "error", "notes")
_DONE = frozenset(("created", "updated", "unchanged"))

#: A longer table in the terminal shows all failed outcomes, and others only up to this number.
MOST_SHOWN = 100

#: The maximum number of duplicate trackers to name.
MOST_DUPLICATES = 10

_PlanFile = Annotated[
    Path, typer.Argument(metavar="PLAN", help="CSV or JSON Lines: path, partner, ...", show_default=False)
]
_RetryPlan = Annotated[
    Path | None,
    typer.Option("--retry-plan", metavar="FILE", help="Write unfinished entries there, as a plan.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(
        app,
        flags=[
            Flag("grace_time", "number", help="Seconds until a lost create counts as not done."),
            Flag("on_failure", help="keep (default): continue; raise: stop at the first.", metavar="keep|raise"),
            Flag("verify", "bool", help="List again at the end; default after many creates."),
            Flag("page_size", "integer", further=True),
        ],
        examples="""
            adjust-async trackers provision yxs12pfewq plan.csv --dry-run
            adjust-async trackers provision yxs12pfewq plan.csv --retry-plan left.csv
            adjust-async trackers provision yxs12pfewq left.csv --yes -o outcomes.csv
        """,
    )
    def provision(
        run: Run,
        app_token: AppToken,
        plan: _PlanFile,
        arguments: dict[str, Any],
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the changes.")] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
        retry_plan: _RetryPlan = None,
        format: FormatOption = None,
        output: OutputOption = None,
    ) -> None:
        """Create the missing trackers of a plan, each exactly once."""
        out = Output(format, output)
        if retry_plan is not None:
            check_plan_place(retry_plan, plan)
        rollout = _RollOut(run, app_token, load_plan(plan), arguments, out, retry_plan)
        status = rollout.compare() if dry_run else rollout.roll_out(asking=not yes)
        if status:
            raise typer.Exit(status)


@attrs.define
class _RollOut:
    """One plan for one app.

    Attributes:
        run: The command.
        app_token: The app.
        specs: The entries.
        arguments: Further arguments of `provision`.
        out: The output for the outcomes.
        retry_plan: The file for the unfinished entries.
    """

    run: Run
    app_token: str
    specs: Sequence[TrackerSpec]
    arguments: Mapping[str, Any]
    out: Output
    retry_plan: Path | None
    _outcomes: dict[str, ProvisionOutcome] = attrs.field(factory=dict)

    def compare(self) -> Status:
        """Show the changes without making them."""
        result = self._compared()
        left = self._leave(result.outcomes)
        if self.out.format is Format.TABLE:
            self.out.draw(*tree_of_difference(self.app_token, _all(result), self.specs))
        else:
            self.out.write(_sheet(result.outcomes))
        self._tell_counts("Would be", result.outcomes, result.implied)
        return self._status(left)

    def roll_out(self, *, asking: bool) -> Status:
        """Show the changes, ask for confirmation, and make them."""
        result = self._compared()
        self._show_difference(result)
        changes = Counter[str](outcome.status for outcome in _all(result))
        if not changes["created"] and not changes["updated"]:
            self.run.tell("Nothing to do.")
            return self._finish(result.outcomes, result.implied)
        if asking and not self._agreed(changes):
            tell("Nothing was created.")
            return Status.PARTLY_FAILED
        try:
            result = self.run(self._provision)
        except BaseException as error:
            self._tell_end(error)
            raise
        if result.duplicates:
            twice = ", ".join(f"{tracker.name} ({tracker.token})" for tracker in result.duplicates[:MOST_DUPLICATES])
            more = len(result.duplicates) - MOST_DUPLICATES
            tell(f"Trackers with the same name: {twice}{f' and {more} more' if more > 0 else ''}.")
        return self._finish(result.outcomes, result.implied)

    def _compared(self) -> ProvisionResult:
        async def work(adjust: AsyncAdjust) -> ProvisionResult:
            with progress(self.run, "Comparing") as told, count_answers(adjust, told, None):
                return await adjust.trackers.provision(self.app_token, self.specs, dry_run=True, **self.arguments)

        return self.run(work)

    def _show_difference(self, result: ProvisionResult) -> None:
        """Draw the changes: on stdout before a table of outcomes, otherwise on stderr, as stdout is for data."""
        drawn = tree_of_difference(self.app_token, _all(result), self.specs)
        if self.out.format is Format.TABLE and self.out.path is None:
            self.out.draw(*drawn)
        elif not self.run.quiet:
            sys.stderr.buffer.write(draw(*drawn, to_file=not self.run.err.is_terminal))
            sys.stderr.flush()

    def _agreed(self, changes: Mapping[str, int]) -> bool:
        what = [f"create {changes['created']:,} trackers"] if changes["created"] else []
        what += [f"update {changes['updated']:,}"] if changes["updated"] else []
        question = f"{' and '.join(what).capitalize()} in {self.app_token}? Adjust can't delete trackers."
        if not self.run.interactive:
            raise UsageError(f"{question} There is no terminal to ask in: pass --yes, or --dry-run")
        self.run.last_words = "Nothing was created."
        return typer.confirm(question, err=True)

    async def _provision(self, adjust: AsyncAdjust) -> ProvisionResult:
        with progress(self.run, "Rolling out", len(self.specs)) as told:
            return await adjust.trackers.provision(
                self.app_token,
                self.specs,
                on_outcome=self._take,
                on_progress=told,
                **self.arguments,
            )

    def _take(self, outcome: ProvisionOutcome) -> None:
        self._outcomes[outcome.path] = outcome

    def _finish(self, outcomes: Sequence[ProvisionOutcome], implied: Sequence[ProvisionOutcome]) -> Status:
        """Write the unfinished entries, the outcomes and the counts."""
        # The retry plan comes first, so that it is written even if nobody reads the outcomes.
        left = self._leave(outcomes)
        if self.out.format is Format.TABLE and self.out.path is None and len(outcomes) > MOST_SHOWN:
            self.out.write(_sheet(_most_telling(outcomes)))
            self.run.tell(f"… of {len(outcomes):,} outcomes; --output outcomes.csv has all.")
        else:
            self.out.write(_sheet(outcomes))
        self._tell_counts("Done:", outcomes, implied)
        return self._status(left)

    def _tell_counts(
        self, verb: str, outcomes: Sequence[ProvisionOutcome], implied: Sequence[ProvisionOutcome]
    ) -> None:
        counts = Counter(outcome.status for outcome in outcomes)
        above = sum(outcome.status == "created" for outcome in implied)
        told = [f"{counts[status]:,} {status}" for status in ("created", "updated", "unchanged", "failed")]
        told[0] += f" with {above:,} above them" if above else ""
        self.run.tell(f"{verb} {', '.join(told)}.")

    def _leave(self, outcomes: Sequence[ProvisionOutcome]) -> int:
        """Write the plan of the unfinished entries. Return their number."""
        self._outcomes = {outcome.path: outcome for outcome in outcomes}
        return self._write_retry_plan()

    def _status(self, left: int) -> Status:
        if left and self.retry_plan is not None:
            self.run.tell(f"{self.retry_plan} has the {left:,} unfinished entries.")
        return Status.PARTLY_FAILED if left else Status.OK

    def _write_retry_plan(self) -> int:
        done = {path for path, outcome in self._outcomes.items() if outcome.status in _DONE}
        left = [spec for spec in self.specs if spec.path not in done]
        if self.retry_plan is not None:
            write_plan(self.retry_plan, left)
        return len(left)

    def _tell_end(self, error: BaseException) -> None:
        """Report what was done before the end, and write the unfinished entries."""
        counts = Counter(_last_word(outcome) for outcome in self._outcomes.values())
        never = len({spec.path for spec in self.specs} - self._outcomes.keys())
        counts["not tried"] += never
        told = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
        if self.out.format is not Format.TABLE or self.out.path is not None:
            with suppress(OSError):
                self.out.write(_sheet(list(self._outcomes.values())))
        self.run.last_words = f"Of {len(self.specs):,} entries: {told}."
        if isinstance(error, AdjustError):
            tell(self.run.last_words)
        try:
            if self._write_retry_plan() and self.retry_plan is not None:
                self.run.last_words += f" {self.retry_plan} has the unfinished ones."
        except OSError as problem:
            self.run.last_words += f" {self.retry_plan} can't be written: {problem.strerror}."


def _all(result: ProvisionResult) -> list[ProvisionOutcome]:
    return [*result.implied, *result.outcomes]


def _last_word(outcome: ProvisionOutcome) -> str:
    if outcome.status in _DONE:
        return outcome.status
    return "in doubt" if outcome.in_doubt else "not tried" if outcome.not_tried else "failed"


def _most_telling(outcomes: Sequence[ProvisionOutcome]) -> list[ProvisionOutcome]:
    """Return all failed outcomes, and as many others as fit; unchanged ones last."""
    failed = [outcome for outcome in outcomes if outcome.status not in _DONE]
    others = [outcome for outcome in outcomes if outcome.status in _DONE]
    return (failed + sorted(others, key=lambda outcome: outcome.status == "unchanged"))[: max(MOST_SHOWN, len(failed))]


def _sheet(outcomes: Sequence[ProvisionOutcome]) -> Sheet:
    def to_arrow(rows: list[Mapping[str, Any]]) -> Any:
        import pyarrow

        types = {name: pyarrow.int64() if name == "partner_id" else pyarrow.string() for name in _COLUMNS}
        return pyarrow.table({name: pyarrow.array([row[name] for row in rows], types[name]) for name in _COLUMNS})

    rows = [_row(outcome) for outcome in outcomes]
    shown = [name for name in _COLUMNS if name in {"path", "status"} or any(row[name] is not None for row in rows)]
    return Sheet(_COLUMNS, rows, shown=shown, to_arrow=to_arrow)


def _row(outcome: ProvisionOutcome) -> dict[str, Any]:
    tracker = outcome.tracker
    return {
        "path": outcome.path,
        "status": outcome.status,
        "tracker_token": None if tracker is None else tracker.token,
        "partner_id": None if tracker is None else tracker.partner_id,
        "error": None if outcome.error is None else str(outcome.error),
        "notes": "; ".join(outcome.notes) or None,
    }
