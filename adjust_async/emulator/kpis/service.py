"""The routes of the KPI Service."""

import asyncio
from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Send

from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.faults.app_states import AppState
from adjust_async.emulator.faults.conditions import Conditions
from adjust_async.emulator.http.authentication import Authenticator
from adjust_async.emulator.http.connections import Connection
from adjust_async.emulator.http.endpoint import Endpoint
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.http.responses import send_response
from adjust_async.emulator.kpis.answers import answer_query
from adjust_async.emulator.kpis.catalog import Report
from adjust_async.emulator.kpis.csv_result import write_csv
from adjust_async.emulator.kpis.json_result import write_json
from adjust_async.emulator.kpis.query import read_query

_ROOT = "/kpis/v1/{app_tokens}"
_TRACKERS = f"{_ROOT}/trackers/{{tracker_tokens}}"
_PATHS = {
    _ROOT: Report.DELIVERABLES,
    f"{_ROOT}/events": Report.EVENTS,
    f"{_ROOT}/cohorts": Report.COHORTS,
    f"{_ROOT}/skadnetwork": Report.SKADNETWORK,
    _TRACKERS: Report.DELIVERABLES,
    f"{_TRACKERS}/events": Report.EVENTS,
    f"{_TRACKERS}/cohorts": Report.COHORTS,
}
_CSV_SUFFIX = ".csv"
_CSV = "text/csv"

_REFUSALS = {
    AppState.FORBIDDEN: (403, "The API token may not see app {}"),
    AppState.GONE: (410, "The KPI Service does not serve app {} any more"),
    AppState.BROKEN: (500, "Internal server error"),
}


class KPIService:
    """Answers the KPI Service's requests from the facts.

    An unknown app or tracker in the path gets 404, and invalid parameters get 400.
    """

    def __init__(self, facts: Facts, authenticator: Authenticator, conditions: Conditions) -> None:
        self._facts = facts
        self._authenticator = authenticator
        self._conditions = conditions

    def routes(self) -> list[Route]:
        """Return the routes. Those with `.csv` come first, because a token matches any text without a slash."""
        return [
            Route(path + suffix, self._endpoint(report, is_csv=bool(suffix)), methods=["GET"])
            for suffix in (_CSV_SUFFIX, "")
            for path, report in _PATHS.items()
        ]

    def _endpoint(self, report: Report, *, is_csv: bool) -> Endpoint:
        return Endpoint(self._authenticator, partial(self._answer, report=report, is_csv=is_csv))

    async def _answer(self, request: Request, send: Send, *, report: Report, is_csv: bool) -> None:
        app_tokens = _tokens(request, "app_tokens")
        state = self._conditions.app_states.first_of(app_tokens)
        if state is AppState.SLOW:
            await Connection.of(request.scope).sleep(None)
            return
        if state is not None:
            status, message = _REFUSALS[state]
            raise RefusalError(status, message.format(request.path_params["app_tokens"]))
        # Generating figures takes long, so other requests get a chance to run between two answers.
        await asyncio.sleep(0)
        apps, trackers = self._apps(app_tokens), _tokens(request, "tracker_tokens")
        for tracker in trackers:
            self._check_tracker(apps, tracker)
        query = read_query(request.query_params, report, apps, trackers, self._conditions.today)
        answer = answer_query(self._facts, query)
        if is_csv or _CSV in request.headers.get("accept", "").lower():
            body = write_csv(answer, byte_order_mark=self._conditions.byte_order_mark)
            await send_response(send, 200, body, content_type=f"{_CSV}; charset=utf-8")
        else:
            await send_response(send, 200, write_json(answer))

    def _apps(self, app_tokens: Sequence[str]) -> list[App]:
        apps = []
        for token in app_tokens:
            if token not in self._facts.apps:
                raise RefusalError(404, f"App {token} not found")
            apps.append(self._facts.apps[token])
        if not apps:
            raise RefusalError(404, "App not found")
        return apps

    def _check_tracker(self, apps: Sequence[App], token: str) -> None:
        rows = self._facts.read("SELECT app_id FROM trackers WHERE token = ?", (token,))
        if not any(app.id == app_id for app in apps for (app_id,) in rows):
            raise RefusalError(404, f"Tracker {token} not found")


def _tokens(request: Request, name: str) -> list[str]:
    return list(dict.fromkeys(filter(None, request.path_params.get(name, "").split(","))))
