"""A plan as a tree of trackers, with those that exist."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.names import label_of
from adjust_async.campaign.provisioning.plan import Entry
from adjust_async.campaign.provisioning.result import ProvisionOutcome, Status
from adjust_async.campaign.siblings import PORTION, Match

if TYPE_CHECKING:
    from adjust_async.errors import AdjustError

__all__ = ["Node", "PlanTree"]


class Node:
    """A tracker that should exist; the root stands for the app.

    Attributes:
        label: Its name.
        parent: The node above it; `None` for the root.
        children: The nodes below it, by name.
        entries: The positions of its entries in the plan, counted from 0; empty if it is only above an entry.
        partner_id, cost_data_enabled: The planned settings.
        tracker: The tracker, as far as it is known.
        had_trackers: Whether trackers existed below it when it was compared.
        created: Whether this run created it.
        adopted: Whether it turned out to exist only after the comparison, so that others may exist below it.
        problem: Why it must not be created, in words.
        attempts, put_off, uncertain: The number of its creates that were sent, put off by the service, or in doubt.
        since: The event loop's time when its first create was sent.
        sending: Whether a request is running.
        doubt: The error of a create that is still in doubt.
        status, error, notes: The parts of its outcome.
    """

    __slots__ = (
        "adopted",
        "attempts",
        "children",
        "cost_data_enabled",
        "created",
        "doubt",
        "entries",
        "error",
        "had_trackers",
        "label",
        "notes",
        "parent",
        "partner_id",
        "problem",
        "put_off",
        "sending",
        "since",
        "status",
        "tracker",
        "uncertain",
    )

    def __init__(self, label: str, parent: "Node | None") -> None:
        self.label = label
        self.parent = parent
        self.children: Mapping[str, Node] = _NO_CHILDREN
        self.entries: Sequence[int] = ()
        self.partner_id: int | None = None
        self.cost_data_enabled: bool | None = None
        self.tracker: Tracker | None = None
        self.had_trackers = False
        self.created = False
        self.adopted = False
        self.problem: str | None = None
        self.attempts = 0
        self.put_off = 0
        self.uncertain = 0
        self.doubt: AdjustError | None = None
        self.sending = False
        self.since = 0.0
        self.status: Status | None = None
        self.error: AdjustError | None = None
        self.notes: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The full name, with the names above it."""
        return self.label if self.parent is None or not self.parent.label else f"{self.parent.path}::{self.label}"

    @property
    def above(self) -> "Node":
        """The node above it."""
        if self.parent is None:
            raise AssertionError("the root stands for the app, and nothing is above it")
        return self.parent

    @property
    def token(self) -> str | None:
        """The token of the tracker; `None` for the root."""
        return None if self.tracker is None else self.tracker.token

    @property
    def missing_settings(self) -> dict[str, int | bool]:
        """The planned settings that the tracker lacks. Cost data that the service leaves out counts as disabled."""
        settings: dict[str, int | bool] = {}
        partner_id = None if self.tracker is None else self.tracker.partner_id
        cost_data = None if self.tracker is None else self.tracker.cost_data_enabled
        if self.partner_id is not None and partner_id != self.partner_id:
            settings["partner_id"] = self.partner_id
        if self.cost_data_enabled is not None and bool(cost_data) is not self.cost_data_enabled:
            settings["cost_data_enabled"] = self.cost_data_enabled
        return settings

    @property
    def refused_settings(self) -> dict[str, int | bool]:
        """The planned settings for which the service returned other values, not counting those that it left out."""
        shown = {name: getattr(self.tracker, name) for name in ("partner_id", "cost_data_enabled")}
        return {name: value for name, value in self.missing_settings.items() if shown[name] is not None}

    def child(self, label: str) -> "Node":
        """Return the child with that name, and create it if it is missing."""
        child = self.children.get(label)
        if child is None:
            if not isinstance(self.children, dict):
                self.children = {}
            child = self.children[label] = Node(label, self)
        return child

    def add_entry(self, number: int) -> None:
        """Record that it has an entry at this position of the plan."""
        if isinstance(self.entries, list):
            self.entries.append(number)
        else:
            # Nearly all have one entry. A tuple is smaller than a list, and the garbage collector can ignore it.
            self.entries = [*self.entries, number] if self.entries else (number,)

    def below(self) -> Iterator["Node"]:
        """Yield every node below this one, parents before children."""
        for child in self.children.values():
            yield child
            if child.children:
                yield from child.below()

    def note(self, text: str) -> None:
        """Add a note for the outcome."""
        if text not in self.notes:
            self.notes += (text,)

    def outcome(self, path: str, status: Status | None) -> ProvisionOutcome:
        """Return its outcome, for an entry with that path."""
        return ProvisionOutcome(path, status or "failed", self.tracker, self.error, self.notes)

    def take(self, match: Match) -> None:
        """Take the result of a look-up: a tracker, or a reason not to create one."""
        self.problem = match.problem
        tracker = match.tracker
        if tracker is None:
            return
        self.tracker = tracker
        if match.note is not None:
            self.note(match.note)
        if match.twins:
            tokens = ", ".join(twin.token for twin in match.twins)
            self.note(f"there are {len(match.twins)} trackers of this name: {tokens}")
        if tracker.archived:
            self.note("it is archived")

    def take_answer(self, tracker: Tracker) -> None:
        """Take the tracker with which a create was answered."""
        self.tracker = tracker
        if (label := label_of(tracker)) != self.label:
            self.note(f"the service calls it {label!r}")


#: Shared by all nodes without children: most nodes have none, and a dict for each would cost memory.
_NO_CHILDREN: Mapping[str, Node] = MappingProxyType({})


class PlanTree:
    """The tree of a plan; its nodes know their entries."""

    def __init__(self) -> None:
        self.root = Node("", None)

    @classmethod
    async def of(cls, entries: Sequence[Entry]) -> "PlanTree":
        """Return the tree of these entries. Other tasks run meanwhile."""
        tree = cls()
        for number, entry in enumerate(entries):
            node = tree.root
            for part in entry.parts:
                node = node.child(part)
            node.add_entry(number)
            node.cost_data_enabled = entry.spec.cost_data_enabled
            node.partner_id = entry.partner_id
            if entry.note is not None:
                node.note(entry.note)
            if not number % PORTION:
                await asyncio.sleep(0)
        return tree
