"""The routes of the Report Service."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from adjust_async.emulator.campaign.envelopes import send_response
from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.faults.app_states import AppState
from adjust_async.emulator.faults.conditions import Conditions
from adjust_async.emulator.http.authentication import Authenticator
from adjust_async.emulator.http.connections import Connection
from adjust_async.emulator.http.error_bodies import REPORT_ROOTS, send_error
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.reports.csv_report import CONTENT_TYPE as CSV_TYPE, write_csv
from adjust_async.emulator.reports.filter_lists import FilterLists
from adjust_async.emulator.reports.json_report import make_document
from adjust_async.emulator.reports.lists import read_list
from adjust_async.emulator.reports.lookups import find_events, find_filters
from adjust_async.emulator.reports.parquet_report import CONTENT_TYPE as PARQUET_TYPE, write_parquet
from adjust_async.emulator.reports.pivot_report import make_pivot
from adjust_async.emulator.reports.question import APPS_PARAMETER, Question, read_question
from adjust_async.emulator.reports.refusals import ReportRefusalError
from adjust_async.emulator.reports.streaming import send_nothing, send_stream

_REFUSALS = {
    AppState.FORBIDDEN: (403, "The API token may not see app {}"),
    AppState.GONE: (410, "The Report Service does not serve app {} any more"),
    AppState.BROKEN: (500, "Internal server error"),
}

Answer = Callable[[Request, Scope, Send], Awaitable[None]]
"""Answers a request that may be answered. Raises `RefusalError`."""


class ReportService:
    """Answers the Report Service's requests out of the facts, under the paths of its host and of the older one."""

    def __init__(self, facts: Facts, authenticator: Authenticator, conditions: Conditions) -> None:
        self._facts = facts
        self._authenticator = authenticator
        self._conditions = conditions
        self._lists = FilterLists(facts)

    def routes(self) -> list[Route]:
        """List the routes."""
        answers: dict[str, Answer] = {
            "report": self._json,
            "pivot_report": self._pivot,
            "csv_report": self._csv,
            "parquet_report": self._parquet,
            "filters_data": self._filters,
            "events": self._events,
        }
        return [
            Route(f"{root}{path}", _Endpoint(self, answer), methods=["GET"])
            for root in REPORT_ROOTS
            for path, answer in answers.items()
        ]

    def check(self, request: Request) -> None:
        """Raise a 401 `RefusalError` unless the request carries the API token."""
        self._authenticator.check(request)

    def state(self, request: Request) -> AppState | None:
        """Say in which state the apps are that the request names. Raises `RefusalError` unless they answer."""
        named = read_list(request.query_params.get(APPS_PARAMETER, ""))
        state = self._conditions.app_states.first_of(named)
        if state in _REFUSALS:
            status, message = _REFUSALS[state]
            raise RefusalError(status, message.format(", ".join(named)))
        return state

    async def _json(self, request: Request, _scope: Scope, send: Send) -> None:
        await _send_document(send, await make_document(self._facts, self._question(request)))

    async def _pivot(self, request: Request, _scope: Scope, send: Send) -> None:
        await _send_document(send, await make_pivot(self._facts, self._question(request)))

    async def _csv(self, request: Request, scope: Scope, send: Send) -> None:
        mark = self._conditions.byte_order_mark
        pieces = write_csv(self._facts, self._question(request), byte_order_mark=mark)
        await send_stream(scope, send, CSV_TYPE, pieces)

    async def _parquet(self, request: Request, scope: Scope, send: Send) -> None:
        await send_stream(scope, send, PARQUET_TYPE, write_parquet(self._facts, self._question(request)))

    async def _filters(self, request: Request, _scope: Scope, send: Send) -> None:
        await _send_document(send, find_filters(self._lists, request.query_params))

    async def _events(self, request: Request, _scope: Scope, send: Send) -> None:
        await _send_document(send, find_events(self._lists, request.query_params))

    def _question(self, request: Request) -> Question:
        return read_question(request.query_params, self._facts.apps, self._conditions.today)


class _Endpoint:
    """One route as a plain ASGI application."""

    def __init__(self, service: ReportService, answer: Answer) -> None:
        self._service = service
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            self._service.check(request)
            if self._service.state(request) is AppState.SLOW:
                await Connection.of(scope).sleep(None)
                return
            # Answers take long the first time that their figures are made: between two of them others get their turn.
            await asyncio.sleep(0)
            await self._answer(request, scope, send)
        except ReportRefusalError as refusal:
            await send_error(
                send,
                scope["path"],
                refusal.status,
                refusal.message,
                refusal.headers,
                error_code=refusal.error_code,
                details=refusal.details,
            )
        except RefusalError as refusal:
            await send_error(send, scope["path"], refusal.status, refusal.message, refusal.headers)


async def _send_document(send: Send, document: Any) -> None:
    if document:
        await send_response(send, 200, orjson.dumps(document))
    else:
        await send_nothing(send)
