"""One request for each app and window, side by side, joined for each app."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

from adjust_async._checks import shown
from adjust_async._concurrency import Send, crawl, stream
from adjust_async._http.session import Session
from adjust_async.errors import AdjustError, ClientClosedError, ConfigurationError, detached
from adjust_async.progress import OnProgress

__all__ = ["FanOut", "OnFailure", "all_apps", "check_on_failure", "each_app", "stream_apps"]

W = TypeVar("W")
P = TypeVar("P")
J = TypeVar("J")

#: An app with its joined windows, or with its error.
Outcome: TypeAlias = tuple[str, J | AdjustError]
#: Asks for all apps, and delivers each when the last of its windows has arrived: `each_app` but for its last argument.
FanOut: TypeAlias = Callable[[Send[Outcome[J]]], Coroutine[Any, Any, None]]

#: Failed apps whose errors keep the whole answer of the service.
MOST_BODIES = 20

#: Windows whose answers are folded into one.
BATCH = 64

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
    deliver: Send[Outcome[J]],
    *,
    name: str,
    keep_failures: bool,
    on_progress: OnProgress | None = None,
    fold: Callable[[str, list[P]], P] | None = None,
) -> None:
    """Ask for every app and window side by side; deliver each app once, when the last of its windows has arrived.

    Args:
        session: The session; its `max_concurrency` is the number of requests at the same time.
        app_tokens: The apps. Their requests begin in this order.
        windows: The windows of every app, in order.
        ask: Sends the request for one app and window.
        join: Joins the windows of an app, which come in order.
        deliver: Takes an app with its joined windows, or with its error.
        name: What is asked for, as the span says it.
        keep_failures: Whether the other apps go on where one fails. An app fails as a whole where one of its windows
            does: figures of a part of the range would pass for those of all of it.
        on_progress: Told of each request that has ended, well or not.
        fold: Makes one answer of those of successive windows, so that thousands of small ones are never kept.

    Raises:
        AdjustError: A request failed, and failures are not kept; or all apps failed: then the error of the first app,
            after all of them were delivered.
    """
    __tracebackhide__ = True
    waiting = dict.fromkeys(app_tokens, len(windows))
    answers: dict[str, dict[int, P | AdjustError]] = {app: {} for app in app_tokens}
    failures: dict[str, AdjustError] = {}
    ended = 0

    async def visit(place: tuple[str, int], _: object) -> None:
        nonlocal ended
        __tracebackhide__ = True
        app, number = place
        try:
            answers[app][number] = await ask(app, windows[number])
        except AdjustError as error:
            if not keep_failures or isinstance(error, ClientClosedError):
                raise
            # There may be thousands, and they are kept as long as the report.
            answers[app][number] = detached(error, short=len(failures) >= MOST_BODIES)
        waiting[app] -= 1
        if fold is not None:
            _fold(app, answers[app], number, fold, keep_failures=keep_failures)
        if on_progress is not None:
            ended += 1
            on_progress(ended, len(places), app or "all apps")
        if waiting[app]:
            return
        outcome = _joined(app, answers.pop(app), join, keep_failures=keep_failures)
        if isinstance(outcome, AdjustError):
            failures[app] = outcome
        await deliver((app, outcome))

    places = [(app, number) for app in app_tokens for number in range(len(windows))]
    with session.operation(name, apps=len(app_tokens), windows=len(windows)):
        await crawl(reversed(places), visit, workers=session.config.max_concurrency)
    if len(failures) == len(app_tokens):
        first, others = failures[app_tokens[0]], len(failures) - 1
        if others:
            first.add_note(f"{others} other app{'s' if others > 1 else ''} failed too.")
        raise first


def _fold(
    app: str,
    answers: dict[int, P | AdjustError],
    number: int,
    fold: Callable[[str, list[P]], P],
    *,
    keep_failures: bool,
) -> None:
    """Make one answer of those of a batch of windows, once the last of them has arrived."""
    first = number - number % BATCH
    batch = {place: answers[place] for place in range(first, first + BATCH) if place in answers}
    if len(batch) == BATCH:
        folded = _joined(app, batch, fold, keep_failures=keep_failures)
        for place in batch:
            del answers[place]
        answers[first] = folded


def _joined(
    app: str, answers: dict[int, P | AdjustError], join: Callable[[str, list[P]], J], *, keep_failures: bool
) -> J | AdjustError:
    windows = []
    for number in sorted(answers):
        answer = answers[number]
        if isinstance(answer, AdjustError):
            return answer
        windows.append(answer)
    try:
        return join(app, windows)
    except AdjustError as error:
        if not keep_failures:
            raise
        return detached(error)


async def all_apps(fan_out: FanOut[J], app_tokens: Sequence[str]) -> tuple[list[J], dict[str, AdjustError]]:
    """Wait for all apps; return what was joined and what failed, both in the order asked for."""
    __tracebackhide__ = True
    outcomes: dict[str, J | AdjustError] = {}

    async def deliver(outcome: Outcome[J]) -> None:
        outcomes.update([outcome])

    await fan_out(deliver)
    joined: list[J] = []
    failures: dict[str, AdjustError] = {}
    for app in app_tokens:
        outcome = outcomes.pop(app)  # so that nothing keeps the answers alive but the report
        if isinstance(outcome, AdjustError):
            failures[app] = outcome
        else:
            joined.append(outcome)
    return joined, failures


def stream_apps(session: Session, fan_out: FanOut[J]) -> AsyncGenerator[Outcome[J], None]:
    """Yield each app when it arrives."""
    return stream(fan_out, ahead=session.config.max_concurrency, spawn=session.spawn)
