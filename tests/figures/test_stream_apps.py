"""Queries in parts, as their apps arrive."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from adjust_async import ClientClosedError, ServerError
from adjust_async._http.session import Session
from tests.clock import JumpingClockLoop, jumping_clock
from tests.figures.questions import after, broken, client, parts, together, walk

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session; at its end no task may be left."""
    async with client() as adjust:
        yield adjust._session
        assert not adjust._session._tasks


async def test_each_app_is_yielded_when_its_windows_have_arrived(session: Session) -> None:
    """An app is yielded once, as soon as its last window arrives, whatever the others do."""
    ask = after({"a0": 1, "a1": 9, "b": 3, "c0": 2, "c1": 5})
    started = asyncio.get_running_loop().time()
    seen = []
    async for app, outcome in parts(ask, "a", "b", "c", windows=2).arrive(session):
        seen.append((app, outcome, round(asyncio.get_running_loop().time() - started)))
    assert seen == [("b", "b:b0+b1", 3), ("c", "c:c0+c1", 5), ("a", "a:a0+a1", 9)]


async def test_kept_failures_are_yielded_too(session: Session) -> None:
    """With `keep_failures` a failed app is yielded with its error when its windows have ended."""
    ask = after({"a": 1, "b0": 2, "b1": 4, "c": 3}, failing=("b0",))
    assert await walk(session, parts(ask, "a", "b", "c", windows=2, keep=True)) == [
        ("a", "a:a0+a1"),
        ("c", "c:c0+c1"),
        ("b", "b0 is broken"),
    ]


async def test_a_failure_ends_the_walk_after_earlier_apps(session: Session) -> None:
    """By default the first failure is raised, after the apps that arrived before it."""
    seen = []
    with pytest.raises(ServerError, match="b0 is broken"):
        async for app, _ in parts(after({"a": 1, "b": 2, "c": 3}, failing=("b",)), *"abc").arrive(session):
            seen.append(app)
    assert seen == ["a"]


async def test_all_failing_raises_the_first_after_the_last(session: Session) -> None:
    """If every app fails, each is yielded, and then the error of the first requested app is raised."""
    seen = []
    with pytest.raises(ServerError, match="a0 is broken") as raised:
        async for app, _ in parts(after({"a": 3, "b": 2, "c": 1}, failing=("a", "b", "c")), *"abc", keep=True).arrive(
            session
        ):
            seen.append(app)
    assert seen == ["c", "b", "a"]
    assert raised.value.__notes__ == ["2 other apps failed too."]


async def test_leaving_a_walk_stops_its_requests(session: Session) -> None:
    """After the walk is left, nothing is running."""
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
    """Apps that arrived while the consumer worked are not lost, and are not requested again."""
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
def test_every_app_is_yielded_once(
    apps: int, windows: int, workers: int, seconds: list[float], failing: set[int]
) -> None:
    """With kept failures, `together` and the walk return the same apps, each complete or failed."""
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
