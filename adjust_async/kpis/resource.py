"""`adjust.kpis`: the figures of the KPI Service, by one request for each app, side by side, merged."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, Literal, Unpack, overload

from adjust_async._figures.per_app import OnFailure
from adjust_async._figures.windows import Window
from adjust_async._http.session import Session
from adjust_async._signatures import spelled_out
from adjust_async.kpis.parameters import CohortsQuery, DeliverablesQuery, Endpoint, EventsQuery, SKAdNetworkQuery
from adjust_async.kpis.question import ask, check_question, stream
from adjust_async.kpis.report import KpiReport
from adjust_async.progress import OnProgress, check_on_progress

__all__ = ["KPIs"]


class KPIs:
    """The figures of the account's apps, as documented for the KPI Service.

    Every method sends one request for each app (and window), as many at a time as the client's limits allow, and merges
    the answers. Arguments that the methods have in common:

    Args:
        app_tokens: One app, or many.
        start_date, end_date: The first and the last day, both included: `datetime.date`, or ISO text.
        utc_offset: Where a day begins, such as `+05:30`; UTC by default.
        kpis: Names of KPIs, in the order of their columns; each endpoint has defaults.
        grouping: Levels to group by, outermost first, such as `["trackers", "day"]`. The service's default is
            `trackers` for one app, and `apps` for several.
        countries, os_names, device_types: Only figures of these.
        tracker_filter: Only figures of these trackers (not for SKAdNetwork).
        attribution_type: `click` (default), `impression` or `all`.
        sandbox: Whether to return the figures of the sandbox instead of those of production.
        human_readable_kpis: Whether the service names KPIs in words.
        tracker_token: The tracker to ask below, instead of the whole app.
        window: Splits the range into windows that are asked for side by side: `"day"`, `"week"` (from Monday),
            `"month"`, or a number of days. Allowed only where the grouping makes the join exact. For cohorts the range
            is that of their installs.
        on_failure: `"raise"` cancels the other requests and raises; `"keep"` returns the report of the other apps, with
            `failures`. Where every app failed, the error of the first one is raised in any case.
        on_progress: A function that is called in the event loop with how many requests have ended, how many there are,
            and the app of the last one. It should return soon; what it raises ends the call.
        parameters: Parameters that Adjust added later, by name.

    Raises:
        ConfigurationError: An argument is wrong. Nothing was sent.
        GoneError: Adjust has switched the KPI Service off for the account.
        DecodeError: An answer is not what the service documents.
        AdjustError: The request for an app failed.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @spelled_out
    async def deliverables(
        self,
        app_tokens: str | Iterable[str],
        *,
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        on_progress: OnProgress | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[DeliverablesQuery],
    ) -> KpiReport:
        """Return overview figures: clicks, installs, sessions, revenue and the like.

        Args:
            app_tokens, tracker_token, window, on_failure, on_progress, parameters: As described at the class.
            query: The parameters described at the class, and `attribution_source` (`dynamic`, `first`), `reattributed`
                (`True`, `False`, `"all"`), `event_kpis` (`{event_token}_{kpi}`, `all_events`), `regions`,
                `cohort_revenue_period` (days).

        Returns:
            The report of all apps, in the order asked for.
        """
        __tracebackhide__ = True
        question = check_question(
            "deliverables",
            app_tokens,
            query,
            tracker_token=tracker_token,
            window=window,
            on_failure=on_failure,
            parameters=parameters,
        )
        return await ask(self._session, question, check_on_progress(on_progress))

    @spelled_out
    async def events(
        self,
        app_tokens: str | Iterable[str],
        *,
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        on_progress: OnProgress | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[EventsQuery],
    ) -> KpiReport:
        """Return the figures of events.

        Args:
            app_tokens, tracker_token, window, on_failure, on_progress, parameters: As described at the class.
            query: The parameters described at the class, and `events` (event tokens), `partner_ids`,
                `attribution_source`.

        Returns:
            The report of all apps, in the order asked for.
        """
        __tracebackhide__ = True
        question = check_question(
            "events",
            app_tokens,
            query,
            tracker_token=tracker_token,
            window=window,
            on_failure=on_failure,
            parameters=parameters,
        )
        return await ask(self._session, question, check_on_progress(on_progress))

    @spelled_out
    async def cohorts(
        self,
        app_tokens: str | Iterable[str],
        *,
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        on_progress: OnProgress | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[CohortsQuery],
    ) -> KpiReport:
        """Return the figures of cohorts, such as retention, by the time since the install.

        Args:
            app_tokens, tracker_token, window, on_failure, on_progress, parameters: As described at the class.
            query: The parameters described at the class, and `period` (`day`, `week`, `month`), `events` (event
                tokens), `reattributed`, `day_def`, `cohort_period_filter`, `impression_based`.

        Returns:
            The report of all apps, in the order asked for. Its `pivot("period")` has one row for each cohort.
        """
        __tracebackhide__ = True
        question = check_question(
            "cohorts",
            app_tokens,
            query,
            tracker_token=tracker_token,
            window=window,
            on_failure=on_failure,
            parameters=parameters,
        )
        return await ask(self._session, question, check_on_progress(on_progress))

    @spelled_out
    async def skadnetwork(
        self,
        app_tokens: str | Iterable[str],
        *,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        on_progress: OnProgress | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[SKAdNetworkQuery],
    ) -> KpiReport:
        """Return the figures that come from Apple's SKAdNetwork.

        Args:
            app_tokens, window, on_failure, on_progress, parameters: As described at the class.
            query: The parameters described at the class, and `attribution_source`, `regions`.

        Returns:
            The report of all apps, in the order asked for.
        """
        __tracebackhide__ = True
        question = check_question(
            "skadnetwork",
            app_tokens,
            query,
            tracker_token=None,
            window=window,
            on_failure=on_failure,
            parameters=parameters,
        )
        return await ask(self._session, question, check_on_progress(on_progress))

    @overload
    def stream(
        self,
        app_tokens: str | Iterable[str],
        *,
        endpoint: Literal["deliverables"] = "deliverables",
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        on_progress: OnProgress | None = None,
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
        on_progress: OnProgress | None = None,
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
        on_progress: OnProgress | None = None,
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
        on_progress: OnProgress | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Unpack[SKAdNetworkQuery],
    ) -> AsyncGenerator[tuple[str, KpiReport], None]: ...

    @spelled_out
    def stream(
        self,
        app_tokens: str | Iterable[str],
        *,
        endpoint: Endpoint = "deliverables",
        tracker_token: str | None = None,
        window: Window | None = None,
        on_failure: OnFailure = "raise",
        on_progress: OnProgress | None = None,
        parameters: Mapping[str, Any] | None = None,
        **query: Any,
    ) -> AsyncGenerator[tuple[str, KpiReport], None]:
        """Yield each app with its report when it arrives.

        Args:
            app_tokens, tracker_token, window, on_failure, on_progress, parameters: As described at the class.
            endpoint: `deliverables`, `events`, `cohorts` or `skadnetwork`: the method to ask as.
            query: The parameters of that method.

        Returns:
            An async generator of app tokens, each with the report of that app alone. With `on_failure="keep"` a failed
            app is yielded too, with a report that has no rows and with its error in `failures`; where every app failed,
            the error of the first one is raised after the last of them.
        """
        __tracebackhide__ = True
        question = check_question(
            endpoint,
            app_tokens,
            query,
            tracker_token=tracker_token,
            window=window,
            on_failure=on_failure,
            parameters=parameters,
        )
        return stream(self._session, question, check_on_progress(on_progress))
