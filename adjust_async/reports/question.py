"""One question to the Report Service: a request for each app and window, side by side, their rows joined."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from functools import partial
from typing import NamedTuple

from adjust_async._figures.per_app import Parts, as_they_come, together
from adjust_async._http.documents import decode_error, parse_json
from adjust_async._http.messages import Answer
from adjust_async._http.session import Session
from adjust_async.errors import AdjustError
from adjust_async.reports.document import ReportError, ReportPart, open_report, unfold
from adjust_async.reports.report import AttrDependency, PivotReport, Report
from adjust_async.reports.request import NO_CONTENT, KnownNames, names_of, send_report, spec_of

__all__ = ["ReportQuestion", "joined", "pivoted", "streamed"]

logger = logging.getLogger("adjust_async")


class ReportQuestion(NamedTuple):
    """A checked question, which becomes one request for each window, or one for each app and window."""

    query: dict[str, str]
    app_tokens: list[str]
    periods: list[str]
    keep_failures: bool
    attr_dependency: AttrDependency
    known: KnownNames


async def joined(session: Session, question: ReportQuestion) -> Report:
    """Ask for every part, and give the one report of all of them, in the order asked for."""
    answers, failures = await together(session, _parts(session, question))
    parts = [part for windows in answers for part in windows]
    report = Report(parts, *_columns(question), failures=failures, attr_dependency=question.attr_dependency)
    _tell_warnings(session, report)
    return report


async def streamed(session: Session, question: ReportQuestion) -> AsyncGenerator[tuple[str, Report], None]:
    """Ask for every app, and give each with its own report as it arrives."""
    dimensions, metrics = _columns(question)
    if "app_token" not in dimensions:
        dimensions.insert(0, "app_token")
    told: set[str] = set()
    apps = as_they_come(session, _parts(session, question))
    async with aclosing(apps):
        async for app_token, outcome in apps:
            if isinstance(outcome, AdjustError):
                yield app_token, Report([], dimensions, metrics, failures={app_token: outcome})
            else:
                report = Report(outcome, dimensions, metrics, attr_dependency=question.attr_dependency)
                _tell_warnings(session, report, told)
                yield app_token, report


async def pivoted(session: Session, question: ReportQuestion) -> PivotReport:
    """Ask for a pivot report."""
    index = names_of(question.query, "index")
    period = question.query["date_period"]
    decode = partial(_decode, app_token=None, date_period=period, index=index)
    part = await send_report(session, spec_of("pivot_report", question.query, decode), question.known)
    report = PivotReport([part], *_columns(question), attr_dependency=question.attr_dependency)
    _tell_warnings(session, report)
    return report


def _parts(session: Session, question: ReportQuestion) -> Parts[ReportPart, list[ReportPart]]:
    def ask(app: str, window: int) -> Awaitable[ReportPart]:
        query = {**question.query, "date_period": question.periods[window]}
        if app:
            query["app_token__in"] = app
        decode = partial(_decode, app_token=app or None, date_period=question.periods[window], index=())
        return send_report(session, spec_of("report", query, decode), question.known)

    # Where apps are not asked for one by one, there is one unit, without a token.
    return Parts(question.app_tokens or [""], len(question.periods), ask, _as_they_are, question.keep_failures)


def _as_they_are(_: str, windows: list[ReportPart]) -> list[ReportPart]:
    return windows


def _columns(question: ReportQuestion) -> tuple[list[str], list[str]]:
    return names_of(question.query, "dimensions"), names_of(question.query, "metrics")


def _decode(answer: Answer, app_token: str | None, date_period: str, index: Sequence[str]) -> ReportPart:
    if answer.status == NO_CONTENT:
        return ReportPart(app_token, date_period, [], {}, [], {})
    document = parse_json(answer)
    if index and isinstance(document, dict) and isinstance(document.get("rows"), list):
        document["rows"] = unfold(document["rows"], index)
    try:
        return open_report(document, app_token, date_period)
    except ReportError as error:
        raise decode_error(answer, error.location, error.problem) from None


def _tell_warnings(session: Session, report: Report, told: set[str] | None = None) -> None:
    told = set() if told is None else told
    for warning in map(str, report.warnings):
        if warning not in told:
            told.add(warning)
            logger.warning("the Report Service warns: %s", session.config.token.redact(warning))
