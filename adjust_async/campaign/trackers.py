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
    """The trackers of the account's apps. Follows the Campaign API, v1 or v2 as `campaign_version` says."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._requests = TrackerRequests(session)

    def over(self, session: Session) -> "Trackers":
        """Return the same resource over a view of its session, with the same memory."""
        view = copy.copy(self)
        view._session = session  # noqa: SLF001 - of this class
        view._requests = self._requests.over(session)  # noqa: SLF001 - of this class
        return view

    @spelled_out
    def list(self, app_token: str, **paging: Unpack[Paging]) -> CursorPages[Tracker]:
        """List the network trackers of an app, which are those of level 1 ("Get Network Trackers").

        Args:
            app_token: The app.
            **paging: All optional: `page_size`, the trackers a page (the service's default is 50); `after` or `before`
                (v1) or `cursor` (v2), the cursor to begin at; `max_items`, where to stop; `prefetch`, the pages to
                fetch ahead (1 by default; 0 fetches each page when it is asked for).

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
        """List the subtrackers right below a tracker ("Get Subtrackers").

        Args:
            app_token: The app.
            tracker_token: The tracker above.
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
        """Walk the whole trees of one app or many, with as many requests side by side as the limits allow.

        Args:
            app_tokens: One app, or many.
            max_level: The deepest level: 1 for networks, 2 for campaigns, 3 for adgroups, 4 for creatives, the default.
            page_size: Trackers a page; sent as `limit`. The service's default is 50.
            on_progress: A function that is called in the event loop with how many trackers have arrived, `None`, as
                nobody knows how many there are, and the app of the last ones. What it raises ends the walk.

        Returns:
            The trackers as a `Walk`: iterate it with `async for` as they arrive, or await it. Each comes exactly once,
            and before those below it. `app_token` and `parent_token` say where each belongs. Nothing is asked below a
            tracker whose `has_subtrackers` is false. Nothing is sent until the walk is iterated or awaited.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
            AdjustError: (while iterating or awaited) A list could not be had. The walk ends there.
        """
        __tracebackhide__ = True
        tokens = check_app_tokens(app_tokens)
        check_whole_number(max_level, "max_level", most=LEVELS)
        start = Start.check(self._session.config.campaign_version, {"page_size": page_size, "prefetch": 0})
        trees = Trees(tokens, max_level, start, check_on_progress(on_progress))
        return Walk(self._session, self._requests, trees)

    async def create(self, app_token: str, name: str, *, parent_token: str | None = None) -> Tracker:
        """Create a tracker ("Create Tracker").

        It is sent again only where it surely did nothing, so one call never creates two. After any other failure
        (`error.in_doubt`) the tracker may be there or not. The client remembers that: the next `create` of the same
        path looks first, until `grace_time` after the failure, and returns the tracker that it finds. Two calls without
        a doubt create two trackers, unless the service refuses the second name.

        Args:
            app_token: The app.
            name: The name of the new level alone, such as `Spring`; the names above come from the parent.
            parent_token: The tracker to create it below; without one a network tracker is created.

        Returns:
            The new tracker; its `name` is the whole path.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
            WrongTrackerError: The answer is about another tracker. Whether this one was created is in doubt.
            AdjustError: The service refused, or gave no whole answer; `in_doubt` says which.
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
        """Link a tracker to a partner, or switch its cost data on or off ("Update Tracker").

        Args:
            app_token: The app.
            tracker_token: The tracker.
            partner_id: The partner's `id`, as `adjust.partners.list()` returns it. Stays as it is where `None`.
            cost_data_enabled: Whether cost data is collected. Stays as it is where `None`.

        Returns:
            The tracker as it is now.

        Raises:
            ConfigurationError: An argument is wrong, or nothing would be changed. Nothing was sent.
            AdjustError: The service refused, or gave no whole answer. It is safe to call again.
        """
        __tracebackhide__ = True
        app_token, tracker_token = check_token(app_token, "app_token"), check_token(tracker_token, "tracker_token")
        settings: dict[str, Any] = {}
        if partner_id is not None:
            settings["partner_id"] = check_whole_number(partner_id, "partner_id")
        if cost_data_enabled is not None:
            settings["cost_data_enabled"] = check_bool(cost_data_enabled, "cost_data_enabled")
        if not settings:
            raise ConfigurationError("update changes nothing: pass partner_id, cost_data_enabled, or both")
        return await self._requests.update(app_token, tracker_token, settings)

    async def find(self, app_token: str, path: str) -> Tracker | None:
        """Find a tracker by its whole name. Only the lists along the path are asked for.

        Where this client has just created something on the path, it is found whether lists show it yet or not; where a
        create of it ended in doubt, this waits until it is known what became of it, for `grace_time` after the failure
        at most.

        Args:
            app_token: The app.
            path: The name with those above it, such as `AdColony::DE::Spring`. A tracker of exactly that name goes
                first; else one whose name differs in case, spaces, Unicode form or escaping alone.

        Returns:
            The tracker as lists show it, or `None` where there is none. Of several with the same name, one that is not
            archived.

        Raises:
            ConfigurationError: An argument is wrong. Nothing was sent.
            AdjustError: A list could not be fetched, or several trackers may be meant.
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
        """Make sure that trackers exist and are set up as a plan says: each exactly once, whatever breaks.

        The branches that the plan is about are listed first; then the difference is sent, parents before children, as
        many at a time as the limits allow. It can be run again at any time, and does nothing where nothing differs. It
        takes nothing away: Adjust's API can't delete or archive trackers.

        A create that may have been done is looked up before it is sent again, until `grace_time` after the failure:
        the service may still work on it, and lists may lag behind. What this client created or set up a moment ago is
        remembered, whichever method did it. Names are compared by what the service keeps: a name that differs in case,
        spaces, Unicode form or escaping alone is taken for the tracker, with a note; a doubtful one is never created.

        Runs for the same app wait for each other: those of one client, and with a `coordinator` those of all clients
        that share it. With a `FileCoordinator` or a `RedisCoordinator` creates are written down before they are sent,
        so that a process can be killed at any moment and run again at once. Without one, wait for `grace_time` first.

        Args:
            app_token: The app.
            plan: Paths such as `"AppLovin::DE::Spring"` and `TrackerSpec`, in any iterable, or what `load_plan` reads.
                Missing trackers above an entry are created too. The whole plan is read before anything is sent.
            dry_run: Only compare: the result says what would be done, and only lists are asked for.
            on_failure: `"keep"` goes on with the others, and the result holds the failures; `"raise"` ends with the
                first failure, whose `result` says what was done until then.
            on_progress: A function that is called in the event loop with how many entries are done, how many there are,
                and the path of the last one. What it raises ends the run.
            on_outcome: Called with the final outcome of each entry, once, also when the call is cancelled or fails.
                What it raises ends the run.
            grace_time: Seconds after which a create that is in no list was not done, by default the client's; 0
                believes the first list. A name that the service refuses fails only after that time, since a create of
                the plan may hold it.
            verify: Whether to list the branches with creates once more at the end, and report `result.duplicates`. By
                default after 1,000 creates or more, and after any doubt.
            page_size: Trackers a page; sent as `limit`. The service's default is 50.

        Returns:
            The outcome of each entry, in the order of the plan.

        Raises:
            PlanError: Entries are wrong, name unknown partners, or have names that a service may take for one. The
                error names all of them; nothing was created.
            CoordinationError: The coordinator is out of reach. Nothing was created.
            AdjustError: What exists could not be listed. Nothing was created. Its `result` has the outcomes.
            ConfigurationError: An argument is wrong.
            asyncio.CancelledError: The call was cancelled: nothing more was begun, and what had been sent was awaited
                or looked up within about three times `grace_time`. `on_outcome` was told every outcome.
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
