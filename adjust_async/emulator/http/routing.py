"""Finds the route of a request, and the name to count it under."""

from collections.abc import Sequence

from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from adjust_async.emulator.http.error_bodies import send_refusal
from adjust_async.emulator.http.refusals import RefusalError


class RouteTable:
    """The routes of all APIs, with Starlette's matching but without its middleware."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes

    def find(self, scope: Scope) -> tuple[str, ASGIApp]:
        """Return a route's name, for counting, and its application, and add path parameters to `scope`.

        A wrong method gets 405, and an unknown path 404.
        """
        method = scope["method"]
        allowed: list[Route] = []
        for route in self._routes:
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                scope.update(child_scope)
                return f"{method} {route.path}", route.app
            if match is Match.PARTIAL:
                allowed.append(route)
        if not allowed:
            return f"{method} (unknown path)", _Refused(RefusalError(404, "Not found"))
        methods = sorted(set().union(*(route.methods or set() for route in allowed)))
        return f"{method} {allowed[0].path}", _Refused(
            RefusalError(405, "Method not allowed", {"Allow": ", ".join(methods)})
        )


class _Refused:
    """Answers every request with one error."""

    def __init__(self, refusal: RefusalError) -> None:
        self._refusal = refusal

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await send_refusal(send, scope["path"], self._refusal)
