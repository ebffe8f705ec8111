"""A question that is asked in parts: one request for each app and window, side by side, joined for each app.

An app of which a window could not be had has failed as a whole: figures of a part of the range would pass for those of
all of it.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Generic, NamedTuple, TypeVar

from adjust_async._concurrency import Send, crawl, stream
from adjust_async._http.session import Session
from adjust_async.errors import AdjustError, ClientClosedError

__all__ = ["Parts", "as_they_come", "together"]

P = TypeVar("P")
J = TypeVar("J")

_Take = Callable[[str, J | AdjustError], Awaitable[None]]


class Parts(NamedTuple, Generic[P, J]):
    """What is to be asked.

    Attributes:
        apps: The apps, in the order asked for.
        windows: How many windows each has.
        ask: Asks for one app and the window of that number.
        join: Joins an app's windows, which come in their order.
        keep_failures: Whether the other apps go on where one fails.
    """

    apps: Sequence[str]
    windows: int
    ask: Callable[[str, int], Awaitable[P]]
    join: Callable[[str, list[P]], J]
    keep_failures: bool

    def outcome(self, app: str, answers: Mapping[int, P | AdjustError]) -> J | AdjustError:
        """Join the windows of an app; where one failed, the app did."""
        windows = []
        for number in range(self.windows):
            answer = answers[number]
            if isinstance(answer, AdjustError):
                return answer
            windows.append(answer)
        try:
            return self.join(app, windows)
        except AdjustError as error:
            if not self.keep_failures:
                raise
            return error


async def together(session: Session, parts: Parts[P, J]) -> tuple[list[J], dict[str, AdjustError]]:
    """Ask for every app: give what was joined and what failed, both in the order asked for.

    Raises:
        AdjustError: Every app failed, or one did and failures are not kept.
    """
    joined: dict[str, J] = {}
    failures: dict[str, AdjustError] = {}

    async def take(app: str, outcome: J | AdjustError) -> None:
        if isinstance(outcome, AdjustError):
            failures[app] = outcome
        else:
            joined[app] = outcome

    await _ask_all(session, parts, take)
    _raise_if_all_failed(parts.apps, failures)
    return (
        [joined[app] for app in parts.apps if app in joined],
        {app: failures[app] for app in parts.apps if app in failures},
    )


async def as_they_come(session: Session, parts: Parts[P, J]) -> AsyncGenerator[tuple[str, J | AdjustError], None]:
    """Ask for every app, and give each as it arrives, those that failed as their error.

    Raises:
        AdjustError: As `together` does, after all that has come.
    """

    async def produce(send: Send[tuple[str, J | AdjustError]]) -> None:
        async def take(app: str, outcome: J | AdjustError) -> None:
            if isinstance(outcome, AdjustError):
                failures[app] = outcome
            await send((app, outcome))

        await _ask_all(session, parts, take)
        _raise_if_all_failed(parts.apps, failures)

    failures: dict[str, AdjustError] = {}
    ahead = stream(produce, ahead=session.config.max_concurrency, spawn=session.spawn)
    async with aclosing(ahead):
        async for app, outcome in ahead:
            yield app, outcome


def _raise_if_all_failed(apps: Sequence[str], failures: Mapping[str, AdjustError]) -> None:
    """Where nothing came, raise the error of the app that was asked for first."""
    if len(failures) < len(apps):
        return
    first, *others = (failures[app] for app in apps)
    if others:
        first.add_note(f"{len(others)} other app{'s' if len(others) > 1 else ''} failed too.")
    raise first


async def _ask_all(session: Session, parts: Parts[P, J], take: _Take[J]) -> None:
    """Ask for every app and window, side by side; `take` gets each app once, when all its windows are there."""
    waiting = dict.fromkeys(parts.apps, parts.windows)
    answers: dict[str, dict[int, P | AdjustError]] = {app: {} for app in parts.apps}

    async def visit(place: tuple[str, int], _: object) -> None:
        app, number = place
        try:
            answers[app][number] = await parts.ask(app, number)
        except ClientClosedError:
            raise
        except AdjustError as error:
            if not parts.keep_failures:
                raise
            answers[app][number] = error
        waiting[app] -= 1
        if not waiting[app]:
            await take(app, parts.outcome(app, answers.pop(app)))

    places = [(app, number) for app in parts.apps for number in range(parts.windows)]
    await crawl(reversed(places), visit, workers=session.config.max_concurrency)
