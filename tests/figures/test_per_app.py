"""Queries in parts: every app and window concurrently, joined for each app."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adjust_async import ClientClosedError, ServerError
from adjust_async._http.session import Session
from tests.clock import jumping_clock
from tests.figures.questions import after, broken, client, join, parts, together, walk

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session; at its end no task may be left."""
    async with client() as adjust:
        yield adjust._session
        assert not adjust._session._tasks


async def test_parts_are_joined_in_the_order_asked_for(session: Session) -> None:
    """Whatever order the answers arrive in, apps and windows are in their own order."""
    ask = after({"a0": 9, "a1": 3, "a2": 6, "b0": 1, "b1": 2, "b2": 0.5, "c": 4})
    joined, failures = await together(session, parts(ask, "a", "b", "c", windows=3))
    assert joined == ["a:a0+a1+a2", "b:b0+b1+b2", "c:c0+c1+c2"]
    assert failures == {}


class Answer:
    """The result of an app, whose end can be observed."""


async def test_joined_answers_live_no_longer_than_their_owner(session: Session) -> None:
    """Nothing in a fan-out keeps the answers alive until the collector runs: they may be most of the memory."""
    question = parts(after({}), "a", "b", windows=2, join=lambda *_: Answer())
    gc.disable()
    try:
        joined: list[Any] = (await together(session, question))[0]
        seen = [weakref.ref(answer) for answer in joined]
        del joined
        assert [ref() for ref in seen] == [None, None]
    finally:
        gc.enable()


async def test_parts_are_requested_concurrently(session: Session) -> None:
    """All of them run at once."""
    started = asyncio.get_running_loop().time()
    await together(session, parts(after({"a": 5, "b": 5}), "a", "b", windows=10))
    assert asyncio.get_running_loop().time() - started == pytest.approx(5)


@pytest.mark.parametrize("most", [1, 3])
async def test_no_more_than_the_client_allows(most: int) -> None:
    """However many parts there are, only this many are requested at a time, in the order of apps and windows."""
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
    """By default the first failure ends everything at once, and the other requests are cancelled."""
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
    """With `keep_failures` the others continue; if one window of an app fails, the app fails with its error."""
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
    """If every app fails, the error of the first requested app is raised, and says that others failed too."""
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
async def test_other_exceptions_than_failures_of_an_app_are_never_kept(session: Session, error: Exception) -> None:
    """A bug in this package, or closing the client, ends the call in any case."""

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
    """If the windows of an app do not fit together, that app fails."""

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
    """Nothing is requested after a cancellation."""
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
