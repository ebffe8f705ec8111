"""Comparing a plan with what exists: the branches that the plan is about are listed, and its names found in them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from adjust_async._concurrency import crawl
from adjust_async.campaign.models import Tracker
from adjust_async.campaign.names import PORTION, Match, Siblings, label_of
from adjust_async.campaign.provisioning.plan import plan_error
from adjust_async.campaign.provisioning.tree import Node
from adjust_async.campaign.provisioning.uncertain import UncertainCreate
from adjust_async.campaign.recent import Place
from adjust_async.campaign.requests import Listing, TrackerRequests
from adjust_async.errors import WrongTrackerError

__all__ = ["Comparison"]


class Comparison:
    """Lists branches of one app, and finds the nodes of a plan in them.

    Attributes:
        duplicates: Trackers of the same name that were found, by their tokens.
    """

    def __init__(
        self, requests: TrackerRequests, app_token: str, *, grace_time: float, page_size: int | None, workers: int
    ) -> None:
        self.duplicates: dict[str, Tracker] = {}
        self._requests = requests
        self._app_token = app_token
        self._grace_time = grace_time
        self._page_size = page_size
        self._workers = workers
        self._totals_are_right = True

    def place(self, node: Node) -> Place:
        """Return the place of what is right below a node."""
        return Place(self._app_token, node.token)

    async def compare(self, *nodes: Node) -> None:
        """Find what is below these nodes.

        Raises:
            AdjustError: A branch could not be listed.
        """
        __tracebackhide__ = True
        await crawl(nodes, self._compare, workers=self._workers)

    async def listing(self, node: Node) -> Listing:
        """List what is right below a node."""
        __tracebackhide__ = True
        place = self.place(node)
        listing = await self._requests.listing(place, grace_time=self._grace_time, page_size=self._page_size)
        if listing.incomplete and self._totals_are_right and self._grace_time:
            # The list lags, or its total counts something else; the wait tells which, for the whole run.
            await asyncio.sleep(self._grace_time)
            before = {tracker.token for tracker in listing.trackers}
            listing = await self._requests.listing(place, grace_time=self._grace_time, page_size=self._page_size)
            if listing.incomplete and before == {tracker.token for tracker in listing.trackers}:
                self._totals_are_right = False
        return listing

    async def find(self, parent: Node, creates: Sequence[UncertainCreate]) -> Mapping[UncertainCreate, Match]:
        """List what is below a node, and find what creates in doubt may have made there.

        Raises:
            AdjustError: The list could not be fetched.
        """
        trackers = (await self.listing(parent)).trackers
        of_others = {child.token for child in parent.children.values() if child.tracker is not None}
        rest = [tracker for tracker in trackers if tracker.token not in of_others]
        siblings = await Siblings.of(rest, self._requests.recent.forms)
        return {create: self._match(create, siblings, rest) for create in creates}

    async def verify(self, parents: list[Node]) -> None:
        """List these branches once more, and keep what is there twice.

        Raises:
            AdjustError: A branch could not be listed.
        """

        async def visit(node: Node, _: Callable[[Node], None]) -> None:
            siblings = await Siblings.of((await self.listing(node)).trackers, self._requests.recent.forms)
            self.duplicates.update((tracker.token, tracker) for tracker in siblings.twins())

        await crawl(parents, visit, workers=self._workers)

    async def check(self, root: Node) -> None:
        """Refuse names of the plan that a service may take for one, unless it has a tracker for each of them.

        Raises:
            PlanError: There are such names. All of them are told.
        """
        problems: list[tuple[int, str]] = []
        number = 0
        for node in (root, *root.below()):
            alike: dict[str, list[Node]] = {}
            for child in node.children.values():
                alike.setdefault(self._requests.recent.forms.key(child.label), []).append(child)
                number += 1
                if not number % PORTION:
                    await asyncio.sleep(0)
            if len(alike) < len(node.children):
                for twins in alike.values():
                    problems += _problems_of_twins(twins)
        if problems:
            raise plan_error("entry", sorted(problems))

    async def _compare(self, node: Node, push: Callable[[Node], None]) -> None:
        __tracebackhide__ = True
        listing = await self.listing(node)
        siblings = await Siblings.of(listing.trackers, self._requests.recent.forms)
        node.listed = {tracker.token for tracker in listing.trackers}
        for number, child in enumerate(node.children.values()):
            match = siblings.match(child.label, node.children)
            child.take(match)
            self.duplicates.update((tracker.token, tracker) for tracker in match.twins)
            if match.tracker is not None and match.note is None:
                for other in siblings.near(child.label):
                    child.note(f"there is also {other.name!r} ({other.token}), whose name differs in form alone")
            # Not only where `has_subtrackers` is true: a list that lags shows it late.
            if child.children and child.tracker is not None:
                push(child)
            if not number % PORTION:
                await asyncio.sleep(0)

    def _match(self, create: UncertainCreate, siblings: Siblings, trackers: Sequence[Tracker]) -> Match:
        node, forms = create.node, self._requests.recent.forms
        match = siblings.match(node.label, node.above.children)
        if match.tracker is not None or match.problem is not None:
            return match
        # The service may keep the name in a form of which nothing is known yet; then the tracker is a new one.
        old = node.above.listed or set()
        answered = create.error.tracker_token if isinstance(create.error, WrongTrackerError) else None
        for tracker in trackers:
            label = label_of(tracker)
            if tracker.token in old or label in node.above.children:
                continue
            may_be = forms.may_be(node.label, label)
            if may_be and tracker.token == answered:
                forms.learn(node.label, label)
                return Match(tracker, note=f"the service calls it {label!r}")
            if may_be or tracker.token == answered:
                match = Match(problem=f"{label!r} ({tracker.token}) is new there and may be this one, cut or changed")
        return match


def _problems_of_twins(twins: list[Node]) -> Iterator[tuple[int, str]]:
    tokens = {node.token for node in twins}
    if len(twins) == 1 or (None not in tokens and len(tokens) == len(twins)):
        return  # the service keeps them apart
    names = " and ".join(repr(node.path) for node in twins)
    for node in twins:
        yield _entry_of(node), f"{names} differ in form alone, and a service may take them for one: plan one of them"


def _entry_of(node: Node) -> int:
    """Return the number of the first entry of a node, or of one below it."""
    return min(number for one in (node, *node.below()) for number in one.entries) + 1
