"""The control API: inspects what happened, and sets faults and figures."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib.resources import files
from typing import Any, Protocol

import orjson
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from adjust_async.emulator.account.store import Store
from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.faults.conditions import Conditions
from adjust_async.emulator.faults.faults import Faults
from adjust_async.emulator.faults.kinds import Fault
from adjust_async.emulator.http.authentication import Authenticator
from adjust_async.emulator.http.endpoint import Endpoint
from adjust_async.emulator.http.front import CONTROL
from adjust_async.emulator.http.parameters import integer, read_json_object
from adjust_async.emulator.http.received import ReceivedRequest, Recorder
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.http.responses import send_response
from adjust_async.emulator.http.routing import RouteTable
from adjust_async.emulator.http.stats import HostStats, Stats

_HTML = "text/html; charset=utf-8"
# The page shows what tests sent: none of it may run, and nothing may be loaded from elsewhere.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MOST_TRACKERS = 500


class Controlled(Protocol):
    """The parts of the emulator that the control API uses."""

    store: Store
    facts: Facts
    conditions: Conditions
    stats: Stats
    recorder: Recorder

    def reset(self) -> None:
        """Start over, as when the emulator was entered."""


class ControlAPI:
    """Answers requests below `/_emulator/` that carry the API token. The page itself needs no token."""

    def __init__(self, controlled: Controlled, authenticator: Authenticator) -> None:
        self._controlled = controlled
        answers: dict[tuple[str, str], Callable[[Request], Awaitable[Any]]] = {
            ("GET", "/stats"): self._stats,
            ("GET", "/requests"): self._requests,
            ("GET", "/apps"): self._apps,
            ("GET", "/apps/{app_token}/trackers"): self._trackers,
            ("GET", "/faults"): self._faults,
            ("PUT", "/faults"): self._set_faults,
            ("POST", "/figures"): self._add_figures,
            ("POST", "/reset"): self._reset,
        }
        self._routes = RouteTable(
            [
                Route(f"{CONTROL}/", _Page(), methods=["GET"]),
                Route(CONTROL, _Page(), methods=["GET"]),
                *(
                    Route(CONTROL + path, Endpoint(authenticator, partial(_answer, handler=handler)), methods=[method])
                    for (method, path), handler in answers.items()
                ),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        _, app = self._routes.find(scope)
        await app(scope, receive, send)

    async def _stats(self, _request: Request) -> dict[str, Any]:
        stats = self._controlled.stats
        return {
            "total": stats.total,
            "requests": stats.requests,
            "faults": stats.faults,
            "in_flight": stats.in_flight,
            "max_in_flight": stats.max_in_flight,
            "connections_opened": stats.connections_opened,
            "connections_open": stats.connections_open,
            "campaign": _host(stats.campaign),
            "reports": _host(stats.reports),
        }

    async def _requests(self, request: Request) -> list[dict[str, Any]]:
        method, path = request.query_params.get("method"), request.query_params.get("path", "")
        last = integer("last", request.query_params.get("last", "0"))
        requests = self._controlled.recorder.requests()
        return [_request(found) for found in (requests if method is None else requests.to(method, path))[-last:]]

    async def _apps(self, _request: Request) -> list[dict[str, Any]]:
        store, facts = self._controlled.store, self._controlled.facts
        return [
            {
                "token": app.token,
                "name": app.name,
                "currency": app.currency.iso_code,
                "trackers": store.count_trackers(app.token),
                "state": self._controlled.conditions.app_states.get(app.token),
            }
            for app in facts.apps.values()
        ]

    async def _trackers(self, request: Request) -> list[dict[str, Any]]:
        trackers = self._controlled.store.trackers(request.path_params["app_token"])
        return [tracker._asdict() for tracker in trackers[-_MOST_TRACKERS:]]

    async def _faults(self, _request: Request) -> dict[str, Any]:
        faults = self._controlled.conditions.faults
        return {"faults": None if faults is None else faults.describe(), "kinds": list(Fault)}

    async def _set_faults(self, request: Request) -> dict[str, Any]:
        document = await read_json_object(request)
        try:
            self._controlled.conditions.faults = Faults.of_document(document or None)
        except ValueError as error:
            raise RefusalError(400, str(error)) from None
        return await self._faults(request)

    async def _add_figures(self, request: Request) -> dict[str, Any]:
        document = dict(await read_json_object(request))
        try:
            app_token, tracker, day = (document.pop(name) for name in ("app_token", "tracker", "day"))
        except KeyError as error:
            raise RefusalError(400, f"Figures need app_token, tracker and day; {error} is missing") from None
        options = {name: document.pop(name) for name in _OPTIONS if name in document}
        texts = (app_token, tracker, day, *options.values())
        if not all(isinstance(text, str) for text in texts):
            raise RefusalError(400, f"app_token, tracker, day, {', '.join(_OPTIONS)} are strings")
        try:
            self._controlled.facts.add(
                app_token, tracker, day, document, today=self._controlled.conditions.today, **options
            )
        except ValueError as error:
            raise RefusalError(400, str(error)) from None
        return {}

    async def _reset(self, _request: Request) -> dict[str, Any]:
        self._controlled.reset()
        return {}


class _Page:
    """Serves the page."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        page = files("adjust_async.emulator.control").joinpath("page.html").read_bytes()
        await send_response(send, 200, page, content_type=_HTML, headers=_PAGE_HEADERS)


_OPTIONS = ("country", "os_name", "device_type", "event")


async def _answer(request: Request, send: Send, *, handler: Callable[[Request], Awaitable[Any]]) -> None:
    await send_response(send, 200, orjson.dumps(await handler(request)))


def _host(stats: HostStats) -> Mapping[str, Any]:
    return {
        "in_flight": stats.in_flight,
        "max_in_flight": stats.max_in_flight,
        "fullest_bucket": stats.fullest_bucket,
        "refused": stats.refused,
    }


def _request(request: ReceivedRequest) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "route": request.route,
        "body": request.body.decode(errors="replace"),
        "status": request.status,
        "answer": request.answer.decode(errors="replace"),
        "at": request.at,
        "seconds": request.seconds,
        "fault": request.fault,
    }
