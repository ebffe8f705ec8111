"""Queries in parts for tests, answered by a function instead of a service."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import httpx

from adjust_async import AdjustError, AsyncAdjust, ServerError
from adjust_async._figures.per_app import FanOut, all_apps, each_app, stream_apps
from adjust_async._http.session import Session

Ask = Callable[[str, int], Awaitable[str]]


def refuse(request: httpx.Request) -> httpx.Response:
    """Answer nothing: no request is sent here."""
    raise NotImplementedError(request)


def client(max_concurrency: int = 50) -> AsyncAdjust:
    """Return a client that sends nothing."""
    return AsyncAdjust(
        "secret", http_client=httpx.AsyncClient(transport=httpx.MockTransport(refuse)), max_concurrency=max_concurrency
    )


def broken(app: str) -> ServerError:
    """Return the error of an app."""
    return ServerError(f"{app} is broken", status=500, method="GET", path="/x")


async def join(app: str, windows: list[str]) -> str:
    """Join the windows of an app."""
    return f"{app}:{'+'.join(windows)}"


class Question(NamedTuple):
    """The query."""

    ask: Ask
    apps: tuple[str, ...]
    windows: int
    keep: bool
    join: Any

    def fan_out(self, session: Session) -> FanOut[str]:
        """Return the fan-out."""
        windows = range(self.windows)
        return partial(
            each_app, session, self.apps, windows, self.ask, self.join, name="fan_out", keep_failures=self.keep
        )

    def arrive(self, session: Session) -> AsyncGenerator[tuple[str, str | AdjustError], None]:
        """Request each app."""
        return stream_apps(session, self.fan_out(session))


def parts(ask: Ask, *apps: str, windows: int = 1, keep: bool = False, join: Any = join) -> Question:
    """Return a query."""
    return Question(ask, apps, windows, keep, join)


async def together(session: Session, question: Question) -> tuple[list[str], dict[str, AdjustError]]:
    """Wait for all apps."""
    joined: list[str] = []
    return joined, await all_apps(question.fan_out(session), question.apps, joined.append)


def after(seconds: dict[str, float], failing: tuple[str, ...] = ()) -> Ask:
    """Answer for each app and window after this many seconds, or fail."""

    async def ask(app: str, window: int) -> str:
        await asyncio.sleep(seconds.get(f"{app}{window}", seconds.get(app, 0)))
        if app in failing or f"{app}{window}" in failing:
            raise broken(f"{app}{window}")
        return f"{app}{window}"

    return ask


async def walk(session: Session, question: Question) -> list[tuple[str, str]]:
    """Walk a query to its end; errors become their messages."""
    return [
        (app, outcome.message if isinstance(outcome, AdjustError) else outcome)
        async for app, outcome in question.arrive(session)
    ]
