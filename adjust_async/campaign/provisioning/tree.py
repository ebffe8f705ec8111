"""A plan as the tree of trackers that it asks for, and what of that is there already."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.names import PORTION, Match, label_of
from adjust_async.campaign.provisioning.plan import Entry
from adjust_async.campaign.provisioning.result import ProvisionOutcome, Status

if TYPE_CHECKING:
    from adjust_async.errors import AdjustError

__all__ = ["Node", "PlanTree"]


class Node:
    """A tracker that should exist; the root stands for the app.

    Attributes:
        label: Its name.
        parent: The node above it; `None` for the root.
        children: The nodes below it, by their names.
        entries: The places of its entries in the plan; none for what is only above an entry.
        partner_id, cost_data_enabled: How it should be set.
        tracker: What is known of it.
        listed: The tokens of the trackers below it, as far as they were seen in lists or assigned to nodes.
        created: Whether this run created it.
        adopted: Whether it was found only after a create of it, so that there may be others below it.
        problem: Why it must not be created, in words.
        attempts, put_off, uncertain: How many of its creates were sent, put off by the service, or are in doubt.
        since: The loop's time when its first create was sent.
        sending: Whether a request is under way.
        doubt: What a create ended with that is still in doubt.
        status, error, notes: What became of it.
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
        "label",
        "listed",
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
        self.listed: set[str] | None = None
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
        """Its name with those above it."""
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
        """The settings that differ from the plan. Cost data that the service says nothing of counts as not enabled."""
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
        """The settings that the service shows to differ from the plan, without those that it says nothing of."""
        shown = {name: getattr(self.tracker, name) for name in ("partner_id", "cost_data_enabled")}
        return {name: value for name, value in self.missing_settings.items() if shown[name] is not None}

    def child(self, label: str) -> "Node":
        """Return the child of that name, which is made where there is none."""
        child = self.children.get(label)
        if child is None:
            if not isinstance(self.children, dict):
                self.children = {}
            child = self.children[label] = Node(label, self)
        return child

    def add_entry(self, number: int) -> None:
        """Note that it has an entry at this place of the plan."""
        if isinstance(self.entries, list):
            self.entries.append(number)
        else:
            # Nearly all have one, for which a tuple is smaller, and nothing that Python's collector has to look at.
            self.entries = [*self.entries, number] if self.entries else (number,)

    def below(self) -> Iterator["Node"]:
        """Yield every node below, each before those below it."""
        for child in self.children.values():
            yield child
            if child.children:
                yield from child.below()

    def note(self, text: str) -> None:
        """Keep something worth knowing."""
        if text not in self.notes:
            self.notes += (text,)

    def outcome(self, path: str, status: Status | None) -> ProvisionOutcome:
        """Return what became of it, for an entry of that path."""
        return ProvisionOutcome(path, status or "failed", self.tracker, self.error, self.notes)

    def see(self, token: str) -> None:
        """Note that a tracker is below this node."""
        if self.listed is None:
            self.listed = set()
        self.listed.add(token)

    def take(self, match: Match) -> None:
        """Take what a list says of this node: a tracker, or a reason not to create it."""
        self.problem = match.problem
        tracker = match.tracker
        if tracker is None:
            return
        self.tracker = tracker
        self.above.see(tracker.token)
        if match.note is not None:
            self.note(match.note)
        if match.twins:
            tokens = ", ".join(twin.token for twin in match.twins)
            self.note(f"there are {len(match.twins)} trackers of this name: {tokens}")
        if tracker.archived:
            self.note("it is archived")

    def take_answer(self, tracker: Tracker) -> None:
        """Take the tracker that a create was answered with."""
        self.tracker = tracker
        self.above.see(tracker.token)
        if (label := label_of(tracker)) != self.label:
            self.note(f"the service calls it {label!r}")


#: In place of a dict of its own for each of the many nodes that have nothing below.
_NO_CHILDREN: Mapping[str, Node] = MappingProxyType({})


class PlanTree:
    """The tree of a plan; its nodes know which entries they belong to."""

    def __init__(self) -> None:
        self.root = Node("", None)

    @classmethod
    async def of(cls, entries: Sequence[Entry]) -> "PlanTree":
        """Build the tree of these entries, and let other tasks run meanwhile."""
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
