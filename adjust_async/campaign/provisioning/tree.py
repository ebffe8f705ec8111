"""A plan as the tree of trackers that it asks for, and what of that is there already."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.provisioning.plan import SEPARATOR, Entry
from adjust_async.campaign.provisioning.result import ProvisionOutcome, Status

if TYPE_CHECKING:
    from adjust_async.errors import AdjustError

__all__ = ["Node", "PlanTree", "label_of"]


class Node:
    """A tracker that there should be; the root stands for the app.

    `tracker` is what is known of it, `created` whether this run made it, `adopted` whether it was found only after a
    create of it had failed, `status` what became of it. `attempts` counts
    its creates, the first of which was sent at `since`; `put_off` those that the service put off, `doubts` those that
    may have been done. `sending` is whether a request is under way, `doubt` what a create ended with that is still in
    doubt.
    """

    __slots__ = (
        "adopted",
        "attempts",
        "children",
        "cost_data_enabled",
        "created",
        "doubt",
        "doubts",
        "entries",
        "error",
        "label",
        "notes",
        "parent",
        "partner_id",
        "put_off",
        "sending",
        "since",
        "status",
        "tracker",
    )

    def __init__(self, label: str, parent: "Node | None") -> None:
        self.label = label
        self.parent = parent
        self.children: dict[str, Node] = {}
        self.entries: list[int] = []
        self.partner_id: int | None = None
        self.cost_data_enabled: bool | None = None
        self.tracker: Tracker | None = None
        self.created = False
        self.adopted = False
        self.attempts = 0
        self.put_off = 0
        self.doubts = 0
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
        """What is to be set, and is not set so. Cost data that the service says nothing of are not enabled."""
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
        """What the service shows to be set otherwise than is wanted; what it says nothing of is not in it."""
        shown = {name: getattr(self.tracker, name) for name in ("partner_id", "cost_data_enabled")}
        return {name: value for name, value in self.missing_settings.items() if shown[name] is not None}

    def below(self) -> Iterator["Node"]:
        """Give every node below, each before those below it."""
        for child in self.children.values():
            yield child
            yield from child.below()

    def note(self, text: str) -> None:
        """Keep something worth knowing."""
        if text not in self.notes:
            self.notes += (text,)

    def outcome(self, path: str, status: Status | None) -> ProvisionOutcome:
        """Give what became of it, for an entry of that path."""
        return ProvisionOutcome(path, status or "failed", self.tracker, self.error, self.notes)

    def match(self, siblings: Iterable[Tracker]) -> None:
        """Find the children that are there among the trackers below this one.

        Names are compared as they are, sign by sign. An archived tracker counts as being there, after one that is not.
        """
        alike: dict[str, list[Node]] = {}
        for child in self.children.values():
            alike.setdefault(_folded(child.label), []).append(child)
        for tracker in siblings:
            label = label_of(tracker)
            found = self.children.get(label)
            if found is not None:
                _take(found, tracker)
                continue  # twins within the plan know of each other
            for child in alike.get(_folded(label), ()):
                child.note(f"there is also {label!r} ({tracker.token}), which differs in case or Unicode form alone")
        for child in self.children.values():
            if child.tracker is not None and child.tracker.archived:
                child.note("it is archived")

    def note_twins(self) -> None:
        """Note on children of the plan that their names are the same but for case or Unicode form."""
        alike: dict[str, list[Node]] = {}
        for child in self.children.values():
            alike.setdefault(_folded(child.label), []).append(child)
        for twins in alike.values():
            for child in twins:
                others = [repr(twin.label) for twin in twins if twin is not child]
                if others:
                    child.note(f"the plan also has {', '.join(others)}, which differs in case or Unicode form alone")


class PlanTree:
    """The tree; its nodes say which entries they are about."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.root = Node("", None)
        for number, entry in enumerate(entries):
            node = self.root
            for part in entry.parts:
                child = node.children.get(part)
                if child is None:
                    child = node.children[part] = Node(part, node)
                node = child
            node.entries.append(number)
            node.cost_data_enabled = entry.spec.cost_data_enabled
            node.partner_id = entry.partner_id
        for node in (self.root, *self.root.below()):
            if len(node.children) > 1:
                node.note_twins()


def label_of(tracker: Tracker) -> str:
    """Give the last part of a tracker's name."""
    return tracker.label if tracker.label is not None else tracker.name.rpartition(SEPARATOR)[2]


def _folded(label: str) -> str:
    return unicodedata.normalize("NFKC", label).casefold()


def _take(node: Node, tracker: Tracker) -> None:
    """Take a tracker for a node, which may have one already that is the same, or another one of the same name."""
    known = node.tracker
    if known is None or known.token == tracker.token:
        node.tracker = tracker
    else:
        node.note(f"there are two trackers of this name: {known.token} and {tracker.token}")
        if known.archived and not tracker.archived:
            node.tracker = tracker
