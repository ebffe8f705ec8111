"""Tree drawings: the trackers of an app, and the changes that a plan makes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from adjust_async import ProvisionOutcome, Tracker, TrackerSpec
from adjust_async.cli.errors import one_line

__all__ = ["tree_of_difference", "tree_of_trackers"]

SEPARATOR = "::"

#: A difference with more lines than this shows only the first `CHILDREN` children of each tracker.
LONGEST_DIFFERENCE = 200
CHILDREN = 5


class _Mark(NamedTuple):
    sign: str
    style: str


_MARKS: Mapping[str, _Mark] = {
    "created": _Mark("+", "green"),
    "updated": _Mark("~", "yellow"),
    "unchanged": _Mark("=", "dim"),
    "failed": _Mark("!", "bold red"),
}


def tree_of_trackers(app_tokens: Sequence[str], trackers: Iterable[Tracker]) -> list[RenderableType]:
    """Return one tree for each app, in the order of the tokens; siblings are sorted by name."""
    below: dict[tuple[str | None, str | None], list[Tracker]] = {}
    for tracker in trackers:
        below.setdefault((tracker.app_token, tracker.parent_token), []).append(tracker)
    counts = Counter(app for (app, _), siblings in below.items() for _ in siblings)
    drawn: list[RenderableType] = []
    for app_token in app_tokens:
        count = counts[app_token]
        root = Tree(Text.assemble((app_token, "bold"), (f"  {count:,} tracker{'' if count == 1 else 's'}", "dim")))
        _hang(root, below, app_token, None)
        drawn.append(root)
    return drawn


def _hang(
    node: Tree, below: Mapping[tuple[str | None, str | None], list[Tracker]], app_token: str, parent: str | None
) -> None:
    for tracker in sorted(below.get((app_token, parent), []), key=lambda tracker: tracker.name.casefold()):
        label = tracker.label or tracker.name.rpartition(SEPARATOR)[2]
        text = Text(one_line(label), no_wrap=True, overflow="ellipsis")
        text.append(f"  {one_line(tracker.token)}", "cyan")
        for remark in _remarks(tracker):
            text.append(f"  {remark}", "dim")
        _hang(node.add(text), below, app_token, tracker.token)


def _remarks(tracker: Tracker) -> list[str]:
    partner = [] if tracker.partner_id is None else [f"partner {tracker.partner_id}"]
    return partner + ["cost data"] * bool(tracker.cost_data_enabled) + ["archived"] * bool(tracker.archived)


class _Node:
    """A tracker of a difference, with its children."""

    def __init__(self) -> None:
        self.outcome: ProvisionOutcome | None = None
        self.below: dict[str, _Node] = {}


def tree_of_difference(
    app_token: str, outcomes: Sequence[ProvisionOutcome], specs: Iterable[TrackerSpec]
) -> list[RenderableType]:
    """Draw the changes of a plan: `+` created, `~` updated, `=` unchanged, `!` failed.

    Args:
        app_token: The app.
        outcomes: The outcomes of the plan's entries, and of the trackers above them.
        specs: The entries, for the settings that they request.
    """
    settings = {spec.path: spec for spec in specs}
    top = _Node()
    for outcome in outcomes:
        node = top
        for part in outcome.path.split(SEPARATOR):
            node = node.below.setdefault(part, _Node())
        node.outcome = outcome
    root = Tree(Text(app_token, style="bold"))
    _draw(root, top, settings, CHILDREN if len(outcomes) > LONGEST_DIFFERENCE else None)
    return [root]


def _draw(tree: Tree, node: _Node, settings: Mapping[str, TrackerSpec], most: int | None) -> None:
    children = list(node.below.items())
    for label, child in children[:most]:
        _draw(tree.add(_label(label, child.outcome, settings)), child, settings, most)
    if rest := [child for _, child in children[most or len(children) :]]:
        counts = Counter(_MARKS[_status(child.outcome)].sign for child in rest)
        signs = ", ".join(f"{count:,} {sign}" for sign, count in counts.items())
        tree.add(Text(f"… {len(rest):,} more: {signs}", style="dim"))


def _status(outcome: ProvisionOutcome | None) -> str:
    return "unchanged" if outcome is None else outcome.status if outcome.status in _MARKS else "failed"


def _label(label: str, outcome: ProvisionOutcome | None, settings: Mapping[str, TrackerSpec]) -> Text:
    mark = _MARKS[_status(outcome)]
    text = Text(f"{mark.sign} {one_line(label)}", style=mark.style, no_wrap=True, overflow="ellipsis")
    if outcome is None:
        return text
    spec = settings.get(outcome.path)
    if spec is not None and outcome.status in {"created", "updated"}:
        partner = spec.partner if spec.partner is not None else spec.partner_id
        text.append("" if partner is None else f"  partner {one_line(str(partner))}", "dim")
        if spec.cost_data_enabled is not None:
            text.append(f"  cost data {'on' if spec.cost_data_enabled else 'off'}", "dim")
    if outcome.error is not None:
        text.append(f"  {one_line(str(outcome.error))}", "red")
    for note in outcome.notes:
        text.append(f"  {one_line(note)}", "dim")
    return text
