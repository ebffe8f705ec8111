"""One question to the KPI Service: a request for each app and window, side by side, joined and merged."""

from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import aclosing
from functools import partial, reduce
from typing import Any, NamedTuple

from adjust_async._checks import shown
from adjust_async._figures.per_app import Parts, as_they_come, together
from adjust_async._figures.windows import Period
from adjust_async._http.documents import decode_error, parse_json
from adjust_async._http.messages import Answer, RequestSpec
from adjust_async._http.session import Session
from adjust_async.errors import AdjustError, DecodeError
from adjust_async.kpis import result_sets as _result_sets
from adjust_async.kpis.parameters import Endpoint
from adjust_async.kpis.report import KpiReport, open_document
from adjust_async.kpis.result_sets import ResultSetError

__all__ = ["Question", "merged", "streamed"]


class _Figures(NamedTuple):
    """What the service answered for one app and one window."""

    parameters: dict[str, Any]
    app: dict[str, Any]


class Question(NamedTuple):
    """A checked question, which becomes one request for each app and window."""

    endpoint: Endpoint
    app_tokens: list[str]
    tracker_token: str | None
    query: dict[str, str]
    periods: list[Period]
    keep_failures: bool


async def merged(session: Session, question: Question) -> KpiReport:
    """Ask for every app, and give the one report of all of them, in the order asked for."""
    figures, failures = await together(session, _parts(session, question))
    return _report(question, figures, failures)


async def streamed(session: Session, question: Question) -> AsyncGenerator[tuple[str, KpiReport], None]:
    """Ask for every app, and give each with its own report as it arrives."""
    apps = as_they_come(session, _parts(session, question))
    async with aclosing(apps):
        async for app_token, outcome in apps:
            if isinstance(outcome, AdjustError):
                yield app_token, _report(question, [], {app_token: outcome})
            else:
                yield app_token, _report(question, [outcome], {})


def _parts(session: Session, question: Question) -> Parts[_Figures, _Figures]:
    def ask(app_token: str, window: int) -> Awaitable[_Figures]:
        return _ask(session, question, app_token, question.periods[window])

    return Parts(question.app_tokens, len(question.periods), ask, _join, question.keep_failures)


async def _ask(session: Session, question: Question, app_token: str, period: Period) -> _Figures:
    path = f"/kpis/v1/{app_token}"
    if question.tracker_token is not None:
        path += f"/trackers/{question.tracker_token}"
    if question.endpoint != "deliverables":
        path += f"/{question.endpoint}"
    return await session.request(
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


def _join(app_token: str, figures: list[_Figures]) -> _Figures:
    """Join the windows of one app.

    Raises:
        DecodeError: Two windows have figures for the same element.
    """
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


def _report(question: Question, figures: Sequence[_Figures], failures: Mapping[str, AdjustError]) -> KpiReport:
    parameters, apps = _align(figures)
    if figures:
        parameters.update(start_date=question.query["start_date"], end_date=question.query["end_date"])
    return KpiReport(parameters, apps, failures)
