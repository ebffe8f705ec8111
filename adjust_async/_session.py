"""The one path of every request: retry [ limits [ transport ] ], then decode."""

import asyncio
import logging
import ssl
import time
from collections.abc import Coroutine
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote, urlencode

import httpx

from adjust_async._arguments import shown
from adjust_async._json import dumps
from adjust_async._limits import Limits, PauseOutlastsDeadlineError
from adjust_async._transport import PooledTransport
from adjust_async._version import __version__
from adjust_async._wire import Answer, RequestSpec, raise_for_status
from adjust_async.config import Config, Retry
from adjust_async.errors import (
    IN_DOUBT,
    AdjustError,
    APIConnectionError,
    APITimeoutError,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    PoolExhaustedError,
    RateLimitError,
    redact,
)

__all__ = ["Session"]

T = TypeVar("T")

logger = logging.getLogger("adjust_async")

#: Seconds to wait for a connection at most, within the time that the attempt has.
CONNECT_TIMEOUT = 10.0


class _Where(TypedDict):
    method: str
    path: str


class _Call(Generic[T]):
    """One call on its way through its attempts: what the error needs to know when its time is up."""

    __slots__ = ("deadline", "error", "sending", "spec")

    def __init__(self, spec: RequestSpec[T], deadline: float | None) -> None:
        self.spec = spec
        self.deadline = deadline
        self.sending = False
        self.error: AdjustError | None = None


class Session:
    """Sends requests for all resources of one client, and owns what lives as long as the client does.

    It may be opened and closed in different tasks, and be used by any number of them in between.
    """

    def __init__(self, config: Config, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.config = config
        self.limits = Limits(max_concurrency=config.max_concurrency, max_rate=config.max_rate, burst=config.burst)
        if transport is not None and not isinstance(transport, httpx.AsyncBaseTransport):
            raise ConfigurationError(f"transport is {shown(transport)}: give an httpx.AsyncBaseTransport")
        self.transport = PooledTransport(config.max_concurrency) if transport is None else transport
        self._http = httpx.AsyncClient(transport=self.transport, timeout=_timeouts(config.timeout), trust_env=False)
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": f"adjust_async/{__version__}",
        }
        # What is slow to import is imported now: not with the package, and not in the event loop at the first answer.
        import orjson  # noqa: F401 - as above

        from adjust_async._convert import prepare
        from adjust_async._retry import retrying

        prepare()
        self._retrying = retrying
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
        deadline = None if self.config.deadline is None else loop.time() + self.config.deadline
        call = _Call(spec, deadline)
        try:
            async with asyncio.timeout_at(deadline) as scope:
                self._calls.add(scope)
                try:
                    return await self._attempts(call)
                finally:
                    self._end(scope)
        except TimeoutError:
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
        await self._http.aclose()

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

        def tell(error: AdjustError, failed: int, wait: float) -> None:
            self._tell_of_retry(Retry(method=spec.method, path=spec.path, attempt=failed, wait=wait, error=error))

        again = self._retrying(
            spec.method, max_attempts=self.config.max_attempts, deadline=call.deadline, before_sleep=tell
        )
        return await again(attempt)

    async def _attempt(self, call: _Call[T]) -> T:
        """Send once and read the answer. The permit is given back before the answer is decoded."""
        spec = call.spec
        call.sending = False
        try:
            try:
                await self.limits.acquire(call.deadline)
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
                answer = await self._send(spec)
            finally:
                self.limits.release()
            raise_for_status(answer)
            return spec.decode(answer)
        except AdjustError as error:
            # What the service echoes is told in errors, and must not be the token.
            call.error = redact(error, self.config.token.redact)
            if isinstance(error, RateLimitError) and error.retry_after is not None:
                self.limits.pause(error.retry_after)
            raise

    async def _send(self, spec: RequestSpec[Any]) -> Answer:
        request = self._build(spec)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.config.timeout):
                response = await self._http.send(request)
        except TimeoutError:
            raise APITimeoutError(
                f"no whole answer within timeout={self.config.timeout:g} s",
                method=spec.method,
                path=spec.path,
            ) from None
        except httpx.HTTPError as error:
            shows_token = self.config.token.redact(str(error)) != str(error)
            raise _connection_error(spec, error, self.config.api_url) from (None if shows_token else error)
        if logger.isEnabledFor(logging.DEBUG):
            seconds = time.perf_counter() - started
            logger.debug("%s %s answered %d in %.3f s", spec.method, spec.path, response.status_code, seconds)
        return Answer(
            method=spec.method,
            path=spec.path,
            status=response.status_code,
            headers=response.headers,
            body=response.content,
        )

    def _build(self, spec: RequestSpec[Any]) -> httpx.Request:
        url = f"{self.config.api_url}{spec.path}"
        if spec.query:
            url += "?" + urlencode(spec.query, quote_via=quote)
        headers = {**self._headers, "Authorization": f"Token token={self.config.token.reveal()}"}
        if spec.body is None:
            return httpx.Request(spec.method, url, headers=headers)
        headers["Content-Type"] = "application/json"
        return httpx.Request(spec.method, url, headers=headers, content=dumps(spec.body))

    def _out_of_time(self, call: _Call[Any]) -> AdjustError:
        where = _Where(method=call.spec.method, path=call.spec.path)
        if self._closed:
            doubt = f". {IN_DOUBT}" if call.spec.method == "POST" and call.sending else ""
            return _closed_error(f"{call.spec.method} {call.spec.path} was under way{doubt}")
        within = f"within deadline={self.config.deadline:g} s"
        if call.sending:
            return APITimeoutError(f"no whole answer {within}", **where)
        config = self.config
        rate = "" if config.max_rate is None else f", and {config.max_rate:g} be sent a second"
        return PoolExhaustedError(
            f"it was not its turn {within}: {config.max_concurrency} requests may run at a time{rate}. Start fewer "
            "calls at once, or raise max_concurrency, max_rate or deadline",
            **where,
            sent=False,
        )

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


def _timeouts(attempt: float | None) -> httpx.Timeout:
    """Split the time of an attempt, so that one that found no connection ends as that, and not as one that was sent."""
    connection = CONNECT_TIMEOUT if attempt is None else min(attempt / 2, CONNECT_TIMEOUT)
    return httpx.Timeout(attempt, connect=connection, pool=connection)


def _connection_error(spec: RequestSpec[Any], error: httpx.HTTPError, url: str) -> AdjustError:
    """Give the error of the tree that an error of httpx stands for."""
    words = str(error) or type(error).__name__
    where = _Where(method=spec.method, path=spec.path)
    match error:
        case httpx.PoolTimeout():
            return PoolExhaustedError(f"no free connection: {words}", **where, sent=False)
        case httpx.TimeoutException():
            # ConnectTimeout too counts as sent: there is a transport that says so of a POST whose answer got lost.
            return APITimeoutError(f"{type(error).__name__}: {words}", **where)
        case httpx.ConnectError() if certificate := _certificate_problem(error):
            return APIConnectionError(
                f"the certificate of {url} is not trusted: {certificate}. Behind a proxy that "
                "inspects TLS, set SSL_CERT_FILE to its certificate authority",
                **where,
                sent=False,
                transient=False,
            )
        case httpx.ConnectError():
            return APIConnectionError(f"could not connect to {url}: {words}", **where, sent=False)
        case httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return APIConnectionError(words, **where, sent=False, transient=False)
        case httpx.DecodingError():
            return DecodeError(f"the body can't be unpacked: {words}", location="$", **where, malformed=True)
        case _:
            return APIConnectionError(f"the connection broke: {words}", **where)


def _certificate_problem(error: BaseException) -> str | None:
    """Find out whether a connection failed for a certificate, which httpx tells in the chain of causes only."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return None


def _closed_error(detail: str = "make a new AsyncAdjust for further calls") -> ClientClosedError:
    return ClientClosedError(f"the client is closed: {detail}")
