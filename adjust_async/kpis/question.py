"""One query to the KPI Service: checked once, sent as one request for each app and window, then joined and merged."""

import logging
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import attrs

from adjust_async._checks import check_app_tokens, check_token, shown
from adjust_async._figures.encoding import Value, encode_query
from adjust_async._figures.per_app import FanOut, all_apps, check_on_failure, each_app, stream_apps
from adjust_async._figures.windows import Period
from adjust_async._http.documents import decode_errors, parse_json
from adjust_async._http.messages import Answer, RequestSpec
from adjust_async._http.session import Session
from adjust_async.errors import AdjustError, ConfigurationError, MalformedError
from adjust_async.kpis.document import loads_packed, open_document, read_apps_at
from adjust_async.kpis.parameters import Endpoint, check_query, split_period
from adjust_async.kpis.report import KpiReport
from adjust_async.kpis.result_sets.columns import Level, concatenated
from adjust_async.kpis.result_sets.joining import join_windows, merge_parameters
from adjust_async.kpis.result_sets.levels import singular
from adjust_async.progress import OnProgress

__all__ = ["KpiQuestion", "ask", "check_question", "stream"]

logger = logging.getLogger("adjust_async")


@attrs.frozen(kw_only=True)
class KpiQuestion:
    """A checked query.

    Attributes:
        endpoint: The endpoint.
        app_tokens: The apps, in the requested order.
        tracker_token: The tracker to report on; `None` for whole apps.
        period: All days.
        windows: The days of each request of an app.
        parameters: All other parameters, by their names on the wire.
        keep_failures: Whether to continue with the other apps if one fails.
    """

    endpoint: Endpoint
    app_tokens: tuple[str, ...]
    tracker_token: str | None
    period: Period
    windows: tuple[Period, ...]
    parameters: Mapping[str, Value]
    keep_failures: bool

    def path(self, app_token: str) -> str:
        """Return the path of the requests for an app."""
        tracker = "" if self.tracker_token is None else f"/trackers/{self.tracker_token}"
        endpoint = "" if self.endpoint == "deliverables" else f"/{self.endpoint}"
        return f"/kpis/v1/{app_token}{tracker}{endpoint}"

    def query(self, window: Period) -> dict[str, str]:
        """Encode the parameters of the requests for a window."""
        return encode_query({**self.parameters, "start_date": window.start, "end_date": window.end})


@attrs.frozen
class _Figures:
    """The service's answer for one app, stored by column."""

    parameters: dict[str, Any]
    app: Level


def check_question(
    endpoint: object,
    app_tokens: object,
    query: Mapping[str, Any],
    *,
    tracker_token: object,
    window: object,
    on_failure: object,
    parameters: Mapping[str, Any] | None,
) -> KpiQuestion:
    """Check all arguments of a call.

    Raises:
        ConfigurationError: One is wrong.
    """
    __tracebackhide__ = True
    keep_failures = check_on_failure(on_failure)
    checked, period, values = check_query(endpoint, query, parameters)
    if tracker_token is not None and checked == "skadnetwork":
        raise ConfigurationError("tracker_token is passed: SKAdNetwork has no figures by tracker; leave it out")
    apps = tuple(check_app_tokens(app_tokens))
    if len(apps) > 1:
        # By default the service groups one app by trackers, and several by apps. Each request here is for one app.
        values.setdefault("grouping", ("apps",))
    grouping = values.get("grouping", ())
    return KpiQuestion(
        endpoint=checked,
        app_tokens=apps,
        tracker_token=None if tracker_token is None else check_token(tracker_token, "tracker_token"),
        period=period,
        windows=split_period(period, window, grouping if isinstance(grouping, tuple) else ()),
        parameters=values,
        keep_failures=keep_failures,
    )


async def ask(session: Session, question: KpiQuestion, on_progress: OnProgress | None) -> KpiReport:
    """Return one report of all apps, in the requested order."""
    __tracebackhide__ = True
    figures, failures = await all_apps(_fan_out(session, question, on_progress), question.app_tokens)
    return _report(question, figures, failures)


async def stream(
    session: Session, question: KpiQuestion, on_progress: OnProgress | None
) -> AsyncGenerator[tuple[str, KpiReport], None]:
    """Yield each app with its own report when it arrives."""
    __tracebackhide__ = True
    async with aclosing(stream_apps(session, _fan_out(session, question, on_progress))) as arriving:
        async for app_token, outcome in arriving:
            if isinstance(outcome, AdjustError):
                yield app_token, _report(question, [], {app_token: outcome})
            else:
                yield app_token, _report(question, [outcome], {})


def _fan_out(session: Session, question: KpiQuestion, on_progress: OnProgress | None) -> FanOut[_Figures]:
    async def ask_one(app_token: str, window: Period) -> _Figures:
        __tracebackhide__ = True
        decode = partial(_decode, question=question, app_token=app_token)
        path, query = question.path(app_token), question.query(window)
        return await session.request(
            RequestSpec(
                method="GET", path=path, query=query, decode=decode, name=f"kpis.{question.endpoint}", app=app_token
            )
        )

    apps, windows = question.app_tokens, question.windows
    return partial(
        each_app,
        session,
        apps,
        windows,
        ask_one,
        _join,
        name=f"kpis.{question.endpoint}.fan_out",
        keep_failures=question.keep_failures,
        on_progress=on_progress,
        fold=_join,
    )


def _decode(answer: Answer, question: KpiQuestion, app_token: str) -> _Figures:
    with decode_errors(answer):
        try:
            return _figures_of(parse_json(answer, decode_large=loads_packed), question, app_token)
        except MalformedError:
            return _figures_of(parse_json(answer), question, app_token)


def _figures_of(document: Any, question: KpiQuestion, app_token: str) -> _Figures:
    parameters, apps, place = open_document(document)
    if all(isinstance(app, dict) for app in apps):
        apps = [{"token": app_token} | _app_of(apps, app_token, question.tracker_token)]
    (app,) = read_apps_at(place, apps, len(parameters.get("kpis", [])))
    return _Figures(parameters, app)


def _app_of(apps: Sequence[dict[str, Any]], app_token: str, tracker_token: str | None) -> dict[str, Any]:
    """Return the requested app with its figures; an empty dictionary if the service has none."""
    if not apps:
        return {}
    if len(apps) > 1:
        raise MalformedError(f"expected one app, found {len(apps)}", "$.result_set.apps")
    (app,) = apps
    token = app.get("token", app_token)
    if token == tracker_token:
        # The service has been seen to name the tracker here instead of the app.
        return {key: value for key, value in app.items() if key not in {"token", "name"}}
    if token != app_token:
        raise MalformedError(
            f"expected the figures of app {app_token!r}, found those of {shown(token)}", "$.result_set.token"
        )
    return app


def _join(app_token: str, windows: list[_Figures]) -> _Figures:
    parameters, apps = _align(windows)
    with decode_errors():
        try:
            return _Figures(parameters, join_windows(apps))
        except MalformedError as error:
            raise error.below(f"$.result_set of {app_token}") from None


def _align(parts: Sequence[_Figures]) -> tuple[dict[str, Any], list[Level]]:
    """Return merged parameters, and the apps of all parts with the same list of KPIs. A missing KPI is null."""
    if len(parts) == 1:
        return dict(parts[0].parameters), [parts[0].app]
    kpis = list(dict.fromkeys(kpi for part in parts for kpi in part.parameters.get("kpis", [])))
    apps = []
    for part in parts:
        own: list[str] = part.parameters.get("kpis", [])
        places = [own.index(kpi) if kpi in own else None for kpi in kpis]
        apps.append(part.app if own == kpis else part.app.reordered(places))
    return merge_parameters([part.parameters for part in parts], kpis), apps


def _report(question: KpiQuestion, figures: Sequence[_Figures], failures: Mapping[str, AdjustError]) -> KpiReport:
    parameters, apps = _align(figures)
    if len(apps) > 1 and (together := concatenated(apps)).is_even():
        apps = [together]
    if figures:
        period = question.period
        parameters.update(encode_query({"start_date": period.start, "end_date": period.end}))
    unit, grouping = question.parameters.get("period"), question.parameters.get("grouping")
    report = KpiReport(
        parameters,
        apps,
        failures,
        grouping=grouping if isinstance(grouping, tuple) else (),
        period_unit=unit if isinstance(unit, str) else None,
    )
    for warning in _warnings_of(question, report):
        report.warnings.append(warning)
        logger.warning("about the KPIs: %s", warning)
    return report


def _warnings_of(question: KpiQuestion, report: KpiReport) -> Iterator[str]:
    """Yield warnings about unexpected contents of a report."""
    asked, came = question.parameters.get("kpis", ()), report.result_parameters.get("kpis", ())
    if isinstance(asked, tuple) and came and question.parameters.get("human_readable_kpis") is not True:
        known = {kpi.lower() for kpi in came}
        if missing := [kpi for kpi in asked if kpi.lower() not in known]:
            yield f"the answer has no {', '.join(missing)}, which was requested"
    grouping = question.parameters.get("grouping", ())
    # A week or a month has the date of its first day, which may be before the range.
    if isinstance(grouping, tuple) and {singular(name.strip().lower()) for name in grouping} & {"day", "hour"}:
        period = question.period
        if outside := report.dates_outside(period.start, period.end):
            named = outside[0] if len(outside) == 1 else f"{outside[0]} to {outside[-1]}"
            yield f"the answer has figures outside of the requested days {period.start} to {period.end}: {named}"
