"""One request for each app and window, side by side, joined for each app."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Literal, TypeVar

from adjust_async._checks import shown
from adjust_async._concurrency import Send, crawl, stream
from adjust_async._http.session import Session
from adjust_async.errors import AdjustError, ClientClosedError, ConfigurationError

__all__ = ["OnFailure", "all_apps", "check_on_failure", "each_app"]

W = TypeVar("W")
P = TypeVar("P")
J = TypeVar("J")

#: `"raise"` ends a question with its first failure, `"keep"` goes on with the other apps.
OnFailure = Literal["raise", "keep"]


def check_on_failure(value: object) -> bool:
    """Return whether failures are kept.

    Raises:
        ConfigurationError: The value is neither `"raise"` nor `"keep"`.
    """
    if isinstance(value, str) and value in {"raise", "keep"}:
        return value == "keep"
    raise ConfigurationError(f"on_failure is {shown(value)}: give 'raise' or 'keep'")


async def each_app(
    session: Session,
    app_tokens: Sequence[str],
    windows: Sequence[W],
    ask: Callable[[str, W], Awaitable[P]],
    join: Callable[[str, list[P]], J],
    *,
    keep_failures: bool,
) -> AsyncGenerator[tuple[str, J | AdjustError], None]:
    """Ask for every app and window side by side; yield each app when the last of its windows has arrived.

    Args:
        session: The session; its `max_concurrency` is the number of requests at the same time.
        app_tokens: The apps. Their requests begin in this order.
        windows: The windows of every app, in order.
        ask: Sends the request for one app and window.
        join: Joins the windows of an app, which come in order.
        keep_failures: Whether the other apps go on where one fails. An app fails as a whole where one of its windows
            does: figures of a part of the range would pass for those of all of it.

    Raises:
        AdjustError: A request failed, and failures are not kept; or all apps failed: then the error of the first app,
            after all of them were yielded.
    """

    async def produce(send: Send[tuple[str, J | AdjustError]]) -> None:
        waiting = dict.fromkeys(app_tokens, len(windows))
        answers: dict[str, dict[int, P | AdjustError]] = {app: {} for app in app_tokens}

        async def visit(place: tuple[str, int], _: object) -> None:
            app, number = place
            answers[app][number] = await _attempt(ask(app, windows[number]), keep_failures=keep_failures)
            waiting[app] -= 1
            if not waiting[app]:
                of_app = answers.pop(app)
                in_order = [of_app[number] for number in range(len(windows))]
                await send((app, _joined(app, in_order, join, keep_failures=keep_failures)))

        places = [(app, number) for app in app_tokens for number in range(len(windows))]
        await crawl(reversed(places), visit, workers=session.config.max_concurrency)

    failures: dict[str, AdjustError] = {}
    async with aclosing(stream(produce, ahead=session.config.max_concurrency, spawn=session.spawn)) as arriving:
        async for app, outcome in arriving:
            if isinstance(outcome, AdjustError):
                failures[app] = outcome
            yield app, outcome
    if len(failures) == len(app_tokens):
        first, others = failures[app_tokens[0]], len(failures) - 1
        if others:
            first.add_note(f"{others} other app{'s' if others > 1 else ''} failed too.")
        raise first


async def all_apps(
    arriving: AsyncGenerator[tuple[str, J | AdjustError], None], app_tokens: Sequence[str]
) -> tuple[list[J], dict[str, AdjustError]]:
    """Wait for all apps of `each_app`; return the joined ones and the failed ones, both in the order asked for."""
    async with aclosing(arriving):
        outcomes = {app: outcome async for app, outcome in arriving}
    in_order = [(app, outcomes[app]) for app in app_tokens]
    return (
        [outcome for _, outcome in in_order if not isinstance(outcome, AdjustError)],
        {app: outcome for app, outcome in in_order if isinstance(outcome, AdjustError)},
    )


async def _attempt(asked: Awaitable[P], *, keep_failures: bool) -> P | AdjustError:
    try:
        return await asked
    except AdjustError as error:
        if not keep_failures or isinstance(error, ClientClosedError):
            raise
        return error


def _joined(
    app: str, answers: list[P | AdjustError], join: Callable[[str, list[P]], J], *, keep_failures: bool
) -> J | AdjustError:
    windows = []
    for answer in answers:
        if isinstance(answer, AdjustError):
            return answer
        windows.append(answer)
    try:
        return join(app, windows)
    except AdjustError as error:
        if not keep_failures:
            raise
        return error
