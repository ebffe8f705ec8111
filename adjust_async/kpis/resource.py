"""`adjust.kpis`: figures of the KPI Service, with one concurrent request for each app, merged into one report."""

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
    """The figures of the account's apps. Follows the KPI Service's documentation.

    Every method sends one request for each app (and window), as many at a time as the client's limits allow, and merges
    the answers. The methods share these arguments:

    Args:
        app_tokens: One app token, or several.
        start_date, end_date: The first and the last day, both included: `datetime.date`, ISO text, or a moment at
            midnight, such as a `pandas.Timestamp`.
        utc_offset: The offset at which days begin, such as `+05:30`; UTC by default.
        kpis: Names of KPIs, in the order of their columns; each endpoint has defaults.
        grouping: Levels to group by, outermost first, such as `["trackers", "day"]`. The default is `trackers` for one
            app, and `apps` for several.
        countries, os_names, device_types: Only figures of these.
        tracker_filter: Only figures of these trackers (not for SKAdNetwork).
        attribution_type: `click` (default), `impression` or `all`.
        sandbox: Whether to return figures of the sandbox instead of production, the default.
        human_readable_kpis: Whether the service returns readable names of KPIs.
        tracker_token: The tracker to report on, instead of the whole app (not for SKAdNetwork).
        window: Splits the range into windows that are requested concurrently: `"day"`, `"week"` (from Monday),
            `"month"`, or a number of days from 1 to 366. By default the range is not split. Allowed only if the
            grouping makes the join exact. For cohorts, the range is that of their installs.
        on_failure: `"raise"`, the default, raises the first failure and cancels the other requests. `"keep"` returns
            the report of the other apps, with `failures`; if every app failed, it raises the error of the first app.
        on_progress: A function that is called in the event loop with the number of finished requests, their total, and
            the app of the last one. It should return quickly; an exception from it ends the call.
        parameters: Parameters that Adjust added later, by name.

    Raises:
        ConfigurationError: An argument is wrong. Nothing was sent.
        GoneError: Adjust has switched the KPI Service off for the account.
        DecodeError: An answer is not what the service documents.
        AdjustError: The request for an app failed, and `on_failure` is `"raise"`, or all of them failed.
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
        """Return overview figures, such as clicks, installs, sessions and revenue.

        Args:
            app_tokens, tracker_token, window, on_failure, on_progress, parameters: As described in the class.
            query: The parameters described in the class, and `attribution_source` (`dynamic`, `first`), `reattributed`
                (`True`, `False`, `"all"`), `event_kpis` (`{event_token}_{kpi}`, `all_events`), `regions`,
                `cohort_revenue_period` (days).

        Returns:
            The `KpiReport` of all apps, in the requested order.

        Raises:
            AdjustError: As described in the class.
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
            app_tokens, tracker_token, window, on_failure, on_progress, parameters: As described in the class.
            query: The parameters described in the class, and `events` (event tokens), `partner_ids`,
                `attribution_source`.

        Returns:
            The `KpiReport` of all apps, in the requested order.

        Raises:
            AdjustError: As described in the class.
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
            app_tokens, tracker_token, window, on_failure, on_progress, parameters: As described in the class.
            query: The parameters described in the class, and `period` (`day`, `week`, `month`), `events` (event
                tokens), `reattributed`, `day_def`, `cohort_period_filter`, `impression_based`.

        Returns:
            The `KpiReport` of all apps, in the requested order. Its `pivot("period")` has one row for each cohort.

        Raises:
            AdjustError: As described in the class.
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
        """Return figures from Apple's SKAdNetwork.

        Args:
            app_tokens, window, on_failure, on_progress, parameters: As described in the class.
            query: The parameters described in the class, and `attribution_source`, `regions`.

        Returns:
            The `KpiReport` of all apps, in the requested order.

        Raises:
            AdjustError: As described in the class.
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
            app_tokens, tracker_token, window, on_failure, on_progress, parameters: As described in the class.
            endpoint: `deliverables`, `events`, `cohorts` or `skadnetwork`, the method whose figures are streamed.
            query: The parameters of that method.

        Returns:
            An async generator of pairs of an app token and the report of only that app. With `on_failure="keep"`, a
            failed app is yielded too, with a report without rows that has the error in `failures`. If every app failed,
            the first app's error is raised after the last of them.

        Raises:
            AdjustError: As described in the class.
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
