"""`ProvisionResult`: the outcome of each entry of a plan."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from adjust_async._pydantic import serialized_schema
from adjust_async.campaign.models import Tracker
from adjust_async.campaign.provisioning.plan import Plan, TrackerSpec
from adjust_async.errors import AdjustError, NotTriedError
from adjust_async.tables import Column, RecordTable, Table

__all__ = ["OnOutcome", "ProvisionOutcome", "ProvisionResult", "Status"]

Status = Literal["created", "updated", "unchanged", "failed"]


class ProvisionOutcome(NamedTuple):
    """The outcome of one entry.

    Attributes:
        path: The path of the entry.
        status: `created` (settings included), `updated`, `unchanged` (also for an entry that is in the plan again), or
            `failed`.
        tracker: The tracker as the service last returned it; `None` if it does not exist or is unknown.
        error: Why it failed; `None` for any other status.
        notes: Remarks: that it is archived, that the service has another name for it, or that another tracker has the
            same or nearly the same name.
    """

    path: str
    status: Status
    tracker: Tracker | None = None
    error: AdjustError | None = None
    notes: tuple[str, ...] = ()

    @property
    def not_tried(self) -> bool:
        """Whether nothing was done for the entry: its parent failed, it was put off, or the run ended before."""
        return isinstance(self.error, NotTriedError)

    @property
    def in_doubt(self) -> bool:
        """Whether it failed, but may have been created nevertheless."""
        return self.error is not None and self.error.in_doubt

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as values that JSON can represent: the error as its text, plus `in_doubt`."""
        return {
            "path": self.path,
            "status": self.status,
            "tracker": None if self.tracker is None else self.tracker.to_dict(),
            "error": None if self.error is None else str(self.error),
            "in_doubt": self.in_doubt,
            "notes": list(self.notes),
        }

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Any) -> Any:
        """Return the pydantic schema, which serializes to what `to_dict` returns."""
        shape = {
            "path": str,
            "status": Status,
            "tracker": dict[str, Any] | None,
            "error": str | None,
            "in_doubt": bool,
            "notes": list[str],
        }
        return serialized_schema(cls, cls.to_dict, shape, handler)


#: Called once for each entry, with its outcome, as soon as that is final.
OnOutcome = Callable[[ProvisionOutcome], object]


class ProvisionResult(Table):
    """What `adjust.trackers.provision` did, or would do with `dry_run`.

    It is a `Table` with one row for each entry: `path`, `status`, `tracker_token`, `partner_id`, `error` (as text) and
    `notes`.

    Attributes:
        app_token: The app.
        dry_run: Whether only lists were requested.
        outcomes: One for each entry of the plan, in its order.
        implied: One for each tracker above an entry that is not an entry itself.
        duplicates: Every tracker that shares its name with another one, no matter who created it, in the branches that
            were listed again at the end. Without that listing, only those with a planned name.
        verified: Whether those branches were listed again.
    """

    def __init__(
        self,
        app_token: str,
        specs: Sequence[TrackerSpec],
        outcomes: Sequence[ProvisionOutcome],
        implied: Sequence[ProvisionOutcome],
        *,
        dry_run: bool,
        duplicates: Sequence[Tracker] = (),
        verified: bool = False,
    ) -> None:
        self.app_token = app_token
        self.dry_run = dry_run
        self.outcomes = tuple(outcomes)
        self.implied = tuple(implied)
        self.duplicates = tuple(duplicates)
        self.verified = verified
        self._specs = tuple(specs)

    @property
    def counts(self) -> dict[Status, int]:
        """The number of entries with each status; all four statuses are present."""
        counts = Counter(outcome.status for outcome in self.outcomes)
        return {status: counts[status] for status in ("created", "updated", "unchanged", "failed")}

    @property
    def failed(self) -> tuple[ProvisionOutcome, ...]:
        """The outcomes of the entries that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "failed")

    def retry_plan(self) -> Plan:
        """Return the entries that failed, as a plan for another run."""
        pairs = zip(self._specs, self.outcomes, strict=True)
        return Plan(spec for spec, outcome in pairs if outcome.status == "failed")

    def to_table(self) -> Table:
        """Return only the rows as a table, without the `Tracker` and error objects in `outcomes`."""
        return RecordTable(self.schema, self.cells(), key_columns=["path"])

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes by name, plus `counts`, as values that JSON can represent; outcomes as in `to_dict`."""
        return {
            "app_token": self.app_token,
            "dry_run": self.dry_run,
            "counts": self.counts,
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
            "implied": [outcome.to_dict() for outcome in self.implied],
            "duplicates": [tracker.to_dict() for tracker in self.duplicates],
            "verified": self.verified,
        }

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Any) -> Any:
        """Return the pydantic schema, which serializes to what `to_dict` returns."""
        shape = {
            "app_token": str,
            "dry_run": bool,
            "counts": dict[str, int],
            "outcomes": list[dict[str, Any]],
            "implied": list[dict[str, Any]],
            "duplicates": list[dict[str, Any]],
            "verified": bool,
        }
        return serialized_schema(cls, cls.to_dict, shape, handler)

    @property
    def schema(self) -> tuple[Column, ...]:
        """The columns with their kinds."""
        names = ("path", "status", "tracker_token", "partner_id", "error", "notes")
        return tuple(Column(name, "integer" if name == "partner_id" else "text") for name in names)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a row together: `path`; empty if the plan has an entry twice."""
        return ("path",) if len({outcome.path for outcome in self.outcomes}) == len(self.outcomes) else ()

    def __len__(self) -> int:
        return len(self.outcomes)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each entry as a dictionary from column to cell. It can be called repeatedly."""
        for path, status, tracker, error, notes in self.outcomes:
            yield {
                "path": path,
                "status": status,
                "tracker_token": None if tracker is None else tracker.token,
                "partner_id": None if tracker is None else tracker.partner_id,
                "error": None if error is None else str(error),
                "notes": "; ".join(notes) or None,
            }

    def _values(self) -> object:
        errors = [type(outcome.error) for outcome in (*self.outcomes, *self.implied)]
        return self.to_dict(), errors, self._specs

    def __repr__(self) -> str:
        return f"<ProvisionResult of {self._described()}>"

    def _described(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return f"{self.app_token}{' (dry run)' if self.dry_run else ''}: {counts}"
