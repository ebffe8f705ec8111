"""Send requests to the Report Service, and turn the answers into reports."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TypeVar

import attrs

from adjust_async._concurrency import in_own_thread
from adjust_async._figures.encoding import encode_value
from adjust_async._figures.per_app import FanOut, all_apps, each_app, stream_apps
from adjust_async._figures.windows import Period
from adjust_async._http.documents import decode_errors, parse_json
from adjust_async._http.messages import Answer, RequestSpec
from adjust_async._http.session import Session
from adjust_async.errors import AdjustError, BadRequestError
from adjust_async.progress import OnProgress
from adjust_async.reports.account import Account
from adjust_async.reports.document import ReportPart, open_pivot, open_report, read_report
from adjust_async.reports.plausibility import check_windows, warnings_of
from adjust_async.reports.question import ReportQuestion
from adjust_async.reports.report import PivotReport, Report
from adjust_async.reports.specs import NO_CONTENT, path_of, spec_of
from adjust_async.tables import Texts

__all__ = ["ask", "ask_pivot", "send", "stream"]

T = TypeVar("T")

logger = logging.getLogger("adjust_async")


async def send(account: Account, question: ReportQuestion, spec: RequestSpec[T]) -> T:
    """Send a request for a report, and return what the spec makes of the answer.

    Raises:
        BadRequestError: The service refused it. The message names the refused metric or dimension, if that is known.
        AdjustError: As raised by `Session.request`.
    """
    __tracebackhide__ = True
    try:
        return await account.session.request(spec)
    except BadRequestError as error:
        # In a thread, because there may be thousands of names.
        explained = await in_own_thread(partial(account.names.explain, error, question))
        if explained is error:
            raise
        refusal = explained
    raise refusal


async def ask(account: Account, question: ReportQuestion, on_progress: OnProgress | None = None) -> Report:
    """Return one report of all parts, in the requested order."""
    __tracebackhide__ = True
    answers: list[list[ReportPart]] = []
    failures = await all_apps(_fan_out(account, question, on_progress), question.units, answers.append)
    parts = [part for windows in answers for part in await _without_rows_explained(account, question, windows)]
    report = Report(
        parts, question.dimensions, question.metrics, failures=failures, attr_dependency=question.attr_dependency
    )
    _log_warnings(account.session, report, set())
    return report


async def stream(
    account: Account, question: ReportQuestion, on_progress: OnProgress | None = None
) -> AsyncGenerator[tuple[str, Report], None]:
    """Yield each app with its own report when it arrives."""
    __tracebackhide__ = True
    dimensions = question.dimensions
    if "app_token" not in dimensions:
        dimensions = ("app_token", *dimensions)
    logged: set[str] = set()
    async with aclosing(stream_apps(account.session, _fan_out(account, question, on_progress))) as arriving:
        async for app_token, outcome in arriving:
            if isinstance(outcome, AdjustError):
                yield app_token, Report([], dimensions, question.metrics, failures={app_token: outcome})
            else:
                parts = await _without_rows_explained(account, question, outcome)
                report = Report(parts, dimensions, question.metrics, attr_dependency=question.attr_dependency)
                _log_warnings(account.session, report, logged)
                yield app_token, report


async def ask_pivot(account: Account, question: ReportQuestion) -> PivotReport:
    """Return a pivot report."""
    __tracebackhide__ = True
    decode = partial(_decode_pivot, question=question)
    part = await send(account, question, spec_of("pivot_report", question.query(), decode))
    dimensions = question.dimensions
    if not set(question.index) <= set(dimensions):
        dimensions = tuple(dict.fromkeys((*question.index, *dimensions)))
    parts = await _without_rows_explained(account, question, [part])
    report = PivotReport(parts, dimensions, question.metrics, attr_dependency=question.attr_dependency)
    _log_warnings(account.session, report, set())
    return report


def _fan_out(account: Account, question: ReportQuestion, on_progress: OnProgress | None) -> FanOut[list[ReportPart]]:
    texts: Texts = {}

    async def ask_one(app: str, window: Period | str) -> ReportPart:
        __tracebackhide__ = True
        app_token = app or None
        decode = partial(_decode, question=question, app_token=app_token, window=window, texts=texts)
        return await send(account, question, spec_of("report", question.query(app_token, window), decode))

    async def join(_: str, windows: list[ReportPart]) -> list[ReportPart]:
        if len(windows) > 1:
            with decode_errors(path=path_of("report")):
                check_windows(windows, question)
        return windows

    return partial(
        each_app,
        account.session,
        question.units,
        question.windows,
        ask_one,
        join,
        name="reports.fan_out",
        keep_failures=question.keep_failures,
        on_progress=on_progress,
    )


async def _without_rows_explained(
    account: Account, question: ReportQuestion, windows: list[ReportPart]
) -> list[ReportPart]:
    """Return the answers. If none has rows, the first has a warning for each app that the account does not have."""
    if any(part.records for part in windows):
        return windows
    first, *others = windows
    asked = question.apps if first.app_token is None else (first.app_token,)
    unknown = await account.unknown_apps(asked) if asked else []
    return [attrs.evolve(first, warnings=[*first.warnings, *unknown]), *others]


def _decode(
    answer: Answer, question: ReportQuestion, app_token: str | None, window: Period | str, texts: Texts
) -> ReportPart:
    date_period = encode_value(window)
    if answer.status == NO_CONTENT:
        return ReportPart(app_token, date_period, [], {}, [], {})
    document = parse_json(answer, exact=True, decode_large=read_report)
    with decode_errors(answer):
        apps = question.apps if app_token is None else (app_token,)
        part = open_report(document, app_token, date_period, apps, texts)
    return attrs.evolve(part, warnings=part.warnings + warnings_of(part, question, window))


def _decode_pivot(answer: Answer, question: ReportQuestion) -> ReportPart:
    window = question.date_period
    if answer.status == NO_CONTENT:
        return ReportPart(None, encode_value(window), [], {}, [], {})
    document = parse_json(answer, exact=True)
    with decode_errors(answer):
        part = open_pivot(document, question.index, encode_value(window), question.apps)
    return attrs.evolve(part, warnings=part.warnings + warnings_of(part, question, window))


def _log_warnings(session: Session, report: Report, logged: set[str]) -> None:
    for warning in map(str, report.warnings):
        if warning not in logged:
            logged.add(warning)
            logger.warning("about the report: %s", session.config.token.redact(warning))
