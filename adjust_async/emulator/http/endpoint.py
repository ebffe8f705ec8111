"""One route as an ASGI application."""

from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from adjust_async.emulator.http.authentication import Authenticator
from adjust_async.emulator.http.error_bodies import send_refusal
from adjust_async.emulator.http.refusals import RefusalError

Handler = Callable[[Request, Send], Awaitable[None]]
"""Answers a request that carries the token. May raise `RefusalError` before it has sent anything."""


class Endpoint:
    """Checks the token, runs the handler, and sends refusals in the format of their API."""

    def __init__(self, authenticator: Authenticator, handler: Handler) -> None:
        self._authenticator = authenticator
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            self._authenticator.check(request)
            await self._handler(request, send)
        except RefusalError as refusal:
            await send_refusal(send, scope["path"], refusal)
        except ClientDisconnect:
            return
