"""`adjust.kpis`: the figures of the KPI Service, one request an app, side by side, merged."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, Literal, Unpack, overload

from adjust_async._checks import check_app_tokens, check_token, shown
from adjust_async._figures.windows import Window
from adjust_async._http.session import Session
from adjust_async.errors import ConfigurationError
from adjust_async.kpis.parameters import (
    CohortsQuery,
    DeliverablesQuery,
    Endpoint,
    EventsQuery,
    SKAdNetworkQuery,
    check_query,
    split_period,
)
from adjust_async.kpis.question import Question, merged, streamed
from adjust_async.kpis.report import KpiReport

__all__ = ["KPIs"]

OnFailure = Literal["raise", "keep"]


class KPIs:
    """The figures of the account's apps. Follows the KPI Service.

    Every method asks one request for each app (and window), as many at a time as the client's limits allow, and merges
    the answers. What the methods have in common:

    Args:
        app_tokens: One app, or many.
        start_date, end_date: The first and the last day, both included: `datetime.date`, or ISO text.
        utc_offset: Where a day begins, such as `+05:30`; UTC by default.
        kpis: Names of KPIs, in the order in which they are wanted; each endpoint has defaults.
        grouping: Levels to group by, outermost first, such as `["trackers", "day"]`. The service's default is
            `trackers` for one app, and `apps` for several.
        countries, os_names, device_types: Only figures of these.
        tracker_filter: Only figures of these trackers (not for SKAdNetwork).
        attribution_type: `click` (default), `impression` or `all`.
        sandbox: The sandbox's figures, instead of those of production.
        human_readable_kpis: The service then names KPIs in words.
        tracker_token: Asks below one tracker.
        window: Splits the range into windows, asked side by side: `"day"`, `"week"`, `"month"`, or a number of days.
            Allowed only where the grouping makes that exact. For cohorts the range is that of their installs.
        on_failure: `"raise"` cancels the other requests and raises; `"keep"` gives the report of the other apps, with
            `failures`. Where every app failed, the first one's error is raised in any case.
        parameters: What Adjust added later, by name.

    Raises:
        ConfigurationError: An argument is wrong. Nothing was sent.
        GoneError: Adjust has switched the KPI Service off for the account.
        AdjustError: An app's figures could not be had.
        DecodeError: An answer is not what the service documents.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def deliverables(
        self,
        app_tokens: str | Iterable[str],
        *,
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[DeliverablesQuery],
    ) -> KpiReport:
        """Ask for overview figures: clicks, installs, sessions, revenue and the like.

        Args:
            app_tokens, tracker_token, window, on_failure, parameters: As described at the class.
            query: What the class describes, and `attribution_source` (`dynamic`, `first`), `reattributed` (`True`,
                `False`, `"all"`), `event_kpis` (`{event_token}_{kpi}`, `all_events`), `regions`,
                `cohort_revenue_period` (days).

        Returns:
            The report of all apps, in the order asked for.
        """
        question = self._question("deliverables", app_tokens, tracker_token, window, on_failure, parameters, query)
        return await merged(self._session, question)

    async def events(
        self,
        app_tokens: str | Iterable[str],
        *,
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[EventsQuery],
    ) -> KpiReport:
        """Ask for the figures of events.

        Args:
            app_tokens, tracker_token, window, on_failure, parameters: As described at the class.
            query: What the class describes, and `events` (event tokens), `partner_ids`, `attribution_source`.

        Returns:
            The report of all apps, in the order asked for.
        """
        question = self._question("events", app_tokens, tracker_token, window, on_failure, parameters, query)
        return await merged(self._session, question)

    async def cohorts(
        self,
        app_tokens: str | Iterable[str],
        *,
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[CohortsQuery],
    ) -> KpiReport:
        """Ask for the figures of cohorts, such as retention, by the time since their install.

        Args:
            app_tokens, tracker_token, window, on_failure, parameters: As described at the class.
            query: What the class describes, and `period` (`day`, `week`, `month`), `events` (event tokens),
                `reattributed`, `day_def`, `cohort_period_filter`, `impression_based`.

        Returns:
            The report of all apps, in the order asked for. `pivot("period")` gives one row a cohort.
        """
        question = self._question("cohorts", app_tokens, tracker_token, window, on_failure, parameters, query)
        return await merged(self._session, question)

    async def skadnetwork(
        self,
        app_tokens: str | Iterable[str],
        *,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[SKAdNetworkQuery],
    ) -> KpiReport:
        """Ask for the figures that come over Apple's SKAdNetwork.

        Args:
            app_tokens, window, on_failure, parameters: As described at the class.
            query: What the class describes, and `attribution_source`, `regions`.

        Returns:
            The report of all apps, in the order asked for.
        """
        question = self._question("skadnetwork", app_tokens, None, window, on_failure, parameters, query)
        return await merged(self._session, question)

    @overload
    def stream(
        self,
        app_tokens: str | Iterable[str],
        *,
        endpoint: Literal["deliverables"] = "deliverables",
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[DeliverablesQuery],
    ) -> AsyncGenerator[tuple[str, KpiReport], None]: ...

    @overload
    def stream(
        self,
        app_tokens: str | Iterable[str],
        *,
        endpoint: Literal["events"],
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[EventsQuery],
    ) -> AsyncGenerator[tuple[str, KpiReport], None]: ...

    @overload
    def stream(
        self,
        app_tokens: str | Iterable[str],
        *,
        endpoint: Literal["cohorts"],
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[CohortsQuery],
    ) -> AsyncGenerator[tuple[str, KpiReport], None]: ...

    @overload
    def stream(
        self,
        app_tokens: str | Iterable[str],
        *,
        endpoint: Literal["skadnetwork"],
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[SKAdNetworkQuery],
    ) -> AsyncGenerator[tuple[str, KpiReport], None]: ...

    def stream(
        self,
        app_tokens: str | Iterable[str],
        *,
        endpoint: Endpoint = "deliverables",
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        parameters: Mapping[str, Any] | None = None,
        **query: Any,
    ) -> AsyncGenerator[tuple[str, KpiReport], None]:
        """Ask as the method called like `endpoint` does, and give each app as it arrives.

        Args:
            app_tokens, tracker_token, window, on_failure, parameters: As described at the class.
            endpoint: `deliverables`, `events`, `cohorts` or `skadnetwork`.
            query: What that method takes.

        Returns:
            An async generator of app tokens, each with the report of that app alone. With `on_failure="keep"` an app
            that failed comes too: with a report that has no rows, and its error in `failures`; where every app failed,
            the first one's error is raised after the last of them.
        """
        question = self._question(endpoint, app_tokens, tracker_token, window, on_failure, parameters, query)
        return streamed(self._session, question)

    def _question(
        self,
        endpoint: Endpoint,
        app_tokens: str | Iterable[str],
        tracker_token: str | None,
        window: Window | None,
        on_failure: OnFailure,
        parameters: Mapping[str, Any] | None,
        query: Mapping[str, Any],
    ) -> Question:
        if on_failure not in ("raise", "keep"):
            raise ConfigurationError(f"on_failure is {shown(on_failure)}: give 'raise' or 'keep'")
        if tracker_token is not None and endpoint == "skadnetwork":
            raise ConfigurationError("tracker_token is given: SKAdNetwork can't be asked below a tracker")
        wire = check_query(endpoint, query, parameters)
        tokens = check_app_tokens(app_tokens)
        if len(tokens) > 1:
            # The service's default is by trackers for one app and by apps for several; each request here is for one.
            wire.setdefault("grouping", "apps")
        return Question(
            endpoint=endpoint,
            app_tokens=tokens,
            tracker_token=None if tracker_token is None else check_token(tracker_token, "tracker_token"),
            query=wire,
            periods=split_period(wire, window),
            keep_failures=on_failure == "keep",
        )
