"""Carry out a plan: compare it with what exists, send the difference, and look up whatever is in doubt.

Adjust has no idempotency key and can't delete trackers. So a create that may have been done is never sent again before
a list of its siblings shows that it was not.
"""

import asyncio
from collections.abc import Sequence

from adjust_async._concurrency import TaskGroup, Workers
from adjust_async.campaign.provisioning.compare import Comparison
from adjust_async.campaign.provisioning.failures import (
    earlier_doubt,
    is_conflict,
    is_put_off,
    looked_up,
    may_be_taken,
    not_told_apart,
    with_words,
)
from adjust_async.campaign.provisioning.journaled import JournaledCreates
from adjust_async.campaign.provisioning.last_look import LastLook
from adjust_async.campaign.provisioning.outcomes import Outcomes, status_of
from adjust_async.campaign.provisioning.plan import Entry
from adjust_async.campaign.provisioning.result import ProvisionResult
from adjust_async.campaign.provisioning.sending import Sending
from adjust_async.campaign.provisioning.settings import Settings, wait_before
from adjust_async.campaign.provisioning.tree import Node, PlanTree
from adjust_async.campaign.provisioning.uncertain import UncertainCreate, UncertainCreates
from adjust_async.campaign.requests import TrackerRequests
from adjust_async.campaign.siblings import PORTION, Match
from adjust_async.errors import (
    AdjustError,
    AuthenticationError,
    ClientClosedError,
    LockLostError,
    PermissionDeniedError,
    PlanError,
    WrongTrackerError,
    replace,
)

__all__ = ["Provisioning"]


class Provisioning:
    """The run of one plan.

    Args:
        requests: The client's tracker requests.
        creates: Sends creates, once the lock is held.
        entries: The plan.
        tree: The plan as a tree.
        settings: The settings of the run.

    Attributes:
        acting: Whether anything may have been created.
        failure: The error to raise at the end: the first failure if `keep_failures` is off, or the error of a function
            of the caller.
    """

    def __init__(
        self,
        requests: TrackerRequests,
        creates: JournaledCreates,
        entries: Sequence[Entry],
        tree: PlanTree,
        settings: Settings,
    ) -> None:
        self._requests = requests
        self._creates = creates
        self._settings = settings
        self._root = tree.root
        specs = [entry.spec for entry in entries]
        self._outcomes = Outcomes(specs, settings.on_progress, settings.on_outcome, self._end_with)
        self._comparison = Comparison(requests, settings)
        self.acting = False
        self._stopped = asyncio.Event()
        self._reason = "the run ended"
        self.failure: BaseException | None = None
        self._sending = Sending()
        self._group = TaskGroup()
        self._workers: Workers[Node] = Workers(self._group, lambda node, _: self._visit(node), settings.workers)
        self._uncertain = UncertainCreates(self._comparison.find, settings.grace_time, self, self._group.create_task)
        self._last_look = LastLook(self._comparison, settings.verify)

    async def run(self) -> None:
        """Look up the creates that earlier runs left open, compare, act, and verify.

        Raises:
            PlanError: Names in the plan can't be distinguished.
            AdjustError: What exists could not be listed.
        """
        __tracebackhide__ = True
        settings = self._settings
        try:
            if not settings.dry_run:
                await self._creates.recover(grace_time=settings.grace_time, page_size=settings.page_size)
            await self._comparison.compare(self._root)
            await self._comparison.check(self._root)
        except PlanError:
            self.stop("the plan was refused")
            raise
        except AdjustError as error:
            self.stop(f"what exists could not be listed: {error}")
            raise
        self.acting = not settings.dry_run
        if settings.dry_run:
            await self._report_difference()
        else:
            async with self._group:
                await self._push(self._root)
            if not self._stopped.is_set():
                await self._last_look.take()

    def stop(self, reason: str) -> None:
        """Start nothing more. Requests that were sent are still awaited, and doubts are looked up."""
        if not self._stopped.is_set():
            self._reason = reason
            self._stopped.set()

    def cut_short(self) -> None:
        """Stop waiting for answers: what was sent is in doubt from now on, and is looked up."""
        self._sending.cut_short()

    async def result(self) -> ProvisionResult:
        """Return the outcome of every entry; entries that were never tried count as failed."""
        await self._outcomes.close(self._root, self._reason)
        return await self._outcomes.result(
            self._settings.app_token,
            self._root,
            dry_run=self._settings.dry_run,
            duplicates=sorted(self._comparison.duplicates.values(), key=lambda one: (one.name, one.token)),
            verified=self._last_look.taken,
        )

    async def _report_difference(self) -> None:
        for number, node in enumerate(self._root.below()):
            if node.problem is not None:
                self._outcomes.fail(node, not_told_apart(node.path, node.problem))
            else:
                self._outcomes.settle(node, status_of(node))
            if not number % PORTION:
                await asyncio.sleep(0)

    async def _ready(self, node: Node) -> list[Node]:
        """Return the nodes below a node that must be created or updated, and whose ancestors exist and are set up."""
        ready = []
        for number, child in enumerate(node.children.values()):
            if child.problem is not None:
                await self._fail(child, not_told_apart(child.path, child.problem))
            elif child.tracker is None or child.missing_settings:
                ready.append(child)
            else:
                self._outcomes.settle(child, "unchanged")
                ready += await self._ready(child) if child.children else ()
            if not number % PORTION:
                await asyncio.sleep(0)
        return ready

    async def _visit(self, node: Node) -> None:
        """Create or update a tracker, then queue those below it, which may inherit its settings."""
        if self._stopped.is_set() or (node.tracker is None and not await self._create(node)):
            return
        await self._set_up(node)
        await self._push(node)

    async def _push(self, node: Node) -> None:
        for child in await (self._ready_late(node) if node.adopted else self._ready(node)):
            self._workers.push(child)

    async def _create(self, node: Node) -> bool:
        """Create a tracker. Return whether it exists now; if not, it has failed, or waits for its next try."""
        there = await self._is_known(node)
        if there is not None:
            return there
        if self._stopped.is_set():
            return False
        parent = node.above
        place = self._comparison.place(parent)
        node.attempts += 1
        if node.attempts == 1:
            node.since = _now()
        known = self._comparison.known
        create = self._creates.send(place, node.label, parent=parent.tracker, names=parent.children, known=known)
        try:
            tracker = await self._sending.send(node, create, "POST")
        except ClientClosedError:
            raise
        except AdjustError as error:
            await self._after_failure(node, error)
            return False
        except Exception as error:  # noqa: BLE001 - from the caller's `on_retry`; other creates must not end in doubt
            self._end_with(error)
            return False
        # A service may answer with an existing tracker instead of refusing its name.
        node.adopted = tracker.token in known or bool(tracker.has_subtrackers)
        node.created = not node.adopted or node.uncertain > 0
        node.take_answer(tracker)
        self._comparison.record(node)
        self._last_look.at_created(parent)
        return True

    async def _is_known(self, node: Node) -> bool | None:
        """Return `True` if the tracker exists, `False` if it has failed or is in doubt, `None` to create it."""
        parent, recent = node.above, self._requests.recent
        place = self._comparison.place(parent)
        while (other := recent.under_way(place, node.label)) is not None:
            await other.ended.wait()
        if (doubt := recent.in_doubt(place, node.label)) is not None:
            self._look_up(node, earlier_doubt(node.path), doubt.since)
            return False
        if (tracker := recent.created(place, node.label)) is not None:
            node.take(Match(tracker))
            self._comparison.record(node)
        elif not node.attempts:
            try:
                await self._comparison.compare_again(parent)
            except ClientClosedError:
                raise
            except AdjustError as error:
                await self._fail(node, error)
                return False
        if node.problem is not None:
            await self._fail(node, not_told_apart(node.path, node.problem))
            return False
        if node.tracker is None:
            return None
        node.adopted = True
        return True

    async def _after_failure(self, node: Node, error: AdjustError) -> None:
        if error.in_doubt or may_be_taken(error):
            node.sending = False
            node.uncertain += error.in_doubt and not is_conflict(error)
            self._look_up(node, error)
        elif is_put_off(error) and self._settings.has_patience(node.put_off, _now() - node.since):
            node.put_off += 1
            self._group.create_task(self._after_a_wait(node))
        else:
            await self._fail(node, error)

    def _look_up(self, node: Node, error: AdjustError, since: float | None = None) -> None:
        if error.in_doubt:
            node.doubt = error
            self._last_look.at_uncertain(node.above)
        self._uncertain.add(node.above, UncertainCreate(node, error, since))

    async def _after_a_wait(self, node: Node) -> None:
        try:
            async with asyncio.timeout(wait_before(node.put_off)):
                await self._stopped.wait()
        except TimeoutError:
            self._workers.push(node)

    async def _set_up(self, node: Node) -> None:
        status = status_of(node)
        for attempt in range(1, self._settings.max_attempts + 1):
            tracker, settings = node.tracker, node.missing_settings
            if tracker is None or self._stopped.is_set():
                return
            if not settings:
                break
            update = self._requests.update(self._settings.app_token, tracker.token, settings)
            try:
                node.tracker = await self._sending.send(node, update, "PATCH")
            except ClientClosedError:
                raise
            except WrongTrackerError as error:
                if not await self._is_set_up(node) and attempt == self._settings.max_attempts:
                    await self._fail(node, error)
                    return
                continue
            except AdjustError as error:
                await self._fail(node, error)
                return
            except Exception as error:  # noqa: BLE001 - from the caller's `on_retry`, as above
                self._end_with(error)
                return
            if refused := node.refused_settings:
                unset = ", ".join(f"{name}={value!r}" for name, value in refused.items())
                words = f"the service took the settings of {node.path!r}, but did not keep {unset}"
                await self._fail(node, AdjustError(words))
                return
            break
        self._outcomes.settle(node, status)

    async def _is_set_up(self, node: Node) -> bool:
        """Return whether an update was done although its answer was about another tracker. A list shows it."""
        try:
            trackers = (await self._comparison.listing(node.above)).trackers
        except ClientClosedError:
            raise
        except AdjustError:
            return False
        node.tracker = next((tracker for tracker in trackers if tracker.token == node.token), node.tracker)
        return not node.missing_settings

    async def there(self, create: UncertainCreate, match: Match) -> None:
        """Take the tracker as created, and continue below it."""
        node = create.node
        node.doubt = None
        node.take(match)
        self._comparison.record(node)
        # If the name was refused, and no earlier create of it was in doubt, another client has created it.
        node.created = node.uncertain > 0
        node.adopted = True
        self._last_look.count(node.created)
        place = self._comparison.place(node.above)
        self._requests.recent.settle(place, node.label)
        await self._creates.known(place, node.label, node.token)
        self._workers.push(node)

    async def missing(self, create: UncertainCreate) -> None:
        """Create it again, unless that was tried often enough."""
        node, error = create.node, create.error
        node.doubt = None
        await self._creates.known(self._comparison.place(node.above), node.label, None)
        if not error.in_doubt:
            await self._fail(node, error)
        elif not self._stopped.is_set() and node.uncertain < self._settings.max_attempts and not is_conflict(error):
            self._workers.push(node)
        else:
            await self._fail(node, looked_up(error, node.path))

    async def doubtful(self, create: UncertainCreate, problem: str) -> None:
        """Give up, because it can't be distinguished from other trackers."""
        await self._fail(create.node, with_words(create.error, f"It was looked up: {problem}"))

    async def unknown(self, create: UncertainCreate, error: AdjustError) -> None:
        """Give up, and leave it in doubt."""
        await self._fail(create.node, with_words(create.error, f"Its siblings could not be listed: {error}"))

    async def _ready_late(self, node: Node) -> list[Node]:
        """Compare below a tracker that was found late, because trackers may exist there."""
        if not node.children or self._stopped.is_set():
            return []
        try:
            await self._comparison.compare(node)
        except ClientClosedError:
            raise
        except AdjustError as error:
            await self._outcomes.fail_below(node, f"what is below {node.path!r} could not be listed: {error}")
            self._after_fatal(error)
            return []
        return await self._ready(node)

    async def _fail(self, node: Node, error: AdjustError) -> None:
        if not self._settings.keep_failures:
            error = replace(error)  # the copy gets the run's result before it is raised
        self._outcomes.fail(node, error)
        if node.tracker is None and node.children:
            await self._outcomes.fail_below(node, f"{node.path!r} above it failed: {error}")
        self._after_fatal(error)

    def _after_fatal(self, error: AdjustError) -> None:
        """Stop if failures are not kept, or if everything else would fail as well."""
        if not self._settings.keep_failures:
            self._end_with(error)
        elif isinstance(error, (AuthenticationError, PermissionDeniedError)):
            self.stop(f"the service does not let this API token do it: {error}")
        elif isinstance(error, LockLostError):
            self.stop(error.message)

    def _end_with(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = error
        self._outcomes.ended = True
        self.stop(f"the provisioning was ended by {error}")


def _now() -> float:
    return asyncio.get_running_loop().time()
