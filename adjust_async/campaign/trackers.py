"""`adjust.trackers`: listing, walking, creating and updating the trackers of an app."""

import copy
from collections.abc import Iterable
from typing import Any, Literal, Unpack

from adjust_async._checks import check_app_tokens, check_bool, check_level_name, check_token, check_whole_number
from adjust_async._concurrency import running_loop
from adjust_async._http.session import Session
from adjust_async._signatures import spelled_out
from adjust_async.campaign import lookup
from adjust_async.campaign.models import Tracker
from adjust_async.campaign.pages import CursorPages, Paging, Start
from adjust_async.campaign.paths import check_path
from adjust_async.campaign.provisioning.plan import TrackerPlan
from adjust_async.campaign.provisioning.provision import provision as run_plan
from adjust_async.campaign.provisioning.result import OnOutcome, ProvisionResult
from adjust_async.campaign.recent import Place
from adjust_async.campaign.requests import TrackerRequests
from adjust_async.campaign.walk import Trees, Walk
from adjust_async.errors import ConfigurationError
from adjust_async.progress import OnProgress, check_on_progress

__all__ = ["Trackers"]

#: Network, campaign, adgroup, creative.
LEVELS = 4


class Trackers:
    """The trackers of the account's apps. Follows the Campaign API, v1 or v2 depending on `campaign_version`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._requests = TrackerRequests(session)

    def over(self, session: Session) -> "Trackers":
        """Return a copy over a view of its session, with the same memory of recent writes."""
        view = copy.copy(self)
        view._session = session  # noqa: SLF001 - of this class
        view._requests = self._requests.over(session)  # noqa: SLF001 - of this class
        return view

    @spelled_out
    def list(self, app_token: str, **paging: Unpack[Paging]) -> CursorPages[Tracker]:
        """List the network trackers of an app, which have level 1. Follows "Get Network Trackers".

        Args:
            app_token: The app.
            **paging: All optional: `page_size`, the trackers on each page (by default the service decides: 50,
                unless `max_items` is less);
                `after` or `before` (v1) or `cursor` (v2), the cursor to start at; `max_items`, the number of trackers
                after which to stop; `prefetch`, the number of pages to fetch ahead (1 by default; with 0, each page is
                fetched when the consumer needs it).

        Returns:
            The trackers as `CursorPages`. Nothing is sent until it is iterated or awaited.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
        """
        __tracebackhide__ = True
        start = Start.check(self._session.config.campaign_version, paging)
        return self._requests.siblings(_place(app_token, None), start)

    @spelled_out
    def children(self, app_token: str, tracker_token: str, **paging: Unpack[Paging]) -> CursorPages[Tracker]:
        """List the subtrackers directly below a tracker. Follows "Get Subtrackers".

        Args:
            app_token: The app.
            tracker_token: The parent.
            **paging: `page_size`, `after`, `before`, `cursor`, `max_items` and `prefetch`, as in `list`.

        Returns:
            The trackers as `CursorPages`. Nothing is sent until it is iterated or awaited.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
        """
        __tracebackhide__ = True
        start = Start.check(self._session.config.campaign_version, paging)
        place = Place(check_token(app_token, "app_token"), check_token(tracker_token, "tracker_token"))
        return self._requests.siblings(place, start)

    def walk(
        self,
        app_tokens: str | Iterable[str],
        *,
        max_level: int = 4,
        page_size: int | None = None,
        on_progress: OnProgress | None = None,
    ) -> Walk:
        """List the complete tracker trees of one or more apps, with as many concurrent requests as the limits allow.

        Args:
            app_tokens: One app, or several.
            max_level: The deepest level: 1 for networks, 2 for campaigns, 3 for adgroups, 4 for creatives, the default.
            page_size: Trackers on each page, sent as `limit`. By default the service decides (50).
            on_progress: A function that is called in the event loop with the number of trackers so far, `None` for the
                unknown total, and the app of the last ones. An exception from it ends the walk.

        Returns:
            The trackers as a `Walk`. Await it, or iterate it with `async for` as they arrive. Each tracker appears
            exactly once, before its children; `app_token` and `parent_token` show its place. A tracker whose
            `has_subtrackers` is false is not searched for children. Nothing is sent until it is iterated or awaited.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
            AdjustError: (on iterating or awaiting) A list could not be fetched. The walk ends there.
        """
        __tracebackhide__ = True
        tokens = check_app_tokens(app_tokens)
        check_whole_number(max_level, "max_level", most=LEVELS)
        start = Start.check(self._session.config.campaign_version, {"page_size": page_size, "prefetch": 0})
        trees = Trees(tokens, max_level, start, check_on_progress(on_progress))
        return Walk(self._session, self._requests, trees)

    async def create(self, app_token: str, name: str, *, parent_token: str | None = None) -> Tracker:
        """Create a tracker. Follows "Create Tracker".

        A request is repeated only if it certainly had no effect, so one call never creates two trackers. After a
        failure with `error.in_doubt`, the tracker may or may not exist. The client remembers that: the next `create` of
        the same path first looks for the tracker, until `grace_time` after the failure, and returns it if it exists.
        Two successful calls create two trackers, unless the service refuses the second name.

        Args:
            app_token: The app.
            name: Only the name of the new level, such as `Spring`. The parent determines the levels above.
            parent_token: The parent. Without one, a network tracker is created.

        Returns:
            The new tracker. Its `name` is the full path.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
            WrongTrackerError: The answer is about another tracker. This one may or may not have been created.
            AdjustError: The service refused, or sent no complete answer; or an earlier create in doubt could not be
                looked up. `in_doubt` is whether the tracker may exist.
        """
        __tracebackhide__ = True
        place = _place(app_token, parent_token)
        label = check_level_name(name, "name")
        running_loop()
        return await lookup.create(self._requests, place, label, grace_time=self._session.config.grace_time)

    async def update(
        self,
        app_token: str,
        tracker_token: str,
        *,
        partner_id: int | None = None,
        cost_data_enabled: bool | None = None,
    ) -> Tracker:
        """Link a tracker to a partner, or switch its cost data on or off. Follows "Update Tracker".

        Args:
            app_token: The app.
            tracker_token: The tracker.
            partner_id: The partner's `id` in `adjust.partners.list()`. Unchanged by default.
            cost_data_enabled: Whether to collect cost data. Unchanged by default.

        Returns:
            The tracker after the update.

        Raises:
            ConfigurationError: An argument is wrong, or there is nothing to change. Nothing was sent.
            WrongTrackerError: The answer is about another tracker. It is safe to call again.
            AdjustError: The service refused, or sent no complete answer. It is safe to call again.
        """
        __tracebackhide__ = True
        app_token, tracker_token = check_token(app_token, "app_token"), check_token(tracker_token, "tracker_token")
        settings: dict[str, Any] = {}
        if partner_id is not None:
            settings["partner_id"] = check_whole_number(partner_id, "partner_id")
        if cost_data_enabled is not None:
            settings["cost_data_enabled"] = check_bool(cost_data_enabled, "cost_data_enabled")
        if not settings:
            raise ConfigurationError("update has nothing to change: pass partner_id, cost_data_enabled, or both")
        return await self._requests.update(app_token, tracker_token, settings)

    async def find(self, app_token: str, path: str) -> Tracker | None:
        """Find a tracker by its full name. Only the lists along the path are fetched.

        A tracker that this client created recently is found even if lists don't show it yet. If a create of the tracker
        ended in doubt, this waits until its outcome is known, at most until `grace_time` after the failure.

        Args:
            app_token: The app.
            path: The full name, such as `AdColony::DE::Spring`. A tracker with exactly that name is preferred to one
                whose name differs only in case, spaces, Unicode form or escaping.

        Returns:
            The tracker as lists show it, or `None` if it does not exist. Among several with the same name, one that is
            not archived is preferred.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
            AdjustError: A list could not be fetched, or it is uncertain which tracker has the name.
        """
        token = check_token(app_token, "app_token")
        tracker: Tracker | None = None
        for label in check_path(path):
            place = Place(token, None if tracker is None else tracker.token)
            tracker = await lookup.find(self._requests, place, label, grace_time=self._session.config.grace_time)
            if tracker is None:
                return None
        return tracker

    async def provision(
        self,
        app_token: str,
        plan: TrackerPlan,
        *,
        dry_run: bool = False,
        on_failure: Literal["keep", "raise"] = "keep",
        on_progress: OnProgress | None = None,
        on_outcome: OnOutcome | None = None,
        grace_time: float | None = None,
        verify: bool | None = None,
        page_size: int | None = None,
    ) -> ProvisionResult:
        """Create and update trackers until they are as planned. Each is created only once, even after failures.

        The branches in the plan are listed first. Then only the differences are sent, parents before children, with as
        many concurrent requests as the limits allow. It can be run again at any time, and does nothing if nothing
        differs. It removes nothing: Adjust's API can't delete or archive trackers.

        A create that may have succeeded is looked up before it is sent again, until `grace_time` after the failure: the
        service may still be working on it, and lists may lag behind. Recent creates and updates of this client, by any
        of its methods, are remembered. A tracker whose name differs only in case, spaces, Unicode form or escaping
        counts as the planned one, with a note. If it is doubtful whether a tracker exists, it is never created.

        Runs for the same app wait for each other: those of one client, and with a `coordinator` those of all clients
        that share it. A `FileCoordinator` or a `RedisCoordinator` also keeps a journal of creates, so a process can be
        killed at any moment and run again at once. Without one of them, wait for `grace_time` first.

        Args:
            app_token: The app.
            plan: Any iterable of paths such as `"AppLovin::DE::Spring"` and of `TrackerSpec`, or the result of
                `load_plan`. Missing parents of an entry are created too. The whole plan is read before anything is
                sent.
            dry_run: Only compare: the result shows what would be done, and only lists are fetched.
            on_failure: `"keep"` continues with the others, and the result contains the failures. `"raise"` raises the
                first failure; its `result` shows what was done until then.
            on_progress: A function that is called in the event loop with the number of finished entries, their total,
                and the path of the last one. An exception from it ends the run.
            on_outcome: A function that is called once with the final outcome of each entry, even if the call is
                cancelled or fails. An exception from it ends the run.
            grace_time: Seconds after which a create that no list shows has failed; the client's `grace_time` by
                default. With 0, the first list decides. A name that the service refuses fails only after that time,
                since a create in the plan may have taken it.
            verify: Whether to list the branches with creates again at the end, to report `result.duplicates`. By
                default only after 1,000 creates or more, or a create in doubt.
            page_size: Trackers on each page, sent as `limit`. By default the service decides (50).

        Returns:
            The `ProvisionResult`, with the outcome of each entry in the order of the plan.

        Raises:
            PlanError: Entries are wrong, name unknown partners, or have names that a service may confuse. The error
                lists all of them. Nothing was created.
            ConfigurationError: An argument is wrong. Nothing was sent.
            CoordinationError: The coordinator can't be reached. Nothing was created.
            AdjustError: The existing trackers or the partners could not be listed, and nothing was created; or with
                `on_failure="raise"`, the first failure. `result` has the outcomes.
            ClientClosedError: The client was closed. `result` has the outcomes.
            asyncio.CancelledError: The call was cancelled. Nothing more was started, and requests in flight were
                awaited or looked up within about three times `grace_time`. `on_outcome` has received every outcome.
        """
        __tracebackhide__ = True
        token = check_token(app_token, "app_token")
        return await run_plan(
            self._session,
            self._requests,
            plan,
            app_token=token,
            dry_run=dry_run,
            on_failure=on_failure,
            on_progress=on_progress,
            on_outcome=on_outcome,
            grace_time=grace_time,
            verify=verify,
            page_size=page_size,
        )


def _place(app_token: object, parent_token: object) -> Place:
    """Check the tokens of a list of siblings."""
    __tracebackhide__ = True
    token = check_token(app_token, "app_token")
    return Place(token, None if parent_token is None else check_token(parent_token, "parent_token"))
