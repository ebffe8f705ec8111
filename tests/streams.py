"""Streams of numbers for tests, with what can be observed from outside."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx

from adjust_async import AsyncAdjust
from adjust_async._concurrency import Send, stream
from adjust_async._http.session import Session

#: Long by the jumping clock, so that a hanging test fails instead.
LONG = 10_000.0


def new_session() -> Session:
    """Make a session that sends nothing."""
    refuse = httpx.MockTransport(lambda _: httpx.Response(500))
    return AsyncAdjust("token", http_client=httpx.AsyncClient(transport=refuse))._session


def numbers(count: int, made: list[int], ended: list[str]) -> Callable[[Send[int]], Coroutine[Any, Any, None]]:
    """Return a producer of this many numbers, which records what it made, and how it ended."""

    async def produce(send: Send[int]) -> None:
        try:
            for number in range(count):
                made.append(number)
                await send(number)
        except BaseException as error:
            ended.append(type(error).__name__)
            raise
        else:
            ended.append("whole")

    return produce


class Watched:
    """A stream of numbers, with what can be observed from outside."""

    def __init__(self, count: int = 100, ahead: int = 3) -> None:
        self.session = new_session()
        self.tasks_before = len(asyncio.all_tasks())
        self.made: list[int] = []
        self.ended: list[str] = []
        self.items = stream(numbers(count, self.made, self.ended), ahead=ahead, spawn=self.session.spawn)

    @property
    def tasks(self) -> int:
        """Return how many more tasks there are than before."""
        return len(asyncio.all_tasks()) - self.tasks_before
