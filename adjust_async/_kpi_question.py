"""One question to the KPI Service: a request for each app and window, side by side, joined and merged."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial, reduce
from typing import Any, NamedTuple

from adjust_async import _result_sets
from adjust_async._arguments import shown
from adjust_async._fanout import Send, crawl, stream
from adjust_async._kpi_parameters import Endpoint, Period
from adjust_async._result_sets import ResultSetError
from adjust_async._session import Session
from adjust_async._wire import Answer, RequestSpec, decode_error, parse_json
from adjust_async.errors import AdjustError, ClientClosedError, DecodeError
from adjust_async.kpi_report import KpiReport, open_document

__all__ = ["Question", "merged", "streamed"]


class _Figures(NamedTuple):
    """What the service answered for one app and one window."""

    parameters: dict[str, Any]
    app: dict[str, Any]


_Take = Callable[[str, _Figures | AdjustError], Awaitable[None]]


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
    figures: dict[str, _Figures] = {}
    failures: dict[str, AdjustError] = {}

    async def take(app_token: str, outcome: _Figures | AdjustError) -> None:
        if isinstance(outcome, AdjustError):
            failures[app_token] = outcome
        else:
            figures[app_token] = outcome

    await _ask_all(session, question, take)
    _raise_if_all_failed(question, failures)
    return _report(
        question,
        [figures[token] for token in question.app_tokens if token in figures],
        {token: failures[token] for token in question.app_tokens if token in failures},
    )


def _raise_if_all_failed(question: Question, failures: Mapping[str, AdjustError]) -> None:
    """Where nothing came, raise the error of the app that was asked for first."""
    if len(failures) < len(question.app_tokens):
        return
    first, *others = (failures[token] for token in question.app_tokens)
    if others:
        first.add_note(f"{len(others)} other app{'s' if len(others) > 1 else ''} failed too.")
    raise first


async def streamed(session: Session, question: Question) -> AsyncGenerator[tuple[str, KpiReport], None]:
    """Ask for every app, and give each with its own report as it arrives."""

    async def produce(send: Send[tuple[str, KpiReport]]) -> None:
        async def take(app_token: str, outcome: _Figures | AdjustError) -> None:
            if isinstance(outcome, AdjustError):
                failures[app_token] = outcome
                await send((app_token, _report(question, [], {app_token: outcome})))
            else:
                await send((app_token, _report(question, [outcome], {})))

        await _ask_all(session, question, take)
        _raise_if_all_failed(question, failures)

    failures: dict[str, AdjustError] = {}
    ahead = stream(produce, ahead=session.config.max_concurrency, spawn=session.spawn)
    async with aclosing(ahead):
        async for app_token, report in ahead:
            yield app_token, report


async def _ask_all(session: Session, question: Question, take: _Take) -> None:
    """Ask for every app and window, side by side; `take` gets each app once, when all its windows are there."""
    waiting = {token: len(question.periods) for token in question.app_tokens}
    parts: dict[str, dict[int, _Figures | AdjustError]] = {token: {} for token in question.app_tokens}

    async def visit(place: tuple[str, int], _: object) -> None:
        app_token, number = place
        try:
            parts[app_token][number] = await _ask(session, question, app_token, question.periods[number])
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
    await crawl(reversed(places), visit, workers=session.config.max_concurrency)


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


def _report(question: Question, figures: Sequence[_Figures], failures: Mapping[str, AdjustError]) -> KpiReport:
    parameters, apps = _align(figures)
    if figures:
        parameters.update(start_date=question.query["start_date"], end_date=question.query["end_date"])
    return KpiReport(parameters, apps, failures)
