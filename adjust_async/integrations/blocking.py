"""A client for engines that block: it runs in an event loop in a thread of its own."""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from threading import Lock
from typing import Any, TypeVar

import attrs
from anyio.from_thread import BlockingPortal, start_blocking_portal

from adjust_async import AsyncAdjust, ConfigurationError

__all__ = ["Client", "Opener"]

T = TypeVar("T")


@attrs.frozen
class Client:
    """An open client. Its calls block the calling thread and nothing else."""

    adjust: AsyncAdjust
    _portal: BlockingPortal

    def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine function in the client's event loop, and return its result."""
        return self._portal.call(function)

    def iterate(self, ask: Callable[[], AsyncGenerator[T, None]]) -> Iterator[T]:
        """Yield the items of an asynchronous generator. Leaving the iteration cancels its running requests."""

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


@attrs.define
class _Shared:
    """An open client, with the number of threads that use it."""

    client: Client
    closing: ExitStack
    users: int = 0


_lock = Lock()
_shared: dict[bytes, _Shared] = {}


class Opener:
    """Opens clients with the same options. The options may hold the API token, so they are never shown.

    Raises:
        ConfigurationError: `http_client` is among the options.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        if options.get("http_client") is not None:
            raise ConfigurationError(
                "http_client belongs to one event loop, and each client here has a loop of its own: leave it out"
            )
        self._options = dict(options)

    def check(self, use: Callable[[AsyncAdjust], object]) -> None:
        """Check the options and the arguments of a query with a client that sends nothing.

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

    @contextmanager
    def share(self) -> Iterator[Client]:
        """Enter a client that all threads of this process share. It is open while at least one thread is in the block.

        Opening a client starts threads and reads certificates, which takes longer than a small request.
        """
        # A digest, because the environment variables hold the token.
        environment = sorted(item for item in os.environ.items() if item[0].startswith("ADJUST_"))
        key = sha256(repr((sorted(self._options.items()), environment)).encode()).digest()
        with _lock:
            if key not in _shared:
                closing = ExitStack()
                _shared[key] = _Shared(closing.enter_context(self.open()), closing)
            shared = _shared[key]
            shared.users += 1
        try:
            yield shared.client
        finally:
            with _lock:
                shared.users -= 1
                if not shared.users:
                    del _shared[key]
                    shared.closing.close()

    def _client(self) -> AsyncAdjust:
        return AsyncAdjust(**self._options)
