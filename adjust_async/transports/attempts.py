"""The requests of a transport in flight: their number, how far each got, and their end when the transport closes."""

import asyncio
import ipaddress
from types import TracebackType
from typing import Self

import anyio
import httpx

from adjust_async.transports.failures import ConnectError, ConnectTimeout
from adjust_async.transports.origins import Origin
from adjust_async.transports.proxies import Proxy

__all__ = ["Attempt", "Attempts", "timeout_of", "words_of"]

#: Seconds without an answer after which a cancelled request counts as failed.
SILENCE = 1.0


class Attempts:
    """The requests of one transport: a limited number to each origin, and all of them ended by `end`."""

    def __init__(self, most: int) -> None:
        self.closed = False
        self._most = most
        self._slots: dict[Origin, anyio.Semaphore] = {}
        self._scopes: set[asyncio.Timeout] = set()

    def add(self, scope: asyncio.Timeout) -> None:
        """Register a scope that `end` expires."""
        self._scopes.add(scope)

    def discard(self, scope: asyncio.Timeout) -> None:
        """Unregister a scope."""
        self._scopes.discard(scope)

    async def take_slot(self, origin: Origin, request: httpx.Request) -> None:
        """Wait until the request may start.

        Raises:
            httpx.PoolTimeout: The wait exceeded the `pool` timeout.
            httpx.ConnectError: The transport is closed.
        """
        if self.closed:
            raise ConnectError("the transport is closed", request=request)
        slots = self._slots.get(origin)
        if slots is None:
            slots = self._slots[origin] = anyio.Semaphore(self._most, max_value=self._most, fast_acquire=True)
        try:
            slots.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait(slots, request)

    def free_slot(self, origin: Origin) -> None:
        """Let the next request to the origin start."""
        self._slots[origin].release()

    def end(self) -> None:
        """End every request that waits for a slot, connects, or waits for the head of its answer."""
        self.closed = True
        now = asyncio.get_running_loop().time()
        for scope in self._scopes:
            if not scope.expired():
                scope.reschedule(now)

    async def _wait(self, slots: anyio.Semaphore, request: httpx.Request) -> None:
        seconds = timeout_of(request, "pool")
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                self._scopes.add(scope)
                await slots.acquire()
        except TimeoutError:
            if self.closed:
                raise ConnectError("the transport was closed", request=request) from None
            words = f"all {self._most} connections stayed busy for {seconds:g} s"
            raise httpx.PoolTimeout(words, request=request) from None
        finally:
            self._scopes.discard(scope)


class Attempt:
    """One request until the head of its answer arrives.

    As a context manager, it limits the time until the request is started to the `connect` timeout. That includes the
    name lookup, the TLS handshake, and waiting for a proxy.

    Attributes:
        begun: Whether a byte of the request may have been sent.
        reused: Whether its connection had carried an answer before.
        watched: Whether the layers below reported anything about it. A mock in their place does not.
    """

    def __init__(self, attempts: Attempts, request: httpx.Request, origin: Origin, proxy: Proxy | None) -> None:
        self.request, self.origin, self.proxy = request, origin, proxy
        self.begun = False
        self.reused = False
        self.watched = False
        self.started = asyncio.get_running_loop().time()
        self._attempts = attempts
        self._seconds = timeout_of(request, "connect")
        if self._seconds is None and proxy is not None:
            self._seconds = timeout_of(request, "read")  # the timeout for the proxy's answer to `CONNECT` then
        self._scope = asyncio.timeout(self._seconds)
        self._failure: httpx.TransportError | None = None
        self._over = False
        self._look_up: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        if self._attempts.closed:
            raise self.closed_error()
        await self._scope.__aenter__()
        self._attempts.add(self._scope)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._attempts.discard(self._scope)
        try:
            await self._scope.__aexit__(kind, error, traceback)
        except TimeoutError:
            raise self._failure or (self.closed_error() if self.closed else self.timeout_error()) from None
        finally:
            self._over = True
            if self._look_up is not None:
                self._look_up.cancel()

    @property
    def closed(self) -> bool:
        """Whether the transport was closed meanwhile."""
        return self._attempts.closed

    def connect(self) -> None:
        """Note that a connection is being opened."""
        self.reused = False
        host = self.proxy.address.rpartition(":")[0] if self.proxy else self.origin.host
        if self._look_up is None and not _is_address(host.strip("[]")):
            # asyncio resolves names in the same threads, in order. As long as this has not run, the name lookup that
            # follows has not run either.
            self._look_up = asyncio.get_running_loop().run_in_executor(None, _nothing)

    def begin(self) -> None:
        """Note that the request is about to be written. From now on, only its `read` and `write` timeouts count."""
        if not self.begun:
            self.begun = True
            if not self._scope.expired():
                self._scope.reschedule(None)

    def retract(self) -> None:
        """Note that nothing was written after all."""
        self.begun = False

    def end(self, failure: httpx.TransportError) -> None:
        """End the request with an error, unless the head of its answer has arrived."""
        if not self._over and not self._scope.expired():
            self._failure = failure
            self._scope.reschedule(asyncio.get_running_loop().time())

    def was_dead(self, error: BaseException) -> bool:
        """Return whether an idle connection had died, according to its error. Others of the same age are then dead too.

        A cancelled request says nothing about its connection, unless the caller had waited for some time.
        """
        waited = asyncio.get_running_loop().time() - self.started
        return self.reused and (waited >= SILENCE or not isinstance(error, asyncio.CancelledError))

    def closed_error(self) -> httpx.TransportError:
        """Return the error of a request that was ended by closing its transport."""
        kind = httpx.ReadError if self.begun else ConnectError
        return kind("the transport was closed", request=self.request)

    def timeout_error(self) -> httpx.TransportError:
        """Return the error of a request that got no connection in time."""
        within = "in time" if self._seconds is None else f"within {self._seconds:g} s"
        words = f"no connection to {self.origin}{self._over_proxy} {within}"
        if self._look_up is not None and not self._look_up.done():
            words += (
                ": the name lookup waited for a thread of the event loop's default executor, which the "
                "application keeps busy"
            )
        return ConnectTimeout(words, request=self.request)

    def words(self, error: BaseException) -> str:
        """Return the text for a connection that could not be opened."""
        return f"no connection{self._over_proxy}: {words_of(error)}" if self.proxy else words_of(error)

    @property
    def _over_proxy(self) -> str:
        return f" over the proxy {self.proxy}" if self.proxy else ""


def timeout_of(request: httpx.Request, name: str) -> float | None:
    """Return the `connect`, `read`, `write` or `pool` timeout of a request in seconds; `None` for no limit."""
    seconds: float | None = request.extensions.get("timeout", {}).get(name)
    return seconds


def words_of(error: BaseException) -> str:
    """Return the text of the innermost cause that has one. That of anyio only says that all attempts failed."""
    words = ""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):
            return "; ".join(dict.fromkeys(map(str, cause.exceptions)))
        words = str(cause) or words
        cause = cause.__cause__ or cause.__context__  # httpcore cuts the former
    return words or "the connection was closed"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _nothing() -> None:
    """Occupy a thread."""
