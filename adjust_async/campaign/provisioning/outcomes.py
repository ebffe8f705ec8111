"""The outcomes of a plan: exactly one for each entry, however the run ends."""

import asyncio
from collections.abc import Callable, Sequence

from adjust_async.campaign.models import Tracker
from adjust_async.campaign.provisioning.plan import TrackerSpec
from adjust_async.campaign.provisioning.result import OnOutcome, ProvisionOutcome, ProvisionResult, Status
from adjust_async.campaign.provisioning.tree import Node
from adjust_async.campaign.siblings import PORTION
from adjust_async.errors import AdjustError, APITimeoutError, NotTriedError, detached
from adjust_async.progress import OnProgress

__all__ = ["Outcomes", "status_of"]

#: The number of failures whose errors keep the service's complete answer. A plan may have many failures.
MOST_BODIES = 20


class Outcomes:
    """The outcomes of a run, which are passed to the caller's functions as soon as they are final.

    Args:
        specs: The entries.
        on_progress, on_outcome: The caller's functions.
        end: Ends the run with the error that such a function raised.

    Attributes:
        ended: Whether the run ends with a failure, so that no more progress is reported.
    """

    def __init__(
        self,
        specs: Sequence[TrackerSpec],
        on_progress: OnProgress | None,
        on_outcome: OnOutcome | None,
        end: Callable[[BaseException], None],
    ) -> None:
        self.ended = False
        self._end = end
        self._specs = specs
        self._outcomes: list[ProvisionOutcome | None] = [None] * len(specs)
        self._on_progress = on_progress
        self._on_outcome = on_outcome
        self._done = 0
        self._failures = 0
        self._not_tried: dict[str, NotTriedError] = {}

    def settle(self, node: Node, status: Status) -> None:
        """Set the outcome of a node, and report it for each of its entries."""
        node.status = status
        for place, number in enumerate(node.entries):
            # An entry that is in the plan twice is created once.
            once: Status = "unchanged" if place and status != "failed" else status
            outcome = node.outcome(self._specs[number].path, once)
            self._outcomes[number] = outcome
            self._done += 1
            self._report(outcome)

    def fail(self, node: Node, error: AdjustError) -> None:
        """Record that a node failed."""
        self._failures += 1
        # The traceback is dropped, because its frames hold the answer.
        node.error = detached(error, short=True) if self._failures > MOST_BODIES else error.with_traceback(None)
        self.settle(node, "failed")

    def not_tried(self, node: Node, reason: str) -> None:
        """Record that nothing was done for a node."""
        # Thousands of nodes may share the reason.
        error = self._not_tried.get(reason)
        if error is None:
            error = NotTriedError(reason)
            if len(self._not_tried) < MOST_BODIES:
                self._not_tried[reason] = error
        node.error = error
        self.settle(node, "failed")

    async def fail_below(self, node: Node, reason: str) -> None:
        """Record that nothing was done for the nodes below a node."""
        for number, child in enumerate(node.below()):
            if child.status is None and child.tracker is None:
                self.not_tried(child, f"it was not tried, because {reason}")
            if not number % PORTION:
                await asyncio.sleep(0)

    async def close(self, root: Node, reason: str) -> None:
        """Set the outcomes of all nodes without one, after a run that ended for this reason."""
        for number, node in enumerate(root.below()):
            if node.status is None:
                self._close(node, reason)
            if not number % PORTION:
                await asyncio.sleep(0)

    async def result(
        self, app_token: str, root: Node, *, dry_run: bool, duplicates: Sequence[Tracker], verified: bool
    ) -> ProvisionResult:
        """Return the result, once every node has its outcome."""
        implied = []
        for number, node in enumerate(root.below()):
            if not node.entries:
                implied.append(node.outcome(node.path, node.status))
            if not number % PORTION:
                await asyncio.sleep(0)
        outcomes = [outcome for outcome in self._outcomes if outcome is not None]
        return ProvisionResult(
            app_token, self._specs, outcomes, implied, dry_run=dry_run, duplicates=duplicates, verified=verified
        )

    def _close(self, node: Node, reason: str) -> None:
        if node.doubt is not None:
            self.fail(node, node.doubt)
        elif node.sending and node.tracker is None:
            words = f"{node.path!r} was being created: {reason}"
            self.fail(node, APITimeoutError(words, method="POST", path="trackers", service="api"))
        elif node.sending:
            words = f"{node.path!r} exists, and its settings were being sent: {reason}"
            self.fail(node, APITimeoutError(words, method="PATCH", path="trackers", service="api"))
        elif node.tracker is None and node.put_off:
            self.not_tried(node, f"the service had put it off, and it was not tried again: {reason}")
        elif node.tracker is None:
            self.not_tried(node, f"it was not tried: {reason}")
        elif node.missing_settings:
            self.not_tried(node, f"it exists, and its settings were not sent: {reason}")
        else:
            self.settle(node, status_of(node))

    def _report(self, outcome: ProvisionOutcome) -> None:
        # `on_outcome` gets every outcome, even after a function raised; progress ends there.
        try:
            if self._on_outcome is not None:
                self._on_outcome(outcome)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it is, the run ends in order
            self._end(error)
        try:
            if self._on_progress is not None and not self.ended:
                self._on_progress(self._done, len(self._specs), outcome.path)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - as above
            self._end(error)


def status_of(node: Node) -> Status:
    """Return the status that a node will have once its differences are sent."""
    if node.created or node.tracker is None:
        return "created"
    return "updated" if node.missing_settings else "unchanged"
