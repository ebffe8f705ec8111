"""Compare a plan with what exists: list the branches that the plan is about, and find its names in them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from adjust_async._concurrency import crawl
from adjust_async.campaign.models import Tracker
from adjust_async.campaign.names import label_of
from adjust_async.campaign.provisioning.plan import plan_error
from adjust_async.campaign.provisioning.settings import Settings
from adjust_async.campaign.provisioning.tree import Node
from adjust_async.campaign.provisioning.uncertain import UncertainCreate
from adjust_async.campaign.recent import Place
from adjust_async.campaign.requests import Listing, Seen, TrackerRequests
from adjust_async.campaign.siblings import PORTION, Match, PlannedNames, Siblings
from adjust_async.errors import WrongTrackerError

__all__ = ["Comparison"]


class Comparison:
    """Lists branches of one app, and finds the nodes of a plan in them.

    Attributes:
        duplicates: Trackers with the same name as another one, by token.
        known: Trackers from lists and answers, by token.
    """

    def __init__(self, requests: TrackerRequests, settings: Settings) -> None:
        self.duplicates: dict[str, Tracker] = {}
        self.known: dict[str, Seen] = {}
        self._requests = requests
        self._app_token = settings.app_token
        self._grace_time = settings.grace_time
        self._page_size = settings.page_size
        self._workers = settings.workers
        self._totals_are_right = True
        self._planned: dict[Node, PlannedNames] = {}
        self._taken: set[str] = set()
        self._versions: dict[Node, int] = {}
        self._learning = asyncio.Lock()

    def place(self, node: Node) -> Place:
        """Return the place directly below a node."""
        return Place(self._app_token, node.token)

    def record(self, node: Node) -> None:
        """Record which tracker a node has, if it has one."""
        if node.tracker is not None:
            self._taken.add(node.tracker.token)
            self._know(node.above, node.tracker)

    def _know(self, parent: Node, tracker: Tracker) -> None:
        self.known[tracker.token] = Seen(parent.token, label_of(tracker))

    async def compare(self, *nodes: Node) -> None:
        """List what exists below these nodes, and let each planned node take its tracker or its problem.

        Raises:
            AdjustError: A branch could not be listed.
        """
        __tracebackhide__ = True
        await crawl(nodes, self._compare, workers=self._workers)

    async def compare_again(self, parent: Node) -> None:
        """Compare again if answers have shown since that the service stores names in another form.

        Raises:
            AdjustError: The branch could not be listed.
        """
        __tracebackhide__ = True
        forms = self._requests.recent.forms
        # A parent that was not compared was created by this run, so nothing existed below it.
        while self._versions.get(parent, 0) != forms.version:
            async with self._learning:
                version = forms.version
                if self._versions.get(parent, 0) == version:
                    return
                siblings = await Siblings.of(await self._free(parent) if parent.had_trackers else (), forms)
                await siblings.survey(await PlannedNames.of(parent.children))
                alike = await self._alike(parent)
                for number, child in enumerate(parent.children.values(), 1):
                    if not number % PORTION:
                        await asyncio.sleep(0)
                    if child.tracker is not None or child.attempts or child.status is not None:
                        continue
                    match = siblings.match(child.label, parent.children)
                    twins = alike[forms.key(child.label)]
                    if match.tracker is None and len(twins) > 1:
                        names = " and ".join(repr(twin.path) for twin in twins[:2])
                        match = Match(problem=f"the service treats {names} as the same name. Plan only one of them")
                    child.take(match)
                    self.record(child)
                self._versions[parent] = version

    async def _alike(self, parent: Node) -> dict[str, list[Node]]:
        """Group the children of a node by the form in which the service stores their names."""
        alike: dict[str, list[Node]] = {}
        for number, child in enumerate(parent.children.values(), 1):
            alike.setdefault(self._requests.recent.forms.key(child.label), []).append(child)
            if not number % PORTION:
                await asyncio.sleep(0)
        return alike

    async def listing(self, node: Node) -> Listing:
        """List the trackers directly below a node."""
        __tracebackhide__ = True
        place = self.place(node)
        listing = await self._requests.listing(place, grace_time=self._grace_time, page_size=self._page_size)
        if listing.incomplete and self._totals_are_right and self._grace_time:
            # The list lags, or its total counts something else. Waiting once settles it for the whole run.
            await asyncio.sleep(self._grace_time)
            before = {tracker.token for tracker in listing.trackers}
            listing = await self._requests.listing(place, grace_time=self._grace_time, page_size=self._page_size)
            if listing.incomplete and before == {tracker.token for tracker in listing.trackers}:
                self._totals_are_right = False
        return listing

    async def find(self, parent: Node, creates: Sequence[UncertainCreate]) -> Mapping[UncertainCreate, Match]:
        """List the trackers below a node, and return for each create in doubt the tracker that it may have made.

        Raises:
            AdjustError: The list could not be fetched.
        """
        free = await self._free(parent)
        siblings = await Siblings.of(free, self._requests.recent.forms)
        if free:
            # A plan of thousands may be looked up hundreds of times, so its names are indexed once.
            if parent not in self._planned:
                self._planned[parent] = await PlannedNames.of(parent.children)
            await siblings.survey(self._planned[parent])
        strangers = [tracker for tracker in free if self._is_stranger(parent, tracker)]
        return {create: self._match(create, siblings, strangers) for create in creates}

    async def verify(self, parents: list[Node]) -> None:
        """List these branches again, and record duplicates.

        Raises:
            AdjustError: A branch could not be listed.
        """

        async def visit(node: Node, _: Callable[[Node], None]) -> None:
            siblings = await Siblings.of((await self.listing(node)).trackers, self._requests.recent.forms)
            self.duplicates.update((tracker.token, tracker) for tracker in siblings.twins())

        await crawl(parents, visit, workers=self._workers)

    async def check(self, root: Node) -> None:
        """Check that the plan has no names that a service may treat as the same, unless each has its own tracker.

        Raises:
            PlanError: It has such names. The error lists all of them.
        """
        problems: list[tuple[int, str]] = []
        for number, node in enumerate((root, *root.below()), 1):
            if not number % PORTION:
                await asyncio.sleep(0)
            if len(node.children) < 2:
                continue
            alike = await self._alike(node)
            if len(alike) < len(node.children):
                for twins in alike.values():
                    problems += _problems_of_twins(twins)
        if problems:
            raise plan_error("entry", sorted(problems))

    async def _compare(self, node: Node, push: Callable[[Node], None]) -> None:
        __tracebackhide__ = True
        self._versions[node] = self._requests.recent.forms.version
        listing = await self.listing(node)
        siblings = await Siblings.of(listing.trackers, self._requests.recent.forms)
        if listing.trackers:
            await siblings.survey(await PlannedNames.of(node.children))
        node.had_trackers = bool(listing.trackers)
        for number, tracker in enumerate(listing.trackers, 1):
            self._know(node, tracker)
            if not number % PORTION:
                await asyncio.sleep(0)
        for number, child in enumerate(node.children.values()):
            match = siblings.match(child.label, node.children)
            child.take(match)
            self.record(child)
            self.duplicates.update((tracker.token, tracker) for tracker in match.twins)
            if match.tracker is not None and match.note is None:
                for other in siblings.near(child.label):
                    child.note(f"there is also {other.name!r} ({other.token}), whose name differs only in form")
            # Not only if `has_subtrackers` is true: a list that lags shows it late.
            if child.children and child.tracker is not None:
                push(child)
            if not number % PORTION:
                await asyncio.sleep(0)

    async def _free(self, parent: Node) -> list[Tracker]:
        """List the trackers directly below a node that no other node has."""
        return [tracker for tracker in (await self.listing(parent)).trackers if tracker.token not in self._taken]

    def _is_stranger(self, parent: Node, tracker: Tracker) -> bool:
        """Return whether a tracker is new, and its name is not exactly that of an entry without a tracker."""
        if tracker.token in self.known:
            return False
        namesake = parent.children.get(label_of(tracker))
        return namesake is None or namesake.tracker is not None

    def _match(self, create: UncertainCreate, siblings: Siblings, strangers: Sequence[Tracker]) -> Match:
        node, forms = create.node, self._requests.recent.forms
        match = siblings.match(node.label, node.above.children)
        if match.tracker is not None:
            return match
        # The service may store the name in a form that is not known yet; then the tracker is one that is new here.
        answered = create.error.tracker_token if isinstance(create.error, WrongTrackerError) else None
        for tracker in strangers:
            label = label_of(tracker)
            may_be = forms.may_be(node.label, label)
            if may_be and tracker.token == answered and label not in node.above.children:
                forms.learn(node.label, label)
                return Match(tracker, note=f"the service calls it {label!r}")
            if match.problem is None and (may_be or tracker.token == answered):
                match = Match(
                    problem=f"{label!r} ({tracker.token}) is new, and may be this one in a cut or changed form"
                )
        return match


def _problems_of_twins(twins: list[Node]) -> Iterator[tuple[int, str]]:
    tokens = {node.token for node in twins}
    if len(twins) == 1 or (None not in tokens and len(tokens) == len(twins)):
        return  # the service keeps them apart
    names = " and ".join(repr(node.path) for node in twins)
    for node in twins:
        yield _entry_of(node), f"{names} differ only in form, and a service may treat them as one: plan one of them"


def _entry_of(node: Node) -> int:
    """Return the number of the first entry of a node, or of the nodes below it."""
    return min(number for one in (node, *node.below()) for number in one.entries) + 1
