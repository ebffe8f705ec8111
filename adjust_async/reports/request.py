"""Requests to the Report Service, and the reports that their answers become."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, TypeVar

from adjust_async._figures.encoding import encode_value
from adjust_async._figures.per_app import FanOut, all_apps, each_app, stream_apps
from adjust_async._figures.windows import Period
from adjust_async._http.documents import decode_errors, parse_json
from adjust_async._http.messages import Answer, Body, RequestSpec
from adjust_async._http.session import Session
from adjust_async.errors import AdjustError, BadRequestError
from adjust_async.reports.document import ReportPart, open_pivot, open_report
from adjust_async.reports.question import ReportQuestion
from adjust_async.reports.refusals import KnownNames
from adjust_async.reports.report import PivotReport, Report

__all__ = ["NO_CONTENT", "ask", "ask_pivot", "path_of", "receiving", "send", "spec_of", "stream"]

T = TypeVar("T")

#: The status of an empty report.
NO_CONTENT = 204

logger = logging.getLogger("adjust_async")


def path_of(endpoint: str) -> str:
    """Return the path of one of the service's endpoints."""
    return f"/reports-service/{endpoint}"


def spec_of(endpoint: str, query: Mapping[str, str], decode: Callable[[Answer], T]) -> RequestSpec[T]:
    """Return the request for one of the service's endpoints."""
    return RequestSpec(method="GET", path=path_of(endpoint), query=query, decode=decode, service="reports")


def receiving(
    endpoint: str, query: Mapping[str, str], accept: str, receive: Callable[[Body], Awaitable[T]]
) -> RequestSpec[T]:
    """Return the request for one of the service's endpoints whose body is read as it arrives."""
    return spec_of(endpoint, query, _not_decoded)._replace(accept=accept, receive=receive)


def _not_decoded(_: Answer) -> Any:
    raise AssertionError("the body was received")


async def send(session: Session, names: KnownNames, question: ReportQuestion, spec: RequestSpec[T]) -> T:
    """Send a request for a report.

    Raises:
        BadRequestError: The service refused it; the message names the metric or dimension that it refused.
        AdjustError: As `Session.request` does.
    """
    try:
        return await session.request(spec)
    except BadRequestError as error:
        explained = names.explain(error, question)
        if explained is error:
            raise
        refusal = explained
    raise refusal


async def ask(session: Session, names: KnownNames, question: ReportQuestion) -> Report:
    """Return one report of all parts, in the order asked for."""
    parts, failures = await all_apps(_fan_out(session, names, question), question.units)
    report = Report(
        [part for windows in parts for part in windows],
        question.dimensions,
        question.metrics,
        failures=failures,
        attr_dependency=question.attr_dependency,
    )
    _log_warnings(session, report, set())
    return report


async def stream(
    session: Session, names: KnownNames, question: ReportQuestion
) -> AsyncGenerator[tuple[str, Report], None]:
    """Yield each app with a report of its own when it arrives."""
    dimensions = question.dimensions
    if "app_token" not in dimensions:
        dimensions = ("app_token", *dimensions)
    logged: set[str] = set()
    async with aclosing(stream_apps(session, _fan_out(session, names, question))) as arriving:
        async for app_token, outcome in arriving:
            if isinstance(outcome, AdjustError):
                yield app_token, Report([], dimensions, question.metrics, failures={app_token: outcome})
            else:
                report = Report(outcome, dimensions, question.metrics, attr_dependency=question.attr_dependency)
                _log_warnings(session, report, logged)
                yield app_token, report


async def ask_pivot(session: Session, names: KnownNames, question: ReportQuestion) -> PivotReport:
    """Return a pivot report."""
    decode = partial(_decode_pivot, index=question.index, window=question.date_period)
    part = await send(session, names, question, spec_of("pivot_report", question.query(), decode))
    dimensions = dict.fromkeys((*question.index, *question.dimensions))
    if set(question.index) <= set(question.dimensions):
        dimensions = dict.fromkeys(question.dimensions)
    report = PivotReport([part], tuple(dimensions), question.metrics, attr_dependency=question.attr_dependency)
    _log_warnings(session, report, set())
    return report


def _fan_out(session: Session, names: KnownNames, question: ReportQuestion) -> FanOut[list[ReportPart]]:
    async def ask_one(app: str, window: Period | str) -> ReportPart:
        app_token = app or None
        decode = partial(_decode, app_token=app_token, window=window)
        return await send(session, names, question, spec_of("report", question.query(app_token, window), decode))

    return partial(
        each_app, session, question.units, question.windows, ask_one, _join, keep_failures=question.keep_failures
    )


def _join(_: str, windows: list[ReportPart]) -> list[ReportPart]:
    return windows


def _decode(answer: Answer, app_token: str | None, window: Period | str) -> ReportPart:
    date_period = encode_value(window)
    if answer.status == NO_CONTENT:
        return ReportPart(app_token, date_period, [], {}, [], {})
    with decode_errors(answer):
        return open_report(parse_json(answer), app_token, date_period)


def _decode_pivot(answer: Answer, index: Sequence[str], window: Period | str) -> ReportPart:
    if answer.status == NO_CONTENT:
        return ReportPart(None, encode_value(window), [], {}, [], {})
    with decode_errors(answer):
        return open_pivot(parse_json(answer), index, encode_value(window))


def _log_warnings(session: Session, report: Report, logged: set[str]) -> None:
    for warning in map(str, report.warnings):
        if warning not in logged:
            logged.add(warning)
            logger.warning("the Report Service warns: %s", session.config.token.redact(warning))
