"""A client for engines that block: it runs in an event loop of a thread of its own."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import attrs
from anyio.from_thread import BlockingPortal, start_blocking_portal

from adjust_async import AsyncAdjust

__all__ = ["Client", "Opener"]

T = TypeVar("T")


@attrs.frozen
class Client:
    """An open client, whose calls block the calling thread and nothing else."""

    adjust: AsyncAdjust
    _portal: BlockingPortal

    def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Return what a call of the client returns."""
        return self._portal.call(function)

    def iterate(self, ask: Callable[[], AsyncGenerator[T, None]]) -> Iterator[T]:
        """Yield what a generator of the client yields; leaving it ends the requests that are under way."""

        async def begin() -> AsyncGenerator[T, None]:
            return ask()

        arriving = self._portal.call(begin)

        async def following() -> list[T]:
            async for item in arriving:
                return [item]
            return []

        try:
            while found := self._portal.call(following):
                yield from found
        finally:
            self._portal.call(arriving.aclose)


class Opener:
    """Opens clients with the same options, and shows none of them: one may be the API token."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = dict(options)

    def check(self, use: Callable[[AsyncAdjust], object]) -> None:
        """Let a client that sends nothing check its options and the arguments of a question.

        Raises:
            ConfigurationError: One of them is wrong.
        """
        __tracebackhide__ = True
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(self._client()) as adjust:

            async def ask() -> None:
                use(adjust)

            portal.call(ask)

    @contextmanager
    def open(self) -> Iterator[Client]:
        """Open a client, and close it at the end of the block."""
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(self._client()) as adjust:
            yield Client(adjust, portal)

    def _client(self) -> AsyncAdjust:
        return AsyncAdjust(**self._options)
