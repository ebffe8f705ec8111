"""The emulator's ASGI application: counts requests, delays and spoils them, and passes the others to their route."""

from starlette.types import ASGIApp, Receive, Scope, Send

from adjust_async.emulator.faults.conditions import Conditions
from adjust_async.emulator.faults.misbehaviour import LateWork, Misbehaviour
from adjust_async.emulator.http.connections import Connection
from adjust_async.emulator.http.received import Recording
from adjust_async.emulator.http.routing import RouteTable
from adjust_async.emulator.http.stats import Stats


class Application:
    """Counts every request, waits, and injects faults."""

    def __init__(self, routes: RouteTable, conditions: Conditions, stats: Stats, late_work: LateWork) -> None:
        self._routes = routes
        self._conditions = conditions
        self._stats = stats
        self._late_work = late_work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route, app = self._routes.find(scope)
        self._stats.request_arrived(route)
        Recording.of(scope).route = route.partition(" ")[2]
        try:
            # Drawn on arrival, before any wait, so that a seed always means the same faults in the same order.
            app = self._spoilt(app, scope)
            latency = self._conditions.latency
            if latency > 0 and not await Connection.of(scope).sleep(latency):
                return
            await app(scope, receive, send)
        finally:
            self._stats.request_ended()

    def _spoilt(self, app: ASGIApp, scope: Scope) -> ASGIApp:
        faults = self._conditions.faults
        if faults is None:
            return app
        query = scope["query_string"].decode("ascii", "replace")
        target = f"{scope['path']}?{query}" if query else scope["path"]
        fault = faults.draw(scope["method"], target)
        Recording.of(scope).fault = fault
        return app if fault is None else Misbehaviour(fault, faults, app, self._stats, self._late_work)
