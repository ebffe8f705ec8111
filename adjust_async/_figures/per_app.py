"""Send one concurrent request for each app and window, and join the windows of each app."""

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
#: Requests all apps, and delivers each when the last of its windows has arrived: `each_app` without its argument
#: `deliver`.
FanOut: TypeAlias = Callable[[Send[Outcome[J]]], Coroutine[Any, Any, None]]

#: The number of failed apps whose errors keep the service's complete answer.
MOST_BODIES = 20

#: The number of successive windows whose answers are folded into one.
BATCH = 64

#: `"raise"` ends a call with its first failure, `"keep"` continues with the other apps.
OnFailure = Literal["raise", "keep"]


def check_on_failure(value: object) -> bool:
    """Return whether failures are kept.

    Raises:
        ConfigurationError: The value is neither `"raise"` nor `"keep"`.
    """
    if isinstance(value, str) and value in {"raise", "keep"}:
        return value == "keep"
    raise ConfigurationError(f"on_failure is {shown(value)}: pass 'raise' or 'keep'")


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
    """Request every app and window concurrently. Deliver each app once, when the last of its windows has arrived.

    Args:
        session: The session; its `max_concurrency` limits the number of concurrent requests.
        app_tokens: The apps. Their requests start in this order.
        windows: The windows of every app, in order.
        ask: Sends the request for one app and window.
        join: Joins the windows of an app, which are passed in order.
        deliver: Takes an app with its joined windows, or with its error.
        name: The name of the span.
        keep_failures: Whether to continue with the other apps if one fails. An app fails as a whole if one of its
            windows does: otherwise figures of a part of the range would look like those of the whole range.
        on_progress: Called after each request, whether it succeeded or not.
        fold: Combines the answers of successive windows, so that thousands of small answers need not be kept.

    Raises:
        AdjustError: A request failed, and failures are not kept. Or all apps failed: then it is the error of the first
            app, raised after all of them were delivered.
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
            # There may be thousands of errors, which live as long as the report.
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
    """Fold the answers of a batch of windows into one, once the last of them has arrived."""
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
    """Wait for all apps. Return the joined figures, and the failures by app, both in the requested order."""
    __tracebackhide__ = True
    outcomes: dict[str, J | AdjustError] = {}

    async def deliver(outcome: Outcome[J]) -> None:
        outcomes.update([outcome])

    await fan_out(deliver)
    joined: list[J] = []
    failures: dict[str, AdjustError] = {}
    for app in app_tokens:
        outcome = outcomes.pop(app)  # so that only the report keeps the answers alive
        if isinstance(outcome, AdjustError):
            failures[app] = outcome
        else:
            joined.append(outcome)
    return joined, failures


def stream_apps(session: Session, fan_out: FanOut[J]) -> AsyncGenerator[Outcome[J], None]:
    """Yield each app when it arrives."""
    return stream(fan_out, ahead=session.config.max_concurrency, spawn=session.spawn)
