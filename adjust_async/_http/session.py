"""The one path of every request: retry [ limits [ transport ] ], then decode."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any, Generic, Self, TypeVar, cast

import httpx

from adjust_async._checks import shown
from adjust_async._http.connection_errors import Where, connection_error
from adjust_async._http.decoding import Aside, Turns
from adjust_async._http.documents import LARGE, optional_integer
from adjust_async._http.error_answers import raise_for_status
from adjust_async._http.limits import PauseOutlastsDeadlineError
from adjust_async._http.messages import Answer, RequestSpec
from adjust_async._http.requests import RequestBuilder
from adjust_async._http.services import Service, services
from adjust_async.config import Config, Retry
from adjust_async.errors import (
    IN_DOUBT,
    AdjustError,
    APITimeoutError,
    ClientClosedError,
    ConfigurationError,
    PoolExhaustedError,
    RateLimitError,
    redact,
)
from adjust_async.transports.pooled import PooledTransport

__all__ = ["Session"]

T = TypeVar("T")

logger = logging.getLogger("adjust_async")

#: Characters that an API token of Adjust has at least, by far.
SHORTEST_TOKEN = 8

#: Seconds for which a 429 that asks for nothing lets no request begin.
UNASKED_PAUSE = 0.25


class _Call(Generic[T]):
    """One call on its way through its attempts: what the error needs to know when its time is up."""

    __slots__ = ("deadline", "error", "kept", "scope", "sending", "service", "spec")

    def __init__(self, spec: RequestSpec[T], service: Service, deadline: float | None, scope: asyncio.Timeout) -> None:
        self.spec = spec
        self.service = service
        self.deadline = deadline
        self.scope = scope
        self.sending = False
        self.kept = False
        self.error: AdjustError | None = None


class Session:
    """Sends requests for all resources of one client, and owns what lives as long as the client does.

    It may be opened and closed in different tasks, and be used by any number of them in between.
    """

    def __init__(self, config: Config, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.config = config
        self._services = services(config)
        token = config.token.reveal()
        self._requests = {name: RequestBuilder(service, token) for name, service in self._services.items()}
        if transport is not None and not isinstance(transport, httpx.AsyncBaseTransport):
            raise ConfigurationError(f"transport is {shown(transport)}: give an httpx.AsyncBaseTransport")
        # An emulator is both hosts in one, and each has permits of its own.
        connections = config.max_concurrency * (2 if config.api_url == config.reports_url else 1)
        self.transport = PooledTransport(connections) if transport is None else transport
        # What is slow to import is imported now: not with the package, and not in the event loop at the first answer.
        import orjson  # noqa: F401 - as above

        from adjust_async._http.retry import may_retry, retrying
        from adjust_async._records import prepare

        prepare()
        self._may_retry, self._retrying = may_retry, retrying
        self._turns, self._aside = Turns(), Aside()
        self._calls: set[asyncio.Timeout] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether `aclose` was called."""
        return self._closed

    @property
    def calls(self) -> int:
        """How many calls are under way, those that wait for a permit or for their next attempt among them."""
        return len(self._calls)

    @property
    def permits(self) -> int:
        """How many permits are out, of both hosts."""
        return sum(service.limits.in_use for service in self._services.values())

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that `aclose` cancels.

        Raises:
            ClientClosedError: The session is closed.
        """
        if self._closed:
            coroutine.close()
            raise _closed_error()
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def request(self, spec: RequestSpec[T]) -> T:
        """Send a request, again where that helps and harms nothing, and give what `spec.decode` makes of the answer.

        Raises:
            APIStatusError: The service answered with an error.
            APIConnectionError: There was no answer, or none in time.
            DecodeError: The answer was not what the API documents.
            ClientClosedError: The session is closed, or was closed meanwhile.
        """
        if self._closed:
            raise _closed_error()
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._bind(loop)
        service = self._services[spec.service]
        deadline = None if service.deadline is None else loop.time() + service.deadline
        scope = asyncio.timeout_at(deadline)
        call = _Call(spec, service, deadline, scope)
        try:
            async with scope:
                self._calls.add(scope)
                try:
                    return await self._attempts(call)
                finally:
                    self._end(scope)
        except TimeoutError:
            if not scope.expired():
                raise  # a function of the caller's raised it
            raise self._out_of_time(call) from call.error

    async def aclose(self) -> None:
        """End the calls that are under way with `ClientClosedError`, end the tasks, and close the connections."""
        self._closed = True
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop.is_closed():
            return  # and its connections and tasks ended with it
        for scope in self._calls:
            if not scope.expired():
                scope.reschedule(loop.time())
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._calls:
            await self._ended.wait()
        self._aside.close()
        await self.transport.aclose()

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not None:
            raise ConfigurationError("the client is used in a second event loop: make one AsyncAdjust for each loop")
        self._loop = loop

    def _end(self, scope: asyncio.Timeout) -> None:
        self._calls.discard(scope)
        if self._closed and not self._calls:
            self._ended.set()

    async def _attempts(self, call: _Call[T]) -> T:
        try:
            return await self._attempt(call)
        except AdjustError as error:
            first_failure: AdjustError | None = error
        spec = call.spec

        async def attempt() -> T:
            # Most calls succeed at once, and for them tenacity would be a tenth of the cost: so it begins only now, and
            # is told of the first attempt as if it had made it.
            nonlocal first_failure
            if first_failure is not None:
                error, first_failure = first_failure, None
                raise error
            return await self._attempt(call)

        def may(error: BaseException) -> bool:
            return not call.kept and self._may_retry(spec.method, error)

        def tell(error: AdjustError, failed: int, wait: float) -> None:
            self._tell_of_retry(Retry(method=spec.method, path=spec.path, attempt=failed, wait=wait, error=error))

        again = self._retrying(
            may, max_attempts=self.config.max_attempts, deadline=lambda: call.deadline, before_sleep=tell
        )
        return await again(attempt)

    async def _attempt(self, call: _Call[T]) -> T:
        """Send once and read the answer. The permit is given back before the answer is decoded."""
        spec, limits = call.spec, call.service.limits
        call.sending = False
        try:
            try:
                await limits.acquire(call.deadline)
            except PauseOutlastsDeadlineError as pause:
                raise RateLimitError(
                    "an earlier request of this client was answered 429, and the pause outlasts the deadline",
                    status=429,
                    method=spec.method,
                    path=spec.path,
                    retry_after=pause.seconds,
                ) from None
            try:
                call.sending = True
                answer = await self._exchange(call)
            finally:
                limits.release()
            if not isinstance(answer, Answer):
                return answer
            if len(answer.body) < LARGE:
                await self._turns.take()
                return self._decode(spec, answer)
            return await self._aside.run(partial(self._decode, spec, answer))
        except AdjustError as error:
            # What the service echoes is told in errors, and must not be the token.
            call.error = redact(error, self.config.token.redact)
            if isinstance(error, RateLimitError):
                limits.pause(UNASKED_PAUSE if error.retry_after is None else error.retry_after)
            raise

    def _decode(self, spec: RequestSpec[T], answer: Answer) -> T:
        try:
            raise_for_status(answer)
            return spec.decode(answer)
        except AdjustError:
            # What the service echoes is told in errors, cut where it is long, and must not be a part of the token.
            clean = self._without_token(answer)
            if clean is answer:
                raise
            failed = clean
        raise_for_status(failed)
        return spec.decode(failed)

    def _without_token(self, answer: Answer) -> Answer:
        token = self.config.token.reveal().encode()
        # Out of what has a shorter one, such as the `token` of some test, it would take the keys of JSON.
        if len(token) < SHORTEST_TOKEN or token not in answer.body:
            return answer
        return answer._replace(body=answer.body.replace(token, b"***"))

    async def _exchange(self, call: _Call[T]) -> Answer | T:
        """Send the request; give the answer, or what the spec's own receiver makes of its body."""
        spec, service = call.spec, call.service
        request = self._requests[spec.service].build(spec)
        started = time.perf_counter()
        scope = asyncio.timeout(service.timeout)
        try:
            async with scope:
                response = await self.transport.handle_async_request(request)
                response.request = request
                try:
                    if spec.receive is not None and response.is_success:
                        self._tell_of_answer(spec, response, started)
                        async with aclosing(_ArrivingBody(self, call, scope, response)) as body:
                            return await spec.receive(body)
                    content = await response.aread()
                finally:
                    await response.aclose()
        except TimeoutError:
            if not scope.expired():
                raise  # a function of the caller's raised it
            raise APITimeoutError(
                f"no whole answer within {service.prefix}timeout={service.timeout:g} s",
                method=spec.method,
                path=spec.path,
            ) from None
        except httpx.HTTPError as error:
            shows_token = self.config.token.redact(str(error)) != str(error)
            raise connection_error(spec, error, service.url) from (None if shows_token else error)
        self._tell_of_answer(spec, response, started)
        return Answer(spec.method, spec.path, response.status_code, response.headers, content)

    def _out_of_time(self, call: _Call[Any]) -> AdjustError:
        service = call.service
        where = Where(method=call.spec.method, path=call.spec.path)
        if self._closed:
            doubt = f". {IN_DOUBT}" if call.spec.method == "POST" and call.sending else ""
            return _closed_error(f"{call.spec.method} {call.spec.path} was under way{doubt}")
        within = f"within {service.prefix}deadline={service.deadline:g} s"
        if call.sending:
            return APITimeoutError(f"no whole answer {within}", **where)
        rate = "" if service.max_rate is None else f", and {service.max_rate:g} be sent a second"
        return PoolExhaustedError(
            f"it was not its turn {within}: {self.config.max_concurrency} requests may run at a time{rate}. Start "
            f"fewer calls at once, or raise max_concurrency, {service.prefix}max_rate or {service.prefix}deadline",
            **where,
            sent=False,
        )

    def _tell_of_answer(self, spec: RequestSpec[Any], response: httpx.Response, started: float) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            seconds = time.perf_counter() - started
            logger.debug("%s %s answered %d in %.3f s", spec.method, spec.path, response.status_code, seconds)

    def _tell_of_retry(self, retry: Retry) -> None:
        logger.warning(
            "attempt %d of %d failed, the next one begins in %.2f s: %s",
            retry.attempt,
            self.config.max_attempts,
            retry.wait,
            retry.error,
        )
        if self.config.on_retry is not None:
            self.config.on_retry(retry)


class _ArrivingBody:
    """A body as it arrives, which runs the clocks of its call while it waits for the service, and no longer."""

    def __init__(self, session: Session, call: _Call[Any], attempt: asyncio.Timeout, response: httpx.Response) -> None:
        self.status = response.status_code
        packed = "content-encoding" in response.headers
        self.length = None if packed else optional_integer(response.headers.get("content-length"))
        self._session = session
        self._call = call
        self._attempt = attempt
        self._response = response
        self._pieces = cast("AsyncGenerator[bytes, None]", response.aiter_bytes())
        self._loop = asyncio.get_running_loop()
        self._stopped: float | None = None
        self._stop_clocks()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Wait for the next piece."""
        if self._session.closed:
            raise _closed_error(f"{self._call.spec.method} {self._call.spec.path} was under way")
        self._run_clocks()
        piece = await anext(self._pieces, None)
        self._stop_clocks()
        if piece is None:
            raise StopAsyncIteration
        return piece

    def keep(self) -> None:
        """Say that something of this answer is out of the call's hands, so that no further attempt may be made."""
        self._call.kept = True

    async def aclose(self) -> None:
        """Close the answer, and let the clocks run again."""
        self._run_clocks()
        try:
            await self._pieces.aclose()
        finally:
            await self._response.aclose()

    def _stop_clocks(self) -> None:
        self._stopped = self._loop.time()
        self._set(None, None)

    def _run_clocks(self) -> None:
        call, timeout, now = self._call, self._call.service.timeout, self._loop.time()
        if self._stopped is not None and call.deadline is not None:
            call.deadline += now - self._stopped
        self._stopped = None
        self._set(None if timeout is None else now + timeout, call.deadline)

    def _set(self, attempt: float | None, call: float | None) -> None:
        for scope, when in ((self._attempt, attempt), (self._call.scope, call)):
            if not scope.expired() and not self._session.closed:
                scope.reschedule(when)


def _closed_error(detail: str = "make a new AsyncAdjust for further calls") -> ClientClosedError:
    return ClientClosedError(f"the client is closed: {detail}")
