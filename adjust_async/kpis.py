"""`adjust.kpis`: the figures of the KPI Service, one request an app, side by side, merged."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import partial, reduce
from typing import Any, Literal, NamedTuple, Unpack, overload

from adjust_async import _result_sets
from adjust_async._arguments import app_token_list, shown, token_segment
from adjust_async._fanout import Send, crawl, stream
from adjust_async._kpi_parameters import (
    CohortsQuery,
    DeliverablesQuery,
    Endpoint,
    EventsQuery,
    Period,
    SKAdNetworkQuery,
    Window,
    check_query,
    split_period,
)
from adjust_async._result_sets import ResultSetError
from adjust_async._session import Session
from adjust_async._wire import Answer, RequestSpec, decode_error, parse_json
from adjust_async.errors import AdjustError, ClientClosedError, ConfigurationError, DecodeError
from adjust_async.kpi_report import KpiReport, open_document

__all__ = ["KPIs"]

OnFailure = Literal["raise", "keep"]


class _Figures(NamedTuple):
    """What the service answered for one app and one window."""

    parameters: dict[str, Any]
    app: dict[str, Any]


_Take = Callable[[str, _Figures | AdjustError], Awaitable[None]]


class _Question(NamedTuple):
    """A checked question, which becomes one request for each app and window."""

    endpoint: Endpoint
    app_tokens: list[str]
    tracker_token: str | None
    query: dict[str, str]
    periods: list[Period]
    keep_failures: bool


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
        window: Splits the range into windows, asked side by side: `"month"`, or a number of days. Allowed only where
            the grouping makes that exact. For cohorts the range is that of their installs.
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
        return await self._merged(question)

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
        return await self._merged(question)

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
        return await self._merged(question)

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
        return await self._merged(question)

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
        return self._stream(question)

    def _question(
        self,
        endpoint: Endpoint,
        app_tokens: str | Iterable[str],
        tracker_token: str | None,
        window: Window | None,
        on_failure: OnFailure,
        parameters: Mapping[str, Any] | None,
        query: Mapping[str, Any],
    ) -> _Question:
        if on_failure not in ("raise", "keep"):
            raise ConfigurationError(f"on_failure is {shown(on_failure)}: give 'raise' or 'keep'")
        if tracker_token is not None and endpoint == "skadnetwork":
            raise ConfigurationError("tracker_token is given: SKAdNetwork can't be asked below a tracker")
        wire = check_query(endpoint, query, parameters)
        tokens = app_token_list(app_tokens)
        if len(tokens) > 1:
            # The service's default is by trackers for one app and by apps for several; each request here is for one.
            wire.setdefault("grouping", "apps")
        return _Question(
            endpoint=endpoint,
            app_tokens=tokens,
            tracker_token=None if tracker_token is None else token_segment(tracker_token, "tracker_token"),
            query=wire,
            periods=split_period(wire, window),
            keep_failures=on_failure == "keep",
        )

    async def _merged(self, question: _Question) -> KpiReport:
        figures: dict[str, _Figures] = {}
        failures: dict[str, AdjustError] = {}

        async def take(app_token: str, outcome: _Figures | AdjustError) -> None:
            if isinstance(outcome, AdjustError):
                failures[app_token] = outcome
            else:
                figures[app_token] = outcome

        await self._ask_all(question, take)
        self._raise_if_all_failed(question, failures)
        return _report(
            question,
            [figures[token] for token in question.app_tokens if token in figures],
            {token: failures[token] for token in question.app_tokens if token in failures},
        )

    def _raise_if_all_failed(self, question: _Question, failures: Mapping[str, AdjustError]) -> None:
        """Where nothing came, raise the error of the app that was asked for first."""
        if len(failures) < len(question.app_tokens):
            return
        first, *others = (failures[token] for token in question.app_tokens)
        if others:
            first.add_note(f"{len(others)} other app{'s' if len(others) > 1 else ''} failed too.")
        raise first

    async def _stream(self, question: _Question) -> AsyncGenerator[tuple[str, KpiReport], None]:
        async def produce(send: Send[tuple[str, KpiReport]]) -> None:
            async def take(app_token: str, outcome: _Figures | AdjustError) -> None:
                if isinstance(outcome, AdjustError):
                    failures[app_token] = outcome
                    await send((app_token, _report(question, [], {app_token: outcome})))
                else:
                    await send((app_token, _report(question, [outcome], {})))

            await self._ask_all(question, take)
            self._raise_if_all_failed(question, failures)

        failures: dict[str, AdjustError] = {}
        ahead = stream(produce, ahead=self._session.config.max_concurrency, spawn=self._session.spawn)
        async with aclosing(ahead):
            async for app_token, report in ahead:
                yield app_token, report

    async def _ask_all(
        self, question: _Question, take: Callable[[str, _Figures | AdjustError], Awaitable[None]]
    ) -> None:
        """Ask for every app and window, side by side; `take` gets each app once, when all its windows are there."""
        waiting = {token: len(question.periods) for token in question.app_tokens}
        parts: dict[str, dict[int, _Figures | AdjustError]] = {token: {} for token in question.app_tokens}

        async def visit(place: tuple[str, int], _: object) -> None:
            app_token, number = place
            try:
                parts[app_token][number] = await self._ask(question, app_token, question.periods[number])
            except ClientClosedError:
                raise
            except AdjustError as error:
                if not question.keep_failures:
                    raise
                parts[app_token][number] = error
            waiting[app_token] -= 1
            if not waiting[app_token]:
                await take(app_token, joined(app_token))

        def joined(app_token: str) -> _Figures | AdjustError:
            try:
                return _join(app_token, parts.pop(app_token))
            except AdjustError as error:
                if not question.keep_failures:
                    raise
                return error

        places = [(token, number) for token in question.app_tokens for number in range(len(question.periods))]
        await crawl(reversed(places), visit, workers=self._session.config.max_concurrency)

    async def _ask(self, question: _Question, app_token: str, period: Period) -> _Figures:
        path = f"/kpis/v1/{app_token}"
        if question.tracker_token is not None:
            path += f"/trackers/{question.tracker_token}"
        if question.endpoint != "deliverables":
            path += f"/{question.endpoint}"
        return await self._session.request(
            RequestSpec(
                method="GET",
                path=path,
                query={**question.query, **period._asdict()},
                decode=partial(_decode, app_token=app_token, tracker_token=question.tracker_token),
            )
        )


def _decode(answer: Answer, app_token: str, tracker_token: str | None) -> _Figures:
    """Read the figures of one app, which the answer may hold as such or in a list of apps."""
    try:
        parameters, apps = open_document(parse_json(answer))
    except ResultSetError as error:
        raise decode_error(answer, f"${error.location}", error.problem) from None
    app: dict[str, Any] = {"token": app_token}
    if len(apps) > 1:
        raise decode_error(answer, "$.result_set.apps", f"expected one app, found {len(apps)}")
    for found in apps:
        token = found.get("token", app_token)
        if token == tracker_token:
            # Below a tracker the service was seen to name that tracker in the place of the app.
            found = {key: value for key, value in found.items() if key not in {"token", "name"}}
        elif token != app_token:
            problem = f"expected the figures of app {app_token!r}, found those of {shown(token)}"
            raise decode_error(answer, "$.result_set.token", problem)
        app |= found
    return _Figures(parameters, app)


def _join(app_token: str, parts: Mapping[int, _Figures | AdjustError]) -> _Figures:
    """Join the windows of one app, in their order.

    Raises:
        AdjustError: A window could not be had: figures of a part of the range would pass for those of all of it.
        DecodeError: Two windows have figures for the same element.
    """
    figures = []
    for _, part in sorted(parts.items()):
        if isinstance(part, AdjustError):
            raise part
        figures.append(part)
    parameters, (first, *others) = _align(figures)
    try:
        app = reduce(_result_sets.join_elements, others, first)
    except ResultSetError as error:
        raise DecodeError(error.problem, location=f"$.result_set of {app_token}{error.location}") from None
    return _Figures(parameters, app)


def _align(parts: Sequence[_Figures]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give all parts one list of KPIs; one that a part doesn't have is null there."""
    kpis = list(dict.fromkeys(kpi for part in parts for kpi in part.parameters.get("kpis", [])))
    apps = []
    for parameters, app in parts:
        own: list[str] = parameters.get("kpis", [])
        same = own == kpis
        apps.append(app if same else _result_sets.reorder(app, [own.index(k) if k in own else None for k in kpis]))
    return _result_sets.merge_parameters([part.parameters for part in parts], kpis), apps


def _report(question: _Question, figures: Sequence[_Figures], failures: Mapping[str, AdjustError]) -> KpiReport:
    parameters, apps = _align(figures)
    if figures:
        parameters.update(start_date=question.query["start_date"], end_date=question.query["end_date"])
    return KpiReport(parameters, apps, failures)
