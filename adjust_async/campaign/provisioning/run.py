"""Making a plan true: what exists is compared first, then the difference is sent, and whatever is in doubt looked up.

Adjust has no idempotency key and can't delete. So a create of which it is not known whether it was done is never sent
again before the list of its siblings shows that it was not.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from adjust_async._concurrency import TaskGroup, Workers, crawl
from adjust_async.campaign.models import Tracker
from adjust_async.campaign.provisioning.plan import Entry
from adjust_async.campaign.provisioning.result import OnProgress, ProvisionOutcome, ProvisionResult, Status
from adjust_async.campaign.provisioning.tree import Node, PlanTree, label_of
from adjust_async.campaign.provisioning.uncertain import UncertainCreate, UncertainCreates
from adjust_async.errors import (
    AdjustError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    NotTriedError,
    PermissionDeniedError,
)

__all__ = ["Calls", "Provisioning", "Settings"]

#: Seconds that the wait before another try may take at most; it doubles from half a second.
LONGEST_WAIT = 20.0

#: How many times a create may be put off, for each attempt that a request has.
PUT_OFFS = 10

#: Statuses that say: not now.
LATER = frozenset({429, 503})


class Calls(NamedTuple):
    """The requests that provisioning makes: listing what is right below a tracker or an app, creating, and updating."""

    siblings: Callable[[str, str | None], Awaitable[Sequence[Tracker]]]
    create: Callable[..., Awaitable[Tracker]]
    update: Callable[..., Awaitable[Tracker]]


class Settings(NamedTuple):
    """How a plan is to be made true. `patience` is for how many seconds a tracker is tried that is put off."""

    app_token: str
    dry_run: bool
    keep_failures: bool
    on_progress: OnProgress | None
    grace_time: float
    max_attempts: int
    patience: float | None
    workers: int


class Provisioning:
    """One plan on its way."""

    def __init__(self, calls: Calls, entries: Sequence[Entry], settings: Settings) -> None:
        self._calls = calls
        self._entries = entries
        self._settings = settings
        self._tree = PlanTree(entries)
        self._outcomes: list[ProvisionOutcome | None] = [None] * len(entries)
        self._done = 0
        self._acting = False
        self._stopped = asyncio.Event()
        self._reason = "the end came"
        self._failure: BaseException | None = None
        self._sending: set[asyncio.Timeout] = set()
        self._group = TaskGroup()
        self._workers: Workers[Node] = Workers(self._group, self._visit, settings.workers)
        self._uncertain = UncertainCreates(self._labels, settings.grace_time, self, self._group.create_task)

    @property
    def acting(self) -> bool:
        """Whether anything may have been created."""
        return self._acting

    @property
    def grace_time(self) -> float:
        """Seconds after which a create that is in no list was not done."""
        return self._settings.grace_time

    async def run(self) -> None:
        """Compare, and then act.

        Raises:
            AdjustError: What exists could not be listed, or with `keep_failures` off the first failure.
            Exception: What `on_progress` raised.
        """
        await crawl([self._tree.root], self._compare, workers=self._settings.workers)
        if self._settings.dry_run:
            for node in self._tree.root.below():
                self._settle(node, _status(node))
        else:
            self._acting = True
            async with self._group:
                for node in self._ready(self._tree.root):
                    self._workers.push(node)
        if self._failure is not None:
            raise self._failure

    def stop(self, reason: str) -> None:
        """Begin nothing more. What was sent is still awaited, and what is in doubt looked up."""
        if not self._stopped.is_set():
            self._reason = reason
            self._stopped.set()

    def cut_short(self) -> None:
        """Await no answers any more: what was sent is in doubt now, and is looked up."""
        now = asyncio.get_running_loop().time()
        for scope in self._sending:
            if not scope.expired():
                scope.reschedule(now)

    def result(self) -> ProvisionResult:
        """Give what was done; what was not is told of as failed."""
        for node in self._tree.root.below():
            self._close(node)
        return ProvisionResult(
            self._settings.app_token,
            [entry.spec for entry in self._entries],
            [outcome for outcome in self._outcomes if outcome is not None],
            [node.outcome(node.path, node.status) for node in self._tree.root.below() if _is_implied(node)],
            dry_run=self._settings.dry_run,
        )

    # Comparing.

    async def _compare(self, node: Node, push: Callable[[Node], None]) -> None:
        node.match(await self._calls.siblings(self._settings.app_token, node.token))
        for child in node.children.values():
            if child.children and child.tracker is not None and child.tracker.has_subtrackers is not False:
                push(child)

    def _ready(self, node: Node) -> list[Node]:
        """Find what can be done right now below a node: what differs, and has all above it there and set up."""
        ready = []
        for child in node.children.values():
            if child.tracker is None or child.missing_settings:
                ready.append(child)
            else:
                self._settle(child, "unchanged")
                ready += self._ready(child)
        return ready

    # Acting.

    async def _visit(self, node: Node) -> None:
        """Bring a tracker about, then let those below it be visited: they may inherit its settings when created."""
        if self._stopped.is_set():
            return
        if node.tracker is None:
            if not await self._create(node):
                return
            below = list(node.children.values())
            await self._set_up(node)
        else:
            await self._set_up(node)
            below = await self._ready_late(node) if node.adopted else self._ready(node)
        for child in below:
            self._workers.push(child)

    async def _create(self, node: Node) -> bool:
        """Create a tracker; give whether it is there now. If not, it has failed, or waits for its next try."""
        node.attempts += 1
        if node.attempts == 1:
            node.since = _now()
        create = self._calls.create(self._settings.app_token, node.label, parent_token=node.above.token)
        try:
            node.tracker = await self._send(node, create, "POST")
        except ClientClosedError:
            raise
        except AdjustError as error:
            self._after_failure(node, error)
            return False
        except Exception as error:  # noqa: BLE001 - of the caller's `on_retry`; others are not to be left in doubt
            self._end_with(error)
            return False
        node.created = True
        if (label := label_of(node.tracker)) != node.label:
            node.note(f"the service calls it {label!r}")
        return True

    async def _send(self, node: Node, call: Awaitable[Tracker], method: str) -> Tracker:
        """Await a call, until `cut_short`."""
        scope = asyncio.timeout(None)
        self._sending.add(scope)
        node.sending = True
        try:
            async with scope:
                tracker = await call
                node.sending = False
                return tracker
        except TimeoutError:
            if not scope.expired():
                raise
            late = f"no answer came for {node.path!r} within grace_time after the end was asked for"
            raise APITimeoutError(late, method=method, path="trackers") from None
        except ClientClosedError:
            raise  # which may have come in the middle of it
        except AdjustError:
            node.sending = False
            raise
        finally:
            self._sending.discard(scope)

    def _after_failure(self, node: Node, error: AdjustError) -> None:
        # A name that is refused may be taken by a create of this plan, of which no list told yet.
        if error.in_doubt or isinstance(error, BadRequestError):
            node.sending = False
            node.doubts += error.in_doubt
            node.doubt = error if error.in_doubt else None
            self._uncertain.add(node.above, UncertainCreate(node, error))
        elif _is_put_off(error) and self._has_patience(node):
            node.put_off += 1
            self._group.create_task(self._after_a_wait(node))
        else:
            self._fail(node, error)

    def _has_patience(self, node: Node) -> bool:
        patience = self._settings.patience
        most = PUT_OFFS * (self._settings.max_attempts - 1)
        return node.put_off < most and (patience is None or _now() < node.since + patience)

    async def _after_a_wait(self, node: Node) -> None:
        wait = random.uniform(0, min(LONGEST_WAIT, 0.25 * 2 ** min(node.put_off, 10)))
        try:
            async with asyncio.timeout(wait):
                await self._stopped.wait()
        except TimeoutError:
            self._workers.push(node)

    async def _set_up(self, node: Node) -> None:
        tracker, settings = node.tracker, node.missing_settings
        if tracker is None or self._stopped.is_set():
            return
        if not settings:
            self._settle(node, _status(node))
            return
        update = self._calls.update(self._settings.app_token, tracker.token, **settings)
        try:
            node.tracker = await self._send(node, update, "PATCH")
        except ClientClosedError:
            raise
        except AdjustError as error:
            self._fail(node, error)
            return
        except Exception as error:  # noqa: BLE001 - of the caller's `on_retry`, as above
            self._end_with(error)
            return
        if refused := node.refused_settings:
            unset = ", ".join(f"{name}={value!r}" for name, value in refused.items())
            self._fail(node, AdjustError(f"the service took the settings of {node.path!r}, but did not keep {unset}"))
        else:
            self._settle(node, "created" if node.created else "updated")

    # What becomes of creates in doubt.

    async def _labels(self, parent: Node) -> Mapping[str, Tracker]:
        there: dict[str, Tracker] = {}
        for tracker in await self._calls.siblings(self._settings.app_token, parent.token):
            label = label_of(tracker)
            if label not in there or there[label].archived:
                there[label] = tracker
        return there

    def there(self, create: UncertainCreate, tracker: Tracker) -> None:
        """Take the tracker as created, and go on below it."""
        node = create.node
        node.doubt = None
        node.tracker = tracker
        # A name that was refused, and by no create in doubt before, was taken by somebody else.
        node.created = node.doubts > 0
        node.adopted = True
        self._workers.push(node)

    async def _ready_late(self, node: Node) -> list[Node]:
        """Compare below a tracker that was found late, which may have had some below it before."""
        if not node.children or self._stopped.is_set():
            return []
        try:
            await crawl([node], self._compare, workers=1)
        except ClientClosedError:
            raise
        except AdjustError as error:
            self._fail_below(node, f"what is below {node.path!r} could not be listed: {error}")
            self._after_fatal(error)
            return []
        return self._ready(node)

    def missing(self, create: UncertainCreate) -> None:
        """Create it again, unless it was tried often enough."""
        node, error = create.node, create.error
        node.doubt = None
        if not error.in_doubt:
            self._fail(node, error)
        elif not self._stopped.is_set() and node.doubts < self._settings.max_attempts:
            self._workers.push(node)
        else:
            error.looked_up = True
            self._fail(node, _with_words(error, f"{node.path!r} was looked up after that, and is not there"))

    def unknown(self, create: UncertainCreate, error: AdjustError) -> None:
        """Give it up as being in doubt."""
        self._fail(create.node, _with_words(create.error, f"Its siblings could not be listed: {error}"))

    # Accounting.

    def _fail(self, node: Node, error: AdjustError) -> None:
        node.error = error
        self._settle(node, "failed")
        if node.tracker is None:
            self._fail_below(node, f"{node.path!r} above it failed: {error}")
        self._after_fatal(error)

    def _after_fatal(self, error: AdjustError) -> None:
        """End where failures are not kept, or where everything else would fail as well."""
        if not self._settings.keep_failures:
            self._end_with(error)
        elif isinstance(error, (AuthenticationError, PermissionDeniedError)):
            self.stop(f"the service does not let this API token do it: {error}")

    def _fail_below(self, node: Node, reason: str) -> None:
        for child in node.below():
            if child.status is None and child.tracker is None:
                child.error = NotTriedError(f"it was not tried, because {reason}")
                self._settle(child, "failed")

    def _settle(self, node: Node, status: Status) -> None:
        node.status = status
        for place, number in enumerate(node.entries):
            # What is there twice in a plan is created once.
            once: Status = "unchanged" if place and status != "failed" else status
            outcome = node.outcome(self._entries[number].spec.path, once)
            self._outcomes[number] = outcome
            self._done += 1
            self._tell(outcome)

    def _tell(self, outcome: ProvisionOutcome) -> None:
        if self._settings.on_progress is None or self._failure is not None:
            return
        try:
            self._settings.on_progress(self._done, len(self._entries), outcome)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it is, nothing is left in doubt
            self._end_with(error)

    def _end_with(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        self.stop(f"the provisioning was ended by {error}")

    def _close(self, node: Node) -> None:
        """Say what became of a node when the end came."""
        if node.status is not None:
            return
        if node.doubt is not None:
            node.error = node.doubt
        elif node.sending and node.tracker is None:
            node.error = APITimeoutError(
                f"{node.path!r} was being created: {self._reason}", method="POST", path="trackers"
            )
        elif node.sending:
            node.error = NotTriedError(f"it is there, and its settings were being sent: {self._reason}")
        elif node.tracker is None and node.put_off:
            node.error = NotTriedError(f"the service had put it off, and it was not tried again: {self._reason}")
        elif node.tracker is None:
            node.error = NotTriedError(f"it was not tried: {self._reason}")
        elif node.missing_settings:
            node.error = NotTriedError(f"it is there, and its settings were not sent: {self._reason}")
        self._settle(node, _status(node) if node.error is None else "failed")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _status(node: Node) -> Status:
    """Say what a node needs; with all of that done, what it has got."""
    if node.created or node.tracker is None:
        return "created"
    return "updated" if node.missing_settings else "unchanged"


def _with_words(error: AdjustError, words: str) -> AdjustError:
    error.message = f"{error.message.rstrip('.')}. {words}"
    error.args = (error.message,)
    return error


def _is_implied(node: Node) -> bool:
    return not node.entries


def _is_put_off(error: AdjustError) -> bool:
    """Whether a request surely did nothing, and may do better later."""
    if isinstance(error, APIConnectionError):
        return error.transient
    return isinstance(error, APIStatusError) and error.status in LATER
