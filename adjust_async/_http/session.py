"""The session of a client: what lives as long as the client does."""

import asyncio
import contextlib
import copy
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

import httpx

from adjust_async._checks import shown
from adjust_async._concurrency import running_loop
from adjust_async._http.call import Call, Shared, closed_error
from adjust_async._http.decoding import DecodingThread
from adjust_async._http.messages import RequestSpec
from adjust_async._http.services import hosts, services
from adjust_async._records import prepare
from adjust_async._telemetry import load
from adjust_async.config import Config
from adjust_async.coordination.protocol import Coordinator, Member
from adjust_async.errors import ClientClosedError, ConfigurationError
from adjust_async.transports import PooledTransport

__all__ = ["Session"]

T = TypeVar("T")

#: What the calls of a client share, for each client whose task or operation the running code belongs to.
_under_way: ContextVar[tuple[Shared, ...]] = ContextVar("adjust_async_under_way", default=())


class Session:
    """Sends the requests of all resources of one client, and owns its tasks and connections.

    It may be opened and closed in different tasks, and any number of tasks may use it in between.
    """

    def __init__(self, config: Config, coordinator: Coordinator, http_client: httpx.AsyncClient | None = None) -> None:
        __tracebackhide__ = True
        self.config = config
        self._owns_client = http_client is None
        client = _own_client(config) if http_client is None else _checked(http_client)
        self._shared = Shared(config, client, DecodingThread(), coordinator.join(hosts(config)), load())
        self._services = services(config, client)
        if self._shared.telemetry is not None:
            member = self._shared.member
            self._shared.telemetry.watch(self._shared, lambda: member.permits_out)
        prepare()
        self._calls: set[Call[Any]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._operations: set[object] = set()
        self._on_drain: set[Callable[[], None]] = set()
        self._something_ended = asyncio.Event()

    def with_config(self, config: Config) -> "Session":
        """Return a view of this session with other settings that shares everything else."""
        view = copy.copy(self)
        view.config = config
        same_hosts = {name: service.with_options(config) for name, service in self._services.items()}
        view._services = same_hosts  # noqa: SLF001 - of this class
        return view

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
        """The number of calls in flight, including those that wait for a permit or for their next attempt."""
        return len(self._calls)

    @property
    def permits(self) -> int:
        """The number of permits in use, for both hosts."""
        return self.member.permits_out

    @property
    def member(self) -> Member:
        """The client's membership in its coordinator."""
        return self._shared.member

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that `aclose` cancels after the time for draining.

        Raises:
            ClientClosedError: The session is closed or draining.
        """
        if not self._is_open():
            coroutine.close()
            raise closed_error()
        try:
            loop = running_loop()
        except ConfigurationError:
            coroutine.close()
            raise
        context = copy_context()
        context.run(_under_way.set, (*_under_way.get(), self._shared))
        task = loop.create_task(coroutine, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._ended(self._tasks))
        return task

    @contextlib.contextmanager
    def operation(self, name: str, **about: str | int | None) -> Iterator[None]:
        """Make all calls in this block one operation. Its later calls are allowed while draining.

        The operation has a span with the attributes `about`.

        Raises:
            ClientClosedError: The session is closed or draining.
        """
        __tracebackhide__ = True
        if not self._is_open():
            raise closed_error()
        mark = object()
        self._operations.add(mark)
        token = _under_way.set((*_under_way.get(), self._shared))
        try:
            with self.span(name, **about):
                yield
        finally:
            _under_way.reset(token)
            self._ended(self._operations)(mark)

    def span(self, name: str, **about: str | int | None) -> contextlib.AbstractContextManager[object]:
        """Return a span for the work in a block."""
        telemetry = self._shared.telemetry
        if telemetry is None or not telemetry.traces():
            return contextlib.nullcontext()
        return telemetry.span(name, {f"adjust.{key}": value for key, value in about.items()})

    @contextlib.contextmanager
    def stopped_by_drain(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call `stop` if `aclose` starts to drain during this block."""
        self._on_drain.add(stop)
        try:
            yield
        finally:
            self._on_drain.discard(stop)

    @property
    def draining(self) -> bool:
        """Whether `aclose` was called with a time to drain."""
        return self._shared.draining

    async def request(self, spec: RequestSpec[T]) -> T:
        """Send a request, retry it if that helps and does no harm, and return what the spec makes of the answer.

        Raises:
            APIStatusError: The service answered with an error.
            APIConnectionError: There was no answer, or not in time.
            DecodeError: The answer differs from what the API documents.
            ClientClosedError: The session is closed, or was closed meanwhile.
        """
        __tracebackhide__ = True
        if not self._is_open():
            raise closed_error()
        loop = running_loop()
        if self._shared.loop is not loop:
            self._bind(loop)
        if self.config.token.is_in(spec.path):
            raise ConfigurationError("the API token was passed as an app token or a tracker token: URLs get logged")
        call = Call(spec, self._services[spec.service], self._shared)
        self._calls.add(call)
        try:
            return await call.run()
        finally:
            self._ended(self._calls)(call)

    async def aclose(self, drain: float = 0.0) -> None:
        """Let calls in flight end within `drain` seconds. Then cancel them and all tasks, and close the connections."""
        running_loop()
        try:
            if drain and self._is_open():
                await self._drain(drain)
        finally:
            await self._close()

    async def _drain(self, seconds: float) -> None:
        self._shared.draining = True
        for stop in list(self._on_drain):
            stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._calls or self._tasks or self._operations:
                    await self._wait_for_an_end()

    async def _close(self) -> None:
        self._shared.closed = True
        loop = self._shared.loop
        if loop is not None and loop.is_closed():
            return  # its connections and tasks have ended with it
        for call in self._calls:
            call.end()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        while self._calls:
            await self._wait_for_an_end()
        try:
            await self.member.aclose()
        finally:
            self._shared.thread.close()
            if self._owns_client:
                await self.client.aclose()

    def _is_open(self) -> bool:
        """Return whether the running code may make calls."""
        return not self.closed and (not self._shared.draining or self._shared in _under_way.get())

    def _ended(self, things: set[T]) -> Callable[[T], None]:
        """Return a callback that removes a finished item."""

        def end(thing: T) -> None:
            things.discard(thing)
            self._something_ended.set()

        return end

    async def _wait_for_an_end(self) -> None:
        self._something_ended.clear()
        await self._something_ended.wait()

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._shared.loop is not None:
            raise ConfigurationError("the client is used in a second event loop: create one AsyncAdjust for each loop")
        self._shared.loop = loop
        self._shared.is_left_open = self._owns_client


def _own_client(config: Config) -> httpx.AsyncClient:
    # An emulator serves both hosts at one URL, and each host has permits of its own.
    connections = config.max_concurrency * (2 if config.api.url == config.reports.url else 1)
    client = httpx.AsyncClient(transport=PooledTransport(connections))
    # A cookie jar that refuses all cookies would do too, but asking it costs 40 µs per answer.
    client.cookies.extract_cookies = _store_no_cookies  # type: ignore[method-assign]
    return client


def _store_no_cookies(response: httpx.Response) -> None:
    """Take no cookies from a response."""


def _checked(http_client: object) -> httpx.AsyncClient:
    """Check the httpx client that the caller passed."""
    if not isinstance(http_client, httpx.AsyncClient):
        raise ConfigurationError(f"http_client is {shown(http_client)}: pass an httpx.AsyncClient")
    if http_client.is_closed:
        raise ClientClosedError("http_client is closed: pass one that is open, and close it after AsyncAdjust")
    if http_client.params:
        raise ConfigurationError(
            "http_client has params, which would be added to the query of every request: create it without them"
        )
    # With http2=True, its library writes every header, and so the API token, to its debug log.
    logging.getLogger("hpack").setLevel(logging.INFO)
    return http_client
