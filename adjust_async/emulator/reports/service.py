"""The routes of the Report Service."""

import asyncio
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Send

from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.faults.app_states import AppState
from adjust_async.emulator.faults.conditions import Conditions
from adjust_async.emulator.http.authentication import Authenticator
from adjust_async.emulator.http.connections import Connection
from adjust_async.emulator.http.endpoint import Endpoint, Handler
from adjust_async.emulator.http.error_bodies import REPORT_ROOTS
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.http.responses import send_nothing, send_response, send_stream
from adjust_async.emulator.reports.csv_report import CONTENT_TYPE as CSV_TYPE, write_csv
from adjust_async.emulator.reports.filter_lists import FilterLists
from adjust_async.emulator.reports.json_report import make_document
from adjust_async.emulator.reports.lists import read_list
from adjust_async.emulator.reports.lookups import find_events, find_filters
from adjust_async.emulator.reports.options import ReportOptions
from adjust_async.emulator.reports.parquet_report import CONTENT_TYPE as PARQUET_TYPE, write_parquet
from adjust_async.emulator.reports.pivot_report import make_pivot
from adjust_async.emulator.reports.question import APPS_PARAMETER, Question, read_question
from adjust_async.emulator.reports.zones import SQL_FUNCTION, offset_at

_REFUSALS = {
    AppState.FORBIDDEN: (403, "The API token may not see app {}"),
    AppState.GONE: (410, "The Report Service does not serve app {} any more"),
    AppState.BROKEN: (500, "Internal server error"),
}


class ReportService:
    """Answers the Report Service's requests from the facts, under the paths of its current and its older host."""

    def __init__(
        self, facts: Facts, authenticator: Authenticator, conditions: Conditions, options: ReportOptions
    ) -> None:
        self._facts = facts
        self._authenticator = authenticator
        self._conditions = conditions
        self._options = options
        self._lists = FilterLists(facts)
        facts.add_function(SQL_FUNCTION, 2, offset_at)

    def routes(self) -> list[Route]:
        """Return the routes."""
        handlers: dict[str, Handler] = {
            "report": self._json,
            "pivot_report": self._pivot,
            "csv_report": self._csv,
            "parquet_report": self._parquet,
            "filters_data": self._filters,
            "events": self._events,
        }
        return [
            Route(
                f"{root}{path}",
                Endpoint(self._authenticator, partial(self._answer, handler=handler)),
                methods=["GET"],
            )
            for root in REPORT_ROOTS
            for path, handler in handlers.items()
        ]

    async def _answer(self, request: Request, send: Send, *, handler: Handler) -> None:
        named = read_list(request.query_params.get(APPS_PARAMETER, ""))
        state = self._conditions.app_states.first_of(named)
        if state is AppState.SLOW:
            await Connection.of(request.scope).sleep(None)
            return
        if state is not None:
            status, message = _REFUSALS[state]
            raise RefusalError(status, message.format(", ".join(named)))
        # Generating figures takes long, so other requests get a chance to run between two answers.
        await asyncio.sleep(0)
        await handler(request, send)

    async def _json(self, request: Request, send: Send) -> None:
        await self._send(request, send, await make_document(self._facts, self._question(request)))

    async def _pivot(self, request: Request, send: Send) -> None:
        await self._send(request, send, await make_pivot(self._facts, self._question(request), self._options))

    async def _send(self, request: Request, send: Send, document: dict[str, Any]) -> None:
        if document and self._options.debug:
            document["debug"] = _debug(request)
        await _send_document(send, document)

    async def _csv(self, request: Request, send: Send) -> None:
        mark = self._conditions.byte_order_mark
        pieces = write_csv(self._facts, self._question(request), byte_order_mark=mark)
        await send_stream(request.scope, send, CSV_TYPE, pieces)

    async def _parquet(self, request: Request, send: Send) -> None:
        await send_stream(request.scope, send, PARQUET_TYPE, write_parquet(self._facts, self._question(request)))

    async def _filters(self, request: Request, send: Send) -> None:
        await _send_document(send, find_filters(self._lists, request.query_params))

    async def _events(self, request: Request, send: Send) -> None:
        await _send_document(send, find_events(self._lists, request.query_params))

    def _question(self, request: Request) -> Question:
        return read_question(request.query_params, self._facts.apps, self._conditions.today, self._options)


def _debug(request: Request) -> dict[str, Any]:
    """Describe the requests behind an answer, as the service does for some accounts."""
    asked = {
        "method": "GET",
        "url": f"https://reports.internal.example{request.url.path}",
        "params": dict(request.query_params),
        "data": None,
        "status_code": 200,
        "duration": 0.012,
    }
    return {"service_urls": [asked], "cached_at": None}


async def _send_document(send: Send, document: Any) -> None:
    if document:
        await send_response(send, 200, orjson.dumps(document))
    else:
        await send_nothing(send)
