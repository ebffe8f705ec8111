"""The session of a client: what lives as long as the client does."""

import asyncio
from collections.abc import Coroutine
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import httpx

from adjust_async._checks import shown
from adjust_async._concurrency import running_loop
from adjust_async._http.call import Call, Shared, closed_error
from adjust_async._http.decoding import DecodingThread
from adjust_async._http.messages import RequestSpec
from adjust_async._http.services import hosts, services
from adjust_async._records import prepare
from adjust_async.config import Config
from adjust_async.coordination.protocol import Coordinator, Member
from adjust_async.errors import ClientClosedError, ConfigurationError
from adjust_async.transports import PooledTransport

__all__ = ["Session"]

T = TypeVar("T")


class Session:
    """Sends requests for all resources of one client, and owns its tasks and connections.

    It may be opened and closed in different tasks, and be used by any number of them in between.
    """

    def __init__(self, config: Config, coordinator: Coordinator, http_client: httpx.AsyncClient | None = None) -> None:
        __tracebackhide__ = True
        self.config = config
        self._owns_client = http_client is None
        client = _own_client(config) if http_client is None else _checked(http_client)
        self._shared = Shared(config, client, DecodingThread(), coordinator.join(hosts(config)))
        self._services = services(config)
        prepare()
        self._calls: set[Call[Any]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def client(self) -> httpx.AsyncClient:
        """The client that sends every request."""
        return self._shared.client

    @property
    def closed(self) -> bool:
        """Whether `aclose` was called."""
        return self._shared.closed

    @property
    def calls(self) -> int:
        """How many calls are under way, including those that wait for a permit or for their next attempt."""
        return len(self._calls)

    @property
    def permits(self) -> int:
        """How many permits are out, of both hosts."""
        return self.member.permits_out

    @property
    def member(self) -> Member:
        """The client's part in its coordinator."""
        return self._shared.member

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that `aclose` cancels.

        Raises:
            ClientClosedError: The session is closed.
        """
        if self.closed:
            coroutine.close()
            raise closed_error()
        try:
            loop = running_loop()
        except ConfigurationError:
            coroutine.close()
            raise
        task = loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def request(self, spec: RequestSpec[T]) -> T:
        """Send a request, again where that helps and harms nothing, and return what `spec.decode` makes of the answer.

        Raises:
            APIStatusError: The service answered with an error.
            APIConnectionError: There was no answer, or none in time.
            DecodeError: The answer was not what the API documents.
            ClientClosedError: The session is closed, or was closed meanwhile.
        """
        __tracebackhide__ = True
        if self.closed:
            raise closed_error()
        loop = running_loop()
        if self._loop is not loop:
            self._bind(loop)
        if self.config.token.is_in(spec.path):
            raise ConfigurationError("the API token was passed as an app token or a tracker token: URLs get logged")
        call = Call(spec, self._services[spec.service], self._shared)
        self._calls.add(call)
        try:
            return await call.run()
        finally:
            self._calls.discard(call)
            if self._shared.closed and not self._calls:
                self._ended.set()

    async def aclose(self) -> None:
        """End the calls that are under way with `ClientClosedError`, end the tasks, and close the connections."""
        running_loop()
        self._shared.closed = True
        if self._loop is not None and self._loop.is_closed():
            return  # and its connections and tasks ended with it
        for call in self._calls:
            call.end()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._calls:
            await self._ended.wait()
        try:
            await self.member.aclose()
        finally:
            self._shared.thread.close()
            if self._owns_client:
                await self.client.aclose()

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not None:
            raise ConfigurationError("the client is used in a second event loop: make one AsyncAdjust for each loop")
        self._loop = loop
        self._shared.is_left_open = self._owns_client


def _own_client(config: Config) -> httpx.AsyncClient:
    # An emulator is both hosts in one, and each has permits of its own.
    connections = config.max_concurrency * (2 if config.api.url == config.reports.url else 1)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(transport=PooledTransport(connections), cookies=no_cookies)


def _checked(http_client: object) -> httpx.AsyncClient:
    """Check the client that the caller passed in."""
    if not isinstance(http_client, httpx.AsyncClient):
        raise ConfigurationError(f"http_client is {shown(http_client)}: pass an httpx.AsyncClient")
    if http_client.is_closed:
        raise ClientClosedError("http_client is closed: pass one that is open, and close it after AsyncAdjust")
    if http_client.params:
        raise ConfigurationError(
            "http_client has params, which would be added to the query of every request: make it without them"
        )
    return http_client
