"""FastAPI support: one client for the whole application, a dependency for routes, and error responses.

    from adjust_async.integrations.fastapi import Adjust, install_error_handlers, lifespan

    app = FastAPI(lifespan=lifespan())
    install_error_handlers(app)

    @app.get("/trackers/{app_token}")
    async def trackers(app_token: str, adjust: Adjust) -> list[Tracker]:
        return await adjust.trackers.list(app_token).collect()

It needs the extra `fastapi`.
"""

import inspect
import logging
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, TypeAlias

from adjust_async import (
    AdjustError,
    APIStatusError,
    APITimeoutError,
    AsyncAdjust,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    NotFoundError,
    PoolExhaustedError,
    RateLimitError,
)
from adjust_async._checks import check_seconds, shown
from adjust_async._tokens import APIToken
from adjust_async.integrations._extra import needs_extra

with needs_extra("fastapi"):
    from fastapi import Depends, FastAPI, Request
    from fastapi.responses import JSONResponse
    from starlette.applications import Starlette
    from starlette.requests import HTTPConnection
    from starlette.routing import Mount

__all__ = ["Adjust", "answer_to", "get_adjust", "install_error_handlers", "lifespan"]

logger = logging.getLogger("adjust_async")

#: The type that `FastAPI(lifespan=...)` accepts.
Lifespan: TypeAlias = Callable[[FastAPI], AbstractAsyncContextManager[Any]]

#: The details that clients see of errors whose messages are only for the operator, in the log.
_WORDS = {
    429: "Adjust's limits are reached; try again later",
    502: "Adjust did not answer as expected",
    503: "Adjust can't be asked right now; try again later",
    504: "Adjust did not answer in time",
}


def lifespan(
    own: Lifespan | None = None, /, *, token: str | None = None, drain: float = 10.0, **options: Any
) -> Lifespan:
    """Return a lifespan that opens one client when the application starts, and drains it when it stops.

        app = FastAPI(lifespan=lifespan())
        app = FastAPI(lifespan=lifespan(own))             # around a lifespan of the application

        open_client = lifespan()

        @asynccontextmanager
        async def own(app):                               # or within it
            async with open_client(app):
                yield

    The client is `app.state.adjust`, in mounted applications too. Routes get it with the annotation `Adjust`.

    Args:
        own: The application's own lifespan. The client is opened before it starts, and closed after it ends.
        token: The API token, as for `AsyncAdjust`.
        drain: Seconds for which running calls may continue when the application stops, by default 10, in addition to
            uvicorn's own graceful shutdown; see `AsyncAdjust.aclose`.
        options: Options of `AsyncAdjust`.

    Raises:
        TypeError: `AsyncAdjust` has no such option.
        ConfigurationError: `own` is not a lifespan, `drain` is not a number of seconds, or (when the application
            starts) an option is wrong.
    """
    __tracebackhide__ = True
    api_token = None if token is None else APIToken(token)
    del token  # so that no frame of a traceback has it
    inspect.signature(AsyncAdjust).bind_partial(**options)
    if own is not None and not callable(own):
        raise ConfigurationError(f"own is {shown(own)}: pass the lifespan of the application, as for FastAPI itself")
    check_seconds(drain, "drain", math.inf)

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[Mapping[str, Any] | None]:
        adjust = AsyncAdjust(None if api_token is None else api_token.reveal(), **options)
        for each in _with_mounted(app):
            each.state.adjust = adjust
        try:
            if own is None:
                yield None
            else:
                async with own(app) as state:
                    yield state
        finally:
            await adjust.aclose(drain=drain)

    return opened


def _with_mounted(app: Starlette) -> list[Starlette]:
    """Return an application and those mounted in it, each of which has its own state."""
    mounted = [route.app for route in app.routes if isinstance(route, Mount) and isinstance(route.app, Starlette)]
    return [app, *(deeper for each in mounted for deeper in _with_mounted(each))]


async def get_adjust(connection: HTTPConnection) -> AsyncAdjust:
    """Return the application's client. Tests can replace it with `app.dependency_overrides[get_adjust]`.

    Raises:
        RuntimeError: The application was not started with `lifespan`.
    """
    adjust: AsyncAdjust | None = getattr(connection.app.state, "adjust", None)
    if adjust is None:
        raise RuntimeError(
            "no client is open: make the application with FastAPI(lifespan=lifespan()), and in tests use "
            "`with TestClient(app) as client:`, which runs the lifespan"
        )
    return adjust


#: The client, as an argument of a route: `async def route(adjust: Adjust): ...`
Adjust = Annotated[AsyncAdjust, Depends(get_adjust)]


def install_error_handlers(app: Starlette) -> None:
    """Make an application respond to an `AdjustError` that leaves a route, as `answer_to` describes.

    Raises:
        ConfigurationError: It is not an application.
    """
    if not isinstance(app, Starlette):
        raise ConfigurationError(f"app is {shown(app)}: pass a FastAPI or Starlette application")
    app.add_exception_handler(AdjustError, _handle)


def answer_to(error: AdjustError) -> JSONResponse:
    """Return the response for a route that failed with an error.

    | Status | Meaning |
    |---|---|
    | 400, 404, 422 | Adjust answered this, or an argument was wrong (422). `detail` is the error's message. |
    | 429 | Adjust's limits are reached. With `Retry-After`. |
    | 502 | Everything else: Adjust failed, could not be reached, or refused the application's own token. |
    | 503 | Adjust answered 503, no permit or connection became free, or the client is closed. With `Retry-After`. |
    | 504 | Adjust did not answer in time. |

    For a write that is in doubt, the body has `"in_doubt": true`, and there is no `Retry-After`, which would invite a
    second write. `request_id` is Adjust's id of the request, for its support.

    Raises:
        ConfigurationError: It is not an `AdjustError`.
    """
    if not isinstance(error, AdjustError):
        raise ConfigurationError(f"error is {shown(error)}: pass an AdjustError")
    status = _status(error)
    content: dict[str, Any] = {"detail": _WORDS.get(status, getattr(error, "message", str(error)))}
    if request_id := getattr(error, "request_id", None):
        content["request_id"] = request_id
    headers = {}
    if error.in_doubt:
        content["in_doubt"] = True
    elif status in {429, 503}:
        headers["Retry-After"] = str(max(1, math.ceil(getattr(error, "retry_after", None) or 1)))
    return JSONResponse(content, status, headers)


def _status(error: AdjustError) -> int:
    match error:
        case ConfigurationError():
            return 422
        case ClientClosedError() | PoolExhaustedError():
            return 503
        case APITimeoutError():
            return 504
        case BadRequestError() | NotFoundError() | RateLimitError():
            return error.status
        case APIStatusError(status=422 | 503 | 504):
            return error.status
        case _:
            return 502


async def _handle(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AdjustError)  # noqa: S101 - Starlette looks the handler up by the class
    response = answer_to(error)
    if response.status_code >= 500:
        logger.error("%s %s answered %d: %s", request.method, request.url.path, response.status_code, error)
    return response
