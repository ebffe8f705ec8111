"""Questions in parts: every app and window side by side, joined for each app."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import given, settings, strategies as st

from adjust_async import AdjustError, AsyncAdjust, ClientClosedError, ServerError
from adjust_async._figures.per_app import FanOut, all_apps, each_app, stream_apps
from adjust_async._http.session import Session
from tests.clock import JUMPING_CLOCK, JumpingClockLoop

pytestmark = pytest.mark.anyio

Ask = Callable[[str, int], Awaitable[str]]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Nothing here needs a socket, so that hours may pass at once."""
    return JUMPING_CLOCK


def refuse(request: httpx.Request) -> httpx.Response:
    """Answer nothing: what is asked here never goes out."""
    raise NotImplementedError(request)


def client(max_concurrency: int = 50) -> AsyncAdjust:
    """Make a client that sends nothing."""
    return AsyncAdjust(
        "secret", http_client=httpx.AsyncClient(transport=httpx.MockTransport(refuse)), max_concurrency=max_concurrency
    )


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session; at its end no task may be left."""
    async with client() as adjust:
        yield adjust._session
        assert not adjust._session._tasks


def broken(app: str) -> ServerError:
    """Make the error of an app."""
    return ServerError(f"{app} is broken", status=500, method="GET", path="/x")


def join(app: str, windows: list[str]) -> str:
    """Join the windows of an app."""
    return f"{app}:{'+'.join(windows)}"


class Question(NamedTuple):
    """What is asked for."""

    ask: Ask
    apps: tuple[str, ...]
    windows: int
    keep: bool
    join: Any

    def fan_out(self, session: Session) -> FanOut[str]:
        """Prepare the fan-out."""
        windows = range(self.windows)
        return partial(each_app, session, self.apps, windows, self.ask, self.join, keep_failures=self.keep)

    def arrive(self, session: Session) -> AsyncGenerator[tuple[str, str | AdjustError], None]:
        """Ask for each app."""
        return stream_apps(session, self.fan_out(session))


def parts(ask: Ask, *apps: str, windows: int = 1, keep: bool = False, join: Any = join) -> Question:
    """Make a question."""
    return Question(ask, apps, windows, keep, join)


async def together(session: Session, question: Question) -> tuple[list[str], dict[str, AdjustError]]:
    """Wait for all apps."""
    return await all_apps(question.fan_out(session), question.apps)


def after(seconds: dict[str, float], failing: tuple[str, ...] = ()) -> Ask:
    """Answer for each app and window after so many seconds, or fail."""

    async def ask(app: str, window: int) -> str:
        await asyncio.sleep(seconds.get(f"{app}{window}", seconds.get(app, 0)))
        if app in failing or f"{app}{window}" in failing:
            raise broken(f"{app}{window}")
        return f"{app}{window}"

    return ask


async def test_parts_are_joined_in_the_order_asked_for(session: Session) -> None:
    """Whatever order the answers come in, apps are in theirs, and windows in theirs."""
    ask = after({"a0": 9, "a1": 3, "a2": 6, "b0": 1, "b1": 2, "b2": 0.5, "c": 4})
    joined, failures = await together(session, parts(ask, "a", "b", "c", windows=3))
    assert joined == ["a:a0+a1+a2", "b:b0+b1+b2", "c:c0+c1+c2"]
    assert failures == {}


async def test_parts_are_asked_side_by_side(session: Session) -> None:
    """All of them are under way at once."""
    started = asyncio.get_running_loop().time()
    await together(session, parts(after({"a": 5, "b": 5}), "a", "b", windows=10))
    assert asyncio.get_running_loop().time() - started == pytest.approx(5)


@pytest.mark.parametrize("most", [1, 3])
async def test_no_more_than_the_client_allows(most: int) -> None:
    """However many parts there are, so many are asked for at a time, and in the order of apps and windows."""
    working, peak, order = 0, 0, []

    async def ask(app: str, window: int) -> str:
        nonlocal working, peak
        order.append(f"{app}{window}")
        working += 1
        peak = max(peak, working)
        await asyncio.sleep(1)
        working -= 1
        return ""

    async with client(most) as adjust:
        await together(adjust._session, parts(ask, "a", "b", "c", windows=4))
    assert peak == most
    if most == 1:
        assert order == [f"{app}{window}" for app in "abc" for window in range(4)]
    assert len(order) == 12


async def test_a_failure_is_raised_and_cancels_the_others(session: Session) -> None:
    """By default the first failure ends everything at once, and what others ask for is cancelled."""
    cancelled = []

    async def ask(app: str, window: int) -> str:
        try:
            await asyncio.sleep(1 if app == "b" else 1000)
        except asyncio.CancelledError:
            cancelled.append(f"{app}{window}")
            raise
        raise broken(app)

    started = asyncio.get_running_loop().time()
    with pytest.raises(ServerError, match="b is broken") as raised:
        await together(session, parts(ask, "a", "b", "c", windows=2))
    assert asyncio.get_running_loop().time() - started == pytest.approx(1)
    assert {"a0", "a1", "c0", "c1"} <= set(cancelled)
    assert raised.value.__cause__ is None
    assert not hasattr(raised.value, "__notes__")


async def test_failures_can_be_kept(session: Session) -> None:
    """With `keep_failures` the others go on; an app of which one window failed has failed, with that window's error."""
    ask = after({"b1": 3, "b0": 5}, failing=("b0", "b1", "d2"))
    joined, failures = await together(session, parts(ask, "d", "a", "b", "c", windows=3, keep=True))
    assert joined == ["a:a0+a1+a2", "c:c0+c1+c2"]
    assert {app: error.message for app, error in failures.items()} == {
        "d": "d2 is broken",
        "b": "b0 is broken",
    }
    assert list(failures) == ["d", "b"]


@pytest.mark.parametrize("keep", [False, True])
async def test_all_failing_raises_the_first(session: Session, keep: bool) -> None:
    """Where every app failed, the error of the one asked for first is raised, and says that others failed too."""
    ask = after({"a": 3, "b": 2, "c": 4 if keep else 1}, failing=("a", "b", "c"))
    with pytest.raises(ServerError) as raised:
        await together(session, parts(ask, "a", "b", "c", keep=keep))
    assert raised.value.message == ("a0 is broken" if keep else "c0 is broken")
    assert getattr(raised.value, "__notes__", []) == (["2 other apps failed too."] if keep else [])


@pytest.mark.parametrize(("apps", "notes"), [("a", []), ("ab", ["1 other app failed too."])])
async def test_the_note_counts_the_others(session: Session, apps: str, notes: list[str]) -> None:
    """The note is about the other apps, if there are any."""
    with pytest.raises(ServerError) as raised:
        await together(session, parts(after({}, failing=tuple("ab")), *apps, keep=True))
    assert getattr(raised.value, "__notes__", []) == notes


@pytest.mark.parametrize("error", [LookupError("mine"), ClientClosedError("closed")])
async def test_what_is_no_failure_of_an_app_is_never_kept(session: Session, error: Exception) -> None:
    """A mistake in this package, or the close of the client, ends the question in any case."""

    async def ask(app: str, _: int) -> str:
        if app == "b":
            raise error
        await asyncio.sleep(1)
        return app

    with pytest.raises(type(error)) as raised:
        await together(session, parts(ask, "a", "b", "c", keep=True))
    assert raised.value is error


@pytest.mark.parametrize("keep", [False, True])
async def test_windows_that_can_not_be_joined(session: Session, keep: bool) -> None:
    """Where the windows of an app don't fit together, that app has failed."""

    def fussy(app: str, windows: list[str]) -> str:
        if app == "b":
            raise broken("b")
        return join(app, windows)

    question = parts(after({}), "a", "b", "c", windows=2, keep=keep, join=fussy)
    if not keep:
        with pytest.raises(ServerError, match="b is broken"):
            await together(session, question)
        return
    joined, failures = await together(session, question)
    assert joined == ["a:a0+a1", "c:c0+c1"]
    assert list(failures) == ["b"]


async def test_a_cancelled_question_cancels_its_parts(session: Session) -> None:
    """Nothing is asked any more after a cancellation."""
    under_way = 0

    async def ask(_: str, __: int) -> str:
        nonlocal under_way
        under_way += 1
        try:
            await asyncio.sleep(1000)
        finally:
            under_way -= 1
        return ""

    for question in (together(session, parts(ask, "a", "b")), walk(session, parts(ask, "a", "b"))):
        task = asyncio.ensure_future(question)
        await asyncio.sleep(1)
        assert under_way == 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert under_way == 0


# One after the other, as they come.


async def walk(session: Session, question: Question) -> list[tuple[str, str]]:
    """Walk a question to its end; errors as their message."""
    return [
        (app, outcome.message if isinstance(outcome, AdjustError) else outcome)
        async for app, outcome in question.arrive(session)
    ]


async def test_each_app_comes_when_its_windows_are_there(session: Session) -> None:
    """An app comes as soon as its last window has, once, whatever the others do."""
    ask = after({"a0": 1, "a1": 9, "b": 3, "c0": 2, "c1": 5})
    started = asyncio.get_running_loop().time()
    seen = []
    async for app, outcome in parts(ask, "a", "b", "c", windows=2).arrive(session):
        seen.append((app, outcome, round(asyncio.get_running_loop().time() - started)))
    assert seen == [("b", "b:b0+b1", 3), ("c", "c:c0+c1", 5), ("a", "a:a0+a1", 9)]


async def test_kept_failures_come_too(session: Session) -> None:
    """With `keep_failures` a failed app comes with its error, when its windows have ended."""
    ask = after({"a": 1, "b0": 2, "b1": 4, "c": 3}, failing=("b0",))
    assert await walk(session, parts(ask, "a", "b", "c", windows=2, keep=True)) == [
        ("a", "a:a0+a1"),
        ("c", "c:c0+c1"),
        ("b", "b0 is broken"),
    ]


async def test_a_failure_ends_the_walk_after_what_has_come(session: Session) -> None:
    """By default the first failure is raised, after the apps that had come before it."""
    seen = []
    with pytest.raises(ServerError, match="b0 is broken"):
        async for app, _ in parts(after({"a": 1, "b": 2, "c": 3}, failing=("b",)), *"abc").arrive(session):
            seen.append(app)
    assert seen == ["a"]


async def test_all_failing_raises_the_first_after_the_last(session: Session) -> None:
    """Where every app failed, each comes, and the error of the one asked for first is raised then."""
    seen = []
    with pytest.raises(ServerError, match="a0 is broken") as raised:
        async for app, _ in parts(after({"a": 3, "b": 2, "c": 1}, failing=("a", "b", "c")), *"abc", keep=True).arrive(
            session
        ):
            seen.append(app)
    assert seen == ["c", "b", "a"]
    assert raised.value.__notes__ == ["2 other apps failed too."]


async def test_leaving_a_walk_stops_its_requests(session: Session) -> None:
    """After the walk was left nothing is under way."""
    under_way = 0

    async def ask(app: str, _: int) -> str:
        nonlocal under_way
        under_way += 1
        try:
            await asyncio.sleep(1 if app == "a" else 1000)
        finally:
            under_way -= 1
        return app

    apps = parts(ask, *"abc").arrive(session)
    async with aclosing(apps):
        assert await anext(apps) == ("a", "a:a")
        assert under_way == 2
    assert under_way == 0


async def test_a_slow_consumer_gets_every_app(session: Session) -> None:
    """Apps that came while the consumer worked are not lost, and are not asked for a second time."""
    asked = []

    async def ask(app: str, _: int) -> str:
        asked.append(app)
        return app

    apps = [f"app{number}" for number in range(300)]
    seen = []
    async for app, _ in parts(ask, *apps).arrive(session):
        await asyncio.sleep(1)
        seen.append(app)
    assert sorted(seen) == sorted(asked) == sorted(apps)


async def test_closing_the_client_ends_a_walk() -> None:
    """A walk of a client that is closed ends with `ClientClosedError`, failures kept or not."""
    for keep in (False, True):
        adjust = client()
        walking = asyncio.create_task(walk(adjust._session, parts(after({"a": 1000}), "a", "b", keep=keep)))
        await asyncio.sleep(1)
        await adjust.aclose()
        with pytest.raises(ClientClosedError):
            await walking
        assert not adjust._session._tasks


@settings(deadline=None, max_examples=60)
@given(
    apps=st.integers(1, 6),
    windows=st.integers(1, 4),
    workers=st.integers(1, 5),
    seconds=st.lists(st.floats(0, 10), min_size=24, max_size=24),
    failing=st.sets(st.integers(0, 23), max_size=6),
)
def test_every_app_comes_once(apps: int, windows: int, workers: int, seconds: list[float], failing: set[int]) -> None:
    """Of any question with kept failures, `together` and the walk give the same apps, each whole or failed."""
    names = [f"app{number}" for number in range(apps)]

    async def ask(app: str, window: int) -> str:
        place = names.index(app) * windows + window
        await asyncio.sleep(seconds[place])
        if place in failing:
            raise broken(f"{app}/{window}")
        return str(window)

    async def both() -> tuple[Any, Any]:
        async with client(workers) as adjust:
            outcomes: list[Any] = []
            for question in (together, walk):
                try:
                    outcomes.append(await question(adjust._session, parts(ask, *names, windows=windows, keep=True)))
                except ServerError as error:
                    outcomes.append(error.message)
            return outcomes[0], outcomes[1]

    with asyncio.Runner(loop_factory=JumpingClockLoop) as runner:
        joined, walked = runner.run(both())
    failures = {}
    for number, app in enumerate(names):
        windows_failed = [window for window in range(windows) if number * windows + window in failing]
        if windows_failed:
            failures[app] = f"{app}/{windows_failed[0]} is broken"
    whole = [f"{app}:{'+'.join(map(str, range(windows)))}" for app in names if app not in failures]
    if len(failures) == apps:
        assert joined == walked == failures[names[0]]
        return
    assert joined[0] == whole
    assert {app: error.message for app, error in joined[1].items()} == failures
    assert sorted(walked) == sorted([*failures.items(), *((text.partition(":")[0], text) for text in whole)])
